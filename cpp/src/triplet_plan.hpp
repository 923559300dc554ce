// SPDX-License-Identifier: BSD-3-Clause
// The functions of a descriptor of pairs and triplets, as its kernels read them.
#pragma once

#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/triplet_descriptor.hpp>
#include <string>
#include <vector>

#include "kernels/triplets.hpp"

namespace glassnmr {

/// One family of triplets: owns what its table points to.
struct TripletFamily {
    bool third, chebyshev;
    std::size_t n_angles;
    std::vector<SideFunction> sides;
    std::vector<AngleFunction> angles;
    std::vector<std::size_t> first;
    std::vector<std::uint32_t> angle, place;

    TripletTable table(double cutoff, std::size_t stride) const {
        return {cutoff,       third,         chebyshev,    sides.size(), n_angles,    stride,
                sides.data(), angles.data(), first.data(), angle.data(), place.data()};
    }
};

struct TripletDescriptor::Plan {
    bool chebyshev = false;
    std::size_t n_two = 0, n_three = 0;
    std::vector<SideFunction> pairs;  ///< empty for chebyshev
    std::vector<TripletFamily> triplets;

    PairTable pair_table(double cutoff) const { return {cutoff, chebyshev, n_two, pairs.data()}; }
};

}  // namespace glassnmr
