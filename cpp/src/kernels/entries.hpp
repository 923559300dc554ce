// SPDX-License-Identifier: BSD-3-Clause
// Declarations of this level's kernels; what each does stands in kernels.hpp.
#pragma once

#include "kernels/kernels.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

void harmonics(std::size_t l_max, const double* legendre, const double* x, const double* y, const double* z,
               double* out);
void expand(const RadialTableView& table, std::size_t n_species, const std::size_t* first, const double* xyz,
            double* c);
void power_spectrum(std::size_t n_species, std::size_t n_max, std::size_t n_pad, std::size_t l_max,
                    const double* scale, const double* c, double* p);

}  // namespace glassnmr::GLASSNMR_LEVEL
