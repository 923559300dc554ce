// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/harmonics.hpp>
#include <string>

#include "kernels/kernels.hpp"
#include "parallel.hpp"

namespace glassnmr {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr std::size_t lanes = 8;
constexpr std::size_t block = 512;  // directions a task

}  // namespace

std::vector<double> legendre_constants(std::size_t l_max) {
    if (l_max > largest_l) {
        invalid("l_max must be at most " + std::to_string(largest_l) + ", got " +
                std::to_string(l_max));
    }
    std::vector<double> constants;
    double start = std::sqrt(1 / (4 * pi));
    for (std::size_t m = 0; m <= l_max; ++m) {
        const auto order = static_cast<double>(m);
        if (m == 1) start *= std::sqrt(2 * 1.5);  // the sqrt(2) of the real harmonics enters once
        if (m > 1) start *= std::sqrt((2 * order + 1) / (2 * order));
        constants.push_back(start);
        for (std::size_t l = m + 1; l <= l_max; ++l) {
            const auto k = static_cast<double>(l);
            const double span = k * k - order * order;
            constants.push_back(std::sqrt((4 * k * k - 1) / span));
            constants.push_back(l == m + 1 ? 0
                                           : std::sqrt((2 * k + 1) * (k - 1 + order) *
                                                       (k - 1 - order) / ((2 * k - 3) * span)));
        }
    }
    return constants;
}

void spherical_harmonics(std::size_t l_max, std::size_t n, const double* xyz, double* out,
                         int n_threads) {
    const std::vector<double> constants = legendre_constants(l_max);
    const std::size_t n_lm = (l_max + 1) * (l_max + 1);
    parallel_for((n + block - 1) / block, n_threads, [&](std::size_t b) {
        std::vector<double> y(n_lm * lanes);
        double unit[3][lanes];
        for (std::size_t i = b * block; i < std::min(n, (b + 1) * block); i += lanes) {
            const std::size_t here = std::min(lanes, n - i);
            for (std::size_t k = 0; k < lanes; ++k) {
                const double* r = xyz + 3 * (i + std::min(k, here - 1));
                const double length = std::sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
                if (!(length > 0) || !std::isfinite(length)) {
                    invalid("directions must be finite and not zero, number " +
                            std::to_string(i + k) + " is not");
                }
                for (std::size_t x = 0; x < 3; ++x) unit[x][k] = r[x] / length;
            }
            kernels().harmonics(l_max, constants.data(), unit[0], unit[1], unit[2], y.data());
            for (std::size_t k = 0; k < here; ++k) {
                for (std::size_t lm = 0; lm < n_lm; ++lm)
                    out[(i + k) * n_lm + lm] = y[lm * lanes + k];
            }
        }
    });
}

}  // namespace glassnmr
