// SPDX-License-Identifier: BSD-3-Clause
// Damped least squares by the square of the features, corrected to what QR would give: THEORY.md
// section 9.
#pragma once

#include "aligned.hpp"
#include "centred.hpp"

namespace glassnmr {

/// R'^T R' = A^T A + lam for centred features A, and least squares with it. Features are read where
/// they are, some rows at a time: no copy of them is made.
class NormalEquations {
public:
    /// factor (m, n): features, transposed; kept as a pointer, as are the weights.
    NormalEquations(const Weights& weights, std::size_t n, std::size_t m, const double* factor,
                    int n_threads);

    const Buffer& means() const { return means_; }  ///< (m) of the features

    /// Whether lam is so far above the rounding errors of A^T A that a correction or two make the
    /// solution that of least squares.
    bool sound(double lam) const;

    /// Form A^T A + lam and factor it; false if it is not positive definite.
    bool factorise(double lam);

    const Buffer& lower() const { return lower_; }  ///< (m, m) R'^T

    /// v (k, n_targets) of min |A v - z|^2 + lam |v|^2 over the first k features, for centred
    /// targets z (n_targets, n).
    void solve(std::size_t k, std::size_t n_targets, const double* z, double* v) const;

private:
    void add_rows(std::size_t first, std::size_t count, double* part, double* packed);
    double correct(std::size_t k, const double* z, double* v) const;

    const Weights& weights_;
    std::size_t n_, m_;
    const double* factor_;
    int n_threads_;
    double lam_ = 0, trace_ = 0;
    Buffer means_, lower_;
};

}  // namespace glassnmr
