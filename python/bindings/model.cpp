// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <glassnmr/model.hpp>

#include "atoms.hpp"
#include "learning.hpp"
#include "uncertainty.hpp"

namespace {

using glassnmr::Model;
using glassnmr::ModelParts;
using glassnmr::Uncertainty;

std::vector<double> values(const Array& a) { return {a.data(), a.data() + a.size()}; }

Model make(const std::shared_ptr<glassnmr::Descriptor>& descriptor,
           const std::vector<std::string>& species, const std::string& isotope,
           const std::string& centre, const glassnmr::KernelSum& kernel, const Array& landmarks,
           const Array& weights, const Array& bias, const std::vector<std::string>& targets,
           const std::vector<std::string>& units,
           const std::optional<std::pair<double, double>>& reference, const std::string& provenance,
           const std::optional<Uncertainty>& uncertainty) {
    require_shape(landmarks, "landmarks", {-1, static_cast<py::ssize_t>(descriptor->n_features())});
    require_shape(weights, "weights",
                  {landmarks.shape(0), static_cast<py::ssize_t>(targets.size())});
    ModelParts p;
    p.isotope = isotope;
    p.centre = centre;
    p.species = species;
    p.descriptor = descriptor;
    p.kernel = kernel;
    if (uncertainty) p.uncertainty = std::make_shared<Uncertainty>(*uncertainty);
    p.n_landmarks = static_cast<std::size_t>(landmarks.shape(0));
    p.landmarks = values(landmarks);
    p.weights = values(weights);
    p.bias = values(bias);
    p.targets = targets;
    p.units = units;
    p.reference = reference;
    p.provenance = provenance;
    return Model(std::move(p));
}

/// values (n, T), and novelty (n) when it is wanted.
std::pair<Array, Array> predict_both(const Model& model, const Array& positions, const Array& cell,
                                     const std::array<bool, 3>& pbc, const Int32Array& species,
                                     const Int64Array& centres, bool with_novelty,
                                     const std::string& precision, int n_threads) {
    const glassnmr::Atoms atoms = atoms_view(positions, cell, pbc, &species);
    require_shape(centres, "centres", {-1});
    const glassnmr::Precision how = precision_named(precision);
    Array out({centres.shape(0), static_cast<py::ssize_t>(model.n_targets())});
    Array novelty(with_novelty ? centres.shape(0) : 0);
    const auto n = static_cast<std::size_t>(centres.shape(0));
    const std::int64_t* which = centres.data();
    double *to = out.mutable_data(), *novelty_to = with_novelty ? novelty.mutable_data() : nullptr;
    const py::gil_scoped_release nogil;
    model.predict(atoms, n, which, to, n_threads, novelty_to, how);
    return {out, novelty};
}

Array predict(const Model& model, const Array& positions, const Array& cell,
              const std::array<bool, 3>& pbc, const Int32Array& species, const Int64Array& centres,
              const std::string& precision, int n_threads) {
    return predict_both(model, positions, cell, pbc, species, centres, false, precision, n_threads)
        .first;
}

std::pair<Array, Array> predict_with_novelty(const Model& model, const Array& positions,
                                             const Array& cell, const std::array<bool, 3>& pbc,
                                             const Int32Array& species, const Int64Array& centres,
                                             const std::string& precision, int n_threads) {
    return predict_both(model, positions, cell, pbc, species, centres, true, precision, n_threads);
}

Uncertainty make_uncertainty(const glassnmr::VarianceParts& variance, double lam,
                             const Array& noise) {
    require_shape(noise, "noise", {-1});
    Uncertainty u;
    u.variance = variance;
    u.lam = lam;
    u.noise = values(noise);
    return u;
}

Model with_intervals(const Model& model, const Array& levels, const Array& factors, double limit,
                     double exponent, const std::string& provenance) {
    require_shape(levels, "levels", {-1});
    require_shape(factors, "factors",
                  {static_cast<py::ssize_t>(model.n_targets()), levels.shape(0)});
    ModelParts parts = model.parts();
    parts.uncertainty = calibrated(parts.uncertainty.get(), levels, factors, limit, exponent);
    parts.provenance = provenance;
    return Model(std::move(parts));
}

std::optional<py::dict> uncertainty(const Model& model) {
    return told_uncertainty(model.parts().uncertainty.get());
}

std::shared_ptr<glassnmr::Descriptor> descriptor(const Model& model) {
    return std::const_pointer_cast<glassnmr::Descriptor>(model.parts().descriptor);
}

py::list kernel(const Model& model) {
    py::list terms;
    const std::size_t all = model.descriptor().n_features();
    for (const auto& term : model.parts().kernel.terms) {
        const glassnmr::Kernel& k = term.kernel;
        terms.append(py::dict("kernel"_a = glassnmr::kernel_name(k.kind), "kappa"_a = k.kappa,
                              "degree"_a = k.degree, "offset"_a = k.offset,
                              "relevance"_a = term.weight, "first"_a = term.first,
                              "last"_a = std::min(term.last, all)));
    }
    return terms;
}

Model with_reference(const Model& model, const std::optional<std::pair<double, double>>& reference,
                     const std::string& provenance) {
    ModelParts parts = model.parts();
    parts.reference = reference;
    parts.provenance = provenance;
    return Model(std::move(parts));
}

Array landmarks(const Model& model) {
    const ModelParts& parts = model.parts();
    Array out({parts.n_landmarks, parts.landmarks.size() / parts.n_landmarks});
    std::copy(parts.landmarks.begin(), parts.landmarks.end(), out.mutable_data());
    return out;
}

template <auto Member>
auto part(const Model& model) {
    return model.parts().*Member;
}

}  // namespace

