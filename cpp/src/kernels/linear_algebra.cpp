// SPDX-License-Identifier: BSD-3-Clause
// Dense matrix products, factorisations and kernel values: THEORY.md sections 7 to 9.
#include "kernels/level.hpp"
//
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/QR>
#include <Eigen/SVD>
#include <glassnmr/kernel.hpp>

#include "kernels/linear_algebra.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

namespace {

template <int Order>
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Order>;
using Stride = Eigen::OuterStride<>;
template <int Order>
using View = Eigen::Map<Matrix<Order>, 0, Stride>;
template <int Order>
using ConstView = Eigen::Map<const Matrix<Order>, 0, Stride>;

constexpr int row_major = Eigen::RowMajor, column_major = Eigen::ColMajor;

template <int Order>
View<Order> view(double* a, std::size_t rows, std::size_t cols, std::size_t ld) {
    return {a, static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(cols),
            Stride(static_cast<Eigen::Index>(ld))};
}

template <int Order>
ConstView<Order> view(const double* a, std::size_t rows, std::size_t cols, std::size_t ld) {
    return {a, static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(cols),
            Stride(static_cast<Eigen::Index>(ld))};
}

/// `body` over a row in whole vectors, so that a value depends neither on its place nor on the
/// alignment.
template <class Body>
inline void in_packets(std::size_t n, double* row, const double* other, const Body& body) {
    constexpr std::size_t lanes = 8;
    using Packet = Eigen::Array<double, 8, 1>;
    for (std::size_t j = 0; j < n; j += lanes) {
        const std::size_t here = n - j < lanes ? n - j : lanes;
        Packet a, b;
        for (std::size_t k = 0; k < lanes; ++k) {
            a[static_cast<Eigen::Index>(k)] = row[j + (k < here ? k : 0)];
            b[static_cast<Eigen::Index>(k)] = other[j + (k < here ? k : 0)];
        }
        const Packet value = body(a, b);
        for (std::size_t k = 0; k < here; ++k) row[j + k] = value[static_cast<Eigen::Index>(k)];
    }
}

template <class Product>
inline void accumulate(View<row_major>& to, double alpha, double beta, const Product& product) {
    if (beta == 0) {
        to.setZero();
    } else if (beta != 1) {
        to *= beta;
    }
    if (alpha == 1) {
        to.noalias() += product;
    } else if (alpha == -1) {
        to.noalias() -= product;
    } else {
        to.noalias() += alpha * product;
    }
}

}  // namespace

void gemm_nt(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
             std::size_t lda, const double* b, std::size_t ldb, double beta, double* c,
             std::size_t ldc) {
    auto to = view<row_major>(c, m, n, ldc);
    accumulate(to, alpha, beta,
               view<row_major>(a, m, k, lda) * view<row_major>(b, n, k, ldb).transpose());
}

void gemm_nn(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
             std::size_t lda, const double* b, std::size_t ldb, double beta, double* c,
             std::size_t ldc) {
    auto to = view<row_major>(c, m, n, ldc);
    accumulate(to, alpha, beta, view<row_major>(a, m, k, lda) * view<row_major>(b, k, n, ldb));
}

void kernel_values(const Kernel& kernel, std::size_t n, std::size_t m, const double* xx,
                   const double* yy, double* g, std::size_t ldg) {
    for (std::size_t i = 0; i < n; ++i) {
        double* row = g + i * ldg;
        if (kernel.kind == KernelKind::gaussian) {
            const double x = xx[i], minus_kappa = -kernel.kappa;
            in_packets(m, row, yy, [=](const auto& dot, const auto& y) {
                return (((x + y) - 2 * dot).max(0.0) * minus_kappa).exp();
            });
        } else if (kernel.kind == KernelKind::polynomial) {
            for (std::size_t j = 0; j < m; ++j) {
                const double base = row[j] + kernel.offset;
                double value = base;
                for (int d = 1; d < kernel.degree; ++d) value *= base;
                row[j] = value;
            }
        }
    }
}

