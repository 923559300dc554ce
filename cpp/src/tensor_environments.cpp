// SPDX-License-Identifier: BSD-3-Clause
// A model of tensors as all local models are seen: environments, their adjoint, what follows.
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/tensor_model.hpp>

#include "kernels/kernels.hpp"
#include "parallel.hpp"
#include "tensor_values.hpp"
#include "uncertainty_records.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t block_bytes = 8u << 20;  // feature rows of one task

/// THEORY.md eq. (11.12): what belongs to component m of a part, dL/dy from G = dL/dT.
void components(std::size_t lambda, const double* g, double* y) {
    const double r = std::sqrt(0.5), s = std::sqrt(1.0 / 6);
    if (lambda == 1) {  // y, z, x
        y[0] = r * (g[6] - g[2]);
        y[1] = r * (g[1] - g[3]);
        y[2] = r * (g[5] - g[7]);
        return;
    }
    y[0] = r * (g[1] + g[3]);
    y[1] = r * (g[5] + g[7]);
    y[2] = s * (2 * g[8] - g[0] - g[4]);
    y[3] = r * (g[2] + g[6]);
    y[4] = r * (g[0] - g[4]);
}

void rows_of(const Descriptor& descriptor, std::size_t n, const Neighbourhood* near, double* rows,
             int n_threads) {
    const std::size_t F = descriptor.n_features();
    parallel_for(n, n_threads, [&](std::size_t i) {
        descriptor.environment(near[i].n, near[i].vectors, near[i].species, rows + i * F);
    });
}

/// Adds dL/dvectors of all environments from dL/drows.
void add_vectors(const Descriptor& descriptor, std::size_t n, const Neighbourhood* near,
                 const double* dl_drows, double* dl_dvectors) {
    std::vector<double> own;
    for (std::size_t i = 0; i < n; ++i) {
        own.resize(3 * near[i].n);
        descriptor.environment_gradient(near[i].n, near[i].vectors, near[i].species,
                                        dl_drows + i * descriptor.n_features(), own.data());
        for (const double x : own) *dl_dvectors++ += x;
    }
}

}  // namespace

void TensorModel::name_quantities() {
    quantities_ = tensor_elements(parts_.tensor);
    values_ = TensorValues::of(parts_.tensor, parts_.isotope, reference());
    derived_ = values_->names();
    cutoff_ = parts_.descriptor->cutoff();
    for (const TensorPart& part : parts_.parts)
        cutoff_ = std::max(cutoff_, part.equivariants->cutoff());
}

void TensorModel::deviations(std::size_t n, const double* novelty, double* out) const {
    if (!has_uncertainty()) invalid("this model carries no uncertainty");
    const std::vector<double>& noise = parts_.uncertainty->noise;
    const double iso = noise[0] * noise[0], one = noise[1] * noise[1], two = noise[2] * noise[2];
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < 9; ++k) {
            const double variance = k % 4 == 0 ? iso + 2 * two / 3 : (one + two) / 2;
            out[9 * i + k] = std::sqrt(variance * (1 + novelty[i]));
        }
    }
}

void TensorModel::interval_factors(double level, double* factors) const {
    for (std::size_t e = 0; e < 9; ++e)
        factors[e] = interval_factor(level, parts_.tensor + (e % 4 == 0 ? "_ii" : "_ij"));
}

double TensorModel::interval_factor(double level, const std::string& name) const {
    const Uncertainty* u = parts_.uncertainty.get();
    const std::size_t k = level_place(u, level);
    const auto found = std::find(parts_.calibrated.begin(), parts_.calibrated.end(), name);
    if (found == parts_.calibrated.end()) invalid("this model carries no intervals of " + name);
    const auto q = static_cast<std::size_t>(found - parts_.calibrated.begin());
    return u->factors[q * u->levels.size() + k];
}

double TensorModel::novelty_limit() const {
    if (!parts_.uncertainty || parts_.uncertainty->levels.empty())
        invalid("this model carries no calibrated intervals");
    return parts_.uncertainty->limit;
}

void TensorModel::derived_deviations(std::size_t n, const double* values, const double* novelty,
                                     double* out) const {
    if (!has_uncertainty()) invalid("this model carries no uncertainty");
    const std::vector<double>& noise = parts_.uncertainty->noise;
    for (std::size_t i = 0; i < n; ++i) {
        const double s = std::sqrt(1 + novelty[i]);
        values_->deviations(values + 9 * i, {s * noise[0], s * noise[1], s * noise[2]},
                            out + i * derived_.size());
    }
}

