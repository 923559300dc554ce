// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <glassnmr/error.hpp>
#include <glassnmr/spectra.hpp>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "accumulate.hpp"
#include "bessel.hpp"
#include "central_table.hpp"
#include "kernels/kernels.hpp"
#include "octant.hpp"
#include "powder.hpp"
#include "sites.hpp"

namespace glassnmr {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr SidebandLimits limits = {12, 16};

/// Grows a table, node by node in one coordinate, as far as it is asked for. Nodes do not change
/// once they are made, and readers keep the block that they were given.
template <class Value>
class GrowingTable {
public:
    /// At least n nodes of `size` values; make(node, values) fills one.
    template <class Make>
    const Value* upto(std::size_t n, std::size_t size, std::size_t most, int n_threads,
                      const Make& make) {
        const std::lock_guard<std::mutex> guard(mutex_);
        if (!values_) {  // pages that are not yet asked for take no memory
            values_.reset(static_cast<Value*>(std::calloc(most * size, sizeof(Value))));
            if (!values_) throw std::bad_alloc();
        }
        if (n > n_) {
            parallel_for(n - n_, n_threads,
                         [&](std::size_t k) { make(n_ + k, values_.get() + (n_ + k) * size); });
            n_ = n;
        }
        return values_.get();
    }

private:
    struct Free {
        void operator()(Value* p) const { std::free(p); }
    };

    std::mutex mutex_;
    std::size_t n_ = 0;
    std::unique_ptr<Value, Free> values_;
};

// ------------------------------------------------------------------------- anisotropic shift

using S = ShiftBands;

/// Nodes in eta^2, Chebyshev's on (0, 1), and their barycentric weights: eq. (12.23).
struct EtaNodes {
    double square[S::n_eta], weight[S::n_eta];

    EtaNodes() {
        for (std::size_t e = 0; e < S::n_eta; ++e) {
            const double angle = pi * (2 * static_cast<double>(e) + 1) / (2 * S::n_eta);
            square[e] = 0.5 * (1 + std::cos(angle));
            weight[e] = (e % 2 ? -1 : 1) * std::sin(angle);
        }
    }
};

/// Sidebands of zeta / nu_r = mu, averaged over a product rule in the octant, for all nodes of eta.
void shift_node(double mu, const EtaNodes& nodes, double* values) {
    const auto n = static_cast<std::size_t>(12 + 2 * std::abs(mu));
    const double speed = mu == 0 ? std::numeric_limits<double>::infinity() : 1 / mu;
    std::vector<double> x, w;
    gauss_legendre(n, 0, 1, x, w);
    std::vector<double> xyz(3 * n), centre(n), bands(n * S::lanes);
    Evaluator evaluate(speed, S::lanes);
    std::fill_n(values, S::n_eta * S::lanes, 0.0);
    for (std::size_t e = 0; e < S::n_eta; ++e) {
        const double eta = std::sqrt(nodes.square[e]);
        const Anisotropy a = {{-0.5 * (1 + eta), -0.5 * (1 - eta), 1, 0, 0, 0}, 0, 0};
        for (std::size_t i = 0; i < n; ++i) {
            const double planar = std::sqrt(1 - x[i] * x[i]);
            for (std::size_t j = 0; j < n; ++j) {
                const double phi =
                    pi * (static_cast<double>(j) + 0.5) / (2 * static_cast<double>(n));
                xyz[3 * j] = planar * std::cos(phi);
                xyz[3 * j + 1] = planar * std::sin(phi);
                xyz[3 * j + 2] = x[i];
            }
            evaluate(a, n, xyz.data(), centre.data(), bands.data());
            for (std::size_t j = 0; j < n; ++j) {
                for (std::size_t k = 0; k < S::lanes; ++k)
                    values[e * S::lanes + k] +=
                        w[i] / static_cast<double>(n) * bands[j * S::lanes + k];
            }
        }
    }
}

ShiftBands shift_table(double mu, int n_threads) {
    static const EtaNodes nodes;
    static GrowingTable<double> table;
    constexpr auto most = static_cast<std::size_t>(limits.shift / S::step) + S::stencil;
    const auto n = static_cast<std::size_t>(mu / S::step) + S::stencil;
    const double* band =
        table.upto(n, S::n_eta * S::lanes, most, n_threads, [](std::size_t k, double* values) {
            shift_node((static_cast<double>(k) - 2) * S::step, nodes, values);
        });
    return {band, nodes.square, nodes.weight, n};
}

// -------------------------------------------------------------------------- central transition

using B = CentralBands;
using T = CentralTable;
constexpr std::size_t band_density = 32, band_samples = 32;

/// The share of a tent over a <= b <= c below p.
double tent_below(double a, double b, double c, double p) {
    if (p <= a) return 0;
    if (p >= c) return 1;
    return p < b ? (p - a) * (p - a) / ((b - a) * (c - a))
                 : 1 - (c - p) * (c - p) / ((c - b) * (c - a));
}

/// Means of the sidebands over the orientations of each interval of one row: eq. (12.24).
class RowMeans {
public:
    explicit RowMeans(const double* node)
        : node_(node), weight_(T::n_intervals, 0.0), sum_(T::n_intervals * B::lanes, 0.0) {}

