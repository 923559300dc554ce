// SPDX-License-Identifier: BSD-3-Clause
// This level's table of kernels.
#include "kernels/level.hpp"
//
#include "kernels/kernels.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

extern const Kernels table;
const Kernels table = {
    {&harmonics, &expand, &ordered, &expand_back, &self_terms},
    {&power_spectrum, &power_spectrum_back},
    {&isotropic_lines, &central_lines, &paired_lines, &central_bands, &shift_bands},
    {&still_frequencies, &turning_bands, &deposit_triangles},
    {&dot, &axpy, &gemm_nt, &gemm_nn, &gemm_tn, &packed_size, &pack, &gemm_packed,
     &packed_size_single, &pack_single, &gemm_packed_single, &norms_single},
    {&kernel_values, &kernel_from_distances},
    {&cholesky, &solve_lower, &qr_panel, &apply_panel},
    {&svd},
    {&pair_sums, &pair_sums_back, &triplet_sums, &triplet_sums_back},
    {&couple, &couple_back},
    GLASSNMR_TEXT(GLASSNMR_LEVEL)};

}  // namespace glassnmr::GLASSNMR_LEVEL
