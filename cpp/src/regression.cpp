// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/regression.hpp>
#include <limits>
#include <string>
#include <vector>

#include "aligned.hpp"
#include "centred.hpp"
#include "kernels/kernels.hpp"
#include "normal_equations.hpp"
#include "parallel.hpp"
#include "qr.hpp"

namespace glassnmr {

namespace {

void check_lam(std::size_t n_lam, const double* lam) {
    for (std::size_t k = 0; k < n_lam; ++k) {
        if (!(lam[k] >= 0) || !std::isfinite(lam[k])) {
            invalid("lam must be finite and not negative, got " + std::to_string(lam[k]));
        }
    }
}

void check_finite(std::size_t n, const double* values) {
    for (std::size_t k = 0; k < n; ++k) {
        if (!std::isfinite(values[k]))
            throw numerical_error("the regression has no finite solution; increase lam");
    }
}

/// s / (s^2 + lam), and 0 for what is rounding error.
double filter(double s, double lam, double largest, std::size_t n) {
    const double floor = largest * static_cast<double>(n) * std::numeric_limits<double>::epsilon();
    return lam == 0 && s <= floor ? 0 : s == 0 ? 0 : s / (s * s + lam);
}

/// R of the leading k features alone, (k, k) column-major.
Buffer leading(std::size_t k, const double* R, std::size_t ldr) {
    Buffer r(k * k, 0.0);
    for (std::size_t j = 0; j < k; ++j) std::copy_n(R + j * ldr, j + 1, r.data() + j * k);
    return r;
}

/// v (k, n_targets) of min |R v - c|^2 for the leading k features, of least norm as R may be
/// singular; R column-major.
void solve_plain(std::size_t k, const double* R, std::size_t ldr, std::size_t n_targets,
                 const double* c, std::size_t ldc, double* v) {
    const Buffer r = leading(k, R, ldr);
    Buffer u(k * k), s(k), right(k * k), one(k);
    if (!kernels().svd(k, r.data(), u.data(), s.data(), right.data())) {
        throw numerical_error("the singular value decomposition did not converge");
    }
    for (std::size_t t = 0; t < n_targets; ++t) {
        std::fill(one.begin(), one.end(), 0.0);
        for (std::size_t j = 0; j < k; ++j) {
            const double part =
                kernels().dot(k, u.data() + j * k, c + t * ldc) * filter(s[j], 0, s[0], ldr);
            kernels().axpy(k, part, right.data() + j * k, one.data());
        }
        for (std::size_t j = 0; j < k; ++j) v[j * n_targets + t] = one[j];
    }
}

/// v (k, n_targets) of min |R v - c|^2 + lam |v|^2 for the leading k features, and lower (k, k):
/// R'^T with R'^T R' = R^T R + lam.
void solve_damped(std::size_t k, const double* R, std::size_t ldr, std::size_t n_targets,
                  const double* c, std::size_t ldc, double lam, double* v, double* lower,
                  int n_threads) {
    Buffer rhs(k * n_targets);
    for (std::size_t t = 0; t < n_targets; ++t) std::copy_n(c + t * ldc, k, rhs.data() + t * k);
    damped_qr(k, R, ldr, std::sqrt(lam), n_targets, rhs.data(), lower, n_threads);
    for (std::size_t t = 0; t < n_targets; ++t) {
        for (std::size_t j = 0; j < k; ++j) v[j * n_targets + t] = rhs[t * k + j];
    }
    kernels().solve_lower(k, lower, k, true, n_targets, v, n_targets);
}

void check_sizes(std::size_t n, std::size_t m) {
    if (m == 0 || m > n) {
        invalid("there must be between 1 and " + std::to_string(n) + " features, got " +
                std::to_string(m));
    }
}

}  // namespace

void ridge(std::size_t n, std::size_t m, const double* factor, const double* weights,
           std::size_t n_targets, const double* y, double lam, std::size_t n_counts,
           const std::int64_t* counts, double* v, double* bias, int n_threads, double* means_out,
           double* root, bool free_bias) {
    check_sizes(n, m);
    check_lam(1, &lam);
    if (root && (lam == 0 || n_counts == 0 || counts[n_counts - 1] != static_cast<std::int64_t>(m)))
        invalid("the root of A^T A + lam needs lam above 0 and all features");
    const Weights w(n, weights, free_bias);
    Buffer c(n * n_targets), y_means(n_targets), lower;
    centre_targets(w, n, n_targets, y, c.data(), y_means.data());
    NormalEquations normal(w, n, m, factor, n_threads);
    const Buffer& means = normal.means();
    const bool formed = normal.sound(lam) && normal.factorise(lam);
    Buffer a;
    std::unique_ptr<const PanelQr> qr;
    if (!formed) {
        a.resize(n * m);
        centre(w, n, m, factor, means.data(), a.data(), n_threads);
        qr = std::make_unique<const PanelQr>(n, m, a.data(), n, n_threads);
        qr->apply(true, n_targets, c.data(), n, n_threads);
    }
    for (std::size_t p = 0; p < n_counts; ++p) {
        if (counts[p] < 1 || static_cast<std::size_t>(counts[p]) > m) {
            invalid("counts must lie in 1.." + std::to_string(m) + ", got " +
                    std::to_string(counts[p]));
        }
        const auto k = static_cast<std::size_t>(counts[p]);
        double* to = v + p * m * n_targets;
        std::fill_n(to, m * n_targets, 0.0);
        if (formed) {
            normal.solve(k, n_targets, c.data(), to);
        } else if (lam == 0) {
            solve_plain(k, a.data(), n, n_targets, c.data(), n, to);
        } else {
            lower.resize(k * k);
            solve_damped(k, a.data(), n, n_targets, c.data(), n, lam, to, lower.data(), n_threads);
        }
        check_finite(k * n_targets, to);
        for (std::size_t t = 0; t < n_targets; ++t) {
            double known = 0;
            for (std::size_t j = 0; j < k; ++j) known += means[j] * to[j * n_targets + t];
            bias[p * n_targets + t] = y_means[t] - known;
        }
    }
    if (means_out) std::copy(means.begin(), means.end(), means_out);
    const Buffer& found = formed ? normal.lower() : lower;
    if (root) std::copy(found.begin(), found.end(), root);
}

struct RidgePath::Parts {
    Parts(std::size_t n_rows, std::size_t n_features, const double* weights, bool free_bias)
        : n(n_rows),
          m(n_features),
          w(n_rows, weights, free_bias),
          u(n_rows * n_features),
          s(n_features),
          v(n_features * n_features),
          means(n_features) {}

