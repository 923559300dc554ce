// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/soap.hpp>
#include <string>
#include <utility>

#include "density.hpp"
#include "kernels/kernels.hpp"
#include "local_descriptor.hpp"

namespace glassnmr {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr std::size_t block = 32;              // centres a task
constexpr std::size_t largest_row = 1u << 24;  // features

SoapSettings checked(SoapSettings s) {
    if (!s.two_body && !s.three_body) invalid("body must contain 2, 3 or both");
    for (const double w : {s.two_body_weight, s.three_body_weight}) {
        if (!(w > 0) || !std::isfinite(w))
            invalid("weights must be positive and finite, got " + std::to_string(w));
    }
    if (!(s.angular_filter >= 0) || !std::isfinite(s.angular_filter)) {
        invalid("angular_filter must be finite and not negative, got " +
                std::to_string(s.angular_filter));
    }
    return s;
}

}  // namespace

Compression compression(const std::string& name) {
    for (const auto kind : {Compression::none, Compression::crossover, Compression::mu1nu1}) {
        if (name == compression_name(kind)) return kind;
    }
    invalid("compression must be none, crossover or mu1nu1, got \"" + name + "\"");
}

const char* compression_name(Compression kind) {
    switch (kind) {
        case Compression::crossover:
            return "crossover";
        case Compression::mu1nu1:
            return "mu1nu1";
        default:
            return "none";
    }
}

/// Which blocks make the 3-body part, with which factors.
struct Soap::Plan {
    Density density;  // with the sum of the channels for mu1nu1
    std::vector<SpectrumBlock> blocks = {};
    std::vector<double> scale = {};  // (l_max + 1): factor of each l
};

struct Soap::Scratch : Workspace, Density::Scratch {
    std::vector<double> self, p, dl_dp;
};

Soap::Soap(SoapSettings settings) : settings_(checked(std::move(settings))) {
    const bool with_sum = settings_.compression == Compression::mu1nu1;
    Plan plan{Density(settings_.radial, settings_.n_species, settings_.mixing, with_sum)};
    n_channels_ = plan.density.n_channels();
    const std::size_t n_max = settings_.radial.n_max, L = settings_.radial.l_max + 1,
                      C = n_channels_;
    for (std::size_t a = 0; a < C; ++a) {
        if (with_sum) {
            plan.blocks.push_back({a, C, false, 1});
            continue;
        }
        const std::size_t last = settings_.compression == Compression::none ? C : a + 1;
        for (std::size_t b = a; b < last; ++b)
            plan.blocks.push_back({a, b, a == b, std::sqrt(2.0)});
    }
    for (std::size_t l = 0; l < L; ++l) {
        const auto k = static_cast<double>(l);
        const double turn = k * (k + 1);
        plan.scale.push_back(std::sqrt(8 * pi * pi / (2 * k + 1)) /
                             (1 + settings_.angular_filter * turn * turn) *
                             settings_.three_body_weight);
    }
    n_two_ = settings_.two_body ? C * n_max : 0;
    n_three_ = 0;
    if (settings_.three_body) {
        for (const auto& pair : plan.blocks)
            n_three_ += L * (pair.triangle ? n_max * (n_max + 1) / 2 : n_max * n_max);
    }
    if (n_features() > largest_row) {
        invalid("a row would have " + std::to_string(n_features()) +
                " features; reduce species, n_max or l_max");
    }
    plan_ = std::make_shared<const Plan>(std::move(plan));
}

const RadialBasis& Soap::radial() const { return plan_->density.radial(); }

std::size_t Soap::n_coefficients() const {
    const std::size_t L = settings_.radial.l_max + 1;
    return n_channels_ * settings_.radial.n_max * L * L;
}

std::vector<FeatureLabel> Soap::feature_index() const {
    std::vector<FeatureLabel> labels;
    labels.reserve(n_features());
    const auto n_max = static_cast<std::int32_t>(settings_.radial.n_max);
    const auto l_max = static_cast<std::int32_t>(settings_.radial.l_max);
    if (settings_.two_body) {
        for (std::int32_t s = 0; s < static_cast<std::int32_t>(n_channels_); ++s) {
            for (std::int32_t n = 0; n < n_max; ++n) labels.push_back({2, s, n, -1, -1, 0});
        }
    }
    if (!settings_.three_body) return labels;
    for (const auto& pair : plan_->blocks) {
        const auto s1 = static_cast<std::int32_t>(pair.a);
        const auto s2 = pair.b < n_channels_ ? static_cast<std::int32_t>(pair.b) : -1;
        for (std::int32_t l = 0; l <= l_max; ++l) {
            for (std::int32_t n1 = 0; n1 < n_max; ++n1) {
                for (std::int32_t n2 = pair.triangle ? n1 : 0; n2 < n_max; ++n2)
                    labels.push_back({3, s1, n1, s2, n2, l});
            }
        }
    }
    return labels;
}

