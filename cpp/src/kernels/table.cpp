// SPDX-License-Identifier: BSD-3-Clause
// This level's table of kernels.
#include "kernels/level.hpp"
//
#include "kernels/kernels.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

extern const Kernels table;
const Kernels table = {
    {&harmonics, &expand, &expand_back, &self_terms, &power_spectrum, &power_spectrum_back},
    {&isotropic_lines, &central_lines, &powder_line},
    {&gemm_nt, &gemm_nn, &kernel_values, &kernel_from_distances, &dot, &axpy, &cholesky,
     &solve_lower, &solve_upper, &qr, &apply_q, &svd},
    GLASSNMR_TEXT(GLASSNMR_LEVEL)};

}  // namespace glassnmr::GLASSNMR_LEVEL
