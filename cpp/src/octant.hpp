// SPDX-License-Identifier: BSD-3-Clause
// Orientations of a powder and their weights: THEORY.md section 12.5.
#pragma once

#include <cstddef>
#include <vector>

namespace glassnmr {

/// One octant of directions, row by row, and the triangles between two rows, whose shares make
/// means of the corners exact: eq. (12.20).
class Octant {
public:
    /// An edge in so many parts.
    explicit Octant(std::size_t density);

    std::size_t density() const { return density_; }
    /// Directions of row i: density + 1 - i of them.
    std::size_t row_size(std::size_t i) const { return density_ + 1 - i; }
    /// Direction j of row i.
    void direction(std::size_t i, std::size_t j, double* xyz) const;
    /// How many triangles lie between rows i and i + 1.
    std::size_t n_triangles(std::size_t i) const { return 2 * (density_ - i) - 1; }
    /// Their corners, three each: those of row i + 1 counted on from row i.
    void corners(std::size_t i, unsigned* corner) const;
    /// Their shares of the octant.
    const double* shares(std::size_t i) const { return &share_[i * (2 * density_ - i)]; }

private:
    std::size_t density_;
    std::vector<double> share_;
};

}  // namespace glassnmr
