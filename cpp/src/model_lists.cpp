// SPDX-License-Identifier: BSD-3-Clause
// A model on neighbours that the caller brings, and its adjoint gradient.
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/model.hpp>

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

/// The neighbours of one centre as a descriptor takes them: those within the cutoff.
struct Gathered {
    std::vector<double> vectors;
    std::vector<std::int32_t> species, index;

    void of(const Atoms& atoms, const NeighbourList& list, std::size_t i, double cutoff) {
        const auto centre = static_cast<std::size_t>(list.centres[i]);
        const double* from = atoms.positions + 3 * centre;
        vectors.clear();
        species.clear();
        index.clear();
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
            if (r2 >= cutoff * cutoff) continue;
            vectors.insert(vectors.end(), v, v + 3);
            species.push_back(atoms.species[j]);
            index.push_back(list.index[k]);
        }
    }
};

void check_environment(std::size_t n, const double* vectors) {
    for (std::size_t k = 0; k < 3 * n; ++k) {
        if (!std::isfinite(vectors[k])) invalid("vectors must be finite");
    }
}

/// dL/dvectors of the pairs of a block of centres.
struct Pairs {
    std::vector<std::int32_t> atom;
    std::vector<double> force, vector;  // (n, 3)
    std::vector<std::size_t> first;     // of each centre of the block

    /// Adds them up, in the order of the centres.
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
                        dl_dstrain[3 * y + x] += vector[3 * k + y] * f;
                }
            }
        }
    }
};

}  // namespace

void Model::gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                     const double* dl_dpredictions, double* dl_dpositions, double* dl_dstrain,
                     int n_threads) const {
    const std::size_t T = n_targets(), F = descriptor().n_features();
    descriptor().gradient(
        atoms, n_centres, centres, block(), n_threads, true,
        [&](std::size_t first, std::size_t n, const double* x, std::vector<double>& scratch) {
            scratch.resize(n * F);
            rows_gradient(n, x, dl_dpredictions + first * T, scratch.data());
            return static_cast<const double*>(scratch.data());
        },
        dl_dpositions, dl_dstrain);
}

void Model::predict(const Atoms& atoms, const NeighbourList& list, double* out, int n_threads,
                    double* novelty, Precision precision) const {
    if (novelty && !parts_.uncertainty) invalid("this model carries no uncertainty");
    check_list(atoms, list);
    const std::size_t T = n_targets(), F = descriptor().n_features(), size = block();
    parallel_for((list.n_centres + size - 1) / size, n_threads, [&](std::size_t b) {
        const std::size_t begin = b * size, n = std::min(size, list.n_centres - begin);
        std::vector<double> x(n * F);
        Gathered near;
        for (std::size_t i = 0; i < n; ++i) {
            near.of(atoms, list, begin + i, descriptor().cutoff());
            descriptor().environment(near.index.size(), near.vectors.data(), near.species.data(),
                                     x.data() + i * F);
        }
        rows(n, x.data(), out + begin * T, novelty ? novelty + begin : nullptr, precision);
    });
}

void Model::gradient(const Atoms& atoms, const NeighbourList& list, const double* dl_dpredictions,
                     double* dl_dpositions, double* dl_dstrain, int n_threads) const {
    check_list(atoms, list);
    const std::size_t T = n_targets(), F = descriptor().n_features(), size = block();
    const double cutoff = descriptor().cutoff();
    std::fill_n(dl_dpositions, 3 * atoms.n, 0.0);
    std::fill_n(dl_dstrain, 9, 0.0);
    for (std::size_t wave = 0; wave < list.n_centres; wave += blocks_a_wave * size) {
        const std::size_t here = std::min(list.n_centres - wave, blocks_a_wave * size);
        std::vector<Pairs> pairs((here + size - 1) / size);
        parallel_for(pairs.size(), n_threads, [&](std::size_t b) {
            const std::size_t begin = wave + b * size, n = std::min(size, here - b * size);
            std::vector<double> x(n * F), dl_dx(n * F);
            Gathered near;
            for (std::size_t i = 0; i < n; ++i) {
                near.of(atoms, list, begin + i, cutoff);
                descriptor().environment(near.index.size(), near.vectors.data(),
                                         near.species.data(), x.data() + i * F);
            }
            rows_gradient(n, x.data(), dl_dpredictions + begin * T, dl_dx.data());
            Pairs& p = pairs[b];
            p.first.push_back(0);
            for (std::size_t i = 0; i < n; ++i) {
                near.of(atoms, list, begin + i, cutoff);
                const std::size_t k = p.atom.size(), count = near.index.size();
                p.atom.insert(p.atom.end(), near.index.begin(), near.index.end());
                p.vector.insert(p.vector.end(), near.vectors.begin(), near.vectors.end());
                p.force.resize(3 * (k + count));
                descriptor().environment_gradient(count, near.vectors.data(), near.species.data(),
                                                  dl_dx.data() + i * F, p.force.data() + 3 * k);
                p.first.push_back(k + count);
            }
        });
        for (std::size_t b = 0; b < pairs.size(); ++b)
            pairs[b].scatter(list.centres + wave + b * size, dl_dpositions, dl_dstrain);
    }
}

void Model::environment(std::size_t n, const double* vectors, const std::int32_t* species,
                        double* out, double* novelty) const {
    check_environment(n, vectors);
    std::vector<double> x(descriptor().n_features());
    descriptor().environment(n, vectors, species, x.data());
    rows(1, x.data(), out, novelty);
}

void Model::environment_gradient(std::size_t n, const double* vectors, const std::int32_t* species,
                                 const double* dl_dpredictions, double* dl_dvectors) const {
    check_environment(n, vectors);
    std::vector<double> x(descriptor().n_features()), dl_dx(x.size());
    descriptor().environment(n, vectors, species, x.data());
    rows_gradient(1, x.data(), dl_dpredictions, dl_dx.data());
    descriptor().environment_gradient(n, vectors, species, dl_dx.data(), dl_dvectors);
}

}  // namespace glassnmr
