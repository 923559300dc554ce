// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <glassnmr/descriptor.hpp>
#include <memory>
#include <vector>

namespace glassnmr {

/// How rows are made shorter: one of both is empty.
struct Reduction {
    std::vector<std::size_t> columns;  ///< features that are kept, eq. (6.13)
    std::vector<double> matrix;        ///< (n, n_features of the inner descriptor), eq. (6.12)
    std::vector<double> offset;        ///< (n_features of the inner descriptor), with the matrix
};

/// A descriptor whose rows are shortened: x' = P (x - offset), or some of the columns.
class GLASSNMR_API Reduced : public Descriptor {
public:
    /// Throws std::invalid_argument for a reduction that does not fit the descriptor.
    Reduced(std::shared_ptr<const Descriptor> inner, Reduction reduction);

    using Descriptor::gradient;
    const char* name() const override { return "reduced"; }
    double cutoff() const override { return inner_->cutoff(); }
    std::size_t n_species() const override { return inner_->n_species(); }
    std::size_t n_features() const override { return n_features_; }
    const std::shared_ptr<const Descriptor>& inner() const { return inner_; }
    const Reduction& reduction() const { return reduction_; }

    void stream(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                std::size_t block, int n_threads, const UseRows& use) const override;
    void gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                  std::size_t block, int n_threads, bool with_rows,
                  const RowGradients& row_gradients, double* dl_dpositions,
                  double* dl_dstrain) const override;
    void environment(std::size_t n, const double* vectors, const std::int32_t* species,
                     double* row) const override;
    void environment_gradient(std::size_t n, const double* vectors, const std::int32_t* species,
                              const double* dl_drow, double* dl_dvectors) const override;

private:
    void shorten(std::size_t n, const double* rows, double* out) const;
    void lengthen(std::size_t n, const double* dl_dout, double* dl_drows) const;

    std::shared_ptr<const Descriptor> inner_;
    Reduction reduction_;
    std::size_t n_features_;
    std::vector<double> shift_;  ///< P offset
};

}  // namespace glassnmr
