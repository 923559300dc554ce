// SPDX-License-Identifier: BSD-3-Clause
// Cholesky and QR factors, triangular solves: THEORY.md sections 8 and 9.
#include "kernels/level.hpp"
//
#include <Eigen/Core>
#include <cmath>

#include "kernels/factorisations.hpp"
#include "kernels/products.hpp"
#include "kernels/scratch.hpp"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wignored-attributes"  // a vector type as a template argument
#endif

namespace glassnmr::GLASSNMR_LEVEL {

namespace {

constexpr std::size_t few = 8;  // rows or columns that are done one by one

/// Where to divide: whole tiles of the products while there are enough.
std::size_t half(std::size_t n) { return n > 96 ? (n / 2 + 47) / 48 * 48 : n / 2; }

/// X <- X L^-T with X (rows, n), row-major.
void solve_right(std::size_t rows, std::size_t n, const double* l, std::size_t ldl, double* x,
                 std::size_t ldx) {
    if (n > few) {
        const std::size_t h = half(n);
        solve_right(rows, h, l, ldl, x, ldx);
        gemm_nt(rows, n - h, h, -1, x, ldx, l + h * ldl, ldl, 1, x + h, ldx);
        solve_right(rows, n - h, l + h * ldl + h, ldl, x + h, ldx);
        return;
    }
    for (std::size_t i = 0; i < rows; ++i) {
        double* row = x + i * ldx;
        for (std::size_t j = 0; j < n; ++j) {
            for (std::size_t k = 0; k < j; ++k) row[j] -= row[k] * l[j * ldl + k];
            row[j] /= l[j * ldl + j];
        }
    }
}

/// Lower part of A (n, n) minus X X^T with X (n, k), row-major.
void subtract_square(std::size_t n, std::size_t k, const double* x, std::size_t ldx, double* a,
                     std::size_t lda) {
    if (n <= 96) {
        gemm_nt(n, n, k, -1, x, ldx, x, ldx, 1, a, lda);
        return;
    }
    const std::size_t h = half(n);
    subtract_square(h, k, x, ldx, a, lda);
    gemm_nt(n - h, h, k, -1, x + h * ldx, ldx, x, ldx, 1, a + h * lda, lda);
    subtract_square(n - h, k, x + h * ldx, ldx, a + h * lda + h, lda);
}

template <class T>
using Vector = typename Eigen::internal::packet_traits<T>::type;
constexpr std::size_t lanes = Eigen::internal::unpacket_traits<Vector<double>>::size;
constexpr std::size_t thin = 24;     // columns for which packing would cost more than it brings
constexpr std::size_t chunk = 1024;  // entries of long rows that stay in the cache meanwhile
constexpr std::size_t tile = 4;      // rows held in registers

/// C (m, n) += A B^T for few rows of great length k, without packing.
void add_long_products(std::size_t m, std::size_t n, std::size_t k, const double* a,
                       std::size_t lda, const double* b, std::size_t ldb, double* c,
                       std::size_t ldc) {
    using namespace Eigen::internal;
    constexpr std::size_t wide = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 4 : 2;
    for (std::size_t k0 = 0; k0 < k; k0 += chunk) {
        const std::size_t here = k - k0 < chunk ? k - k0 : chunk, whole = here / lanes * lanes;
        for (std::size_t i = 0; i < m; i += tile) {
            for (std::size_t j = 0; j < n; j += wide) {
                const double *left[tile], *right[wide];  // beyond the end the last one again
                for (std::size_t r = 0; r < tile; ++r)
                    left[r] = a + (i + r < m ? i + r : m - 1) * lda + k0;
                for (std::size_t q = 0; q < wide; ++q)
                    right[q] = b + (j + q < n ? j + q : n - 1) * ldb + k0;
                Vector<double> sum[tile][wide];
                for (auto& row : sum)
                    for (auto& v : row) v = pset1<Vector<double>>(0.0);
                for (std::size_t x = 0; x < whole; x += lanes) {
                    Vector<double> other[wide];
                    for (std::size_t q = 0; q < wide; ++q)
                        other[q] = ploadu<Vector<double>>(right[q] + x);
                    for (std::size_t r = 0; r < tile; ++r) {
                        const Vector<double> one = ploadu<Vector<double>>(left[r] + x);
                        for (std::size_t q = 0; q < wide; ++q)
                            sum[r][q] = pmadd(one, other[q], sum[r][q]);
                    }
                }
                for (std::size_t r = 0; r < tile && i + r < m; ++r) {
                    for (std::size_t q = 0; q < wide && j + q < n; ++q) {
                        double total = predux(sum[r][q]);
                        for (std::size_t x = whole; x < here; ++x)
                            total += left[r][x] * right[q][x];
                        c[(i + r) * ldc + j + q] += total;
                    }
                }
            }
        }
    }
}

/// C (m, n) -= A B for a small A (m, k) and long rows of B and C, without packing.
void subtract_long_rows(std::size_t m, std::size_t n, std::size_t k, const double* a,
                        std::size_t lda, const double* b, std::size_t ldb, double* c,
                        std::size_t ldc) {
    using namespace Eigen::internal;
    constexpr std::size_t step = 2 * lanes;
    for (std::size_t n0 = 0; n0 < n; n0 += chunk) {
        const std::size_t end = n - n0 < chunk ? n : n0 + chunk;
        for (std::size_t i = 0; i < m; i += tile) {
            const std::size_t rows = m - i < tile ? m - i : tile;
            std::size_t x = n0;
            for (; rows == tile && x + step <= end; x += step) {
                Vector<double> sum[tile][2];
                for (std::size_t r = 0; r < tile; ++r)
                    for (std::size_t q = 0; q < 2; ++q)
                        sum[r][q] = ploadu<Vector<double>>(c + (i + r) * ldc + x + q * lanes);
                for (std::size_t j = 0; j < k; ++j) {
                    const Vector<double> first = ploadu<Vector<double>>(b + j * ldb + x),
                                         second = ploadu<Vector<double>>(b + j * ldb + x + lanes);
                    for (std::size_t r = 0; r < tile; ++r) {
                        const Vector<double> factor = pset1<Vector<double>>(-a[(i + r) * lda + j]);
                        sum[r][0] = pmadd(factor, first, sum[r][0]);
                        sum[r][1] = pmadd(factor, second, sum[r][1]);
                    }
                }
                for (std::size_t r = 0; r < tile; ++r)
                    for (std::size_t q = 0; q < 2; ++q)
                        pstoreu(c + (i + r) * ldc + x + q * lanes, sum[r][q]);
            }
            for (std::size_t r = 0; r < rows && x < end; ++r) {
                for (std::size_t j = 0; j < k; ++j)
                    axpy(end - x, -a[(i + r) * lda + j], b + j * ldb + x, c + (i + r) * ldc + x);
            }
        }
    }
}

/// Reflector that takes x (n) to (beta, 0 ...): x becomes (beta, v_2 ...); its factor tau.
double reflector(std::size_t n, double* x) {
    const double rest = dot(n - 1, x + 1, x + 1);
    if (rest == 0) return 0;
    const double size = std::sqrt(x[0] * x[0] + rest), beta = x[0] > 0 ? -size : size;
    const double scale = 1 / (x[0] - beta), tau = (beta - x[0]) / beta;
    for (std::size_t i = 1; i < n; ++i) x[i] *= scale;
    x[0] = beta;
    return tau;
}

/// The unit lower triangle on top of a panel, transposed: row j holds column j of V.
void copy_top(std::size_t cols, const double* a, std::size_t lda, double* top) {
    for (std::size_t j = 0; j < cols; ++j) {
        for (std::size_t i = 0; i < cols; ++i)
            top[j * cols + i] = i < j ? 0 : i == j ? 1 : a[j * lda + i];
    }
}

}  // namespace

std::size_t cholesky(std::size_t n, double* a, std::size_t lda) {
    if (n > few) {
        const std::size_t h = half(n);
        if (const std::size_t failed = cholesky(h, a, lda); failed < h) return failed;
        solve_right(n - h, h, a, lda, a + h * lda, lda);
        subtract_square(n - h, h, a + h * lda, lda, a + h * lda + h, lda);
        return h + cholesky(n - h, a + h * lda + h, lda);
    }
    for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t k = 0; k < j; ++k) {
            for (std::size_t i = j; i < n; ++i) a[i * lda + j] -= a[i * lda + k] * a[j * lda + k];
        }
        if (!(a[j * lda + j] > 0)) return j;
        const double root = std::sqrt(a[j * lda + j]);
        for (std::size_t i = j; i < n; ++i) a[i * lda + j] /= root;
    }
    return n;
}

