// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/triplet_descriptor.hpp>
#include <string>
#include <utility>

#include "kernels/kernels.hpp"
#include "local_descriptor.hpp"
#include "triplet_plan.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t largest_row = 1u << 24;  // features

/// Calls body(pair, s, t) for all species s <= t.
template <class Body>
void for_pairs(std::size_t n_species, const Body& body) {
    std::size_t pair = 0;
    for (std::size_t s = 0; s < n_species; ++s) {
        for (std::size_t t = s; t < n_species; ++t) body(pair++, s, t);
    }
}

}  // namespace

/// Sums by species and by pairs of species.
struct TripletDescriptor::Scratch : Workspace {
    std::vector<double> two, three;
};

TripletSettings TripletDescriptor::checked(TripletSettings s) {
    if (s.n_species < 1) invalid("species must name at least one element");
    if (!(s.cutoff > 0) || !std::isfinite(s.cutoff))
        invalid("cutoff must be positive and finite, got " + std::to_string(s.cutoff));
    if (!(s.angular_cutoff >= 0) || s.angular_cutoff > s.cutoff) {
        invalid("angular_cutoff must be positive and at most the cutoff of " +
                std::to_string(s.cutoff) + ", got " + std::to_string(s.angular_cutoff));
    }
    if (s.angular_cutoff == 0) s.angular_cutoff = s.cutoff;
    if (s.channels.size() % s.n_species != 0)
        invalid("channels must have one column for each species");
    for (const double w : s.channels) {
        if (!std::isfinite(w)) invalid("channels must be finite");
    }
    for (const double w : {s.two_body_weight, s.three_body_weight}) {
        if (!(w > 0) || !std::isfinite(w))
            invalid("weights must be positive and finite, got " + std::to_string(w));
    }
    return s;
}

TripletDescriptor::TripletDescriptor(TripletSettings settings, std::shared_ptr<const Plan> plan)
    : common_(checked(std::move(settings))), plan_(std::move(plan)) {
    if (plan_->n_two + plan_->n_three == 0) invalid("a row must have at least one function");
    if (n_features() > largest_row) {
        invalid("a row would have " + std::to_string(n_features()) +
                " features; reduce the species or the functions");
    }
}

std::size_t TripletDescriptor::n_two_body() const { return plan_->n_two; }
std::size_t TripletDescriptor::n_three_body() const { return plan_->n_three; }

std::size_t TripletDescriptor::n_features() const {
    const std::size_t S = common_.n_species;
    if (common_.channels.empty()) return S * plan_->n_two + S * (S + 1) / 2 * plan_->n_three;
    return common_.channels.size() / S * (plan_->n_two + plan_->n_three);
}

std::unique_ptr<LocalDescriptor::Workspace> TripletDescriptor::workspace() const {
    return std::make_unique<Scratch>();
}

void TripletDescriptor::row(const Environment& e, Workspace& workspace, double* row) const {
    auto& work = static_cast<Scratch&>(workspace);
    const std::size_t S = common_.n_species, n2 = plan_->n_two, n3 = plan_->n_three;
    const bool mixed = !common_.channels.empty();
    const std::size_t size2 = S * n2, size3 = S * (S + 1) / 2 * n3;
    double *two = row, *three = row + size2;
    if (mixed) {
        work.two.resize(size2);
        work.three.resize(size3);
        two = work.two.data();
        three = work.three.data();
    }
    kernels().pair_sums(plan_->pair_table(common_.cutoff), S, e.first, e.vectors, two);
    for (const TripletFamily& family : plan_->triplets) {
        kernels().triplet_sums(family.table(common_.angular_cutoff, n3), S, e.first, e.vectors,
                               three);
    }
    if (!mixed) {
        for (std::size_t k = 0; k < size2; ++k) two[k] *= common_.two_body_weight;
        for (std::size_t k = 0; k < size3; ++k) three[k] *= common_.three_body_weight;
        return;
    }
    const std::size_t C = common_.channels.size() / S;
    std::fill_n(row, n_features(), 0.0);
    for (std::size_t a = 0; a < C; ++a) {  // eq. (6.36)
        const double* w = common_.channels.data() + a * S;
        for (std::size_t s = 0; s < S; ++s)
            kernels().axpy(n2, common_.two_body_weight * w[s], two + s * n2, row + a * n2);
        double* to = row + C * n2 + a * n3;
        for_pairs(S, [&](std::size_t pair, std::size_t s, std::size_t t) {
            kernels().axpy(n3, common_.three_body_weight * w[s] * w[t], three + pair * n3, to);
        });
    }
}

void TripletDescriptor::pull_back(const Environment& e, Workspace& workspace, const double* dl_drow,
                                  double* dl_dvectors) const {
    auto& work = static_cast<Scratch&>(workspace);
    const std::size_t S = common_.n_species, n2 = plan_->n_two, n3 = plan_->n_three;
    work.two.assign(S * n2, 0.0);
    work.three.assign(S * (S + 1) / 2 * n3, 0.0);
    if (common_.channels.empty()) {
        for (std::size_t k = 0; k < work.two.size(); ++k)
            work.two[k] = common_.two_body_weight * dl_drow[k];
        for (std::size_t k = 0; k < work.three.size(); ++k)
            work.three[k] = common_.three_body_weight * dl_drow[work.two.size() + k];
    } else {
        const std::size_t C = common_.channels.size() / S;
        for (std::size_t a = 0; a < C; ++a) {
            const double* w = common_.channels.data() + a * S;
            for (std::size_t s = 0; s < S; ++s)
                kernels().axpy(n2, common_.two_body_weight * w[s], dl_drow + a * n2,
                               work.two.data() + s * n2);
            const double* from = dl_drow + C * n2 + a * n3;
            for_pairs(S, [&](std::size_t pair, std::size_t s, std::size_t t) {
                kernels().axpy(n3, common_.three_body_weight * w[s] * w[t], from,
                               work.three.data() + pair * n3);
            });
        }
    }
    kernels().pair_sums_back(plan_->pair_table(common_.cutoff), S, e.first, e.vectors,
                             work.two.data(), dl_dvectors);
    for (const TripletFamily& family : plan_->triplets) {
        kernels().triplet_sums_back(family.table(common_.angular_cutoff, n3), S, e.first, e.vectors,
                                    work.three.data(), dl_dvectors);
    }
}

}  // namespace glassnmr
