// SPDX-License-Identifier: BSD-3-Clause
#include <glassnmr/equivariants.hpp>

#include "atoms.hpp"
#include "radial.hpp"

namespace {

using glassnmr::EquivariantLabel;
using glassnmr::Equivariants;
using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;

std::shared_ptr<Equivariants> make(std::size_t n_species, double cutoff, std::size_t n_max,
                                   std::size_t l_max, double sigma, std::size_t lam, int parity,
                                   const std::string& basis,
                                   const std::pair<double, double>& scaling, const Array& mixing,
                                   const std::pair<bool, bool>& body,
                                   const std::pair<double, double>& weights,
                                   const std::string& compression, const Pairs& pairs) {
    glassnmr::EquivariantSettings s;
    s.radial = radial_settings(basis, cutoff, n_max, l_max, sigma, scaling);
    s.n_species = n_species;
    if (mixing.size() > 0) {
        require_shape(mixing, "mixing", {-1, static_cast<py::ssize_t>(n_species)});
        s.mixing.assign(mixing.data(), mixing.data() + mixing.size());
    }
    s.lambda = lam;
    s.parity = parity;
    std::tie(s.two_body, s.three_body) = body;
    std::tie(s.two_body_weight, s.three_body_weight) = weights;
    s.compression = glassnmr::compression(compression);
    s.pairs = pairs;
    const py::gil_scoped_release nogil;
    return std::make_shared<Equivariants>(std::move(s));
}

/// Settings by the names that EquivariantSOAP takes.
py::dict settings(const Equivariants& descriptor) {
    const glassnmr::EquivariantSettings& s = descriptor.settings();
    py::list body, weights;
    if (s.two_body) body.append(2), weights.append(s.two_body_weight);
    if (s.three_body) body.append(3), weights.append(s.three_body_weight);
    py::object mixing = py::none(), scaling = py::none(), pairs = py::none();
    if (!s.mixing.empty()) {
        const auto columns = static_cast<py::ssize_t>(s.n_species);
        mixing =
            Array({static_cast<py::ssize_t>(s.mixing.size()) / columns, columns}, s.mixing.data());
    }
    if (s.radial.scaling_radius > 0)
        scaling = py::make_tuple(s.radial.scaling_radius, s.radial.scaling_exponent);
    if (!s.pairs.empty()) pairs = py::cast(s.pairs);
    return py::dict("cutoff"_a = s.radial.cutoff, "n_max"_a = s.radial.n_max,
                    "l_max"_a = s.radial.l_max, "sigma"_a = s.radial.sigma, "lam"_a = s.lambda,
                    "parity"_a = s.parity, "basis"_a = glassnmr::radial_name(s.radial.kind),
                    "body"_a = py::tuple(body), "weights"_a = py::tuple(weights),
                    "radial_scaling"_a = scaling, "mixing"_a = mixing,
                    "compression"_a = glassnmr::compression_name(s.compression), "pairs"_a = pairs);
}

py::array_t<EquivariantLabel> feature_index(const Equivariants& descriptor) {
    const auto labels = descriptor.feature_index();
    return py::array_t<EquivariantLabel>(static_cast<py::ssize_t>(labels.size()), labels.data());
}

Array coupling_coefficients(std::size_t lam, std::size_t l1, std::size_t l2) {
    const auto values = glassnmr::coupling_coefficients(lam, l1, l2);
    Array out({2 * lam + 1, 2 * l1 + 1, 2 * l2 + 1});
    std::copy(values.begin(), values.end(), out.mutable_data());
    return out;
}

}  // namespace

void bind_equivariants(py::module_& m) {
    PYBIND11_NUMPY_DTYPE(EquivariantLabel, body, s1, n1, l1, s2, n2, l2);
    const std::pair<bool, bool> both(true, true);
    const std::pair<double, double> ones(1, 1), none(0, 0);
    py::class_<Equivariants, glassnmr::Descriptor, std::shared_ptr<Equivariants>>(m, "Equivariants")
        .def(py::init(&make), "n_species"_a, py::kw_only(), "cutoff"_a, "n_max"_a, "l_max"_a,
             "sigma"_a, "lam"_a, "parity"_a, "basis"_a, "scaling"_a = none,
             "mixing"_a = Array(std::vector<py::ssize_t>{0, 0}), "body"_a = both,
             "weights"_a = ones, "compression"_a = "none", "pairs"_a = Pairs{})
        .def_property_readonly("n_components", &Equivariants::n_components)
        .def_property_readonly("n_equivariants", &Equivariants::n_equivariants)
        .def_property_readonly("settings", &settings)
        .def("feature_index", &feature_index);
    m.def("coupling_coefficients", &coupling_coefficients, "lam"_a, "l1"_a, "l2"_a);
}
