// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <glassnmr/triplet_descriptor.hpp>
#include <vector>

namespace glassnmr {

/// G2 of THEORY.md eq. (6.31): e^{-eta (r - shift)^2}.
struct RadialFunction {
    double eta;    ///< 1/Å²
    double shift;  ///< r_s, Å
};

/// G4 or G5 of eq. (6.32), (6.34).
struct AngularFunction {
    double eta;     ///< 1/Å²
    double zeta;    ///< a whole number of at least 1
    double lambda;  ///< -1 ... 1
    double shift;   ///< r_s, Å
};

struct BehlerParrinelloSettings : TripletSettings {
    std::vector<RadialFunction> g2;
    std::vector<AngularFunction> g4, g5;
};

/// Atom-centred symmetry functions: THEORY.md section 6.2. Functions of the 3-body part: first all
/// of g4, then all of g5.
class GLASSNMR_API BehlerParrinello : public TripletDescriptor {
public:
    /// Throws std::invalid_argument for settings outside their range.
    explicit BehlerParrinello(BehlerParrinelloSettings settings);

    const char* name() const override { return "behler-parrinello"; }
    const BehlerParrinelloSettings& settings() const { return settings_; }

private:
    static std::shared_ptr<const Plan> plan(const BehlerParrinelloSettings& settings);

    BehlerParrinelloSettings settings_;
};

}  // namespace glassnmr
