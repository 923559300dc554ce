// SPDX-License-Identifier: BSD-3-Clause
#include <glassnmr/surroundings.hpp>

#include "arrays.hpp"

namespace {

using glassnmr::Descriptor;
using glassnmr::Surroundings;

std::shared_ptr<Surroundings> make(const std::shared_ptr<Descriptor>& own,
                                   const std::shared_ptr<Descriptor>& around, std::int32_t centre,
                                   std::vector<std::int32_t> neighbours, double radius,
                                   double weight) {
    return std::make_shared<Surroundings>(
        own, around, glassnmr::SurroundingsSettings{centre, std::move(neighbours), radius, weight});
}

std::shared_ptr<Descriptor> part(const std::shared_ptr<const glassnmr::LocalDescriptor>& of) {
    return std::const_pointer_cast<glassnmr::LocalDescriptor>(of);
}

py::dict settings(const Surroundings& d) {
    const auto& s = d.settings();
    return py::dict("centre"_a = s.centre, "neighbours"_a = s.neighbours, "radius"_a = s.radius,
                    "weight"_a = s.weight);
}

}  // namespace

void bind_surroundings(py::module_& m) {
    py::class_<Surroundings, Descriptor, std::shared_ptr<Surroundings>>(m, "Surroundings")
        .def(py::init(&make), "own"_a, "around"_a, py::kw_only(), "centre"_a, "neighbours"_a,
             "radius"_a, "weight"_a)
        .def_property_readonly("own", [](const Surroundings& d) { return part(d.own()); })
        .def_property_readonly("around", [](const Surroundings& d) { return part(d.around()); })
        .def_property_readonly("settings", &settings);
}
