// SPDX-License-Identifier: BSD-3-Clause
// The table of central-transition lines: THEORY.md section 12.3.
#pragma once

#include "kernels/kernels.hpp"

namespace glassnmr {

/// The table of THEORY.md eq. (12.8), made at the first call.
CentralTable central_table();

/// eta of the lower end of a cell of the table; n_cells gives 1.
double central_table_eta(std::size_t place);

}  // namespace glassnmr
