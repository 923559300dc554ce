// SPDX-License-Identifier: BSD-3-Clause
// Equivariants of one centre and the way back from their derivatives: THEORY.md section 6.4.
#include "kernels/level.hpp"
//
#include "kernels/couplings.hpp"
#include "kernels/padded.hpp"
#include "kernels/row.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

namespace {

inline std::size_t start(BlockShape shape, std::size_t n1) {
    return shape == BlockShape::full ? 0 : shape == BlockShape::upper ? n1 : n1 + 1;
}

inline std::size_t entries(BlockShape shape, std::size_t n_max) {
    if (shape == BlockShape::full) return n_max * n_max;
    return shape == BlockShape::upper ? n_max * (n_max + 1) / 2 : n_max * (n_max - 1) / 2;
}

/// Eq. (6.18): left[M][m2][n] of one channel.
void fill_left(const CouplingPlan& plan, const Coupling& coupling, const double* c, double* left) {
    const std::size_t np = plan.n_pad, size = plan.n_m * (2 * coupling.l2 + 1) * np;
    for (std::size_t k = 0; k < size; ++k) left[k] = 0;
    for (std::size_t t = coupling.first_term; t < coupling.last_term; ++t) {
        const CouplingTerm& term = plan.terms[t];
        const double* from = c + term.m1 * np;
        double* to = left + term.place * np;
        for (std::size_t n = 0; n < np; ++n) to[n] += term.value * from[n];
    }
}

/// One row of products for each n1: sum over Rows m2 of left[m2][n1] right[m2][n2].
template <std::size_t N, std::size_t Rows>
inline double* products(const double* left, const Row<N>* right, std::size_t n_max,
                        const CouplingBlock& block, double* p) {
    for (std::size_t n1 = 0; n1 < n_max; ++n1) {
        Row<N> sum = right[0] * left[n1];
        for (std::size_t m = 1; m < Rows; ++m) sum.add(left[m * N + n1], right[m]);
        if (block.shape == BlockShape::full && n_max == N) {
            (sum * block.off).store(p);
            p += N;
            continue;
        }
        double row[N];
        sum.store(row);
        for (std::size_t n2 = start(block.shape, n1); n2 < n_max; ++n2) {
            const bool diagonal = block.shape == BlockShape::upper && n1 == n2;
            *p++ = (diagonal ? block.scale : block.off) * row[n2];
        }
    }
    return p;
}

template <std::size_t N, std::size_t Rows>
void block_products(const CouplingPlan& plan, const double* left, const double* c2,
                    const CouplingBlock& block, double* p) {
    Row<N> right[Rows];
    for (std::size_t m = 0; m < Rows; ++m) right[m] = Row<N>::load(c2 + m * N);
    for (std::size_t M = 0; M < plan.n_m; ++M)
        products<N, Rows>(left + M * Rows * N, right, plan.n_max, block, p + M * plan.n_features);
}

/// Any number of radial functions and m2.
void any_products(const CouplingPlan& plan, std::size_t rows, const double* left, const double* c2,
                  const CouplingBlock& block, double* p) {
    const std::size_t np = plan.n_pad;
    double sum[most_n];
    for (std::size_t M = 0; M < plan.n_m; ++M) {
        double* to = p + M * plan.n_features;
        for (std::size_t n1 = 0; n1 < plan.n_max; ++n1) {
            for (std::size_t n = 0; n < np; ++n) sum[n] = 0;
            for (std::size_t m = 0; m < rows; ++m) {
                const double value = left[(M * rows + m) * np + n1];
                for (std::size_t n = 0; n < np; ++n) sum[n] += value * c2[m * np + n];
            }
            for (std::size_t n2 = start(block.shape, n1); n2 < plan.n_max; ++n2) {
                const bool diagonal = block.shape == BlockShape::upper && n1 == n2;
                *to++ = (diagonal ? block.scale : block.off) * sum[n2];
            }
        }
    }
}

template <std::size_t N>
void one_block(const CouplingPlan& plan, std::size_t rows, const double* left, const double* c2,
               const CouplingBlock& block, double* p) {
    if constexpr (N > 0) {
        switch (rows) {
            case 1:
                return block_products<N, 1>(plan, left, c2, block, p);
            case 3:
                return block_products<N, 3>(plan, left, c2, block, p);
            case 5:
                return block_products<N, 5>(plan, left, c2, block, p);
            case 7:
                return block_products<N, 7>(plan, left, c2, block, p);
            case 9:
                return block_products<N, 9>(plan, left, c2, block, p);
            default:
                break;
        }
    }
    any_products(plan, rows, left, c2, block, p);
}

template <std::size_t N>
void couple_padded(const CouplingPlan& plan, const double* c, double* left, double* p) {
    const std::size_t np = plan.n_pad, size = (plan.l_max + 1) * (plan.l_max + 1) * np;
    for (std::size_t k = 0; k < plan.n_couplings; ++k) {
        const Coupling& coupling = plan.couplings[k];
        const std::size_t l1 = coupling.l1, l2 = coupling.l2;
        for (std::size_t b = coupling.first_block; b < coupling.last_block; ++b) {
            const CouplingBlock& block = plan.blocks[b];
            if (b == coupling.first_block || block.a != plan.blocks[b - 1].a)
                fill_left(plan, coupling, c + block.a * size + l1 * l1 * np, left);
            one_block<N>(plan, 2 * l2 + 1, left, c + block.b * size + l2 * l2 * np, block, p);
            p += entries(block.shape, plan.n_max);
        }
    }
}

/// dL/dp of one block and component as a full matrix, the factors of eq. (6.19) in it, and its
/// transpose.
void unpack(const CouplingPlan& plan, const CouplingBlock& block, const double* dl_dp, double* g,
            double* turned) {
    const std::size_t np = plan.n_pad;
    for (std::size_t k = 0; k < np * np; ++k) g[k] = 0;
    for (std::size_t n1 = 0; n1 < plan.n_max; ++n1) {
        for (std::size_t n2 = start(block.shape, n1); n2 < plan.n_max; ++n2) {
            const bool diagonal = block.shape == BlockShape::upper && n1 == n2;
            g[n1 * np + n2] = (diagonal ? block.scale : block.off) * *dl_dp++;
        }
    }
    transpose(np, np, g, np, turned, np);
}

/// dleft += C2 G^T and dc2 += left G.
template <std::size_t N>
void block_back(std::size_t rows, std::size_t n_max, std::size_t n_pad, const double* left,
                const double* c2, const double* g, const double* turned, double* dleft,
                double* dc2) {
    const std::size_t np = N ? N : n_pad;
    for (std::size_t m = 0; m < rows; ++m, left += np, c2 += np, dleft += np, dc2 += np) {
        if constexpr (N > 0) {
            auto one = Row<N>::load(dleft), two = Row<N>::load(dc2);
            for (std::size_t n = 0; n < n_max; ++n) {
                one.add(c2[n], Row<N>::load(turned + n * N));
                two.add(left[n], Row<N>::load(g + n * N));
            }
            one.store(dleft);
            two.store(dc2);
        } else {
            for (std::size_t n1 = 0; n1 < n_max; ++n1) {
                for (std::size_t n = 0; n < np; ++n) {
                    dleft[n] += c2[n1] * turned[n1 * np + n];
                    dc2[n] += left[n1] * g[n1 * np + n];
                }
            }
        }
    }
}

template <std::size_t N>
void couple_back_padded(const CouplingPlan& plan, const double* c, const double* dl_dp,
                        double* scratch, double* dl_dc) {
    const std::size_t np = N ? N : plan.n_pad, size = (plan.l_max + 1) * (plan.l_max + 1) * np;
    double *left = scratch, *dleft = scratch + plan.n_m * (2 * plan.l_max + 1) * np;
    double g[(N ? N : most_n) * (N ? N : most_n)], turned[(N ? N : most_n) * (N ? N : most_n)];
    for (std::size_t k = 0; k < plan.n_couplings; ++k) {
        const Coupling& coupling = plan.couplings[k];
        const std::size_t l1 = coupling.l1, l2 = coupling.l2, rows = 2 * l2 + 1;
        for (std::size_t b = coupling.first_block; b < coupling.last_block; ++b) {
            const CouplingBlock& block = plan.blocks[b];
            const std::size_t one = block.a * size + l1 * l1 * np,
                              two = block.b * size + l2 * l2 * np;
            if (b == coupling.first_block || block.a != plan.blocks[b - 1].a) {
                fill_left(plan, coupling, c + one, left);
                for (std::size_t i = 0; i < plan.n_m * rows * np; ++i) dleft[i] = 0;
            }
            for (std::size_t M = 0; M < plan.n_m; ++M) {
                unpack(plan, block, dl_dp + M * plan.n_features, g, turned);
                block_back<N>(rows, plan.n_max, np, left + M * rows * np, c + two, g, turned,
                              dleft + M * rows * np, dl_dc + two);
            }
            if (b + 1 == coupling.last_block || block.a != plan.blocks[b + 1].a) {
                for (std::size_t t = coupling.first_term; t < coupling.last_term; ++t) {
                    const CouplingTerm& term = plan.terms[t];
                    double* to = dl_dc + one + term.m1 * np;
                    for (std::size_t n = 0; n < np; ++n)
                        to[n] += term.value * dleft[term.place * np + n];
                }
            }
            dl_dp += entries(block.shape, plan.n_max);
        }
    }
}

}  // namespace

void couple(const CouplingPlan& plan, const double* c, double* scratch, double* p) {
    GLASSNMR_PADDED(couple_padded, plan.n_pad, plan, c, scratch, p)
}

void couple_back(const CouplingPlan& plan, const double* c, const double* dl_dp, double* scratch,
                 double* dl_dc) {
    GLASSNMR_PADDED(couple_back_padded, plan.n_pad, plan, c, dl_dp, scratch, dl_dc)
}

}  // namespace glassnmr::GLASSNMR_LEVEL
