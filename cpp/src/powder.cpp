// SPDX-License-Identifier: BSD-3-Clause
#include "powder.hpp"

#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/spectra.hpp>
#include <string>

#include "accumulate.hpp"
#include "kernels/kernels.hpp"
#include "octant.hpp"
#include "sites.hpp"

namespace glassnmr {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr std::size_t lanes = PowderKernels::lanes, most_samples = std::size_t{1} << 14;

/// R diag(values) R^t with R = R_z(a) R_y(b) R_z(c): eq. (11.9), added as xx, yy, zz, xy, xz, yz.
void add_turned(const double* values, const double* euler, double* out) {
    const double ca = std::cos(euler[0]), sa = std::sin(euler[0]), cb = std::cos(euler[1]),
                 sb = std::sin(euler[1]), cc = std::cos(euler[2]), sc = std::sin(euler[2]);
    const double r[3][3] = {{ca * cb * cc - sa * sc, -ca * cb * sc - sa * cc, ca * sb},
                            {sa * cb * cc + ca * sc, -sa * cb * sc + ca * cc, sa * sb},
                            {-sb * cc, sb * sc, cb}};
    const std::size_t places[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};
    for (std::size_t p = 0; p < 6; ++p) {
        for (std::size_t k = 0; k < 3; ++k)
            out[p] += r[places[p][0]][k] * values[k] * r[places[p][1]][k];
    }
}

/// True where the axes of the shift are not those of the field gradient.
bool has_turned_axes(const Sites& s, std::size_t i) {
    if (!s.euler || !s.coupling || s.zeta[i] == 0 || s.coupling[i] == 0) return false;
    return s.euler[3 * i] != 0 || s.euler[3 * i + 1] != 0 || s.euler[3 * i + 2] != 0;
}

/// The frequency of a transition of site i in ppm, without its constant part: eq. (12.16).
Anisotropy anisotropy(const Sites& s, std::size_t i, const LineSettings& settings,
                      const Transition& one, double& constant) {
    Anisotropy out = {{0, 0, 0, 0, 0, 0}, 0, s.coupling ? s.eta[i] : 0};
    constant = s.delta_iso[i];
    if (s.zeta) {
        const double z = s.zeta[i], e = s.zeta_eta[i];
        const double values[3] = {-0.5 * z * (1 + e), -0.5 * z * (1 - e), z}, none[3] = {0, 0, 0};
        add_turned(values, has_turned_axes(s, i) ? s.euler + 3 * i : none, out.second);
    }
    if (s.coupling) {
        const double width = settings.scale * s.coupling[i] * s.coupling[i], e = s.eta[i];
        const double first = one.order1 * settings.order1 * s.coupling[i];
        const double second = -width * one.rank2 * 2 / 21, d = 1 - e * e / 3;
        constant -= width * one.rank0 * (1 + e * e / 3) / 30;
        out.second[0] += first * 0.5 * (e - 1) + second * (-0.5 * d - e);
        out.second[1] += first * 0.5 * (-e - 1) + second * (-0.5 * d + e);
        out.second[2] += first + second * d;
        out.fourth = width * one.rank4 * 9 / 70;
    }
    return out;
}

/// A bound of how far the frequency strays from its mean over a turn.
double stray(const Anisotropy& a) {
    double sum = 0;
    for (std::size_t k = 0; k < 6; ++k) sum += (k < 3 ? 1 : 2) * a.second[k] * a.second[k];
    return std::sqrt(sum * 2 / 3) + 1.5 * std::abs(a.fourth);
}

/// One site's transition over one octant, laid on an axis.
class OctantLine {
public:
    OctantLine(const Octant& octant, const LineGrid& grid)
        : octant_(octant), grid_(grid), corner_(3 * octant.n_triangles(0)) {}

    void operator()(const Anisotropy& a, double constant, double speed, double weight,
                    const double* sign, double* out, double* lost) {
        const bool bands = speed > 0 && std::isfinite(speed);
        const std::size_t n_bands = bands ? turn_samples(stray(a) / speed) : 0;
        Evaluator evaluate(speed, n_bands);
        const std::size_t most = 2 * octant_.row_size(0);
        xyz_.resize(3 * most), centre_.resize(most), bands_.resize(most * n_bands);
        offset_.resize(n_bands);
        for (std::size_t k = 0; k < n_bands; ++k) {
            const double order = static_cast<double>(k) - static_cast<double>(n_bands / 2);
            offset_[k] = order * speed * grid_.per_step;
        }
        row(evaluate, a, 0, sign, 0, n_bands);
        for (std::size_t i = 0; i < octant_.density(); ++i) {
            const std::size_t here = octant_.row_size(i), above = octant_.row_size(i + 1);
            row(evaluate, a, i + 1, sign, here, n_bands);
            octant_.corners(i, corner_.data());
            kernels().deposit_triangles(grid_, octant_.n_triangles(i), corner_.data(),
                                        octant_.shares(i), centre_.data(),
                                        (constant - grid_.first) * grid_.per_step, weight, n_bands,
                                        offset_.data(), bands_.data(), out, lost);
            std::copy_n(centre_.begin() + static_cast<std::ptrdiff_t>(here), above,
                        centre_.begin());
            std::copy_n(bands_.begin() + static_cast<std::ptrdiff_t>(here * n_bands),
                        above * n_bands, bands_.begin());
        }
    }

private:
    /// Row i of the octant evaluated into the places from `at` on.
    void row(Evaluator& evaluate, const Anisotropy& a, std::size_t i, const double* sign,
             std::size_t at, std::size_t n_bands) {
        const std::size_t n = octant_.row_size(i);
        for (std::size_t j = 0; j < n; ++j) {
            octant_.direction(i, j, &xyz_[3 * j]);
            for (std::size_t k = 0; k < 3; ++k) xyz_[3 * j + k] *= sign[k];
        }
        evaluate(a, n, xyz_.data(), &centre_[at], bands_.data() + at * n_bands);
        for (std::size_t j = 0; j < n; ++j) centre_[at + j] *= grid_.per_step;
    }

