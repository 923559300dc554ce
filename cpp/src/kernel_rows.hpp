// SPDX-License-Identifier: BSD-3-Clause
// Rows and blocks of a kernel matrix that is never formed as a whole.
#pragma once

#include <algorithm>
#include <glassnmr/cholesky.hpp>
#include <glassnmr/error.hpp>
#include <memory>

#include "aligned.hpp"
#include "kernels/kernels.hpp"
#include "packed_rows.hpp"
#include "parallel.hpp"

namespace glassnmr {

class KernelRows {
public:
    static constexpr std::size_t block = PackedRows::block;  // columns a task

    KernelRows(const KernelSource& source, int n_threads) : source_(source), n_threads_(n_threads) {
        if (source.n == 0) invalid("X must have at least one row");
        diagonal_.resize(source.n);
        if (source.precomputed) {
            for (std::size_t i = 0; i < source.n; ++i) diagonal_[i] = source.X[i * source.n + i];
            return;
        }
        kernel_diagonal(source.kernel, source.n, source.d, source.X, diagonal_.data(), n_threads);
    }

    std::size_t size() const { return source_.n; }
    int n_threads() const { return n_threads_; }
    const KernelSource& source() const { return source_; }
    double diagonal(std::size_t i) const { return diagonal_[i]; }

    /// out (count, n): the rows of the kernel matrix that `index` names. Not from several threads.
    void rows(std::size_t count, const std::size_t* index, double* out) const {
        const std::size_t n = source_.n;
        const Buffer x = gather(count, index);
        // X is read once for every few landmarks: its panels are made once for all of them.
        if (!source_.precomputed && !packed_) {
            packed_ = std::make_unique<PackedRows>(source_.kernel, n, source_.d, source_.X,
                                                   Precision::full, n_threads_);
        }
        parallel_for((n + block - 1) / block, n_threads_, [&](std::size_t b) {
            const std::size_t j0 = b * block, cols = std::min(block, n - j0);
            if (source_.precomputed) {
                for (std::size_t c = 0; c < count; ++c)
                    std::copy_n(source_.X + index[c] * n + j0, cols, out + c * n + j0);
                return;
            }
            packed_->values(count, x.data(), j0, cols, out + j0, n);
            for (std::size_t c = 0; c < count; ++c) {
                if (index[c] >= j0 && index[c] < j0 + cols)
                    out[c * n + index[c]] = diagonal_[index[c]];
            }
        });
    }

    /// out (count, count): the kernel between the rows that `index` names.
    void square(std::size_t count, const std::size_t* index, double* out) const {
        const std::size_t n = source_.n;
        if (source_.precomputed) {
            for (std::size_t a = 0; a < count; ++a) {
                for (std::size_t b = 0; b < count; ++b)
                    out[a * count + b] = source_.X[index[a] * n + index[b]];
            }
            return;
        }
        const Buffer x = gather(count, index);
        kernel_matrix(source_.kernel, count, source_.d, x.data(), out, n_threads_);
    }

private:
    Buffer gather(std::size_t count, const std::size_t* index) const {
        if (source_.precomputed) return {};
        Buffer x(count * source_.d);
        for (std::size_t c = 0; c < count; ++c)
            std::copy_n(source_.X + index[c] * source_.d, source_.d, x.data() + c * source_.d);
        return x;
    }

    KernelSource source_;
    int n_threads_;
    Buffer diagonal_;
    mutable std::unique_ptr<const PackedRows> packed_;  // made when first needed
};

}  // namespace glassnmr
