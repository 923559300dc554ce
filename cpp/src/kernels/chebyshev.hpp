// SPDX-License-Identifier: BSD-3-Clause
// Chebyshev polynomials of eight numbers at once: THEORY.md eq. (6.38).
#pragma once

#include <cstddef>

#include "kernels/harmonics_batch.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

/// `lanes` times the same number.
static inline Row<lanes> all(double s) {
    const double x[lanes] = {s, s, s, s, s, s, s, s};
    return Row<lanes>::load(x);
}

namespace {

/// T_n, T_{n+2} ... and, with Slopes, their derivatives: T_{n+2} = 2 T_2 T_n - T_{n-2}.
template <bool Slopes>
struct Chain {
    using V = Row<lanes>;
    V t, before, d, d_before;

    void store(std::size_t n, double* value, double* slope) const {
        t.store(value + n * lanes);
        if constexpr (Slopes) d.store(slope + n * lanes);
    }
    /// `twice` is 2 T_2 and `change` its derivative.
    void step(const V& twice, const V& change) {
        if constexpr (Slopes) {
            const V after = change * t + twice * d - d_before;
            d_before = d;
            d = after;
        }
        const V after = twice * t - before;
        before = t;
        t = after;
    }
};

}  // namespace

/// T_n and, with Slopes, dT_n/dx of `lanes` numbers, value[n * lanes + lane]; even and odd n are
/// two chains that the processor works on at once.
template <bool Slopes>
static inline void chebyshev(std::size_t n, const Row<lanes>& x, double* value, double* slope) {
    using V = Row<lanes>;
    const V twice = x * x * 4 - all(2), change = x * 8, one = all(1);
    Chain<Slopes> even{one, twice * 0.5, V::zero(), change * 0.5}, odd{x, x, one, one};
    for (std::size_t a = 0; a < n; a += 2) {
        even.store(a, value, slope);
        if (a + 1 == n) break;
        odd.store(a + 1, value, slope);
        even.step(twice, change);
        odd.step(twice, change);
    }
}

}  // namespace glassnmr::GLASSNMR_LEVEL
