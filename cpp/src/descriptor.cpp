// SPDX-License-Identifier: BSD-3-Clause
#include <glassnmr/descriptor.hpp>

#include "local_descriptor.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t block = 32;           // centres a task
constexpr std::size_t passing_block = 8;    // the same where rows only pass through the cache
constexpr std::size_t blocks_a_wave = 128;  // whose pairs are held at a time

}  // namespace

void Descriptor::transform(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                           double* out, int n_threads) const {
    const std::size_t F = n_features();
    stream(atoms, n_centres, centres, block, n_threads,
           [&](std::size_t first, std::size_t n, const double* rows, std::vector<double>&) {
               std::copy_n(rows, n * F, out + first * F);
           });
}

void Descriptor::transform(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                           float* out, int n_threads) const {
    const std::size_t F = n_features();
    stream(atoms, n_centres, centres, passing_block, n_threads,
           [&](std::size_t first, std::size_t n, const double* rows, std::vector<double>&) {
               float* to = out + first * F;
               for (std::size_t k = 0; k < n * F; ++k) to[k] = static_cast<float>(rows[k]);
           });
}

void Descriptor::gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                          const double* dl_drows, double* dl_dpositions, double* dl_dstrain,
                          int n_threads) const {
    const std::size_t F = n_features();
    gradient(
        atoms, n_centres, centres, block, n_threads, false,
        [&](std::size_t first, std::size_t, const double*, std::vector<double>&) {
            return dl_drows + first * F;
        },
        dl_dpositions, dl_dstrain);
}

void Descriptor::jacobian(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                          double* out, int n_threads) const {
    check_centres(atoms, n_centres, centres);
    const std::size_t F = n_features(), width = 3 * atoms.n;
    const NeighbourSearch search(atoms, cutoff());
    parallel_for(n_centres, n_threads, [&](std::size_t i) {
        std::vector<std::int32_t> index, species;
        std::vector<double> vectors;
        const auto centre = static_cast<std::size_t>(centres[i]);
        search.query(centre, index, vectors);
        for (const auto j : index) species.push_back(atoms.species[static_cast<std::size_t>(j)]);
        std::vector<double> unit(F), forces(vectors.size());
        std::fill_n(out + i * F * width, F * width, 0.0);
        for (std::size_t f = 0; f < F; ++f) {
            unit[f] = 1;
            environment_gradient(index.size(), vectors.data(), species.data(), unit.data(),
                                 forces.data());
            unit[f] = 0;
            double* to = out + (i * F + f) * width;
            for (std::size_t k = 0; k < forces.size(); ++k) {
                to[3 * static_cast<std::size_t>(index[k / 3]) + k % 3] += forces[k];
                to[3 * centre + k % 3] -= forces[k];
            }
        }
    });
}

void LocalDescriptor::transform(const Atoms& atoms, std::size_t n_centres,
                                const std::int64_t* centres, double* out, int n_threads) const {
    const NeighbourSearch search(atoms, cutoff());
    for_blocks(
        atoms, search, n_centres, centres, block, n_threads,
        [&](Workspace& work, Sorter&, const auto& sorted, std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i) row(sorted(i), work, out + i * n_features());
        });
}

void LocalDescriptor::stream(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                             std::size_t size, int n_threads, const UseRows& use) const {
    const NeighbourSearch search(atoms, cutoff());
    for_blocks(
        atoms, search, n_centres, centres, size, n_threads,
        [&](Workspace& work, Sorter&, const auto& sorted, std::size_t begin, std::size_t end) {
            std::vector<double> rows((end - begin) * n_features()), scratch;
            for (std::size_t i = begin; i < end; ++i)
                row(sorted(i), work, rows.data() + (i - begin) * n_features());
            use(begin, end - begin, rows.data(), scratch);
        });
}

