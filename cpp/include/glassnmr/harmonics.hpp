// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <vector>

namespace glassnmr {

/// Largest l of the core; the recurrences are stable and their constants in range far beyond it.
inline constexpr std::size_t largest_l = 20;

/// Constants of the normalised Legendre recurrence, THEORY.md eq. (4.3): for m = 0..l_max first the
/// start value of l = m, then the pairs (a_lm, b_lm) of l = m+1..l_max.
GLASSNMR_API std::vector<double> legendre_constants(std::size_t l_max);

/// Real spherical harmonics Y_lm of n directions, THEORY.md eq. (4.1): out (n, (l_max + 1)^2), lm =
/// l^2 + l + m. `xyz` (n, 3) need not be normalised. Throws std::invalid_argument for a zero or
/// non-finite vector.
GLASSNMR_API void spherical_harmonics(std::size_t l_max, std::size_t n, const double* xyz,
                                      double* out, int n_threads = 0);

}  // namespace glassnmr
