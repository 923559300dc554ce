// SPDX-License-Identifier: BSD-3-Clause
// Rows and blocks of a kernel matrix that is never formed as a whole.
#pragma once

#include <algorithm>
#include <glassnmr/cholesky.hpp>
#include <glassnmr/error.hpp>

#include "aligned.hpp"
#include "kernels/kernels.hpp"
#include "parallel.hpp"

namespace glassnmr {

class KernelRows {
public:
    static constexpr std::size_t block = 2 * packed_step;  // columns a task

    KernelRows(const KernelSource& source, int n_threads) : source_(source), n_threads_(n_threads) {
        if (source.n == 0) invalid("X must have at least one row");
        if (source.precomputed) return;
        check_kernel(source.kernel);
        const std::size_t n = source.n, d = source.d;
        norms_.resize(n);
        squared_norms(n, d, source.X, norms_.data(), n_threads);
        packed_.resize(kernels().packed_size(n, d));
        parallel_for((n + block - 1) / block, n_threads, [&](std::size_t b) {
            kernels().pack(n, d, source.X, d, b * block, std::min(block, n - b * block),
                           packed_.data());
        });
    }

    std::size_t size() const { return source_.n; }
    int n_threads() const { return n_threads_; }
    const KernelSource& source() const { return source_; }

    double diagonal(std::size_t i) const {
        if (source_.precomputed) return source_.X[i * source_.n + i];
        if (source_.kernel.kind == KernelKind::gaussian) return 1;
        double value = norms_[i];
        kernels().kernel_values(source_.kernel, 1, 1, &norms_[i], &norms_[i], &value, 1);
        return value;
    }

    /// out (count, n): the rows of the kernel matrix that `index` names.
    void rows(std::size_t count, const std::size_t* index, double* out) const {
        const std::size_t n = source_.n, d = source_.d;
        Buffer x, xx;
        gather(count, index, x, xx);
        parallel_for((n + block - 1) / block, n_threads_, [&](std::size_t b) {
            const std::size_t j0 = b * block, cols = std::min(block, n - j0);
            if (source_.precomputed) {
                for (std::size_t c = 0; c < count; ++c)
                    std::copy_n(source_.X + index[c] * n + j0, cols, out + c * n + j0);
                return;
            }
            kernels().gemm_packed(count, d, 1, x.data(), d, n, packed_.data(), j0, cols, 0,
                                  out + j0, n);
            kernels().kernel_values(source_.kernel, count, cols, xx.data(), norms_.data() + j0,
                                    out + j0, n);
            if (source_.kernel.kind != KernelKind::gaussian) return;
            for (std::size_t c = 0; c < count; ++c) {
                if (index[c] >= j0 && index[c] < j0 + cols) out[c * n + index[c]] = 1;
            }
        });
    }

    /// out (count, count): the kernel between the rows that `index` names.
    void square(std::size_t count, const std::size_t* index, double* out) const {
        const std::size_t n = source_.n, d = source_.d;
        if (source_.precomputed) {
            for (std::size_t a = 0; a < count; ++a) {
                for (std::size_t b = 0; b < count; ++b)
                    out[a * count + b] = source_.X[index[a] * n + index[b]];
            }
            return;
        }
        Buffer x, xx;
        gather(count, index, x, xx);
        constexpr std::size_t strip = 64;
        parallel_for((count + strip - 1) / strip, n_threads_, [&](std::size_t b) {
            const std::size_t i0 = b * strip, rows = std::min(strip, count - i0);
            kernels().gemm_nt(rows, count, d, 1, x.data() + i0 * d, d, x.data(), d, 0,
                              out + i0 * count, count);
            kernels().kernel_values(source_.kernel, rows, count, xx.data() + i0, xx.data(),
                                    out + i0 * count, count);
        });
        for (std::size_t a = 0; a < count; ++a) out[a * count + a] = diagonal(index[a]);
    }

private:
    void gather(std::size_t count, const std::size_t* index, Buffer& x, Buffer& xx) const {
        if (source_.precomputed) return;
        x.resize(count * source_.d);
        xx.resize(count);
        for (std::size_t c = 0; c < count; ++c) {
            std::copy_n(source_.X + index[c] * source_.d, source_.d, x.data() + c * source_.d);
            xx[c] = norms_[index[c]];
        }
    }

    KernelSource source_;
    int n_threads_;
    Buffer norms_, packed_;  // packed: X is read once for every few landmarks
};

}  // namespace glassnmr
