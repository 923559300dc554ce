// SPDX-License-Identifier: BSD-3-Clause
// Power spectrum of one centre, and the way back from its derivatives: THEORY.md section 6.
#include "kernels/level.hpp"
//
#include "kernels/padded.hpp"
#include "kernels/row.hpp"
#include "kernels/spectrum.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

namespace {

/// C1^T C2 of M rows each, which stay in registers: one row of N products for each n1.
template <std::size_t N, std::size_t M>
inline void products(const double* c1, const double* c2, std::size_t n_max, bool triangle,
                     double scale, double off, double* p) {
    Row<N> right[M];
    for (std::size_t m = 0; m < M; ++m) right[m] = Row<N>::load(c2 + m * N);
    for (std::size_t n1 = 0; n1 < n_max; ++n1) {
        Row<N> sum = right[0] * c1[n1];
        for (std::size_t m = 1; m < M; ++m) sum.add(c1[m * N + n1], right[m]);
        if (!triangle && n_max == N) {
            (sum * off).store(p);
            p += N;
            continue;
        }
        double row[N];
        sum.store(row);
        std::size_t n2 = triangle ? n1 : 0;
        if (triangle) *p++ = scale * row[n2++];
        for (; n2 < n_max; ++n2) *p++ = off * row[n2];
    }
}

/// One block of channels (a, b) and l: full n x n, or the triangle n2 >= n1.
template <std::size_t N>
inline double* spectrum_block(const double* c1, const double* c2, std::size_t n_m,
                              std::size_t n_max, std::size_t n_pad, bool triangle, double scale,
                              double off, double* p) {
    if constexpr (N > 0) {
        const std::size_t size = triangle ? n_max * (n_max + 1) / 2 : n_max * n_max;
        switch (n_m) {
            case 1:
                return products<N, 1>(c1, c2, n_max, triangle, scale, off, p), p + size;
            case 3:
                return products<N, 3>(c1, c2, n_max, triangle, scale, off, p), p + size;
            case 5:
                return products<N, 5>(c1, c2, n_max, triangle, scale, off, p), p + size;
            case 7:
                return products<N, 7>(c1, c2, n_max, triangle, scale, off, p), p + size;
            case 9:
                return products<N, 9>(c1, c2, n_max, triangle, scale, off, p), p + size;
            default:
                break;
        }
    }
    const std::size_t np = N ? N : n_pad;
    double row[N ? N : most_n];
    for (std::size_t n1 = 0; n1 < n_max; ++n1) {
        for (std::size_t n = 0; n < np; ++n) row[n] = 0;
        for (std::size_t m = 0; m < n_m; ++m) {
            const double value = c1[m * np + n1];
            const double* from = c2 + m * np;
            for (std::size_t n = 0; n < np; ++n) row[n] += value * from[n];
        }
        std::size_t n2 = triangle ? n1 : 0;
        if (triangle) *p++ = scale * row[n2++];
        for (; n2 < n_max; ++n2) *p++ = off * row[n2];
    }
    return p;
}

template <std::size_t N>
void spectrum_padded(std::size_t n_blocks, const SpectrumBlock* blocks, std::size_t n_max,
                     std::size_t n_pad, std::size_t l_max, const double* scale, const double* c,
                     double* p) {
    const std::size_t size = (l_max + 1) * (l_max + 1) * n_pad;
    for (std::size_t b = 0; b < n_blocks; ++b) {
        for (std::size_t l = 0; l <= l_max; ++l) {
            p = spectrum_block<N>(c + blocks[b].a * size + l * l * n_pad,
                                  c + blocks[b].b * size + l * l * n_pad, 2 * l + 1, n_max, n_pad,
                                  blocks[b].triangle, scale[l], scale[l] * blocks[b].weight, p);
        }
    }
}

/// b1 += C2 G^T and b2 += C1 G for the coefficients (n_m, N) of two channels.
template <std::size_t N>
inline void products_back(std::size_t n_m, std::size_t n_max, std::size_t np, const double* c1,
                          const double* c2, const double* g, const double* turned, double* b1,
                          double* b2) {
    for (std::size_t m = 0; m < n_m; ++m, c1 += np, c2 += np, b1 += np, b2 += np) {
        if constexpr (N > 0) {
            auto left = Row<N>::load(b1), right = Row<N>::zero();
            for (std::size_t n = 0; n < N; ++n) {
                left.add(c2[n], Row<N>::load(turned + n * N));
                right.add(c1[n], Row<N>::load(g + n * N));
            }
            left.store(b1);
            (right + Row<N>::load(b2)).store(b2);  // b1 and b2 may be one
        } else {
            for (std::size_t n1 = 0; n1 < n_max; ++n1) {
                for (std::size_t n = 0; n < np; ++n) b1[n] += c2[n1] * turned[n1 * np + n];
                for (std::size_t n = 0; n < np; ++n) b2[n] += c1[n1] * g[n1 * np + n];
            }
        }
    }
}

template <std::size_t N>
void spectrum_back_padded(std::size_t n_blocks, const SpectrumBlock* blocks, std::size_t n_max,
                          std::size_t n_pad, std::size_t l_max, const double* scale,
                          const double* c, const double* dl_dp, double* dl_dc) {
    const std::size_t np = N ? N : n_pad, size = (l_max + 1) * (l_max + 1) * np;
    // dL/dp of one block as a full matrix and transposed, the factors of eq. (6.3) in it.
    double g[(N ? N : most_n) * (N ? N : most_n)], turned[(N ? N : most_n) * (N ? N : most_n)];
    for (std::size_t k = 0; k < np * np; ++k) g[k] = 0;
    for (std::size_t block = 0; block < n_blocks; ++block) {
        const SpectrumBlock& pair = blocks[block];
        if (pair.triangle) {  // full blocks fill both halves
            for (std::size_t k = 0; k < np * np; ++k) g[k] = 0;
        }
        for (std::size_t l = 0; l <= l_max; ++l) {
            const double off = scale[l] * pair.weight;
            for (std::size_t n1 = 0; n1 < n_max; ++n1) {
                std::size_t n2 = pair.triangle ? n1 : 0;
                if (pair.triangle) g[n1 * np + n2++] = scale[l] * *dl_dp++;
                if (N > 0 && n2 == 0 && n_max == N) {
                    for (; n2 < N; ++n2) g[n1 * N + n2] = off * dl_dp[n2];
                    dl_dp += N;
                } else {
                    for (; n2 < n_max; ++n2) g[n1 * np + n2] = off * *dl_dp++;
                }
            }
            transpose(np, np, g, np, turned, np);
            const std::size_t one = pair.a * size + l * l * np, two = pair.b * size + l * l * np;
            products_back<N>(2 * l + 1, n_max, np, c + one, c + two, g, turned, dl_dc + one,
                             dl_dc + two);
        }
    }
}

}  // namespace

void power_spectrum(std::size_t n_blocks, const SpectrumBlock* blocks, std::size_t n_max,
                    std::size_t n_pad, std::size_t l_max, const double* scale, const double* c,
                    double* p) {
    GLASSNMR_PADDED(spectrum_padded, n_pad, n_blocks, blocks, n_max, n_pad, l_max, scale, c, p)
}

void power_spectrum_back(std::size_t n_blocks, const SpectrumBlock* blocks, std::size_t n_max,
                         std::size_t n_pad, std::size_t l_max, const double* scale, const double* c,
                         const double* dl_dp, double* dl_dc) {
    GLASSNMR_PADDED(spectrum_back_padded, n_pad, n_blocks, blocks, n_max, n_pad, l_max, scale, c,
                    dl_dp, dl_dc)
}

}  // namespace glassnmr::GLASSNMR_LEVEL
