// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>

#include "kernels/row.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

inline constexpr std::size_t lanes = 8;

/// Y_lm of `lanes` unit vectors at once, THEORY.md eq. (4.2)-(4.3): out[lm * stride + lane].
/// `legendre` as made by legendre_constants(). The sine and cosine of m phi come from (x + i y)^m,
/// so no angle is formed.
static inline void harmonics_batch(std::size_t l_max, const double* legendre, const double* x,
                                   const double* y, const double* z, std::size_t stride,
                                   double* out) {
    using V = Row<lanes>;
    const V vx = V::load(x), vy = V::load(y), vz = V::load(z);
    V c, s = V::zero();  // (x + i y)^m
    for (std::size_t k = 0; k < lanes; ++k) reinterpret_cast<double*>(&c)[k] = 1;
    const V one = c;
    const double* constant = legendre;
    for (std::size_t m = 0; m <= l_max; ++m) {
        V p = one * *constant++, before = V::zero();
        for (std::size_t l = m;; ++l) {
            double* plus = out + (l * l + l + m) * stride;
            double* minus = out + (l * l + l - m) * stride;
            (p * c).store(plus);
            if (m > 0) (p * s).store(minus);
            if (l == l_max) break;
            const double a = *constant++, b = *constant++;
            const V next = vz * p * a - before * b;
            before = p, p = next;
        }
        const V t = vx * c - vy * s;
        s = vx * s + vy * c;
        c = t;
    }
}

/// radial = sum_lm along_lm Y_lm and (gx, gy, gz) = sum_lm across_lm grad F_lm with F = Q_l^m(z) u
/// or v, of eq. (6.10), for `lanes` unit vectors; along, across
/// [lm][lane].
static inline void harmonics_back(std::size_t l_max, const double* legendre, const double* x,
                                  const double* y, const double* z, const double* along,
                                  const double* across, double* radial, double* gx, double* gy,
                                  double* gz) {
    using V = Row<lanes>;
    const V vx = V::load(x), vy = V::load(y), vz = V::load(z);
    V c = V::zero(), s = V::zero(), c_below = V::zero(),
      s_below = V::zero();  // (x + i y)^m, ^(m-1)
    V sum = V::zero(), sum_x = V::zero(), sum_y = V::zero(), sum_z = V::zero(), one;
    for (std::size_t k = 0; k < lanes; ++k) reinterpret_cast<double*>(&one)[k] = 1;
    c = one;
    const double* constant = legendre;
    for (std::size_t m = 0; m <= l_max; ++m) {
        V p = one * *constant++, before = V::zero(), slope = V::zero(), slope_before = V::zero();
        const double order = static_cast<double>(m);
        for (std::size_t l = m;; ++l) {
            const std::size_t plus = (l * l + l + m) * lanes, minus = (l * l + l - m) * lanes;
            const V f_plus = V::load(across + plus), h_plus = V::load(along + plus);
            if (m == 0) {
                sum.add(h_plus, p);
                sum_z.add(f_plus, slope);
            } else {
                const V f_minus = V::load(across + minus), h_minus = V::load(along + minus);
                sum.add(h_plus * c + h_minus * s, p);
                sum_z.add(f_plus * c + f_minus * s, slope);
                const V q = p * order;
                sum_x.add(f_plus * c_below + f_minus * s_below, q);
                sum_y.add(f_minus * c_below - f_plus * s_below, q);
            }
            if (l == l_max) break;
            const double a = *constant++, b = *constant++;
            const V next = vz * p * a - before * b;
            const V next_slope = (p + vz * slope) * a - slope_before * b;
            before = p, p = next;
            slope_before = slope, slope = next_slope;
        }
        c_below = c, s_below = s;
        c = vx * c_below - vy * s_below;
        s = vx * s_below + vy * c_below;
    }
    sum.store(radial);
    sum_x.store(gx);
    sum_y.store(gy);
    sum_z.store(gz);
}

}  // namespace glassnmr::GLASSNMR_LEVEL