    /// A triangle of orientations with the places v[3] of the line and its sidebands.
    void add(const double* v, double share, const double* bands) {
        double a = v[0], b = v[1], c = v[2];
        if (a > b) std::swap(a, b);
        if (b > c) std::swap(b, c);
        if (a > b) std::swap(a, b);
        const double* end = node_ + T::n_intervals + 1;
        auto k = static_cast<std::size_t>(std::upper_bound(node_, end, a) - node_);
        k = std::clamp<std::size_t>(k, 1, T::n_intervals) - 1;
        double below = 0;
        for (; k < T::n_intervals && below < 1; ++k) {
            const bool ends = k + 1 == T::n_intervals;
            const double next = ends ? 1 : tent_below(a, b, c, node_[k + 1]);
            const double part = share * (next - below);
            weight_[k] += part;
            for (std::size_t l = 0; l < B::lanes; ++l) sum_[k * B::lanes + l] += part * bands[l];
            below = next;
        }
    }

    void take(float* out) const {
        std::size_t from =
            T::n_intervals;  // an interval without orientations is like its neighbour
        for (std::size_t k = 0; k < T::n_intervals; ++k) {
            if (weight_[k] > 1e-12) from = k;
            std::size_t use = from;
            for (std::size_t up = k; use == T::n_intervals && up < T::n_intervals; ++up)
                if (weight_[up] > 1e-12) use = up;
            for (std::size_t l = 0; l < B::lanes; ++l)
                out[k * B::lanes + l] = static_cast<float>(sum_[use * B::lanes + l] / weight_[use]);
        }
    }

private:
    const double* node_;
    std::vector<double> weight_, sum_;
};

/// Adds a share of the sidebands around `centre` to the lanes. What lies beyond the last of them
/// goes there by its lever arm, so that the first moment is kept; the centreband is the rest in the
/// end.
void add_bands(const double* centre, double share, double* lane) {
    constexpr auto last = static_cast<std::ptrdiff_t>(B::highest);
    constexpr auto half = static_cast<std::ptrdiff_t>(band_samples / 2);
    for (std::ptrdiff_t k = -last; k <= last; ++k) lane[last + k] += share * centre[k];
    for (std::ptrdiff_t k = last + 1; k < half; ++k) {
        const double arm = share * static_cast<double>(k) / static_cast<double>(last);
        lane[2 * last] += arm * centre[k];
        lane[0] += arm * centre[-k];
    }
}

/// All rows of the table at one A / nu_r.
void central_node(double ratio, float* values) {
    const CentralTable table = central_table();
    const Octant octant(band_density);
    const double speed = ratio == 0 ? std::numeric_limits<double>::infinity() : 1 / ratio;
    Evaluator evaluate(speed, band_samples);
    const std::size_t most = 2 * octant.row_size(0);
    std::vector<double> xyz(3 * most), centre(most), bands(most * band_samples);
    std::vector<unsigned> corner(3 * octant.n_triangles(0));
    for (std::size_t edge = 0; edge <= T::n_cells; ++edge) {
        const double eta = central_table_eta(edge), d = 1 - eta * eta / 3, s = -2. / 21;
        const Anisotropy a = {
            {s * (-0.5 * d - eta), s * (-0.5 * d + eta), s * d, 0, 0, 0}, 9. / 70, eta};
        const std::size_t upper = 2 * edge - 1, lower = 2 * edge;  // rows that end or begin here
        RowMeans before(table.node + (edge > 0 ? upper : 0) * (T::n_intervals + 1));
        RowMeans after(table.node + (edge < T::n_cells ? lower : 0) * (T::n_intervals + 1));
        const auto row = [&](std::size_t i, std::size_t at) {
            for (std::size_t j = 0; j < octant.row_size(i); ++j)
                octant.direction(i, j, &xyz[3 * j]);
            evaluate(a, octant.row_size(i), xyz.data(), &centre[at], &bands[at * band_samples]);
        };
        row(0, 0);
        for (std::size_t i = 0; i < octant.density(); ++i) {
            const std::size_t here = octant.row_size(i), above = octant.row_size(i + 1);
            row(i + 1, here);
            octant.corners(i, corner.data());
            const double* share = octant.shares(i);
            for (std::size_t t = 0; t < octant.n_triangles(i); ++t) {
                double v[3], mean[B::lanes] = {};
                for (std::size_t k = 0; k < 3; ++k) {
                    const std::size_t at = corner[3 * t + k];
                    v[k] = centre[at] - (1 + eta * eta / 3) / 30;
                    add_bands(&bands[at * band_samples + band_samples / 2], 1. / 3, mean);
                }
                if (edge > 0) before.add(v, share[t], mean);
                if (edge < T::n_cells) after.add(v, share[t], mean);
            }
            std::copy_n(centre.begin() + static_cast<std::ptrdiff_t>(here), above, centre.begin());
            std::copy_n(bands.begin() + static_cast<std::ptrdiff_t>(here * band_samples),
                        above * band_samples, bands.begin());
        }
        if (edge > 0) before.take(values + upper * T::n_intervals * B::lanes);
        if (edge < T::n_cells) after.take(values + lower * T::n_intervals * B::lanes);
    }
}

CentralBands central_bands_table(double ratio, int n_threads) {
    static GrowingTable<float> table;
    constexpr std::size_t size = 2 * T::n_cells * T::n_intervals * B::lanes;
    constexpr auto most = static_cast<std::size_t>(limits.central / B::step) + B::stencil;
    const auto n = static_cast<std::size_t>(ratio / B::step) + B::stencil;
    const float* band = table.upto(n, size, most, n_threads, [](std::size_t k, float* values) {
        central_node((static_cast<double>(k) - 1) * B::step, values);
    });
    return {band, n};
}

/// Sites in the order of the table, so that what one of them reads the next one finds in the cache.
class NeighbouringSites {
public:
    double highest = 0;  ///< A / nu_r

