// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <cstdint>
#include <glassnmr/descriptor.hpp>
#include <glassnmr/radial.hpp>
#include <memory>
#include <string>
#include <vector>

namespace glassnmr {

/// Which products of channels the 3-body part holds, eq. (6.3), (6.8).
enum class Compression {
    none,       ///< all pairs of channels
    crossover,  ///< each channel with itself
    mu1nu1      ///< each channel with the sum of all
};

/// "none", "crossover" or "mu1nu1"; throws std::invalid_argument for anything else.
GLASSNMR_API Compression compression(const std::string& name);
GLASSNMR_API const char* compression_name(Compression kind);

/// What fixes a spherical-Bessel SOAP descriptor beside its radial functions.
struct SoapSettings {
    RadialSettings radial;
    std::size_t n_species = 1;
    std::vector<double>
        mixing;  ///< (channels, n_species), eq. (5.3); empty: a channel for each species
    bool two_body = true;
    bool three_body = true;
    double two_body_weight = 1;
    double three_body_weight = 1;
    double angular_filter = 0;  ///< a of eq. (6.4)
    bool normalise = false;     ///< scale the 3-body part of each row to its weight, eq. (6.5)
    Compression compression = Compression::none;
    bool remove_self = false;  ///< without the products of a neighbour with itself, eq. (6.7)
};

/// One entry of a feature row: which channels, radial functions and l it is made of; -1 where it
/// has no meaning.
struct FeatureLabel {
    std::int32_t body, s1, n1, s2, n2, l;
};

/// Spherical-Bessel SOAP: density coefficients and invariants of atomic environments.
///
/// THEORY.md sections 5 and 6. A row holds the 2-body part (channel, then n), then the 3-body part:
/// for channels s1 <= s2, for l, for n1, for n2, where n2 starts at n1 if s1 = s2. With `mu1nu1` s2
/// is the sum of all channels, told as -1.
class GLASSNMR_API Soap : public LocalDescriptor {
public:
    /// Throws std::invalid_argument for settings outside their range.
    explicit Soap(SoapSettings settings);

    const char* name() const override { return "spherical-bessel-soap"; }
    double cutoff() const override { return settings_.radial.cutoff; }
    std::size_t n_species() const override { return settings_.n_species; }
    std::size_t n_features() const override { return n_two_ + n_three_; }

    const SoapSettings& settings() const { return settings_; }
    const RadialBasis& radial() const;
    std::size_t n_channels() const { return n_channels_; }
    std::size_t n_coefficients() const;
    std::vector<FeatureLabel> feature_index() const;

    /// Coefficients c of eq. (5.2), (5.3) of the centres: out (n_centres, n_channels, n_max, (l_max
    /// + 1)^2).
    void coefficients(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                      double* out, int n_threads = 0) const;

    /// From dL/drows to dL/dmixing (channels, n_species), THEORY.md eq. (6.14). Throws
    /// std::invalid_argument without a mixing, or with remove_self.
    void mixing_gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                         const double* dl_drows, double* dl_dmixing, int n_threads = 0) const;

protected:
    std::unique_ptr<Workspace> workspace() const override;
    void row(const Environment& environment, Workspace& work, double* row) const override;
    void pull_back(const Environment& environment, Workspace& work, const double* dl_drow,
                   double* dl_dvectors) const override;

private:
    struct Scratch;
    struct Plan;
    const double* coefficient_gradient(const Environment& environment, Scratch& work,
                                       const double* dl_drow) const;
    void three_body(const Environment& environment, Scratch& work, double* p) const;

    SoapSettings settings_;
    std::size_t n_channels_, n_two_, n_three_;
    std::shared_ptr<const Plan> plan_;
};

}  // namespace glassnmr
