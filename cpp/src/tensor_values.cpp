// SPDX-License-Identifier: BSD-3-Clause
#include "tensor_values.hpp"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <limits>

namespace glassnmr {

namespace {

struct Moment {
    const char* isotope;
    double barn;
};

constexpr Moment moments[] = {
#include "quadrupole_moments.inc"
};

// e/h in MHz for 1 barn and 1 V/Å^2, and the atomic unit of field gradients in V/Å^2 (CODATA 2022)
constexpr double mhz_per_barn_au = 1.602176634e-19 / 6.62607015e-34 * 1e-14 * 97.173624424;

/// The symmetric traceless part of a tensor in its own axes.
struct Axes {
    double iso = 0;
    double value[3] = {};    ///< rising; deviations from iso
    double axis[3][3] = {};  ///< axis[k]: unit vector of value[k]
    bool upper = true;       ///< whether value[2] is the one furthest from 0

    explicit Axes(const double* t);
    double far() const { return upper ? value[2] : value[0]; }
    double near() const { return upper ? value[0] : value[2]; }

    /// From dL/dvalue and dL/diso to dL/dtensor: dvalue_k = axis_k . dS . axis_k - diso.
    void pull_back(const double (&by_value)[3], double by_iso, double* out) const {
        const double sum = by_value[0] + by_value[1] + by_value[2];
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t j = 0; j < 3; ++j) {
                double g = i == j ? (by_iso - sum) / 3 : 0;
                for (std::size_t k = 0; k < 3; ++k) g += by_value[k] * axis[k][i] * axis[k][j];
                out[3 * i + j] = g;
            }
        }
    }
};

/// One rotation of Jacobi's method: zeroes a[p][q] of a symmetric matrix; rows of v are the axes.
void rotate(double (&a)[3][3], double (&v)[3][3], std::size_t p, std::size_t q) {
    if (a[p][q] == 0) return;
    const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
    const double t = (theta < 0 ? -1 : 1) / (std::abs(theta) + std::hypot(theta, 1.0));
    const double c = 1 / std::hypot(t, 1.0), s = t * c;
    const std::size_t r = 3 - p - q;
    a[p][p] -= t * a[p][q];
    a[q][q] += t * a[p][q];
    a[p][q] = a[q][p] = 0;
    const double rp = a[r][p], rq = a[r][q];
    a[r][p] = a[p][r] = c * rp - s * rq;
    a[r][q] = a[q][r] = s * rp + c * rq;
    for (std::size_t x = 0; x < 3; ++x) {
        const double vp = v[p][x], vq = v[q][x];
        v[p][x] = c * vp - s * vq;
        v[q][x] = s * vp + c * vq;
    }
}

Axes::Axes(const double* t) : iso((t[0] + t[4] + t[8]) / 3) {
    double a[3][3], v[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, largest = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
            a[i][j] = 0.5 * (t[3 * i + j] + t[3 * j + i]);
            largest = std::max(largest, std::abs(a[i][j]));
        }
    }
    for (std::size_t i = 0; i < 3; ++i) a[i][i] -= iso;
    const auto off = [&] { return std::abs(a[0][1]) + std::abs(a[0][2]) + std::abs(a[1][2]); };
    for (int sweep = 0; sweep < 30 && off() > 0; ++sweep) {
        rotate(a, v, 0, 1);
        rotate(a, v, 0, 2);
        rotate(a, v, 1, 2);
    }
    std::array<std::size_t, 3> order{0, 1, 2};
    std::sort(order.begin(), order.end(), [&](auto i, auto j) { return a[i][i] < a[j][j]; });
    for (std::size_t k = 0; k < 3; ++k) {
        value[k] = a[order[k]][order[k]];
        std::copy_n(v[order[k]], 3, axis[k]);
    }
    if (std::max(-value[0], value[2]) <= 8 * DBL_EPSILON * largest)  // round-off of a larger tensor
        std::fill_n(value, 3, 0.0);
    upper = value[2] >= -value[0];
}

