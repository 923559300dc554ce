// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <glassnmr/triplet_descriptor.hpp>

namespace glassnmr {

struct ChebyshevSettings : TripletSettings {
    std::size_t n_radial = 10;   ///< T_0 ... of the distance
    std::size_t n_angular = 10;  ///< T_0 ... of the cosine
};

/// Angular and radial distribution functions in Chebyshev polynomials: THEORY.md section 6.3.
class GLASSNMR_API ChebyshevArdf : public TripletDescriptor {
public:
    /// Throws std::invalid_argument for settings outside their range.
    explicit ChebyshevArdf(ChebyshevSettings settings);

    const char* name() const override { return "chebyshev-ardf"; }
    const ChebyshevSettings& settings() const { return settings_; }

private:
    static std::shared_ptr<const Plan> plan(const ChebyshevSettings& settings);

    ChebyshevSettings settings_;
};

}  // namespace glassnmr
