// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/kernel.hpp>

#include "aligned.hpp"
#include "kernels/kernels.hpp"
#include "parallel.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t block = 256;  // rows a task: enough for a matrix product to run at full speed

std::size_t blocks(std::size_t n) { return (n + block - 1) / block; }

/// Dot products of all pairs i >= j, handed over tile by tile, and the mirror image written.
template <class Tile>
void symmetric(std::size_t n, std::size_t d, const double* X, double* out, int n_threads,
               const Tile& tile) {
    const std::size_t nb = blocks(n);
    parallel_for(nb * (nb + 1) / 2, n_threads, [&](std::size_t t) {
        std::size_t a = 0;
        while ((a + 1) * (a + 2) / 2 <= t) ++a;
        const std::size_t i0 = a * block, j0 = (t - a * (a + 1) / 2) * block;
        const std::size_t rows = std::min(block, n - i0), cols = std::min(block, n - j0);
        double* to = out + i0 * n + j0;
        kernels().gemm_nt(rows, cols, d, 1, X + i0 * d, d, X + j0 * d, d, 0, to, n);
        tile(i0, j0, rows, cols, to);
        for (std::size_t i = 0; i < rows; ++i) {
            for (std::size_t j = 0; j < std::min(cols, i0 == j0 ? i : cols); ++j)
                out[(j0 + j) * n + i0 + i] = to[i * n + j];
        }
    });
}

}  // namespace

KernelKind kernel_kind(const std::string& name) {
    if (name == "gaussian") return KernelKind::gaussian;
    if (name == "linear") return KernelKind::linear;
    if (name == "polynomial") return KernelKind::polynomial;
    invalid("kernel must be gaussian, linear or polynomial, got " + name);
}

const char* kernel_name(KernelKind kind) {
    switch (kind) {
        case KernelKind::gaussian:
            return "gaussian";
        case KernelKind::linear:
            return "linear";
        default:
            return "polynomial";
    }
}

void check_kernel(const Kernel& kernel) {
    if (kernel.kind == KernelKind::gaussian &&
        (!(kernel.kappa > 0) || !std::isfinite(kernel.kappa))) {
        invalid("kappa must be positive and finite, got " + std::to_string(kernel.kappa));
    }
    if (kernel.kind != KernelKind::polynomial) return;
    if (kernel.degree < 1 || kernel.degree > 16) {
        invalid("degree must lie in 1..16, got " + std::to_string(kernel.degree));
    }
    if (!(kernel.offset >= 0) || !std::isfinite(kernel.offset)) {
        invalid("offset must be finite and not negative, got " + std::to_string(kernel.offset));
    }
}

void squared_norms(std::size_t n, std::size_t d, const double* X, double* out, int n_threads) {
    parallel_for(blocks(n), n_threads, [&](std::size_t b) {
        for (std::size_t i = b * block; i < std::min(n, (b + 1) * block); ++i) {
            out[i] = kernels().dot(d, X + i * d, X + i * d);
        }
    });
}

void kernel_matrix(const Kernel& kernel, std::size_t n, std::size_t m, std::size_t d,
                   const double* X, const double* Y, double* out, int n_threads) {
    check_kernel(kernel);
    Buffer xx(n), yy(m);
    squared_norms(n, d, X, xx.data(), n_threads);
    squared_norms(m, d, Y, yy.data(), n_threads);
    parallel_for(blocks(n), n_threads, [&](std::size_t b) {
        const std::size_t i0 = b * block, rows = std::min(block, n - i0);
        kernels().gemm_nt(rows, m, d, 1, X + i0 * d, d, Y, d, 0, out + i0 * m, m);
        kernels().kernel_values(kernel, rows, m, xx.data() + i0, yy.data(), out + i0 * m, m);
    });
}

void kernel_matrix(const Kernel& kernel, std::size_t n, std::size_t d, const double* X, double* out,
                   int n_threads) {
    check_kernel(kernel);
    Buffer xx(n);
    squared_norms(n, d, X, xx.data(), n_threads);
    symmetric(n, d, X, out, n_threads,
              [&](std::size_t i0, std::size_t j0, std::size_t rows, std::size_t cols, double* to) {
                  kernels().kernel_values(kernel, rows, cols, xx.data() + i0, xx.data() + j0, to,
                                          n);
                  if (i0 != j0 || kernel.kind != KernelKind::gaussian) return;
                  for (std::size_t i = 0; i < rows; ++i) to[i * n + i] = 1;
              });
}

void kernel_diagonal(const Kernel& kernel, std::size_t n, std::size_t d, const double* X,
                     double* out, int n_threads) {
    check_kernel(kernel);
    if (kernel.kind == KernelKind::gaussian) {
        std::fill_n(out, n, 1.0);
        return;
    }
    squared_norms(n, d, X, out, n_threads);
    kernels().kernel_values(kernel, 1, n, nullptr, nullptr, out, n);
}

void squared_distances(std::size_t n, std::size_t d, const double* X, double* out, int n_threads) {
    Buffer xx(n);
    squared_norms(n, d, X, xx.data(), n_threads);
    symmetric(n, d, X, out, n_threads,
              [&](std::size_t i0, std::size_t j0, std::size_t rows, std::size_t cols, double* to) {
                  for (std::size_t i = 0; i < rows; ++i) {
                      for (std::size_t j = 0; j < cols; ++j) {
                          const double d2 = (xx[i0 + i] + xx[j0 + j]) - 2 * to[i * n + j];
                          to[i * n + j] = i0 + i == j0 + j ? 0 : std::max(d2, 0.0);
                      }
                  }
              });
}

void gaussian_from_distances(double kappa, std::size_t n, double* d2, int n_threads) {
    check_kernel({KernelKind::gaussian, kappa});
    constexpr std::size_t run = 1u << 16;
    parallel_for((n + run - 1) / run, n_threads, [&](std::size_t b) {
        kernels().kernel_from_distances(kappa, std::min(run, n - b * run), d2 + b * run);
    });
}

void kernel_predict_block(const Kernel& kernel, std::size_t n, std::size_t m, std::size_t d,
                          const double* X, const double* landmark_norms, const double* landmarks,
                          std::size_t n_targets, const double* weights, const double* bias,
                          double* scratch, double* out) {
    double *K = scratch, *xx = scratch + n * m;
    for (std::size_t i = 0; i < n; ++i) {
        xx[i] = kernels().dot(d, X + i * d, X + i * d);
        std::copy_n(bias, n_targets, out + i * n_targets);
    }
    kernels().gemm_nt(n, m, d, 1, X, d, landmarks, d, 0, K, m);
    kernels().kernel_values(kernel, n, m, xx, landmark_norms, K, m);
    kernels().gemm_nn(n, n_targets, m, 1, K, m, weights, n_targets, 1, out, n_targets);
}

void kernel_predict(const Kernel& kernel, std::size_t n, std::size_t m, std::size_t d,
                    const double* X, const double* landmarks, std::size_t n_targets,
                    const double* weights, const double* bias, double* out, int n_threads) {
    check_kernel(kernel);
    Buffer norms(m);
    squared_norms(m, d, landmarks, norms.data(), n_threads);
    parallel_for(blocks(n), n_threads, [&](std::size_t b) {
        const std::size_t i0 = b * block, rows = std::min(block, n - i0);
        Buffer scratch(kernel_predict_scratch(rows, m));
        kernel_predict_block(kernel, rows, m, d, X + i0 * d, norms.data(), landmarks, n_targets,
                             weights, bias, scratch.data(), out + i0 * n_targets);
    });
}

}  // namespace glassnmr
