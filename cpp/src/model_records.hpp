// SPDX-License-Identifier: BSD-3-Clause
// A scalar model as the records of a file, for the files that hold more than one.
#pragma once

#include <glassnmr/model.hpp>

#include "records.hpp"

namespace glassnmr {

Records model_records(const ModelParts& parts);

/// Throws format_error for a record that is missing or not as it must be, std::invalid_argument for
/// values outside their range.
ModelParts model_parts(const Fields& fields);

}  // namespace glassnmr
