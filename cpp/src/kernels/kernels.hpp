// SPDX-License-Identifier: BSD-3-Clause
// The hot loops of the core behind one table of function pointers, filled once for the instruction level in use.
//
// Every file of this folder is compiled once for each level (x86-64, x86-64-v3, x86-64-v4, or `baseline` elsewhere).
// So that no function compiled for one level can be linked into another: include "kernels/level.hpp" first, put
// everything into namespace glassnmr::GLASSNMR_LEVEL, use raw pointers and sizes, no standard containers, no
// exceptions, no threads. Memory, threads and errors belong to the callers in cpp/src.
#pragma once

#include <cstddef>

namespace glassnmr {

struct RadialTableView;

struct Kernels {
    const char* level;

    /// Y_lm of eight unit vectors, THEORY.md eq. (4.2): out[lm][8].
    void (*harmonics)(std::size_t l_max, const double* legendre, const double* x, const double* y, const double* z,
                      double* out);

    /// Density coefficients of one centre, THEORY.md eq. (5.2): c[s][lm][n_pad] += sum_j h_nl(r_j) Y_lm(r_j).
    /// xyz: n vectors (3 doubles each), sorted so that species s holds [first[s], first[s+1]). c is zeroed here.
    void (*expand)(const RadialTableView& table, std::size_t n_species, const std::size_t* first, const double* xyz,
                   double* c);

    /// Power spectrum of one centre, THEORY.md eq. (6.3), from padded coefficients c[s][lm][n_pad]; scale[l].
    void (*power_spectrum)(std::size_t n_species, std::size_t n_max, std::size_t n_pad, std::size_t l_max,
                           const double* scale, const double* c, double* p);
};

/// The table of the level in use: the highest that this processor can run, or what GLASSNMR_LEVEL names.
/// Throws std::invalid_argument when GLASSNMR_LEVEL names a level that was not built or cannot run here.
const Kernels& kernels();

}  // namespace glassnmr
