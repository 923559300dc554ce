// SPDX-License-Identifier: BSD-3-Clause
// Entries of couplings.cpp.
#pragma once

#include <cstddef>

namespace glassnmr {

/// One coefficient of eq. (6.18): c[m1] times `value` goes to place M (2 l2 + 1) + m2.
struct CouplingTerm {
    std::size_t m1, place;
    double value;
};

/// Which n, n' of a block of channels are kept.
enum class BlockShape { full, upper, strictly_upper };

/// Products of the channels a (with l1) and b (with l2).
struct CouplingBlock {
    std::size_t a, b;
    BlockShape shape;
    double scale, off;  ///< factors on and off the diagonal n = n'
};

/// A pair l1, l2 with its coefficients and its blocks of channels, those of one a together.
struct Coupling {
    std::size_t l1, l2;
    std::size_t first_term, last_term;
    std::size_t first_block, last_block;
};

/// All that makes the 3-body equivariants of one centre.
struct CouplingPlan {
    std::size_t n_m;  ///< 2 lambda + 1
    std::size_t n_max, n_pad, l_max;
    std::size_t n_features;  ///< from one component M of a row to the next
    std::size_t n_couplings;
    const Coupling* couplings;
    const CouplingTerm* terms;
    const CouplingBlock* blocks;
};

/// Equivariants of one centre.
struct CouplingKernels {
    /// THEORY.md eq. (6.18), (6.19) from padded coefficients c[channel][lm][n_pad]:
    /// p[M][n_features]. scratch: n_m (2 l_max + 1) n_pad numbers.
    void (*couple)(const CouplingPlan& plan, const double* c, double* scratch, double* p);

    /// dL/dc += what dL/dp gives. scratch: twice that of `couple`.
    void (*couple_back)(const CouplingPlan& plan, const double* c, const double* dl_dp,
                        double* scratch, double* dl_dc);
};

#ifdef GLASSNMR_ENTRY  // inside the kernels: this level's functions
namespace GLASSNMR_LEVEL {
GLASSNMR_ENTRY(CouplingKernels, couple);
GLASSNMR_ENTRY(CouplingKernels, couple_back);
}  // namespace GLASSNMR_LEVEL
#endif

}  // namespace glassnmr
