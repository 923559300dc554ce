// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <string>
#include <vector>

namespace glassnmr {

/// Version of the library, as "major.minor.patch".
GLASSNMR_API const char* version();

/// Instruction levels that were built in and that this processor can run, lowest first.
GLASSNMR_API std::vector<std::string> supported_levels();

/// The level whose kernels run: the highest supported, or what the environment variable
/// GLASSNMR_LEVEL names. Throws std::invalid_argument when that variable names a level that cannot
/// run here.
GLASSNMR_API const char* level_in_use();

/// Name and version of the compiler that built the library.
GLASSNMR_API const char* compiler();

/// Threads that a compute call uses when n_threads is 0.
GLASSNMR_API int default_threads();

/// Whether the library was built with OpenMP.
GLASSNMR_API bool has_openmp();

}  // namespace glassnmr
