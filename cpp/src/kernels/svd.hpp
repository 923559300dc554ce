// SPDX-License-Identifier: BSD-3-Clause
// Entry of svd.cpp.
#pragma once

#include <cstddef>

namespace glassnmr {

/// Apart from the other factorisations, as it takes far longer to compile.
struct SingularKernels {
    /// r = u diag(s) v^T, all (n, n) column-major, s descending; false when it does not converge.
    bool (*svd)(std::size_t n, const double* r, double* u, double* s, double* v);
};

#ifdef GLASSNMR_ENTRY  // inside the kernels: this level's functions
namespace GLASSNMR_LEVEL {
GLASSNMR_ENTRY(SingularKernels, svd);
}  // namespace GLASSNMR_LEVEL
#endif

}  // namespace glassnmr
