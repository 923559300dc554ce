// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <string>
#include <vector>

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

/// One kernel of a sum: that of the columns first .. last of the rows, with a weight.
struct KernelTerm {
    static constexpr std::size_t all = static_cast<std::size_t>(-1);

    Kernel kernel;
    double weight = 1;  ///< > 0
    std::size_t first = 0;
    std::size_t last = all;  ///< all: to the end of the row
};

/// THEORY.md eq. (7.6): a sum of kernels, each of a part of the row; one kernel of the whole row is
/// the plain case.
struct GLASSNMR_API KernelSum {
    KernelSum(const Kernel& kernel = {});  // NOLINT: a kernel is a sum of one
    explicit KernelSum(std::vector<KernelTerm> terms);
    KernelSum(const KernelSum&);
    KernelSum(KernelSum&&) noexcept;
    KernelSum& operator=(const KernelSum&);
    KernelSum& operator=(KernelSum&&) noexcept;
    ~KernelSum();

    std::vector<KernelTerm> terms;
};

/// Throws std::invalid_argument for a parameter out of range, and for columns beyond d where d is
/// given.
GLASSNMR_API void check_kernel(const KernelSum& kernel, std::size_t d = KernelTerm::all);

/// |x_i|^2 of each row of X (n, d).
GLASSNMR_API void squared_norms(std::size_t n, std::size_t d, const double* X, double* out,
                                int n_threads = 0);

/// K(x_i, y_j), out (n, m), for rows of X (n, d) and Y (m, d). Same bits for any number of threads.
GLASSNMR_API void kernel_matrix(const KernelSum& kernel, std::size_t n, std::size_t m,
                                std::size_t d, const double* X, const double* Y, double* out,
                                int n_threads = 0);

/// K(x_i, x_j), out (n, n): exactly symmetric, with the exact diagonal.
GLASSNMR_API void kernel_matrix(const KernelSum& kernel, std::size_t n, std::size_t d,
                                const double* X, double* out, int n_threads = 0);

/// K(x_i, x_i), out (n).
GLASSNMR_API void kernel_diagonal(const KernelSum& kernel, std::size_t n, std::size_t d,
                                  const double* X, double* out, int n_threads = 0);

/// |x_i - x_j|^2, out (n, n), THEORY.md eq. (7.2): exactly symmetric, not negative, zero on the
/// diagonal.
GLASSNMR_API void squared_distances(std::size_t n, std::size_t d, const double* X, double* out,
                                    int n_threads = 0);

/// exp(-kappa d2) in place over n numbers, eq. (7.1): many kappa from one matrix of squared
/// distances.
GLASSNMR_API void gaussian_from_distances(double kappa, std::size_t n, double* d2,
                                          int n_threads = 0);

}  // namespace glassnmr
