// SPDX-License-Identifier: BSD-3-Clause
// What experiments see of a tensor, THEORY.md section 11, and its derivatives.
#pragma once

#include <array>
#include <cstddef>
#include <glassnmr/local_model.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace glassnmr {

/// The nine elements of a tensor of kind "ms" or "efg", by rows: ms_xx, ms_xy ...
std::vector<Quantity> tensor_elements(const std::string& kind);

/// No error of a quantity of this name is larger; infinity where there is no bound.
double largest_error(const std::string& name);

/// Standard deviations of the isotropic value and of a component of the antisymmetric and the
/// symmetric traceless part.
using PartDeviations = std::array<double, 3>;

/// What is derived from one tensor of a kind.
class TensorValues {
public:
    virtual ~TensorValues() = default;

    /// "ms" (ppm): sigma_iso, delta_iso with a reference, span, skew, zeta, eta_csa. "efg" (a.u.):
    /// V_zz and, for a nucleus with a moment, C_Q (MHz, with sign), abs_C_Q, eta.
    static std::shared_ptr<const TensorValues> of(
        const std::string& kind, const std::string& isotope,
        const std::optional<std::pair<double, double>>& reference);

    virtual std::vector<Quantity> names() const = 0;
    virtual void values(const double* tensor, double* out) const = 0;
    /// dL/dtensor, symmetric, from dL/dvalues, eq. (10.7).
    virtual void pull_back(const double* tensor, const double* dl_dvalues,
                           double* dl_dtensor) const = 0;
    /// Standard deviations, eq. (9.32)-(9.34).
    virtual void deviations(const double* tensor, const PartDeviations& parts,
                            double* out) const = 0;
};

}  // namespace glassnmr
