// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>

namespace glassnmr::GLASSNMR_LEVEL {

inline constexpr std::size_t lanes = 8;

/// Y_lm of `lanes` unit vectors at once, THEORY.md eq. (4.2)-(4.3): out[lm * stride + lane].
/// `legendre` as made by legendre_constants(). The sine and cosine of m phi come from (x + i y)^m,
/// so no angle is formed.
static inline void harmonics_batch(std::size_t l_max, const double* legendre, const double* x,
                                   const double* y, const double* z, std::size_t stride,
                                   double* out) {
    double c[lanes], s[lanes], p[lanes], before[lanes], next[lanes];
    for (std::size_t k = 0; k < lanes; ++k) c[k] = 1, s[k] = 0;
    const double* constant = legendre;
    for (std::size_t m = 0; m <= l_max; ++m) {
        const double start = *constant++;
        for (std::size_t k = 0; k < lanes; ++k) p[k] = start, before[k] = 0;
        for (std::size_t l = m;; ++l) {
            double* plus = out + (l * l + l + m) * stride;
            double* minus = out + (l * l + l - m) * stride;
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

/// radial = sum_lm along_lm Y_lm and (gx, gy, gz) = sum_lm across_lm grad F_lm with F = Q_l^m(z) u
/// or v, of eq. (6.10), for `lanes` unit vectors; along, across
/// [lm][lane].
static inline void harmonics_back(std::size_t l_max, const double* legendre, const double* x,
                                  const double* y, const double* z, const double* along,
                                  const double* across, double* radial, double* gx, double* gy,
                                  double* gz) {
    double c[lanes], s[lanes], c_below[lanes], s_below[lanes];  // (x + i y)^m and ^(m - 1)
    double p[lanes], before[lanes], slope[lanes], slope_before[lanes];
    for (std::size_t k = 0; k < lanes; ++k) {
        c[k] = 1, s[k] = c_below[k] = s_below[k] = 0;
        radial[k] = gx[k] = gy[k] = gz[k] = 0;
    }
    const double* constant = legendre;
    for (std::size_t m = 0; m <= l_max; ++m) {
        const double start = *constant++, order = static_cast<double>(m);
        for (std::size_t k = 0; k < lanes; ++k)
            p[k] = start, before[k] = slope[k] = slope_before[k] = 0;
        for (std::size_t l = m;; ++l) {
            const double* plus = across + (l * l + l + m) * lanes;
            const double* plus_along = along + (l * l + l + m) * lanes;
            if (m == 0) {
                for (std::size_t k = 0; k < lanes; ++k) {
                    radial[k] += plus_along[k] * p[k];
                    gz[k] += plus[k] * slope[k];
                }
            } else {
                const double* minus = across + (l * l + l - m) * lanes;
                const double* minus_along = along + (l * l + l - m) * lanes;
                for (std::size_t k = 0; k < lanes; ++k) {
                    const double u = c[k], v = s[k];
                    radial[k] += (plus_along[k] * u + minus_along[k] * v) * p[k];
                    gz[k] += (plus[k] * u + minus[k] * v) * slope[k];
                    const double f = order * p[k];
                    gx[k] += f * (plus[k] * c_below[k] + minus[k] * s_below[k]);
                    gy[k] += f * (minus[k] * c_below[k] - plus[k] * s_below[k]);
                }
            }
            if (l == l_max) break;
            const double a = *constant++, b = *constant++;
            for (std::size_t k = 0; k < lanes; ++k) {
                const double next = a * z[k] * p[k] - b * before[k];
                const double next_slope = a * (p[k] + z[k] * slope[k]) - b * slope_before[k];
                before[k] = p[k], p[k] = next;
                slope_before[k] = slope[k], slope[k] = next_slope;
            }
        }
        for (std::size_t k = 0; k < lanes; ++k) {
            c_below[k] = c[k], s_below[k] = s[k];
            const double t = x[k] * c[k] - y[k] * s[k];
            s[k] = x[k] * s[k] + y[k] * c[k];
            c[k] = t;
        }
    }
}

}  // namespace glassnmr::GLASSNMR_LEVEL
