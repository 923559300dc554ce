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
    const double* coupling;         ///< C_Q or |C_Q|, MHz; null without quadrupole moment
    const double* eta;              ///< of the field gradient, in [0, 1]; null with coupling
    const double* weight;           ///< not negative
    const std::int32_t* component;  ///< in [0, n_components)
    std::size_t n_components;
    const double* zeta = nullptr;  ///< Haeberlen's zeta of the shift, ppm; null without anisotropy
    const double* zeta_eta = nullptr;  ///< Haeberlen's eta of the shift; null with zeta
    const double* euler = nullptr;     ///< n x 3, radians, eq. (12.18): shift in the frame of the
                                       ///< field gradient; null where their axes coincide
};

/// One transition m -> m - 1, or m -> -m: eq. (12.14) and (12.15).
struct Transition {
    double weight;               ///< share of the intensity
    double order1;               ///< factor of nu_Q in first order
    double rank0, rank2, rank4;  ///< second order, in those of the central transition
};

/// How the lines are made.
struct LineSettings {
    double scale = 0;   ///< width A / nu_ref of the central transition at C_Q = 1 MHz, ppm
    double order1 = 0;  ///< nu_Q / nu_ref at C_Q = 1 MHz, ppm
    double speed = 0;  ///< of the rotor, nu_r / nu_ref in ppm; infinity; 0: the sample stands still
    const Transition* transitions = nullptr;  ///< null: the central one
    std::size_t n_transitions = 0;
    std::size_t density = 64;  ///< of the powder: parts of an octant's edge
};

/// The greatest A / nu_r and |zeta| / nu_r of the tables of sidebands.
struct SidebandLimits {
    double central, shift;
};
GLASSNMR_API SidebandLimits sideband_limits();

/// Lay the lines of all sites on the axis: intensity[n_components][axis.n], zeroed here, holds
/// weights, not densities, and outside[n_components] the weight that fell beyond either end;
/// together they add up to the sum of the weights. The rotor turns infinitely fast.
///
/// Without a coupling each site is one line at delta_iso (eq. 12.1); with it the transitions of a
/// half-integer spin in second order (eq. 12.3) from the table of section 12.3. The result does not
/// depend on n_threads. Throws std::invalid_argument for values outside their range.
GLASSNMR_API void mas_lines(const Sites& sites, const PpmAxis& axis, const LineSettings& settings,
                            double* intensity, double* outside, int n_threads = 0);

/// The same at any speed, with anisotropic shifts, orientation by orientation: section 12.5. Slow,
/// and the judge of the tables.
GLASSNMR_API void powder_lines(const Sites& sites, const PpmAxis& axis,
                               const LineSettings& settings, double* intensity, double* outside,
                               int n_threads = 0);

/// The same for anisotropic shifts without a coupling at a finite speed, from a table:
/// section 12.6.
GLASSNMR_API void shift_sidebands(const Sites& sites, const PpmAxis& axis,
                                  const LineSettings& settings, double* intensity, double* outside,
                                  int n_threads = 0);

/// The central transition at a finite speed, from a table: intensity[axis.n][central_bands], the
/// sidebands -7 ... 7 and nothing in columns of their own, all laid at the place of the centreband.
/// Components and anisotropic shifts are not taken.
constexpr std::size_t central_sideband_columns = 16;
GLASSNMR_API void central_sidebands(const Sites& sites, const PpmAxis& axis,
                                    const LineSettings& settings, double* intensity,
                                    double* outside, int n_threads = 0);

/// Sheared multiple-quantum spectra at infinite speed: a line of the central transition along
/// axis 2 at isotropic[n] (ppm) of axis 1. intensity[n_components][axis1.n][axis2.n].
GLASSNMR_API void sheared_lines(const Sites& sites, const double* isotropic, const PpmAxis& axis1,
                                const PpmAxis& axis2, const LineSettings& settings,
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
