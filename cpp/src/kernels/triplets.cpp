// SPDX-License-Identifier: BSD-3-Clause
// Functions of one neighbour and of pairs of neighbours, and the way back from their derivatives:
// THEORY.md sections 6.2 and 6.3.
#include "kernels/level.hpp"
//
#include "kernels/chebyshev.hpp"
#include "kernels/scratch.hpp"
#include "kernels/sides.hpp"
#include "kernels/triplets.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

namespace {

using V = Row<lanes>;

inline double sum(const V& v) {
    double x[lanes];
    v.store(x);
    return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

/// Functions of one neighbour and their derivatives by the squared distance.
template <bool Slopes>
void pair_functions(const PairTable& table, const double* q, double* value, double* slope) {
    if (!table.chebyshev) {
        side_functions<Slopes>(table.n, table.sides, table.cutoff, q, lanes, value, slope);
        return;
    }
    double r[lanes], x[lanes], fall[lanes], change[lanes], inner[lanes];
    cutoffs(table.cutoff, q, fall, change);
    roots(q, r);
    for (std::size_t k = 0; k < lanes; ++k) x[k] = 2 * r[k] / table.cutoff - 1;
    for (std::size_t k = 0; k < lanes; ++k) inner[k] = fall[k] / (table.cutoff * r[k]);
    chebyshev<Slopes>(table.n, V::load(x), value, slope);
    for (std::size_t n = 0; n < table.n; ++n) {
        const V t = V::load(value + n * lanes);
        if constexpr (Slopes) {
            const V d = V::load(slope + n * lanes) * V::load(inner) + t * V::load(change);
            d.store(slope + n * lanes);
        }
        (t * V::load(fall)).store(value + n * lanes);
    }
}

/// Squared lengths of `here` vectors; what is missing lies at the cutoff and counts nothing.
inline void squares(const double* xyz, std::size_t here, double cutoff, double* q) {
    for (std::size_t k = 0; k < lanes; ++k) q[k] = cutoff * cutoff;
    for (std::size_t k = 0; k < here; ++k) {
        const double* d = xyz + 3 * k;
        q[k] = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
    }
}

/// Neighbours inside the cutoff of the triplets, species after species, each field an array. Every
/// species ends with at least `lanes` places that count nothing, so that whole vectors may start
/// anywhere.
class Neighbours {
public:
    template <bool Slopes>
    void fill(const TripletTable& table, std::size_t n_species, const std::size_t* species,
              const double* xyz);

    Neighbours(std::size_t n_sides, std::size_t n_species, std::size_t n)
        : stride_(n + (2 * n_species + 1) * lanes),
          values_((11 + 2 * n_sides) * stride_),
          index_(stride_),
          first_(n_species),
          count_(n_species),
          n_sides_(n_sides) {}

    double* x(std::size_t axis) const { return field(axis); }
    double* unit(std::size_t axis) const { return field(3 + axis); }
    double* square() const { return field(6); }
    double* inverse() const { return field(7); }  ///< 1 / r
    double* force(std::size_t axis) const { return field(8 + axis); }
    double* side(std::size_t w) const { return field(11 + w); }
    double* slope(std::size_t w) const { return field(11 + n_sides_ + w); }
    std::size_t stride() const { return stride_; }
    std::size_t first(std::size_t s) const { return first_.data()[s]; }
    std::size_t count(std::size_t s) const { return count_.data()[s]; }
    std::size_t index(std::size_t k) const { return index_.data()[k]; }  ///< of those given

private:
    double* field(std::size_t k) const { return values_.data() + k * stride_; }

    std::size_t stride_;
    Scratch<double> values_;
    Scratch<std::size_t> index_, first_, count_;
    std::size_t n_sides_;
};

template <bool Slopes>
void Neighbours::fill(const TripletTable& table, std::size_t n_species, const std::size_t* species,
                      const double* xyz) {
    const double range = table.cutoff * table.cutoff;
    std::size_t to = 0;
    for (std::size_t s = 0; s < n_species; ++s) {
        first_.data()[s] = to;
        for (std::size_t j = species[s]; j < species[s + 1]; ++j) {
            const double* d = xyz + 3 * j;
            const double q = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
            if (!(q < range)) continue;
            for (std::size_t a = 0; a < 3; ++a) x(a)[to] = d[a];
            square()[to] = q;
            index_.data()[to++] = j;
        }
        count_.data()[s] = to - first_.data()[s];
        const std::size_t end = (to + 2 * lanes - 1) / lanes * lanes;
        for (; to < end; ++to) {
            for (std::size_t a = 0; a < 3; ++a) x(a)[to] = a == 0 ? table.cutoff : 0;
            square()[to] = range;
        }
    }
    for (std::size_t k = 0; k < to; k += lanes) {
        for (std::size_t i = k; i < k + lanes; ++i) inverse()[i] = 1 / __builtin_sqrt(square()[i]);
        for (std::size_t a = 0; a < 3; ++a) {
            for (std::size_t i = k; i < k + lanes; ++i) unit(a)[i] = x(a)[i] * inverse()[i];
            if (Slopes) V::zero().store(force(a) + k);
        }
        side_functions<Slopes>(table.n_sides, table.sides, table.cutoff, square() + k, stride_,
                               side(0) + k, slope(0) + k);
    }
}

/// base^exponent of `lanes` numbers times `start`.
inline V power(V base, std::uint32_t exponent, double start) {
    V result = all(start);
    for (;;) {
        if (exponent & 1) result = result * base;
        exponent >>= 1;
        if (exponent == 0) return result;
        base = base * base;
    }
}

/// Angle functions of eq. (6.33), their factor 2 included, or T_n, of `lanes` cosines, and their
/// derivatives.
template <bool Slopes>
inline void angle_functions(const TripletTable& table, const V& cosine, double* value,
                            double* slope) {
    if (table.chebyshev) {
        chebyshev<Slopes>(table.n_angles, cosine, value, slope);
        return;
    }
    for (std::size_t p = 0; p < table.n_angles; ++p) {
        const AngleFunction& f = table.angles[p];
        const V base = cosine * (0.5 * f.lambda) + all(0.5);
        if constexpr (Slopes) {
            const V low = power(base, f.zeta - 1, 1);
            (low * base * 2).store(value + p * lanes);
            (low * (f.lambda * f.zeta)).store(slope + p * lanes);
        } else {
            power(base, f.zeta, 2).store(value + p * lanes);
        }
    }
}

/// Calls body(pair, one, two) for each pair of species s <= t, `one` the species with fewer
/// neighbours.
template <class Body>
void for_species_pairs(const Neighbours& all_of, std::size_t n_species, const Body& body) {
    std::size_t pair = 0;
    for (std::size_t s = 0; s < n_species; ++s) {
        for (std::size_t t = s; t < n_species; ++t, ++pair) {
            if (all_of.count(s) <= all_of.count(t)) {
                body(pair, s, t);
            } else {
                body(pair, t, s);
            }
        }
    }
}

/// Where the second neighbours of neighbour j start and how many there are.
struct Partners {
    std::size_t begin, end;

    static Partners of(const Neighbours& all_of, std::size_t one, std::size_t two, std::size_t j) {
        const std::size_t begin = one == two ? j + 1 : all_of.first(two);
        return {begin, all_of.first(two) + all_of.count(two)};
    }
};

/// Cosines of the angles between neighbour j and those from k on.
inline V cosines(const Neighbours& n, std::size_t j, std::size_t k) {
    V c = V::load(n.unit(0) + k) * n.unit(0)[j];
    c.add(n.unit(1)[j], V::load(n.unit(1) + k));
    c.add(n.unit(2)[j], V::load(n.unit(2) + k));
    return c;
}

/// Squared distances between neighbour j and those from k on.
inline void between(const Neighbours& n, std::size_t j, std::size_t k, double* q) {
    V sum2 = V::zero();
    for (std::size_t a = 0; a < 3; ++a) {
        const V d = V::load(n.x(a) + k) - all(n.x(a)[j]);
        sum2.add(d, d);
    }
    sum2.store(q);
}

/// total[f] += rho times the angle function of f, for the functions that have rho for their sides.
inline void add_functions(std::size_t begin, std::size_t end, const std::uint32_t* angle_of,
                          const V rho, const double* angle, double* total) {
    for (std::size_t f = begin; f < end; ++f) {
        V now = V::load(total + f * lanes);
        now.add(rho, V::load(angle + angle_of[f] * lanes));
        now.store(total + f * lanes);
    }
}

}  // namespace

void pair_sums(const PairTable& table, std::size_t n_species, const std::size_t* first,
               const double* xyz, double* out) {
    const Scratch<double> value(2 * table.n * lanes);
    double q[lanes], *total = value.data() + table.n * lanes;
    for (std::size_t s = 0; s < n_species; ++s) {
        for (std::size_t k = 0; k < table.n * lanes; ++k) total[k] = 0;
        for (std::size_t j = first[s]; j < first[s + 1]; j += lanes) {
            const std::size_t left = first[s + 1] - j;
            squares(xyz + 3 * j, left < lanes ? left : lanes, table.cutoff, q);
            pair_functions<false>(table, q, value.data(), nullptr);
            for (std::size_t k = 0; k < table.n * lanes; ++k) total[k] += value.data()[k];
        }
        for (std::size_t n = 0; n < table.n; ++n)
            out[s * table.n + n] = sum(V::load(total + n * lanes));
    }
}

void pair_sums_back(const PairTable& table, std::size_t n_species, const std::size_t* first,
                    const double* xyz, const double* dl_dout, double* dl_dxyz) {
    const Scratch<double> value(2 * table.n * lanes);
    double q[lanes], force[lanes], *slope = value.data() + table.n * lanes;
    for (std::size_t s = 0; s < n_species; ++s) {
        for (std::size_t j = first[s]; j < first[s + 1]; j += lanes) {
            const std::size_t left = first[s + 1] - j, here = left < lanes ? left : lanes;
            squares(xyz + 3 * j, here, table.cutoff, q);
            pair_functions<true>(table, q, value.data(), slope);
            V by_square = V::zero();
            for (std::size_t n = 0; n < table.n; ++n)
                by_square.add(dl_dout[s * table.n + n], V::load(slope + n * lanes));
            by_square.store(force);
            for (std::size_t k = 0; k < 3 * here; ++k)
                dl_dxyz[3 * j + k] = 2 * force[k / 3] * xyz[3 * j + k];
        }
    }
}

void triplet_sums(const TripletTable& table, std::size_t n_species, const std::size_t* species,
                  const double* xyz, double* out) {
    const std::size_t W = table.n_sides, F = table.first[W];
    Neighbours n(W, n_species, species[n_species]);
    n.fill<false>(table, n_species, species, xyz);
    const Scratch<double> scratch((F + table.n_angles + W) * lanes);
    double *const total = scratch.data(), *const angle = total + F * lanes,
                  *const third = angle + table.n_angles * lanes;
    const std::size_t* const first = table.first;
    const std::uint32_t *const angle_of = table.angle, *const place = table.place;
    for_species_pairs(n, n_species, [&](std::size_t pair, std::size_t one, std::size_t two) {
        if (n.count(one) == 0) {
            for (std::size_t f = 0; f < F; ++f) out[pair * table.stride + place[f]] = 0;
            return;
        }
        for (std::size_t k = 0; k < F * lanes; ++k) total[k] = 0;
        for (std::size_t j = n.first(one); j < n.first(one) + n.count(one); ++j) {
            const Partners partners = Partners::of(n, one, two, j);
            for (std::size_t k = partners.begin; k < partners.end; k += lanes) {
                if (table.third) {
                    double q[lanes];
                    between(n, j, k, q);
                    side_functions<false>(W, table.sides, table.cutoff, q, lanes, third, nullptr);
                }
                angle_functions<false>(table, cosines(n, j, k), angle, nullptr);
                for (std::size_t w = 0; w < W; ++w) {
                    V rho = V::load(n.side(w) + k) * n.side(w)[j];
                    if (table.third) rho = rho * V::load(third + w * lanes);
                    add_functions(first[w], first[w + 1], angle_of, rho, angle, total);
                }
            }
        }
        for (std::size_t f = 0; f < F; ++f)
            out[pair * table.stride + place[f]] = sum(V::load(total + f * lanes));
    });
}

namespace {

/// Derivatives of the sum over one batch of pairs: by the cosine and by the squared sides.
struct Slopes {
    V cosine = V::zero(), first = V::zero(), second = V::zero(), third = V::zero();
};

/// Memory of the way back.
struct Batch {
    double *angle, *bend, *third, *third_slope, *weight;
};

inline Slopes slopes_of(const TripletTable& table, const Neighbours& n, const Batch& b,
                        std::size_t j, std::size_t k, const V& cosine) {
    angle_functions<true>(table, cosine, b.angle, b.bend);
    if (table.third) {
        double q[lanes];
        between(n, j, k, q);
        side_functions<true>(table.n_sides, table.sides, table.cutoff, q, lanes, b.third,
                             b.third_slope);
    }
    Slopes total;
    for (std::size_t w = 0; w < table.n_sides; ++w) {
        V value = V::zero(), bend = V::zero();
        for (std::size_t f = table.first[w]; f < table.first[w + 1]; ++f) {
            value.add(b.weight[f], V::load(b.angle + table.angle[f] * lanes));
            bend.add(b.weight[f], V::load(b.bend + table.angle[f] * lanes));
        }
        const V side = V::load(n.side(w) + k), slope = V::load(n.slope(w) + k);
        V near = side;
        if (table.third) {
            const V opposite = V::load(b.third + w * lanes);
            total.third.add(value * n.side(w)[j], side * V::load(b.third_slope + w * lanes));
            near = side * opposite;
            value = value * opposite;
            total.first.add(value * n.slope(w)[j], side);
        } else {
            total.first.add(value * n.slope(w)[j], side);
        }
        total.cosine.add(bend * n.side(w)[j], near);
        total.second.add(value * n.side(w)[j], slope);
    }
    return total;
}

}  // namespace

void triplet_sums_back(const TripletTable& table, std::size_t n_species, const std::size_t* species,
                       const double* xyz, const double* dl_dout, double* dl_dxyz) {
    const std::size_t W = table.n_sides, F = table.first[W], A = table.n_angles;
    Neighbours n(W, n_species, species[n_species]);
    n.fill<true>(table, n_species, species, xyz);
    const Scratch<double> scratch((2 * A + 2 * W) * lanes + F);
    double* const memory = scratch.data();
    const Batch batch{memory, memory + A * lanes, memory + 2 * A * lanes,
                      memory + (2 * A + W) * lanes, memory + (2 * A + 2 * W) * lanes};
    for_species_pairs(n, n_species, [&](std::size_t pair, std::size_t one, std::size_t two) {
        for (std::size_t f = 0; f < F; ++f)
            batch.weight[f] = dl_dout[pair * table.stride + table.place[f]];
        for (std::size_t j = n.first(one); j < n.first(one) + n.count(one); ++j) {
            const Partners partners = Partners::of(n, one, two, j);
            const double inverse = n.inverse()[j];
            V along = V::zero(), across[3] = {V::zero(), V::zero(), V::zero()};
            for (std::size_t k = partners.begin; k < partners.end; k += lanes) {
                const V cosine = cosines(n, j, k), other = V::load(n.inverse() + k);
                const Slopes s = slopes_of(table, n, batch, j, k, cosine);
                // eq. (6.35): own and mixed coefficients of the two vectors
                const V bend = s.cosine * cosine, opposite = s.third * 2;
                along = along + (s.first * 2 - bend * (inverse * inverse) + opposite);
                const V back = s.second * 2 - bend * (other * other) + opposite;
                const V mixed = s.cosine * (other * inverse) - opposite;
                for (std::size_t a = 0; a < 3; ++a) {
                    const V x = V::load(n.x(a) + k);
                    across[a].add(mixed, x);
                    V force = V::load(n.force(a) + k);
                    force.add(back, x);
                    force.add(n.x(a)[j], mixed);
                    force.store(n.force(a) + k);
                }
            }
            for (std::size_t a = 0; a < 3; ++a)
                n.force(a)[j] += sum(along) * n.x(a)[j] + sum(across[a]);
        }
    });
    for (std::size_t s = 0; s < n_species; ++s) {
        for (std::size_t k = n.first(s); k < n.first(s) + n.count(s); ++k) {
            for (std::size_t a = 0; a < 3; ++a) dl_dxyz[3 * n.index(k) + a] += n.force(a)[k];
        }
    }
}

}  // namespace glassnmr::GLASSNMR_LEVEL
