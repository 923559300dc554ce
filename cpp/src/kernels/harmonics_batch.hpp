// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>

namespace glassnmr::GLASSNMR_LEVEL {

inline constexpr std::size_t lanes = 8;

/// Y_lm of `lanes` unit vectors at once, THEORY.md eq. (4.2)-(4.3): y[lm][lane]. `legendre` as made
/// by legendre_constants(). The sine and cosine of m phi come from (x + i y)^m, so no angle is
/// formed.
static inline void harmonics_batch(std::size_t l_max, const double* legendre, const double* x,
                                   const double* y, const double* z, double* out) {
    double c[lanes], s[lanes], p[lanes], before[lanes], next[lanes];
    for (std::size_t k = 0; k < lanes; ++k) c[k] = 1, s[k] = 0;
    const double* constant = legendre;
    for (std::size_t m = 0; m <= l_max; ++m) {
        const double start = *constant++;
        for (std::size_t k = 0; k < lanes; ++k) p[k] = start, before[k] = 0;
        for (std::size_t l = m;; ++l) {
            double* plus = out + (l * l + l + m) * lanes;
            double* minus = out + (l * l + l - m) * lanes;
            if (m == 0) {
                for (std::size_t k = 0; k < lanes; ++k) plus[k] = p[k];
            } else {
                for (std::size_t k = 0; k < lanes; ++k) plus[k] = p[k] * c[k];
                for (std::size_t k = 0; k < lanes; ++k) minus[k] = p[k] * s[k];
            }
            if (l == l_max) break;
            const double a = *constant++, b = *constant++;
            for (std::size_t k = 0; k < lanes; ++k) next[k] = a * z[k] * p[k] - b * before[k];
            for (std::size_t k = 0; k < lanes; ++k) before[k] = p[k], p[k] = next[k];
        }
        for (std::size_t k = 0; k < lanes; ++k) {
            const double t = x[k] * c[k] - y[k] * s[k];
            s[k] = x[k] * s[k] + y[k] * c[k];
            c[k] = t;
        }
    }
}

}  // namespace glassnmr::GLASSNMR_LEVEL
