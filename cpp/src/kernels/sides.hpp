// SPDX-License-Identifier: BSD-3-Clause
// Gaussians and cutoffs of eight distances at once, by polynomials: THEORY.md eq. (6.31), (6.35).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/harmonics_batch.hpp"
#include "kernels/triplets.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

/// a + b y + c y^2 + d y^3: short chains that the processor works on at once, where Horner's rule
/// is one long chain.
static inline double four(double a, double b, double c, double d, double y, double y2) {
    return (a + b * y) + y2 * (c + d * y);
}

/// e^{-x} of `lanes` numbers x >= 0, to 3e-16; what is below e^{-700} stays there.
static inline void decays(const double* x, double* out) {
    constexpr double per_ln2 = 1.4426950408889634, ln2_high = 6.93147180369123816490e-01,
                     ln2_low = 1.90821492927058770002e-10;
    constexpr double whole = 6755399441055744.0;  // 1.5 2^52: adding it rounds to an integer
    for (std::size_t k = 0; k < lanes; ++k) {
        const double y = x[k] < 700 ? -x[k] : -700;
        const double shifted = y * per_ln2 + whole, n = shifted - whole;
        const double f = (y - n * ln2_high) - n * ln2_low;  // |f| <= ln 2 / 2
        const double f2 = f * f, f4 = f2 * f2, f8 = f4 * f4;
        const double low = four(1, 1, 0.5, 1.0 / 6, f, f2);
        const double middle = four(1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, f, f2);
        const double high = four(1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, f, f2);
        const double top = 1.0 / 479001600 + 1.0 / 6227020800 * f;
        const double p = low + f4 * middle + f8 * (high + f4 * top);
        std::uint64_t bits;
        __builtin_memcpy(&bits, &shifted, sizeof(bits));
        bits = (bits << 52) + (std::uint64_t{1023} << 52);
        double power;
        __builtin_memcpy(&power, &bits, sizeof(power));
        out[k] = p * power;
    }
}

/// Square roots of `lanes` numbers.
static inline void roots(const double* x, double* out) {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 1  // unrolled, they would be taken one by one
#endif
    for (std::size_t k = 0; k < lanes; ++k) out[k] = __builtin_sqrt(x[k]);
}

/// f_c and df_c/dr^2 of `lanes` squared distances q: f_c = cos^2 h with h^2 = (pi / 2 r_c)^2 q.
static inline void cutoffs(double cutoff, const double* q, double* value, double* slope) {
    constexpr double quarter = 2.4674011002723395;  // (pi / 2)^2
    const double range = cutoff * cutoff, scale = quarter / range;
    for (std::size_t k = 0; k < lanes; ++k) {
        const double y = q[k] < range ? -scale * q[k] : -quarter;
        const double y2 = y * y, y4 = y2 * y2, y8 = y4 * y4;  // y^n / (2n)!, y^n / (2n + 1)!
        const double c = four(1, 0.5, 0.041666666666666664, 0.001388888888888889, y, y2) +
                         y4 * four(2.48015873015873e-05, 2.755731922398589e-07,
                                   2.08767569878681e-09, 1.1470745597729725e-11, y, y2) +
                         y8 * four(4.779477332387385e-14, 1.5619206968586225e-16,
                                   4.110317623312165e-19, 8.896791392450574e-22, y, y2);
        const double s =
            four(1, 0.16666666666666666, 0.008333333333333333, 0.0001984126984126984, y, y2) +
            y4 * four(2.7557319223985893e-06, 2.505210838544172e-08, 1.6059043836821613e-10,
                      7.647163731819816e-13, y, y2) +
            y8 * four(2.8114572543455206e-15, 8.22063524662433e-18, 1.9572941063391263e-20,
                      3.868170170630684e-23, y, y2);
        const double inside = q[k] < range ? 1.0 : 0.0;
        value[k] = inside * c * c;
        slope[k] = -inside * scale * c * s;
    }
}

/// Values of the side functions at `lanes` squared distances, value[w * stride + lane], and with
/// Slopes their derivatives by the square.
template <bool Slopes>
static inline void side_functions(std::size_t n, const SideFunction* sides, double cutoff,
                                  const double* q, std::size_t stride, double* value,
                                  double* slope) {
    double r[lanes], fall[lanes], change[lanes], x[lanes], e[lanes];
    cutoffs(cutoff, q, fall, change);
    bool shifted = false;
    for (std::size_t w = 0; w < n; ++w) shifted = shifted || sides[w].shift != 0;
    if (shifted) {
        for (std::size_t k = 0; k < lanes; ++k) x[k] = q[k] > 1e-20 ? q[k] : 1e-20;
        roots(x, r);
    }
    for (std::size_t w = 0; w < n; ++w) {
        const double eta = sides[w].eta, shift = sides[w].shift;
        if (eta == 0) {
            for (std::size_t k = 0; k < lanes; ++k) e[k] = 1;
        } else if (shift == 0) {
            for (std::size_t k = 0; k < lanes; ++k) x[k] = eta * q[k];
            decays(x, e);
        } else {
            for (std::size_t k = 0; k < lanes; ++k) x[k] = eta * (r[k] - shift) * (r[k] - shift);
            decays(x, e);
        }
        for (std::size_t k = 0; k < lanes; ++k) value[w * stride + k] = fall[k] * e[k];
        if constexpr (Slopes) {
            for (std::size_t k = 0; k < lanes; ++k) {
                const double pull = shift == 0 ? eta : eta * (1 - shift / r[k]);
                slope[w * stride + k] = e[k] * (change[k] - fall[k] * pull);
            }
        }
    }
}

}  // namespace glassnmr::GLASSNMR_LEVEL
