// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/spectra.hpp>
#include <string>
#include <vector>

#include "accumulate.hpp"
#include "central_table.hpp"
#include "kernels/kernels.hpp"
#include "sites.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t largest_axis = std::size_t{1} << 26;

std::string at_site(std::size_t i, double got) {
    return ", got " + std::to_string(got) + " at place " + std::to_string(i);
}

void check_settings(const LineSettings& settings) {
    if (!(settings.speed >= 0))
        invalid("speed must not be negative, got " + std::to_string(settings.speed));
    if (settings.density < 1 || settings.density > 4096)
        invalid("density must lie in 1..4096, got " + std::to_string(settings.density));
    if (!std::isfinite(settings.order1))
        invalid("order1 must be finite, got " + std::to_string(settings.order1));
    for (std::size_t t = 0; t < settings.n_transitions; ++t) {
        const Transition& one = settings.transitions[t];
        const double sum = one.weight + one.order1 + one.rank0 + one.rank2 + one.rank4;
        if (!std::isfinite(sum) || one.weight < 0)
            invalid("transitions must be finite and have no negative weight");
    }
}

}  // namespace

void check_axis(const PpmAxis& axis, const char* name) {
    if (axis.n < 2 || axis.n > largest_axis) {
        invalid(std::string(name) + " must have 2.." + std::to_string(largest_axis) +
                " points, got " + std::to_string(axis.n));
    }
    if (!(axis.step > 0) || !std::isfinite(axis.step) || !std::isfinite(axis.first)) {
        invalid(std::string(name) + " must rise in finite steps, got a step of " +
                std::to_string(axis.step));
    }
}

void check_lines(const Sites& s, const PpmAxis& axis, const LineSettings& settings) {
    check_axis(axis, "axis");
    check_settings(settings);
    if (s.n_components < 1 || s.n_components > largest_axis / axis.n) {
        invalid("components must number 1.." + std::to_string(largest_axis / axis.n) + ", got " +
                std::to_string(s.n_components));
    }
    if (s.coupling && (!(settings.scale > 0) || !std::isfinite(settings.scale)))
        invalid("scale must be positive and finite, got " + std::to_string(settings.scale));
    for (std::size_t i = 0; i < s.n; ++i) {
        if (!std::isfinite(s.delta_iso[i]))
            invalid("delta_iso must be finite" + at_site(i, s.delta_iso[i]));
        if (s.coupling && !(std::abs(s.coupling[i]) < 1e6))
            invalid("C_Q must be finite and below 1e6 MHz" + at_site(i, s.coupling[i]));
        if (s.coupling && !(s.eta[i] >= 0 && s.eta[i] <= 1))
            invalid("eta must lie in [0, 1]" + at_site(i, s.eta[i]));
        if (s.zeta && !(std::abs(s.zeta[i]) < 1e9))
            invalid("zeta must be finite and below 1e9 ppm" + at_site(i, s.zeta[i]));
        if (s.zeta && !(s.zeta_eta[i] >= 0 && s.zeta_eta[i] <= 1))
            invalid("eta_csa must lie in [0, 1]" + at_site(i, s.zeta_eta[i]));
        if (s.weight && !(s.weight[i] >= 0 && std::isfinite(s.weight[i])))
            invalid("weights must be finite and not negative" + at_site(i, s.weight[i]));
        if (s.component &&
            (s.component[i] < 0 || static_cast<std::size_t>(s.component[i]) >= s.n_components)) {
            invalid("component must lie in 0.." + std::to_string(s.n_components - 1) +
                    at_site(i, s.component[i]));
        }
    }
    for (std::size_t i = 0; s.euler && i < 3 * s.n; ++i) {
        if (!std::isfinite(s.euler[i]))
            invalid("euler must be finite" + at_site(i / 3, s.euler[i]));
    }
}

LineSites line_sites(const Sites& s, std::size_t first, std::size_t n) {
    const auto from = [first](const auto* p) { return p ? p + first : p; };
    return {std::min(n, s.n - first), s.delta_iso + first, from(s.coupling), from(s.eta),
            from(s.weight),           from(s.component)};
}