void bind_model(py::module_& m) {
    py::class_<Uncertainty>(m, "Uncertainty")
        .def(py::init(&make_uncertainty), "variance"_a, py::kw_only(), "lam"_a, "noise"_a);
    py::class_<Model, glassnmr::LocalModel, std::shared_ptr<Model>>(m, "Model")
        .def(py::init(&make), py::kw_only(), "descriptor"_a, "species"_a, "isotope"_a, "centre"_a,
             "kernel"_a, "landmarks"_a, "weights"_a, "bias"_a, "targets"_a, "units"_a,
             "reference"_a, "provenance"_a, "uncertainty"_a = py::none())
        .def_static("load", &Model::load, "path"_a, py::call_guard<py::gil_scoped_release>())
        .def("save", &Model::save, "path"_a, py::call_guard<py::gil_scoped_release>())
        .def("predict", &predict, "positions"_a, "cell"_a, "pbc"_a, "species"_a, "centres"_a,
             py::kw_only(), "precision"_a = "double", "n_threads"_a = 0)
        .def("with_reference", &with_reference, "reference"_a, py::kw_only(), "provenance"_a)
        .def_property_readonly("landmarks", &landmarks)
        .def("predict_with_novelty", &predict_with_novelty, "positions"_a, "cell"_a, "pbc"_a,
             "species"_a, "centres"_a, py::kw_only(), "precision"_a = "double", "n_threads"_a = 0)
        .def("with_intervals", &with_intervals, "levels"_a, "factors"_a, "limit"_a, py::kw_only(),
             "exponent"_a = 1.0, "provenance"_a)
        .def_property_readonly("uncertainty", &uncertainty)
        .def_property_readonly("species", &part<&ModelParts::species>)
        .def_property_readonly("isotope", &part<&ModelParts::isotope>)
        .def_property_readonly("centre", &part<&ModelParts::centre>)
        .def_property_readonly("targets", &part<&ModelParts::targets>)
        .def_property_readonly("units", &part<&ModelParts::units>)
        .def_property_readonly("reference", &part<&ModelParts::reference>)
        .def_property_readonly("provenance", &part<&ModelParts::provenance>)
        .def_property_readonly("n_landmarks", &part<&ModelParts::n_landmarks>)
        .def_property_readonly("descriptor", &descriptor)
        .def_property_readonly("kernel", &kernel);
}
