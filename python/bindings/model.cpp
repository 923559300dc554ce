// SPDX-License-Identifier: BSD-3-Clause
#include <glassnmr/model.hpp>

#include "atoms.hpp"

namespace {

using glassnmr::Model;
using glassnmr::ModelParts;

std::vector<double> values(const Array& a) { return {a.data(), a.data() + a.size()}; }

Model make(const glassnmr::Soap& soap, const std::vector<std::string>& species,
           const std::string& isotope, const std::string& centre, const std::string& kernel,
           double kappa, int degree, double offset, const Array& landmarks, const Array& weights,
           const Array& bias, const std::vector<std::string>& targets,
           const std::vector<std::string>& units,
           const std::optional<std::pair<double, double>>& reference,
           const std::string& provenance) {
    require_shape(landmarks, "landmarks", {-1, static_cast<py::ssize_t>(soap.n_features())});
    require_shape(weights, "weights",
                  {landmarks.shape(0), static_cast<py::ssize_t>(targets.size())});
    ModelParts p;
    p.isotope = isotope;
    p.centre = centre;
    p.species = species;
    p.descriptor = soap.settings();
    p.kernel = {glassnmr::kernel_kind(kernel), kappa, degree, offset};
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

Array predict(const Model& model, const Array& positions, const Array& cell,
              const std::array<bool, 3>& pbc, const Int32Array& species, const Int64Array& centres,
              int n_threads) {
    const glassnmr::Atoms atoms = atoms_view(positions, cell, pbc, &species);
    require_shape(centres, "centres", {-1});
    Array out({centres.shape(0), static_cast<py::ssize_t>(model.n_targets())});
    const auto n = static_cast<std::size_t>(centres.shape(0));
    const std::int64_t* which = centres.data();
    double* to = out.mutable_data();
    const py::gil_scoped_release nogil;
    model.predict(atoms, n, which, to, n_threads);
    return out;
}

/// Settings of the descriptor by the names that SphericalBesselSOAP takes.
py::dict descriptor(const Model& model) {
    const glassnmr::SoapSettings& s = model.parts().descriptor;
    py::list body, weights;
    if (s.two_body) body.append(2), weights.append(s.two_body_weight);
    if (s.three_body) body.append(3), weights.append(s.three_body_weight);
    py::object mixing = py::none(), scaling = py::none();
    if (!s.mixing.empty()) {
        const auto columns = static_cast<py::ssize_t>(s.n_species);
        mixing =
            Array({static_cast<py::ssize_t>(s.mixing.size()) / columns, columns}, s.mixing.data());
    }
    if (s.radial.scaling_radius > 0)
        scaling = py::make_tuple(s.radial.scaling_radius, s.radial.scaling_exponent);
    return py::dict("species"_a = model.parts().species, "cutoff"_a = s.radial.cutoff,
                    "n_max"_a = s.radial.n_max, "l_max"_a = s.radial.l_max,
                    "sigma"_a = s.radial.sigma, "basis"_a = glassnmr::radial_name(s.radial.kind),
                    "body"_a = py::tuple(body), "weights"_a = py::tuple(weights),
                    "normalise"_a = s.normalise, "angular_filter"_a = s.angular_filter,
                    "radial_scaling"_a = scaling, "mixing"_a = mixing);
}

py::dict kernel(const Model& model) {
    const glassnmr::Kernel& k = model.parts().kernel;
    return py::dict("kernel"_a = glassnmr::kernel_name(k.kind), "kappa"_a = k.kappa,
                    "degree"_a = k.degree, "offset"_a = k.offset);
}

template <auto Member>
auto part(const Model& model) {
    return model.parts().*Member;
}

}  // namespace

void bind_model(py::module_& m) {
    py::class_<Model>(m, "Model")
        .def(py::init(&make), py::kw_only(), "soap"_a, "species"_a, "isotope"_a, "centre"_a,
             "kernel"_a, "kappa"_a, "degree"_a, "offset"_a, "landmarks"_a, "weights"_a, "bias"_a,
             "targets"_a, "units"_a, "reference"_a, "provenance"_a)
        .def_static("load", &Model::load, "path"_a, py::call_guard<py::gil_scoped_release>())
        .def("save", &Model::save, "path"_a, py::call_guard<py::gil_scoped_release>())
        .def("predict", &predict, "positions"_a, "cell"_a, "pbc"_a, "species"_a, "centres"_a,
             py::kw_only(), "n_threads"_a = 0)
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
