// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <cstdint>
#include <glassnmr/soap.hpp>
#include <memory>
#include <utility>
#include <vector>

namespace glassnmr {

/// What fixes an equivariant descriptor beside its radial functions.
struct EquivariantSettings {
    RadialSettings radial;
    std::size_t n_species = 1;
    std::vector<double> mixing;  ///< (channels, n_species), eq. (5.3); empty: one for each species
    std::size_t lambda = 2;      ///< 0 to 4
    int parity = 1;              ///< 1: as Y_lambda under inversion; -1: with the other sign
    bool two_body = true;        ///< parity 1 only
    bool three_body = true;
    double two_body_weight = 1;
    double three_body_weight = 1;
    Compression compression = Compression::none;
    std::vector<std::pair<std::size_t, std::size_t>> pairs;  ///< l1 <= l2 to keep; empty: all
};

/// One feature of the equivariants: which channels, radial functions and l it is made of; -1 where
/// it has no meaning.
struct EquivariantLabel {
    std::int32_t body, s1, n1, l1, s2, n2, l2;
};

/// Features that turn with the environment as Y_lambda: lambda-SOAP, THEORY.md section 6.4.
///
/// A row holds 2 lambda + 1 components M = -lambda .. lambda of n_equivariants features each: the
/// 2-body part (channel, n), then the 3-body part for the pairs l1, l2, channels, n1, n2.
class GLASSNMR_API Equivariants : public LocalDescriptor {
public:
    /// Throws std::invalid_argument for settings outside their range.
    explicit Equivariants(EquivariantSettings settings);

    const char* name() const override { return "equivariant-soap"; }
    double cutoff() const override { return settings_.radial.cutoff; }
    std::size_t n_species() const override { return settings_.n_species; }
    std::size_t n_features() const override { return n_components() * n_equivariants(); }

    std::size_t n_components() const { return 2 * settings_.lambda + 1; }
    std::size_t n_equivariants() const { return n_two_ + n_three_; }
    const EquivariantSettings& settings() const { return settings_; }
    std::vector<EquivariantLabel> feature_index() const;

protected:
    std::unique_ptr<Workspace> workspace() const override;
    void row(const Environment& environment, Workspace& work, double* row) const override;
    void pull_back(const Environment& environment, Workspace& work, const double* dl_drow,
                   double* dl_dvectors) const override;

private:
    struct Scratch;
    struct Plan;

    EquivariantSettings settings_;
    std::size_t n_two_ = 0, n_three_ = 0;
    std::shared_ptr<const Plan> plan_;
};

/// Real coupling coefficients of THEORY.md eq. (6.16): (2 lambda + 1, 2 l1 + 1, 2 l2 + 1).
GLASSNMR_API std::vector<double> coupling_coefficients(std::size_t lambda, std::size_t l1,
                                                       std::size_t l2);

}  // namespace glassnmr