    NeighbouringSites(const Sites& sites, double scale) : n_(sites.n), values_(4 * sites.n) {
        std::vector<std::uint32_t> key(n_);
        std::vector<std::size_t> order(n_);
        for (std::size_t i = 0; i < n_; ++i) {
            const double ratio = scale * sites.coupling[i] * sites.coupling[i], e = sites.eta[i];
            highest = std::max(highest, ratio);
            const double s = e < 0.5 ? std::sqrt(0.5 * e) : 1 - std::sqrt(0.5 * (1 - e));
            key[i] = static_cast<std::uint32_t>(std::min(ratio / B::step, 1e6)) << 8 |
                     static_cast<std::uint32_t>(s * T::n_cells);
            order[i] = i;
        }
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return key[a] < key[b]; });
        for (std::size_t k = 0; k < n_; ++k) {
            values_[k] = sites.delta_iso[order[k]];
            values_[n_ + k] = sites.coupling[order[k]];
            values_[2 * n_ + k] = sites.eta[order[k]];
            values_[3 * n_ + k] = sites.weight ? sites.weight[order[k]] : 1;
        }
    }
    LineSites block(std::size_t first) const {
        const double* v = values_.data() + first;
        return {std::min(site_block, n_ - first), v, v + n_, v + 2 * n_, v + 3 * n_, nullptr};
    }

