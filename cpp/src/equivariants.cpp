// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/equivariants.hpp>
#include <glassnmr/error.hpp>
#include <string>
#include <utility>

#include "clebsch_gordan.hpp"
#include "density.hpp"
#include "kernels/kernels.hpp"
#include "local_descriptor.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t largest_lambda = 4;
constexpr std::size_t largest_row = 1u << 24;  // numbers

EquivariantSettings checked(EquivariantSettings s) {
    if (s.lambda > largest_lambda) {
        invalid("lam must lie in 0.." + std::to_string(largest_lambda) + ", got " +
                std::to_string(s.lambda));
    }
    if (s.parity != 1 && s.parity != -1)
        invalid("parity must be 1 or -1, got " + std::to_string(s.parity));
    if (!s.two_body && !s.three_body) invalid("body must contain 2, 3 or both");
    for (const double w : {s.two_body_weight, s.three_body_weight}) {
        if (!(w > 0) || !std::isfinite(w))
            invalid("weights must be positive and finite, got " + std::to_string(w));
    }
    for (auto& [l1, l2] : s.pairs) {
        const std::size_t sum = l1 + l2;
        const bool even = (sum + s.lambda) % 2 == 0;
        if (l1 > l2 || l2 > s.radial.l_max || l2 - l1 > s.lambda || sum < s.lambda ||
            even != (s.parity == 1)) {
            invalid("the pair (" + std::to_string(l1) + ", " + std::to_string(l2) +
                    ") does not make lam = " + std::to_string(s.lambda) + " of parity " +
                    std::to_string(s.parity) + " from l1 <= l2 <= l_max");
        }
    }
    return s;
}

std::size_t entries(BlockShape shape, std::size_t n_max) {
    if (shape == BlockShape::full) return n_max * n_max;
    return shape == BlockShape::upper ? n_max * (n_max + 1) / 2 : n_max * (n_max - 1) / 2;
}

}  // namespace

std::vector<double> coupling_coefficients(std::size_t lambda, std::size_t l1, std::size_t l2) {
    if (std::max({lambda, l1, l2}) > 20) invalid("l must be at most 20");
    return real_clebsch_gordan(lambda, l1, l2);
}

/// Which pairs l1, l2 and which blocks of channels make the 3-body part.
struct Equivariants::Plan {
    Density density;
    std::vector<Coupling> couplings = {};
    std::vector<CouplingTerm> terms = {};
    std::vector<CouplingBlock> blocks = {};
    CouplingPlan view = {};

    /// The channels that go with l1, l2, eq. (6.19).
    void add(const EquivariantSettings& s, std::size_t l1, std::size_t l2);
};

struct Equivariants::Scratch : Workspace, Density::Scratch {
    std::vector<double> left;
};

void Equivariants::Plan::add(const EquivariantSettings& s, std::size_t l1, std::size_t l2) {
    Coupling coupling = {l1, l2, terms.size(), 0, blocks.size(), 0};
    const auto values = real_clebsch_gordan(s.lambda, l1, l2);
    const std::size_t n1 = 2 * l1 + 1, n2 = 2 * l2 + 1;
    for (std::size_t k = 0; k < values.size(); ++k) {
        if (values[k] != 0) terms.push_back({k / n2 % n1, k / (n1 * n2) * n2 + k % n2, values[k]});
    }
    coupling.last_term = terms.size();
    const std::size_t C = density.n_channels();
    const double w = s.three_body_weight, twice = w * std::sqrt(2.0);
    for (std::size_t a = 0; a < C; ++a) {
        if (s.compression == Compression::mu1nu1) {
            blocks.push_back({a, C, BlockShape::full, w, w});
        } else if (l1 == l2) {
            const auto shape = s.parity > 0 ? BlockShape::upper : BlockShape::strictly_upper;
            blocks.push_back({a, a, shape, w, twice});
            for (std::size_t b = a + 1; b < C && s.compression == Compression::none; ++b)
                blocks.push_back({a, b, BlockShape::full, twice, twice});
        } else {
            const bool all = s.compression == Compression::none;
            for (std::size_t b = all ? 0 : a; b < (all ? C : a + 1); ++b)
                blocks.push_back({a, b, BlockShape::full, twice, twice});
        }
    }
    coupling.last_block = blocks.size();
    couplings.push_back(coupling);
}

