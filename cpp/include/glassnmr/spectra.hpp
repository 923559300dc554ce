// SPDX-License-Identifier: BSD-3-Clause
// Lines of many sites on one frequency axis: THEORY.md section 12.
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <cstdint>

namespace glassnmr {

/// n points first, first + step, ..., ppm, rising; each stands for the tent of eq. (12.10) around
/// it.
struct PpmAxis {
    double first;
    double step;
    std::size_t n;
};

/// Sites as arrays of n values. A null `weight` means 1, a null `component` means component 0.
struct Sites {
    std::size_t n;
    const double* delta_iso;        ///< ppm
    const double* coupling;         ///< C_Q or |C_Q|, MHz; null for the isotropic lines of spin 1/2
    const double* eta;              ///< in [0, 1]; null together with coupling
    const double* weight;           ///< not negative
    const std::int32_t* component;  ///< in [0, n_components)
    std::size_t n_components;
};

/// The table is within 0.2 % (L2) of the powder average for a single line sixty times as wide as
/// its broadening.
enum class LineMethod { table, powder };

/// How the lines of the central transition are made.
struct LineSettings {
    double scale = 0;  ///< width A / nu_ref at C_Q = 1 MHz, ppm: eq. (12.4)
    LineMethod method = LineMethod::table;
    std::size_t orientations = 196418;  ///< of the powder method, eq. (12.9)
};

/// Lay the lines of all sites on the axis: intensity[n_components][axis.n], zeroed here, holds
/// weights, not densities, and outside[n_components] the weight that fell beyond either end;
/// together they add up to the sum of the weights.
///
/// Without a coupling each site is one line at delta_iso (eq. 12.1); with it the central transition
/// of a half-integer spin in second order under fast magic-angle spinning (eq. 12.3). The result
/// does not depend on n_threads. Throws std::invalid_argument for values outside their range.
GLASSNMR_API void mas_lines(const Sites& sites, const PpmAxis& axis, const LineSettings& settings,
                            double* intensity, double* outside, int n_threads = 0);

/// The reduced frequency u of the central transition, eq. (12.3): x = cos beta, alpha from the axis
/// of V_yy, radians.
GLASSNMR_API double central_transition_frequency(double eta, double x, double alpha);

/// The six critical values of u over the sphere, rising, eq. (12.6); those that are no longer
/// stationary repeat the value of the vertex into which they went.
GLASSNMR_API void central_transition_critical_values(double eta, double* values);

/// The share of all orientations with a reduced frequency of at most u, eq. (12.7).
GLASSNMR_API double central_transition_distribution(double eta, double u);

}  // namespace glassnmr
