// SPDX-License-Identifier: BSD-3-Clause
// What models of scalars and of tensors know of their errors, checked and as records of a file.
#pragma once

#include <glassnmr/model.hpp>

#include "records.hpp"

namespace glassnmr {

/// Throws std::invalid_argument unless the variance is of M landmarks, with T noises and factors of
/// Q quantities.
void check_uncertainty(const Uncertainty& u, std::size_t M, std::size_t T, std::size_t Q);

/// Place of a level; throws std::invalid_argument for one that was not calibrated.
std::size_t level_place(const Uncertainty* u, double level);

void write_uncertainty(const Uncertainty& u, std::uint64_t M, Records& r);

/// Null where the records hold none.
std::shared_ptr<const Uncertainty> read_uncertainty(const Fields& f, std::size_t M);

}  // namespace glassnmr
