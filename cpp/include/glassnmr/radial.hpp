// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <string>
#include <vector>

namespace glassnmr {

enum class RadialKind { bessel, bessel_truncated, kocer };

/// "bessel", "bessel-truncated" or "kocer"; throws std::invalid_argument for anything else.
GLASSNMR_API RadialKind radial_kind(const std::string& name);
GLASSNMR_API const char* radial_name(RadialKind kind);

/// What fixes the radial functions.
struct RadialSettings {
    RadialKind kind = RadialKind::bessel;
    double cutoff = 5.0;          ///< r_c, Å
    std::size_t n_max = 8;        ///< functions for each l
    std::size_t l_max = 4;        ///< inclusive
    double sigma = 0.4;           ///< width of the smeared atoms, Å; unused by kocer
    double scaling_radius = 0;    ///< r_0 of eq. (3.9), Å; 0 switches the scaling off
    double scaling_exponent = 0;  ///< m of eq. (3.9)
};

/// How the kernels read the tabulated functions: on interval k and for t in [-1, 1] inside it,
/// h_nl(r) = sum_d coefficients[((k (l_max+1) + l) (degree+1) + d) n_pad + n] t^d.
struct RadialTableView {
    static constexpr std::size_t degree = 7;
    double cutoff;
    double intervals_per_length;  ///< 1/Å
    std::size_t n_intervals;
    std::size_t n_max, n_pad, l_max;
    const double* coefficients;
    const double* legendre;  ///< constants of the recurrence of eq. (4.3), see harmonics.hpp
};

/// h_nl(r) f_c(r) of THEORY.md section 3 and its tabulation. Immutable.
class GLASSNMR_API RadialBasis {
public:
    /// Throws std::invalid_argument for settings outside their range, numerical_error if the table
    /// misses 1e-12.
    explicit RadialBasis(const RadialSettings& settings);

    const RadialSettings& settings() const { return settings_; }
    std::size_t n_pad() const { return n_pad_; }
    RadialTableView table() const;

    /// The functions from their formulas, slow: out[l][n], (l_max + 1) n_max values; zero from r_c
    /// on.
    void exact(double r, double* out) const;
    /// The functions from the table, as the kernels see them: the same layout.
    void tabulated(double r, double* out) const;

private:
    void raw(double r, double* out) const;
    void tabulate(std::size_t n_intervals);
    double worst_error() const;

    RadialSettings settings_;
    std::size_t n_pad_;
    std::vector<double> zeros_;            ///< z_nl, (l_max + 1, n_max + 1)
    std::vector<double> nodes_, weights_;  ///< Gauss-Legendre on [0, r_c] (bessel-truncated)
    std::vector<double> chi_nodes_;        ///< chi_nl(s) s^2 w at the nodes, (l, node, n)
    std::size_t n_intervals_ = 0;
    std::vector<double> coefficients_;
    std::vector<double> legendre_;
};

}  // namespace glassnmr
