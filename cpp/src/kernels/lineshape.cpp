// SPDX-License-Identifier: BSD-3-Clause
// Lines laid on an axis: the hot loops of THEORY.md section 12.
#include "kernels/level.hpp"
//
#include <cmath>

#include "kernels/axis.hpp"
#include "kernels/lineshape.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

namespace {

constexpr std::size_t K = CentralTable::n_intervals;

/// Where eta lies in the table: cell j and place t inside it, eq. (12.8).
struct Cell {
    std::size_t j;
    double t;

    explicit Cell(double eta) {
        const double s = eta < 0.5 ? std::sqrt(0.5 * eta) : 1 - std::sqrt(0.5 * (1 - eta));
        const double cell = s * static_cast<double>(CentralTable::n_cells);
        j = cell < CentralTable::n_cells ? static_cast<std::size_t>(cell)
                                         : CentralTable::n_cells - 1;
        t = cell - static_cast<double>(j);
    }
    double mean(const CentralTable& table) const {
        const double* mean = table.mean + 3 * j;
        return mean[0] + t * (mean[1] + t * mean[2]);
    }
};

/// Nodes of a line in steps of the axis, rising or falling with the sign of rank4.
inline void nodes(const LineGrid& grid, const CentralTable& table, const Cell& cell, double delta,
                  double eta, double rank0, double rank4, double* place) {
    const double low = rank0 * (1 + eta * eta / 3) / 30;
    const double origin =
        (delta - low - grid.first) * grid.per_step - rank4 * grid.per_step * cell.mean(table);
    const double width = rank4 * grid.per_step;
    const double *v0 = table.node + 2 * cell.j * (K + 1), *v1 = v0 + (K + 1);
    for (std::size_t k = 0; k <= K; ++k)
        place[k] = origin + width * (v0[k] + cell.t * (v1[k] - v0[k]));
}

inline void masses(const CentralTable& table, const Cell& cell, double m, double* mass) {
    const double *m0 = table.mass + 2 * cell.j * K, *m1 = m0 + K;
    for (std::size_t k = 0; k < K; ++k) mass[k] = m * (m0[k] + cell.t * (m1[k] - m0[k]));
}

/// The sum of eight rows of the sidebands' table.
inline void blend(const float* c, const float* const* b, float* out) {
    const float *b0 = b[0], *b1 = b[1], *b2 = b[2], *b3 = b[3];
    const float *b4 = b[4], *b5 = b[5], *b6 = b[6], *b7 = b[7];
    for (std::size_t i = 0; i < K * CentralBands::lanes; ++i) {
        out[i] = c[0] * b0[i] + c[1] * b1[i] + c[2] * b2[i] + c[3] * b3[i] + c[4] * b4[i] +
                 c[5] * b5[i] + c[6] * b6[i] + c[7] * b7[i];
    }
}

}  // namespace

void isotropic_lines(const LineGrid& grid, const LineSites& sites, double* out, double* outside) {
    const double last = static_cast<double>(grid.n - 1);
    for (std::size_t i = 0; i < sites.n; ++i) {
        const std::size_t c = sites.component ? static_cast<std::size_t>(sites.component[i]) : 0;
        const double m = sites.weight ? sites.weight[i] : 1;
        const double place = (sites.delta[i] - grid.first) * grid.per_step;
        if (place >= 0 && place <= last) {
            add_point<1>(place, &m, out + c * grid.stride);
        } else {
            outside[c] += m;
        }
    }
}

void central_lines(const LineGrid& grid, const CentralTable& table, const LineRanks& ranks,
                   double share, const LineSites& sites, double* out, double* outside) {
    const double last = static_cast<double>(grid.n - 1);
    double place[K + 1], mass[K];
    for (std::size_t i = 0; i < sites.n; ++i) {
        const std::size_t c = sites.component ? static_cast<std::size_t>(sites.component[i]) : 0;
        double* to = out + c * grid.stride;
        const Cell cell(sites.eta[i]);
        const double width = ranks.scale * sites.coupling[i] * sites.coupling[i];
        nodes(grid, table, cell, sites.delta[i], sites.eta[i], width * ranks.rank0,
              width * ranks.rank4, place);
        masses(table, cell, (sites.weight ? sites.weight[i] : 1) * share, mass);
        const bool falls = place[K] < place[0];
        const double left = falls ? place[K] : place[0], right = falls ? place[0] : place[K];
        if (left >= 0 && right <= last && !falls) {
            for (std::size_t k = 0; k < K; ++k) add_box<1>(place[k], place[k + 1], mass + k, to);
        } else {
            for (std::size_t k = 0; k < K; ++k)
                add_clipped<1>(place[falls ? k + 1 : k], place[falls ? k : k + 1], mass + k, last,
                               to, outside + c);
        }
    }
}

void paired_lines(const LineGrid& grid, const CentralTable& table, double scale, std::size_t n,
                  const double* delta, const double* coupling, const double* eta,
                  const double* weights, double* out, double* outside) {
    const double last = static_cast<double>(grid.n - 1);
    double place[K + 1], mass[K];
    for (std::size_t i = 0; i < n; ++i) {
        const Cell cell(eta[i]);
        const double width = scale * coupling[i] * coupling[i];
        nodes(grid, table, cell, delta[i], eta[i], width, width, place);
        masses(table, cell, 1, mass);
        const double* w = weights + 2 * i;
        const bool within = place[0] >= 0 && place[K] <= last;
        for (std::size_t k = 0; k < K; ++k) {
            const double both[2] = {w[0] * mass[k], w[1] * mass[k]};
            if (within) {
                add_box<2>(place[k], place[k + 1], both, out);
            } else {
                add_clipped<2>(place[k], place[k + 1], both, last, out, outside);
            }
        }
    }
}