Equivariants::Equivariants(EquivariantSettings settings) : settings_(checked(std::move(settings))) {
    const bool with_sum = settings_.compression == Compression::mu1nu1;
    auto plan = std::make_shared<Plan>(
        Plan{Density(settings_.radial, settings_.n_species, settings_.mixing, with_sum)});
    const std::size_t l_max = settings_.radial.l_max, n_max = settings_.radial.n_max,
                      lambda = settings_.lambda;
    if (settings_.two_body && settings_.parity > 0 && lambda <= l_max)
        n_two_ = plan->density.n_channels() * n_max;
    for (std::size_t l1 = 0; settings_.three_body && l1 <= l_max; ++l1) {
        for (std::size_t l2 = with_sum ? 0 : l1; l2 <= l_max; ++l2) {
            const auto ordered = std::minmax(l1, l2);
            const std::pair<std::size_t, std::size_t> pair(ordered.first, ordered.second);
            const bool even = (l1 + l2 + lambda) % 2 == 0;
            if (pair.second - pair.first > lambda || l1 + l2 < lambda ||
                even != (settings_.parity > 0))
                continue;
            const auto& kept = settings_.pairs;
            if (kept.empty() || std::find(kept.begin(), kept.end(), pair) != kept.end())
                plan->add(settings_, l1, l2);
        }
    }
    for (const CouplingBlock& block : plan->blocks) n_three_ += entries(block.shape, n_max);
    if (n_equivariants() == 0)
        invalid("there is no equivariant of this lam and parity with this l_max and body");
    if (n_features() > largest_row) {
        invalid("a row would have " + std::to_string(n_features()) +
                " numbers; reduce species, n_max or l_max, or compress");
    }
    const RadialTableView table = plan->density.radial().table();
    plan->view = {n_components(),
                  n_max,
                  table.n_pad,
                  l_max,
                  n_equivariants(),
                  plan->couplings.size(),
                  plan->couplings.data(),
                  plan->terms.data(),
                  plan->blocks.data()};
    plan_ = std::move(plan);
}

std::vector<EquivariantLabel> Equivariants::feature_index() const {
    std::vector<EquivariantLabel> labels;
    labels.reserve(n_equivariants());
    const auto whole = [](std::size_t k) { return static_cast<std::int32_t>(k); };
    const std::size_t n_max = settings_.radial.n_max, C = plan_->density.n_channels();
    for (std::size_t k = 0; k < n_two_; ++k)
        labels.push_back(
            {2, whole(k / n_max), whole(k % n_max), whole(settings_.lambda), -1, -1, -1});
    for (const Coupling& coupling : plan_->couplings) {
        for (std::size_t b = coupling.first_block; b < coupling.last_block; ++b) {
            const CouplingBlock& block = plan_->blocks[b];
            for (std::size_t n1 = 0; n1 < n_max; ++n1) {
                const std::size_t first = block.shape == BlockShape::full    ? 0
                                          : block.shape == BlockShape::upper ? n1
                                                                             : n1 + 1;
                for (std::size_t n2 = first; n2 < n_max; ++n2) {
                    labels.push_back({3, whole(block.a), whole(n1), whole(coupling.l1),
                                      block.b < C ? whole(block.b) : -1, whole(n2),
                                      whole(coupling.l2)});
                }
            }
        }
    }
    return labels;
}

std::unique_ptr<LocalDescriptor::Workspace> Equivariants::workspace() const {
    return std::make_unique<Scratch>();
}

void Equivariants::row(const Environment& e, Workspace& workspace, double* row) const {
    auto& work = static_cast<Scratch&>(workspace);
    const CouplingPlan& view = plan_->view;
    const std::size_t size = plan_->density.size(), lambda = settings_.lambda;
    plan_->density.expand(e, work);
    for (std::size_t M = 0; n_two_ && M < view.n_m; ++M) {
        for (std::size_t k = 0; k < n_two_; ++k) {
            row[M * view.n_features + k] =
                settings_.two_body_weight *
                work.c[k / view.n_max * size + (lambda * lambda + M) * view.n_pad + k % view.n_max];
        }
    }
    work.left.resize(view.n_m * (2 * view.l_max + 1) * view.n_pad);
    kernels().couple(view, work.c.data(), work.left.data(), row + n_two_);
}

void Equivariants::pull_back(const Environment& e, Workspace& workspace, const double* dl_drow,
                             double* dl_dvectors) const {
    auto& work = static_cast<Scratch&>(workspace);
    const CouplingPlan& view = plan_->view;
    const std::size_t size = plan_->density.size(), lambda = settings_.lambda;
    plan_->density.expand(e, work);
    work.b.assign(plan_->density.rows() * size, 0.0);
    for (std::size_t M = 0; n_two_ && M < view.n_m; ++M) {
        for (std::size_t k = 0; k < n_two_; ++k) {
            work.b[k / view.n_max * size + (lambda * lambda + M) * view.n_pad + k % view.n_max] =
                settings_.two_body_weight * dl_drow[M * view.n_features + k];
        }
    }
    work.left.resize(2 * view.n_m * (2 * view.l_max + 1) * view.n_pad);
    kernels().couple_back(view, work.c.data(), dl_drow + n_two_, work.left.data(), work.b.data());
    plan_->density.pull_back(e, work, nullptr, dl_dvectors);
}

}  // namespace glassnmr
