// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <glassnmr/tensor_model.hpp>

#include "atoms.hpp"
#include "uncertainty.hpp"

namespace {

using glassnmr::TensorModel;
using glassnmr::TensorModelParts;
using glassnmr::TensorPart;

TensorPart make_part(const std::shared_ptr<glassnmr::Equivariants>& equivariants,
                     const std::string& kernel, double kappa, int degree, double offset,
                     const Array& landmarks, const Array& weights) {
    require_shape(landmarks, "landmarks", {-1, -1});
    require_shape(weights, "weights",
                  {landmarks.shape(0), static_cast<py::ssize_t>(equivariants->n_equivariants())});
    const auto copy = [](const Array& a) {
        return std::vector<double>(a.data(), a.data() + a.size());
    };
    return {equivariants,
            {glassnmr::kernel_kind(kernel), kappa, degree, offset},
            static_cast<std::size_t>(landmarks.shape(0)),
            copy(landmarks),
            copy(weights)};
}

TensorModel make(const std::shared_ptr<glassnmr::Descriptor>& descriptor,
                 const std::vector<std::string>& species, const std::string& isotope,
                 const std::string& centre, const std::string& tensor,
                 const std::vector<TensorPart>& parts, const py::object& isotropic,
                 const std::string& provenance,
                 const std::optional<glassnmr::Uncertainty>& uncertainty) {
    TensorModelParts p;
    if (uncertainty) p.uncertainty = std::make_shared<glassnmr::Uncertainty>(*uncertainty);
    p.isotope = isotope;
    p.centre = centre;
    p.species = species;
    p.tensor = tensor;
    p.descriptor = descriptor;
    p.parts = parts;
    if (!isotropic.is_none()) {
        p.isotropic = std::make_shared<const glassnmr::Model>(
            isotropic.cast<const glassnmr::Model&>().parts());
    }
    p.provenance = provenance;
    return TensorModel(std::move(p));
}

/// tensors (n, 3, 3), and novelty (n) when it is wanted.
std::pair<Array, Array> predict_both(const TensorModel& model, const Array& positions,
                                     const Array& cell, const std::array<bool, 3>& pbc,
                                     const Int32Array& species, const Int64Array& centres,
                                     bool with_novelty, int n_threads) {
    const glassnmr::Atoms atoms = atoms_view(positions, cell, pbc, &species);
    require_shape(centres, "centres", {-1});
    Array out({centres.shape(0), py::ssize_t{3}, py::ssize_t{3}});
    Array novelty(with_novelty ? centres.shape(0) : 0);
    const auto n = static_cast<std::size_t>(centres.shape(0));
    const std::int64_t* which = centres.data();
    double *to = out.mutable_data(), *novelty_to = with_novelty ? novelty.mutable_data() : nullptr;
    const py::gil_scoped_release nogil;
    model.predict(atoms, n, which, to, n_threads, novelty_to);
    return {out, novelty};
}

Array predict(const TensorModel& model, const Array& positions, const Array& cell,
              const std::array<bool, 3>& pbc, const Int32Array& species, const Int64Array& centres,
              int n_threads) {
    return predict_both(model, positions, cell, pbc, species, centres, false, n_threads).first;
}

std::pair<Array, Array> predict_with_novelty(const TensorModel& model, const Array& positions,
                                             const Array& cell, const std::array<bool, 3>& pbc,
                                             const Int32Array& species, const Int64Array& centres,
                                             int n_threads) {
    return predict_both(model, positions, cell, pbc, species, centres, true, n_threads);
}

TensorModel with_intervals(const TensorModel& model, const std::vector<std::string>& names,
                           const Array& levels, const Array& factors, double limit) {
    require_shape(levels, "levels", {-1});
    require_shape(factors, "factors", {static_cast<py::ssize_t>(names.size()), levels.shape(0)});
    TensorModelParts parts = model.parts();
    parts.uncertainty = calibrated(parts.uncertainty.get(), levels, factors, limit);
    parts.calibrated = names;
    return TensorModel(std::move(parts));
}

std::optional<py::dict> uncertainty(const TensorModel& model) {
    return told_uncertainty(model.parts().uncertainty.get());
}

std::shared_ptr<glassnmr::Descriptor> descriptor(const TensorModel& model) {
    return std::const_pointer_cast<glassnmr::Descriptor>(model.parts().descriptor);
}

std::vector<std::shared_ptr<glassnmr::Equivariants>> equivariants(const TensorModel& model) {
    std::vector<std::shared_ptr<glassnmr::Equivariants>> list;
    for (const TensorPart& part : model.parts().parts)
        list.push_back(std::const_pointer_cast<glassnmr::Equivariants>(part.equivariants));
    return list;
}

std::optional<glassnmr::Model> isotropic(const TensorModel& model) {
    if (!model.parts().isotropic) return std::nullopt;
    return glassnmr::Model(model.parts().isotropic->parts());
}

template <auto Member>
auto part(const TensorModel& model) {
    return model.parts().*Member;
}

}  // namespace

void bind_tensor_model(py::module_& m) {
    py::class_<TensorPart>(m, "TensorPart")
        .def(py::init(&make_part), py::kw_only(), "equivariants"_a, "kernel"_a, "kappa"_a,
             "degree"_a, "offset"_a, "landmarks"_a, "weights"_a);
    py::class_<TensorModel, glassnmr::LocalModel, std::shared_ptr<TensorModel>>(m, "TensorModel")
        .def(py::init(&make), py::kw_only(), "descriptor"_a, "species"_a, "isotope"_a, "centre"_a,
             "tensor"_a, "parts"_a, "isotropic"_a, "provenance"_a, "uncertainty"_a = py::none())
        .def_static("holds_tensors", &TensorModel::holds_tensors, "path"_a)
        .def_static("load", &TensorModel::load, "path"_a, py::call_guard<py::gil_scoped_release>())
        .def("save", &TensorModel::save, "path"_a, py::call_guard<py::gil_scoped_release>())
        .def("predict", &predict, "positions"_a, "cell"_a, "pbc"_a, "species"_a, "centres"_a,
             py::kw_only(), "n_threads"_a = 0)
        .def("predict_with_novelty", &predict_with_novelty, "positions"_a, "cell"_a, "pbc"_a,
             "species"_a, "centres"_a, py::kw_only(), "n_threads"_a = 0)
        .def("with_intervals", &with_intervals, "names"_a, "levels"_a, "factors"_a, "limit"_a)
        .def_property_readonly("uncertainty", &uncertainty)
        .def_property_readonly("calibrated", &part<&TensorModelParts::calibrated>)
        .def_property_readonly("species", &part<&TensorModelParts::species>)
        .def_property_readonly("isotope", &part<&TensorModelParts::isotope>)
        .def_property_readonly("centre", &part<&TensorModelParts::centre>)
        .def_property_readonly("tensor", &part<&TensorModelParts::tensor>)
        .def_property_readonly("provenance", &part<&TensorModelParts::provenance>)
        .def_property_readonly("descriptor", &descriptor)
        .def_property_readonly("equivariants", &equivariants)
        .def_property_readonly("isotropic", &isotropic);
}