/// A ratio that only round-off leads out of [low, 1]; 0, with derivatives 0, where there is none.
struct Ratio {
    double value = 0, by_numerator = 0, by_denominator = 0;

    Ratio(double numerator, double denominator, double low) {
        if (!(std::abs(denominator) > DBL_MIN)) return;
        value = std::clamp(numerator / denominator, low, 1.0);
        by_numerator = 1 / denominator;
        by_denominator = -numerator / denominator / denominator;
    }
};

Ratio asymmetry(const Axes& a) { return {a.value[1] - a.near(), a.far(), 0}; }
Ratio skew(const Axes& a) { return {-3 * a.value[1], a.value[2] - a.value[0], -1}; }

/// Adds dL/deta times deta/dvalue.
void add_asymmetry(const Axes& a, double dl_deta, double (&by_value)[3]) {
    const Ratio eta = asymmetry(a);
    by_value[1] += dl_deta * eta.by_numerator;
    by_value[a.upper ? 0 : 2] -= dl_deta * eta.by_numerator;
    by_value[a.upper ? 2 : 0] += dl_deta * eta.by_denominator;
}

/// C_Q in MHz of V_zz = 1 a.u., eq. (11.7); 0 for a nucleus of spin 1/2 or an unknown one.
double coupling_per_gradient(const std::string& isotope) {
    for (const Moment& m : moments) {
        if (isotope == m.isotope) return mhz_per_barn_au * m.barn;
    }
    return 0;
}

double over(double a, double b) {
    constexpr double infinite = std::numeric_limits<double>::infinity();
    return b > 0 ? a / b : (a > 0 ? infinite : 0);
}

/// Deviations of the value furthest from the mean, and of the asymmetry, eq. (9.33), (9.34).
struct Spread {
    double far, asymmetry;

    Spread(const Axes& a, double two) {
        const double z = std::abs(a.far()), x = a.value[1], y = a.near();
        // Two values nearly as far from the mean, of opposite sign: which is zz may be wrong.
        const double gap = z - std::max(std::abs(x), std::abs(y)), along = std::sqrt(2.0 / 3) * two;
        const double other = 0.5 * std::erfc(over(std::abs(gap), along) / std::sqrt(2.0));
        far = std::sqrt(along * along + other * 4 * z * z);
        const double eta = over(std::abs(x - y), z);
        asymmetry = std::min(over(two * std::sqrt(2 + 2.0 / 3 * eta * eta), z), 1.0);
    }
};

class ShieldingValues : public TensorValues {
public:
    explicit ShieldingValues(const std::optional<std::pair<double, double>>& reference)
        : reference_(reference) {}
    std::vector<Quantity> names() const override;
    void values(const double* tensor, double* out) const override;
    void pull_back(const double* tensor, const double* dl_dvalues,
                   double* dl_dtensor) const override;
    void deviations(const double* tensor, const PartDeviations& parts, double* out) const override;

private:
    std::optional<std::pair<double, double>> reference_;
};

class GradientValues : public TensorValues {
public:
    explicit GradientValues(const std::string& isotope) : scale_(coupling_per_gradient(isotope)) {}
    std::vector<Quantity> names() const override;
    void values(const double* tensor, double* out) const override;
    void pull_back(const double* tensor, const double* dl_dvalues,
                   double* dl_dtensor) const override;
    void deviations(const double* tensor, const PartDeviations& parts, double* out) const override;

private:
    double scale_;  ///< C_Q in MHz of V_zz = 1; 0 without a moment
};

std::vector<Quantity> ShieldingValues::names() const {
    std::vector<Quantity> names = {{"sigma_iso", "ppm"}};
    if (reference_) names.push_back({"delta_iso", "ppm"});
    names.insert(names.end(), {{"span", "ppm"}, {"skew", "1"}, {"zeta", "ppm"}, {"eta_csa", "1"}});
    return names;
}

void ShieldingValues::values(const double* tensor, double* out) const {
    const Axes a(tensor);
    *out++ = a.iso;
    if (reference_) *out++ = reference_->first + reference_->second * a.iso;
    out[0] = a.value[2] - a.value[0];
    out[1] = skew(a).value;
    out[2] = a.far();
    out[3] = asymmetry(a).value;
}

