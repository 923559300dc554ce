// SPDX-License-Identifier: BSD-3-Clause
// Density coefficients of one centre, and the way back from their derivatives: THEORY.md section 5
// and eq. (6.10).
#include "kernels/level.hpp"
//
#include <glassnmr/radial.hpp>
#include <utility>

#include "kernels/expansion.hpp"
#include "kernels/harmonics_batch.hpp"
#include "kernels/padded.hpp"
#include "kernels/row.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

namespace {

constexpr std::size_t most_lm = 21 * 21;  // largest_l + 1, squared
constexpr std::size_t most_l = 21;
constexpr std::size_t chunk = 4 * lanes;  // neighbours whose harmonics are held at a time
constexpr std::size_t degree = RadialTableView::degree;

#if defined(__AVX512F__)
constexpr std::size_t registers = 32;
#else
constexpr std::size_t registers = 16;
#endif

/// Rows of N coefficients that are summed at a time: what stays in registers, beside those that a
/// sum needs; not below 5, where radial functions formed again would cost more than memory.
template <std::size_t N>
constexpr std::size_t most_rows =
    (registers - 6) / Row<N>::count > 5 ? (registers - 6) / Row<N>::count : 5;

/// Unit vectors and lengths of up to `lanes` neighbours; the last one fills up what is missing.
struct Directions {
    double unit[3][lanes], r[lanes];

    void set(const double* xyz, std::size_t here) {
        for (std::size_t k = 0; k < lanes; ++k) {
            const double* d = xyz + 3 * (k < here ? k : here - 1);
            for (std::size_t x = 0; x < 3; ++x) unit[x][k] = d[x];
        }
        double inverse[lanes];
        for (std::size_t k = 0; k < lanes; ++k) {
            r[k] = __builtin_sqrt(unit[0][k] * unit[0][k] + unit[1][k] * unit[1][k] +
                                  unit[2][k] * unit[2][k]);
            inverse[k] = 1 / r[k];
        }
        for (std::size_t x = 0; x < 3; ++x) {
            for (std::size_t k = 0; k < lanes; ++k) unit[x][k] *= inverse[k];
        }
    }
};

/// Where a distance lies in the table: coefficients of l = 0 of its interval, and t in [-1, 1].
struct Place {
    const double* coefficients;
    double t;

