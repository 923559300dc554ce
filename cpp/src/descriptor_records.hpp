// SPDX-License-Identifier: BSD-3-Clause
// Descriptors as records of a model file: THEORY.md section 10.
#pragma once

#include <glassnmr/descriptor.hpp>
#include <memory>

#include "records.hpp"

namespace glassnmr {

/// Adds the records that fix the descriptor. Throws std::invalid_argument for one that files do not
/// know.
void write_descriptor(const Descriptor& descriptor, Records& records);

/// The descriptor of a file. Throws format_error for a name that this library lacks or records that
/// are missing, std::invalid_argument for settings outside their range.
std::shared_ptr<const Descriptor> read_descriptor(const Fields& fields, std::size_t n_species);

}  // namespace glassnmr
