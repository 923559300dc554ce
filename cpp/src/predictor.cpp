// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/predictor.hpp>
#include <mutex>
#include <string>

#include "kernels/kernels.hpp"
#include "packed_rows.hpp"
#include "parallel.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t rows_a_task = 192;  // whole blocks of the matrix products

}  // namespace

void check_variance(const VarianceParts& v, std::size_t m) {
    const bool exact = v.root.empty() && v.means.empty();
    if (v.cholesky.size() != m * m || (!exact && (v.root.size() != m * m || v.means.size() != m))) {
        invalid("the variance needs two (" + std::to_string(m) + ", " + std::to_string(m) +
                ") factors and " + std::to_string(m) + " means");
    }
    for (const auto* values : {&v.cholesky, &v.root, &v.means}) {
        for (const double x : *values) {
            if (!std::isfinite(x)) invalid("factors and means of the variance must be finite");
        }
    }
    for (std::size_t i = 0; i < m; ++i) {
        if (!(v.cholesky[i * m + i] > 0) || (!exact && v.root[i * m + i] == 0))
            invalid("the factors of the variance must not be singular");
    }
    if (!(v.total_weight > 0) || !std::isfinite(v.total_weight))
        invalid("the total weight must be positive and finite");
}

struct Predictor::Parts {
    KernelSum kernel;
    std::size_t m, d, n_targets;
    const double *landmarks, *weights, *bias;
    const VarianceParts* variance;
    std::once_flag once[2];
    std::unique_ptr<const PackedRows> packed[2];

    const PackedRows& rows(Precision precision) {
        const auto k = static_cast<std::size_t>(precision);
        std::call_once(once[k], [&] {
            packed[k] = std::make_unique<PackedRows>(kernel, m, d, landmarks, precision, 1);
        });
        return *packed[k];
    }
};

Predictor::Predictor(const KernelSum& kernel, std::size_t m, std::size_t d, const double* landmarks,
                     std::size_t n_targets, const double* weights, const double* bias,
                     const VarianceParts* variance)
    : parts_(std::make_unique<Parts>()) {
    check_kernel(kernel, d);
    if (variance) check_variance(*variance, m);
    parts_->kernel = kernel;
    parts_->m = m;
    parts_->d = d;
    parts_->n_targets = n_targets;
    parts_->landmarks = landmarks;
    parts_->weights = weights;
    parts_->bias = bias;
    parts_->variance = variance;
}

Predictor::~Predictor() = default;
Predictor::Predictor(Predictor&&) noexcept = default;
Predictor& Predictor::operator=(Predictor&&) noexcept = default;

namespace {

/// THEORY.md eq. (9.10) from kernel rows K (n, m) and K(x, x) (n): spread (n, 2).
void spread_of(const VarianceParts& v, std::size_t n, std::size_t m, const double* K,
               const double* own, double* spread) {
    Buffer phi(m * n);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < m; ++j) phi[j * n + i] = K[i * m + j];
        spread[2 * i] = own[i];
        spread[2 * i + 1] = v.root.empty() ? 0 : 1 / v.total_weight;
    }
    kernels().solve_lower(m, v.cholesky.data(), m, false, n, phi.data(), n);
    for (std::size_t j = 0; j < m; ++j) {
        for (std::size_t i = 0; i < n; ++i) spread[2 * i] -= phi[j * n + i] * phi[j * n + i];
    }
    for (std::size_t i = 0; i < n; ++i) spread[2 * i] = std::max(spread[2 * i], 0.0);
    if (v.root.empty()) return;
    for (std::size_t j = 0; j < m; ++j) {
        for (std::size_t i = 0; i < n; ++i) phi[j * n + i] -= v.means[j];
    }
    kernels().solve_lower(m, v.root.data(), m, false, n, phi.data(), n);
    for (std::size_t j = 0; j < m; ++j) {
        for (std::size_t i = 0; i < n; ++i) spread[2 * i + 1] += phi[j * n + i] * phi[j * n + i];
    }
}

}  // namespace

void Predictor::block(std::size_t n, const double* X, double* out, double* spread,
                      Precision precision) const {
    Parts& p = *parts_;
    if (spread && !p.variance) invalid("this regression carries no variance");
    Buffer K(n * p.m);
    p.rows(precision).values(n, X, 0, p.m, K.data(), p.m);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t t = 0; t < p.n_targets; ++t) out[i * p.n_targets + t] = p.bias[t];
    }
    kernels().gemm_nn(n, p.n_targets, p.m, 1, K.data(), p.m, p.weights, p.n_targets, 1, out,
                      p.n_targets);
    if (!spread) return;
    Buffer own(n);
    kernel_diagonal(p.kernel, n, p.d, X, own.data(), 1);
    if (precision != Precision::full)  // the factors would magnify the rounding errors
        p.rows(Precision::full).values(n, X, 0, p.m, K.data(), p.m);
    spread_of(*p.variance, n, p.m, K.data(), own.data(), spread);
}

void Predictor::predict(std::size_t n, const double* X, double* out, double* spread,
                        Precision precision, int n_threads) const {
    const Parts& p = *parts_;
    parallel_for((n + rows_a_task - 1) / rows_a_task, n_threads, [&](std::size_t b) {
        const std::size_t i0 = b * rows_a_task;
        block(std::min(rows_a_task, n - i0), X + i0 * p.d, out + i0 * p.n_targets,
              spread ? spread + 2 * i0 : nullptr, precision);
    });
}

void Predictor::gradient(std::size_t n, const double* X, const double* dl_dout,
                         double* dl_dX) const {
    Parts& p = *parts_;
    Buffer dl_dk(n * p.m);
    kernels().gemm_nt(n, p.m, p.n_targets, 1, dl_dout, p.n_targets, p.weights, p.n_targets, 0,
                      dl_dk.data(), p.m);
    p.rows(Precision::full).pull_back(n, X, p.landmarks, dl_dk.data(), dl_dX);
}

}  // namespace glassnmr