    static Place of(const RadialTableView& table, double r) {
        const double place = r * table.intervals_per_length;
        auto k = static_cast<std::size_t>(place);
        if (k >= table.n_intervals) k = table.n_intervals - 1;
        return {table.coefficients + k * (table.l_max + 1) * (degree + 1) * table.n_pad,
                2 * (place - static_cast<double>(k)) - 1};
    }
};

/// h[n] of one l by Horner's rule; a: that l's coefficients.
template <std::size_t N>
inline Row<N> radial_row(const double* a, double t) {
    auto h = Row<N>::load(a + degree * N);
    for (std::size_t d = degree; d-- > 0;) h.horner(t, Row<N>::load(a + d * N));
    return h;
}

inline void radial_values(const double* a, double t, std::size_t np, double* h) {
    for (std::size_t n = 0; n < np; ++n) h[n] = a[degree * np + n];
    for (std::size_t d = degree; d-- > 0;) {
        for (std::size_t n = 0; n < np; ++n) h[n] = h[n] * t + a[d * np + n];
    }
}

/// c[m][n] += sum over `count` neighbours of y[m][neighbour] h_l[n] for all m of one l, the sums in
/// registers.
template <std::size_t N, std::size_t... m>
inline void add_rows(std::index_sequence<m...>, std::size_t l, std::size_t count,
                     const Place* places, const double* y, double* c) {
    Row<N> sum[] = {Row<N>::load(c + m * N)...};
    for (std::size_t j = 0; j < count; ++j) {
        const auto h = radial_row<N>(places[j].coefficients + l * (degree + 1) * N, places[j].t);
        (sum[m].add(y[m * chunk + j], h), ...);
    }
    (sum[m].store(c + m * N), ...);
}

template <std::size_t N, std::size_t Rows>
inline void add_some_rows(std::size_t rows, std::size_t l, std::size_t count, const Place* places,
                          const double* y, double* c) {
    if (rows >= Rows) {
        add_rows<N>(std::make_index_sequence<Rows>(), l, count, places, y, c);
    } else if constexpr (Rows > 1) {
        add_some_rows<N, Rows - 1>(rows, l, count, places, y, c);
    }
}

/// sum[lm] += y[lm][neighbour] h_l of one neighbour, from l to L.
template <std::size_t N, std::size_t L, std::size_t l = 0>
inline void add_orders(const Place& place, const double* y, Row<N>* sum) {
    const auto h = radial_row<N>(place.coefficients + l * (degree + 1) * N, place.t);
    for (std::size_t lm = l * l; lm < (l + 1) * (l + 1); ++lm) sum[lm].add(y[lm * chunk], h);
    if constexpr (l < L) add_orders<N, L, l + 1>(place, y, sum);
}

/// The same of all l at once, where they fit: one pass over the neighbours.
template <std::size_t N, std::size_t L, std::size_t... lm>
inline void add_all_rows(std::index_sequence<lm...>, std::size_t count, const Place* places,
                         const double* y, double* c) {
    Row<N> sum[] = {Row<N>::load(c + lm * N)...};
    for (std::size_t j = 0; j < count; ++j) add_orders<N, L>(places[j], y + j, sum);
    (sum[lm].store(c + lm * N), ...);
}

template <std::size_t N, std::size_t L>
bool add_in_registers(std::size_t l_max, std::size_t count, const Place* places, const double* y,
                      double* c) {
    if constexpr ((L + 1) * (L + 1) <= most_rows<N>) {
        if (l_max == L) {
            add_all_rows<N, L>(std::make_index_sequence<(L + 1) * (L + 1)>(), count, places, y, c);
            return true;
        }
    }
    if constexpr (L > 0) return add_in_registers<N, L - 1>(l_max, count, places, y, c);
    return false;
}

template <std::size_t N>
void add_chunk(const RadialTableView& table, std::size_t count, const Place* places,
               const double* y, double* c) {
    if constexpr (N > 0) {
        if (add_in_registers<N, 4>(table.l_max, count, places, y, c)) return;
        for (std::size_t l = 0; l <= table.l_max; ++l) {
            for (std::size_t row = l * l, end = (l + 1) * (l + 1); row < end; row += most_rows<N>) {
                add_some_rows<N, most_rows<N>>(end - row, l, count, places, y + row * chunk,
                                               c + row * N);
            }
        }
    } else {
        const std::size_t np = table.n_pad;
        double h[most_n];
        for (std::size_t l = 0; l <= table.l_max; ++l) {
            for (std::size_t j = 0; j < count; ++j) {
                radial_values(places[j].coefficients + l * (degree + 1) * np, places[j].t, np, h);
                for (std::size_t lm = l * l; lm < (l + 1) * (l + 1); ++lm) {
                    for (std::size_t n = 0; n < np; ++n) c[lm * np + n] += y[lm * chunk + j] * h[n];
                }
            }
        }
    }
}

template <std::size_t N>
void expand_padded(const RadialTableView& table, std::size_t n_species, const std::size_t* first,
                   const double* xyz, double* c) {
    const std::size_t n_lm = (table.l_max + 1) * (table.l_max + 1), size = n_lm * table.n_pad;
    for (std::size_t k = 0; k < n_species * size; ++k) c[k] = 0;
    double y[most_lm * chunk];
    Place places[chunk];
    Directions directions;
    std::size_t s = 0;
    for (std::size_t begin = first[0], end; begin < first[n_species]; begin = end) {
        end = first[n_species] - begin < chunk ? first[n_species] : begin + chunk;
        for (std::size_t j = begin; j < end; j += lanes) {  // whatever their species
            const std::size_t here = end - j < lanes ? end - j : lanes;
            directions.set(xyz + 3 * j, here);
            harmonics_batch(table.l_max, table.legendre, directions.unit[0], directions.unit[1],
                            directions.unit[2], chunk, y + (j - begin));
            for (std::size_t k = 0; k < here; ++k)
                places[j - begin + k] = Place::of(table, directions.r[k]);
        }
        for (std::size_t from = begin; from < end;) {
            while (first[s + 1] <= from) ++s;
            const std::size_t to = first[s + 1] < end ? first[s + 1] : end;
            add_chunk<N>(table, to - from, places + (from - begin), y + (from - begin),
                         c + s * size);
            from = to;
        }
    }
}

/// h and dh/dr of up to `lanes` neighbours, transposed: [l][n][neighbour].
template <std::size_t N>
void radial_batch(const RadialTableView& table, std::size_t here, const double* r, double* h,
                  double* slope) {
    const std::size_t np = N ? N : table.n_pad;
    const double per_length = 2 * table.intervals_per_length;
    constexpr std::size_t piece = N ? N : 4;  // radial functions at a time
    double values[lanes * piece], changes[lanes * piece];
    Place places[lanes];
    for (std::size_t k = 0; k < lanes; ++k)
        places[k] = Place::of(table, r[k < here ? k : here - 1]);
    for (std::size_t l = 0; l <= table.l_max; ++l) {
        for (std::size_t n = 0; n < np; n += piece) {
            for (std::size_t k = 0; k < lanes; ++k) {
                const double* a = places[k].coefficients + l * (degree + 1) * np + n;
                auto value = Row<piece>::load(a + degree * np), change = Row<piece>::zero();
                for (std::size_t d = degree; d-- > 0;) {
                    change.horner(places[k].t, value);
                    value.horner(places[k].t, Row<piece>::load(a + d * np));
                }
                value.store(values + k * piece);
                (change * per_length).store(changes + k * piece);
            }
            transpose(lanes, piece, values, piece, h + (l * np + n) * lanes, lanes);
            transpose(lanes, piece, changes, piece, slope + (l * np + n) * lanes, lanes);
        }
    }
}

/// Derivative by the lengths of what the self terms add: 2 sum_l h'^T M_l h.
inline void self_slopes(const RadialTableView& table, std::size_t np, const double* matrix,
                        const double* h, const double* slope, double* radial) {
    for (std::size_t l = 0; l <= table.l_max; ++l) {
        for (std::size_t n = 0; n < table.n_max; ++n) {
            double sum[lanes] = {};
            for (std::size_t n2 = 0; n2 < table.n_max; ++n2) {
                const double value = matrix[(l * np + n) * np + n2];
                for (std::size_t k = 0; k < lanes; ++k)
                    sum[k] += value * h[(l * np + n2) * lanes + k];
            }
            for (std::size_t k = 0; k < lanes; ++k)
                radial[k] += 2 * sum[k] * slope[(l * np + n) * lanes + k];
        }
    }
}

template <std::size_t N>
void expand_back_padded(const RadialTableView& table, std::size_t n_species,
                        const std::size_t* first, const double* xyz, const double* dl_dc,
                        const double* dl_dself, double* dl_dxyz) {
    const std::size_t L = table.l_max + 1, np = N ? N : table.n_pad, size = L * L * np;
    double h[most_l * (N ? N : most_n) * lanes], slope[most_l * (N ? N : most_n) * lanes];
    double along[most_lm * lanes], across[most_lm * lanes];
    Directions directions;
    for (std::size_t s = 0; s < n_species; ++s) {
        const double* b = dl_dc + s * size;
        for (std::size_t j = first[s]; j < first[s + 1]; j += lanes) {
            const std::size_t here = first[s + 1] - j < lanes ? first[s + 1] - j : lanes;
            directions.set(xyz + 3 * j, here);
            radial_batch<N>(table, here, directions.r, h, slope);
            for (std::size_t l = 0; l < L; ++l) {
                for (std::size_t lm = l * l; lm < (l + 1) * (l + 1); ++lm) {
                    auto f = Row<lanes>::zero(), g = Row<lanes>::zero();
                    for (std::size_t n = 0; n < np; ++n) {
                        const double value = b[lm * np + n];
                        f.add(value, Row<lanes>::load(slope + (l * np + n) * lanes));
                        g.add(value, Row<lanes>::load(h + (l * np + n) * lanes));
                    }
                    f.store(along + lm * lanes);
                    g.store(across + lm * lanes);
                }
            }
            double radial[lanes], gradient[3][lanes];
            harmonics_back(table.l_max, table.legendre, directions.unit[0], directions.unit[1],
                           directions.unit[2], along, across, radial, gradient[0], gradient[1],
                           gradient[2]);
            if (dl_dself) self_slopes(table, np, dl_dself + s * L * np * np, h, slope, radial);
            for (std::size_t k = 0; k < here; ++k) {
                double inward = 0;
                for (std::size_t x = 0; x < 3; ++x)
                    inward += directions.unit[x][k] * gradient[x][k];
                for (std::size_t x = 0; x < 3; ++x) {
                    const double u = directions.unit[x][k];
                    dl_dxyz[3 * (j + k) + x] =
                        radial[k] * u + (gradient[x][k] - u * inward) / directions.r[k];
                }
            }
        }
    }
}

}  // namespace

