// SPDX-License-Identifier: BSD-3-Clause
// Descriptors that count neighbours and pairs of neighbours.
#include <glassnmr/behler_parrinello.hpp>
#include <glassnmr/chebyshev_ardf.hpp>

#include "atoms.hpp"

namespace {

using glassnmr::BehlerParrinello;
using glassnmr::ChebyshevArdf;

void set_common(glassnmr::TripletSettings& s, std::size_t n_species, double cutoff,
                double angular_cutoff, const Array& channels,
                const std::pair<double, double>& weights) {
    s.n_species = n_species;
    s.cutoff = cutoff;
    s.angular_cutoff = angular_cutoff;
    if (channels.size() > 0) {
        require_shape(channels, "channels", {-1, static_cast<py::ssize_t>(n_species)});
        s.channels.assign(channels.data(), channels.data() + channels.size());
    }
    std::tie(s.two_body_weight, s.three_body_weight) = weights;
}

std::vector<glassnmr::AngularFunction> angular(const Array& given, const char* name) {
    require_shape(given, name, {-1, 4});
    std::vector<glassnmr::AngularFunction> functions;
    for (const double* f = given.data(); f < given.data() + given.size(); f += 4)
        functions.push_back({f[0], f[1], f[2], f[3]});
    return functions;
}

std::shared_ptr<BehlerParrinello> make_behler(std::size_t n_species, double cutoff,
                                              double angular_cutoff, const Array& g2,
                                              const Array& g4, const Array& g5,
                                              const Array& channels,
                                              const std::pair<double, double>& weights) {
    glassnmr::BehlerParrinelloSettings s;
    set_common(s, n_species, cutoff, angular_cutoff, channels, weights);
    require_shape(g2, "g2", {-1, 2});
    for (const double* f = g2.data(); f < g2.data() + g2.size(); f += 2)
        s.g2.push_back({f[0], f[1]});
    s.g4 = angular(g4, "g4");
    s.g5 = angular(g5, "g5");
    return std::make_shared<BehlerParrinello>(std::move(s));
}

std::shared_ptr<ChebyshevArdf> make_chebyshev(std::size_t n_species, double cutoff,
                                              double angular_cutoff, std::size_t n_radial,
                                              std::size_t n_angular, const Array& channels,
                                              const std::pair<double, double>& weights) {
    glassnmr::ChebyshevSettings s;
    set_common(s, n_species, cutoff, angular_cutoff, channels, weights);
    s.n_radial = n_radial;
    s.n_angular = n_angular;
    return std::make_shared<ChebyshevArdf>(std::move(s));
}

/// Settings that all take, by the names of their Python classes.
py::dict common(const glassnmr::TripletDescriptor& descriptor) {
    const glassnmr::TripletSettings& s = descriptor.common();
    py::object channels = py::str("elements");
    if (!s.channels.empty()) {
        const auto columns = static_cast<py::ssize_t>(s.n_species);
        channels = Array({static_cast<py::ssize_t>(s.channels.size()) / columns, columns},
                         s.channels.data());
    }
    return py::dict("cutoff"_a = s.cutoff, "angular_cutoff"_a = s.angular_cutoff,
                    "channels"_a = channels,
                    "weights"_a = py::make_tuple(s.two_body_weight, s.three_body_weight));
}

Array table(const std::vector<glassnmr::AngularFunction>& functions) {
    Array out({static_cast<py::ssize_t>(functions.size()), py::ssize_t{4}});
    double* to = out.mutable_data();
    for (const auto& f : functions) {
        for (const double value : {f.eta, f.zeta, f.lambda, f.shift}) *to++ = value;
    }
    return out;
}

py::dict behler_settings(const BehlerParrinello& descriptor) {
    const auto& s = descriptor.settings();
    Array g2({static_cast<py::ssize_t>(s.g2.size()), py::ssize_t{2}});
    double* to = g2.mutable_data();
    for (const auto& f : s.g2) {
        *to++ = f.eta;
        *to++ = f.shift;
    }
    py::dict all = common(descriptor);
    all["g2"] = g2;
    all["g4"] = table(s.g4);
    all["g5"] = table(s.g5);
    return all;
}

py::dict chebyshev_settings(const ChebyshevArdf& descriptor) {
    py::dict all = common(descriptor);
    all["n_radial"] = descriptor.settings().n_radial;
    all["n_angular"] = descriptor.settings().n_angular;
    return all;
}

}  // namespace

void bind_triplets(py::module_& m) {
    py::class_<BehlerParrinello, glassnmr::Descriptor, std::shared_ptr<BehlerParrinello>>(
        m, "BehlerParrinello")
        .def(py::init(&make_behler), "n_species"_a, py::kw_only(), "cutoff"_a, "angular_cutoff"_a,
             "g2"_a, "g4"_a, "g5"_a, "channels"_a, "weights"_a)
        .def_property_readonly("settings", &behler_settings);
    py::class_<ChebyshevArdf, glassnmr::Descriptor, std::shared_ptr<ChebyshevArdf>>(m,
                                                                                    "ChebyshevArdf")
        .def(py::init(&make_chebyshev), "n_species"_a, py::kw_only(), "cutoff"_a,
             "angular_cutoff"_a, "n_radial"_a, "n_angular"_a, "channels"_a, "weights"_a)
        .def_property_readonly("settings", &chebyshev_settings);
}
