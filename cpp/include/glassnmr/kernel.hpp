// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <string>

namespace glassnmr {

/// THEORY.md section 7.
enum class KernelKind {
    gaussian,    ///< exp(-kappa |x - x'|^2), eq. (7.1)
    linear,      ///< x . x', eq. (7.3)
    polynomial,  ///< (x . x' + offset)^degree, eq. (7.4)
};

/// "gaussian", "linear" or "polynomial"; throws std::invalid_argument for another name.
GLASSNMR_API KernelKind kernel_kind(const std::string& name);
GLASSNMR_API const char* kernel_name(KernelKind kind);

/// A kernel and its parameters; each kind reads only its own.
struct Kernel {
    KernelKind kind = KernelKind::gaussian;
    double kappa = 1;   ///< > 0, in units of 1 / |x|^2
    int degree = 2;     ///< 1 to 16
    double offset = 1;  ///< >= 0
};

/// Throws std::invalid_argument for a parameter out of range.
GLASSNMR_API void check_kernel(const Kernel& kernel);

/// |x_i|^2 of each row of X (n, d).
GLASSNMR_API void squared_norms(std::size_t n, std::size_t d, const double* X, double* out,
                                int n_threads = 0);

/// K(x_i, y_j), out (n, m), for rows of X (n, d) and Y (m, d). Same bits for any number of threads.
GLASSNMR_API void kernel_matrix(const Kernel& kernel, std::size_t n, std::size_t m, std::size_t d,
                                const double* X, const double* Y, double* out, int n_threads = 0);

/// K(x_i, x_j), out (n, n): exactly symmetric, with the exact diagonal.
GLASSNMR_API void kernel_matrix(const Kernel& kernel, std::size_t n, std::size_t d, const double* X,
                                double* out, int n_threads = 0);

/// K(x_i, x_i), out (n).
GLASSNMR_API void kernel_diagonal(const Kernel& kernel, std::size_t n, std::size_t d,
                                  const double* X, double* out, int n_threads = 0);

/// |x_i - x_j|^2, out (n, n), THEORY.md eq. (7.2): exactly symmetric, not negative, zero on the
/// diagonal.
GLASSNMR_API void squared_distances(std::size_t n, std::size_t d, const double* X, double* out,
                                    int n_threads = 0);

/// exp(-kappa d2) in place over n numbers, eq. (7.1): many kappa from one matrix of squared
/// distances.
GLASSNMR_API void gaussian_from_distances(double kappa, std::size_t n, double* d2,
                                          int n_threads = 0);

/// Prediction of one block of rows, THEORY.md eq. (9.7): out (n, n_targets) = K(X, landmarks)
/// weights + bias.
///
/// On the calling thread, so that it can run inside a parallel loop beside the descriptor; nothing
/// is allocated. landmarks (m, d) with their squared norms (m), weights (m, n_targets), bias
/// (n_targets), scratch: kernel_predict_scratch(n, m) numbers. Arguments are not checked.
GLASSNMR_API void kernel_predict_block(const Kernel& kernel, std::size_t n, std::size_t m,
                                       std::size_t d, const double* X, const double* landmark_norms,
                                       const double* landmarks, std::size_t n_targets,
                                       const double* weights, const double* bias, double* scratch,
                                       double* out);

/// Numbers of scratch that kernel_predict_block needs.
inline constexpr std::size_t kernel_predict_scratch(std::size_t n, std::size_t m) {
    return n * (m + 1);
}

/// The same over any number of rows, threaded over fixed blocks; K is never held as a whole.
GLASSNMR_API void kernel_predict(const Kernel& kernel, std::size_t n, std::size_t m, std::size_t d,
                                 const double* X, const double* landmarks, std::size_t n_targets,
                                 const double* weights, const double* bias, double* out,
                                 int n_threads = 0);

}  // namespace glassnmr