void harmonics(std::size_t l_max, const double* legendre, const double* x, const double* y,
               const double* z, double* out) {
    harmonics_batch(l_max, legendre, x, y, z, lanes, out);
}

void expand(const RadialTableView& table, std::size_t n_species, const std::size_t* first,
            const double* xyz, double* c) {
    GLASSNMR_PADDED(expand_padded, table.n_pad, table, n_species, first, xyz, c)
}

void ordered(std::size_t n_channels, std::size_t n_max, std::size_t n_pad, std::size_t n_lm,
             const double* c, double* out) {
    const std::size_t blocked_n = n_lm < 4 ? 0 : n_max - n_max % 4;
    for (std::size_t a = 0; a < n_channels; ++a, c += n_lm * n_pad, out += n_max * n_lm) {
        for (std::size_t lm = 0; blocked_n > 0 && lm < n_lm; lm += 4) {
            const std::size_t at = lm + 4 <= n_lm ? lm : n_lm - 4;  // the last ones once more
            transpose(4, blocked_n, c + at * n_pad, n_pad, out + at, n_lm);
        }
        for (std::size_t n = blocked_n; n < n_max; ++n) {
            for (std::size_t lm = 0; lm < n_lm; ++lm) out[n * n_lm + lm] = c[lm * n_pad + n];
        }
    }
}

