// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <glassnmr/kernel.hpp>
#include <memory>
#include <vector>

namespace glassnmr {

/// How the products of rows with landmarks are made; all else is double.
enum class Precision {
    full,    ///< double
    single,  ///< float32 products of rows taken from the landmarks' mean, THEORY.md eq. (7.7)
};

/// What the variance of a prediction needs of the regression, THEORY.md eq. (9.10); `root` and
/// `means` are empty for exact kernel ridge, eq. (9.28), whose leverage is 0.
struct VarianceParts {
    std::vector<double> cholesky;  ///< (M, M) row-major, lower: L_MM, or that of K + lam W^-1
    std::vector<double> root;      ///< (M, M) row-major, lower: R'^T
    std::vector<double> means;     ///< (M) of the features
    double total_weight = 0;       ///< > 0
};

/// Throws std::invalid_argument when the parts do not belong to m landmarks.
GLASSNMR_API void check_variance(const VarianceParts& parts, std::size_t m);

/// A kernel expansion made ready for many rows: landmarks as panels, in either precision.
///
/// Immutable and thread-safe; the panels of a precision are made when it is first asked for.
class GLASSNMR_API Predictor {
public:
    /// landmarks (m, d), weights (m, n_targets), bias (n_targets); the caller keeps the arrays and
    /// `variance` (null: no variances) alive.
    Predictor(const KernelSum& kernel, std::size_t m, std::size_t d, const double* landmarks,
              std::size_t n_targets, const double* weights, const double* bias,
              const VarianceParts* variance = nullptr);
    ~Predictor();
    Predictor(Predictor&&) noexcept;
    Predictor& operator=(Predictor&&) noexcept;

    /// THEORY.md eq. (9.7): out (n, n_targets) for rows X (n, d); and unless null spread (n, 2):
    /// the Cholesky variance and the leverage of each row, eq. (9.10), always in double.
    ///
    /// In blocks, so that memory does not grow with n; the same bits for any number of threads.
    void predict(std::size_t n, const double* X, double* out, double* spread = nullptr,
                 Precision precision = Precision::full, int n_threads = 0) const;

    /// The same for one block of rows on the calling thread, to run beside the descriptor.
    void block(std::size_t n, const double* X, double* out, double* spread,
               Precision precision) const;

    /// From dL/dout (n, n_targets) of a block to dL/dX (n, d), THEORY.md eq. (7.8), (9.7).
    void gradient(std::size_t n, const double* X, const double* dl_dout, double* dl_dX) const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace glassnmr
