// SPDX-License-Identifier: BSD-3-Clause
// Entries of lineshape.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace glassnmr {

/// n points `first`, `first + 1 / per_step`, ...; rows of `stride` >= n + 1 values, as a line that
/// ends exactly on the last point writes a zero behind it.
struct LineGrid {
    double first, per_step;
    std::size_t n, stride;
};

/// Lines of the central transition in n_cells cells of s(eta), evenly from 0 to 1, THEORY.md eq.
/// (12.8). A cell holds two rows, for its lower and upper end: n_intervals + 1 rising nodes of -u,
/// and the mass between neighbours. mean[cell][3]: the mean of the line interpolated at t in [0, 1]
/// inside the cell, as a polynomial in t.
struct CentralTable {
    static constexpr std::size_t n_cells = 64, n_segments = 5, n_intervals = 256;
    const double *node, *mass, *mean;
};

/// Lines laid on an axis.
struct LineshapeKernels {
    /// One point for each site, THEORY.md eq. (12.10): out[component][stride] += weight; what lies
    /// beyond to outside.
    void (*isotropic_lines)(const LineGrid& grid, std::size_t n, const double* delta,
                            const double* weight, const std::int32_t* component, double* out,
                            double* outside);

    /// The tabulated line of each site, THEORY.md eq. (12.8) and (12.11); width scale * coupling^2.
    void (*central_lines)(const LineGrid& grid, const CentralTable& table, double scale,
                          std::size_t n, const double* delta, const double* coupling,
                          const double* eta, const double* weight, const std::int32_t* component,
                          double* out, double* outside);

    /// One site, orientation by orientation, THEORY.md eq. (12.9): x2 = cos^2 beta and y = cos 2
    /// alpha of each.
    void (*powder_line)(const LineGrid& grid, std::size_t n_orientations, const double* x2,
                        const double* y, double delta, double width, double eta, double weight,
                        double* out, double* outside);
};

#ifdef GLASSNMR_ENTRY  // inside the kernels: this level's functions
namespace GLASSNMR_LEVEL {
GLASSNMR_ENTRY(LineshapeKernels, isotropic_lines);
GLASSNMR_ENTRY(LineshapeKernels, central_lines);
GLASSNMR_ENTRY(LineshapeKernels, powder_line);
}  // namespace GLASSNMR_LEVEL
#endif

}  // namespace glassnmr
