// SPDX-License-Identifier: BSD-3-Clause
// Entries of factorisations.cpp.
#pragma once

#include <cstddef>

namespace glassnmr {

/// Triangular factors and orthogonal ones, by recursion on halves down to a few columns, so that
/// nearly all of the work is matrix products.
struct FactorKernels {
    /// Lower Cholesky factor in place, row-major; the column where it fails, or n.
    std::size_t (*cholesky)(std::size_t n, double* a, std::size_t lda);

    /// B <- L^-1 B, or L^-T B, with B (n, n_rhs); row-major.
    void (*solve_lower)(std::size_t n, const double* l, std::size_t ldl, bool transposed,
                        std::size_t n_rhs, double* b, std::size_t ldb);

    /// Householder QR in place of a panel of few columns, column-major, rows >= cols: R above, the
    /// reflectors V (unit lower) below, and t (cols, cols), row-major upper, such that Q = I - V t
    /// V^T (R. Schreiber, C. Van Loan, SIAM J. Sci. Stat. Comput. 10 (1989) 53).
    void (*qr_panel)(std::size_t rows, std::size_t cols, double* a, std::size_t lda, double* t,
                     std::size_t ldt);

    /// B <- Q B, or Q^T B, with the panel's Q; column-major, B (rows, n_rhs).
    void (*apply_panel)(std::size_t rows, std::size_t cols, const double* a, std::size_t lda,
                        const double* t, std::size_t ldt, bool transposed, std::size_t n_rhs,
                        double* b, std::size_t ldb);
};

#ifdef GLASSNMR_ENTRY  // inside the kernels: this level's functions
namespace GLASSNMR_LEVEL {
GLASSNMR_ENTRY(FactorKernels, cholesky);
GLASSNMR_ENTRY(FactorKernels, solve_lower);
GLASSNMR_ENTRY(FactorKernels, qr_panel);
GLASSNMR_ENTRY(FactorKernels, apply_panel);
}  // namespace GLASSNMR_LEVEL
#endif

}  // namespace glassnmr
