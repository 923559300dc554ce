// SPDX-License-Identifier: BSD-3-Clause
// Entries of kernel_values.cpp.
#pragma once

#include <cstddef>

namespace glassnmr {

struct Kernel;

/// From products and distances to kernels, THEORY.md section 7.
struct ValueKernels {
    /// Dot products g (n, m) become kernel values, THEORY.md eq. (7.1)-(7.4); xx, yy: squared norms
    /// (Gaussian only).
    void (*kernel_values)(const Kernel& kernel, std::size_t n, std::size_t m, const double* xx,
                          const double* yy, double* g, std::size_t ldg);

    /// Squared distances become exp(-kappa d2), eq. (7.1).
    void (*kernel_from_distances)(double kappa, std::size_t n, double* d2);
};

#ifdef GLASSNMR_ENTRY  // inside the kernels: this level's functions
namespace GLASSNMR_LEVEL {
GLASSNMR_ENTRY(ValueKernels, kernel_values);
GLASSNMR_ENTRY(ValueKernels, kernel_from_distances);
}  // namespace GLASSNMR_LEVEL
#endif

}  // namespace glassnmr
