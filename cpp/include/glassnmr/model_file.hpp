// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace glassnmr {

/// One named array of a model file; exactly one of the containers is in use, as `type` says.
struct Record {
    enum Type : std::uint8_t { text = 0, float64 = 1, float32 = 2, int64 = 3 };
    Type type = text;
    std::vector<std::uint64_t> shape;  ///< empty for a scalar and for text
    std::string characters;
    std::vector<double> doubles;
    std::vector<float> floats;
    std::vector<std::int64_t> integers;
};

using Records = std::map<std::string, Record>;

/// The container of THEORY.md eq. (10.1), (10.2).
inline constexpr std::uint32_t model_file_version = 3;

/// Write to a temporary name beside `path`, then rename. Throws std::runtime_error when the disk
/// refuses.
GLASSNMR_API void write_records(const std::string& path, const Records& records);

/// Throws std::runtime_error when the file cannot be opened, format_error when it is not a model
/// file, is newer than this library, or is damaged; the message says which.
GLASSNMR_API Records read_records(const std::string& path);

}  // namespace glassnmr
