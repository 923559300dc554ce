// SPDX-License-Identifier: BSD-3-Clause
// Density coefficients and power spectrum of one centre: THEORY.md sections 5 and 6.
#include "kernels/level.hpp"
//
#include <glassnmr/radial.hpp>

#include "kernels/expansion.hpp"
#include "kernels/harmonics_batch.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

namespace {

constexpr std::size_t most_lm = 21 * 21;  // largest_l + 1, squared
constexpr std::size_t most_n = 64;

/// Add one neighbour: c[lm][n] += h_nl(r) Y_lm, with h from the table; N = n_pad, 0 for any.
template <std::size_t N>
inline void add_neighbour(const RadialTableView& table, double r, const double* y, double* c) {
    const std::size_t np = N ? N : table.n_pad;
    constexpr std::size_t degree = RadialTableView::degree;
    const double place = r * table.intervals_per_length;
    auto k = static_cast<std::size_t>(place);
    if (k >= table.n_intervals) k = table.n_intervals - 1;
    const double t = 2 * (place - static_cast<double>(k)) - 1;
    const double* coefficients = table.coefficients + k * (table.l_max + 1) * (degree + 1) * np;
    double h[N ? N : most_n];
    for (std::size_t l = 0; l <= table.l_max; ++l) {
        const double* a = coefficients + l * (degree + 1) * np;
        for (std::size_t n = 0; n < np; ++n) h[n] = a[degree * np + n];
        for (std::size_t d = degree; d-- > 0;) {
            for (std::size_t n = 0; n < np; ++n) h[n] = h[n] * t + a[d * np + n];
        }
        for (std::size_t lm = l * l; lm < (l + 1) * (l + 1); ++lm) {
            const double value = y[lm * lanes];
            double* to = c + lm * np;
            for (std::size_t n = 0; n < np; ++n) to[n] += value * h[n];
        }
    }
}

template <std::size_t N>
void expand_padded(const RadialTableView& table, std::size_t n_species, const std::size_t* first,
                   const double* xyz, double* c) {
    const std::size_t n_lm = (table.l_max + 1) * (table.l_max + 1), size = n_lm * table.n_pad;
    for (std::size_t k = 0; k < n_species * size; ++k) c[k] = 0;
    double y[most_lm * lanes], unit[3][lanes], r[lanes];
    for (std::size_t s = 0; s < n_species; ++s) {
        for (std::size_t j = first[s]; j < first[s + 1]; j += lanes) {
            const std::size_t here = first[s + 1] - j < lanes ? first[s + 1] - j : lanes;
            for (std::size_t k = 0; k < lanes; ++k) {
                const double* d = xyz + 3 * (j + (k < here ? k : 0));
                r[k] = __builtin_sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
                for (std::size_t x = 0; x < 3; ++x) unit[x][k] = d[x] / r[k];
            }
            harmonics_batch(table.l_max, table.legendre, unit[0], unit[1], unit[2], y);
            for (std::size_t k = 0; k < here; ++k)
                add_neighbour<N>(table, r[k], y + k, c + s * size);
        }
    }
}

/// One (s1, s2, l) block: full n x n for two species, the triangle n2 >= n1 for one.
template <std::size_t N>
inline double* spectrum_block(const double* c1, const double* c2, std::size_t n_m,
                              std::size_t n_max, std::size_t n_pad, bool same, double scale,
                              double* p) {
    const std::size_t np = N ? N : n_pad;
    double row[N ? N : most_n];
    const double off = scale * 1.41421356237309504880;
    for (std::size_t n1 = 0; n1 < n_max; ++n1) {
        for (std::size_t n = 0; n < np; ++n) row[n] = 0;
        for (std::size_t m = 0; m < n_m; ++m) {
            const double value = c1[m * np + n1];
            const double* from = c2 + m * np;
            for (std::size_t n = 0; n < np; ++n) row[n] += value * from[n];
        }
        std::size_t n2 = same ? n1 : 0;
        if (same) *p++ = scale * row[n2++];
        for (; n2 < n_max; ++n2) *p++ = off * row[n2];
    }
    return p;
}

template <std::size_t N>
void spectrum_padded(std::size_t n_species, std::size_t n_max, std::size_t n_pad, std::size_t l_max,
                     const double* scale, const double* c, double* p) {
    const std::size_t size = (l_max + 1) * (l_max + 1) * n_pad;
    for (std::size_t s1 = 0; s1 < n_species; ++s1) {
        for (std::size_t s2 = s1; s2 < n_species; ++s2) {
            for (std::size_t l = 0; l <= l_max; ++l) {
                p = spectrum_block<N>(c + s1 * size + l * l * n_pad, c + s2 * size + l * l * n_pad,
                                      2 * l + 1, n_max, n_pad, s1 == s2, scale[l], p);
            }
        }
    }
}

}  // namespace

void harmonics(std::size_t l_max, const double* legendre, const double* x, const double* y,
               const double* z, double* out) {
    harmonics_batch(l_max, legendre, x, y, z, out);
}

void expand(const RadialTableView& table, std::size_t n_species, const std::size_t* first,
            const double* xyz, double* c) {
    switch (table.n_pad) {
        case 4:
            return expand_padded<4>(table, n_species, first, xyz, c);
        case 8:
            return expand_padded<8>(table, n_species, first, xyz, c);
        case 12:
            return expand_padded<12>(table, n_species, first, xyz, c);
        case 16:
            return expand_padded<16>(table, n_species, first, xyz, c);
        default:
            return expand_padded<0>(table, n_species, first, xyz, c);
    }
}

void power_spectrum(std::size_t n_species, std::size_t n_max, std::size_t n_pad, std::size_t l_max,
                    const double* scale, const double* c, double* p) {
    switch (n_pad) {
        case 4:
            return spectrum_padded<4>(n_species, n_max, n_pad, l_max, scale, c, p);
        case 8:
            return spectrum_padded<8>(n_species, n_max, n_pad, l_max, scale, c, p);
        case 12:
            return spectrum_padded<12>(n_species, n_max, n_pad, l_max, scale, c, p);
        case 16:
            return spectrum_padded<16>(n_species, n_max, n_pad, l_max, scale, c, p);
        default:
            return spectrum_padded<0>(n_species, n_max, n_pad, l_max, scale, c, p);
    }
}

}  // namespace glassnmr::GLASSNMR_LEVEL
