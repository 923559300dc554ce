// SPDX-License-Identifier: BSD-3-Clause
#include "normal_equations.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/kernels.hpp"
#include "parallel.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t strip = 1920;  // rows of A at a time
constexpr std::size_t block = 96;    // rows of A^T A a task
constexpr double negligible = 1e-4;  // rounding errors of A^T A in units of lam that one corrects
constexpr double accuracy = 1e-12;   // of a solution
constexpr int most_corrections = 4;

/// How far rounding errors of A^T A go against lam.
double uncertain(double trace, double lam) {
    return std::numeric_limits<double>::epsilon() * trace / lam;
}

std::size_t pieces(std::size_t n, std::size_t size) { return (n + size - 1) / size; }

}  // namespace

NormalEquations::NormalEquations(const Weights& weights, std::size_t n, std::size_t m,
                                 const double* factor, int n_threads)
    : weights_(weights), n_(n), m_(m), factor_(factor), n_threads_(n_threads), means_(m) {
    Buffer squares(m);
    parallel_for(m, n_threads, [&](std::size_t c) {
        const double* from = factor + c * n;
        means_[c] = weights.mean(from);
        squares[c] = Weights::sums(n, [&](std::size_t i) {
            const double part = weights.root[i] * (from[i] - means_[c]);
            return part * part;
        });
    });
    for (const double square : squares) trace_ += square;
}

bool NormalEquations::sound(double lam) const {
    return lam > 0 && uncertain(trace_, lam) <= negligible;
}

void NormalEquations::add_rows(std::size_t first, std::size_t count, double* part, double* packed) {
    parallel_for(pieces(m_, packed_step), n_threads_, [&](std::size_t b) {
        const std::size_t c0 = b * packed_step, here = std::min(packed_step, m_ - c0);
        for (std::size_t c = c0; c < c0 + here; ++c) {
            const double *from = factor_ + c * n_ + first, *root = weights_.root.data() + first;
            for (std::size_t i = 0; i < count; ++i)
                part[c * count + i] = root[i] * (from[i] - means_[c]);
        }
        kernels().pack(m_, count, part, count, c0, here, packed);
    });
    const std::size_t tasks = pieces(m_, block);
    parallel_for(tasks, n_threads_, [&](std::size_t task) {
        const std::size_t r0 = (tasks - 1 - task) * block, rows = std::min(block, m_ - r0);
        kernels().gemm_packed(rows, count, 1, part + r0 * count, count, m_, packed, 0, r0 + rows,
                              first ? 1 : 0, lower_.data() + r0 * m_, m_);
    });
}

bool NormalEquations::factorise(double lam) {
    lam_ = lam;
    lower_.resize(m_ * m_);
    const std::size_t most = std::min(strip, n_);
    Buffer part(m_ * most), packed(kernels().packed_size(m_, most));
    for (std::size_t first = 0; first < n_; first += strip)
        add_rows(first, std::min(strip, n_ - first), part.data(), packed.data());
    for (std::size_t c = 0; c < m_; ++c) lower_[c * m_ + c] += lam;
    if (kernels().cholesky(m_, lower_.data(), m_) < m_) return false;
    for (std::size_t c = 0; c < m_; ++c)
        std::fill_n(lower_.begin() + static_cast<std::ptrdiff_t>(c * m_ + c + 1), m_ - c - 1, 0.0);
    return true;
}

void NormalEquations::solve(std::size_t k, std::size_t n_targets, const double* z,
                            double* v) const {
    Buffer one(k);
    for (std::size_t t = 0; t < n_targets; ++t) {
        std::fill(one.begin(), one.end(), 0.0);
        double step = 1;
        // The first correction of nothing is the plain solution.
        for (int turn = 0; turn <= most_corrections && step > accuracy; ++turn)
            step = correct(k, z + t * n_, one.data()) * uncertain(trace_, lam_);
        for (std::size_t c = 0; c < k; ++c) v[c * n_targets + t] = one[c];
    }
}

/// v += (A^T A + lam)^-1 (A^T (z - A v) - lam v); the size of the step against that of v.
double NormalEquations::correct(std::size_t k, const double* z, double* v) const {
    Buffer rest(n_), step(k);
    double shift = 0;
    for (std::size_t c = 0; c < k; ++c) shift += means_[c] * v[c];
    parallel_for(pieces(n_, strip), n_threads_, [&](std::size_t b) {
        const std::size_t first = b * strip, count = std::min(strip, n_ - first);
        double* r = rest.data() + first;
        std::fill_n(r, count, -shift);
        for (std::size_t c = 0; c < k; ++c)
            kernels().axpy(count, v[c], factor_ + c * n_ + first, r);
        for (std::size_t i = 0; i < count; ++i) {
            const double root = weights_.root[first + i];
            r[i] = root * (z[first + i] - root * r[i]);
        }
    });
    double sum = 0;
    for (const double r : rest) sum += r;
    parallel_for(k, n_threads_, [&](std::size_t c) {
        step[c] = kernels().dot(n_, factor_ + c * n_, rest.data()) - means_[c] * sum - lam_ * v[c];
    });
    kernels().solve_lower(k, lower_.data(), m_, false, 1, step.data(), 1);
    kernels().solve_lower(k, lower_.data(), m_, true, 1, step.data(), 1);
    kernels().axpy(k, 1, step.data(), v);
    const double size = kernels().dot(k, v, v);
    return size > 0 ? std::sqrt(kernels().dot(k, step.data(), step.data()) / size) : 0;
}

}  // namespace glassnmr
