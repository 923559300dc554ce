// SPDX-License-Identifier: BSD-3-Clause
// Rows made ready to be compared with many others: panels for the matrix products, squared norms.
#pragma once

#include <glassnmr/kernel.hpp>
#include <glassnmr/predictor.hpp>
#include <vector>

#include "aligned.hpp"

namespace glassnmr {

class PackedRows {
public:
    static constexpr std::size_t block = 480;  ///< rows a task: whole panels

    /// Y (n, d).
    PackedRows(const KernelSum& kernel, std::size_t n, std::size_t d, const double* Y,
               Precision precision, int n_threads);

    std::size_t size() const { return n_; }

    /// out (m, count), leading dimension ldo: kernel of rows X (m, d) with rows first .. first +
    /// count; first is a multiple of `block`.
    void values(std::size_t m, const double* X, std::size_t first, std::size_t count, double* out,
                std::size_t ldo) const;

    /// THEORY.md eq. (7.8): from dL/dK (m, n) of the kernel between X (m, d) and all rows Y (n, d)
    /// to dL/dX (m, d), overwritten. In full precision only.
    void pull_back(std::size_t m, const double* X, const double* Y, const double* dl_dk,
                   double* dl_dX) const;

private:
    struct Term {
        KernelTerm what;
        Buffer packed, norms;  // norms: |y - origin|^2; for products with an origin o.y - o.o
        std::vector<float, CacheLineAllocator<float>> packed_single;
        Buffer origin;  // in single precision: the mean of the rows
    };
    void dots(const Term& term, std::size_t m, const double* X, std::size_t first,
              std::size_t count, double* out, std::size_t ldo, double* norms) const;

    std::size_t n_, d_;
    Precision precision_;
    std::vector<Term> terms_;
};

/// The terms with their columns known.
std::vector<KernelTerm> resolved(const KernelSum& kernel, std::size_t d);

/// The sum over terms: one(term, to, ld) writes each into a tile (rows, cols).
template <class One>
void sum_terms(const std::vector<KernelTerm>& terms, std::size_t rows, std::size_t cols,
               double* out, std::size_t ldo, const One& one) {
    Buffer other(terms.size() > 1 ? rows * cols : 0);
    for (std::size_t k = 0; k < terms.size(); ++k) {
        double* to = k ? other.data() : out;
        const std::size_t ld = k ? cols : ldo;
        one(k, to, ld);
        const double w = terms[k].weight;
        if (k == 0 && w == 1) continue;
        for (std::size_t i = 0; i < rows; ++i) {
            for (std::size_t j = 0; j < cols; ++j) {
                if (k) {
                    out[i * ldo + j] += w * to[i * ld + j];
                } else {
                    out[i * ldo + j] *= w;
                }
            }
        }
    }
}

}  // namespace glassnmr
