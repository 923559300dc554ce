// SPDX-License-Identifier: BSD-3-Clause
// Entries of expansion.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace glassnmr {

struct RadialTableView;

/// Coefficients and invariants of one centre.
struct ExpansionKernels {
    /// Y_lm of eight unit vectors, THEORY.md eq. (4.2): out[lm][8].
    void (*harmonics)(std::size_t l_max, const double* legendre, const double* x, const double* y,
                      const double* z, double* out);

    /// Density coefficients of one centre, THEORY.md eq. (5.2): c[s][lm][n_pad] += sum_j h_nl(r_j)
    /// Y_lm(r_j). xyz: n vectors (3 doubles each), sorted so that species s holds [first[s],
    /// first[s+1]). c is zeroed here.
    void (*expand)(const RadialTableView& table, std::size_t n_species, const std::size_t* first,
                   const double* xyz, double* c);

    /// Power spectrum of one centre, THEORY.md eq. (6.3), from padded coefficients c[s][lm][n_pad];
    /// scale[l].
    void (*power_spectrum)(std::size_t n_species, std::size_t n_max, std::size_t n_pad,
                           std::size_t l_max, const double* scale, const double* c, double* p);
};

#ifdef GLASSNMR_ENTRY  // inside the kernels: this level's functions
namespace GLASSNMR_LEVEL {
GLASSNMR_ENTRY(ExpansionKernels, harmonics);
GLASSNMR_ENTRY(ExpansionKernels, expand);
GLASSNMR_ENTRY(ExpansionKernels, power_spectrum);
}  // namespace GLASSNMR_LEVEL
#endif

}  // namespace glassnmr