std::unique_ptr<LocalDescriptor::Workspace> Soap::workspace() const {
    return std::make_unique<Scratch>();
}

/// Calls body(factor, self, k, n1, n2, l) for each feature k of the 3-body part to which products
/// of a neighbour of species s with itself contribute factor * self[s][l][n1][n2].
template <class Plan, class Body>
static void for_self_terms(const Plan& plan, std::size_t S, std::size_t n_max, std::size_t L,
                           const Body& body) {
    std::size_t k = 0;
    for (const auto& pair : plan.blocks) {
        for (std::size_t l = 0; l < L; ++l) {
            const double addition = (2 * static_cast<double>(l) + 1) / (4 * pi) * plan.scale[l];
            for (std::size_t n1 = 0; n1 < n_max; ++n1) {
                for (std::size_t n2 = pair.triangle ? n1 : 0; n2 < n_max; ++n2, ++k) {
                    const double weight = addition * (pair.triangle && n1 == n2 ? 1 : pair.weight);
                    for (std::size_t s = 0; s < S; ++s) {
                        const double w =
                            plan.density.mixing(pair.a, s) * plan.density.mixing(pair.b, s);
                        if (w != 0) body(weight * w, s, k, n1, n2, l);
                    }
                }
            }
        }
    }
}

/// Eq. (6.3) without its normalisation, less the self terms of eq. (6.7).
void Soap::three_body(const Environment& e, Scratch& work, double* p) const {
    const RadialTableView table = radial().table();
    kernels().power_spectrum(plan_->blocks.size(), plan_->blocks.data(), table.n_max, table.n_pad,
                             table.l_max, plan_->scale.data(), work.c.data(), p);
    if (!settings_.remove_self) return;
    const std::size_t L = table.l_max + 1, np = table.n_pad;
    work.self.resize(settings_.n_species * L * np * np);
    kernels().self_terms(table, settings_.n_species, e.first, e.vectors, work.self.data());
    for_self_terms(
        *plan_, settings_.n_species, table.n_max, L,
        [&](double factor, std::size_t s, std::size_t k, std::size_t n1, std::size_t n2,
            std::size_t l) { p[k] -= factor * work.self[((s * L + l) * np + n1) * np + n2]; });
}

void Soap::row(const Environment& e, Workspace& workspace, double* row) const {
    auto& work = static_cast<Scratch&>(workspace);
    const RadialTableView table = radial().table();
    const std::size_t size = (table.l_max + 1) * (table.l_max + 1) * table.n_pad;
    plan_->density.expand(e, work);
    if (settings_.two_body) {
        for (std::size_t a = 0; a < n_channels_; ++a) {
            for (std::size_t n = 0; n < table.n_max; ++n)
                row[a * table.n_max + n] = settings_.two_body_weight * work.c[a * size + n];
        }
    }
    if (!settings_.three_body) return;
    double* p = row + n_two_;
    three_body(e, work, p);
    if (!settings_.normalise) return;
    double norm2 = 0;
    for (std::size_t k = 0; k < n_three_; ++k) norm2 += p[k] * p[k];
    if (norm2 == 0) return;  // an isolated atom has no 3-body part
    const double factor = settings_.three_body_weight / std::sqrt(norm2);
    for (std::size_t k = 0; k < n_three_; ++k) p[k] *= factor;
}

/// dL/dc of the rows of the plan, eq. (6.9), in work.b; returns dL/dp of the 3-body part before its
/// normalisation.
const double* Soap::coefficient_gradient(const Environment& e, Scratch& work,
                                         const double* dl_drow) const {
    const RadialTableView table = radial().table();
    const std::size_t size = (table.l_max + 1) * (table.l_max + 1) * table.n_pad;
    plan_->density.expand(e, work);
    work.b.assign(plan_->density.rows() * size, 0.0);
    if (settings_.two_body) {
        for (std::size_t a = 0; a < n_channels_; ++a) {
            for (std::size_t n = 0; n < table.n_max; ++n)
                work.b[a * size + n] = settings_.two_body_weight * dl_drow[a * table.n_max + n];
        }
    }
    if (!settings_.three_body) return nullptr;
    const double* dl_dp = dl_drow + n_two_;
    if (settings_.normalise) {  // THEORY.md section 6.1
        work.p.resize(n_three_);
        work.dl_dp.assign(n_three_, 0.0);
        three_body(e, work, work.p.data());
        double norm2 = 0, along = 0;
        for (std::size_t k = 0; k < n_three_; ++k) {
            norm2 += work.p[k] * work.p[k];
            along += work.p[k] * dl_dp[k];
        }
        const double factor = norm2 > 0 ? settings_.three_body_weight / std::sqrt(norm2) : 0.0;
        for (std::size_t k = 0; k < n_three_ && norm2 > 0; ++k)
            work.dl_dp[k] = factor * (dl_dp[k] - work.p[k] * (along / norm2));
        dl_dp = work.dl_dp.data();
    }
    kernels().power_spectrum_back(plan_->blocks.size(), plan_->blocks.data(), table.n_max,
                                  table.n_pad, table.l_max, plan_->scale.data(), work.c.data(),
                                  dl_dp, work.b.data());
    return dl_dp;
}