void solve_lower(std::size_t n, const double* l, std::size_t ldl, bool transposed,
                 std::size_t n_rhs, double* b, std::size_t ldb) {
    if (n > few) {
        const std::size_t h = half(n);
        const double *corner = l + h * ldl + h, *below = l + h * ldl;
        double* rest = b + h * ldb;
        if (transposed) {
            solve_lower(n - h, corner, ldl, true, n_rhs, rest, ldb);
            gemm_tn(h, n_rhs, n - h, -1, below, ldl, rest, ldb, 1, b, ldb);
            solve_lower(h, l, ldl, true, n_rhs, b, ldb);
        } else {
            solve_lower(h, l, ldl, false, n_rhs, b, ldb);
            gemm_nn(n - h, n_rhs, h, -1, below, ldl, b, ldb, 1, rest, ldb);
            solve_lower(n - h, corner, ldl, false, n_rhs, rest, ldb);
        }
        return;
    }
    for (std::size_t s = 0; s < n; ++s) {
        const std::size_t i = transposed ? n - 1 - s : s;
        double* row = b + i * ldb;
        for (std::size_t k = transposed ? i + 1 : 0; k < (transposed ? n : i); ++k)
            axpy(n_rhs, -(transposed ? l[k * ldl + i] : l[i * ldl + k]), b + k * ldb, row);
        for (std::size_t c = 0; c < n_rhs; ++c) row[c] /= l[i * ldl + i];
    }
}

