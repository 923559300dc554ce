// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/harmonics.hpp>
#include <glassnmr/radial.hpp>

#include "bessel.hpp"

namespace glassnmr {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr std::size_t degree = RadialTableView::degree;
constexpr std::size_t largest_n = 64;
constexpr double table_error = 1e-12;  // relative to the largest value of any function

/// Monomial coefficients in t in [-1, 1] of the polynomial through the values at the Chebyshev
/// nodes.
struct Interpolation {
    double node[degree + 1];
    double inverse[degree + 1][degree + 1];  // coefficient d from value k

    Interpolation() {
        for (std::size_t k = 0; k <= degree; ++k) {
            node[k] = -std::cos(pi * (2 * static_cast<double>(k) + 1) / (2 * (degree + 1.0)));
        }
        for (std::size_t k = 0; k <= degree;
             ++k) {  // Lagrange polynomial of node k, multiplied out
            double poly[degree + 1] = {1}, scale = 1;
            std::size_t order = 0;
            for (std::size_t j = 0; j <= degree; ++j) {
                if (j == k) continue;
                scale *= node[k] - node[j];
                for (std::size_t d = ++order; d > 0; --d) poly[d] = poly[d - 1] - node[j] * poly[d];
                poly[0] *= -node[j];
            }
            for (std::size_t d = 0; d <= degree; ++d) inverse[d][k] = poly[d] / scale;
        }
    }
};

}  // namespace

RadialKind radial_kind(const std::string& name) {
    if (name == "bessel") return RadialKind::bessel;
    if (name == "bessel-truncated") return RadialKind::bessel_truncated;
    if (name == "kocer") return RadialKind::kocer;
    invalid("basis must be \"bessel\", \"bessel-truncated\" or \"kocer\", got \"" + name + "\"");
}

const char* radial_name(RadialKind kind) {
    switch (kind) {
        case RadialKind::bessel:
            return "bessel";
        case RadialKind::bessel_truncated:
            return "bessel-truncated";
        default:
            return "kocer";
    }
}

RadialBasis::RadialBasis(const RadialSettings& s) : settings_(s), n_pad_((s.n_max + 3) / 4 * 4) {
    const auto positive = [](double x) { return x > 0 && std::isfinite(x); };
    if (!positive(s.cutoff))
        invalid("cutoff must be positive and finite, got " + std::to_string(s.cutoff));
    if (s.n_max < 1 || s.n_max > largest_n) {
        invalid("n_max must lie in 1.." + std::to_string(largest_n) + ", got " +
                std::to_string(s.n_max));
    }
    if (s.kind != RadialKind::kocer && !(s.sigma >= 0 && std::isfinite(s.sigma))) {
        invalid("sigma must be finite and not negative, got " + std::to_string(s.sigma));
    }
    if (s.kind == RadialKind::bessel_truncated && s.sigma < s.cutoff / 200) {
        invalid("sigma must be at least cutoff / 200 for basis \"bessel-truncated\", got " +
                std::to_string(s.sigma));
    }
    if (s.scaling_radius != 0 && !(positive(s.scaling_radius) && positive(s.scaling_exponent))) {
        invalid("scaling_radius and scaling_exponent must be positive and finite, got " +
                std::to_string(s.scaling_radius) + " and " + std::to_string(s.scaling_exponent));
    }
    legendre_ = legendre_constants(s.l_max);
    zeros_ = bessel_zeros(s.l_max, s.n_max + 1);
    const std::size_t L = s.l_max + 1;
    if (s.kind == RadialKind::bessel_truncated) {
        const auto n_nodes = static_cast<std::size_t>(24 + 2.4 * s.cutoff / s.sigma +
                                                      2.0 * static_cast<double>(s.n_max));
        gauss_legendre(n_nodes, 0, s.cutoff, nodes_, weights_);
        chi_nodes_.resize(L * n_nodes * s.n_max);
        std::vector<double> j(L + 1);
        for (std::size_t l = 0; l < L; ++l) {
            for (std::size_t n = 0; n < s.n_max; ++n) {
                const double z = zeros_[l * (s.n_max + 1) + n];
                spherical_bessel(l + 1, z, j.data());
                const double norm = std::sqrt(2 / std::pow(s.cutoff, 3)) / std::abs(j[l + 1]);
                for (std::size_t k = 0; k < n_nodes; ++k) {
                    spherical_bessel(l, z * nodes_[k] / s.cutoff, j.data());
                    chi_nodes_[(l * n_nodes + k) * s.n_max + n] =
                        norm * j[l] * nodes_[k] * nodes_[k] * weights_[k];
                }
            }
        }
    }
    // An interval of a third of a radian of the fastest function is enough for the smooth bases; a
    // narrow sigma of the truncated one needs more, so the table is measured and refined.
    const double fastest = zeros_.back();
    std::size_t intervals =
        std::max<std::size_t>(16, static_cast<std::size_t>(std::ceil(fastest / 0.3)));
    for (int attempt = 0; attempt < 6; ++attempt, intervals *= 2) {
        tabulate(intervals);
        if (worst_error() < table_error) return;
    }
    throw numerical_error(
        "the radial functions could not be tabulated to 1e-12; is sigma far below the cutoff?");
}

