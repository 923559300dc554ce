// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <cstdint>
#include <glassnmr/descriptor.hpp>
#include <memory>
#include <vector>

namespace glassnmr {

/// Whose surroundings count how much.
struct SurroundingsSettings {
    std::int32_t centre = 0;               ///< species of the centres
    std::vector<std::int32_t> neighbours;  ///< species whose surroundings are added up
    double radius = 2.5;                   ///< R, Å: neighbours beyond do not count
    double weight = 1;
};

/// The row of a centre, followed by the weighted sum of the rows of its near neighbours, THEORY.md
/// eq. (6.40): what lies around them belongs to them, not only to the centre.
class GLASSNMR_API Surroundings : public LocalDescriptor {
public:
    /// Throws std::invalid_argument for settings outside their range, descriptors of other species
    /// than each other, or ones whose rows do not depend on one invariant environment each.
    Surroundings(std::shared_ptr<const Descriptor> own, std::shared_ptr<const Descriptor> around,
                 SurroundingsSettings settings);

    using LocalDescriptor::gradient;
    using LocalDescriptor::transform;
    const char* name() const override { return "surroundings"; }
    double cutoff() const override { return cutoff_; }
    std::size_t n_species() const override { return own_->n_species(); }
    std::size_t n_features() const override { return own_->n_features() + around_->n_features(); }
    const std::shared_ptr<const LocalDescriptor>& own() const { return own_; }
    const std::shared_ptr<const LocalDescriptor>& around() const { return around_; }
    const SurroundingsSettings& settings() const { return settings_; }

    void transform(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                   double* out, int n_threads = 0) const override;
    void stream(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                std::size_t block, int n_threads, const UseRows& use) const override;
    void gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                  std::size_t block, int n_threads, bool with_rows,
                  const RowGradients& row_gradients, double* dl_dpositions,
                  double* dl_dstrain) const override;

protected:
    std::unique_ptr<Workspace> workspace() const override;
    void row(const Environment& environment, Workspace& work, double* row) const override;
    void pull_back(const Environment& environment, Workspace& work, const double* dl_drow,
                   double* dl_dvectors) const override;

private:
    struct Scratch;
    void check(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres) const;
    template <class Body>
    void for_neighbours(const Environment& environment, const Body& body) const;

    std::shared_ptr<const LocalDescriptor> own_, around_;
    SurroundingsSettings settings_;
    double cutoff_;
};

}  // namespace glassnmr
