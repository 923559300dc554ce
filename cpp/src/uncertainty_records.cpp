// SPDX-License-Identifier: BSD-3-Clause
#include "uncertainty_records.hpp"

#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <string>

namespace glassnmr {

void check_uncertainty(const Uncertainty& u, std::size_t M, std::size_t T, std::size_t Q) {
    const std::size_t K = u.levels.size();
    check_variance(u.variance, M);
    if (!(u.lam > 0) || !std::isfinite(u.lam)) invalid("lam of the uncertainty must be positive");
    if (u.noise.size() != T || u.factors.size() != Q * K) {
        invalid("noise must have " + std::to_string(T) + " entries and factors shape (" +
                std::to_string(Q) + ", " + std::to_string(K) + ")");
    }
    for (const auto* values : {&u.noise, &u.factors}) {
        for (const double x : *values) {
            if (!(x >= 0) || !std::isfinite(x))
                invalid("noise and factors must be finite and not negative");
        }
    }
    for (std::size_t k = 0; k < K; ++k) {
        if (!(u.levels[k] > (k ? u.levels[k - 1] : 0)) || !(u.levels[k] < 1))
            invalid("levels must be rising numbers between 0 and 1");
    }
    if (!(u.exponent > 0) || !(u.exponent <= 1))
        invalid("exponent must lie above 0 and be at most 1");
    if (!(u.limit >= 0) || !std::isfinite(u.limit))
        invalid("limit must be finite and not negative");
}

std::size_t level_place(const Uncertainty* u, double level) {
    if (!u || u->levels.empty()) invalid("this model carries no calibrated intervals");
    std::string known;
    for (std::size_t k = 0; k < u->levels.size(); ++k) {
        if (std::abs(u->levels[k] - level) < 1e-9) return k;
        known += (known.empty() ? "" : ", ") + std::to_string(u->levels[k]);
    }
    invalid("level must be one of " + known + ", got " + std::to_string(level));
}

namespace {

/// Rows of the lower triangle one after the other, and back.
std::vector<double> triangle(const std::vector<double>& full, std::size_t m) {
    std::vector<double> rows;
    for (std::size_t i = 0; i < m; ++i) {
        const auto from = full.begin() + static_cast<std::ptrdiff_t>(i * m);
        rows.insert(rows.end(), from, from + static_cast<std::ptrdiff_t>(i + 1));
    }
    return rows;
}

std::vector<double> square(const std::vector<double>& rows, std::size_t m) {
    std::vector<double> full(m * m, 0.0);
    for (std::size_t i = 0, at = 0; i < m; at += ++i)
        std::copy_n(rows.data() + at, i + 1, full.data() + i * m);
    return full;
}

}  // namespace

void write_uncertainty(const Uncertainty& u, std::uint64_t M, Records& r) {
    r["variance_cholesky"] = numbers(triangle(u.variance.cholesky, M), {M * (M + 1) / 2});
    if (!u.variance.root.empty()) {
        r["variance_root"] = numbers(triangle(u.variance.root, M), {M * (M + 1) / 2});
        r["variance_means"] = numbers(u.variance.means, {M});
    }
    r["variance_weight"] = number(u.variance.total_weight);
    r["variance_lam"] = number(u.lam);
    r["noise"] = numbers(u.noise, {u.noise.size()});
    if (u.levels.empty()) return;
    r["interval_levels"] = numbers(u.levels, {u.levels.size()});
    r["interval_factors"] =
        numbers(u.factors, {u.factors.size() / u.levels.size(), u.levels.size()});
    r["novelty_limit"] = number(u.limit);
    if (u.exponent != 1) r["novelty_exponent"] = number(u.exponent);
}

std::shared_ptr<const Uncertainty> read_uncertainty(const Fields& f, std::size_t M) {
    if (!f.has("variance_cholesky")) return nullptr;
    auto u = std::make_shared<Uncertainty>();
    u->variance.cholesky = square(f.doubles("variance_cholesky", M * (M + 1) / 2), M);
    if (f.has("variance_root")) {
        u->variance.root = square(f.doubles("variance_root", M * (M + 1) / 2), M);
        u->variance.means = f.doubles("variance_means", M);
    }
    u->variance.total_weight = f.number("variance_weight");
    u->lam = f.number("variance_lam");
    u->noise = f.doubles("noise");
    if (f.has("interval_levels")) {
        u->levels = f.doubles("interval_levels");
        u->factors = f.doubles("interval_factors");
        u->limit = f.number("novelty_limit");
        if (f.has("novelty_exponent")) u->exponent = f.number("novelty_exponent");
    }
    return u;
}

}  // namespace glassnmr
