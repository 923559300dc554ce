// SPDX-License-Identifier: BSD-3-Clause
// Lines laid on an axis: the hot loops of THEORY.md section 12.
#include "kernels/level.hpp"
//
#include <cmath>

#include "kernels/lineshape.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

namespace {

/// A point of weight m between two points of the axis: eq. (12.10).
inline void add_point(double place, double m, double* out) {
    const auto k = static_cast<std::ptrdiff_t>(place);
    const double right = m * (place - static_cast<double>(k));
    out[k] += m - right;
    out[k + 1] += right;
}

/// Weight m spread evenly over [left, right], both in [0, n - 1]: eq. (12.11).
inline void add_box(double left, double right, double m, double* out) {
    const auto a = static_cast<std::ptrdiff_t>(left), b = static_cast<std::ptrdiff_t>(right);
    const double width = right - left;
    if (a == b || width < 1e-6) {
        add_point(0.5 * (left + right), m, out);
        return;
    }
    const double density = m / width;
    const double p = static_cast<double>(a + 1) - left, q = right - static_cast<double>(b);
    const double first = density * p, last = density * q;
    out[a] += 0.5 * first * p;
    out[a + 1] += first - 0.5 * first * p;
    out[b] += last - 0.5 * last * q;
    out[b + 1] += 0.5 * last * q;
    if (b == a + 1) return;
    out[a + 1] += 0.5 * density;
    out[b] += 0.5 * density;
    for (std::ptrdiff_t k = a + 2; k < b; ++k) out[k] += density;
}

/// The same for a box that may reach beyond the axis; what lies there is returned.
inline double add_clipped(double left, double right, double m, double last, double* out) {
    if (right <= 0 || left >= last) return m;
    if (left < 0 || right > last) {
        const double l = left < 0 ? 0 : left, r = right > last ? last : right;
        const double inside = m * ((r - l) / (right - left));
        add_box(l, r, inside, out);
        return m - inside;
    }
    add_box(left, right, m, out);
    return 0;
}

}  // namespace

void isotropic_lines(const LineGrid& grid, std::size_t n, const double* delta, const double* weight,
                     const std::int32_t* component, double* out, double* outside) {
    const double last = static_cast<double>(grid.n - 1);
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t c = component ? static_cast<std::size_t>(component[i]) : 0;
        const double m = weight ? weight[i] : 1, place = (delta[i] - grid.first) * grid.per_step;
        if (place >= 0 && place <= last) {
            add_point(place, m, out + c * grid.stride);
        } else {
            outside[c] += m;
        }
    }
}

void central_lines(const LineGrid& grid, const CentralTable& table, double scale, std::size_t n,
                   const double* delta, const double* coupling, const double* eta,
                   const double* weight, const std::int32_t* component, double* out,
                   double* outside) {
    constexpr std::size_t K = CentralTable::n_intervals;
    const double last = static_cast<double>(grid.n - 1);
    double place[K + 1], mass[K];
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t c = component ? static_cast<std::size_t>(component[i]) : 0;
        double* to = out + c * grid.stride;
        const double m = weight ? weight[i] : 1;
        const double s = eta[i] < 0.5 ? std::sqrt(0.5 * eta[i]) : 1 - std::sqrt(0.5 * (1 - eta[i]));
        const double cell = s * static_cast<double>(CentralTable::n_cells);
        const std::size_t j = cell < CentralTable::n_cells ? static_cast<std::size_t>(cell)
                                                           : CentralTable::n_cells - 1;
        const double t = cell - static_cast<double>(j);
        const double width = scale * coupling[i] * coupling[i] * grid.per_step;
        const double* mean = table.mean + 3 * j;
        const double shift =
            -(1 + eta[i] * eta[i] / 3) / 30 - (mean[0] + t * (mean[1] + t * mean[2]));
        const double origin = (delta[i] - grid.first) * grid.per_step + width * shift;
        const double* v0 = table.node + 2 * j * (K + 1);
        const double* v1 = v0 + (K + 1);
        for (std::size_t k = 0; k <= K; ++k)
            place[k] = origin + width * (v0[k] + t * (v1[k] - v0[k]));
        const double* m0 = table.mass + 2 * j * K;
        const double* m1 = m0 + K;
        for (std::size_t k = 0; k < K; ++k) mass[k] = m * (m0[k] + t * (m1[k] - m0[k]));
        if (place[0] >= 0 && place[K] <= last) {
            for (std::size_t k = 0; k < K; ++k) add_box(place[k], place[k + 1], mass[k], to);
        } else {
            double lost = 0;
            for (std::size_t k = 0; k < K; ++k)
                lost += add_clipped(place[k], place[k + 1], mass[k], last, to);
            outside[c] += lost;
        }
    }
}

void powder_line(const LineGrid& grid, std::size_t n_orientations, const double* x2,
                 const double* y, double delta, double width, double eta, double weight,
                 double* out, double* outside) {
    const double last = static_cast<double>(grid.n - 1),
                 origin = (delta - grid.first) * grid.per_step;
    const double per_step = width * grid.per_step, m = weight / static_cast<double>(n_orientations);
    const double iso = (1 + eta * eta / 3) / 30, p4 = (1 + eta * eta / 18) / 160;
    const double two = eta / 48, four = 7 * eta * eta / 576;
    double lost = 0;
    for (std::size_t k = 0; k < n_orientations; ++k) {
        const double w = x2[k], s = 1 - w;
        const double u = iso + p4 * ((35 * w - 30) * w + 3) - two * s * (7 * w - 1) * y[k] +
                         four * s * s * (2 * y[k] * y[k] - 1);
        const double place = origin - per_step * u;
        if (place >= 0 && place <= last) {
            add_point(place, m, out);
        } else {
            lost += m;
        }
    }
    *outside += lost;
}

}  // namespace glassnmr::GLASSNMR_LEVEL
