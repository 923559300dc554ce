// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <glassnmr/descriptor.hpp>
#include <memory>
#include <vector>

namespace glassnmr {

/// What descriptors that count neighbours and pairs of neighbours have in common.
struct TripletSettings {
    double cutoff = 6.0;        ///< r_c, Å
    double angular_cutoff = 0;  ///< of the sides of triplets, Å, at most `cutoff`; 0: the same
    std::size_t n_species = 1;
    std::vector<double>
        channels;  ///< (channels, n_species), THEORY.md eq. (6.36); empty: each species, each pair
    double two_body_weight = 1;
    double three_body_weight = 1;
};

/// Sums of functions over the neighbours and over the pairs of neighbours of a centre, THEORY.md
/// sections 6.2 and 6.3. A row holds the 2-body part (species or channel, then function), then the
/// 3-body part (pair of species s <= t or channel, then function).
class GLASSNMR_API TripletDescriptor : public LocalDescriptor {
public:
    double cutoff() const override { return common_.cutoff; }
    std::size_t n_species() const override { return common_.n_species; }
    std::size_t n_features() const override;

    const TripletSettings& common() const { return common_; }
    std::size_t n_two_body() const;    ///< functions of one neighbour
    std::size_t n_three_body() const;  ///< functions of two

protected:
    struct Plan;
    /// Throws std::invalid_argument for settings outside their range, or a plan without functions.
    TripletDescriptor(TripletSettings settings, std::shared_ptr<const Plan> plan);

    std::unique_ptr<Workspace> workspace() const override;
    void row(const Environment& environment, Workspace& work, double* row) const override;
    void pull_back(const Environment& environment, Workspace& work, const double* dl_drow,
                   double* dl_dvectors) const override;

    /// The settings with the angular cutoff in place. Throws std::invalid_argument for lengths
    /// outside their range.
    static TripletSettings checked(TripletSettings settings);

private:
    struct Scratch;

    TripletSettings common_;
    std::shared_ptr<const Plan> plan_;
};

}  // namespace glassnmr