void central_bands(const LineGrid& grid, const CentralTable& table, const CentralBands& bands,
                   double scale, double speed, const LineSites& sites, double* out,
                   double* outside) {
    constexpr std::size_t L = CentralBands::lanes, row = K * L;
    constexpr std::size_t plane = 2 * CentralTable::n_cells * row;
    const double last = static_cast<double>(grid.n - 1);
    double place[K + 1], mass[K];
    float share[row];
    for (std::size_t i = 0; i < sites.n; ++i) {
        const Cell cell(sites.eta[i]);
        const double width = scale * sites.coupling[i] * sites.coupling[i];
        nodes(grid, table, cell, sites.delta[i], sites.eta[i], width, width, place);
        masses(table, cell, sites.weight ? sites.weight[i] : 1, mass);
        // cubic Lagrange between the nodes -1, 0, 1, 2 around x, linear in the place in the cell
        const double at = width / (speed * CentralBands::step);
        const auto node = static_cast<std::size_t>(at);
        const double f = at - static_cast<double>(node);
        const double cubic[4] = {-f * (f - 1) * (f - 2) / 6, (f + 1) * (f - 1) * (f - 2) / 2,
                                 -(f + 1) * f * (f - 2) / 2, (f + 1) * f * (f - 1) / 6};
        float c[8];
        const float* b[8];
        for (std::size_t a = 0; a < 4; ++a) {
            c[a] = static_cast<float>(cubic[a] * (1 - cell.t));
            c[a + 4] = static_cast<float>(cubic[a] * cell.t);
            b[a] = bands.band + (node + a) * plane + 2 * cell.j * row;
            b[a + 4] = b[a] + row;
        }
        blend(c, b, share);
        double lost[L] = {};
        for (std::size_t k = 0; k < K; ++k) {
            double m[L];
            for (std::size_t l = 0; l < L; ++l)
                m[l] = mass[k] * static_cast<double>(share[k * L + l]);
            m[L - 1] = mass[k];
            add_clipped<L>(place[k], place[k + 1], m, last, out, lost);
        }
        *outside += lost[L - 1];
    }
}

void shift_bands(const LineGrid& grid, const ShiftBands& bands, const double* zeta, double speed,
                 const LineSites& sites, double* out, double* outside) {
    constexpr std::size_t L = ShiftBands::lanes, E = ShiftBands::n_eta, A = ShiftBands::stencil;
    const double last = static_cast<double>(grid.n - 1);
    for (std::size_t i = 0; i < sites.n; ++i) {
        const std::size_t c = sites.component ? static_cast<std::size_t>(sites.component[i]) : 0;
        const double at = std::abs(zeta[i]) / (speed * ShiftBands::step);
        const auto node = static_cast<std::size_t>(at);
        const double f = at - static_cast<double>(node), square = sites.eta[i] * sites.eta[i];
        double in_mu[A], in_eta[E], sum = 0, share[L] = {};
        for (std::size_t a = 0; a < A; ++a) {  // Lagrange between the nodes -2 ... 3 around mu
            in_mu[a] = 1;
            for (std::size_t b = 0; b < A; ++b) {
                const double from = static_cast<double>(b) - 2, to = static_cast<double>(a) - 2;
                if (b != a) in_mu[a] *= (f - from) / (to - from);
            }
        }
        std::size_t hit = E;
        for (std::size_t e = 0; e < E; ++e) {  // the second barycentric form
            const double distance = square - bands.eta[e];
            if (std::abs(distance) < 1e-15) hit = e;
            sum += in_eta[e] = bands.eta_weight[e] / distance;
        }
        for (std::size_t e = 0; e < E; ++e)
            in_eta[e] = hit == E ? in_eta[e] / sum : static_cast<double>(e == hit);
        for (std::size_t a = 0; a < A; ++a) {
            const double* b = bands.band + (node + a) * E * L;
            for (std::size_t e = 0; e < E; ++e) {
                const double w = in_mu[a] * in_eta[e];
                for (std::size_t l = 0; l < L; ++l) share[l] += w * b[e * L + l];
            }
        }
        const double m = sites.weight ? sites.weight[i] : 1;
        double rest = 1;
        for (std::size_t l = 0; l < L; ++l) rest -= share[l];
        share[L / 2] += rest;
        const double origin = (sites.delta[i] - grid.first) * grid.per_step;
        const double hop = (zeta[i] < 0 ? -speed : speed) * grid.per_step;
        for (std::size_t l = 0; l < L; ++l) {
            const double part = m * share[l];
            const double place =
                origin + hop * (static_cast<double>(l) - static_cast<double>(L / 2));
            if (place >= 0 && place <= last) {
                add_point<1>(place, &part, out + c * grid.stride);
            } else {
                outside[c] += part;
            }
        }
    }
}

}  // namespace glassnmr::GLASSNMR_LEVEL
