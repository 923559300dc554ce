// SPDX-License-Identifier: BSD-3-Clause
// This level's table of kernels.
#include "kernels/level.hpp"
//
#include "kernels/entries.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

extern const Kernels table;
const Kernels table = {GLASSNMR_TEXT(GLASSNMR_LEVEL), &harmonics, &expand, &power_spectrum};

}  // namespace glassnmr::GLASSNMR_LEVEL
