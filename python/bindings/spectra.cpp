// SPDX-License-Identifier: BSD-3-Clause
#include <glassnmr/spectra.hpp>
#include <optional>

#include "arrays.hpp"

namespace {

const double* column(const std::optional<Array>& a, const char* name, py::ssize_t n) {
    if (!a) return nullptr;
    require_shape(*a, name, {n});
    return a->data();
}

py::tuple mas_lines(const Array& delta_iso, const std::optional<Array>& coupling,
                    const std::optional<Array>& eta, const std::optional<Array>& weight,
                    const std::optional<Int32Array>& component, std::size_t n_components,
                    const std::tuple<double, double, std::size_t>& axis, double scale,
                    std::size_t orientations, int n_threads) {
    require_shape(delta_iso, "delta_iso", {-1});
    if (coupling.has_value() != eta.has_value())
        glassnmr::invalid("C_Q and eta must be given together");
    const auto n = delta_iso.shape(0);
    if (component) require_shape(*component, "component", {n});
    const glassnmr::Sites sites = {static_cast<std::size_t>(n),
                                   delta_iso.data(),
                                   column(coupling, "C_Q", n),
                                   column(eta, "eta", n),
                                   column(weight, "weights", n),
                                   component ? component->data() : nullptr,
                                   n_components};
    const glassnmr::PpmAxis points = {std::get<0>(axis), std::get<1>(axis), std::get<2>(axis)};
    const auto method = orientations ? glassnmr::LineMethod::powder : glassnmr::LineMethod::table;
    const glassnmr::LineSettings settings = {scale, method, orientations ? orientations : 1};
    if (points.n > 1u << 26 || n_components > 1u << 20)
        glassnmr::invalid("axis has too many points or components");
    Array intensity({static_cast<py::ssize_t>(n_components), static_cast<py::ssize_t>(points.n)});
    Array outside(static_cast<py::ssize_t>(n_components));
    double *to = intensity.mutable_data(), *lost = outside.mutable_data();
    {
        const py::gil_scoped_release nogil;
        glassnmr::mas_lines(sites, points, settings, to, lost, n_threads);
    }
    return py::make_tuple(intensity, outside);
}

}  // namespace

void bind_spectra(py::module_& m) {
    m.def("mas_lines", &mas_lines, "delta_iso"_a, py::kw_only(), "coupling"_a = py::none(),
          "eta"_a = py::none(), "weight"_a = py::none(), "component"_a = py::none(),
          "n_components"_a = 1, "axis"_a, "scale"_a = 0.0, "orientations"_a = 0, "n_threads"_a = 0);
    m.def("central_transition_frequency", &glassnmr::central_transition_frequency, "eta"_a, "x"_a,
          "alpha"_a);
    m.def("central_transition_distribution", &glassnmr::central_transition_distribution, "eta"_a,
          "u"_a);
    m.def(
        "central_transition_critical_values",
        [](double eta) {
            Array values(6);
            glassnmr::central_transition_critical_values(eta, values.mutable_data());
            return values;
        },
        "eta"_a);
}
