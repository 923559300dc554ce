// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/cholesky.hpp>
#include <string>

#include "kernel_rows.hpp"
#include "pursuit.hpp"

namespace glassnmr {

namespace {

constexpr double rounding =
    1e-14;  // a residual below this share of the largest diagonal is rounding error
constexpr double negative =
    1e-8;  // a residual below minus this share shows a matrix that is not semidefinite
constexpr double small =
    1e-8;  // a pivot below this share may be worn down by rounding errors of the matrix:
constexpr double worn = 1e-12;     // it is one if it would turn a residual below minus this share
constexpr std::size_t run = 4096;  // columns a task when a pivot is taken

/// The state of an elimination: L^T so far, and the diagonal of K - L L^T as the score.
class Elimination {
public:
    Elimination(const KernelSource& source, double tolerance, std::int64_t* index, double* residual,
                double* factor, int n_threads)
        : kernel_(source, n_threads), index_(index), residual_(residual), factor_(factor) {
        if (!(tolerance >= 0) || !(tolerance < 1)) {
            invalid("tolerance must lie in [0, 1), got " + std::to_string(tolerance));
        }
        const std::size_t n_rows = kernel_.size();
        left_.resize(n_rows);
        for (std::size_t i = 0; i < n_rows; ++i) {
            left_[i] = kernel_.diagonal(i);
            if (!(left_[i] >= 0)) not_semidefinite(i, left_[i]);
            trace_ += left_[i];
            largest_ = std::max(largest_, left_[i]);
        }
        sum_ = trace_;
        most_ = largest_;
        stop_ = tolerance * trace_;
        partial_.resize(2 * ((n_rows + run - 1) / run));
    }

    std::size_t n() const { return kernel_.size(); }
    int n_threads() const { return kernel_.n_threads(); }
    const double* score() const { return left_.data(); }
    std::size_t count() const { return count_; }
    bool worth(double score) const { return score > rounding * largest_; }
    bool open(std::size_t i) const { return worth(left_[i]); }
    bool done() const { return sum_ <= stop_ || !worth(most_); }
    std::size_t behind() const { return count_ - base_; }

    void square(std::size_t count, const std::size_t* index, double* out) const {
        kernel_.square(count, index, out);
        const Buffer a = coefficients(count, index, 0, count_, 1);
        if (count_)
            kernels().gemm_nt(count, count, count_, -1, a.data(), count_, a.data(), count_, 1, out,
                              count);
    }

    void rows(std::size_t count, const std::size_t* index, double* out) const {
        kernel_.rows(count, index, out);
        subtract(count, index, 0, out);
    }

    /// The same from the rows of the kernel matrix, that stand in the factor from row `from` on,
    /// where no pivot has come yet.
    void rows_of_made(std::size_t from, std::size_t count, const std::size_t* index,
                      double* out) const {
        std::copy_n(factor_ + from * n(), count * n(), out);
        subtract(count, index, 0, out);
    }

    void settle(std::size_t count, const std::size_t* index, double* rows) {
        subtract(count, index, base_, rows);
        base_ = count_;
    }

    void take(std::size_t p, const double* row) {
        double pivot = row[p];
        for (std::size_t t = base_; t < count_; ++t)
            pivot -= factor_[t * n() + p] * factor_[t * n() + p];
        if (pivot < -negative * largest_) not_semidefinite(p, pivot);
        if (!worth(pivot)) {
            drop(p);
            return;
        }
        const double root = std::sqrt(pivot);
        double* to = factor_ + count_ * n();
        if (eliminate(p, row, root, to) <
            -(pivot < small * largest_ ? worn : negative) * largest_) {
            if (pivot >= small * largest_) not_semidefinite(p, pivot);
            drop(p);
            return;
        }
        parallel_for(partial_.size() / 2, n_threads(), [&](std::size_t b) {
            for (std::size_t j = b * run; j < std::min(n(), (b + 1) * run); ++j) {
                left_[j] = std::max(left_[j] - to[j] * to[j], 0.0);
            }
        });
        for (std::size_t t = 0; t < count_; ++t) to[static_cast<std::size_t>(index_[t])] = 0;
        to[p] = root;
        drop(p);
        index_[count_] = static_cast<std::int64_t>(p);
        residual_[count_++] = trace_ > 0 ? sum_ / trace_ : 0;
    }

    /// The same step for a few rows whose square is at hand: what the pursuit would choose next.
    void local(std::size_t count, std::size_t c, std::size_t, double* square, double* score) const {
        const double pivot = square[c * count + c];
        if (worth(pivot)) {
            Buffer column(count);
            for (std::size_t i = 0; i < count; ++i)
                column[i] = square[i * count + c] / std::sqrt(pivot);
            for (std::size_t i = 0; i < count; ++i) {
                kernels().axpy(count, -column[i], column.data(), square + i * count);
                score[i] = std::max(score[i] - column[i] * column[i], 0.0);
            }
        }
        score[c] = 0;
    }

private:
    [[noreturn]] static void not_semidefinite(std::size_t i, double value) {
        throw numerical_error("the kernel matrix is not positive semidefinite: row " +
                              std::to_string(i) + " has the residual " + std::to_string(value));
    }

