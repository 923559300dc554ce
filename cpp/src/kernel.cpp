// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/kernel.hpp>

#include "aligned.hpp"
#include "kernels/kernels.hpp"
#include "packed_rows.hpp"
#include "parallel.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t block = 256;  // rows a task: enough for a matrix product to run at full speed

std::size_t blocks(std::size_t n) { return (n + block - 1) / block; }

/// Tiles of all pairs i >= j, made by tile(i0, j0, rows, cols, to), and their mirror images.
template <class Tile>
void symmetric(std::size_t n, double* out, int n_threads, const Tile& tile) {
    const std::size_t nb = blocks(n);
    parallel_for(nb * (nb + 1) / 2, n_threads, [&](std::size_t t) {
        std::size_t a = 0;
        while ((a + 1) * (a + 2) / 2 <= t) ++a;
        const std::size_t i0 = a * block, j0 = (t - a * (a + 1) / 2) * block;
        const std::size_t rows = std::min(block, n - i0), cols = std::min(block, n - j0);
        double* to = out + i0 * n + j0;
        tile(i0, j0, rows, cols, to);
        for (std::size_t i = 0; i < rows; ++i) {
            for (std::size_t j = 0; j < std::min(cols, i0 == j0 ? i : cols); ++j)
                out[(j0 + j) * n + i0 + i] = to[i * n + j];
        }
    });
}

/// |x_i|^2 of the columns of one term.
Buffer term_norms(const KernelTerm& term, std::size_t n, std::size_t d, const double* X,
                  int n_threads) {
    Buffer out(n);
    const std::size_t width = term.last - term.first;
    parallel_for(blocks(n), n_threads, [&](std::size_t b) {
        for (std::size_t i = b * block; i < std::min(n, (b + 1) * block); ++i) {
            const double* x = X + i * d + term.first;
            out[i] = kernels().dot(width, x, x);
        }
    });
    return out;
}

void check_one(const Kernel& kernel) {
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

KernelSum::KernelSum(const Kernel& kernel) : terms{{kernel}} {}
KernelSum::KernelSum(std::vector<KernelTerm> list) : terms(std::move(list)) {}
KernelSum::KernelSum(const KernelSum&) = default;
KernelSum::KernelSum(KernelSum&&) noexcept = default;
KernelSum& KernelSum::operator=(const KernelSum&) = default;
KernelSum& KernelSum::operator=(KernelSum&&) noexcept = default;
KernelSum::~KernelSum() = default;

void check_kernel(const KernelSum& kernel, std::size_t d) {
    if (kernel.terms.empty()) invalid("a sum of kernels needs at least one");
    for (const KernelTerm& term : kernel.terms) {
        check_one(term.kernel);
        if (!(term.weight > 0) || !std::isfinite(term.weight)) {
            invalid("relevance must be positive and finite, got " + std::to_string(term.weight));
        }
        const std::size_t last = term.last == KernelTerm::all ? d : term.last;
        if (term.first >= last || last > d) {
            invalid("columns " + std::to_string(term.first) + " to " + std::to_string(last) +
                    " of a kernel do not lie within the " + std::to_string(d) + " of the rows");
        }
    }
}

void squared_norms(std::size_t n, std::size_t d, const double* X, double* out, int n_threads) {
    parallel_for(blocks(n), n_threads, [&](std::size_t b) {
        for (std::size_t i = b * block; i < std::min(n, (b + 1) * block); ++i) {
            out[i] = kernels().dot(d, X + i * d, X + i * d);
        }
    });
}

void kernel_matrix(const KernelSum& kernel, std::size_t n, std::size_t m, std::size_t d,
                   const double* X, const double* Y, double* out, int n_threads) {
    const PackedRows packed(kernel, m, d, Y, Precision::full, n_threads);
    parallel_for(blocks(n), n_threads, [&](std::size_t b) {
        const std::size_t i0 = b * block, rows = std::min(block, n - i0);
        packed.values(rows, X + i0 * d, 0, m, out + i0 * m, m);
    });
}

void kernel_matrix(const KernelSum& kernel, std::size_t n, std::size_t d, const double* X,
                   double* out, int n_threads) {
    const std::vector<KernelTerm> terms = resolved(kernel, d);
    std::vector<Buffer> norms;
    for (const auto& term : terms) norms.push_back(term_norms(term, n, d, X, n_threads));
    Buffer diagonal(n);
    kernel_diagonal(kernel, n, d, X, diagonal.data(), n_threads);
    symmetric(n, out, n_threads,
              [&](std::size_t i0, std::size_t j0, std::size_t rows, std::size_t cols, double* to) {
                  sum_terms(
                      terms, rows, cols, to, n, [&](std::size_t k, double* at, std::size_t ld) {
                          const double* x = X + terms[k].first;
                          kernels().gemm_nt(rows, cols, terms[k].last - terms[k].first, 1,
                                            x + i0 * d, d, x + j0 * d, d, 0, at, ld);
                          kernels().kernel_values(terms[k].kernel, rows, cols, norms[k].data() + i0,
                                                  norms[k].data() + j0, at, ld);
                      });
                  for (std::size_t i = 0; i0 == j0 && i < rows; ++i)
                      to[i * n + i] = diagonal[i0 + i];
              });
}

void kernel_diagonal(const KernelSum& kernel, std::size_t n, std::size_t d, const double* X,
                     double* out, int n_threads) {
    const std::vector<KernelTerm> terms = resolved(kernel, d);
    sum_terms(terms, 1, n, out, n, [&](std::size_t k, double* to, std::size_t) {
        if (terms[k].kernel.kind == KernelKind::gaussian) {
            std::fill_n(to, n, 1.0);
            return;
        }
        const Buffer norms = term_norms(terms[k], n, d, X, n_threads);
        std::copy(norms.begin(), norms.end(), to);
        kernels().kernel_values(terms[k].kernel, 1, n, nullptr, nullptr, to, n);
    });
}

void squared_distances(std::size_t n, std::size_t d, const double* X, double* out, int n_threads) {
    Buffer xx(n);
    squared_norms(n, d, X, xx.data(), n_threads);
    symmetric(n, out, n_threads,
              [&](std::size_t i0, std::size_t j0, std::size_t rows, std::size_t cols, double* to) {
                  kernels().gemm_nt(rows, cols, d, 1, X + i0 * d, d, X + j0 * d, d, 0, to, n);
                  for (std::size_t i = 0; i < rows; ++i) {
                      for (std::size_t j = 0; j < cols; ++j) {
                          const double d2 = (xx[i0 + i] + xx[j0 + j]) - 2 * to[i * n + j];
                          to[i * n + j] = i0 + i == j0 + j ? 0 : std::max(d2, 0.0);
                      }
                  }
              });
}

void gaussian_from_distances(double kappa, std::size_t n, double* d2, int n_threads) {
    check_kernel(Kernel{KernelKind::gaussian, kappa});
    constexpr std::size_t run = 1u << 16;
    parallel_for((n + run - 1) / run, n_threads, [&](std::size_t b) {
        kernels().kernel_from_distances(kappa, std::min(run, n - b * run), d2 + b * run);
    });
}

}  // namespace glassnmr