void ShieldingValues::pull_back(const double* tensor, const double* dl_dvalues,
                                double* dl_dtensor) const {
    const Axes a(tensor);
    double by_iso = *dl_dvalues++, by_value[3] = {};
    if (reference_) by_iso += reference_->second * *dl_dvalues++;
    const Ratio kappa = skew(a);
    const double by_span = dl_dvalues[0] + dl_dvalues[1] * kappa.by_denominator;
    by_value[2] += by_span;
    by_value[0] -= by_span;
    by_value[1] -= 3 * dl_dvalues[1] * kappa.by_numerator;
    by_value[a.upper ? 2 : 0] += dl_dvalues[2];
    add_asymmetry(a, dl_dvalues[3], by_value);
    a.pull_back(by_value, by_iso, dl_dtensor);
}

std::vector<Quantity> GradientValues::names() const {
    std::vector<Quantity> names = {{"V_zz", "au"}};
    if (scale_ != 0) names.insert(names.end(), {{"C_Q", "MHz"}, {"abs_C_Q", "MHz"}, {"eta", "1"}});
    return names;
}

void GradientValues::values(const double* tensor, double* out) const {
    const Axes a(tensor);
    out[0] = a.far();
    if (scale_ == 0) return;
    out[1] = scale_ * a.far();
    out[2] = std::abs(out[1]);
    out[3] = asymmetry(a).value;
}

void GradientValues::pull_back(const double* tensor, const double* dl_dvalues,
                               double* dl_dtensor) const {
    const Axes a(tensor);
    double by_value[3] = {}, by_far = dl_dvalues[0];
    if (scale_ != 0) {
        const double sign = scale_ * a.far() < 0 ? -1 : 1;
        by_far += scale_ * (dl_dvalues[1] + sign * dl_dvalues[2]);
        add_asymmetry(a, dl_dvalues[3], by_value);
    }
    by_value[a.upper ? 2 : 0] += by_far;
    a.pull_back(by_value, 0, dl_dtensor);
}

void ShieldingValues::deviations(const double* tensor, const PartDeviations& parts,
                                 double* out) const {
    const Axes a(tensor);
    const Spread spread(a, parts[2]);
    const double span = a.value[2] - a.value[0], kappa = skew(a).value;
    *out++ = parts[0];
    if (reference_) *out++ = std::abs(reference_->second) * parts[0];
    out[0] = std::sqrt(2.0) * parts[2];
    out[1] = std::min(over(parts[2] * std::sqrt(6 + 2 * kappa * kappa), span), 2.0);
    out[2] = spread.far;
    out[3] = spread.asymmetry;
}

void GradientValues::deviations(const double* tensor, const PartDeviations& parts,
                                double* out) const {
    const Spread spread(Axes(tensor), parts[2]);
    out[0] = spread.far;
    if (scale_ == 0) return;
    out[1] = std::abs(scale_) * spread.far;
    out[2] = std::abs(scale_) * std::sqrt(2.0 / 3) * parts[2];
    out[3] = spread.asymmetry;
}

}  // namespace

std::vector<Quantity> tensor_elements(const std::string& kind) {
    std::vector<Quantity> names;
    for (const char a : {'x', 'y', 'z'}) {
        for (const char b : {'x', 'y', 'z'})
            names.push_back({kind + "_" + a + b, kind == "ms" ? "ppm" : "au"});
    }
    return names;
}

double largest_error(const std::string& name) {
    if (name == "eta" || name == "eta_csa") return 1;
    return name == "skew" ? 2 : std::numeric_limits<double>::infinity();
}

std::shared_ptr<const TensorValues> TensorValues::of(
    const std::string& kind, const std::string& isotope,
    const std::optional<std::pair<double, double>>& reference) {
    if (kind == "ms") return std::make_shared<ShieldingValues>(reference);
    return std::make_shared<GradientValues>(isotope);
}

}  // namespace glassnmr
