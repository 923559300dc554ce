// SPDX-License-Identifier: BSD-3-Clause
#include "density.hpp"

#include <cmath>
#include <glassnmr/error.hpp>

#include "kernels/kernels.hpp"

namespace glassnmr {

Density::Density(const RadialSettings& radial, std::size_t n_species,
                 const std::vector<double>& mixing, bool with_sum)
    : radial_(radial), n_species_(n_species), mixed_(!mixing.empty() || with_sum) {
    if (n_species < 1) invalid("species must name at least one element");
    if (mixing.size() % n_species != 0) invalid("mixing must have one column for each species");
    for (const double w : mixing) {
        if (!std::isfinite(w)) invalid("mixing must be finite");
    }
    n_channels_ = mixing.empty() ? n_species : mixing.size() / n_species;
    rows_ = n_channels_ + (with_sum ? 1 : 0);
    mixing_.assign(rows_ * n_species, 0.0);
    for (std::size_t a = 0; a < n_channels_; ++a) {
        for (std::size_t s = 0; s < n_species; ++s) {
            const double w = mixing.empty() ? (a == s ? 1 : 0) : mixing[a * n_species + s];
            mixing_[a * n_species + s] = w;
            if (with_sum) mixing_[n_channels_ * n_species + s] += w;
        }
    }
}

std::size_t Density::size() const {
    const RadialTableView table = radial_.table();
    return (table.l_max + 1) * (table.l_max + 1) * table.n_pad;
}

void Density::expand(const Environment& e, Scratch& work) const {
    const std::size_t n = size();
    std::vector<double>& target = mixed_ ? work.raw : work.c;
    target.resize(n_species_ * n);
    kernels().expand(radial_.table(), n_species_, e.first, e.vectors, target.data());
    if (!mixed_) return;
    work.c.assign(rows_ * n, 0.0);
    for (std::size_t a = 0; a < rows_; ++a) {
        for (std::size_t s = 0; s < n_species_; ++s) {
            const double w = mixing(a, s);
            if (w == 0 || e.first[s] == e.first[s + 1]) continue;
            for (std::size_t k = 0; k < n; ++k) work.c[a * n + k] += w * work.raw[s * n + k];
        }
    }
}

void Density::pull_back(const Environment& e, Scratch& work, const double* dl_dself,
                        double* dl_dvectors) const {
    const std::size_t n = size();
    const double* b = work.b.data();
    if (mixed_) {
        work.b_raw.assign(n_species_ * n, 0.0);
        for (std::size_t s = 0; s < n_species_; ++s) {
            for (std::size_t a = 0; a < rows_; ++a) {
                const double w = mixing(a, s);
                if (w == 0 || e.first[s] == e.first[s + 1]) continue;
                for (std::size_t k = 0; k < n; ++k) work.b_raw[s * n + k] += w * work.b[a * n + k];
            }
        }
        b = work.b_raw.data();
    }
    kernels().expand_back(radial_.table(), n_species_, e.first, e.vectors, b, dl_dself,
                          dl_dvectors);
}

}  // namespace glassnmr
