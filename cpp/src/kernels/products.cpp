// SPDX-License-Identifier: BSD-3-Clause
// Matrix products from panels: A is packed as panels of a few rows, B as panels of a few vectors of
// columns, and a tile of C stays in registers while one panel of each runs by (K. Goto, R. A. van
// de Geijn, ACM Trans. Math. Softw. 34 (2008) 12).
#include "kernels/level.hpp"
//
#include <Eigen/Core>

#include "kernels/products.hpp"
#include "kernels/scratch.hpp"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wignored-attributes"  // a vector type as a template argument
#endif

namespace glassnmr::GLASSNMR_LEVEL {

namespace {

template <class T>
using Vector = typename Eigen::internal::packet_traits<T>::type;
template <class T>
constexpr std::size_t lanes = Eigen::internal::unpacket_traits<Vector<T>>::size;

// A tile of rows x (columns * lanes) sums: they, a row of B and one number of A fit the registers.
constexpr std::size_t vectors = 3;
constexpr std::size_t tile_rows = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 8 : 4;
template <class T>
constexpr std::size_t tile_columns = vectors * lanes<T>;

constexpr std::size_t depth_block = 384;   // terms summed in registers; a panel of A then fits L1
constexpr std::size_t row_block = 96;      // rows of A packed at once: they fit L2
constexpr std::size_t column_block = 960;  // columns of B packed at once where nobody did before

std::size_t least(std::size_t a, std::size_t b) { return a < b ? a : b; }
std::size_t panels(std::size_t n, std::size_t width) { return (n + width - 1) / width; }

/// An operand as stored: number (i, k) of it lies at data[i * across + k * along].
struct Operand {
    const double* data;
    std::size_t across, along;
    const double* origin = nullptr;  ///< taken off: one number for each k
};

/// Whole vectors of contiguous rows, transposed, zero beyond `rows`; how much of the depth that
/// was.
template <std::size_t width>
std::size_t transpose_panel(const double* from, std::size_t ld, std::size_t rows, std::size_t depth,
                            double* to) {
    using namespace Eigen::internal;
    constexpr std::size_t step = lanes<double>;
    std::size_t k = 0;
    for (; k + step <= depth; k += step) {
        for (std::size_t r = 0; r < width; r += step) {
            PacketBlock<Vector<double>, static_cast<int>(step)> block;
            for (std::size_t i = 0; i < step; ++i) {
                block.packet[i] = r + i < rows ? ploadu<Vector<double>>(from + (r + i) * ld + k)
                                               : pset1<Vector<double>>(0.0);
            }
            ptranspose(block);
            for (std::size_t i = 0; i < step; ++i)
                pstoreu(to + (k + i) * width + r, block.packet[i]);
        }
    }
    return k;
}

/// Rows of an operand as one panel (depth, width), zero beyond `rows`.
template <class T, std::size_t width>
void pack_panel(const Operand& x, std::size_t rows, std::size_t depth, T* to) {
    std::size_t k = 0;
    if constexpr (sizeof(T) == sizeof(double) && width % lanes<double> == 0) {
        if (x.along == 1) k = transpose_panel<width>(x.data, x.across, rows, depth, to);
    }
    for (; k < depth; ++k) {
        const double* from = x.data + k * x.along;
        const double origin = x.origin ? x.origin[k] : 0;
        for (std::size_t i = 0; i < rows; ++i)
            to[k * width + i] = static_cast<T>(from[i * x.across] - origin);
        for (std::size_t i = rows; i < width; ++i) to[k * width + i] = 0;
    }
}

/// Rows first .. first + count of an operand as panels of `width`, one after the other.
template <class T, std::size_t width>
void pack_panels(const Operand& x, std::size_t count, std::size_t depth, T* to) {
    for (std::size_t i = 0; i < count; i += width) {
        const Operand part{x.data + i * x.across, x.across, x.along, x.origin};
        pack_panel<T, width>(part, least(width, count - i), depth, to + i * depth);
    }
}

/// out (tile_rows, tile_columns) = panel of A times panel of B.
template <class T>
void multiply_panels(std::size_t depth, const T* a, const T* b, T* out) {
    using namespace Eigen::internal;
    Vector<T> sum[tile_rows][vectors];
    for (auto& row : sum)
        for (auto& v : row) v = pset1<Vector<T>>(T(0));
    for (std::size_t k = 0; k < depth; ++k) {
        Vector<T> right[vectors];
        for (std::size_t v = 0; v < vectors; ++v)
            right[v] = ploadu<Vector<T>>(b + k * tile_columns<T> + v * lanes<T>);
        for (std::size_t i = 0; i < tile_rows; ++i) {
            const Vector<T> left = pset1<Vector<T>>(a[k * tile_rows + i]);
            for (std::size_t v = 0; v < vectors; ++v) sum[i][v] = pmadd(left, right[v], sum[i][v]);
        }
    }
    for (std::size_t i = 0; i < tile_rows; ++i)
        for (std::size_t v = 0; v < vectors; ++v)
            pstoreu(out + i * tile_columns<T> + v * lanes<T>, sum[i][v]);
}

/// C (rows, cols) = alpha * tile + beta C.
template <class T>
void write_tile(std::size_t rows, std::size_t cols, double alpha, const T* tile, double beta,
                double* c, std::size_t ldc) {
    for (std::size_t i = 0; i < rows; ++i) {
        const T* from = tile + i * tile_columns<T>;
        double* to = c + i * ldc;
        if (beta == 0) {
            for (std::size_t j = 0; j < cols; ++j) to[j] = alpha * static_cast<double>(from[j]);
        } else if (beta == 1) {
            for (std::size_t j = 0; j < cols; ++j) to[j] += alpha * static_cast<double>(from[j]);
        } else {
            for (std::size_t j = 0; j < cols; ++j)
                to[j] = beta * to[j] + alpha * static_cast<double>(from[j]);
        }
    }
}

/// C (m, n) = alpha A B^T + beta C for one block of the depth, with B (n, depth) packed.
template <class T>
void multiply_block(std::size_t m, std::size_t n, std::size_t depth, double alpha, const Operand& a,
                    const T* b, double beta, double* c, std::size_t ldc, T* scratch) {
    alignas(64) T tile[tile_rows * tile_columns<T>];
    for (std::size_t i0 = 0; i0 < m; i0 += row_block) {
        const std::size_t rows = least(row_block, m - i0);
        const Operand part{a.data + i0 * a.across, a.across, a.along, a.origin};
        pack_panels<T, tile_rows>(part, rows, depth, scratch);
        for (std::size_t j = 0; j < n; j += tile_columns<T>) {
            for (std::size_t i = 0; i < rows; i += tile_rows) {
                multiply_panels(depth, scratch + i * depth, b + j * depth, tile);
                write_tile(least(tile_rows, rows - i), least(tile_columns<T>, n - j), alpha, tile,
                           beta, c + (i0 + i) * ldc + j, ldc);
            }
        }
    }
}

std::size_t packed_rows(std::size_t m) {
    return panels(least(m, row_block), tile_rows) * tile_rows;
}

/// C = alpha A B^T + beta C for operands as they are stored.
void multiply(std::size_t m, std::size_t n, std::size_t k, double alpha, const Operand& a,
              const Operand& b, double beta, double* c, std::size_t ldc) {
    constexpr std::size_t width = tile_columns<double>;
    if (m == 0 || n == 0) return;
    if (k == 0) {
        for (std::size_t i = 0; i < m; ++i)
            for (std::size_t j = 0; j < n; ++j)
                c[i * ldc + j] = beta == 0 ? 0 : beta * c[i * ldc + j];
        return;
    }
    const std::size_t depth_most = least(k, depth_block);
    const Scratch<double> left(packed_rows(m) * depth_most);
    const Scratch<double> right(panels(least(n, column_block), width) * width * depth_most);
    for (std::size_t j0 = 0; j0 < n; j0 += column_block) {
        const std::size_t cols = least(column_block, n - j0);
        for (std::size_t k0 = 0; k0 < k; k0 += depth_block) {
            const std::size_t depth = least(depth_block, k - k0);
            const Operand rows{a.data + k0 * a.along, a.across, a.along};
            const Operand columns{b.data + j0 * b.across + k0 * b.along, b.across, b.along};
            pack_panels<double, width>(columns, cols, depth, right.data());
            multiply_block(m, cols, depth, alpha, rows, right.data(), k0 ? 1 : beta, c + j0, ldc,
                           left.data());
        }
    }
}

template <class T>
std::size_t size_packed(std::size_t n, std::size_t k) {
    return panels(n, tile_columns<T>) * tile_columns<T> * k;
}

/// Blocks of the depth one after the other, each a row of panels.
template <class T>
void pack_all(std::size_t n, std::size_t k, const Operand& b, std::size_t first, std::size_t count,
              T* packed) {
    const std::size_t whole = panels(n, tile_columns<T>) * tile_columns<T>;
    for (std::size_t k0 = 0; k0 < k; k0 += depth_block) {
        const std::size_t depth = least(depth_block, k - k0);
        const Operand part{b.data + first * b.across + k0, b.across, 1,
                           b.origin ? b.origin + k0 : nullptr};
        pack_panels<T, tile_columns<T>>(part, count, depth, packed + whole * k0 + first * depth);
    }
}

template <class T>
void multiply_packed(std::size_t m, std::size_t k, double alpha, const Operand& a, std::size_t n,
                     const T* packed, std::size_t first, std::size_t count, double beta, double* c,
                     std::size_t ldc) {
    const std::size_t whole = panels(n, tile_columns<T>) * tile_columns<T>;
    const Scratch<T> scratch(packed_rows(m) * least(k, depth_block));
    for (std::size_t k0 = 0; k0 < k; k0 += depth_block) {
        const std::size_t depth = least(depth_block, k - k0);
        const Operand part{a.data + k0, a.across, 1, a.origin ? a.origin + k0 : nullptr};
        multiply_block(m, count, depth, alpha, part, packed + whole * k0 + first * depth,
                       k0 ? 1 : beta, c, ldc, scratch.data());
    }
}

}  // namespace

double dot(std::size_t n, const double* a, const double* b) {
    constexpr std::size_t width = 8;
    double part[width] = {};
    std::size_t k = 0;
    for (; k + width <= n; k += width) {
        for (std::size_t j = 0; j < width; ++j) part[j] += a[k + j] * b[k + j];
    }
    for (std::size_t j = 0; k < n; ++k, ++j) part[j] += a[k] * b[k];
    return ((part[0] + part[4]) + (part[2] + part[6])) +
           ((part[1] + part[5]) + (part[3] + part[7]));
}

void axpy(std::size_t n, double a, const double* x, double* y) {
    for (std::size_t k = 0; k < n; ++k) y[k] += a * x[k];
}

void gemm_nt(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
             std::size_t lda, const double* b, std::size_t ldb, double beta, double* c,
             std::size_t ldc) {
    multiply(m, n, k, alpha, {a, lda, 1}, {b, ldb, 1}, beta, c, ldc);
}

void gemm_nn(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
             std::size_t lda, const double* b, std::size_t ldb, double beta, double* c,
             std::size_t ldc) {
    multiply(m, n, k, alpha, {a, lda, 1}, {b, 1, ldb}, beta, c, ldc);
}

void gemm_tn(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
             std::size_t lda, const double* b, std::size_t ldb, double beta, double* c,
             std::size_t ldc) {
    multiply(m, n, k, alpha, {a, 1, lda}, {b, 1, ldb}, beta, c, ldc);
}

std::size_t packed_size(std::size_t n, std::size_t k) { return size_packed<double>(n, k); }

void pack(std::size_t n, std::size_t k, const double* b, std::size_t ldb, std::size_t first,
          std::size_t count, double* packed) {
    pack_all(n, k, {b, ldb, 1}, first, count, packed);
}

void gemm_packed(std::size_t m, std::size_t k, double alpha, const double* a, std::size_t lda,
                 std::size_t n, const double* packed, std::size_t first, std::size_t count,
                 double beta, double* c, std::size_t ldc) {
    multiply_packed(m, k, alpha, {a, lda, 1}, n, packed, first, count, beta, c, ldc);
}

std::size_t packed_size_single(std::size_t n, std::size_t k) { return size_packed<float>(n, k); }

void pack_single(std::size_t n, std::size_t k, const double* b, std::size_t ldb,
                 const double* origin, std::size_t first, std::size_t count, float* packed) {
    pack_all(n, k, {b, ldb, 1, origin}, first, count, packed);
}

void gemm_packed_single(std::size_t m, std::size_t k, const double* a, std::size_t lda,
                        const double* origin, std::size_t n, const float* packed, std::size_t first,
                        std::size_t count, double* c, std::size_t ldc) {
    multiply_packed(m, k, 1, {a, lda, 1, origin}, n, packed, first, count, 0, c, ldc);
}

void norms_single(std::size_t n, std::size_t k, const double* x, std::size_t ldx,
                  const double* origin, double* out) {
    constexpr std::size_t width = 16;
    for (std::size_t i = 0; i < n; ++i) {
        const double* row = x + i * ldx;
        double part[width] = {};
        const auto add = [&](std::size_t j, std::size_t at) {
            const auto value = static_cast<double>(static_cast<float>(row[j] - origin[j]));
            part[at] += value * value;
        };
        std::size_t j = 0;
        for (; j + width <= k; j += width) {
            for (std::size_t at = 0; at < width; ++at) add(j + at, at);
        }
        for (std::size_t at = 0; j < k; ++j, ++at) add(j, at);
        for (std::size_t half = width / 2; half > 0; half /= 2) {
            for (std::size_t at = 0; at < half; ++at) part[at] += part[at + half];
        }
        out[i] = part[0];
    }
}

}  // namespace glassnmr::GLASSNMR_LEVEL
