// SPDX-License-Identifier: BSD-3-Clause
// Models on neighbours that the caller brings, and their adjoint gradient.
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/local_model.hpp>
#include <glassnmr/tensor_model.hpp>

#include "local_descriptor.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t blocks_a_wave = 128;  // whose pairs are held at a time

void check_list(const Atoms& atoms, const NeighbourList& list) {
    check_centres(atoms, list.n_centres, list.centres);
    for (std::size_t i = 0; i < list.n_centres; ++i) {
        if (list.first[i + 1] < list.first[i] || list.first[0] != 0)
            invalid("first must begin with 0 and not fall");
    }
    const std::size_t pairs = list.n_centres ? list.first[list.n_centres] : 0;
    for (std::size_t k = 0; k < pairs; ++k) {
        if (list.index[k] < 0 || static_cast<std::size_t>(list.index[k]) >= atoms.n) {
            invalid("neighbours must lie in 0.." + std::to_string(atoms.n) + " - 1, got " +
                    std::to_string(list.index[k]));
        }
    }
}

/// Neighbours within the cutoff of a block of centres, one centre after another.
struct Pairs {
    std::vector<std::int32_t> atom, species;
    std::vector<double> vectors, force;  // (n, 3)
    std::vector<std::size_t> first{0};   // of each centre of the block

    void add(std::int32_t j, std::int32_t kind, const double* v) {
        atom.push_back(j);
        species.push_back(kind);
        vectors.insert(vectors.end(), v, v + 3);
    }

    void gather(const Atoms& atoms, const NeighbourList& list, std::size_t i, double cutoff) {
        const auto centre = static_cast<std::size_t>(list.centres[i]);
        const double* from = atoms.positions + 3 * centre;
        for (std::size_t k = list.first[i]; k < list.first[i + 1]; ++k) {
            const auto j = static_cast<std::size_t>(list.index[k]);
            const double* to = atoms.positions + 3 * j;
            const double v[3] = {to[0] - from[0], to[1] - from[1], to[2] - from[2]};
            const double r2 = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
            if (!std::isfinite(r2)) {
                invalid("positions must be finite, those of atoms " + std::to_string(centre) +
                        " and " + std::to_string(j) + " are not");
            }
            if (r2 < 1e-6) {
                invalid("atoms " + std::to_string(centre) + " and " + std::to_string(j) +
                        " lie at the same place");
            }
            if (r2 < cutoff * cutoff) add(list.index[k], atoms.species[j], v);
        }
        first.push_back(atom.size());
    }

    void gather(const Atoms& atoms, const NeighbourSearch& search, std::int64_t centre,
                std::vector<std::int32_t>& index, std::vector<double>& found) {
        search.query(static_cast<std::size_t>(centre), index, found);
        for (std::size_t k = 0; k < index.size(); ++k)
            add(index[k], atoms.species[static_cast<std::size_t>(index[k])], &found[3 * k]);
        first.push_back(atom.size());
    }

    std::vector<Neighbourhood> view() const {
        std::vector<Neighbourhood> near;
        for (std::size_t i = 0; i + 1 < first.size(); ++i)
            near.push_back({first[i + 1] - first[i], vectors.data() + 3 * first[i],
                            species.data() + first[i]});
        return near;
    }

    /// Adds dL/dvectors up, in the order of the centres.
    void scatter(const std::int64_t* centres, double* dl_dpositions, double* dl_dstrain) const {
        for (std::size_t i = 0; i + 1 < first.size(); ++i) {
            double* centre = dl_dpositions + 3 * static_cast<std::size_t>(centres[i]);
            for (std::size_t k = first[i]; k < first[i + 1]; ++k) {
                double* to = dl_dpositions + 3 * static_cast<std::size_t>(atom[k]);
                for (std::size_t x = 0; x < 3; ++x) {
                    const double f = force[3 * k + x];
                    to[x] += f;
                    centre[x] -= f;
                    for (std::size_t y = 0; y < 3; ++y)
                        dl_dstrain[3 * y + x] += vectors[3 * k + y] * f;
                }
            }
        }
    }
};

