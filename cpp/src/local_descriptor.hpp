// SPDX-License-Identifier: BSD-3-Clause
// Neighbours in the order of their species, block by block: shared by all local descriptors.
#pragma once

#include <algorithm>
#include <glassnmr/descriptor.hpp>
#include <glassnmr/error.hpp>
#include <string>

#include "parallel.hpp"

namespace glassnmr {

/// Throws std::invalid_argument for a centre outside the atoms.
inline void check_centres(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres) {
    for (std::size_t i = 0; i < n_centres; ++i) {
        if (centres[i] < 0 || static_cast<std::size_t>(centres[i]) >= atoms.n) {
            invalid("centres must lie in 0.." + std::to_string(atoms.n) + " - 1, got " +
                    std::to_string(centres[i]));
        }
    }
}

/// Sorts the neighbours of one centre after another.
struct LocalDescriptor::Sorter {
    std::vector<std::int32_t> index, species;  ///< as they come
    std::vector<double> vectors, sorted;
    std::vector<std::size_t> first;
    std::vector<std::size_t> order;  ///< place among those that came, of each sorted neighbour

    Environment sort(std::size_t S, double cutoff, std::size_t n, const double* v,
                     const std::int32_t* s) {
        const double cutoff2 = cutoff * cutoff;
        const auto inside = [&](const double* d) {
            return d[0] * d[0] + d[1] * d[1] + d[2] * d[2] < cutoff2;
        };
        first.assign(S + 1, 0);
        for (std::size_t j = 0; j < n; ++j) {
            if (s[j] < 0 || static_cast<std::size_t>(s[j]) >= S) {
                invalid("species " + std::to_string(s[j]) + " is not one of the " +
                        std::to_string(S) + " of this descriptor");
            }
            if (inside(v + 3 * j)) ++first[static_cast<std::size_t>(s[j]) + 1];
        }
        for (std::size_t k = 0; k < S; ++k) first[k + 1] += first[k];
        sorted.resize(3 * first[S]);
        order.resize(first[S]);
        std::vector<std::size_t>& next = first;  // shifted by one while it fills, restored below
        for (std::size_t j = 0; j < n; ++j) {
            const double* d = v + 3 * j;
            if (!inside(d)) continue;
            const std::size_t to = next[static_cast<std::size_t>(s[j])]++;
            std::copy_n(d, 3, sorted.data() + 3 * to);
            order[to] = j;
        }
        for (std::size_t k = S; k > 0; --k) first[k] = first[k - 1];
        first[0] = 0;
        return {first.data(), sorted.data()};
    }

    Environment sort(std::size_t S, double cutoff, const Atoms& atoms,
                     const NeighbourSearch& search, std::int64_t centre) {
        search.query(static_cast<std::size_t>(centre), index, vectors);
        species.resize(index.size());
        for (std::size_t j = 0; j < index.size(); ++j)
            species[j] = atoms.species[static_cast<std::size_t>(index[j])];
        return sort(S, cutoff, index.size(), vectors.data(), species.data());
    }
};

template <class Body>
void LocalDescriptor::for_blocks(const Atoms& atoms, const NeighbourSearch& search,
                                 std::size_t n_centres, const std::int64_t* centres,
                                 std::size_t block, int n_threads, const Body& body) const {
    if (block < 1) invalid("block must be at least 1");
    check_centres(atoms, n_centres, centres);
    const std::size_t S = n_species();
    parallel_for((n_centres + block - 1) / block, n_threads, [&](std::size_t b) {
        Sorter sorter;
        const auto work = workspace();
        const auto sorted = [&](std::size_t i) {
            return sorter.sort(S, search.cutoff(), atoms, search, centres[i]);
        };
        body(*work, sorter, sorted, b * block, std::min(n_centres, (b + 1) * block));
    });
}

}  // namespace glassnmr
