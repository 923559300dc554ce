// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <glassnmr/cholesky.hpp>
#include <string>

namespace glassnmr {

/// How landmarks are chosen among the rows, THEORY.md section 8.
enum class LandmarkMethod {
    icd,         ///< greatest residual, eq. (8.3)
    rpcholesky,  ///< random, in proportion to the residual, eq. (8.6)
    fps,         ///< farthest from those chosen, in the kernel's distance, eq. (8.7)
    entropy,     ///< greatest quadratic Rényi entropy of those chosen, eq. (8.8)
    kmeans,      ///< rows nearest to k-means centres, eq. (8.9)
    random,      ///< uniform
};

/// One of the names above; throws std::invalid_argument for another.
GLASSNMR_API LandmarkMethod landmark_method(const std::string& name);

/// Choose landmarks and factorise on them. Arguments and results as in incomplete_cholesky; `seed`
/// serves the random ones. Throws std::invalid_argument for kmeans on a precomputed kernel.
GLASSNMR_API std::size_t select_landmarks(const KernelSource& source, LandmarkMethod method,
                                          std::size_t count, double tolerance, std::uint64_t seed,
                                          std::int64_t* index, double* residual, double* factor,
                                          int n_threads = 0);

}  // namespace glassnmr
