// SPDX-License-Identifier: BSD-3-Clause
#include <glassnmr/soap.hpp>

#include "atoms.hpp"
#include "radial.hpp"

namespace {

using glassnmr::Soap;

std::shared_ptr<Soap> make(std::size_t n_species, double cutoff, std::size_t n_max,
                           std::size_t l_max, double sigma, const std::string& basis,
                           const std::pair<double, double>& scaling, const Array& mixing,
                           const std::pair<bool, bool>& body,
                           const std::pair<double, double>& weights, double angular_filter,
                           bool normalise, const std::string& compression, bool remove_self) {
    glassnmr::SoapSettings s;
    s.radial = radial_settings(basis, cutoff, n_max, l_max, sigma, scaling);
    s.n_species = n_species;
    if (mixing.size() > 0) {
        require_shape(mixing, "mixing", {-1, static_cast<py::ssize_t>(n_species)});
        s.mixing.assign(mixing.data(), mixing.data() + mixing.size());
    }
    std::tie(s.two_body, s.three_body) = body;
    std::tie(s.two_body_weight, s.three_body_weight) = weights;
    s.angular_filter = angular_filter;
    s.normalise = normalise;
    s.compression = glassnmr::compression(compression);
    s.remove_self = remove_self;
    const py::gil_scoped_release nogil;
    return std::make_shared<Soap>(std::move(s));
}

Array coefficients(const Soap& soap, const Array& positions, const Array& cell,
                   const std::array<bool, 3>& pbc, const Int32Array& species,
                   const Int64Array& centres, int n_threads) {
    const glassnmr::Atoms atoms = atoms_view(positions, cell, pbc, &species);
    require_shape(centres, "centres", {-1});
    const auto n_lm = (soap.radial().settings().l_max + 1) * (soap.radial().settings().l_max + 1);
    Array out({centres.shape(0), static_cast<py::ssize_t>(soap.n_channels()),
               static_cast<py::ssize_t>(soap.radial().settings().n_max),
               static_cast<py::ssize_t>(n_lm)});
    const auto n = static_cast<std::size_t>(centres.shape(0));
    const std::int64_t* which = centres.data();
    double* to = out.mutable_data();
    const py::gil_scoped_release nogil;
    soap.coefficients(atoms, n, which, to, n_threads);
    return out;
}

Array mixing_gradient(const Soap& soap, const Array& positions, const Array& cell,
                      const std::array<bool, 3>& pbc, const Int32Array& species,
                      const Int64Array& centres, const Array& dl_drows, int n_threads) {
    const glassnmr::Atoms atoms = atoms_view(positions, cell, pbc, &species);
    require_shape(centres, "centres", {-1});
    require_shape(dl_drows, "dl_drows",
                  {centres.shape(0), static_cast<py::ssize_t>(soap.n_features())});
    Array out(
        {static_cast<py::ssize_t>(soap.n_channels()), static_cast<py::ssize_t>(soap.n_species())});
    const auto n = static_cast<std::size_t>(centres.shape(0));
    const std::int64_t* which = centres.data();
    const double* from = dl_drows.data();
    double* to = out.mutable_data();
    const py::gil_scoped_release nogil;
    soap.mixing_gradient(atoms, n, which, from, to, n_threads);
    return out;
}

/// Settings by the names that SphericalBesselSOAP takes.
py::dict settings(const Soap& soap) {
    const glassnmr::SoapSettings& s = soap.settings();
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
    return py::dict(
        "cutoff"_a = s.radial.cutoff, "n_max"_a = s.radial.n_max, "l_max"_a = s.radial.l_max,
        "sigma"_a = s.radial.sigma, "basis"_a = glassnmr::radial_name(s.radial.kind),
        "body"_a = py::tuple(body), "weights"_a = py::tuple(weights), "normalise"_a = s.normalise,
        "angular_filter"_a = s.angular_filter, "radial_scaling"_a = scaling, "mixing"_a = mixing,
        "compression"_a = glassnmr::compression_name(s.compression),
        "remove_self"_a = s.remove_self);
}

py::array_t<glassnmr::FeatureLabel> feature_index(const Soap& soap) {
    const auto labels = soap.feature_index();
    return py::array_t<glassnmr::FeatureLabel>(static_cast<py::ssize_t>(labels.size()),
                                               labels.data());
}

}  // namespace

void bind_soap(py::module_& m) {
    PYBIND11_NUMPY_DTYPE(glassnmr::FeatureLabel, body, s1, n1, s2, n2, l);
    const std::pair<bool, bool> both(true, true);
    const std::pair<double, double> ones(1, 1), none(0, 0);
    py::class_<Soap, glassnmr::Descriptor, std::shared_ptr<Soap>>(m, "Soap")
        .def(py::init(&make), "n_species"_a, py::kw_only(), "cutoff"_a, "n_max"_a, "l_max"_a,
             "sigma"_a, "basis"_a, "scaling"_a = none,
             "mixing"_a = Array(std::vector<py::ssize_t>{0, 0}), "body"_a = both,
             "weights"_a = ones, "angular_filter"_a = 0.0, "normalise"_a = false,
             "compression"_a = "none", "remove_self"_a = false)
        .def_property_readonly("n_channels", &Soap::n_channels)
        .def_property_readonly("settings", &settings)
        .def("feature_index", &feature_index)
        .def("mixing_gradient", &mixing_gradient, "positions"_a, "cell"_a, "pbc"_a, "species"_a,
             "centres"_a, "dl_drows"_a, py::kw_only(), "n_threads"_a = 0)
        .def("coefficients", &coefficients, "positions"_a, "cell"_a, "pbc"_a, "species"_a,
             "centres"_a, py::kw_only(), "n_threads"_a = 0);
}
