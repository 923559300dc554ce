// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/soap.hpp>
#include <string>
#include <utility>

#include "kernels/kernels.hpp"
#include "parallel.hpp"

namespace glassnmr {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr std::size_t block = 32;              // centres a task
constexpr std::size_t largest_row = 1u << 24;  // features

SoapSettings checked(SoapSettings s) {
    if (s.n_species < 1) invalid("species must name at least one element");
    if (s.mixing.size() % s.n_species != 0) invalid("mixing must have one column for each species");
    for (const double w : s.mixing) {
        if (!std::isfinite(w)) invalid("mixing must be finite");
    }
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

struct Soap::Scratch {
    std::vector<std::int32_t> index, species;
    std::vector<double> vectors, sorted;
    std::vector<std::size_t> first;
    std::vector<double> raw, c;  // [species or channel][lm][n_pad]
};

Soap::Soap(SoapSettings settings)
    : settings_(checked(std::move(settings))),
      radial_(settings_.radial),
      n_channels_(settings_.mixing.empty() ? settings_.n_species
                                           : settings_.mixing.size() / settings_.n_species) {
    const std::size_t n_max = settings_.radial.n_max, L = settings_.radial.l_max + 1,
                      q = n_channels_ * n_max;
    n_two_ = settings_.two_body ? q : 0;
    n_three_ = settings_.three_body ? q * (q + 1) / 2 * L : 0;
    if (n_features() > largest_row) {
        invalid("a row would have " + std::to_string(n_features()) +
                " features; reduce species, n_max or l_max");
    }
    for (std::size_t l = 0; l < L; ++l) {
        const auto k = static_cast<double>(l);
        const double turn = k * (k + 1);
        scale_.push_back(std::sqrt(8 * pi * pi / (2 * k + 1)) /
                         (1 + settings_.angular_filter * turn * turn) *
                         settings_.three_body_weight);
    }
}

std::size_t Soap::n_coefficients() const {
    const std::size_t L = settings_.radial.l_max + 1;
    return n_channels_ * settings_.radial.n_max * L * L;
}

std::vector<FeatureLabel> Soap::feature_index() const {
    std::vector<FeatureLabel> labels;
    labels.reserve(n_features());
    const auto n_max = static_cast<std::int32_t>(settings_.radial.n_max);
    const auto l_max = static_cast<std::int32_t>(settings_.radial.l_max);
    const auto channels = static_cast<std::int32_t>(n_channels_);
    if (settings_.two_body) {
        for (std::int32_t s = 0; s < channels; ++s) {
            for (std::int32_t n = 0; n < n_max; ++n) labels.push_back({2, s, n, -1, -1, 0});
        }
    }
    if (!settings_.three_body) return labels;
    for (std::int32_t s1 = 0; s1 < channels; ++s1) {
        for (std::int32_t s2 = s1; s2 < channels; ++s2) {
            for (std::int32_t l = 0; l <= l_max; ++l) {
                for (std::int32_t n1 = 0; n1 < n_max; ++n1) {
                    for (std::int32_t n2 = s1 == s2 ? n1 : 0; n2 < n_max; ++n2) {
                        labels.push_back({3, s1, n1, s2, n2, l});
                    }
                }
            }
        }
    }
    return labels;
}

void Soap::expand(std::size_t n, const double* vectors, const std::int32_t* species,
                  Scratch& work) const {
    // Neighbours in the order of their species: one run of the kernel each.
    const std::size_t S = settings_.n_species;
    const double cutoff2 = settings_.radial.cutoff * settings_.radial.cutoff;
    const auto inside = [&](const double* d) {
        return d[0] * d[0] + d[1] * d[1] + d[2] * d[2] < cutoff2;
    };
    work.first.assign(S + 1, 0);
    for (std::size_t j = 0; j < n; ++j) {
        if (species[j] < 0 || static_cast<std::size_t>(species[j]) >= S) {
            invalid("species " + std::to_string(species[j]) + " is not one of the " +
                    std::to_string(S) + " of this descriptor");
        }
        if (inside(vectors + 3 * j)) ++work.first[static_cast<std::size_t>(species[j]) + 1];
    }
    for (std::size_t s = 0; s < S; ++s) work.first[s + 1] += work.first[s];
    work.sorted.resize(3 * work.first[S]);
    std::vector<std::size_t>& next = work.first;  // shifted by one while it fills, restored below
    for (std::size_t j = 0; j < n; ++j) {
        const double* d = vectors + 3 * j;
        if (!inside(d)) continue;
        const std::size_t to = next[static_cast<std::size_t>(species[j])]++;
        std::copy_n(d, 3, work.sorted.data() + 3 * to);
    }
    for (std::size_t s = S; s > 0; --s) work.first[s] = work.first[s - 1];
    work.first[0] = 0;

    const RadialTableView table = radial_.table();
    const std::size_t size = (table.l_max + 1) * (table.l_max + 1) * table.n_pad;
    const bool mixed = !settings_.mixing.empty();
    std::vector<double>& target = mixed ? work.raw : work.c;
    target.resize(S * size);
    kernels().expand(table, S, work.first.data(), work.sorted.data(), target.data());
    if (!mixed) return;
    work.c.assign(n_channels_ * size, 0.0);
    for (std::size_t a = 0; a < n_channels_; ++a) {
        for (std::size_t s = 0; s < S; ++s) {
            const double w = settings_.mixing[a * S + s];
            if (w == 0 || work.first[s] == work.first[s + 1]) continue;
            for (std::size_t k = 0; k < size; ++k)
                work.c[a * size + k] += w * work.raw[s * size + k];
        }
    }
}

void Soap::invariants(Scratch& work, double* row) const {
    const RadialTableView table = radial_.table();
    const std::size_t size = (table.l_max + 1) * (table.l_max + 1) * table.n_pad;
    if (settings_.two_body) {
        for (std::size_t a = 0; a < n_channels_; ++a) {
            for (std::size_t n = 0; n < table.n_max; ++n) {
                row[a * table.n_max + n] = settings_.two_body_weight * work.c[a * size + n];
            }
        }
    }
    if (!settings_.three_body) return;
    double* p = row + n_two_;
    kernels().power_spectrum(n_channels_, table.n_max, table.n_pad, table.l_max, scale_.data(),
                             work.c.data(), p);
    if (!settings_.normalise) return;
    double norm2 = 0;
    for (std::size_t k = 0; k < n_three_; ++k) norm2 += p[k] * p[k];
    if (norm2 == 0) return;  // an isolated atom has no 3-body part
    const double factor = settings_.three_body_weight / std::sqrt(norm2);
    for (std::size_t k = 0; k < n_three_; ++k) p[k] *= factor;
}

void Soap::expand(const Atoms& atoms, const NeighbourSearch& search, std::int64_t centre,
                  Scratch& work) const {
    search.query(static_cast<std::size_t>(centre), work.index, work.vectors);
    work.species.resize(work.index.size());
    for (std::size_t j = 0; j < work.index.size(); ++j) {
        work.species[j] = atoms.species[static_cast<std::size_t>(work.index[j])];
    }
    expand(work.index.size(), work.vectors.data(), work.species.data(), work);
}

/// body(work, expanded, first, last) for each block of centres; expanded(i) leaves the coefficients
/// of centre i in work.
template <class Block>
void Soap::for_blocks(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                      std::size_t size, int n_threads, const Block& body) const {
    for (std::size_t i = 0; i < n_centres; ++i) {
        if (centres[i] < 0 || static_cast<std::size_t>(centres[i]) >= atoms.n) {
            invalid("centres must lie in 0.." + std::to_string(atoms.n) + " - 1, got " +
                    std::to_string(centres[i]));
        }
    }
    const NeighbourSearch search(atoms, settings_.radial.cutoff);
    parallel_for((n_centres + size - 1) / size, n_threads, [&](std::size_t b) {
        Scratch work;
        const auto expanded = [&](std::size_t i) { expand(atoms, search, centres[i], work); };
        body(work, expanded, b * size, std::min(n_centres, (b + 1) * size));
    });
}

void Soap::coefficients(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                        double* out, int n_threads) const {
    const RadialTableView table = radial_.table();
    const std::size_t n_lm = (table.l_max + 1) * (table.l_max + 1);
    for_blocks(atoms, n_centres, centres, block, n_threads,
               [&](Scratch& work, const auto& expanded, std::size_t first, std::size_t last) {
                   double* to = out + first * n_coefficients();
                   for (std::size_t i = first; i < last; ++i) {
                       expanded(i);
                       for (std::size_t an = 0; an < n_channels_ * table.n_max; ++an) {
                           const double* c = work.c.data() + an / table.n_max * n_lm * table.n_pad +
                                             an % table.n_max;
                           for (std::size_t lm = 0; lm < n_lm; ++lm) *to++ = c[lm * table.n_pad];
                       }
                   }
               });
}

void Soap::transform(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                     double* out, int n_threads) const {
    for_blocks(atoms, n_centres, centres, block, n_threads,
               [&](Scratch& work, const auto& expanded, std::size_t first, std::size_t last) {
                   for (std::size_t i = first; i < last; ++i) {
                       expanded(i);
                       invariants(work, out + i * n_features());
                   }
               });
}

void Soap::transform(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                     float* out, int n_threads) const {
    stream(atoms, n_centres, centres, block, n_threads,
           [&](std::size_t first, std::size_t n, const double* rows, std::vector<double>&) {
               float* to = out + first * n_features();
               for (std::size_t k = 0; k < n * n_features(); ++k)
                   to[k] = static_cast<float>(rows[k]);
           });
}

void Soap::stream(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                  std::size_t size, int n_threads, const UseRows& use) const {
    if (size < 1) invalid("block must be at least 1");
    for_blocks(atoms, n_centres, centres, size, n_threads,
               [&](Scratch& work, const auto& expanded, std::size_t first, std::size_t last) {
                   std::vector<double> rows((last - first) * n_features()), scratch;
                   for (std::size_t i = first; i < last; ++i) {
                       expanded(i);
                       invariants(work, rows.data() + (i - first) * n_features());
                   }
                   use(first, last - first, rows.data(), scratch);
               });
}

void Soap::environment(std::size_t n, const double* vectors, const std::int32_t* species,
                       double* row) const {
    Scratch work;
    expand(n, vectors, species, work);
    invariants(work, row);
}

}  // namespace glassnmr