    /// (count, last - first): factor * L of the rows `index`.
    Buffer coefficients(std::size_t count, const std::size_t* index, std::size_t first,
                        std::size_t last, double factor) const {
        Buffer a(count * (last - first));
        double* to = a.data();
        for (std::size_t c = 0; c < count; ++c) {
            for (std::size_t t = first; t < last; ++t) *to++ = factor * factor_[t * n() + index[c]];
        }
        return a;
    }

    /// rows (count, n) minus what the pivots from `first` on explain of them.
    void subtract(std::size_t count, const std::size_t* index, std::size_t first,
                  double* rows) const {
        const std::size_t depth = count_ - first, block = KernelRows::block;
        if (depth == 0 || count == 0) return;
        const Buffer a = coefficients(count, index, first, count_, -1);
        parallel_for((n() + block - 1) / block, n_threads(), [&](std::size_t b) {
            const std::size_t j0 = b * block, cols = std::min(block, n() - j0);
            kernels().gemm_nn(count, cols, depth, 1, a.data(), depth, factor_ + first * n() + j0,
                              n(), 1, rows + j0, n());
        });
    }

    /// The new column of L; the least residual that it would leave.
    double eliminate(std::size_t p, const double* row, double root, double* to) {
        parallel_for(partial_.size() / 2, n_threads(), [&](std::size_t b) {
            const std::size_t j0 = b * run, j1 = std::min(n(), j0 + run);
            std::copy(row + j0, row + j1, to + j0);
            for (std::size_t t = base_; t < count_; ++t) {
                const double* pivot_row = factor_ + t * n();
                kernels().axpy(j1 - j0, -pivot_row[p], pivot_row + j0, to + j0);
            }
            double least = 0;
            for (std::size_t j = j0; j < j1; ++j) {
                to[j] /= root;
                if (j != p) least = std::min(least, left_[j] - to[j] * to[j]);
            }
            partial_[2 * b] = least;
        });
        double least = 0;
        for (std::size_t b = 0; b < partial_.size(); b += 2) least = std::min(least, partial_[b]);
        return least;
    }

    /// Row p has nothing left; sum and maximum over all rows in a fixed order.
    void drop(std::size_t p) {
        left_[p] = 0;
        parallel_for(partial_.size() / 2, n_threads(), [&](std::size_t b) {
            double sum = 0, most = 0;
            for (std::size_t j = b * run; j < std::min(n(), (b + 1) * run); ++j) {
                sum += left_[j];
                most = std::max(most, left_[j]);
            }
            partial_[2 * b] = sum;
            partial_[2 * b + 1] = most;
        });
        sum_ = most_ = 0;
        for (std::size_t b = 0; b < partial_.size(); b += 2) {
            sum_ += partial_[b];
            most_ = std::max(most_, partial_[b + 1]);
        }
    }

    KernelRows kernel_;
    std::int64_t* index_;
    double *residual_, *factor_;
    Buffer left_, partial_;
    std::size_t count_ = 0, base_ = 0;
    double trace_ = 0, largest_ = 0, sum_ = 0, most_ = 0, stop_ = 0;
};

}  // namespace

std::size_t incomplete_cholesky(const KernelSource& source, std::size_t count, double tolerance,
                                std::int64_t* index, double* residual, double* factor,
                                int n_threads) {
    Elimination state(source, tolerance, index, residual, factor, n_threads);
    greedy_pursuit(state, std::min(count, source.n));
    return state.count();
}

std::size_t ordered_cholesky(const KernelSource& source, std::size_t n_order,
                             const std::int64_t* order, double tolerance, std::int64_t* index,
                             double* residual, double* factor, int n_threads, bool made) {
    Elimination state(source, tolerance, index, residual, factor, n_threads);
    std::vector<std::size_t> rows;
    for (std::size_t k = 0; k < n_order; ++k) {
        if (order[k] < 0 || static_cast<std::size_t>(order[k]) >= source.n) {
            invalid("order must hold rows in 0.." + std::to_string(source.n) + " - 1, got " +
                    std::to_string(order[k]));
        }
        rows.push_back(static_cast<std::size_t>(order[k]));
    }
    ordered_pursuit(state, rows.size(), rows.data(),
                    [&](std::size_t from, std::size_t count, double* out) {
                        if (made) {
                            state.rows_of_made(from, count, rows.data() + from, out);
                        } else {
                            state.rows(count, rows.data() + from, out);
                        }
                    });
    return state.count();
}

std::size_t random_cholesky(const KernelSource& source, std::size_t count, double tolerance,
                            std::uint64_t seed, std::int64_t* index, double* residual,
                            double* factor, int n_threads) {
    Elimination state(source, tolerance, index, residual, factor, n_threads);
    random_pursuit(state, std::min(count, source.n), seed);
    return state.count();
}

}  // namespace glassnmr