void Soap::pull_back(const Environment& e, Workspace& workspace, const double* dl_drow,
                     double* dl_dvectors) const {
    auto& work = static_cast<Scratch&>(workspace);
    const RadialTableView table = radial().table();
    const std::size_t L = table.l_max + 1, np = table.n_pad, S = settings_.n_species;
    const double* dl_dp = coefficient_gradient(e, work, dl_drow);
    const bool self = settings_.three_body && settings_.remove_self;
    if (self) {
        work.self.assign(S * L * np * np, 0.0);
        for_self_terms(*plan_, S, table.n_max, L,
                       [&](double factor, std::size_t s, std::size_t k, std::size_t n1,
                           std::size_t n2, std::size_t l) {
                           double* to = work.self.data() + (s * L + l) * np * np;
                           to[n1 * np + n2] -= 0.5 * factor * dl_dp[k];
                           to[n2 * np + n1] -= 0.5 * factor * dl_dp[k];
                       });
    }
    plan_->density.pull_back(e, work, self ? work.self.data() : nullptr, dl_dvectors);
}

void Soap::mixing_gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                           const double* dl_drows, double* dl_dmixing, int n_threads) const {
    if (settings_.mixing.empty()) invalid("this descriptor has no mixing");
    if (settings_.remove_self) invalid("the derivative by the mixing does not know remove_self");
    const RadialTableView table = radial().table();
    const std::size_t size = (table.l_max + 1) * (table.l_max + 1) * table.n_pad,
                      S = settings_.n_species, C = n_channels_, F = n_features();
    std::vector<double> parts((n_centres + block - 1) / block * C * S);
    const NeighbourSearch search(atoms, cutoff());
    for_blocks(
        atoms, search, n_centres, centres, block, n_threads,
        [&](Workspace& workspace, Sorter&, const auto& sorted, std::size_t begin, std::size_t end) {
            auto& work = static_cast<Scratch&>(workspace);
            double* part = parts.data() + begin / block * C * S;
            for (std::size_t i = begin; i < end; ++i) {
                const Environment e = sorted(i);
                coefficient_gradient(e, work, dl_drows + i * F);
                for (std::size_t s = 0; s < S; ++s) {
                    if (e.first[s] == e.first[s + 1]) continue;
                    const double* raw = work.raw.data() + s * size;
                    const double of_sum = plan_->density.rows() > C
                                              ? kernels().dot(size, work.b.data() + C * size, raw)
                                              : 0.0;
                    for (std::size_t a = 0; a < C; ++a)
                        part[a * S + s] +=
                            of_sum + kernels().dot(size, work.b.data() + a * size, raw);
                }
            }
        });
    std::fill_n(dl_dmixing, C * S, 0.0);
    for (std::size_t k = 0; k < parts.size(); ++k) dl_dmixing[k % (C * S)] += parts[k];
}

void Soap::coefficients(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                        double* out, int n_threads) const {
    const RadialTableView table = radial().table();
    const std::size_t n_lm = (table.l_max + 1) * (table.l_max + 1);
    const NeighbourSearch search(atoms, cutoff());
    for_blocks(atoms, search, n_centres, centres, block, n_threads,
               [&](Workspace& workspace, Sorter&, const auto& sorted, std::size_t first,
                   std::size_t last) {
                   auto& work = static_cast<Scratch&>(workspace);
                   for (std::size_t i = first; i < last; ++i) {
                       plan_->density.expand(sorted(i), work);
                       kernels().ordered(n_channels_, table.n_max, table.n_pad, n_lm, work.c.data(),
                                         out + i * n_coefficients());
                   }
               });
}

}  // namespace glassnmr