void kernel_from_distances(double kappa, std::size_t n, double* d2) {
    in_packets(n, d2, d2, [=](const auto& a, const auto&) { return (a * -kappa).exp(); });
}

double dot(std::size_t n, const double* a, const double* b) {
    constexpr std::size_t lanes = 8;
    double part[lanes] = {};
    std::size_t k = 0;
    for (; k + lanes <= n; k += lanes) {
        for (std::size_t j = 0; j < lanes; ++j) part[j] += a[k + j] * b[k + j];
    }
    for (std::size_t j = 0; k < n; ++k, ++j) part[j] += a[k] * b[k];
    return ((part[0] + part[4]) + (part[2] + part[6])) +
           ((part[1] + part[5]) + (part[3] + part[7]));
}

void axpy(std::size_t n, double a, const double* x, double* y) {
    for (std::size_t k = 0; k < n; ++k) y[k] += a * x[k];
}

std::size_t cholesky(std::size_t n, double* a, std::size_t lda) {
    auto matrix = view<row_major>(a, n, n, lda);
    const auto failed = Eigen::internal::llt_inplace<double, Eigen::Lower>::blocked(matrix);
    return failed < 0 ? n : static_cast<std::size_t>(failed);
}

void solve_lower(std::size_t n, const double* l, std::size_t ldl, bool transposed,
                 std::size_t n_rhs, double* b, std::size_t ldb) {
    const auto lower = view<row_major>(l, n, n, ldl);
    auto rhs = view<row_major>(b, n, n_rhs, ldb);
    if (transposed) {
        lower.transpose().triangularView<Eigen::Upper>().solveInPlace(rhs);
    } else {
        lower.triangularView<Eigen::Lower>().solveInPlace(rhs);
    }
}

void solve_upper(std::size_t n, const double* r, std::size_t ldr, std::size_t n_rhs, double* b,
                 std::size_t ldb) {
    auto rhs = view<column_major>(b, n, n_rhs, ldb);
    view<column_major>(r, n, n, ldr).triangularView<Eigen::Upper>().solveInPlace(rhs);
}

void qr(std::size_t rows, std::size_t cols, double* a, std::size_t lda, double* tau) {
    Eigen::Ref<Matrix<column_major>, 0, Stride> matrix(view<column_major>(a, rows, cols, lda));
    const Eigen::HouseholderQR<Eigen::Ref<Matrix<column_major>, 0, Stride>> factored(matrix);
    for (std::size_t k = 0; k < cols; ++k)
        tau[k] = factored.hCoeffs()[static_cast<Eigen::Index>(k)];
}

void apply_q(std::size_t rows, std::size_t cols, const double* a, std::size_t lda,
             const double* tau, bool transposed, std::size_t n_rhs, double* b, std::size_t ldb) {
    const auto reflectors = view<column_major>(a, rows, cols, lda);
    const Eigen::Map<const Eigen::VectorXd> scales(tau, static_cast<Eigen::Index>(cols));
    auto to = view<column_major>(b, rows, n_rhs, ldb);
    const Eigen::HouseholderSequence<const ConstView<column_major>,
                                     const Eigen::Map<const Eigen::VectorXd>>
        q(reflectors, scales);
    if (transposed) {
        to.applyOnTheLeft(q.transpose());
    } else {
        to.applyOnTheLeft(q);
    }
}

bool svd(std::size_t n, const double* r, double* u, double* s, double* v) {
    const Eigen::BDCSVD<Matrix<column_major>> parts(view<column_major>(r, n, n, n),
                                                    Eigen::ComputeThinU | Eigen::ComputeThinV);
    if (parts.info() != Eigen::Success) return false;
    view<column_major>(u, n, n, n) = parts.matrixU();
    view<column_major>(v, n, n, n) = parts.matrixV();
    for (std::size_t k = 0; k < n; ++k) s[k] = parts.singularValues()[static_cast<Eigen::Index>(k)];
    return true;
}

}  // namespace glassnmr::GLASSNMR_LEVEL
