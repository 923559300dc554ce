// SPDX-License-Identifier: BSD-3-Clause
#include "radial.hpp"

#include <glassnmr/harmonics.hpp>
#include <glassnmr/radial.hpp>

namespace {

Array radial_functions(const Array& r, const std::string& basis, double cutoff, std::size_t n_max,
                       std::size_t l_max, double sigma, const std::pair<double, double>& scaling,
                       bool exact) {
    require_shape(r, "r", {-1});
    const auto settings = radial_settings(basis, cutoff, n_max, l_max, sigma, scaling);
    Array out({r.shape(0), static_cast<py::ssize_t>(l_max) + 1, static_cast<py::ssize_t>(n_max)});
    const double* in = r.data();
    double* to = out.mutable_data();
    const auto n = static_cast<std::size_t>(r.shape(0));
    const py::gil_scoped_release nogil;
    const glassnmr::RadialBasis radial(settings);
    for (std::size_t i = 0; i < n; ++i, to += (l_max + 1) * n_max) {
        exact ? radial.exact(in[i], to) : radial.tabulated(in[i], to);
    }
    return out;
}

Array spherical_harmonics(const Array& xyz, std::size_t l_max, int n_threads) {
    require_shape(xyz, "xyz", {-1, 3});
    glassnmr::legendre_constants(l_max);  // refuses a large l_max before memory is taken for it
    Array out({xyz.shape(0), static_cast<py::ssize_t>((l_max + 1) * (l_max + 1))});
    const double* in = xyz.data();
    double* to = out.mutable_data();
    const auto n = static_cast<std::size_t>(xyz.shape(0));
    const py::gil_scoped_release nogil;
    glassnmr::spherical_harmonics(l_max, n, in, to, n_threads);
    return out;
}

}  // namespace

void bind_radial(py::module_& m) {
    m.def("radial_functions", &radial_functions, "r"_a, py::kw_only(), "basis"_a, "cutoff"_a,
          "n_max"_a, "l_max"_a, "sigma"_a, "scaling"_a = std::pair<double, double>(0, 0),
          "exact"_a = false);
    m.def("spherical_harmonics", &spherical_harmonics, "xyz"_a, py::kw_only(), "l_max"_a,
          "n_threads"_a = 0);
}