void mas_lines(const Sites& sites, const PpmAxis& axis, const LineSettings& settings,
               double* intensity, double* outside, int n_threads) {
    check_lines(sites, axis, settings);
    const Transition central = {1, 0, 1, 1, 1};
    const Transition* transitions = settings.transitions ? settings.transitions : &central;
    const std::size_t n_transitions = settings.transitions ? settings.n_transitions : 1;
    const std::size_t C = sites.n_components;
    const LineGrid grid = line_grid(axis);
    const CentralTable table = sites.coupling ? central_table() : CentralTable{};
    std::vector<double> total(C * (grid.stride + 1));  // the axes, then what lies outside
    accumulate((sites.n + site_block - 1) / site_block, total.size(), n_threads, total.data(),
               [&](std::size_t task, double* out) {
                   const LineSites some = line_sites(sites, task * site_block, site_block);
                   double* lost = out + C * grid.stride;
                   if (!sites.coupling) {
                       kernels().isotropic_lines(grid, some, out, lost);
                       return;
                   }
                   for (std::size_t t = 0; t < n_transitions; ++t) {
                       const Transition& one = transitions[t];
                       const LineRanks ranks = {settings.scale, one.rank0, one.rank4};
                       kernels().central_lines(grid, table, ranks, one.weight, some, out, lost);
                   }
               });
    for (std::size_t c = 0; c < C; ++c) {
        std::copy_n(total.data() + c * grid.stride, axis.n, intensity + c * axis.n);
        outside[c] = total[C * grid.stride + c];
    }
}

void sheared_lines(const Sites& sites, const double* isotropic, const PpmAxis& axis1,
                   const PpmAxis& axis2, const LineSettings& settings, double* intensity,
                   double* outside, int n_threads) {
    check_axis(axis1, "axis1");
    check_lines(sites, axis2, settings);
    if (!sites.coupling) invalid("a multiple-quantum spectrum needs C_Q and eta");
    const std::size_t C = sites.n_components, rows = axis1.n + 1;
    if (C > largest_axis / axis2.n / rows) invalid("the axes have too many points together");
    const LineGrid grid = line_grid(axis2);
    const CentralTable table = central_table();
    std::fill_n(intensity, C * axis1.n * axis2.n, 0.0);
    std::fill_n(outside, C, 0.0);
    // sites by the row below them, in their order
    const double last = static_cast<double>(axis1.n - 1);
    std::vector<std::size_t> row(sites.n), first(C * rows + 1, 0), order(sites.n);
    std::vector<double> place(sites.n);
    for (std::size_t i = 0; i < sites.n; ++i) {
        place[i] = (isotropic[i] - axis1.first) / axis1.step;
        const std::size_t c = sites.component ? static_cast<std::size_t>(sites.component[i]) : 0;
        const bool within = place[i] >= 0 && place[i] <= last;  // the last row takes what is not
        row[i] = c * rows + (within ? static_cast<std::size_t>(place[i]) : axis1.n);
        ++first[row[i] + 1];
    }
    for (std::size_t k = 0; k < C * rows; ++k) first[k + 1] += first[k];
    std::vector<std::size_t> next(first.begin(), first.end() - 1);
    for (std::size_t i = 0; i < sites.n; ++i) order[next[row[i]]++] = i;
    std::vector<double> sorted(5 * sites.n);
    double *delta = sorted.data(), *coupling = delta + sites.n, *eta = coupling + sites.n,
           *weights = eta + sites.n;
    for (std::size_t k = 0; k < sites.n; ++k) {
        const std::size_t i = order[k];
        const double f = place[i] - std::floor(place[i]), w = sites.weight ? sites.weight[i] : 1;
        delta[k] = sites.delta_iso[i], coupling[k] = sites.coupling[i], eta[k] = sites.eta[i];
        weights[2 * k] = (1 - f) * w, weights[2 * k + 1] = f * w;
    }
    // A row takes from the sites below and above it: even and odd rows of sites take turns.
    std::vector<double> lost(C * rows, 0.0);
    for (const std::size_t odd : {std::size_t{0}, std::size_t{1}}) {
        parallel_for((C * rows + 1 - odd) / 2, n_threads, [&](std::size_t pair) {
            const std::size_t r = 2 * pair + odd, c = r / rows, k = r % rows, i = first[r];
            const std::size_t n = first[r + 1] - i;
            if (n == 0) return;
            if (k == axis1.n) {
                for (std::size_t s = 2 * i; s < 2 * (i + n); ++s) lost[r] += weights[s];
                return;
            }
            std::vector<double> buffer(2 * grid.stride, 0.0);
            double beyond[2] = {0, 0};
            kernels().paired_lines(grid, table, settings.scale, n, delta + i, coupling + i, eta + i,
                                   weights + 2 * i, buffer.data(), beyond);
            double* to = intensity + (c * axis1.n + k) * axis2.n;
            double* above = k + 1 < axis1.n ? to + axis2.n : nullptr;  // of weight 0 on the last
            for (std::size_t p = 0; p < axis2.n; ++p) {
                to[p] += buffer[2 * p];
                if (above) above[p] += buffer[2 * p + 1];
            }
            lost[r] = beyond[0] + beyond[1];
        });
    }
    for (std::size_t r = 0; r < C * rows; ++r) outside[r / rows] += lost[r];
}

}  // namespace glassnmr
