// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/behler_parrinello.hpp>
#include <glassnmr/error.hpp>
#include <string>
#include <utility>

#include "triplet_plan.hpp"

namespace glassnmr {

namespace {

constexpr double largest_zeta = 1024;

SideFunction side(const std::string& name, double eta, double shift) {
    if (!(eta >= 0) || !std::isfinite(eta))
        invalid("eta of " + name + " must be finite and not negative, got " + std::to_string(eta));
    if (!std::isfinite(shift))
        invalid("r_s of " + name + " must be finite, got " + std::to_string(shift));
    return {eta, shift};
}

AngleFunction angle(const std::string& name, const AngularFunction& f) {
    if (!(f.zeta >= 1 && f.zeta <= largest_zeta) || f.zeta != std::floor(f.zeta)) {
        invalid("zeta of " + name + " must be a whole number in 1..1024, got " +
                std::to_string(f.zeta));
    }
    if (!(std::abs(f.lambda) <= 1))
        invalid("lambda of " + name + " must lie in -1..1, got " + std::to_string(f.lambda));
    return {f.lambda, static_cast<std::uint32_t>(f.zeta)};
}

/// Place of `value` in the list, at its end if it is new.
template <class T, class Equal>
std::size_t place_of(std::vector<T>& list, const T& value, const Equal& equal) {
    const auto found =
        std::find_if(list.begin(), list.end(), [&](const T& other) { return equal(other, value); });
    const auto place = static_cast<std::size_t>(found - list.begin());
    if (found == list.end()) list.push_back(value);
    return place;
}

/// Functions with the same sides together, so that these are made once; `start` is the place of
/// the first among those of a pair of species.
TripletFamily family(const std::string& name, const std::vector<AngularFunction>& functions,
                     bool third, std::size_t start) {
    TripletFamily made;
    made.third = third;
    made.chebyshev = false;
    std::vector<std::size_t> side_of, angle_of;
    for (const AngularFunction& f : functions) {
        side_of.push_back(place_of(made.sides, side(name, f.eta, f.shift),
                                   [](const SideFunction& a, const SideFunction& b) {
                                       return a.eta == b.eta && a.shift == b.shift;
                                   }));
        angle_of.push_back(place_of(made.angles, angle(name, f),
                                    [](const AngleFunction& a, const AngleFunction& b) {
                                        return a.lambda == b.lambda && a.zeta == b.zeta;
                                    }));
    }
    made.n_angles = made.angles.size();
    for (std::size_t w = 0; w < made.sides.size(); ++w) {
        made.first.push_back(made.place.size());
        for (std::size_t f = 0; f < functions.size(); ++f) {
            if (side_of[f] != w) continue;
            made.angle.push_back(static_cast<std::uint32_t>(angle_of[f]));
            made.place.push_back(static_cast<std::uint32_t>(start + f));
        }
    }
    made.first.push_back(made.place.size());
    return made;
}

}  // namespace

std::shared_ptr<const TripletDescriptor::Plan> BehlerParrinello::plan(
    const BehlerParrinelloSettings& s) {
    auto made = std::make_shared<Plan>();
    for (const RadialFunction& f : s.g2) made->pairs.push_back(side("g2", f.eta, f.shift));
    made->n_two = s.g2.size();
    made->n_three = s.g4.size() + s.g5.size();
    if (!s.g4.empty()) made->triplets.push_back(family("g4", s.g4, true, 0));
    if (!s.g5.empty()) made->triplets.push_back(family("g5", s.g5, false, s.g4.size()));
    return made;
}

BehlerParrinello::BehlerParrinello(BehlerParrinelloSettings settings)
    : TripletDescriptor(settings, plan(settings)), settings_(std::move(settings)) {
    static_cast<TripletSettings&>(settings_) = common();
}

}  // namespace glassnmr
