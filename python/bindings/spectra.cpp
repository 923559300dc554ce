// SPDX-License-Identifier: BSD-3-Clause
#include <glassnmr/spectra.hpp>
#include <optional>
#include <vector>

#include "arrays.hpp"

namespace {

using Axis = std::tuple<double, double, std::size_t>;
using Maybe = std::optional<Array>;

const double* column(const Maybe& a, const char* name, py::ssize_t n) {
    if (!a) return nullptr;
    require_shape(*a, name, {n});
    return a->data();
}

/// Sites and settings as the core takes them, checked in shape, and the arrays that hold them.
struct Lines {
    Array delta_iso;
    Maybe coupling, eta, weight, zeta, zeta_eta, euler, transitions;
    std::optional<Int32Array> component;
    std::size_t n_components;
    glassnmr::LineSettings settings;
    std::vector<glassnmr::Transition> kinds;

    glassnmr::Sites sites() {
        require_shape(delta_iso, "delta_iso", {-1});
        if (coupling.has_value() != eta.has_value())
            glassnmr::invalid("C_Q and eta must be given together");
        if (zeta.has_value() != zeta_eta.has_value())
            glassnmr::invalid("zeta and eta_csa must be given together");
        const auto n = delta_iso.shape(0);
        if (component) require_shape(*component, "component", {n});
        if (euler) require_shape(*euler, "euler", {n, 3});
        if (transitions) {
            require_shape(*transitions, "transitions", {-1, 5});
            kinds.clear();
            const auto rows = transitions->unchecked<2>();
            for (py::ssize_t t = 0; t < rows.shape(0); ++t)
                kinds.push_back({rows(t, 0), rows(t, 1), rows(t, 2), rows(t, 3), rows(t, 4)});
            settings.transitions = kinds.data();
            settings.n_transitions = kinds.size();
        }
        return {static_cast<std::size_t>(n),
                delta_iso.data(),
                column(coupling, "C_Q", n),
                column(eta, "eta", n),
                column(weight, "weights", n),
                component ? component->data() : nullptr,
                n_components,
                column(zeta, "zeta", n),
                column(zeta_eta, "eta_csa", n),
                euler ? euler->data() : nullptr};
    }
};

glassnmr::PpmAxis points(const Axis& axis) {
    const glassnmr::PpmAxis out = {std::get<0>(axis), std::get<1>(axis), std::get<2>(axis)};
    if (out.n > 1u << 26) glassnmr::invalid("axis has too many points");
    return out;
}

template <auto function>
py::tuple lay(Lines& lines, const Axis& axis, int n_threads) {
    const glassnmr::Sites sites = lines.sites();
    const glassnmr::PpmAxis on = points(axis);
    if (lines.n_components > 1u << 20) glassnmr::invalid("components are too many");
    Array intensity({static_cast<py::ssize_t>(lines.n_components), static_cast<py::ssize_t>(on.n)});
    Array outside(static_cast<py::ssize_t>(lines.n_components));
    double *to = intensity.mutable_data(), *lost = outside.mutable_data();
    {
        const py::gil_scoped_release nogil;
        function(sites, on, lines.settings, to, lost, n_threads);
    }
    return py::make_tuple(intensity, outside);
}

py::tuple central_sidebands(Lines& lines, const Axis& axis, int n_threads) {
    const glassnmr::Sites sites = lines.sites();
    const glassnmr::PpmAxis on = points(axis);
    Array intensity({static_cast<py::ssize_t>(on.n),
                     static_cast<py::ssize_t>(glassnmr::central_sideband_columns)});
    double *to = intensity.mutable_data(), lost = 0;
    {
        const py::gil_scoped_release nogil;
        glassnmr::central_sidebands(sites, on, lines.settings, to, &lost, n_threads);
    }
    return py::make_tuple(intensity, lost);
}

py::tuple sheared_lines(Lines& lines, const Array& isotropic, const Axis& axis1, const Axis& axis2,
                        int n_threads) {
    const glassnmr::Sites sites = lines.sites();
    require_shape(isotropic, "isotropic", {lines.delta_iso.shape(0)});
    const glassnmr::PpmAxis first = points(axis1), second = points(axis2);
    if (lines.n_components * first.n > (std::size_t{1} << 28) / second.n)
        glassnmr::invalid("the axes have too many points together");
    Array intensity({static_cast<py::ssize_t>(lines.n_components),
                     static_cast<py::ssize_t>(first.n), static_cast<py::ssize_t>(second.n)});
    Array outside(static_cast<py::ssize_t>(lines.n_components));
    double *to = intensity.mutable_data(), *lost = outside.mutable_data();
    const double* place = isotropic.data();
    {
        const py::gil_scoped_release nogil;
        glassnmr::sheared_lines(sites, place, first, second, lines.settings, to, lost, n_threads);
    }
    return py::make_tuple(intensity, outside);
}

}  // namespace

void bind_spectra(py::module_& m) {
    py::class_<Lines>(m, "Lines")
        .def(py::init([](Array delta_iso, Maybe coupling, Maybe eta, Maybe weight, Maybe zeta,
                         Maybe zeta_eta, Maybe euler, std::optional<Int32Array> component,
                         std::size_t n_components, double scale, double order1, double speed,
                         Maybe transitions, std::size_t density) {
                 const glassnmr::LineSettings settings = {scale,   order1, speed,
                                                          nullptr, 0,      density};
                 return Lines{delta_iso, coupling,    eta,       weight,       zeta,     zeta_eta,
                              euler,     transitions, component, n_components, settings, {}};
             }),
             "delta_iso"_a, py::kw_only(), "coupling"_a = py::none(), "eta"_a = py::none(),
             "weight"_a = py::none(), "zeta"_a = py::none(), "zeta_eta"_a = py::none(),
             "euler"_a = py::none(), "component"_a = py::none(), "n_components"_a = 1,
             "scale"_a = 0.0, "order1"_a = 0.0, "speed"_a = 0.0, "transitions"_a = py::none(),
             "density"_a = 64)
        .def("fast", &lay<&glassnmr::mas_lines>, "axis"_a, "n_threads"_a = 0)
        .def("powder", &lay<&glassnmr::powder_lines>, "axis"_a, "n_threads"_a = 0)
        .def("shift_sidebands", &lay<&glassnmr::shift_sidebands>, "axis"_a, "n_threads"_a = 0)
        .def("central_sidebands", &central_sidebands, "axis"_a, "n_threads"_a = 0)
        .def("sheared", &sheared_lines, "isotropic"_a, "axis1"_a, "axis2"_a, "n_threads"_a = 0);
    m.def("sideband_limits", [] {
        const auto limits = glassnmr::sideband_limits();
        return py::make_tuple(limits.central, limits.shift);
    });
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