    /// (n_targets, m): U^T of the centred targets, and their means.
    Buffer project(std::size_t n_targets, const double* y, Buffer& y_means) const {
        Buffer c(n * n_targets), found(n_targets * m, 0.0);
        y_means.resize(n_targets);
        centre_targets(w, n, n_targets, y, c.data(), y_means.data());
        kernels().gemm_nn(n_targets, m, n, 1, c.data(), n, u.data(), m, 0, found.data(), m);
        return found;
    }

    std::size_t n, m;
    Weights w;
    Buffer u;      // (n, m) row-major: left singular vectors of the centred features
    Buffer s;      // (m)
    Buffer v;      // column-major: right singular vectors
    Buffer means;  // (m)
};

RidgePath::RidgePath(std::size_t n, std::size_t m, const double* factor, const double* weights,
                     int n_threads, bool free_bias) {
    check_sizes(n, m);
    auto parts = std::make_unique<Parts>(n, m, weights, free_bias);
    for (const double root : parts->w.root) {
        if (root == 0) invalid("sample_weight must be positive here, got 0");
    }
    Buffer a(n * m), small(m * m), left(n * m, 0.0);
    column_means(parts->w, n, m, factor, parts->means.data(), n_threads);
    centre(parts->w, n, m, factor, parts->means.data(), a.data(), n_threads);
    const PanelQr qr(n, m, a.data(), n, n_threads);
    const Buffer r = leading(m, a.data(), n);
    if (!kernels().svd(m, r.data(), small.data(), parts->s.data(), parts->v.data())) {
        throw numerical_error("the singular value decomposition did not converge");
    }
    check_finite(m, parts->s.data());
    for (std::size_t j = 0; j < m; ++j) std::copy_n(small.data() + j * m, m, left.data() + j * n);
    qr.apply(false, m, left.data(), n, n_threads);  // U = Q U_R, eq. (9.3)
    for (std::size_t j = 0; j < m; ++j) {
        for (std::size_t i = 0; i < n; ++i) parts->u[i * m + j] = left[j * n + i];
    }
    parts_ = std::move(parts);
}

RidgePath::~RidgePath() = default;
RidgePath::RidgePath(RidgePath&&) noexcept = default;
std::size_t RidgePath::n() const { return parts_->n; }
std::size_t RidgePath::m() const { return parts_->m; }
const double* RidgePath::singular_values() const { return parts_->s.data(); }

void RidgePath::solve(std::size_t n_targets, const double* y, std::size_t n_lam, const double* lam,
                      double* v, double* bias) const {
    check_lam(n_lam, lam);
    const Parts& p = *parts_;
    Buffer y_means, one(p.m);
    const Buffer c = p.project(n_targets, y, y_means);
    for (std::size_t k = 0; k < n_lam; ++k) {
        for (std::size_t t = 0; t < n_targets; ++t) {
            std::fill(one.begin(), one.end(), 0.0);
            for (std::size_t j = 0; j < p.m; ++j) {
                kernels().axpy(p.m, c[t * p.m + j] * filter(p.s[j], lam[k], p.s[0], p.n),
                               p.v.data() + j * p.m, one.data());
            }
            check_finite(p.m, one.data());
            for (std::size_t j = 0; j < p.m; ++j) v[(k * p.m + j) * n_targets + t] = one[j];
            bias[k * n_targets + t] = y_means[t] - kernels().dot(p.m, p.means.data(), one.data());
        }
    }
}

void RidgePath::leave_out(std::size_t n_targets, const double* y, std::size_t n_groups,
                          const std::int64_t* group, std::size_t n_lam, const double* lam,
                          double* out, int n_threads) const {
    check_lam(n_lam, lam);
    if (n_groups < 2)
        invalid("leaving groups out needs at least 2, got " + std::to_string(n_groups));
    const Parts& p = *parts_;
    std::vector<std::vector<std::size_t>> members(n_groups);
    for (std::size_t i = 0; i < p.n; ++i) {
        if (group[i] < 0 || static_cast<std::size_t>(group[i]) >= n_groups) {
            invalid("group must lie in 0.." + std::to_string(n_groups) + " - 1, got " +
                    std::to_string(group[i]));
        }
        members[static_cast<std::size_t>(group[i])].push_back(i);
    }
    Buffer y_means;
    const Buffer c = p.project(n_targets, y, y_means);
    parallel_for(n_groups * n_lam, n_threads, [&](std::size_t task) {
        const std::vector<std::size_t>& rows = members[task % n_groups];
        const std::size_t k = task / n_groups, g = rows.size();
        Buffer uf(g * p.m), uh(g * p.m), rest(g * g), r(g * n_targets);
        for (std::size_t a = 0; a < g; ++a) {
            const double* u = p.u.data() + rows[a] * p.m;
            for (std::size_t j = 0; j < p.m; ++j) {
                uf[a * p.m + j] = u[j];
                uh[a * p.m + j] = u[j] * p.s[j] * filter(p.s[j], lam[k], p.s[0], p.n);
            }
            const double root = p.w.root[rows[a]];
            for (std::size_t t = 0; t < n_targets; ++t) {
                r[a * n_targets + t] = root * (y[rows[a] * n_targets + t] - y_means[t]) -
                                       kernels().dot(p.m, uh.data() + a * p.m, c.data() + t * p.m);
            }
        }
        kernels().gemm_nt(g, g, p.m, -1, uf.data(), p.m, uh.data(), p.m, 0, rest.data(), g);
        for (std::size_t a = 0; a < g; ++a) {
            for (std::size_t b = 0; b < g; ++b) {
                rest[a * g + b] += a == b ? 1 : 0;
                if (p.w.free_bias)
                    rest[a * g + b] -= p.w.root[rows[a]] * p.w.root[rows[b]] / p.w.sum;
            }
        }
        if (kernels().cholesky(g, rest.data(), g) < g) {
            throw numerical_error(
                "the rows outside a group do not determine the regression; increase lam");
        }
        kernels().solve_lower(g, rest.data(), g, false, n_targets, r.data(), n_targets);
        kernels().solve_lower(g, rest.data(), g, true, n_targets, r.data(), n_targets);
        for (std::size_t a = 0; a < g; ++a) {
            for (std::size_t t = 0; t < n_targets; ++t) {
                out[(k * p.n + rows[a]) * n_targets + t] = r[a * n_targets + t] / p.w.root[rows[a]];
            }
        }
    });
    check_finite(n_lam * p.n * n_targets, out);
}

void leave_one_out(std::size_t n, std::size_t m, const double* factor, const double* weights,
                   std::size_t n_targets, const double* y, double lam, double* out, int n_threads) {
    check_sizes(n, m);
    check_lam(1, &lam);
    if (lam == 0) invalid("lam must be positive here, got 0");
    const Weights w(n, weights);
    Buffer z(n * m), c(n * n_targets), y_means(n_targets), lower;
    centre_targets(w, n, n_targets, y, c.data(), y_means.data());
    NormalEquations normal(w, n, m, factor, n_threads);
    centre(w, n, m, factor, normal.means().data(), z.data(), n_threads);
    const bool formed = normal.sound(lam) && normal.factorise(lam);
    if (!formed) {
        Buffer a(z.begin(), z.end());
        const PanelQr qr(n, m, a.data(), n, n_threads);
        lower.resize(m * m);
        damped_qr(m, a.data(), n, std::sqrt(lam), 0, nullptr, lower.data(), n_threads);
    }
    // Z = R'^-T A^T, (m, n): then H = sqrt(w) sqrt(w)^T / W + Z^T Z
    solve_triangular(m, formed ? normal.lower().data() : lower.data(), false, n, z.data(),
                     n_threads);
    Buffer leverage(n), fitted(n_targets * n, 0.0), zc(n_targets * m);
    for (std::size_t i = 0; i < n; ++i) leverage[i] = w.root[i] * w.root[i] / w.sum;
    for (std::size_t j = 0; j < m; ++j) {
        for (std::size_t i = 0; i < n; ++i) leverage[i] += z[j * n + i] * z[j * n + i];
        for (std::size_t t = 0; t < n_targets; ++t) {
            kernels().axpy(n, kernels().dot(n, z.data() + j * n, c.data() + t * n),
                           z.data() + j * n, fitted.data() + t * n);
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        const double rest = 1 - leverage[i];
        if (!(rest > 1e-14))
            throw numerical_error("the other rows do not determine the regression; increase lam");
        for (std::size_t t = 0; t < n_targets; ++t) {
            const double r = (c[t * n + i] - fitted[t * n + i]) / rest;
            out[i * n_targets + t] = w.root[i] > 0 ? r / w.root[i] : 0;
        }
    }
    check_finite(n * n_targets, out);
}

void kernel_ridge(std::size_t n, double* K, const double* weights, std::size_t n_targets,
                  const double* y, double lam, double* alpha, double* bias) {
    check_lam(1, &lam);
    const Weights w(n, weights);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) K[i * n + j] *= w.root[i] * w.root[j];
        K[i * n + i] += lam;
    }
    if (const std::size_t failed = kernels().cholesky(n, K, n); failed < n) {
        throw numerical_error("K + lam I is not positive definite at row " +
                              std::to_string(failed) + "; increase lam, now " +
                              std::to_string(lam));
    }
    for (std::size_t t = 0; t < n_targets; ++t) bias[t] = w.mean(y + t, n_targets);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t t = 0; t < n_targets; ++t) {
            alpha[i * n_targets + t] = w.root[i] * (y[i * n_targets + t] - bias[t]);
        }
    }
    kernels().solve_lower(n, K, n, false, n_targets, alpha, n_targets);
    kernels().solve_lower(n, K, n, true, n_targets, alpha, n_targets);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t t = 0; t < n_targets; ++t) alpha[i * n_targets + t] *= w.root[i];
    }
    check_finite(n * n_targets, alpha);
}

void solve_triangular(std::size_t n, const double* L, bool transposed, std::size_t n_columns,
                      double* B, int n_threads) {
    for (std::size_t i = 0; i < n; ++i) {
        if (!(std::abs(L[i * n + i]) > 0))
            throw numerical_error("the factor of the landmarks is singular");
    }
    constexpr std::size_t strip = 256;
    parallel_for((n_columns + strip - 1) / strip, n_threads, [&](std::size_t b) {
        kernels().solve_lower(n, L, n, transposed, std::min(strip, n_columns - b * strip),
                              B + b * strip, n_columns);
    });
}

}  // namespace glassnmr
