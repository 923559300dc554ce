// SPDX-License-Identifier: BSD-3-Clause
#include "octant.hpp"

#include <array>
#include <cmath>

#include "kernels/kernels.hpp"

namespace glassnmr {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr std::size_t n_invariants = 6;

/// A direction and what eq. (12.20) wants of it: invariants of the cube up to degree 12, less their
/// means over the sphere.
struct Corner {
    double xyz[3], invariant[n_invariants];

    void take() {
        const double x = xyz[0] * xyz[0], y = xyz[1] * xyz[1], z = xyz[2] * xyz[2];
        const double p = x * y + y * z + z * x, q = x * y * z;
        invariant[0] = p - 1. / 5;
        invariant[1] = q - 1. / 105;
        invariant[2] = p * p - 1. / 21;
        invariant[3] = p * q - 1. / 385;
        invariant[4] = p * p * p - 61. / 5005;
        invariant[5] = q * q - 1. / 5005;
    }
};

/// The solid angle of a triangle of unit vectors: Van Oosterom and Strackee.
double solid_angle(const double* a, const double* b, const double* c) {
    const double triple = a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) +
                          a[2] * (b[0] * c[1] - b[1] * c[0]);
    const auto dot = [](const double* u, const double* v) {
        return u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
    };
    return 2 * std::atan2(std::abs(triple), 1 + dot(a, b) + dot(b, c) + dot(c, a));
}

}  // namespace

Octant::Octant(std::size_t density) : density_(density), share_(density * density) {
    // A coarse grid cannot do all: its shares would become negative.
    const std::size_t m = density < 2 ? 0 : density < 8 ? 1 : n_invariants;
    std::vector<Corner> rows(2 * row_size(0));
    std::vector<unsigned> corner(3 * n_triangles(0));
    std::vector<std::array<double, n_invariants>> value(share_.size());
    double overlap[n_invariants * n_invariants] = {}, factor[n_invariants] = {};
    std::size_t at = 0;
    for (std::size_t i = 0; i < density_; ++i) {
        const std::size_t here = row_size(i);
        for (std::size_t k = 0; k < here + row_size(i + 1); ++k) {
            direction(k < here ? i : i + 1, k < here ? k : k - here, rows[k].xyz);
            rows[k].take();
        }
        corners(i, corner.data());
        for (std::size_t t = 0; t < n_triangles(i); ++t, ++at) {
            const Corner &a = rows[corner[3 * t]], &b = rows[corner[3 * t + 1]],
                         &c = rows[corner[3 * t + 2]];
            const double share = solid_angle(a.xyz, b.xyz, c.xyz) * 2 / pi;
            share_[at] = share;
            auto& own = value[at];
            for (std::size_t k = 0; k < n_invariants; ++k)
                own[k] = (a.invariant[k] + b.invariant[k] + c.invariant[k]) / 3;
            for (std::size_t k = 0; k < n_invariants; ++k) {
                factor[k] -= share * own[k];
                for (std::size_t l = 0; l <= k; ++l)
                    overlap[k * n_invariants + l] += share * own[k] * own[l];
            }
        }
    }
    double mean[n_invariants];  // over the triangles: what is to become zero, with the sum kept
    for (std::size_t k = 0; k < n_invariants; ++k) {
        mean[k] = -factor[k];
        for (std::size_t l = 0; l <= k; ++l) overlap[k * n_invariants + l] -= mean[k] * mean[l];
    }
    kernels().cholesky(m, overlap, n_invariants);
    kernels().solve_lower(m, overlap, n_invariants, false, 1, factor, 1);
    kernels().solve_lower(m, overlap, n_invariants, true, 1, factor, 1);
    for (std::size_t t = 0; t < share_.size(); ++t) {
        double sum = 1;
        for (std::size_t k = 0; k < m; ++k) sum += factor[k] * (value[t][k] - mean[k]);
        share_[t] *= sum;
    }
}

void Octant::direction(std::size_t i, std::size_t j, double* xyz) const {
    const auto x = static_cast<double>(density_ - i - j), y = static_cast<double>(j),
               z = static_cast<double>(i), norm = 1 / std::sqrt(x * x + y * y + z * z);
    xyz[0] = x * norm, xyz[1] = y * norm, xyz[2] = z * norm;
}

void Octant::corners(std::size_t i, unsigned* corner) const {
    const auto here = static_cast<unsigned>(row_size(i));
    for (unsigned t = 0; t < n_triangles(i); ++t) {
        const unsigned j = t / 2;
        corner[3 * t] = t % 2 ? j + 1 : j;
        corner[3 * t + 1] = t % 2 ? here + j : j + 1;
        corner[3 * t + 2] = t % 2 ? here + j + 1 : here + j;
    }
}

}  // namespace glassnmr
