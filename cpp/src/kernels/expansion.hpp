// SPDX-License-Identifier: BSD-3-Clause
// Entries of expansion.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace glassnmr {

struct RadialTableView;

/// Density coefficients of one centre.
struct ExpansionKernels {
    /// Y_lm of eight unit vectors, THEORY.md eq. (4.2): out[lm][8].
    void (*harmonics)(std::size_t l_max, const double* legendre, const double* x, const double* y,
                      const double* z, double* out);

    /// Density coefficients of one centre, THEORY.md eq. (5.2): c[s][lm][n_pad] += sum_j h_nl(r_j)
    /// Y_lm(r_j). xyz: n vectors (3 doubles each), sorted so that species s holds [first[s],
    /// first[s+1]). c is zeroed here.
    void (*expand)(const RadialTableView& table, std::size_t n_species, const std::size_t* first,
                   const double* xyz, double* c);

    /// Coefficients as they are given out, [channel][n][lm], from c[channel][lm][n_pad].
    void (*ordered)(std::size_t n_channels, std::size_t n_max, std::size_t n_pad, std::size_t n_lm,
                    const double* c, double* out);

    /// dL/dxyz from dL/dc[s][lm][n_pad], eq. (6.10), and from dL/dself[s][l][n_pad][n_pad]
    /// (symmetric; null for none), the derivative by the sums of `self_terms`. Overwrites dl_dxyz.
    void (*expand_back)(const RadialTableView& table, std::size_t n_species,
                        const std::size_t* first, const double* xyz, const double* dl_dc,
                        const double* dl_dself, double* dl_dxyz);

    /// Sums of eq. (6.6) over the neighbours of each species: z[s][l][n_pad][n_pad] = sum_j h_nl
    /// h_n'l. Overwrites z.
    void (*self_terms)(const RadialTableView& table, std::size_t n_species,
                       const std::size_t* first, const double* xyz, double* z);
};

#ifdef GLASSNMR_ENTRY  // inside the kernels: this level's functions
namespace GLASSNMR_LEVEL {
GLASSNMR_ENTRY(ExpansionKernels, harmonics);
GLASSNMR_ENTRY(ExpansionKernels, expand);
GLASSNMR_ENTRY(ExpansionKernels, ordered);
GLASSNMR_ENTRY(ExpansionKernels, expand_back);
GLASSNMR_ENTRY(ExpansionKernels, self_terms);
}  // namespace GLASSNMR_LEVEL
#endif

}  // namespace glassnmr
