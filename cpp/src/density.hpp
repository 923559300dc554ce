// SPDX-License-Identifier: BSD-3-Clause
// Density coefficients of one environment and the way back: THEORY.md eq. (5.2), (5.3), (6.10).
#pragma once

#include <glassnmr/descriptor.hpp>
#include <glassnmr/radial.hpp>
#include <vector>

namespace glassnmr {

/// Radial functions and mixing of the species, shared by all descriptors made of coefficients.
class Density {
public:
    /// Memory of one thread. c and its derivative b hold [row][lm][n_pad].
    struct Scratch {
        std::vector<double> raw, c, b, b_raw;
    };

    /// `mixing` (channels, n_species), empty for a channel for each species; `with_sum` adds a row
    /// with the sum of all channels. Throws std::invalid_argument for settings outside their range.
    Density(const RadialSettings& radial, std::size_t n_species, const std::vector<double>& mixing,
            bool with_sum);

    const RadialBasis& radial() const { return radial_; }
    std::size_t n_species() const { return n_species_; }
    std::size_t n_channels() const { return n_channels_; }
    std::size_t rows() const { return rows_; }  ///< channels, and their sum
    std::size_t size() const;                   ///< numbers of one row
    double mixing(std::size_t row, std::size_t s) const { return mixing_[row * n_species_ + s]; }

    /// Eq. (5.2), (5.3) into work.c.
    void expand(const Environment& environment, Scratch& work) const;

    /// dL/dvectors, overwritten, from dL/dc in work.b, eq. (6.10); `dl_dself` as in expand_back.
    void pull_back(const Environment& environment, Scratch& work, const double* dl_dself,
                   double* dl_dvectors) const;

private:
    RadialBasis radial_;
    std::size_t n_species_, n_channels_, rows_;
    std::vector<double> mixing_;  // (rows, n_species)
    bool mixed_;
};

}  // namespace glassnmr
