// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace glassnmr {

/// Ridge regression with a free bias on features Phi, given as its transpose `factor` (m, n), m <=
/// n: THEORY.md eq. (9.1).
///
/// min sum_i w_i (y_i - b - phi_i . v)^2 + lam |v|^2 by corrected normal equations of the centred
/// features, eq. (9.23), or by QR where lam is too small for them. weights (n) or null for ones; y
/// (n, n_targets). One factorisation serves n_counts prefixes of the features (counts, each
/// in 1..m): v (n_counts, m, n_targets), zero beyond each count, and bias (n_counts, n_targets).
/// Throws numerical_error when the result is not finite.
///
/// For the variance of a prediction, eq. (9.10), unless null: means (m) of the features, and root
/// (m, m) lower with root root^T = A^T A + lam, of all m features; counts must then end with m, and
/// lam be positive. Without `free_bias` b is 0, and nothing is centred.
GLASSNMR_API void ridge(std::size_t n, std::size_t m, const double* factor, const double* weights,
                        std::size_t n_targets, const double* y, double lam, std::size_t n_counts,
                        const std::int64_t* counts, double* v, double* bias, int n_threads = 0,
                        double* means = nullptr, double* root = nullptr, bool free_bias = true);

/// The same regression for any number of lam, targets and left-out groups from one QR and SVD: eq.
/// (9.3)-(9.6). Immutable and thread-safe.
class GLASSNMR_API RidgePath {
public:
    /// Copies what it needs of factor (m, n) and of weights (n, positive, or null). Without
    /// `free_bias` b is 0, and nothing is centred: components of tensors have no mean.
    /// Throws numerical_error when the decomposition does not converge.
    RidgePath(std::size_t n, std::size_t m, const double* factor, const double* weights,
              int n_threads = 0, bool free_bias = true);
    ~RidgePath();
    RidgePath(RidgePath&&) noexcept;

    std::size_t n() const;
    std::size_t m() const;
    const double* singular_values() const;  ///< (m), descending

    /// v (n_lam, m, n_targets) and bias (n_lam, n_targets) for y (n, n_targets), eq. (9.3).
    void solve(std::size_t n_targets, const double* y, std::size_t n_lam, const double* lam,
               double* v, double* bias) const;

    /// y - prediction of each row by the regression without its group: out (n_lam, n, n_targets),
    /// eq. (9.6).
    ///
    /// group (n): 0 .. n_groups - 1. Exact for fixed features: the same as refitting without the
    /// group. Throws std::invalid_argument for fewer than two groups, numerical_error where the
    /// rest determines nothing.
    void leave_out(std::size_t n_targets, const double* y, std::size_t n_groups,
                   const std::int64_t* group, std::size_t n_lam, const double* lam, double* out,
                   int n_threads = 0) const;

private:
    struct Parts;
    std::unique_ptr<const Parts> parts_;
};

/// y - prediction of each row by the regression without it, eq. (9.6) for groups of one row: out
/// (n, n_targets).
///
/// For one lam: the factor of `ridge` and a triangular solve instead of RidgePath's singular
/// values. Rows of weight zero get 0. Throws numerical_error when the rest does not determine the
/// regression.
GLASSNMR_API void leave_one_out(std::size_t n, std::size_t m, const double* factor,
                                const double* weights, std::size_t n_targets, const double* y,
                                double lam, double* out, int n_threads = 0);

/// Kernel ridge regression alpha = (K + lam W^-1)^-1 (y - mean), THEORY.md eq. (9.8), by Cholesky.
///
/// K (n, n) is overwritten: its lower triangle by the factor of sqrt(W) K sqrt(W) + lam; weights
/// (n) or null; alpha (n, n_targets); bias (n_targets): the weighted mean of y. Throws
/// numerical_error when K + lam W^-1 is not positive definite.
GLASSNMR_API void kernel_ridge(std::size_t n, double* K, const double* weights,
                               std::size_t n_targets, const double* y, double lam, double* alpha,
                               double* bias);

/// L^-1 B, or L^-T B, in place: B (n, n_columns), L (n, n) lower. L^-1 makes features of kernel
/// rows, eq. (8.2); L^-T makes kernel weights of feature weights, eq. (9.7). Throws numerical_error
/// when L is singular.
GLASSNMR_API void solve_triangular(std::size_t n, const double* L, bool transposed,
                                   std::size_t n_columns, double* B, int n_threads = 0);

}  // namespace glassnmr
