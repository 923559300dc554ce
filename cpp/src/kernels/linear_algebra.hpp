// SPDX-License-Identifier: BSD-3-Clause
// Entries of linear_algebra.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace glassnmr {

struct Kernel;

/// Dense linear algebra; row-major with leading dimensions unless it says columns.
struct LinearKernels {
    /// C = alpha A B^T + beta C with A (m, k), B (n, k).
    void (*gemm_nt)(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
                    std::size_t lda, const double* b, std::size_t ldb, double beta, double* c,
                    std::size_t ldc);

    /// C = alpha A B + beta C with A (m, k), B (k, n).
    void (*gemm_nn)(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
                    std::size_t lda, const double* b, std::size_t ldb, double beta, double* c,
                    std::size_t ldc);

    /// Dot products g (n, m) become kernel values, THEORY.md eq. (7.1)-(7.4); xx, yy: squared norms
    /// (Gaussian only).
    void (*kernel_values)(const Kernel& kernel, std::size_t n, std::size_t m, const double* xx,
                          const double* yy, double* g, std::size_t ldg);

    /// Squared distances become exp(-kappa d2), eq. (7.1).
    void (*kernel_from_distances)(double kappa, std::size_t n, double* d2);

    double (*dot)(std::size_t n, const double* a, const double* b);
    void (*axpy)(std::size_t n, double a, const double* x, double* y);  ///< y += a x

    /// Lower Cholesky factor in place; the column where it fails, or n.
    std::size_t (*cholesky)(std::size_t n, double* a, std::size_t lda);

    /// B <- L^-1 B, or L^-T B, with B (n, n_rhs).
    void (*solve_lower)(std::size_t n, const double* l, std::size_t ldl, bool transposed,
                        std::size_t n_rhs, double* b, std::size_t ldb);

    /// B <- R^-1 B; both column-major.
    void (*solve_upper)(std::size_t n, const double* r, std::size_t ldr, std::size_t n_rhs,
                        double* b, std::size_t ldb);

    /// Householder QR in place, column-major, rows >= cols; tau (cols).
    void (*qr)(std::size_t rows, std::size_t cols, double* a, std::size_t lda, double* tau);

    /// B <- Q B, or Q^T B, with the full Q of `qr`; column-major, B (rows, n_rhs).
    void (*apply_q)(std::size_t rows, std::size_t cols, const double* a, std::size_t lda,
                    const double* tau, bool transposed, std::size_t n_rhs, double* b,
                    std::size_t ldb);

    /// r = u diag(s) v^T, all (n, n) column-major, s descending; false when it does not converge.
    bool (*svd)(std::size_t n, const double* r, double* u, double* s, double* v);
};

#ifdef GLASSNMR_ENTRY  // inside the kernels: this level's functions
namespace GLASSNMR_LEVEL {
GLASSNMR_ENTRY(LinearKernels, gemm_nt);
GLASSNMR_ENTRY(LinearKernels, gemm_nn);
GLASSNMR_ENTRY(LinearKernels, kernel_values);
GLASSNMR_ENTRY(LinearKernels, kernel_from_distances);
GLASSNMR_ENTRY(LinearKernels, dot);
GLASSNMR_ENTRY(LinearKernels, axpy);
GLASSNMR_ENTRY(LinearKernels, cholesky);
GLASSNMR_ENTRY(LinearKernels, solve_lower);
GLASSNMR_ENTRY(LinearKernels, solve_upper);
GLASSNMR_ENTRY(LinearKernels, qr);
GLASSNMR_ENTRY(LinearKernels, apply_q);
GLASSNMR_ENTRY(LinearKernels, svd);
}  // namespace GLASSNMR_LEVEL
#endif

}  // namespace glassnmr
