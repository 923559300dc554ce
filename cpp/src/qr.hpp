// SPDX-License-Identifier: BSD-3-Clause
// QR factors by panels, THEORY.md eq. (9.3); the same bits for any number of threads.
#pragma once

#include <cstddef>

#include "aligned.hpp"

namespace glassnmr {

/// Householder QR of a (rows, cols), column-major with leading dimension lda, rows >= cols.
class PanelQr {
public:
    /// In place: R above, the reflectors below. The caller keeps `a` as it is for `apply`.
    PanelQr(std::size_t rows, std::size_t cols, double* a, std::size_t lda, int n_threads);

    /// B <- Q B, or Q^T B; column-major, B (rows, n_rhs).
    void apply(bool transposed, std::size_t n_rhs, double* b, std::size_t ldb, int n_threads) const;

private:
    std::size_t rows_, cols_, lda_;
    const double* a_;
    Buffer t_;
};

/// QR of [R; root I], R (n, n) upper triangular, column-major with leading dimension ldr; with what
/// Q^T makes of [C; 0], C (n, n_rhs) column-major with leading dimension n.
///
/// Out: lower (n, n), row-major, R'^T; C is overwritten by the first n rows of Q^T [C; 0].
void damped_qr(std::size_t n, const double* R, std::size_t ldr, double root, std::size_t n_rhs,
               double* C, double* lower, int n_threads);

}  // namespace glassnmr
