// SPDX-License-Identifier: BSD-3-Clause
// Declarations of this level's kernels; what each does stands in kernels.hpp.
#pragma once

#include "kernels/kernels.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

void harmonics(std::size_t l_max, const double* legendre, const double* x, const double* y,
               const double* z, double* out);
void expand(const RadialTableView& table, std::size_t n_species, const std::size_t* first,
            const double* xyz, double* c);
void power_spectrum(std::size_t n_species, std::size_t n_max, std::size_t n_pad, std::size_t l_max,
                    const double* scale, const double* c, double* p);
void gemm_nt(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
             std::size_t lda, const double* b, std::size_t ldb, double beta, double* c,
             std::size_t ldc);
void gemm_nn(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
             std::size_t lda, const double* b, std::size_t ldb, double beta, double* c,
             std::size_t ldc);
void kernel_values(const Kernel& kernel, std::size_t n, std::size_t m, const double* xx,
                   const double* yy, double* g, std::size_t ldg);
void kernel_from_distances(double kappa, std::size_t n, double* d2);
double dot(std::size_t n, const double* a, const double* b);
void axpy(std::size_t n, double a, const double* x, double* y);
std::size_t cholesky(std::size_t n, double* a, std::size_t lda);
void solve_lower(std::size_t n, const double* l, std::size_t ldl, bool transposed,
                 std::size_t n_rhs, double* b, std::size_t ldb);
void solve_upper(std::size_t n, const double* r, std::size_t ldr, std::size_t n_rhs, double* b,
                 std::size_t ldb);
void qr(std::size_t rows, std::size_t cols, double* a, std::size_t lda, double* tau);
void apply_q(std::size_t rows, std::size_t cols, const double* a, std::size_t lda,
             const double* tau, bool transposed, std::size_t n_rhs, double* b, std::size_t ldb);
bool svd(std::size_t n, const double* r, double* u, double* s, double* v);
void isotropic_lines(const LineGrid& grid, std::size_t n, const double* delta, const double* weight,
                     const std::int32_t* component, double* out, double* outside);
void central_lines(const LineGrid& grid, const CentralTable& table, double scale, std::size_t n,
                   const double* delta, const double* coupling, const double* eta,
                   const double* weight, const std::int32_t* component, double* out,
                   double* outside);
void powder_line(const LineGrid& grid, std::size_t n_orientations, const double* x2,
                 const double* y, double delta, double width, double eta, double weight,
                 double* out, double* outside);

}  // namespace glassnmr::GLASSNMR_LEVEL
