// SPDX-License-Identifier: BSD-3-Clause
// Points and boxes laid on an axis, for the kernels only: THEORY.md eq. (12.10) and (12.11).
#pragma once

#include <cstddef>

namespace glassnmr::GLASSNMR_LEVEL {

namespace {

/// A point between two points of the axis, with a weight for each of L axes; point k of axis l is
/// out[L k + l]: eq. (12.10).
template <std::size_t L>
inline void add_point(double place, const double* m, double* out) {
    const auto k = static_cast<std::ptrdiff_t>(place);
    const double f = place - static_cast<double>(k);
    double* to = out + static_cast<std::ptrdiff_t>(L) * k;
    for (std::size_t l = 0; l < L; ++l) {
        const double right = m[l] * f;
        to[l] += m[l] - right;
        to[L + l] += right;
    }
}

/// Weights m[L] spread evenly over [left, right], both in [0, n - 1]: eq. (12.11).
template <std::size_t L>
inline void add_box(double left, double right, const double* m, double* out) {
    const auto a = static_cast<std::ptrdiff_t>(left), b = static_cast<std::ptrdiff_t>(right);
    const double width = right - left;
    if (a == b || width < 1e-6) {
        add_point<L>(0.5 * (left + right), m, out);
        return;
    }
    const double per = 1 / width;
    const double p = static_cast<double>(a + 1) - left, q = right - static_cast<double>(b);
    const double first = per * p, last = per * q;
    const double low = 0.5 * first * p, high = 0.5 * last * q;
    constexpr auto step = static_cast<std::ptrdiff_t>(L);
    double *from = out + step * a, *to = out + step * b;
    if (b == a + 1) {
        for (std::size_t l = 0; l < L; ++l) {
            from[l] += low * m[l];
            to[l] += (first - low + last - high) * m[l];
            to[L + l] += high * m[l];
        }
        return;
    }
    for (std::size_t l = 0; l < L; ++l) {
        from[l] += low * m[l];
        from[L + l] += (first - low + 0.5 * per) * m[l];
        to[L + l] += high * m[l];
    }
    if (b == a + 2) {
        for (std::size_t l = 0; l < L; ++l) to[l] += (last - high + 0.5 * per) * m[l];
        return;
    }
    for (std::size_t l = 0; l < L; ++l) to[l] += (last - high + 0.5 * per) * m[l];
    for (double* k = from + 2 * step; k < to; k += step) {
        for (std::size_t l = 0; l < L; ++l) k[l] += per * m[l];
    }
}

/// The same for a box that may reach beyond the axis; what lies there is added to lost[L].
template <std::size_t L>
inline void add_clipped(double left, double right, const double* m, double last, double* out,
                        double* lost) {
    const bool beyond = right <= 0 || left >= last;
    if (!beyond && left >= 0 && right <= last) {
        add_box<L>(left, right, m, out);
        return;
    }
    double inside[L];
    const double l0 = left < 0 ? 0 : left, r0 = right > last ? last : right;
    const double part = beyond ? 0 : (r0 - l0) / (right - left);
    for (std::size_t l = 0; l < L; ++l) {
        inside[l] = part * m[l];
        lost[l] += m[l] - inside[l];
    }
    if (!beyond) add_box<L>(l0, r0, inside, out);
}

}  // namespace

}  // namespace glassnmr::GLASSNMR_LEVEL
