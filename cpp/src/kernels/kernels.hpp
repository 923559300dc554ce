// SPDX-License-Identifier: BSD-3-Clause
// The hot loops of the core behind one table of function pointers, filled once for the instruction
// level in use.
//
// Every file of this folder is compiled once for each level (x86-64, x86-64-v3, x86-64-v4, or
// `baseline` elsewhere). So that no function compiled for one level can be linked into another:
// include "kernels/level.hpp" first, put everything into namespace glassnmr::GLASSNMR_LEVEL, use
// raw pointers and sizes, no standard containers, no exceptions, no threads. Memory, threads and
// errors belong to the callers in cpp/src.
#pragma once

#include <cstddef>
#include <cstdint>

namespace glassnmr {

struct RadialTableView;
struct Kernel;

/// n points `first`, `first + 1 / per_step`, ...; rows of `stride` >= n + 1 values, as a line that
/// ends exactly on the last point writes a zero behind it.
struct LineGrid {
    double first, per_step;
    std::size_t n, stride;
};

/// Lines of the central transition in n_cells cells of s(eta), evenly from 0 to 1, THEORY.md eq.
/// (12.8). A cell holds two rows, for its lower and upper end: n_intervals + 1 rising nodes of -u,
/// and the mass between neighbours. mean[cell][3]: the mean of the line interpolated at t in [0, 1]
/// inside the cell, as a polynomial in t.
struct CentralTable {
    static constexpr std::size_t n_cells = 64, n_segments = 5, n_intervals = 256;
    const double *node, *mass, *mean;
};

struct Kernels {
    const char* level;

    /// Y_lm of eight unit vectors, THEORY.md eq. (4.2): out[lm][8].
    void (*harmonics)(std::size_t l_max, const double* legendre, const double* x, const double* y,
                      const double* z, double* out);

    /// Density coefficients of one centre, THEORY.md eq. (5.2): c[s][lm][n_pad] += sum_j h_nl(r_j)
    /// Y_lm(r_j). xyz: n vectors (3 doubles each), sorted so that species s holds [first[s],
    /// first[s+1]). c is zeroed here.
    void (*expand)(const RadialTableView& table, std::size_t n_species, const std::size_t* first,
                   const double* xyz, double* c);

    /// Power spectrum of one centre, THEORY.md eq. (6.3), from padded coefficients c[s][lm][n_pad];
    /// scale[l].
    void (*power_spectrum)(std::size_t n_species, std::size_t n_max, std::size_t n_pad,
                           std::size_t l_max, const double* scale, const double* c, double* p);

    /// One point for each site, THEORY.md eq. (12.10): out[component][stride] += weight; what lies
    /// beyond to outside.
    void (*isotropic_lines)(const LineGrid& grid, std::size_t n, const double* delta,
                            const double* weight, const std::int32_t* component, double* out,
                            double* outside);

    /// The tabulated line of each site, THEORY.md eq. (12.8) and (12.11); width scale * coupling^2.
    void (*central_lines)(const LineGrid& grid, const CentralTable& table, double scale,
                          std::size_t n, const double* delta, const double* coupling,
                          const double* eta, const double* weight, const std::int32_t* component,
                          double* out, double* outside);

    /// One site, orientation by orientation, THEORY.md eq. (12.9): x2 = cos^2 beta and y = cos 2
    /// alpha of each.
    void (*powder_line)(const LineGrid& grid, std::size_t n_orientations, const double* x2,
                        const double* y, double delta, double width, double eta, double weight,
                        double* out, double* outside);

    // Linear algebra. Row-major with leading dimensions unless it says columns.

    /// C = alpha A B^T + beta C with A (m, k), B (n, k).
    void (*gemm_nt)(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
                    std::size_t lda, const double* b, std::size_t ldb, double beta, double* c,
                    std::size_t ldc);

    /// C = alpha A B + beta C with A (m, k), B (k, n).
    void (*gemm_nn)(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
                    std::size_t lda, const double* b, std::size_t ldb, double beta, double* c,
                    std::size_t ldc);

    /// Dot products g (n, m) become kernel values, THEORY.md eq. (7.1)-(7.4); xx, yy: squared norms
    /// (Gaussian only).
    void (*kernel_values)(const Kernel& kernel, std::size_t n, std::size_t m, const double* xx,
                          const double* yy, double* g, std::size_t ldg);

    /// Squared distances become exp(-kappa d2), eq. (7.1).
    void (*kernel_from_distances)(double kappa, std::size_t n, double* d2);

    double (*dot)(std::size_t n, const double* a, const double* b);
    void (*axpy)(std::size_t n, double a, const double* x, double* y);  ///< y += a x

    /// Lower Cholesky factor in place; the column where it fails, or n.
    std::size_t (*cholesky)(std::size_t n, double* a, std::size_t lda);

    /// B <- L^-1 B, or L^-T B, with B (n, n_rhs).
    void (*solve_lower)(std::size_t n, const double* l, std::size_t ldl, bool transposed,
                        std::size_t n_rhs, double* b, std::size_t ldb);

    /// B <- R^-1 B; both column-major.
    void (*solve_upper)(std::size_t n, const double* r, std::size_t ldr, std::size_t n_rhs,
                        double* b, std::size_t ldb);

    /// Householder QR in place, column-major, rows >= cols; tau (cols).
    void (*qr)(std::size_t rows, std::size_t cols, double* a, std::size_t lda, double* tau);

    /// B <- Q B, or Q^T B, with the full Q of `qr`; column-major, B (rows, n_rhs).
    void (*apply_q)(std::size_t rows, std::size_t cols, const double* a, std::size_t lda,
                    const double* tau, bool transposed, std::size_t n_rhs, double* b,
                    std::size_t ldb);

    /// r = u diag(s) v^T, all (n, n) column-major, s descending; false when it does not converge.
    bool (*svd)(std::size_t n, const double* r, double* u, double* s, double* v);
};

/// The table of the level in use: the highest that this processor can run, or what GLASSNMR_LEVEL
/// names. Throws std::invalid_argument when GLASSNMR_LEVEL names a level that was not built or
/// cannot run here.
const Kernels& kernels();

}  // namespace glassnmr
