// SPDX-License-Identifier: BSD-3-Clause
// What a site shows in the orientations of a powder: THEORY.md section 12.5.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/powder.hpp"

namespace glassnmr {

/// How many times a turn must be sampled so that sidebands up to `reach` and their tails are told
/// apart; a power of two.
std::size_t turn_samples(double reach);

/// cos and sin of 2 pi j / n.
std::vector<double> turn_wave(std::size_t n);

/// Directions in groups of lanes through still_frequencies or, at finite speeds, turning_bands:
/// centre[n], and bands[n][n_times] in the order -n_times / 2 ... n_times / 2 - 1.
class Evaluator {
public:
    Evaluator(double speed, std::size_t n_times);

    void operator()(const Anisotropy& site, std::size_t n, const double* xyz, double* centre,
                    double* bands);
    double speed;

private:
    std::size_t n_times_;
    std::vector<double> wave_, work_, lane_bands_;
};

}  // namespace glassnmr
