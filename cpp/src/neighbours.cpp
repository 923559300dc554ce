// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/neighbours.hpp>
#include <string>

#include "parallel.hpp"

namespace glassnmr {

namespace {

using Place = std::array<std::ptrdiff_t, 3>;

constexpr double closest = 1e-3;         // Å; two atoms nearer than this are the same place
constexpr double most_neighbours = 1e8;  // of one centre
constexpr std::size_t block = 64;        // centres a task

double dot(const double* a, const double* b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

std::array<double, 3> cross(const double* a, const double* b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

std::ptrdiff_t floor_div(std::ptrdiff_t a, std::ptrdiff_t b) { return a / b - (a % b < 0 ? 1 : 0); }

}  // namespace

NeighbourSearch::NeighbourSearch(const Atoms& atoms, double cutoff)
    : n_(atoms.n), cutoff_(cutoff), cell_(atoms.cell), pbc_(atoms.pbc) {
    if (!(cutoff > 0) || !std::isfinite(cutoff)) {
        invalid("cutoff must be positive and finite, got " + std::to_string(cutoff));
    }
    for (const double x : cell_) {
        if (!std::isfinite(x)) invalid("cell must be finite");
    }
    // Reciprocal rows g_a with g_a . a_b = delta_ab, eq. (2.2); the height of the cell along a is 1
    // / |g_a|.
    const double* a = cell_.data();
    const std::array<std::array<double, 3>, 3> normal = {cross(a + 3, a + 6), cross(a + 6, a),
                                                         cross(a, a + 3)};
    const double volume = dot(a, normal[0].data());
    const double edges = std::sqrt(dot(a, a) * dot(a + 3, a + 3) * dot(a + 6, a + 6));
    if (!(std::abs(volume) > 1e-9 * edges)) {
        invalid("cell must have three independent vectors, its volume is " +
                std::to_string(std::abs(volume)) + " Å^3");
    }
    double low[3] = {0, 0, 0}, extent[3] = {1, 1, 1}, height[3];
    std::vector<double> fractional(3 * n_);
    for (std::size_t k = 0; k < 3; ++k)
        height[k] = std::abs(volume) / std::sqrt(dot(normal[k].data(), normal[k].data()));
    for (int k = 0; k < 3; ++k) {
        double lowest = 0, highest = 0;
        for (std::size_t i = 0; i < n_; ++i) {
            const double* r = atoms.positions + 3 * i;
            double f = dot(normal[static_cast<std::size_t>(k)].data(), r) / volume;
            if (!std::isfinite(f)) {
                invalid("positions must be finite, those of atom " + std::to_string(i) +
                        " are not");
            }
            if (pbc_[static_cast<std::size_t>(k)]) {
                f -= std::floor(f);
                if (f >= 1) f = 0;
            }
            fractional[3 * i + static_cast<std::size_t>(k)] = f;
            lowest = i ? std::min(lowest, f) : f;
            highest = i ? std::max(highest, f) : f;
        }
        if (!pbc_[static_cast<std::size_t>(k)]) {
            low[k] = lowest;
            extent[k] = std::max(highest - lowest, 1e-6 / height[k]);
        }
    }
    double images = 1;
    for (std::size_t k = 0; k < 3; ++k) {
        if (pbc_[k]) images *= 2 * cutoff / height[k] + 1;
    }
    if (images * static_cast<double>(n_) > 2 * most_neighbours) {
        invalid("cutoff " + std::to_string(cutoff) +
                " Å reaches over too many images of this cell (volume " +
                std::to_string(std::abs(volume)) + " Å^3)");
    }
    // Bins of about half a cutoff; never many more bins than atoms.
    double wish[3], product = 1;
    for (int k = 0; k < 3; ++k) {
        wish[k] = std::max(1.0, std::floor(2 * extent[k] * height[k] / cutoff));
        product *= wish[k];
    }
    const double most = 4.0 * static_cast<double>(n_) + 64;
    while (product > most) {
        product = 1;
        for (double& w : wish) {
            w = std::max(1.0, std::floor(w * 0.75));
            product *= w;
        }
    }
    for (std::size_t k = 0; k < 3; ++k) {
        bins_[k] = static_cast<std::ptrdiff_t>(wish[k]);
        reach_[k] = static_cast<std::ptrdiff_t>(
            std::ceil(cutoff / (extent[k] * height[k] / wish[k]) + 1e-12));
        if (!pbc_[k]) reach_[k] = std::min(reach_[k], bins_[k] - 1);
    }
    place_.resize(n_);
    wrapped_.resize(3 * n_);
    std::vector<std::size_t> bin(n_);
    bin_first_.assign(static_cast<std::size_t>(bins_[0] * bins_[1] * bins_[2]) + 1, 0);
    for (std::size_t i = 0; i < n_; ++i) {
        for (std::size_t k = 0; k < 3; ++k) {
            const double f = fractional[3 * i + k];
            const auto p = static_cast<std::ptrdiff_t>((f - low[k]) / extent[k] *
                                                       static_cast<double>(bins_[k]));
            place_[i][k] = std::clamp<std::ptrdiff_t>(p, 0, bins_[k] - 1);
        }
        for (std::size_t x = 0; x < 3; ++x) {
            wrapped_[3 * i + x] = fractional[3 * i] * cell_[x] +
                                  fractional[3 * i + 1] * cell_[3 + x] +
                                  fractional[3 * i + 2] * cell_[6 + x];
        }
        bin[i] = static_cast<std::size_t>((place_[i][0] * bins_[1] + place_[i][1]) * bins_[2] +
                                          place_[i][2]);
        ++bin_first_[bin[i] + 1];
    }
    for (std::size_t b = 1; b < bin_first_.size(); ++b) bin_first_[b] += bin_first_[b - 1];
    sorted_.resize(n_);
    sorted_xyz_.resize(3 * n_);
    std::vector<std::size_t> next(bin_first_.begin(), bin_first_.end() - 1);
    for (std::size_t i = 0; i < n_; ++i) {
        const std::size_t to = next[bin[i]]++;
        sorted_[to] = static_cast<std::int32_t>(i);
        for (std::size_t x = 0; x < 3; ++x) sorted_xyz_[x * n_ + to] = wrapped_[3 * i + x];
    }
}

void NeighbourSearch::query(std::size_t i, std::vector<std::int32_t>& index,
                            std::vector<double>& vectors) const {
    if (i >= n_)
        invalid("centre " + std::to_string(i) + " is outside the " + std::to_string(n_) + " atoms");
    index.clear();
    vectors.clear();
    const double* centre = wrapped_.data() + 3 * i;
    const double *xs = sorted_xyz_.data(), *ys = xs + n_, *zs = ys + n_;
    const double cutoff2 = cutoff_ * cutoff_;
    const Place& p = place_[i];

    // One run of atoms, bins [lo, hi) of the last axis, all with the same image.
    const auto scan = [&](std::size_t lo, std::size_t hi, const double* shift, bool home) {
        for (std::size_t k = bin_first_[lo]; k < bin_first_[hi]; ++k) {
            const double x = xs[k] + shift[0], y = ys[k] + shift[1], z = zs[k] + shift[2];
            const double r2 = x * x + y * y + z * z;
            if (r2 >= cutoff2) continue;
            const std::int32_t j = sorted_[k];
            if (r2 < closest * closest) {
                if (home && static_cast<std::size_t>(j) == i) continue;
                invalid("atoms " + std::to_string(i) + " and " + std::to_string(j) +
                        " are at the same place (" + std::to_string(std::sqrt(r2)) + " Å apart)");
            }
            index.push_back(j);
            vectors.insert(vectors.end(), {x, y, z});
        }
    };
    // Range of bins along one axis, clipped where the cell does not repeat.
    const auto range = [&](std::size_t k, std::ptrdiff_t& from, std::ptrdiff_t& to) {
        from = p[k] - reach_[k];
        to = p[k] + reach_[k];
        if (!pbc_[k]) {
            from = std::max<std::ptrdiff_t>(from, 0);
            to = std::min(to, bins_[k] - 1);
        }
    };
    std::ptrdiff_t from[3], to[3];
    for (std::size_t k = 0; k < 3; ++k) range(k, from[k], to[k]);
    for (std::ptrdiff_t b0 = from[0]; b0 <= to[0]; ++b0) {
        const std::ptrdiff_t i0 = floor_div(b0, bins_[0]);
        for (std::ptrdiff_t b1 = from[1]; b1 <= to[1]; ++b1) {
            const std::ptrdiff_t i1 = floor_div(b1, bins_[1]);
            const std::ptrdiff_t row =
                ((b0 - i0 * bins_[0]) * bins_[1] + (b1 - i1 * bins_[1])) * bins_[2];
            for (std::ptrdiff_t b2 = from[2]; b2 <= to[2];) {
                const std::ptrdiff_t i2 = floor_div(b2, bins_[2]);
                const std::ptrdiff_t last = std::min(to[2], (i2 + 1) * bins_[2] - 1);
                double shift[3];
                for (std::size_t x = 0; x < 3; ++x) {
                    shift[x] = static_cast<double>(i0) * cell_[x] +
                               static_cast<double>(i1) * cell_[3 + x] +
                               static_cast<double>(i2) * cell_[6 + x] - centre[x];
                }
                const std::ptrdiff_t base = row - i2 * bins_[2];
                scan(static_cast<std::size_t>(base + b2), static_cast<std::size_t>(base + last + 1),
                     shift, i0 == 0 && i1 == 0 && i2 == 0);
                b2 = last + 1;
            }
        }
    }
}

Neighbours neighbours(const Atoms& atoms, double cutoff, int n_threads) {
    const NeighbourSearch search(atoms, cutoff);
    const std::size_t n = atoms.n, blocks = (n + block - 1) / block;
    std::vector<std::vector<std::int32_t>> index(blocks);
    std::vector<std::vector<double>> vectors(blocks);
    Neighbours result;
    result.first.assign(n + 1, 0);
    parallel_for(blocks, n_threads, [&](std::size_t b) {
        std::vector<std::int32_t> js;
        std::vector<double> ds;
        for (std::size_t i = b * block; i < std::min(n, (b + 1) * block); ++i) {
            search.query(i, js, ds);
            result.first[i + 1] = js.size();
            index[b].insert(index[b].end(), js.begin(), js.end());
            vectors[b].insert(vectors[b].end(), ds.begin(), ds.end());
        }
    });
    for (std::size_t i = 0; i < n; ++i) result.first[i + 1] += result.first[i];
    result.index.resize(result.first[n]);
    result.vector.resize(3 * result.first[n]);
    parallel_for(blocks, n_threads, [&](std::size_t b) {
        const std::size_t start = result.first[b * block];
        std::copy(index[b].begin(), index[b].end(),
                  result.index.begin() + static_cast<std::ptrdiff_t>(start));
        std::copy(vectors[b].begin(), vectors[b].end(),
                  result.vector.begin() + static_cast<std::ptrdiff_t>(3 * start));
    });
    return result;
}

}  // namespace glassnmr
