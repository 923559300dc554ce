// SPDX-License-Identifier: BSD-3-Clause
// Entries of products.cpp.
#pragma once

#include <cstddef>

namespace glassnmr {

/// Columns of a packed matrix that a call may begin at: a multiple of every level's panel.
constexpr std::size_t packed_step = 240;

/// Matrix products; row-major with leading dimensions.
///
/// Each number of a product is summed up in the same order wherever it lies in its matrix, so that
/// it has the same bits however the work is divided.
struct ProductKernels {
    double (*dot)(std::size_t n, const double* a, const double* b);
    void (*axpy)(std::size_t n, double a, const double* x, double* y);  ///< y += a x

    /// C = alpha A B^T + beta C with A (m, k), B (n, k).
    void (*gemm_nt)(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
                    std::size_t lda, const double* b, std::size_t ldb, double beta, double* c,
                    std::size_t ldc);

    /// C = alpha A B + beta C with A (m, k), B (k, n).
    void (*gemm_nn)(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
                    std::size_t lda, const double* b, std::size_t ldb, double beta, double* c,
                    std::size_t ldc);

    /// C = alpha A^T B + beta C with A (k, m), B (k, n).
    void (*gemm_tn)(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
                    std::size_t lda, const double* b, std::size_t ldb, double beta, double* c,
                    std::size_t ldc);

    /// Numbers that B (n, k) takes when packed.
    std::size_t (*packed_size)(std::size_t n, std::size_t k);

    /// Rows first .. first + count of B (n, k) as panels, to be read many times by gemm_packed;
    /// first is a multiple of packed_step, and count too unless the rows end there.
    void (*pack)(std::size_t n, std::size_t k, const double* b, std::size_t ldb, std::size_t first,
                 std::size_t count, double* packed);

    /// gemm_nt with rows first .. first + count of a packed B (n, k), C (m, count).
    void (*gemm_packed)(std::size_t m, std::size_t k, double alpha, const double* a,
                        std::size_t lda, std::size_t n, const double* packed, std::size_t first,
                        std::size_t count, double beta, double* c, std::size_t ldc);

    /// The same three in single precision: both operands are rounded after `origin` (k) is taken
    /// off, sums longer than some hundred terms are added up in double.
    std::size_t (*packed_size_single)(std::size_t n, std::size_t k);
    void (*pack_single)(std::size_t n, std::size_t k, const double* b, std::size_t ldb,
                        const double* origin, std::size_t first, std::size_t count, float* packed);
    void (*gemm_packed_single)(std::size_t m, std::size_t k, const double* a, std::size_t lda,
                               const double* origin, std::size_t n, const float* packed,
                               std::size_t first, std::size_t count, double* c, std::size_t ldc);

    /// |x - origin|^2 of each row of X (n, k), rounded to single precision as the products are.
    void (*norms_single)(std::size_t n, std::size_t k, const double* x, std::size_t ldx,
                         const double* origin, double* out);
};

#ifdef GLASSNMR_ENTRY  // inside the kernels: this level's functions
namespace GLASSNMR_LEVEL {
GLASSNMR_ENTRY(ProductKernels, dot);
GLASSNMR_ENTRY(ProductKernels, axpy);
GLASSNMR_ENTRY(ProductKernels, gemm_nt);
GLASSNMR_ENTRY(ProductKernels, gemm_nn);
GLASSNMR_ENTRY(ProductKernels, gemm_tn);
GLASSNMR_ENTRY(ProductKernels, packed_size);
GLASSNMR_ENTRY(ProductKernels, pack);
GLASSNMR_ENTRY(ProductKernels, gemm_packed);
GLASSNMR_ENTRY(ProductKernels, packed_size_single);
GLASSNMR_ENTRY(ProductKernels, pack_single);
GLASSNMR_ENTRY(ProductKernels, gemm_packed_single);
GLASSNMR_ENTRY(ProductKernels, norms_single);
}  // namespace GLASSNMR_LEVEL
#endif

}  // namespace glassnmr