private:
    std::size_t n_;
    std::vector<double> values_;
};

void check_speed(double speed) {
    if (!(speed > 0) || !std::isfinite(speed))
        invalid("speed must be positive and finite, got " + std::to_string(speed));
}

}  // namespace

SidebandLimits sideband_limits() { return limits; }

void shift_sidebands(const Sites& sites, const PpmAxis& axis, const LineSettings& settings,
                     double* intensity, double* outside, int n_threads) {
    check_lines(sites, axis, settings);
    check_speed(settings.speed);
    if (!sites.zeta || sites.coupling) invalid("sidebands of shifts need zeta and no C_Q");
    double mu = 0;
    for (std::size_t i = 0; i < sites.n; ++i)
        mu = std::max(mu, std::abs(sites.zeta[i]) / settings.speed);
    if (mu > limits.shift) {
        invalid("zeta must be at most " + std::to_string(limits.shift) + " times the speed, got " +
                std::to_string(mu));
    }
    const ShiftBands bands = shift_table(mu, n_threads);
    const std::size_t C = sites.n_components;
    const LineGrid grid = line_grid(axis);
    std::vector<double> total(C * (grid.stride + 1));
    accumulate((sites.n + site_block - 1) / site_block, total.size(), n_threads, total.data(),
               [&](std::size_t task, double* out) {
                   const std::size_t first = task * site_block;
                   LineSites some = line_sites(sites, first, site_block);
                   some.eta = sites.zeta_eta + first;
                   kernels().shift_bands(grid, bands, sites.zeta + first, settings.speed, some, out,
                                         out + C * grid.stride);
               });
    for (std::size_t c = 0; c < C; ++c) {
        std::copy_n(total.data() + c * grid.stride, axis.n, intensity + c * axis.n);
        outside[c] = total[C * grid.stride + c];
    }
}

void central_sidebands(const Sites& sites, const PpmAxis& axis, const LineSettings& settings,
                       double* intensity, double* outside, int n_threads) {
    check_lines(sites, axis, settings);
    check_speed(settings.speed);
    if (!sites.coupling || sites.zeta || sites.component)
        invalid("sidebands of the central transition need C_Q, no zeta and no components");
    const NeighbouringSites sorted(sites, settings.scale / settings.speed);
    if (sorted.highest > limits.central) {
        invalid("the second-order width must be at most " + std::to_string(limits.central) +
                " times the speed, got " + std::to_string(sorted.highest));
    }
    const CentralTable table = central_table();
    const CentralBands bands = central_bands_table(sorted.highest, n_threads);
    const LineGrid grid = line_grid(axis);
    constexpr std::size_t L = central_sideband_columns;
    const std::size_t size = grid.stride * L;
    std::vector<double> total(size + 1);
    accumulate((sites.n + site_block - 1) / site_block, total.size(), n_threads, total.data(),
               [&](std::size_t task, double* out) {
                   kernels().central_bands(grid, table, bands, settings.scale, settings.speed,
                                           sorted.block(task * site_block), out, out + size);
               });
    *outside = total[size];
    for (std::size_t p = 0; p < axis.n; ++p) {  // the centreband is what the sum leaves it
        const double* from = total.data() + p * L;
        double *to = intensity + p * L, rest = from[L - 1];
        for (std::size_t l = 0; l < L - 1; ++l) {
            to[l] = from[l];
            if (l != B::highest) rest -= from[l];
        }
        to[B::highest] = rest, to[L - 1] = 0;
    }
}

}  // namespace glassnmr