void expand_back(const RadialTableView& table, std::size_t n_species, const std::size_t* first,
                 const double* xyz, const double* dl_dc, const double* dl_dself, double* dl_dxyz) {
    GLASSNMR_PADDED(expand_back_padded, table.n_pad, table, n_species, first, xyz, dl_dc, dl_dself,
                    dl_dxyz)
}

void self_terms(const RadialTableView& table, std::size_t n_species, const std::size_t* first,
                const double* xyz, double* z) {
    const std::size_t L = table.l_max + 1, np = table.n_pad, size = L * np * np;
    double h[most_n];
    for (std::size_t k = 0; k < n_species * size; ++k) z[k] = 0;
    for (std::size_t s = 0; s < n_species; ++s) {
        for (std::size_t j = first[s]; j < first[s + 1]; ++j) {
            const double* d = xyz + 3 * j;
            const Place place =
                Place::of(table, __builtin_sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]));
            for (std::size_t l = 0; l < L; ++l) {
                radial_values(place.coefficients + l * (degree + 1) * np, place.t, np, h);
                double* to = z + s * size + l * np * np;
                for (std::size_t n1 = 0; n1 < table.n_max; ++n1) {
                    for (std::size_t n2 = 0; n2 < np; ++n2) to[n1 * np + n2] += h[n1] * h[n2];
                }
            }
        }
    }
}

}  // namespace glassnmr::GLASSNMR_LEVEL