    const Octant& octant_;
    LineGrid grid_;
    std::vector<double> xyz_, centre_, bands_, offset_;
    std::vector<unsigned> corner_;
};

}  // namespace

std::size_t turn_samples(double reach) {
    const double wanted = 2 * (reach + 3 * std::cbrt(reach) + 6);
    if (!(wanted < static_cast<double>(most_samples))) {
        invalid("spinning_speed is too slow for the anisotropy: more than " +
                std::to_string(most_samples) + " sidebands");
    }
    std::size_t n = 16;
    while (static_cast<double>(n) < wanted) n *= 2;
    return n;
}

std::vector<double> turn_wave(std::size_t n) {
    std::vector<double> wave(2 * n);
    for (std::size_t j = 0; j < n; ++j) {
        const double turn = 2 * pi * static_cast<double>(j) / static_cast<double>(n);
        wave[2 * j] = std::cos(turn), wave[2 * j + 1] = std::sin(turn);
    }
    return wave;
}

Evaluator::Evaluator(double speed_, std::size_t n_times)
    : speed(speed_),
      n_times_(n_times),
      wave_(turn_wave(n_times)),
      work_(4 * n_times * lanes),
      lane_bands_(n_times * lanes) {}

void Evaluator::operator()(const Anisotropy& site, std::size_t n, const double* xyz, double* centre,
                           double* bands) {
    double direction[3 * lanes], value[lanes];
    for (std::size_t i = 0; i < n; i += lanes) {
        const std::size_t now = std::min(lanes, n - i);
        for (std::size_t l = 0; l < lanes; ++l) {  // the last one fills up
            for (std::size_t k = 0; k < 3; ++k)
                direction[k * lanes + l] = xyz[3 * (i + std::min(l, now - 1)) + k];
        }
        if (speed == 0) {
            kernels().still_frequencies(site, direction, value);
        } else {
            kernels().turning_bands(site, speed, direction, n_times_, wave_.data(), work_.data(),
                                    value, lane_bands_.data());
        }
        for (std::size_t l = 0; l < now; ++l) centre[i + l] = value[l];
        for (std::size_t k = 0; k < n_times_; ++k) {
            const double* from = &lane_bands_[((k + n_times_ / 2) % n_times_) * lanes];
            for (std::size_t l = 0; l < now; ++l) bands[(i + l) * n_times_ + k] = from[l];
        }
    }
}

void powder_lines(const Sites& sites, const PpmAxis& axis, const LineSettings& settings,
                  double* intensity, double* outside, int n_threads) {
    check_lines(sites, axis, settings);
    const Transition central = {1, 0, 1, 1, 1};
    const Transition* transitions = settings.transitions ? settings.transitions : &central;
    const std::size_t n_transitions = settings.transitions ? settings.n_transitions : 1;
    const std::size_t C = sites.n_components;
    const LineGrid grid = line_grid(axis);
    const Octant octant(settings.density);
    const std::size_t per_task = std::clamp<std::size_t>(sites.n / 64, 1, 64);
    std::vector<double> total(C * (grid.stride + 1));
    // The field and its opposite are one: the octants of the upper half, or one where all are
    // alike.
    accumulate(4 * ((sites.n + per_task - 1) / per_task), total.size(), n_threads, total.data(),
               [&](std::size_t task, double* out) {
                   const std::size_t first = task / 4 * per_task, quarter = task % 4;
                   const double sign[3] = {quarter & 1 ? -1. : 1., quarter & 2 ? -1. : 1., 1.};
                   OctantLine line(octant, grid);
                   for (std::size_t i = first; i < std::min(first + per_task, sites.n); ++i) {
                       const bool all = has_turned_axes(sites, i);
                       if (!all && quarter != 0) continue;
                       const std::size_t c =
                           sites.component ? static_cast<std::size_t>(sites.component[i]) : 0;
                       const double m = (sites.weight ? sites.weight[i] : 1) * (all ? 0.25 : 1);
                       for (std::size_t t = 0; t < n_transitions; ++t) {
                           const Transition& one = transitions[t];
                           double constant;
                           const auto a = anisotropy(sites, i, settings, one, constant);
                           line(a, constant, settings.speed, m * one.weight, sign,
                                out + c * grid.stride, out + C * grid.stride + c);
                       }
                   }
               });
    for (std::size_t c = 0; c < C; ++c) {
        std::copy_n(total.data() + c * grid.stride, axis.n, intensity + c * axis.n);
        outside[c] = total[C * grid.stride + c];
    }
}

}  // namespace glassnmr
