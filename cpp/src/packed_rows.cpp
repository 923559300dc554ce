// SPDX-License-Identifier: BSD-3-Clause
#include "packed_rows.hpp"

#include <algorithm>

#include "kernels/kernels.hpp"
#include "parallel.hpp"

namespace glassnmr {

static_assert(PackedRows::block % packed_step == 0, "tasks begin at whole panels");

std::vector<KernelTerm> resolved(const KernelSum& kernel, std::size_t d) {
    check_kernel(kernel, d);
    std::vector<KernelTerm> terms = kernel.terms;
    for (auto& term : terms) term.last = std::min(term.last, d);
    return terms;
}

namespace {

/// Mean of the columns first .. last of Y (n, d).
Buffer mean_row(std::size_t n, std::size_t d, const double* Y, const KernelTerm& term) {
    Buffer mean(term.last - term.first, 0.0);
    for (std::size_t i = 0; i < n; ++i)
        kernels().axpy(mean.size(), 1 / static_cast<double>(n), Y + i * d + term.first,
                       mean.data());
    return mean;
}

}  // namespace

PackedRows::PackedRows(const KernelSum& kernel, std::size_t n, std::size_t d, const double* Y,
                       Precision precision, int n_threads)
    : n_(n), d_(d), precision_(precision) {
    for (const KernelTerm& what : resolved(kernel, d)) {
        Term& t = terms_.emplace_back();
        const std::size_t width = what.last - what.first;
        const bool single = precision == Precision::single;
        t.what = what;
        t.norms.resize(n);
        if (single) {
            t.origin = mean_row(n, d, Y, what);
            t.packed_single.resize(kernels().packed_size_single(n, width));
        } else {
            t.packed.resize(kernels().packed_size(n, width));
        }
        const bool gaussian = what.kernel.kind == KernelKind::gaussian;
        const double *from = Y + what.first, *o = t.origin.data();
        parallel_for((n + block - 1) / block, n_threads, [&](std::size_t b) {
            const std::size_t first = b * block, count = std::min(block, n - first);
            if (single) {
                kernels().pack_single(n, width, from, d, o, first, count, t.packed_single.data());
            } else {
                kernels().pack(n, width, from, d, first, count, t.packed.data());
            }
            if (single && gaussian) {
                kernels().norms_single(count, width, from + first * d, d, o,
                                       t.norms.data() + first);
                return;
            }
            for (std::size_t i = first; i < first + count; ++i) {
                const double* y = from + i * d;
                t.norms[i] = single ? kernels().dot(width, o, y) - kernels().dot(width, o, o)
                                    : kernels().dot(width, y, y);
            }
        });
    }
}

void PackedRows::dots(const Term& t, std::size_t m, const double* X, std::size_t first,
                      std::size_t count, double* out, std::size_t ldo, double* norms) const {
    const std::size_t width = t.what.last - t.what.first;
    const double* x = X + t.what.first;
    const bool gaussian = t.what.kernel.kind == KernelKind::gaussian;
    if (precision_ == Precision::full) {
        kernels().gemm_packed(m, width, 1, x, d_, n_, t.packed.data(), first, count, 0, out, ldo);
        for (std::size_t i = 0; gaussian && i < m; ++i)
            norms[i] = kernels().dot(width, x + i * d_, x + i * d_);
        return;
    }
    kernels().gemm_packed_single(m, width, x, d_, t.origin.data(), n_, t.packed_single.data(),
                                 first, count, out, ldo);
    if (gaussian) {
        kernels().norms_single(m, width, x, d_, t.origin.data(), norms);
        return;
    }
    for (std::size_t i = 0; i < m; ++i) {  // x.y = (x - o).(y - o) + o.x + (o.y - o.o)
        const double shift = kernels().dot(width, t.origin.data(), x + i * d_);
        for (std::size_t j = 0; j < count; ++j) out[i * ldo + j] += shift + t.norms[first + j];
    }
}

void PackedRows::values(std::size_t m, const double* X, std::size_t first, std::size_t count,
                        double* out, std::size_t ldo) const {
    std::vector<KernelTerm> terms;
    for (const Term& t : terms_) terms.push_back(t.what);
    Buffer norms(m);
    sum_terms(terms, m, count, out, ldo, [&](std::size_t k, double* to, std::size_t ld) {
        const Term& t = terms_[k];
        dots(t, m, X, first, count, to, ld, norms.data());
        kernels().kernel_values(t.what.kernel, m, count, norms.data(), t.norms.data() + first, to,
                                ld);
    });
}

void PackedRows::pull_back(std::size_t m, const double* X, const double* Y, const double* dl_dk,
                           double* dl_dX) const {
    Buffer slope(m * n_), norms(m);
    std::fill_n(dl_dX, m * d_, 0.0);
    for (const Term& t : terms_) {
        const std::size_t width = t.what.last - t.what.first;
        const KernelKind kind = t.what.kernel.kind;
        Kernel derivative = t.what.kernel;  // dK/d(x.y), but for a factor
        double factor = t.what.weight;
        if (kind == KernelKind::gaussian) factor *= 2 * derivative.kappa;
        if (kind == KernelKind::polynomial) factor *= derivative.degree--;
        if (kind == KernelKind::linear || (kind == KernelKind::polynomial && !derivative.degree)) {
            std::fill(slope.begin(), slope.end(), 1.0);
        } else {
            dots(t, m, X, 0, n_, slope.data(), n_, norms.data());
            kernels().kernel_values(derivative, m, n_, norms.data(), t.norms.data(), slope.data(),
                                    n_);
        }
        for (std::size_t k = 0; k < m * n_; ++k) slope[k] *= dl_dk[k];
        kernels().gemm_nn(m, width, n_, factor, slope.data(), n_, Y + t.what.first, d_, 1,
                          dl_dX + t.what.first, d_);
        for (std::size_t i = 0; kind == KernelKind::gaussian && i < m; ++i) {
            double sum = 0;
            for (std::size_t j = 0; j < n_; ++j) sum += slope[i * n_ + j];
            const std::size_t at = i * d_ + t.what.first;
            kernels().axpy(width, -factor * sum, X + at, dl_dX + at);
        }
    }
}

}  // namespace glassnmr