void RadialBasis::raw(double r, double* out) const {
    const RadialSettings& s = settings_;
    const std::size_t L = s.l_max + 1, stride = s.n_max + 1;
    double j[largest_l + 3];
    if (s.kind == RadialKind::bessel) {  // eq. (3.1), (3.4)
        for (std::size_t l = 0; l < L; ++l) {
            for (std::size_t n = 0; n < s.n_max; ++n) {
                const double z = zeros_[l * stride + n], q = z / s.cutoff;
                spherical_bessel(l + 1, z, j);
                const double norm = std::sqrt(2 / std::pow(s.cutoff, 3)) / std::abs(j[l + 1]);
                spherical_bessel(l, q * r, j);
                out[l * s.n_max + n] = std::exp(-0.5 * s.sigma * s.sigma * q * q) * norm * j[l];
            }
        }
    } else if (s.kind == RadialKind::bessel_truncated) {  // eq. (3.5)
        std::fill_n(out, L * s.n_max, 0.0);
        const double s2 = s.sigma * s.sigma, front = 4 * pi * std::pow(2 * pi * s2, -1.5);
        for (std::size_t k = 0; k < nodes_.size(); ++k) {
            const double gap = r - nodes_[k], gauss = front * std::exp(-gap * gap / (2 * s2));
            if (gauss < 1e-40) continue;
            scaled_modified_bessel(s.l_max, r * nodes_[k] / s2, j);
            for (std::size_t l = 0; l < L; ++l) {
                const double* chi = chi_nodes_.data() + (l * nodes_.size() + k) * s.n_max;
                const double factor = gauss * j[l];
                for (std::size_t n = 0; n < s.n_max; ++n) out[l * s.n_max + n] += factor * chi[n];
            }
        }
    } else {  // eq. (3.7), (3.8)
        for (std::size_t l = 0; l < L; ++l) {
            const double* u = zeros_.data() + l * stride;
            double d_before = 1, before = 0;
            for (std::size_t n = 0; n < s.n_max; ++n) {
                double tail_n, tail_next;
                spherical_bessel(l + 1, u[n], j), tail_n = j[l + 1];
                spherical_bessel(l + 1, u[n + 1], j), tail_next = j[l + 1];
                const double u2 = u[n] * u[n], v2 = u[n + 1] * u[n + 1];
                spherical_bessel(l, u[n] * r / s.cutoff, j);
                double f = u[n + 1] * j[l] / tail_n;
                spherical_bessel(l, u[n + 1] * r / s.cutoff, j);
                f = std::sqrt(2 / (std::pow(s.cutoff, 3) * (u2 + v2))) *
                    (f - u[n] * j[l] / tail_next);
                double d = 1;
                if (n > 0) {
                    const double w2 = u[n - 1] * u[n - 1], e = w2 * v2 / ((w2 + u2) * (u2 + v2));
                    d = 1 - e / d_before;
                    f = (f + std::sqrt(e / d_before) * before) / std::sqrt(d);
                }
                out[l * s.n_max + n] = before = f;
                d_before = d;
            }
        }
    }
    double factor = 1;
    if (s.kind != RadialKind::kocer)
        factor = 0.5 * (1 + std::cos(pi * r / s.cutoff));  // eq. (3.10)
    if (s.scaling_radius > 0)
        factor /= 1 + std::pow(r / s.scaling_radius, s.scaling_exponent);  // eq. (3.9)
    for (std::size_t k = 0; k < L * s.n_max; ++k) out[k] *= factor;
}

