// SPDX-License-Identifier: BSD-3-Clause
#include "clebsch_gordan.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdlib>
#include <utility>

namespace glassnmr {

namespace {

double factorial(int n) { return std::tgamma(static_cast<double>(n) + 1); }

double sign(int n) { return n % 2 == 0 ? 1.0 : -1.0; }

/// Racah's sum, THEORY.md eq. (6.15).
double clebsch_gordan(int l1, int m1, int l2, int m2, int l, int m) {
    if (m1 + m2 != m || l < std::abs(l1 - l2) || l > l1 + l2) return 0;
    double sum = 0;
    const int first = std::max({0, l2 - l - m1, l1 - l + m2});
    const int last = std::min({l1 + l2 - l, l1 - m1, l2 + m2});
    for (int k = first; k <= last; ++k) {
        sum += sign(k) /
               (factorial(k) * factorial(l1 + l2 - l - k) * factorial(l1 - m1 - k) *
                factorial(l2 + m2 - k) * factorial(l - l2 + m1 + k) * factorial(l - l1 - m2 + k));
    }
    const double triangle = (2 * l + 1) * factorial(l1 + l2 - l) * factorial(l1 - l2 + l) *
                            factorial(l2 - l1 + l) / factorial(l1 + l2 + l + 1);
    const double ends = factorial(l1 + m1) * factorial(l1 - m1) * factorial(l2 + m2) *
                        factorial(l2 - m2) * factorial(l + m) * factorial(l - m);
    return std::sqrt(triangle) * std::sqrt(ends) * sum;
}

/// Y_real,m = sum of `factor` Y_complex,mu over the two entries: THEORY.md eq. (6.16).
struct Entry {
    int mu;
    std::complex<double> factor;
};

std::vector<Entry> row(int m) {
    const double half = std::sqrt(0.5);
    if (m == 0) return {{0, 1.0}};
    if (m > 0) return {{m, sign(m) * half}, {-m, half}};
    return {{-m, {0, -sign(m) * half}}, {m, {0, half}}};
}

}  // namespace

std::vector<double> real_clebsch_gordan(std::size_t lambda, std::size_t l1, std::size_t l2) {
    const int l = static_cast<int>(lambda), a = static_cast<int>(l1), b = static_cast<int>(l2);
    // With an odd sum of the three the coefficients are imaginary: their imaginary part is taken.
    const bool odd = (l + a + b) % 2 != 0;
    std::vector<double> out;
    out.reserve((2 * lambda + 1) * (2 * l1 + 1) * (2 * l2 + 1));
    for (int m = -l; m <= l; ++m) {
        for (int m1 = -a; m1 <= a; ++m1) {
            for (int m2 = -b; m2 <= b; ++m2) {
                std::complex<double> sum = 0;
                for (const Entry& x : row(m)) {
                    for (const Entry& y : row(m1)) {
                        for (const Entry& z : row(m2)) {
                            sum += x.factor * std::conj(y.factor) * std::conj(z.factor) *
                                   clebsch_gordan(a, y.mu, b, z.mu, l, x.mu);
                        }
                    }
                }
                const double value = odd ? sum.imag() : sum.real();
                out.push_back(std::abs(value) < 1e-15 ? 0.0 : value);
            }
        }
    }
    return out;
}

}  // namespace glassnmr
