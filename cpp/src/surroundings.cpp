// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/surroundings.hpp>
#include <string>
#include <utility>

#include "kernels/kernels.hpp"
#include "local_descriptor.hpp"

namespace glassnmr {

namespace {

constexpr double pi = 3.14159265358979323846;

std::shared_ptr<const LocalDescriptor> local(const std::shared_ptr<const Descriptor>& given) {
    auto found = std::dynamic_pointer_cast<const LocalDescriptor>(given);
    const std::string name = given->name();
    if (!found || name == "equivariant-soap" || name == "surroundings")
        invalid("surroundings need descriptors with rows of their own, got " + name);
    return found;
}

}  // namespace

/// Memory of both descriptors, and the neighbours with their species in the order of the centre's.
struct Surroundings::Scratch : Workspace {
    std::unique_ptr<Workspace> own, around;
    Sorter sorter;
    std::vector<std::int32_t> species, seen_species;
    std::vector<double> seen, part, dl_dpart, forces;

    void take(const Environment& e, std::size_t S) {
        species.clear();
        for (std::size_t s = 0; s < S; ++s)
            species.insert(species.end(), e.first[s + 1] - e.first[s],
                           static_cast<std::int32_t>(s));
    }

    Environment of_centre(const Environment& e, const LocalDescriptor& descriptor) {
        return sorter.sort(descriptor.n_species(), descriptor.cutoff(), species.size(), e.vectors,
                           species.data());
    }

    /// What neighbour j sees; in its own place stands the centre.
    Environment of_neighbour(const Environment& e, std::size_t j, std::int32_t centre,
                             const LocalDescriptor& descriptor) {
        const double* from = e.vectors + 3 * j;
        seen.resize(3 * species.size());
        for (std::size_t k = 0; k < species.size(); ++k) {
            for (std::size_t x = 0; x < 3; ++x)
                seen[3 * k + x] = (k == j ? 0.0 : e.vectors[3 * k + x]) - from[x];
        }
        seen_species = species;
        seen_species[j] = centre;
        return sorter.sort(descriptor.n_species(), descriptor.cutoff(), species.size(), seen.data(),
                           seen_species.data());
    }
};

Surroundings::Surroundings(std::shared_ptr<const Descriptor> own,
                           std::shared_ptr<const Descriptor> around, SurroundingsSettings settings)
    : own_(local(own)), around_(local(around)), settings_(std::move(settings)) {
    const std::size_t S = own_->n_species();
    if (around_->n_species() != S)
        invalid("both descriptors must have the same species, got " + std::to_string(S) + " and " +
                std::to_string(around_->n_species()));
    for (const double value : {settings_.radius, settings_.weight}) {
        if (!(value > 0) || !std::isfinite(value))
            invalid("radius and weight must be positive and finite, got " + std::to_string(value));
    }
    if (settings_.neighbours.empty()) invalid("neighbours must name at least one species");
    std::vector<bool> seen(S, false);
    const auto known = [S](std::int32_t s) { return s >= 0 && static_cast<std::size_t>(s) < S; };
    for (const std::int32_t s : settings_.neighbours) {
        if (!known(s) || seen[static_cast<std::size_t>(s)])
            invalid("neighbours must be different species of the descriptors");
        seen[static_cast<std::size_t>(s)] = true;
    }
    if (!known(settings_.centre)) invalid("centre must be a species of the descriptors");
    std::sort(settings_.neighbours.begin(), settings_.neighbours.end());
    cutoff_ = std::max(own_->cutoff(), settings_.radius + around_->cutoff());
}

void Surroundings::check(const Atoms& atoms, std::size_t n_centres,
                         const std::int64_t* centres) const {
    check_centres(atoms, n_centres, centres);
    for (std::size_t i = 0; i < n_centres; ++i) {
        const std::int32_t s = atoms.species[static_cast<std::size_t>(centres[i])];
        if (s != settings_.centre)
            invalid("surroundings are those of one element: a centre of species " +
                    std::to_string(s) + " was asked for, not " + std::to_string(settings_.centre));
    }
}

void Surroundings::transform(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                             double* out, int n_threads) const {
    check(atoms, n_centres, centres);
    LocalDescriptor::transform(atoms, n_centres, centres, out, n_threads);
}

void Surroundings::stream(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                          std::size_t block, int n_threads, const UseRows& use) const {
    check(atoms, n_centres, centres);
    LocalDescriptor::stream(atoms, n_centres, centres, block, n_threads, use);
}

void Surroundings::gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                            std::size_t block, int n_threads, bool with_rows,
                            const RowGradients& row_gradients, double* dl_dpositions,
                            double* dl_dstrain) const {
    check(atoms, n_centres, centres);
    LocalDescriptor::gradient(atoms, n_centres, centres, block, n_threads, with_rows, row_gradients,
                              dl_dpositions, dl_dstrain);
}

