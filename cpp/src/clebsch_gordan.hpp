// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <vector>

namespace glassnmr {

/// Coupling coefficients C^{lambda M}_{l1 m1 l2 m2} of the real harmonics of section 4, THEORY.md
/// eq. (6.16), (6.17): (2 lambda + 1, 2 l1 + 1, 2 l2 + 1), orthonormal; zero outside the triangle
/// of l1, l2, lambda.
std::vector<double> real_clebsch_gordan(std::size_t lambda, std::size_t l1, std::size_t l2);

}  // namespace glassnmr
