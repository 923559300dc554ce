// SPDX-License-Identifier: BSD-3-Clause
// Orientations of a powder and what a site shows in them: THEORY.md section 12.5.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/powder.hpp"

namespace glassnmr {

/// One octant of directions, row by row, and the triangles between two rows: eq. (12.20).
class Octant {
public:
    /// An edge in so many parts.
    explicit Octant(std::size_t density);

    std::size_t density() const { return density_; }
    /// Directions of row i: density + 1 - i of them.
    std::size_t row_size(std::size_t i) const { return density_ + 1 - i; }
    /// Direction j of row i.
    void direction(std::size_t i, std::size_t j, double* xyz) const;
    /// Corners of the triangles between rows i and i + 1 (those of row i + 1 counted on from row i)
    /// and their shares of the octant.
    void triangles(std::size_t i, std::vector<unsigned>& corner, std::vector<double>& share) const;

private:
    std::size_t density_;
};

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