void LocalDescriptor::gradient(const Atoms& atoms, std::size_t n_centres,
                               const std::int64_t* centres, std::size_t size, int n_threads,
                               bool with_rows, const RowGradients& row_gradients,
                               double* dl_dpositions, double* dl_dstrain) const {
    // Pairs are added up in the order of the centres, whatever the threads: block after block, from
    // waves of blocks whose pairs fit into memory.
    struct Pairs {
        std::vector<std::int32_t> atom;
        std::vector<double> force;  // (n, 3)
        double strain[9] = {};
    };
    const std::size_t F = n_features();
    std::fill_n(dl_dpositions, 3 * atoms.n, 0.0);
    std::fill_n(dl_dstrain, 9, 0.0);
    std::vector<Pairs> pairs(std::min(blocks_a_wave, (n_centres + size - 1) / size));
    const NeighbourSearch search(atoms, cutoff());
    for (std::size_t wave = 0; wave < n_centres; wave += blocks_a_wave * size) {
        const std::size_t here = std::min(n_centres - wave, blocks_a_wave * size);
        for_blocks(atoms, search, here, centres + wave, size, n_threads,
                   [&](Workspace& work, Sorter& sorter, const auto& sorted, std::size_t begin,
                       std::size_t end) {
                       std::vector<double> rows, scratch, forces;
                       if (with_rows) {
                           rows.resize((end - begin) * F);
                           for (std::size_t i = begin; i < end; ++i)
                               row(sorted(i), work, rows.data() + (i - begin) * F);
                       }
                       const double* dl_drows = row_gradients(
                           wave + begin, end - begin, with_rows ? rows.data() : nullptr, scratch);
                       Pairs& p = pairs[begin / size];
                       p.atom.clear();
                       p.force.clear();
                       std::fill_n(p.strain, 9, 0.0);
                       for (std::size_t i = begin; i < end; ++i) {
                           const Environment e = sorted(i);
                           const std::size_t n = sorter.order.size();
                           forces.resize(3 * n);
                           pull_back(e, work, dl_drows + (i - begin) * F, forces.data());
                           double centre[3] = {};
                           for (std::size_t j = 0; j < n; ++j) {
                               p.atom.push_back(sorter.index[sorter.order[j]]);
                               const double *f = forces.data() + 3 * j, *d = e.vectors + 3 * j;
                               p.force.insert(p.force.end(), f, f + 3);
                               for (std::size_t x = 0; x < 3; ++x) {
                                   centre[x] -= f[x];
                                   for (std::size_t y = 0; y < 3; ++y)
                                       p.strain[3 * x + y] += d[x] * f[y];
                               }
                           }
                           p.atom.push_back(static_cast<std::int32_t>(centres[wave + i]));
                           p.force.insert(p.force.end(), centre, centre + 3);
                       }
                   });
        for (std::size_t b = 0; b * size < here; ++b) {
            const Pairs& p = pairs[b];
            for (std::size_t k = 0; k < p.atom.size(); ++k) {
                double* to = dl_dpositions + 3 * static_cast<std::size_t>(p.atom[k]);
                for (std::size_t x = 0; x < 3; ++x) to[x] += p.force[3 * k + x];
            }
            for (std::size_t x = 0; x < 9; ++x) dl_dstrain[x] += p.strain[x];
        }
    }
}

void LocalDescriptor::environment(std::size_t n, const double* vectors, const std::int32_t* species,
                                  double* to) const {
    Sorter sorter;
    row(sorter.sort(n_species(), cutoff(), n, vectors, species), *workspace(), to);
}

void LocalDescriptor::environment_gradient(std::size_t n, const double* vectors,
                                           const std::int32_t* species, const double* dl_drow,
                                           double* dl_dvectors) const {
    Sorter sorter;
    const Environment e = sorter.sort(n_species(), cutoff(), n, vectors, species);
    std::vector<double> forces(3 * sorter.order.size());
    pull_back(e, *workspace(), dl_drow, forces.data());
    std::fill_n(dl_dvectors, 3 * n, 0.0);
    for (std::size_t k = 0; k < sorter.order.size(); ++k)
        std::copy_n(forces.data() + 3 * k, 3, dl_dvectors + 3 * sorter.order[k]);
}

}  // namespace glassnmr
