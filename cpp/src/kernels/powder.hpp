// SPDX-License-Identifier: BSD-3-Clause
// Entries of powder.cpp.
#pragma once

#include <cstddef>

#include "kernels/lineshape.hpp"

namespace glassnmr {

/// The frequency of one transition against the direction b of the field in the crystal,
/// THEORY.md eq. (12.16): b^t second b + fourth * (rank 4 of eq. 12.17).
struct Anisotropy {
    double second[6];  ///< xx, yy, zz, xy, xz, yz
    double fourth;     ///< factor of the rank 4
    double eta;        ///< of the field gradient
};

/// A powder under spinning, orientation by orientation, and its triangles on an axis.
struct PowderKernels {
    /// Orientations that go through one call: direction and centre hold 3 * lanes and lanes values,
    /// bands n_times * lanes.
    static constexpr std::size_t lanes = 8;

    /// The frequency itself, with the field along the direction: a powder that stands still.
    void (*still_frequencies)(const Anisotropy& site, const double* direction, double* centre);

    /// The mean over a turn, with the rotor along the direction, and if n_times > 0 the intensities
    /// of the sidebands 0, 1, ... n_times / 2 - 1, -n_times / 2, ..., -1, THEORY.md eq. (12.19).
    /// n_times: a power of two; wave[2 * n_times]: cos and sin of 2 pi j / n_times; work: 4 *
    /// n_times * lanes values.
    void (*turning_bands)(const Anisotropy& site, double speed, const double* direction,
                          std::size_t n_times, const double* wave, double* work, double* centre,
                          double* bands);

    /// Triangles with corners a < b < c (places on the grid, in any order) spread as tents,
    /// THEORY.md eq. (12.21): triangle t has share[t] and the corners corner[3 t ...] in `place`
    /// and in `bands`, whose rows hold n_bands values; band k is moved by offset[k].
    void (*deposit_triangles)(const LineGrid& grid, std::size_t n, const unsigned* corner,
                              const double* share, const double* place, double origin,
                              double weight, std::size_t n_bands, const double* offset,
                              const double* bands, double* out, double* outside);
};

#ifdef GLASSNMR_ENTRY  // inside the kernels: this level's functions
namespace GLASSNMR_LEVEL {
GLASSNMR_ENTRY(PowderKernels, still_frequencies);
GLASSNMR_ENTRY(PowderKernels, turning_bands);
GLASSNMR_ENTRY(PowderKernels, deposit_triangles);
}  // namespace GLASSNMR_LEVEL
#endif

}  // namespace glassnmr