void TensorModel::derived_half_widths(double level, std::size_t n, const double* values,
                                      const double* novelty, double* out) const {
    const std::size_t d = derived_.size();
    std::vector<double> factors(d), most(d);
    for (std::size_t k = 0; k < d; ++k) {
        const std::string& name = derived_[k].name;
        factors[k] = interval_factor(level, name == "delta_iso" ? "sigma_iso" : name);
        most[k] = largest_error(name);
    }
    derived_deviations(n, values, novelty, out);
    for (std::size_t k = 0; k < n * d; ++k) out[k] = std::min(factors[k % d] * out[k], most[k % d]);
}

std::optional<std::pair<double, double>> TensorModel::reference() const {
    return parts_.isotropic ? parts_.isotropic->reference() : std::nullopt;
}

std::size_t TensorModel::block() const {
    std::size_t width = parts_.descriptor->n_features();
    for (const TensorPart& part : parts_.parts) width += part.equivariants->n_features();
    return std::clamp<std::size_t>(block_bytes / (8 * width), 8, 192);
}

void TensorModel::derive(std::size_t n, const double* values, double* out) const {
    for (std::size_t i = 0; i < n; ++i) values_->values(values + 9 * i, out + i * derived_.size());
}

void TensorModel::derive_gradient(std::size_t n, const double* values, const double* dl_dderived,
                                  double* dl_dvalues) const {
    for (std::size_t i = 0; i < n; ++i) {
        values_->pull_back(values + 9 * i, dl_dderived + i * derived_.size(), dl_dvalues + 9 * i);
    }
}

void TensorModel::environments(std::size_t n, const Neighbourhood* near, double* out,
                               double* novelty, int n_threads) const {
    if (novelty && !has_uncertainty()) invalid("this model carries no uncertainty");
    const std::size_t D = parts_.descriptor->n_features(), size = block();
    std::vector<double> x, rows;
    for (std::size_t begin = 0; begin < n; begin += size) {
        const std::size_t here = std::min(size, n - begin);
        double* to = out + 9 * begin;
        x.resize(here * D);
        rows_of(*parts_.descriptor, here, near + begin, x.data(), n_threads);
        std::fill_n(to, 9 * here, 0.0);
        add_isotropic(here, x.data(), to);
        for (std::size_t k = 0; k < parts_.parts.size(); ++k) {
            const Equivariants& equivariants = *parts_.parts[k].equivariants;
            rows.resize(here * equivariants.n_features());
            rows_of(equivariants, here, near + begin, rows.data(), n_threads);
            add_part(k, here, x.data(), rows.data(), to, novelty ? novelty + begin : nullptr);
        }
    }
}

void TensorModel::environments_gradient(std::size_t n, const Neighbourhood* near,
                                        const double* dl_dvalues, double* dl_dvectors) const {
    const std::size_t D = parts_.descriptor->n_features();
    std::size_t pairs = 0;
    for (std::size_t i = 0; i < n; ++i) pairs += near[i].n;
    std::fill_n(dl_dvectors, 3 * pairs, 0.0);
    std::vector<double> x(n * D), dl_dx(n * D), share(n * D), rows, weights, dl_dw;
    rows_of(*parts_.descriptor, n, near, x.data(), 1);
    if (parts_.isotropic) {
        std::vector<double> traces(n);
        for (std::size_t i = 0; i < n; ++i)
            traces[i] = dl_dvalues[9 * i] + dl_dvalues[9 * i + 4] + dl_dvalues[9 * i + 8];
        parts_.isotropic->rows_gradient(n, x.data(), traces.data(), dl_dx.data());
    }
    for (std::size_t k = 0; k < parts_.parts.size(); ++k) {
        const Equivariants& equivariants = *parts_.parts[k].equivariants;
        const std::size_t F = equivariants.n_equivariants(), C = equivariants.n_components();
        rows.resize(n * C * F);
        weights.resize(n * F);
        dl_dw.assign(n * F, 0.0);
        rows_of(equivariants, n, near, rows.data(), 1);
        predictors_[k].block(n, x.data(), weights.data(), nullptr, Precision::full);
        for (std::size_t i = 0; i < n; ++i) {
            double y[5];
            components(equivariants.settings().lambda, dl_dvalues + 9 * i, y);
            for (std::size_t m = 0; m < C; ++m) {  // rows become dL/drows
                double* row = rows.data() + (i * C + m) * F;
                for (std::size_t f = 0; f < F; ++f) {
                    dl_dw[i * F + f] += y[m] * row[f];
                    row[f] = y[m] * weights[i * F + f];
                }
            }
        }
        predictors_[k].gradient(n, x.data(), dl_dw.data(), share.data());
        for (std::size_t f = 0; f < n * D; ++f) dl_dx[f] += share[f];
        add_vectors(equivariants, n, near, rows.data(), dl_dvectors);
    }
    add_vectors(*parts_.descriptor, n, near, dl_dx.data(), dl_dvectors);
}

}  // namespace glassnmr
