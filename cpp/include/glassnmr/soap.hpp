// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <glassnmr/neighbours.hpp>
#include <glassnmr/radial.hpp>
#include <vector>

namespace glassnmr {

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
};

/// One entry of a feature row: which channels, radial functions and l it is made of; -1 where it
/// has no meaning.
struct FeatureLabel {
    std::int32_t body, s1, n1, s2, n2, l;
};

/// Spherical-Bessel SOAP: density coefficients and invariants of atomic environments. Immutable and
/// thread-safe.
///
/// THEORY.md sections 5 and 6. A row holds the 2-body part (channel, then n), then the 3-body part:
/// for channels s1 <= s2, for l, for n1, for n2, where n2 starts at n1 if s1 = s2.
class GLASSNMR_API Soap {
public:
    /// Throws std::invalid_argument for settings outside their range.
    explicit Soap(SoapSettings settings);

    const SoapSettings& settings() const { return settings_; }
    const RadialBasis& radial() const { return radial_; }
    std::size_t n_channels() const { return n_channels_; }
    std::size_t n_features() const { return n_two_ + n_three_; }
    std::size_t n_coefficients() const;
    std::vector<FeatureLabel> feature_index() const;

    /// Coefficients c of eq. (5.2), (5.3) of the centres: out (n_centres, n_channels, n_max, (l_max
    /// + 1)^2). Throws std::invalid_argument for a species outside the settings, a centre outside
    /// the atoms, or coinciding atoms.
    void coefficients(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                      double* out, int n_threads = 0) const;

    /// Feature rows of eq. (6.1)-(6.5): out (n_centres, n_features). Same bits for any number of
    /// threads.
    void transform(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                   double* out, int n_threads = 0) const;
    void transform(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                   float* out, int n_threads = 0) const;

    /// The rows of the centres in blocks, each handed to `use(first, n, rows, scratch)` on the
    /// thread that made it; the rows live only during the call. What `use` does must not depend on
    /// the order of the blocks.
    using UseRows = std::function<void(std::size_t first, std::size_t n, const double* rows,
                                       std::vector<double>&)>;
    void stream(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                std::size_t block, int n_threads, const UseRows& use) const;

    /// The row of one centre from its neighbours: how an MD code with its own list enters.
    /// `vectors` (n, 3) in Å, `species` (n). Neighbours at or beyond the cutoff are left out.
    void environment(std::size_t n, const double* vectors, const std::int32_t* species,
                     double* row) const;

private:
    struct Scratch;
    template <class Block>
    void for_blocks(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                    std::size_t block, int n_threads, const Block& body) const;
    void expand(const Atoms& atoms, const NeighbourSearch& search, std::int64_t centre,
                Scratch& scratch) const;
    void expand(std::size_t n, const double* vectors, const std::int32_t* species,
                Scratch& scratch) const;
    void invariants(Scratch& scratch, double* row) const;

    SoapSettings settings_;
    RadialBasis radial_;
    std::size_t n_channels_, n_two_, n_three_;
    std::vector<double> scale_;  ///< (l_max + 1): factor of each l in the 3-body part
};

}  // namespace glassnmr
