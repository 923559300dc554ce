// SPDX-License-Identifier: BSD-3-Clause
// Cell lists that follow atoms one by one.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/neighbours.hpp>
#include <string>
#include <vector>

namespace glassnmr {

/// Atoms by bins at least as wide as the cutoff along each cell vector; outer bins of a direction
/// without images reach to infinity. Geometry as in THEORY.md eq. (2.1)-(2.3).
class Bins {
public:
    /// `atoms` give the cell and, without images, how far the bins have to span.
    Bins(const Atoms& atoms, double cutoff) : cutoff_(cutoff), cell_(atoms.cell), pbc_(atoms.pbc) {
        const auto& a = cell_;
        std::array<std::array<double, 3>, 3> cross;
        for (std::size_t k = 0; k < 3; ++k) {
            const double *u = &a[(k + 1) % 3 * 3], *v = &a[(k + 2) % 3 * 3];
            cross[k] = {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2],
                        u[0] * v[1] - u[1] * v[0]};
        }
        const double volume = a[0] * cross[0][0] + a[1] * cross[0][1] + a[2] * cross[0][2];
        if (!(std::abs(volume) > 0)) invalid("the cell must not be singular");
        for (std::size_t k = 0; k < 3; ++k) {
            const auto& c = cross[k];
            for (std::size_t x = 0; x < 3; ++x) inverse_[3 * k + x] = c[x] / volume;
            const double height =
                std::abs(volume) / std::sqrt(c[0] * c[0] + c[1] * c[1] + c[2] * c[2]);
            low_[k] = 0;
            double length = 1;
            if (!pbc_[k]) {
                double high = 0;
                for (std::size_t i = 0; i < atoms.n; ++i) {
                    const double s = fraction(atoms.positions + 3 * i, k);
                    low_[k] = i ? std::min(low_[k], s) : s;
                    high = i ? std::max(high, s) : s;
                }
                length = std::max(high - low_[k], 1e-9);
            }
            const double most = std::cbrt(static_cast<double>(atoms.n)) + 1;
            count_[k] = static_cast<std::ptrdiff_t>(
                std::clamp(std::floor(length * height / cutoff), 1.0, most));
            scale_[k] = static_cast<double>(count_[k]) / length;
            reach_[k] =
                static_cast<std::ptrdiff_t>(std::ceil(cutoff * scale_[k] / height * (1 + 1e-12)));
        }
        atoms_.resize(static_cast<std::size_t>(count_[0] * count_[1] * count_[2]));
    }

    /// Into the cell along the periodic directions.
    void wrap(double* r) const {
        for (std::size_t k = 0; k < 3; ++k) {
            const double shift = pbc_[k] ? std::floor(fraction(r, k)) : 0.0;
            for (std::size_t x = 0; x < 3 && shift != 0; ++x) r[x] -= shift * cell_[3 * k + x];
        }
    }

    void add(std::int32_t atom, const double* r) { at(r).push_back(atom); }
    void remove(std::int32_t atom, const double* r) {
        auto& bin = at(r);
        bin.erase(std::find(bin.begin(), bin.end(), atom));
    }
    void rename(std::int32_t from, std::int32_t to, const double* r) {
        auto& bin = at(r);
        *std::find(bin.begin(), bin.end(), from) = to;
    }

    /// use(j, vector from r to an image of j) for all within the cutoff; the atom `self`, if not
    /// -1, is no neighbour of its own, but its images are.
    template <class Use>
    void around(const double* r, std::int32_t self, const double* positions, const Use& use) const {
        const auto home = place(r);
        std::array<std::ptrdiff_t, 3> from, to;
        for (std::size_t k = 0; k < 3; ++k) {
            from[k] = home[k] - reach_[k];
            to[k] = home[k] + reach_[k];
            if (pbc_[k]) continue;
            from[k] = std::max<std::ptrdiff_t>(from[k], 0);
            to[k] = std::min(to[k], count_[k] - 1);
        }
        for (auto x = from[0]; x <= to[0]; ++x) {
            for (auto y = from[1]; y <= to[1]; ++y) {
                for (auto z = from[2]; z <= to[2]; ++z) scan({x, y, z}, r, self, positions, use);
            }
        }
    }

private:
    double fraction(const double* r, std::size_t k) const {
        return r[0] * inverse_[3 * k] + r[1] * inverse_[3 * k + 1] + r[2] * inverse_[3 * k + 2];
    }

    std::array<std::ptrdiff_t, 3> place(const double* r) const {
        std::array<std::ptrdiff_t, 3> p;
        for (std::size_t k = 0; k < 3; ++k) {
            const double at = std::floor((fraction(r, k) - low_[k]) * scale_[k]);
            p[k] = static_cast<std::ptrdiff_t>(
                std::clamp(at, 0.0, static_cast<double>(count_[k] - 1)));
        }
        return p;
    }

    std::vector<std::int32_t>& at(const double* r) {
        const auto p = place(r);
        return atoms_[static_cast<std::size_t>((p[0] * count_[1] + p[1]) * count_[2] + p[2])];
    }

    template <class Use>
    void scan(std::array<std::ptrdiff_t, 3> bin, const double* r, std::int32_t self,
              const double* positions, const Use& use) const {
        double shift[3] = {-r[0], -r[1], -r[2]};
        bool image = false;
        for (std::size_t k = 0; k < 3; ++k) {
            std::ptrdiff_t turns = bin[k] / count_[k];
            if (bin[k] % count_[k] < 0) --turns;
            bin[k] -= turns * count_[k];
            image = image || turns != 0;
            for (std::size_t x = 0; x < 3; ++x)
                shift[x] += static_cast<double>(turns) * cell_[3 * k + x];
        }
        const auto b = static_cast<std::size_t>((bin[0] * count_[1] + bin[1]) * count_[2] + bin[2]);
        for (const std::int32_t j : atoms_[b]) {
            if (j == self && !image) continue;
            const double* p = positions + 3 * static_cast<std::size_t>(j);
            const double v[3] = {p[0] + shift[0], p[1] + shift[1], p[2] + shift[2]};
            if (v[0] * v[0] + v[1] * v[1] + v[2] * v[2] < cutoff_ * cutoff_) use(j, v);
        }
    }

    double cutoff_;
    std::array<double, 9> cell_, inverse_;  // inverse_: rows give fractional coordinates
    std::array<bool, 3> pbc_;
    std::array<double, 3> low_, scale_;
    std::array<std::ptrdiff_t, 3> count_, reach_;
    std::vector<std::vector<std::int32_t>> atoms_;
};

}  // namespace glassnmr
