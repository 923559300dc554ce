// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace glassnmr {

/// Atoms in a periodic, partly periodic or open cell. Views: the caller owns the arrays.
struct Atoms {
    std::size_t n = 0;
    const double* positions = nullptr;  ///< (n, 3), Å; need not lie in the cell
    const std::int32_t* species =
        nullptr;  ///< (n), channel of each atom; may be null where only geometry matters
    std::array<double, 9> cell{};  ///< rows are the cell vectors, Å; all nine are used, see `pbc`
    std::array<bool, 3> pbc{};     ///< which cell vectors are translations
};

/// Neighbours of every atom in compressed rows.
struct Neighbours {
    std::vector<std::size_t> first;   ///< (n + 1): atom i has entries first[i] to first[i + 1]
    std::vector<std::int32_t> index;  ///< (pairs): j
    std::vector<double> vector;       ///< (pairs, 3): from i to the image of j, Å
};

/// Cell lists for one structure and cutoff: built once, then asked atom by atom. Immutable and
/// thread-safe.
///
/// THEORY.md eq. (2.1)-(2.3). Any cell shape, any mix of periodic directions, a cutoff of any
/// number of cells. An image of the centre itself is a neighbour; the order of neighbours depends
/// on the structure alone.
class GLASSNMR_API NeighbourSearch {
public:
    /// Throws std::invalid_argument for a cutoff that is not positive and finite, non-finite
    /// positions, a cell that is singular, or so small that a centre would have more than 10^8
    /// neighbours.
    NeighbourSearch(const Atoms& atoms, double cutoff);

    /// The neighbours of atom i, replacing what the vectors hold; `vectors` has 3 numbers a
    /// neighbour. Throws std::invalid_argument when another atom, or an image, lies within 1e-3 Å.
    void query(std::size_t i, std::vector<std::int32_t>& index, std::vector<double>& vectors) const;

    std::size_t size() const { return n_; }
    double cutoff() const { return cutoff_; }

private:
    std::size_t n_;
    double cutoff_;
    std::array<double, 9> cell_;
    std::array<bool, 3> pbc_;
    std::array<std::ptrdiff_t, 3> bins_;                ///< number of bins along each cell vector
    std::array<std::ptrdiff_t, 3> reach_;               ///< bins to look at on either side
    std::vector<std::array<std::ptrdiff_t, 3>> place_;  ///< (n): bin of each atom
    std::vector<double> wrapped_;                       ///< (n, 3): Cartesian, inside the cell
    std::vector<std::size_t> bin_first_;                ///< (bins + 1)
    std::vector<std::int32_t> sorted_;                  ///< (n): atoms in the order of bins
    std::vector<double> sorted_xyz_;  ///< (3, n): their positions, one axis after the other
};

/// The neighbours of all atoms, THEORY.md eq. (2.1). Same bits for any number of threads.
GLASSNMR_API Neighbours neighbours(const Atoms& atoms, double cutoff, int n_threads = 0);

}  // namespace glassnmr