/// gather(pairs, i): the neighbours of centre i.
template <class Gather>
void pull_back(const LocalModel& model, const Atoms& atoms, std::size_t n_centres,
               const std::int64_t* centres, std::size_t size, const double* dl_dvalues,
               double* dl_dpositions, double* dl_dstrain, int n_threads, const Gather& gather) {
    std::fill_n(dl_dpositions, 3 * atoms.n, 0.0);
    std::fill_n(dl_dstrain, 9, 0.0);
    const std::size_t T = model.n_values();
    for (std::size_t wave = 0; wave < n_centres; wave += blocks_a_wave * size) {
        const std::size_t here = std::min(n_centres - wave, blocks_a_wave * size);
        std::vector<Pairs> pairs((here + size - 1) / size);
        parallel_for(pairs.size(), n_threads, [&](std::size_t b) {
            const std::size_t begin = wave + b * size, n = std::min(size, here - b * size);
            Pairs& p = pairs[b];
            for (std::size_t i = 0; i < n; ++i) gather(p, begin + i);
            p.force.resize(p.vectors.size());
            model.environments_gradient(n, p.view().data(), dl_dvalues + begin * T, p.force.data());
        });
        for (std::size_t b = 0; b < pairs.size(); ++b)
            pairs[b].scatter(centres + wave + b * size, dl_dpositions, dl_dstrain);
    }
}

Neighbourhood checked(std::size_t n, const double* vectors, const std::int32_t* species) {
    for (std::size_t k = 0; k < 3 * n; ++k) {
        if (!std::isfinite(vectors[k])) invalid("vectors must be finite");
    }
    return {n, vectors, species};
}

}  // namespace

std::shared_ptr<const LocalModel> LocalModel::load(const std::string& path) {
    if (TensorModel::holds_tensors(path))
        return std::make_shared<const TensorModel>(TensorModel::load(path));
    return std::make_shared<const Model>(Model::load(path));
}

void LocalModel::predict(const Atoms& atoms, const NeighbourList& list, double* out, int n_threads,
                         double* novelty) const {
    if (novelty && !has_uncertainty()) invalid("this model carries no uncertainty");
    check_list(atoms, list);
    const std::size_t size = block(), T = n_values();
    parallel_for((list.n_centres + size - 1) / size, n_threads, [&](std::size_t b) {
        const std::size_t begin = b * size, n = std::min(size, list.n_centres - begin);
        Pairs pairs;
        for (std::size_t i = 0; i < n; ++i) pairs.gather(atoms, list, begin + i, cutoff());
        environments(n, pairs.view().data(), out + begin * T, novelty ? novelty + begin : nullptr);
    });
}

void LocalModel::gradient(const Atoms& atoms, const NeighbourList& list, const double* dl_dvalues,
                          double* dl_dpositions, double* dl_dstrain, int n_threads) const {
    check_list(atoms, list);
    pull_back(*this, atoms, list.n_centres, list.centres, block(), dl_dvalues, dl_dpositions,
              dl_dstrain, n_threads,
              [&](Pairs& p, std::size_t i) { p.gather(atoms, list, i, cutoff()); });
}

void LocalModel::gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                          const double* dl_dvalues, double* dl_dpositions, double* dl_dstrain,
                          int n_threads) const {
    check_centres(atoms, n_centres, centres);
    const NeighbourSearch search(atoms, cutoff());
    pull_back(*this, atoms, n_centres, centres, block(), dl_dvalues, dl_dpositions, dl_dstrain,
              n_threads, [&](Pairs& p, std::size_t i) {
                  std::vector<std::int32_t> index;
                  std::vector<double> vectors;
                  p.gather(atoms, search, centres[i], index, vectors);
              });
}

void LocalModel::half_widths(double level, std::size_t n, const double* novelty,
                             double* out) const {
    const std::size_t T = n_values();
    std::vector<double> factors(T);
    interval_factors(level, factors.data());
    deviations(n, novelty, out);
    for (std::size_t k = 0; k < n * T; ++k) out[k] *= factors[k % T];
}

void LocalModel::environment(std::size_t n, const double* vectors, const std::int32_t* species,
                             double* out, double* novelty) const {
    const Neighbourhood near = checked(n, vectors, species);
    environments(1, &near, out, novelty);
}

void LocalModel::environment_gradient(std::size_t n, const double* vectors,
                                      const std::int32_t* species, const double* dl_dvalues,
                                      double* dl_dvectors) const {
    const Neighbourhood near = checked(n, vectors, species);
    environments_gradient(1, &near, dl_dvalues, dl_dvectors);
}

}  // namespace glassnmr