void RadialBasis::exact(double r, double* out) const {
    if (!(r >= 0) || !std::isfinite(r))
        invalid("r must be finite and not negative, got " + std::to_string(r));
    if (r < settings_.cutoff) {
        raw(r, out);
    } else {
        std::fill_n(out, (settings_.l_max + 1) * settings_.n_max, 0.0);
    }
}

void RadialBasis::tabulate(std::size_t n_intervals) {
    static const Interpolation polynomial;
    const std::size_t L = settings_.l_max + 1, n_max = settings_.n_max, size = L * n_max;
    const double width = settings_.cutoff / static_cast<double>(n_intervals);
    std::vector<double> values((degree + 1) * size);
    coefficients_.assign(n_intervals * L * (degree + 1) * n_pad_, 0.0);
    n_intervals_ = n_intervals;
    for (std::size_t k = 0; k < n_intervals; ++k) {
        for (std::size_t p = 0; p <= degree; ++p) {
            raw((static_cast<double>(k) + 0.5 * (1 + polynomial.node[p])) * width,
                values.data() + p * size);
        }
        for (std::size_t l = 0; l < L; ++l) {
            for (std::size_t d = 0; d <= degree; ++d) {
                double* to = coefficients_.data() + ((k * L + l) * (degree + 1) + d) * n_pad_;
                for (std::size_t p = 0; p <= degree; ++p) {
                    for (std::size_t n = 0; n < n_max; ++n) {
                        to[n] += polynomial.inverse[d][p] * values[p * size + l * n_max + n];
                    }
                }
            }
        }
    }
}

void RadialBasis::tabulated(double r, double* out) const {
    if (!(r >= 0) || !std::isfinite(r))
        invalid("r must be finite and not negative, got " + std::to_string(r));
    const std::size_t L = settings_.l_max + 1, n_max = settings_.n_max;
    if (r >= settings_.cutoff) {
        std::fill_n(out, L * n_max, 0.0);
        return;
    }
    const double place = r / settings_.cutoff * static_cast<double>(n_intervals_);
    const std::size_t k = std::min(n_intervals_ - 1, static_cast<std::size_t>(place));
    const double t = 2 * (place - static_cast<double>(k)) - 1;
    for (std::size_t l = 0; l < L; ++l) {
        const double* c = coefficients_.data() + (k * L + l) * (degree + 1) * n_pad_;
        for (std::size_t n = 0; n < n_max; ++n) {
            double h = c[degree * n_pad_ + n];
            for (std::size_t d = degree; d-- > 0;) h = h * t + c[d * n_pad_ + n];
            out[l * n_max + n] = h;
        }
    }
}

double RadialBasis::worst_error() const {
    const std::size_t size = (settings_.l_max + 1) * settings_.n_max;
    std::vector<double> wanted(size), got(size);
    double largest = 0, error = 0;
    for (std::size_t k = 0; k < n_intervals_; k += 1 + n_intervals_ / 64) {
        for (const double inside : {0.02, 0.31, 0.93}) {
            const double r = (static_cast<double>(k) + inside) * settings_.cutoff /
                             static_cast<double>(n_intervals_);
            raw(r, wanted.data());
            tabulated(r, got.data());
            for (std::size_t i = 0; i < size; ++i) {
                largest = std::max(largest, std::abs(wanted[i]));
                error = std::max(error, std::abs(wanted[i] - got[i]));
            }
        }
    }
    return error / largest;
}

RadialTableView RadialBasis::table() const {
    return {settings_.cutoff,
            static_cast<double>(n_intervals_) / settings_.cutoff,
            n_intervals_,
            settings_.n_max,
            n_pad_,
            settings_.l_max,
            coefficients_.data(),
            legendre_.data()};
}

}  // namespace glassnmr
