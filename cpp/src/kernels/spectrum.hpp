// SPDX-License-Identifier: BSD-3-Clause
// Entries of spectrum.cpp.
#pragma once

#include <cstddef>

namespace glassnmr {

/// Products of channels a and b: all n x n' with a weight, or n <= n' with the weight off the
/// diagonal.
struct SpectrumBlock {
    std::size_t a, b;
    bool triangle;
    double weight;
};

/// Invariants of one centre.
struct SpectrumKernels {
    /// Power spectrum of one centre, THEORY.md eq. (6.3), block by block, from padded coefficients
    /// c[channel][lm][n_pad]; scale[l].
    void (*power_spectrum)(std::size_t n_blocks, const SpectrumBlock* blocks, std::size_t n_max,
                           std::size_t n_pad, std::size_t l_max, const double* scale,
                           const double* c, double* p);

    /// dL/dc += what dL/dp gives, eq. (6.9).
    void (*power_spectrum_back)(std::size_t n_blocks, const SpectrumBlock* blocks,
                                std::size_t n_max, std::size_t n_pad, std::size_t l_max,
                                const double* scale, const double* c, const double* dl_dp,
                                double* dl_dc);
};

#ifdef GLASSNMR_ENTRY  // inside the kernels: this level's functions
namespace GLASSNMR_LEVEL {
GLASSNMR_ENTRY(SpectrumKernels, power_spectrum);
GLASSNMR_ENTRY(SpectrumKernels, power_spectrum_back);
}  // namespace GLASSNMR_LEVEL
#endif

}  // namespace glassnmr
