// SPDX-License-Identifier: BSD-3-Clause
#include <glassnmr/chebyshev_ardf.hpp>
#include <glassnmr/error.hpp>
#include <string>
#include <utility>

#include "triplet_plan.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t most = 1000;  // polynomials of one kind

void check(const std::string& name, std::size_t n) {
    if (n > most)
        invalid(name + " must be at most " + std::to_string(most) + ", got " + std::to_string(n));
}

}  // namespace

std::shared_ptr<const TripletDescriptor::Plan> ChebyshevArdf::plan(const ChebyshevSettings& s) {
    check("n_radial", s.n_radial);
    check("n_angular", s.n_angular);
    auto made = std::make_shared<Plan>();
    made->chebyshev = true;
    made->n_two = s.n_radial;
    made->n_three = s.n_angular;
    if (s.n_angular == 0) return made;
    TripletFamily family;
    family.third = false;
    family.chebyshev = true;
    family.n_angles = s.n_angular;
    family.sides = {{0, 0}};  // the cutoff alone
    family.first = {0, s.n_angular};
    for (std::size_t a = 0; a < s.n_angular; ++a) {
        family.angle.push_back(static_cast<std::uint32_t>(a));
        family.place.push_back(static_cast<std::uint32_t>(a));
    }
    made->triplets.push_back(std::move(family));
    return made;
}

ChebyshevArdf::ChebyshevArdf(ChebyshevSettings settings)
    : TripletDescriptor(settings, plan(settings)), settings_(std::move(settings)) {
    static_cast<TripletSettings&>(settings_) = common();
}

}  // namespace glassnmr