void qr_panel(std::size_t rows, std::size_t cols, double* a, std::size_t lda, double* t,
              std::size_t ldt) {
    if (cols == 1) {
        *t = reflector(rows, a);
        return;
    }
    const std::size_t whole = (half(cols) + tile - 1) / tile * tile;
    const std::size_t h = whole < cols ? whole : half(cols), rest = cols - h;
    double *right = a + h * lda, *corner = t + h * ldt + h, *above = t + h;
    qr_panel(rows, h, a, lda, t, ldt);
    apply_panel(rows, h, a, lda, t, ldt, true, rest, right, lda);
    qr_panel(rows - h, rest, right + h, lda, corner, ldt);
    // t_12 = -t_11 (V_1^T V_2) t_22, V_2 beginning h rows further down
    const Scratch<double> scratch(rest * rest + 2 * h * rest);
    double *top = scratch.data(), *overlap = top + rest * rest, *half_way = overlap + h * rest;
    copy_top(rest, right + h, lda, top);
    gemm_nt(h, rest, rest, 1, a + h, lda, top, rest, 0, overlap, rest);
    if (rest <= thin) {
        add_long_products(h, rest, rows - cols, a + cols, lda, right + cols, lda, overlap, rest);
    } else {
        gemm_nt(h, rest, rows - cols, 1, a + cols, lda, right + cols, lda, 1, overlap, rest);
    }
    for (std::size_t i = h; i < cols; ++i)
        for (std::size_t j = 0; j < h; ++j) t[i * ldt + j] = 0;
    gemm_nn(h, rest, h, -1, t, ldt, overlap, rest, 0, half_way, rest);
    gemm_nn(h, rest, rest, 1, half_way, rest, corner, ldt, 0, above, ldt);
}

void apply_panel(std::size_t rows, std::size_t cols, const double* a, std::size_t lda,
                 const double* t, std::size_t ldt, bool transposed, std::size_t n_rhs, double* b,
                 std::size_t ldb) {
    if (cols == 1) {
        for (std::size_t c = 0; c < n_rhs; ++c) {
            double* x = b + c * ldb;
            const double part = *t * (x[0] + dot(rows - 1, a + 1, x + 1));
            x[0] -= part;
            axpy(rows - 1, -part, a + 1, x + 1);
        }
        return;
    }
    const Scratch<double> scratch(cols * cols + 2 * n_rhs * cols);
    double *top = scratch.data(), *w = top + cols * cols, *tw = w + n_rhs * cols;
    copy_top(cols, a, lda, top);
    gemm_nt(n_rhs, cols, cols, 1, b, ldb, top, cols, 0, w, cols);
    if (cols <= thin) {
        add_long_products(n_rhs, cols, rows - cols, b + cols, ldb, a + cols, lda, w, cols);
    } else {
        gemm_nt(n_rhs, cols, rows - cols, 1, b + cols, ldb, a + cols, lda, 1, w, cols);
    }
    if (transposed) {
        gemm_nn(n_rhs, cols, cols, 1, w, cols, t, ldt, 0, tw, cols);
    } else {
        gemm_nt(n_rhs, cols, cols, 1, w, cols, t, ldt, 0, tw, cols);
    }
    gemm_nn(n_rhs, cols, cols, -1, tw, cols, top, cols, 1, b, ldb);
    if (cols <= thin) {
        subtract_long_rows(n_rhs, rows - cols, cols, tw, cols, a + cols, lda, b + cols, ldb);
    } else {
        gemm_nn(n_rhs, rows - cols, cols, -1, tw, cols, a + cols, lda, 1, b + cols, ldb);
    }
}

}  // namespace glassnmr::GLASSNMR_LEVEL
