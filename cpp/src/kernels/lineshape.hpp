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

/// The share of the sidebands in each interval of the lines of CentralTable, THEORY.md eq. (12.24):
/// band[node of A / nu_r][row][interval][lanes], the lanes being the sidebands -7 ... 7 and a zero.
struct CentralBands {
    static constexpr std::size_t lanes = 16, highest = 7, stencil = 4;
    static constexpr double step = 1.0;  ///< of the nodes, the first of which is at -step
    const float* band;
    std::size_t n_nodes;
};

/// Sidebands of a shift anisotropy, THEORY.md eq. (12.23): band[node of mu][node of eta][lanes].
struct ShiftBands {
    static constexpr std::size_t lanes = 64, n_eta = 16, stencil = 6;
    static constexpr double step = 0.25;  ///< of the nodes in mu, the first of which is at -2 step
    const double* band;
    const double *eta, *eta_weight;  ///< nodes in eta^2, and their weights in the second form
    std::size_t n_nodes;
};

/// How the lines of one transition follow from those of the central one, THEORY.md eq. (12.15).
struct LineRanks {
    double scale;         ///< width A / nu_ref of the central transition at C_Q = 1 MHz, ppm
    double rank0, rank4;  ///< 1, 1 for the central transition
};

/// Sites for the kernels: null weight means 1, null component means 0.
struct LineSites {
    std::size_t n;
    const double *delta, *coupling, *eta, *weight;
    const std::int32_t* component;
};

/// Lines laid on an axis.
struct LineshapeKernels {
    /// One point for each site, THEORY.md eq. (12.10): out[component][stride] += weight; what lies
    /// beyond to outside.
    void (*isotropic_lines)(const LineGrid& grid, const LineSites& sites, double* out,
                            double* outside);

    /// The tabulated line of each site, THEORY.md eq. (12.8) and (12.11), times `share`.
    void (*central_lines)(const LineGrid& grid, const CentralTable& table, const LineRanks& ranks,
                          double share, const LineSites& sites, double* out, double* outside);

    /// The same for n sites of which each shares its weight among two neighbouring rows:
    /// weights[n][2], out[stride][2], outside[2].
    void (*paired_lines)(const LineGrid& grid, const CentralTable& table, double scale,
                         std::size_t n, const double* delta, const double* coupling,
                         const double* eta, const double* weights, double* out, double* outside);

    /// The central transition with its sidebands, each on an axis of its own, not moved:
    /// out[stride][lanes] of CentralBands, THEORY.md eq. (12.24), the last lane their sum, to which
    /// the caller makes up the centreband. speed: ppm.
    void (*central_bands)(const LineGrid& grid, const CentralTable& table,
                          const CentralBands& bands, double scale, double speed,
                          const LineSites& sites, double* out, double* outside);

    /// Sidebands of a shift anisotropy zeta[n] (ppm), eta in sites, at delta + k speed, THEORY.md
    /// eq. (12.23).
    void (*shift_bands)(const LineGrid& grid, const ShiftBands& bands, const double* zeta,
                        double speed, const LineSites& sites, double* out, double* outside);
};

#ifdef GLASSNMR_ENTRY  // inside the kernels: this level's functions
namespace GLASSNMR_LEVEL {
GLASSNMR_ENTRY(LineshapeKernels, isotropic_lines);
GLASSNMR_ENTRY(LineshapeKernels, central_lines);
GLASSNMR_ENTRY(LineshapeKernels, paired_lines);
GLASSNMR_ENTRY(LineshapeKernels, central_bands);
GLASSNMR_ENTRY(LineshapeKernels, shift_bands);
}  // namespace GLASSNMR_LEVEL
#endif

}  // namespace glassnmr
