// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <glassnmr/kernel.hpp>

namespace glassnmr {

/// Rows whose kernel with each other is wanted, as a view: the caller owns the array.
struct KernelSource {
    KernelSum kernel;   ///< not read when `precomputed`
    std::size_t n = 0;  ///< rows
    std::size_t d = 0;  ///< features; n when `precomputed`
    const double* X =
        nullptr;  ///< (n, d); when `precomputed` the symmetric kernel matrix (n, n) itself
    bool precomputed = false;
};

/// Pivoted incomplete Cholesky factor, THEORY.md eq. (8.1)-(8.4): K ~ L L^T with the greatest
/// residual first.
///
/// Greedy exactly as the textbook does it, ties to the lowest index, but with columns made in
/// blocks. Stops after `count` pivots (or n), when the residual trace falls to `tolerance` of the
/// trace, or when what is left is rounding error. Out: index (count), residual (count): trace(K - L
/// L^T) / trace(K) after each pivot, never rising; factor (count, n): row t is column t of L.
/// Returns the number of pivots; what lies beyond is not touched. Throws numerical_error when the
/// matrix is found not to be positive semidefinite.
GLASSNMR_API std::size_t incomplete_cholesky(const KernelSource& source, std::size_t count,
                                             double tolerance, std::int64_t* index,
                                             double* residual, double* factor, int n_threads = 0);

/// The same with given pivots, in their order (n_order); one that the earlier ones span is left
/// out. `made`: factor (n_order, n) holds their rows of the kernel matrix already.
GLASSNMR_API std::size_t ordered_cholesky(const KernelSource& source, std::size_t n_order,
                                          const std::int64_t* order, double tolerance,
                                          std::int64_t* index, double* residual, double* factor,
                                          int n_threads = 0, bool made = false);

/// Pivots drawn with probability proportional to their residual, THEORY.md eq. (8.6) (Chen,
/// Epperly, Tropp, Webber 2022).
GLASSNMR_API std::size_t random_cholesky(const KernelSource& source, std::size_t count,
                                         double tolerance, std::uint64_t seed, std::int64_t* index,
                                         double* residual, double* factor, int n_threads = 0);

}  // namespace glassnmr
