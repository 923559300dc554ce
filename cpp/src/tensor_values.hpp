// SPDX-License-Identifier: BSD-3-Clause
// What experiments see of a tensor, THEORY.md section 11, and its derivatives.
#pragma once

#include <cstddef>
#include <glassnmr/local_model.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace glassnmr {

/// C_Q in MHz of V_zz = 1 a.u., eq. (11.7); 0 for a nucleus of spin 1/2 or an unknown one.
double coupling_per_gradient(const std::string& isotope);

/// The nine elements of a tensor of kind "ms" or "efg", by rows: ms_xx, ms_xy ...
std::vector<Quantity> tensor_elements(const std::string& kind);

/// Of a shielding (ppm): sigma_iso, delta_iso with a reference, span, skew, zeta, eta_csa.
class ShieldingValues {
public:
    explicit ShieldingValues(std::optional<std::pair<double, double>> reference)
        : reference_(reference) {}
    std::vector<Quantity> names() const;
    void values(const double* tensor, double* out) const;
    /// dL/dtensor, symmetric, from dL/dvalues.
    void pull_back(const double* tensor, const double* dl_dvalues, double* dl_dtensor) const;

private:
    std::optional<std::pair<double, double>> reference_;
};

/// Of a field gradient (a.u.): V_zz and, for a nucleus with a moment, C_Q (MHz, with sign),
/// abs_C_Q, eta.
class GradientValues {
public:
    explicit GradientValues(const std::string& isotope) : scale_(coupling_per_gradient(isotope)) {}
    std::vector<Quantity> names() const;
    void values(const double* tensor, double* out) const;
    void pull_back(const double* tensor, const double* dl_dvalues, double* dl_dtensor) const;

private:
    double scale_;
};

}  // namespace glassnmr
