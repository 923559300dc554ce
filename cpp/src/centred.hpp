// SPDX-License-Identifier: BSD-3-Clause
// Features and targets without their weighted means: THEORY.md eq. (9.2).
#pragma once

#include <cmath>
#include <glassnmr/error.hpp>
#include <string>

#include "aligned.hpp"
#include "kernels/kernels.hpp"
#include "parallel.hpp"

namespace glassnmr {

/// Square roots of the weights, and their sum of squares; without a free bias all means are zero.
struct Weights {
    Weights(std::size_t n, const double* weights, bool with_bias = true)
        : root(n, 1.0), free_bias(with_bias) {
        for (std::size_t i = 0; weights && i < n; ++i) {
            if (!(weights[i] >= 0) || !std::isfinite(weights[i])) {
                invalid("sample_weight must be finite and not negative, got " +
                        std::to_string(weights[i]));
            }
            root[i] = std::sqrt(weights[i]);
        }
        for (std::size_t i = 0; i < n; ++i) sum += root[i] * root[i];
        if (!(sum > 0)) invalid("sample_weight must not be zero everywhere");
    }

    /// Weighted mean of every `stride`-th number.
    double mean(const double* values, std::size_t stride = 1) const {
        if (!free_bias) return 0;
        return sums(root.size(),
                    [&](std::size_t i) { return root[i] * root[i] * values[i * stride]; }) /
               sum;
    }

    /// Sum of value(i) over all rows, in lanes that do not wait for each other.
    template <class Value>
    static double sums(std::size_t n, const Value& value) {
        constexpr std::size_t lanes = 8;
        double part[lanes] = {};
        std::size_t i = 0;
        for (; i + lanes <= n; i += lanes) {
            for (std::size_t k = 0; k < lanes; ++k) part[k] += value(i + k);
        }
        for (std::size_t k = 0; i < n; ++i, ++k) part[k] += value(i);
        return ((part[0] + part[4]) + (part[2] + part[6])) +
               ((part[1] + part[5]) + (part[3] + part[7]));
    }

    Buffer root;
    double sum = 0;
    bool free_bias;
};

/// Weighted means (m) of the features, given as rows of factor (m, n).
inline void column_means(const Weights& w, std::size_t n, std::size_t m, const double* factor,
                         double* means, int n_threads) {
    parallel_for(m, n_threads, [&](std::size_t c) { means[c] = w.mean(factor + c * n); });
}

/// Columns sqrt(w) (phi - mean), column-major (n, m).
inline void centre(const Weights& w, std::size_t n, std::size_t m, const double* factor,
                   const double* means, double* a, int n_threads) {
    parallel_for(m, n_threads, [&](std::size_t c) {
        for (std::size_t i = 0; i < n; ++i)
            a[c * n + i] = w.root[i] * (factor[c * n + i] - means[c]);
    });
}

/// sqrt(w) (y - mean), column-major (n, n_targets).
inline void centre_targets(const Weights& w, std::size_t n, std::size_t n_targets, const double* y,
                           double* out, double* means) {
    for (std::size_t t = 0; t < n_targets; ++t) {
        means[t] = w.mean(y + t, n_targets);
        for (std::size_t i = 0; i < n; ++i)
            out[t * n + i] = w.root[i] * (y[i * n_targets + t] - means[t]);
    }
}

}  // namespace glassnmr