std::unique_ptr<LocalDescriptor::Workspace> Surroundings::workspace() const {
    auto work = std::make_unique<Scratch>();
    work->own = workspace_of(*own_);
    work->around = workspace_of(*around_);
    work->part.resize(around_->n_features());
    work->dl_dpart.resize(around_->n_features());
    return work;
}

/// body(j, f(r), df/dr / r) for each neighbour that counts, eq. (6.41).
template <class Body>
void Surroundings::for_neighbours(const Environment& e, const Body& body) const {
    for (const std::int32_t s : settings_.neighbours) {
        const auto kind = static_cast<std::size_t>(s);
        for (std::size_t j = e.first[kind]; j < e.first[kind + 1]; ++j) {
            const double *v = e.vectors + 3 * j,
                         r = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
            if (r >= settings_.radius) continue;
            const double x = pi * r / settings_.radius, half = settings_.weight / 2;
            body(j, half * (1 + std::cos(x)), -half * pi / settings_.radius * std::sin(x) / r);
        }
    }
}

void Surroundings::row(const Environment& e, Workspace& work, double* row) const {
    auto& w = static_cast<Scratch&>(work);
    w.take(e, n_species());
    row_of(*own_, w.of_centre(e, *own_), *w.own, row);
    double* sum = row + own_->n_features();
    std::fill_n(sum, around_->n_features(), 0.0);
    for_neighbours(e, [&](std::size_t j, double f, double) {
        row_of(*around_, w.of_neighbour(e, j, settings_.centre, *around_), *w.around,
               w.part.data());
        for (std::size_t k = 0; k < w.part.size(); ++k) sum[k] += f * w.part[k];
    });
}

void Surroundings::pull_back(const Environment& e, Workspace& work, const double* dl_drow,
                             double* dl_dvectors) const {
    auto& w = static_cast<Scratch&>(work);
    w.take(e, n_species());
    std::fill_n(dl_dvectors, 3 * w.species.size(), 0.0);
    const Environment own = w.of_centre(e, *own_);
    w.forces.resize(3 * w.sorter.order.size());
    pull_back_of(*own_, own, *w.own, dl_drow, w.forces.data());
    for (std::size_t t = 0; t < w.forces.size(); ++t)
        dl_dvectors[3 * w.sorter.order[t / 3] + t % 3] += w.forces[t];
    const double* dl_dsum = dl_drow + own_->n_features();
    for_neighbours(e, [&](std::size_t j, double f, double slope) {
        const Environment seen = w.of_neighbour(e, j, settings_.centre, *around_);
        row_of(*around_, seen, *w.around, w.part.data());
        const double along = slope * kernels().dot(w.part.size(), w.part.data(), dl_dsum);
        for (std::size_t k = 0; k < w.part.size(); ++k) w.dl_dpart[k] = f * dl_dsum[k];
        w.forces.resize(3 * w.sorter.order.size());
        pull_back_of(*around_, seen, *w.around, w.dl_dpart.data(), w.forces.data());
        double* of_j = dl_dvectors + 3 * j;
        for (std::size_t t = 0; t < w.forces.size(); ++t) {
            const std::size_t k = w.sorter.order[t / 3];
            if (k != j) dl_dvectors[3 * k + t % 3] += w.forces[t];
            of_j[t % 3] -= w.forces[t];
        }
        for (std::size_t x = 0; x < 3; ++x) of_j[x] += along * e.vectors[3 * j + x];
    });
}

}  // namespace glassnmr
