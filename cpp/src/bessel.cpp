// SPDX-License-Identifier: BSD-3-Clause
#include "bessel.hpp"

#include <algorithm>
#include <cmath>

namespace glassnmr {

namespace {

constexpr double pi = 3.14159265358979323846;

}  // namespace

void spherical_bessel(std::size_t l_max, double x, double* out) {
    const auto l = static_cast<double>(l_max);
    if (x < 1e-8) {
        // j_l ~ x^l / (2l+1)!!
        double term = 1;
        for (std::size_t k = 0; k <= l_max; ++k) {
            out[k] = term;
            term *= x / (2 * static_cast<double>(k) + 3);
        }
        return;
    }
    const double j0 = std::sin(x) / x, j1 = (j0 - std::cos(x)) / x;
    if (x > l) {  // upward, stable here
        out[0] = j0;
        if (l_max > 0) out[1] = j1;
        for (std::size_t k = 1; k < l_max; ++k) {
            out[k + 1] = (2 * static_cast<double>(k) + 1) / x * out[k] - out[k - 1];
        }
        return;
    }
    // Miller: downward from far above, normalised by the larger of j_0 and j_1 (never both near
    // zero).
    double above = 0, here = 1e-290, first = 0, second = 0;
    for (std::size_t k = l_max + 25 + static_cast<std::size_t>(x); k > 0; --k) {
        const double below = (2 * static_cast<double>(k) + 1) / x * here - above;
        above = here;
        here = below;
        if (k - 1 <= l_max) out[k - 1] = here;
        if (std::abs(here) > 1e250) {
            above *= 1e-250;
            here *= 1e-250;
            for (std::size_t m = k - 1; m <= l_max; ++m) out[m] *= 1e-250;
        }
        if (k == 2) second = here;
        if (k == 1) {
            first = here;
            second = above;
        }
    }
    const double scale = std::abs(j0) > std::abs(j1) ? j0 / first : j1 / second;
    for (std::size_t k = 0; k <= l_max; ++k) out[k] *= scale;
}

void scaled_modified_bessel(std::size_t l_max, double x, double* out) {
    const auto l = static_cast<double>(l_max);
    if (x < 1e-8) {
        double term = std::exp(-x);
        for (std::size_t k = 0; k <= l_max; ++k) {
            out[k] = term;
            term *= x / (2 * static_cast<double>(k) + 3);
        }
        return;
    }
    const double decay = std::exp(-2 * x), i0 = -std::expm1(-2 * x) / (2 * x);
    if (x > 2 * l * l + 10) {  // upward: the loss grows as e^{l^2 / x}
        out[0] = i0;
        if (l_max > 0) out[1] = (1 + decay) / (2 * x) - i0 / x;
        for (std::size_t k = 1; k < l_max; ++k) {
            out[k + 1] = out[k - 1] - (2 * static_cast<double>(k) + 1) / x * out[k];
        }
        return;
    }
    double above = 0, here = 1e-290;
    const auto start = static_cast<std::size_t>(l + 25 + 9 * std::sqrt(x));
    for (std::size_t k = start; k > 0; --k) {
        const double below = (2 * static_cast<double>(k) + 1) / x * here + above;
        above = here;
        here = below;
        if (k - 1 <= l_max) out[k - 1] = here;
        if (here > 1e250) {
            above *= 1e-250;
            here *= 1e-250;
            for (std::size_t m = k - 1; m <= l_max; ++m) out[m] *= 1e-250;
        }
    }
    const double scale = i0 / out[0];
    for (std::size_t k = 0; k <= l_max; ++k) out[k] *= scale;
}

std::vector<double> bessel_zeros(std::size_t l_max, std::size_t count) {
    // The zeros of j_l interlace those of j_{l-1}; each step up loses one, so start with count +
    // l_max of j_0.
    std::vector<double> zeros((l_max + 1) * count), row(count + l_max), j(l_max + 1);
    for (std::size_t n = 0; n < row.size(); ++n) row[n] = static_cast<double>(n + 1) * pi;
    for (std::size_t l = 0;; ++l) {
        std::copy_n(row.begin(), count, zeros.begin() + static_cast<std::ptrdiff_t>(l * count));
        if (l == l_max) return zeros;
        for (std::size_t n = 0; n + 1 < row.size(); ++n) {
            double low = row[n], high = row[n + 1];
            spherical_bessel(l + 1, low, j.data());
            const bool rising = j[l + 1] < 0;
            while (true) {
                const double middle = 0.5 * (low + high);
                if (middle <= low || middle >= high) break;
                spherical_bessel(l + 1, middle, j.data());
                ((j[l + 1] < 0) == rising ? low : high) = middle;
            }
            row[n] = 0.5 * (low + high);
        }
        row.pop_back();
    }
}

void gauss_legendre(std::size_t n, double a, double b, std::vector<double>& nodes,
                    std::vector<double>& weights) {
    nodes.resize(n);
    weights.resize(n);
    const auto count = static_cast<double>(n);
    for (std::size_t i = 0; i < n; ++i) {
        double x = std::cos(pi * (static_cast<double>(i) + 0.75) / (count + 0.5)), slope = 1;
        for (int step = 0; step < 100; ++step) {
            double p = 1, before = 0;
            for (std::size_t k = 0; k < n; ++k) {
                const auto m = static_cast<double>(k);
                const double next = ((2 * m + 1) * x * p - m * before) / (m + 1);
                before = p;
                p = next;
            }
            slope = count * (x * p - before) / (x * x - 1);
            const double move = p / slope;
            x -= move;
            if (std::abs(move) < 1e-15) break;
        }
        nodes[i] = 0.5 * (a + b) - 0.5 * (b - a) * x;
        weights[i] = (b - a) / ((1 - x * x) * slope * slope);
    }
}

}  // namespace glassnmr
