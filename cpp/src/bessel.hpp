// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <vector>

namespace glassnmr {

/// j_0(x) to j_l_max(x) for x >= 0, THEORY.md eq. (3.3).
void spherical_bessel(std::size_t l_max, double x, double* out);

/// e^{-x} i_0(x) to e^{-x} i_l_max(x) for x >= 0, THEORY.md eq. (3.6).
void scaled_modified_bessel(std::size_t l_max, double x, double* out);

/// Positive roots of j_0 to j_l_max, `count` each, (l_max + 1, count), THEORY.md eq. (3.2).
std::vector<double> bessel_zeros(std::size_t l_max, std::size_t count);

/// Nodes and weights of the Gauss-Legendre rule on [a, b].
void gauss_legendre(std::size_t n, double a, double b, std::vector<double>& nodes,
                    std::vector<double>& weights);

}  // namespace glassnmr
