// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/reduced.hpp>
#include <string>
#include <utility>

#include "kernels/kernels.hpp"

namespace glassnmr {

Reduced::Reduced(std::shared_ptr<const Descriptor> inner, Reduction reduction)
    : inner_(std::move(inner)), reduction_(std::move(reduction)) {
    const std::size_t F = inner_->n_features();
    const Reduction& r = reduction_;
    if (r.columns.empty() == r.matrix.empty())
        invalid("a reduction needs either columns or a matrix");
    if (!r.columns.empty()) {
        std::vector<bool> seen(F, false);
        for (const std::size_t c : r.columns) {
            if (c >= F)
                invalid("columns must lie in 0.." + std::to_string(F) + " - 1, got " +
                        std::to_string(c));
            if (seen[c]) invalid("column " + std::to_string(c) + " is given twice");
            seen[c] = true;
        }
        n_features_ = r.columns.size();
        return;
    }
    if (r.matrix.size() % F != 0 || r.offset.size() != F)
        invalid("matrix and offset must have " + std::to_string(F) + " columns");
    for (const auto* values : {&r.matrix, &r.offset}) {
        if (!std::all_of(values->begin(), values->end(), [](double x) { return std::isfinite(x); }))
            invalid("matrix and offset must be finite");
    }
    n_features_ = r.matrix.size() / F;
    shift_.resize(n_features_);
    for (std::size_t k = 0; k < n_features_; ++k)
        shift_[k] = kernels().dot(F, r.matrix.data() + k * F, r.offset.data());
}

/// Eq. (6.12), (6.13).
void Reduced::shorten(std::size_t n, const double* rows, double* out) const {
    const std::size_t F = inner_->n_features(), K = n_features_;
    if (reduction_.matrix.empty()) {
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t k = 0; k < K; ++k)
                out[i * K + k] = rows[i * F + reduction_.columns[k]];
        }
        return;
    }
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < K; ++k) out[i * K + k] = -shift_[k];
    }
    kernels().gemm_nt(n, K, F, 1, rows, F, reduction_.matrix.data(), F, 1, out, K);
}

/// dL/dx = P^T dL/dx'.
void Reduced::lengthen(std::size_t n, const double* dl_dout, double* dl_drows) const {
    const std::size_t F = inner_->n_features(), K = n_features_;
    if (reduction_.matrix.empty()) {
        std::fill_n(dl_drows, n * F, 0.0);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t k = 0; k < K; ++k)
                dl_drows[i * F + reduction_.columns[k]] = dl_dout[i * K + k];
        }
        return;
    }
    kernels().gemm_nn(n, F, K, 1, dl_dout, K, reduction_.matrix.data(), F, 0, dl_drows, F);
}

void Reduced::stream(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                     std::size_t block, int n_threads, const UseRows& use) const {
    inner_->stream(
        atoms, n_centres, centres, block, n_threads,
        [&](std::size_t first, std::size_t n, const double* rows, std::vector<double>& scratch) {
            std::vector<double> short_rows(n * n_features_);
            shorten(n, rows, short_rows.data());
            use(first, n, short_rows.data(), scratch);
        });
}

void Reduced::gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                       std::size_t block, int n_threads, bool with_rows,
                       const RowGradients& row_gradients, double* dl_dpositions,
                       double* dl_dstrain) const {
    inner_->gradient(
        atoms, n_centres, centres, block, n_threads, with_rows,
        [&](std::size_t first, std::size_t n, const double* rows, std::vector<double>& scratch) {
            std::vector<double> short_rows, inner_scratch;
            if (with_rows) {
                short_rows.resize(n * n_features_);
                shorten(n, rows, short_rows.data());
            }
            const double* given =
                row_gradients(first, n, with_rows ? short_rows.data() : nullptr, inner_scratch);
            scratch.resize(n * inner_->n_features());
            lengthen(n, given, scratch.data());
            return static_cast<const double*>(scratch.data());
        },
        dl_dpositions, dl_dstrain);
}

void Reduced::environment(std::size_t n, const double* vectors, const std::int32_t* species,
                          double* row) const {
    std::vector<double> whole(inner_->n_features());
    inner_->environment(n, vectors, species, whole.data());
    shorten(1, whole.data(), row);
}

void Reduced::environment_gradient(std::size_t n, const double* vectors,
                                   const std::int32_t* species, const double* dl_drow,
                                   double* dl_dvectors) const {
    std::vector<double> whole(inner_->n_features());
    lengthen(1, dl_drow, whole.data());
    inner_->environment_gradient(n, vectors, species, whole.data(), dl_dvectors);
}

}  // namespace glassnmr
