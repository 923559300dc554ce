// SPDX-License-Identifier: BSD-3-Clause
// Entries of triplets.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace glassnmr {

/// A side of a triplet, or a pair: e^{-eta (r - shift)^2} f_c(r), THEORY.md eq. (6.31).
struct SideFunction {
    double eta, shift;
};

/// ((1 + lambda cos theta) / 2)^zeta, eq. (6.33).
struct AngleFunction {
    double lambda;
    std::uint32_t zeta;
};

/// Functions of one neighbour: Gaussians, or T_0 ... T_{n - 1} of eq. (6.38).
struct PairTable {
    double cutoff;
    bool chebyshev;
    std::size_t n;
    const SideFunction* sides;  ///< (n), null for chebyshev
};

/// Functions of two neighbours: each a product of the same function of the sides and one of the
/// angle. Those of side function w are [first[w], first[w + 1]); function f has the angle function
/// angle[f] and lies at place[f] among the `stride` values of a pair of species.
struct TripletTable {
    double cutoff;
    bool third;      ///< whether the side between the neighbours is one of them
    bool chebyshev;  ///< whether the angle functions are T_0 ... T_{n_angles - 1} of the cosine
    std::size_t n_sides, n_angles, stride;
    const SideFunction* sides;
    const AngleFunction* angles;  ///< null for chebyshev
    const std::size_t* first;     ///< (n_sides + 1)
    const std::uint32_t* angle;
    const std::uint32_t* place;
};

/// Sums over neighbours and over pairs of neighbours of one centre. xyz: n vectors (3 doubles
/// each), sorted so that species s holds [first[s], first[s+1]).
struct TripletKernels {
    /// THEORY.md eq. (6.31), (6.38): out[s][n], overwritten.
    void (*pair_sums)(const PairTable& table, std::size_t n_species, const std::size_t* first,
                      const double* xyz, double* out);

    /// dL/dxyz, overwritten, from dL/dout.
    void (*pair_sums_back)(const PairTable& table, std::size_t n_species, const std::size_t* first,
                           const double* xyz, const double* dl_dout, double* dl_dxyz);

    /// Eq. (6.32), (6.34), (6.39): out[pair of species][stride], pairs s <= t in their order; only
    /// the places of the table are written.
    void (*triplet_sums)(const TripletTable& table, std::size_t n_species, const std::size_t* first,
                         const double* xyz, double* out);

    /// dL/dxyz += what dL/dout gives.
    void (*triplet_sums_back)(const TripletTable& table, std::size_t n_species,
                              const std::size_t* first, const double* xyz, const double* dl_dout,
                              double* dl_dxyz);
};

#ifdef GLASSNMR_ENTRY  // inside the kernels: this level's functions
namespace GLASSNMR_LEVEL {
GLASSNMR_ENTRY(TripletKernels, pair_sums);
GLASSNMR_ENTRY(TripletKernels, pair_sums_back);
GLASSNMR_ENTRY(TripletKernels, triplet_sums);
GLASSNMR_ENTRY(TripletKernels, triplet_sums_back);
}  // namespace GLASSNMR_LEVEL
#endif

}  // namespace glassnmr
