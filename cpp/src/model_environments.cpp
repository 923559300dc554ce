// SPDX-License-Identifier: BSD-3-Clause
// A model of scalars as all local models are seen: environments, quantities, what follows of them.
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/model.hpp>

#include "parallel.hpp"

namespace glassnmr {

namespace {

std::size_t place_of_shielding(const ModelParts& parts) {
    const auto at = std::find(parts.targets.begin(), parts.targets.end(), "sigma_iso");
    return static_cast<std::size_t>(at - parts.targets.begin());
}

/// Deviation in units of the noise, eq. (9.38).
double growth(const Uncertainty& u, double novelty) {
    return u.exponent == 1 ? std::sqrt(1 + novelty) : std::pow(1 + novelty, u.exponent / 2);
}

}  // namespace

void Model::name_quantities() {
    for (std::size_t t = 0; t < n_targets(); ++t)
        quantities_.push_back({parts_.targets[t], parts_.units[t]});
    if (parts_.reference && place_of_shielding(parts_) < n_targets())
        derived_.push_back({"delta_iso", "ppm"});
}

void Model::deviations(std::size_t n, const double* novelty, double* out) const {
    if (!parts_.uncertainty) invalid("this model carries no uncertainty");
    const std::size_t T = n_targets();
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t t = 0; t < T; ++t)
            out[i * T + t] = parts_.uncertainty->noise[t] * growth(*parts_.uncertainty, novelty[i]);
    }
}

void Model::derive(std::size_t n, const double* values, double* out) const {
    if (derived_.empty()) return;
    const std::size_t T = n_targets(), s = place_of_shielding(parts_);
    const auto [a, b] = *parts_.reference;
    for (std::size_t i = 0; i < n; ++i) out[i] = a + b * values[i * T + s];
}

double Model::novelty_limit() const {
    if (!parts_.uncertainty || parts_.uncertainty->levels.empty())
        invalid("this model carries no calibrated intervals");
    return parts_.uncertainty->limit;
}

void Model::derived_deviations(std::size_t n, const double*, const double* novelty,
                               double* out) const {
    if (!parts_.uncertainty) invalid("this model carries no uncertainty");
    if (derived_.empty()) return;
    const double noise = parts_.uncertainty->noise[place_of_shielding(parts_)];
    for (std::size_t i = 0; i < n; ++i)
        out[i] =
            std::abs(parts_.reference->second) * noise * growth(*parts_.uncertainty, novelty[i]);
}

void Model::derived_half_widths(double level, std::size_t n, const double* values,
                                const double* novelty, double* out) const {
    std::vector<double> factors(n_targets());
    interval_factors(level, factors.data());
    derived_deviations(n, values, novelty, out);
    for (std::size_t i = 0; i < n && !derived_.empty(); ++i)
        out[i] *= factors[place_of_shielding(parts_)];
}

void Model::derive_gradient(std::size_t n, const double*, const double* dl_dderived,
                            double* dl_dvalues) const {
    const std::size_t T = n_targets(), s = place_of_shielding(parts_);
    std::fill_n(dl_dvalues, n * T, 0.0);
    if (derived_.empty()) return;
    for (std::size_t i = 0; i < n; ++i)
        dl_dvalues[i * T + s] = parts_.reference->second * dl_dderived[i];
}

void Model::gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                     const double* dl_dpredictions, double* dl_dpositions, double* dl_dstrain,
                     int n_threads) const {
    const std::size_t T = n_targets(), F = descriptor().n_features();
    descriptor().gradient(
        atoms, n_centres, centres, block(), n_threads, true,
        [&](std::size_t first, std::size_t n, const double* x, std::vector<double>& scratch) {
            scratch.resize(n * F);
            rows_gradient(n, x, dl_dpredictions + first * T, scratch.data());
            return static_cast<const double*>(scratch.data());
        },
        dl_dpositions, dl_dstrain);
}

void Model::environments(std::size_t n, const Neighbourhood* near, double* out, double* novelty,
                         int n_threads) const {
    const std::size_t F = descriptor().n_features(), T = n_targets(), size = block();
    std::vector<double> x(std::min(n, size) * F);
    for (std::size_t begin = 0; begin < n; begin += size) {
        const std::size_t here = std::min(size, n - begin);
        parallel_for(here, n_threads, [&](std::size_t i) {
            const Neighbourhood& e = near[begin + i];
            descriptor().environment(e.n, e.vectors, e.species, x.data() + i * F);
        });
        rows(here, x.data(), out + begin * T, novelty ? novelty + begin : nullptr);
    }
}

void Model::environments_gradient(std::size_t n, const Neighbourhood* near,
                                  const double* dl_dvalues, double* dl_dvectors) const {
    const std::size_t F = descriptor().n_features();
    std::vector<double> x(n * F), dl_dx(n * F);
    for (std::size_t i = 0; i < n; ++i)
        descriptor().environment(near[i].n, near[i].vectors, near[i].species, x.data() + i * F);
    rows_gradient(n, x.data(), dl_dvalues, dl_dx.data());
    for (std::size_t i = 0; i < n; ++i) {
        const Neighbourhood& e = near[i];
        descriptor().environment_gradient(e.n, e.vectors, e.species, dl_dx.data() + i * F,
                                          dl_dvectors);
        dl_dvectors += 3 * e.n;
    }
}

}  // namespace glassnmr
