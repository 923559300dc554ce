// SPDX-License-Identifier: BSD-3-Clause
// A fixed number of doubles that stay in vector registers, and small transpositions.
#pragma once

#include <cstddef>

namespace glassnmr::GLASSNMR_LEVEL {

// Vectors as wide as the level's registers: the compilers split wider ones through memory.
#if defined(__AVX512F__)
constexpr std::size_t widest = 8;
#elif defined(__AVX__)
constexpr std::size_t widest = 4;
#else
constexpr std::size_t widest = 2;
#endif

#if defined(__GNUC__)
template <std::size_t W>
struct PieceOf;
template <>
struct PieceOf<2> {
    typedef double type __attribute__((vector_size(16), aligned(8), may_alias));
};
template <>
struct PieceOf<4> {
    typedef double type __attribute__((vector_size(32), aligned(8), may_alias));
};
template <>
struct PieceOf<8> {
    typedef double type __attribute__((vector_size(64), aligned(8), may_alias));
};
template <std::size_t W>
using Piece = typename PieceOf<W>::type;
#else
/// What compilers without vector types make of it.
template <std::size_t W>
struct Piece {
    double x[W];
    Piece operator*(double s) const {
        Piece r = *this;
        for (double& v : r.x) v *= s;
        return r;
    }
    Piece operator*(const Piece& o) const {
        Piece r = *this;
        for (std::size_t k = 0; k < W; ++k) r.x[k] *= o.x[k];
        return r;
    }
    Piece operator+(const Piece& o) const {
        Piece r = *this;
        for (std::size_t k = 0; k < W; ++k) r.x[k] += o.x[k];
        return r;
    }
    Piece operator-(const Piece& o) const {
        Piece r = *this;
        for (std::size_t k = 0; k < W; ++k) r.x[k] -= o.x[k];
        return r;
    }
};
#endif

/// N doubles, N a multiple of 4: whole vectors whatever the optimiser thinks.
template <std::size_t N>
struct Row {
    static constexpr std::size_t width = N % widest == 0 ? widest : 4, count = N / width;
    using piece = Piece<width>;
    piece p[count];

    static Row zero() { return {}; }
    static Row load(const double* from) {
        Row r;
        for (std::size_t i = 0; i < count; ++i)
            r.p[i] = *reinterpret_cast<const piece*>(from + i * width);
        return r;
    }
    void store(double* to) const {
        for (std::size_t i = 0; i < count; ++i) *reinterpret_cast<piece*>(to + i * width) = p[i];
    }
    /// this += s * o
    void add(double s, const Row& o) {
        for (std::size_t i = 0; i < count; ++i) p[i] = p[i] + o.p[i] * s;
    }
    void add(const Row& s, const Row& o) {
        for (std::size_t i = 0; i < count; ++i) p[i] = p[i] + o.p[i] * s.p[i];
    }
    /// this = this * t + o
    void horner(double t, const Row& o) {
        for (std::size_t i = 0; i < count; ++i) p[i] = p[i] * t + o.p[i];
    }
    Row operator+(const Row& o) const {
        Row r;
        for (std::size_t i = 0; i < count; ++i) r.p[i] = p[i] + o.p[i];
        return r;
    }
    Row operator-(const Row& o) const {
        Row r;
        for (std::size_t i = 0; i < count; ++i) r.p[i] = p[i] - o.p[i];
        return r;
    }
    Row operator*(const Row& o) const {
        Row r;
        for (std::size_t i = 0; i < count; ++i) r.p[i] = p[i] * o.p[i];
        return r;
    }
    Row operator*(double s) const {
        Row r;
        for (std::size_t i = 0; i < count; ++i) r.p[i] = p[i] * s;
        return r;
    }
};

/// to[c][r] = from[r][c] of 4 rows and 4 columns.
static inline void transpose4(const double* from, std::size_t from_stride, double* to,
                              std::size_t to_stride) {
#if defined(__AVX__) && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define GLASSNMR_SHUFFLES
#endif
#endif
#if defined(GLASSNMR_SHUFFLES)
    using Four = Piece<4>;
    const Four a = *reinterpret_cast<const Four*>(from);
    const Four b = *reinterpret_cast<const Four*>(from + from_stride);
    const Four c = *reinterpret_cast<const Four*>(from + 2 * from_stride);
    const Four d = *reinterpret_cast<const Four*>(from + 3 * from_stride);
    const Four ab_even = __builtin_shufflevector(a, b, 0, 4, 2, 6);
    const Four ab_odd = __builtin_shufflevector(a, b, 1, 5, 3, 7);
    const Four cd_even = __builtin_shufflevector(c, d, 0, 4, 2, 6);
    const Four cd_odd = __builtin_shufflevector(c, d, 1, 5, 3, 7);
    *reinterpret_cast<Four*>(to) = __builtin_shufflevector(ab_even, cd_even, 0, 1, 4, 5);
    *reinterpret_cast<Four*>(to + to_stride) = __builtin_shufflevector(ab_odd, cd_odd, 0, 1, 4, 5);
    *reinterpret_cast<Four*>(to + 2 * to_stride) =
        __builtin_shufflevector(ab_even, cd_even, 2, 3, 6, 7);
    *reinterpret_cast<Four*>(to + 3 * to_stride) =
        __builtin_shufflevector(ab_odd, cd_odd, 2, 3, 6, 7);
#undef GLASSNMR_SHUFFLES
#else
    for (std::size_t r = 0; r < 4; ++r) {
        for (std::size_t c = 0; c < 4; ++c) to[c * to_stride + r] = from[r * from_stride + c];
    }
#endif
}

/// to[c][r] = from[r][c]; both numbers multiples of 4.
static inline void transpose(std::size_t rows, std::size_t columns, const double* from,
                             std::size_t from_stride, double* to, std::size_t to_stride) {
    for (std::size_t r = 0; r < rows; r += 4) {
        for (std::size_t c = 0; c < columns; c += 4)
            transpose4(from + r * from_stride + c, from_stride, to + c * to_stride + r, to_stride);
    }
}

}  // namespace glassnmr::GLASSNMR_LEVEL
