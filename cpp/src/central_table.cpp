// SPDX-License-Identifier: BSD-3-Clause
#include "central_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/spectra.hpp>
#include <string>
#include <vector>

#include "parallel.hpp"

namespace glassnmr {

namespace {

constexpr double pi = 3.14159265358979323846;

/// u = k0 + k1 r + k2 r^2 + k3 d + k4 r d + k5 d^2 with r = cos^2 beta, d = sin^2 beta cos 2 alpha:
/// eq. (12.5).
struct Quadric {
    double k0, k1, k2, k3, k4, k5;

    explicit Quadric(double eta) {
        const double a = (1 + eta * eta / 18) / 160, b = eta / 48, g = 7 * eta * eta / 576;
        k0 = (1 + eta * eta / 3) / 30 + 3 * a - g;
        k1 = -30 * a + 2 * g;
        k2 = 35 * a - g;
        k3 = b;
        k4 = -7 * b;
        k5 = 2 * g;
    }
    double operator()(double r, double d) const {
        return k0 + r * (k1 + k2 * r) + d * (k3 + k4 * r + k5 * d);
    }

    /// The smallest distance of r from a stationary point on the edge d = s (1 - r), kept within
    /// the edge.
    double stationary_on_edge(double s) const {
        const double two = k2 - s * k4 + k5, one = k1 - s * k3 + s * k4 - 2 * k5;
        return std::clamp(-one / (2 * two), 0.0, 1.0);
    }
    double stationary_at_equator() const { return k5 > 0 ? std::max(-1.0, -k3 / (2 * k5)) : -1.0; }
};

/// Roots of a t^2 + b t + c inside (0, 1), appended.
void roots_in_unit(double a, double b, double c, std::vector<double>& out) {
    const double d = b * b - 4 * a * c;
    if (d < 0) return;
    const double q = -0.5 * (b + std::copysign(std::sqrt(d), b));
    for (const double t : {a != 0 ? q / a : -1.0, q != 0 ? c / q : 0.0}) {
        if (t > 0 && t < 1) out.push_back(t);
    }
}

/// The share of alpha with b y + c y^2 <= s, where y = cos 2 alpha and c >= 0.
double share_below(double b, double c, double s) {
    const double d = b * b + 4 * c * s;
    if (d < 0) return 0;
    const double q = -0.5 * (b + std::copysign(std::sqrt(d), b));
    if (q == 0) return s >= 0 ? 1 : 0;
    double low = c > 0 ? q / c : (q > 0 ? 2 : -2), high = -s / q;
    if (low > high) std::swap(low, high);
    const double from = low <= -1 ? pi : low >= 1 ? 0 : std::acos(low);
    const double to = high <= -1 ? pi : high >= 1 ? 0 : std::acos(high);
    return (from - to) / pi;
}

/// Nodes and weights of Gauss-Legendre in t of x = (1 - cos pi t) / 2 on (0, 1): square-root ends
/// become smooth.
struct EndpointRule {
    static constexpr std::size_t n = 16;
    std::array<double, n> x, w;

    EndpointRule() {
        for (std::size_t i = 0; i < n; ++i) {
            double t = std::cos(pi * (static_cast<double>(i) + 0.75) / (n + 0.5)), slope = 1;
            for (int step = 0; step < 8; ++step) {  // Newton on P_n
                double p = 1, before = 0;
                for (std::size_t l = 0; l < n; ++l) {
                    const auto k = static_cast<double>(l);
                    const double next = ((2 * k + 1) * t * p - k * before) / (k + 1);
                    before = p, p = next;
                }
                slope = n * (t * p - before) / (t * t - 1);
                t -= p / slope;
            }
            const double angle = 0.5 * pi * (t + 1);
            x[i] = 0.5 * (1 - std::cos(angle));
            w[i] = 0.5 * pi * std::sin(angle) / ((1 - t * t) * slope * slope);
        }
    }
};

double distribution(const Quadric& k, double u, std::vector<double>& cuts) {
    static const EndpointRule rule;
    // Near the stationary points the integrand all but has a kink for a level close to theirs.
    cuts.assign({0.0, 1.0, k.stationary_on_edge(1), k.stationary_on_edge(-1)});
    for (const double s : {1.0, -1.0}) {  // where the level meets the edges y = +-1
        roots_in_unit(k.k2 - s * k.k4 + k.k5, k.k1 - s * k.k3 + s * k.k4 - 2 * k.k5,
                      k.k0 + s * k.k3 + k.k5 - u, cuts);
    }
    roots_in_unit(k.k4 * k.k4 - 4 * k.k5 * k.k2, 2 * k.k3 * k.k4 - 4 * k.k5 * k.k1,
                  k.k3 * k.k3 + 4 * k.k5 * (u - k.k0),
                  cuts);  // and the bottom of the parabola in y
    for (double& r : cuts) r = std::sqrt(r);
    std::sort(cuts.begin(), cuts.end());
    double sum = 0;
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
        const double width = cuts[i + 1] - cuts[i];
        if (width <= 0) continue;
        for (std::size_t p = 0; p < EndpointRule::n; ++p) {
            const double x = cuts[i] + width * rule.x[p], r = x * x, s = 1 - r;
            sum +=
                width * rule.w[p] *
                share_below((k.k3 + k.k4 * r) * s, k.k5 * s * s, u - k.k0 - r * (k.k1 + k.k2 * r));
        }
    }
    return std::clamp(sum, 0.0, 1.0);
}

/// The memory behind CentralTable.
class CentralLines {
public:
    CentralLines()
        : node_(2 * T::n_cells * (K + 1)), mass_(2 * T::n_cells * K), mean_(3 * T::n_cells) {
        parallel_for(T::n_cells, 0, [&](std::size_t cell) {
            const auto n = intervals(cell);
            fill(2 * cell, eta(cell), n);
            fill(2 * cell + 1, eta(cell + 1), n);
            interpolated_mean(cell);
        });
    }
    CentralTable view() const { return {node_.data(), mass_.data(), mean_.data()}; }

private:
    using T = CentralTable;
    using Counts = std::array<std::size_t, T::n_segments>;
    static constexpr std::size_t K = T::n_intervals, least = 12;

    static double eta(std::size_t j) { return central_table_eta(j); }

    /// How many intervals each segment between critical values gets in a cell, from the highest u
    /// down.
    static Counts intervals(std::size_t cell) {
        double low[6], high[6], share[T::n_segments], sum = 0;
        central_transition_critical_values(eta(cell), low);
        central_transition_critical_values(eta(cell + 1), high);
        for (std::size_t k = 0; k < T::n_segments; ++k) {
            sum += share[k] =
                std::pow(low[5 - k] - low[4 - k] + high[5 - k] - high[4 - k], 2.0 / 3);
        }
        Counts n;
        std::size_t left = K, widest = 0;
        for (std::size_t k = 0; k < T::n_segments; ++k) {
            n[k] = least + static_cast<std::size_t>(share[k] / sum * (K - least * T::n_segments));
            left -= n[k];
            if (share[k] > share[widest]) widest = k;
        }
        n[widest] += left;
        return n;
    }

    void fill(std::size_t row, double at, const Counts& n) {
        const Quadric quadric(at);
        double critical[6], below[K + 1], *node = node_.data() + row * (K + 1),
                                          *mass = mass_.data() + row * K;
        central_transition_critical_values(at, critical);
        std::vector<double> cuts;
        node[0] = -critical[5];
        below[0] = 1;
        for (std::size_t part = 0, k = 0; part < T::n_segments; ++part) {
            const double high = critical[5 - part], low = critical[4 - part];
            for (std::size_t i = 1; i <= n[part]; ++i) {  // u falls, so that -u rises
                const double t = static_cast<double>(i) / static_cast<double>(n[part]);
                const double u = high - (high - low) * 0.5 * (1 - std::cos(pi * t));
                node[++k] = -u;
                below[k] = k == K ? 0 : std::min(below[k - 1], distribution(quadric, u, cuts));
            }
        }
        for (std::size_t k = 0; k < K; ++k) mass[k] = below[k] - below[k + 1];
    }

    void interpolated_mean(std::size_t cell) {
        const double *node = node_.data() + 2 * cell * (K + 1), *mass = mass_.data() + 2 * cell * K;
        const double *node1 = node + K + 1, *mass1 = mass + K;
        double* mean = mean_.data() + 3 * cell;
        for (std::size_t k = 0; k < K; ++k) {
            const double middle = 0.5 * (node[k] + node[k + 1]),
                         change = 0.5 * (node1[k] + node1[k + 1]) - middle;
            mean[0] += mass[k] * middle;
            mean[1] += mass[k] * change + (mass1[k] - mass[k]) * middle;
            mean[2] += (mass1[k] - mass[k]) * change;
        }
    }

    std::vector<double> node_, mass_, mean_;
};

}  // namespace

CentralTable central_table() {
    static const CentralLines lines;
    return lines.view();
}

double central_table_eta(std::size_t place) {
    const double s = static_cast<double>(place) / static_cast<double>(CentralTable::n_cells);
    return s < 0.5 ? 2 * s * s : 1 - 2 * (1 - s) * (1 - s);
}

double central_transition_frequency(double eta, double x, double alpha) {
    return Quadric(eta)(x * x, (1 - x * x) * std::cos(2 * alpha));
}

void central_transition_critical_values(double eta, double* values) {
    const Quadric u(eta);
    const double plus = u.stationary_on_edge(1), minus = u.stationary_on_edge(-1);
    values[0] = u(1, 0);
    values[1] = u(0, 1);
    values[2] = u(0, -1);
    values[3] = u(plus, 1 - plus);
    values[4] = u(minus, minus - 1);
    values[5] = u(0, u.stationary_at_equator());
    std::sort(values, values + 6);
}

double central_transition_distribution(double eta, double u) {
    if (!(eta >= 0 && eta <= 1)) invalid("eta must lie in [0, 1], got " + std::to_string(eta));
    if (std::isnan(u)) invalid("u must not be nan");
    double critical[6];
    central_transition_critical_values(eta, critical);
    if (u <= critical[0]) return 0;
    if (u >= critical[5]) return 1;
    std::vector<double> cuts;
    return distribution(Quadric(eta), u, cuts);
}

}  // namespace glassnmr
