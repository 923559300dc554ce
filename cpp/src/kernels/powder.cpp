// SPDX-License-Identifier: BSD-3-Clause
// A powder, orientation by orientation: the hot loops of THEORY.md section 12.5.
#include "kernels/level.hpp"
//
#include <cmath>

#include "kernels/powder.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

namespace {

constexpr std::size_t lanes = PowderKernels::lanes;
constexpr std::size_t n_phases = 12;  // of the rotor: enough for the harmonics up to the fourth
constexpr double cosine = 0.57735026918962576451, sine = 0.81649658092772603273;  // magic angle

/// Eq. (12.16) in the direction (x, y, z).
inline double frequency(const Anisotropy& s, double x, double y, double z) {
    const double zz = z * z, w = 1 - zz, d = y * y - x * x, e = s.eta;
    const double rank4 = (1 + e * e / 18) * ((35 * zz - 30) * zz + 3) / 8 -
                         (5 * e / 12) * d * (7 * zz - 1) + (35 * e * e / 144) * (2 * d * d - w * w);
    const double* q = s.second;
    return q[0] * x * x + q[1] * y * y + q[2] * zz +
           2 * (q[3] * x * y + z * (q[4] * x + q[5] * y)) + s.fourth * rank4;
}

/// Sine and cosine of |x| < 1e8 to 1e-15 of the circle; written out so that it becomes vector code.
inline void sine_cosine(double x, double& s, double& c) {
    constexpr double two_over_pi = 0.63661977236758134308;
    constexpr double high = 1.57079632673412561417, mid = 6.07710050630396597660e-11,
                     low = 2.02226624879595063154e-21;
    const double q = std::floor(x * two_over_pi + 0.5);
    const double r = ((x - q * high) - q * mid) - q * low, w = r * r;
    const double sn =
        r +
        r * w *
            (-1.66666666666666324348e-01 +
             w * (8.33333333332248946124e-03 +
                  w * (-1.98412698298579493134e-04 +
                       w * (2.75573137070700676789e-06 +
                            w * (-2.50507602534068634195e-08 + w * 1.58969099521155010221e-10)))));
    const double cs =
        1 - 0.5 * w +
        w * w *
            (4.16666666666666019037e-02 +
             w * (-1.38888888888741095749e-03 +
                  w * (2.48015872894767294178e-05 +
                       w * (-2.75573143513906633035e-07 +
                            w * (2.08757232129817482790e-09 + w * -1.13596475577881948265e-11)))));
    const double quarter = q - 4 * std::floor(0.25 * q);  // 0, 1, 2 or 3
    const bool odd = quarter == 1 || quarter == 3;
    const double a = odd ? cs : sn, b = odd ? sn : cs;
    s = quarter >= 2 ? -a : a;
    c = quarter == 1 || quarter == 2 ? -b : b;
}

/// In place sums over n times of lanes values: out_k = sum_j x_j exp(-2 pi i j k / n), Stockham's
/// order.
void transform(std::size_t n, const double* wave, double* re, double* im, double* re2,
               double* im2) {
    double *ar = re, *ai = im, *br = re2, *bi = im2;
    for (std::size_t half = n / 2, stride = 1; half >= 1; half /= 2, stride *= 2) {
        for (std::size_t p = 0; p < half; ++p) {
            const double wr = wave[2 * p * stride], wi = -wave[2 * p * stride + 1];
            for (std::size_t q = 0; q < stride; ++q) {
                const double *xr = ar + (q + stride * p) * lanes,
                             *xi = ai + (q + stride * p) * lanes;
                const double *yr = xr + stride * half * lanes, *yi = xi + stride * half * lanes;
                double *ur = br + (q + stride * 2 * p) * lanes,
                       *ui = bi + (q + stride * 2 * p) * lanes;
                double *vr = ur + stride * lanes, *vi = ui + stride * lanes;
                for (std::size_t l = 0; l < lanes; ++l) {
                    const double dr = xr[l] - yr[l], di = xi[l] - yi[l];
                    ur[l] = xr[l] + yr[l];
                    ui[l] = xi[l] + yi[l];
                    vr[l] = dr * wr - di * wi;
                    vi[l] = dr * wi + di * wr;
                }
            }
        }
        double* t = ar;
        ar = br, br = t, t = ai, ai = bi, bi = t;
    }
    if (ar == re) return;
    for (std::size_t k = 0; k < n * lanes; ++k) re[k] = ar[k], im[k] = ai[k];
}

/// The second antiderivative of a tent of area 1 over a < b < c.
struct Tent {
    double a, b, c, mean, rise, fall;

    Tent(double a_, double b_, double c_)
        : a(a_),
          b(b_),
          c(c_),
          mean((a_ + b_ + c_) / 3),
          rise(1 / (3 * (b_ - a_) * (c_ - a_))),
          fall(1 / (3 * (c_ - b_) * (c_ - a_))) {}
    double operator()(double p) const {
        if (p <= a) return 0;
        if (p < b) return (p - a) * (p - a) * (p - a) * rise;
        if (p < c) return p - mean + (c - p) * (c - p) * (c - p) * fall;
        return p - mean;
    }
};

/// A tent over thousands of steps, whose differences would be round-off: its height at each point,
/// scaled to its weight where all of it is on the axis.
double add_wide(double a, double b, double c, double m, double last, double* out) {
    const double start = a < 0 ? 0 : std::ceil(a), stop = c > last ? last : std::floor(c);
    const double top = 2 * m / (c - a);
    const double rise = b > a ? top / (b - a) : 0, fall = c > b ? top / (c - b) : 0;
    const auto height = [=](double p) {
        return p < b ? (p - a) * rise : c > b ? (c - p) * fall : top;
    };
    double sum = 0, factor = 1;
    for (double p = start; p <= stop; p += 1) sum += height(p);
    if (a >= 0 && c <= last) factor = m / sum;
    for (double p = start; p <= stop; p += 1)
        out[static_cast<std::ptrdiff_t>(p)] += factor * height(p);
    return a >= 0 && c <= last ? 0 : m - sum;
}

/// A tent of weight m on an axis that ends at `last`; what lies beyond is returned: eq. (12.21).
double add_tent(double a, double b, double c, double m, double last, double* out) {
    if (c <= 0 || a >= last) return m;
    const double mean = (a + b + c) / 3;
    if (c - a < 1e-4) {
        if (mean < 0 || mean > last) return m;
        const auto k = static_cast<std::ptrdiff_t>(mean);
        const double right = m * (mean - static_cast<double>(k));
        out[k] += m - right;
        out[k + 1] += right;
        return 0;
    }
    if (c - a > 4096) return add_wide(a, b, c, m, last, out);
    const double from = std::floor(a), to = std::floor(c) + 1;
    const double start = from < 0 ? 0 : from, stop = to > last ? last : to;
    const Tent tent(a - start, b - start, c - start);
    double before = tent(-1), here = tent(0), sum = 0;
    auto k = static_cast<std::ptrdiff_t>(start);
    for (double p = 0; p <= stop - start; p += 1, ++k) {
        const double after = tent(p + 1), w = m * ((after - here) - (here - before));
        out[k] += w;
        sum += w;
        before = here, here = after;
    }
    return from < 0 || to > last ? m - sum : 0;
}

}  // namespace

void still_frequencies(const Anisotropy& site, const double* direction, double* centre) {
    for (std::size_t l = 0; l < lanes; ++l)
        centre[l] = frequency(site, direction[l], direction[lanes + l], direction[2 * lanes + l]);
}

void turning_bands(const Anisotropy& site, double speed, const double* direction,
                   std::size_t n_times, const double* wave, double* work, double* centre,
                   double* bands) {
    const double *nx = direction, *ny = nx + lanes, *nz = ny + lanes;
    double first[6][lanes], harmonic[8][lanes];  // two axes across the rotor; cos and sin of 1 to 4
    for (std::size_t l = 0; l < lanes; ++l) {
        const double planar = std::sqrt(nx[l] * nx[l] + ny[l] * ny[l]);
        const double ca = planar > 0 ? nx[l] / planar : 1, sa = planar > 0 ? ny[l] / planar : 0;
        first[0][l] = ca * nz[l], first[1][l] = sa * nz[l], first[2][l] = -planar;
        first[3][l] = -sa, first[4][l] = ca, first[5][l] = 0;
        centre[l] = 0;
        for (std::size_t h = 0; h < 8; ++h) harmonic[h][l] = 0;
    }
    for (std::size_t j = 0; j < n_phases; ++j) {
        const double turn = 6.28318530717958647693 * static_cast<double>(j) / n_phases;
        const double c = sine * std::cos(turn), s = sine * std::sin(turn);
        double turned[8];
        for (int h = 1; h <= 4; ++h) {
            turned[2 * h - 2] = std::cos(h * turn) * 2 / n_phases;
            turned[2 * h - 1] = std::sin(h * turn) * 2 / n_phases;
        }
        for (std::size_t l = 0; l < lanes; ++l) {
            const double f = frequency(site, cosine * nx[l] + c * first[0][l] + s * first[3][l],
                                       cosine * ny[l] + c * first[1][l] + s * first[4][l],
                                       cosine * nz[l] + c * first[2][l] + s * first[5][l]);
            centre[l] += f / n_phases;
            for (std::size_t h = 0; h < 8; ++h) harmonic[h][l] += f * turned[h];
        }
    }
    if (n_times == 0) return;
    double *re = work, *im = re + n_times * lanes;
    for (std::size_t h = 0; h < 4; ++h) {
        const double per_turn = 1 / (static_cast<double>(h + 1) * speed);
        for (std::size_t l = 0; l < lanes; ++l)
            harmonic[2 * h][l] *= per_turn, harmonic[2 * h + 1][l] *= per_turn;
    }
    for (std::size_t j = 0; j < n_times; ++j) {
        const double *w1 = wave + 2 * j, *w2 = wave + 2 * (2 * j % n_times),
                     *w3 = wave + 2 * (3 * j % n_times), *w4 = wave + 2 * (4 * j % n_times);
        for (std::size_t l = 0; l < lanes; ++l) {
            const double phase = harmonic[0][l] * w1[1] - harmonic[1][l] * w1[0] +
                                 harmonic[2][l] * w2[1] - harmonic[3][l] * w2[0] +
                                 harmonic[4][l] * w3[1] - harmonic[5][l] * w3[0] +
                                 harmonic[6][l] * w4[1] - harmonic[7][l] * w4[0];
            sine_cosine(phase, im[j * lanes + l], re[j * lanes + l]);
        }
    }
    transform(n_times, wave, re, im, im + n_times * lanes, im + 2 * n_times * lanes);
    const double norm = 1 / (static_cast<double>(n_times) * static_cast<double>(n_times));
    for (std::size_t k = 0; k < n_times * lanes; ++k)
        bands[k] = (re[k] * re[k] + im[k] * im[k]) * norm;
}

void deposit_triangles(const LineGrid& grid, std::size_t n, const unsigned* corner,
                       const double* share, const double* place, double origin, double weight,
                       std::size_t n_bands, const double* offset, const double* bands, double* out,
                       double* outside) {
    const double last = static_cast<double>(grid.n - 1);
    double lost = 0;
    for (std::size_t t = 0; t < n; ++t) {
        const std::size_t i = corner[3 * t], j = corner[3 * t + 1], k = corner[3 * t + 2];
        double a = origin + place[i], b = origin + place[j], c = origin + place[k], swap;
        if (a > b) swap = a, a = b, b = swap;
        if (b > c) swap = b, b = c, c = swap;
        if (a > b) swap = a, a = b, b = swap;
        const double m = weight * share[t];
        if (n_bands == 0) {
            lost += add_tent(a, b, c, m, last, out);
            continue;
        }
        const double *u = bands + i * n_bands, *v = bands + j * n_bands, *w = bands + k * n_bands;
        for (std::size_t band = 0; band < n_bands; ++band) {
            const double part = m * (u[band] + v[band] + w[band]) / 3, o = offset[band];
            if (part > 1e-17 * m) lost += add_tent(a + o, b + o, c + o, part, last, out);
        }
    }
    *outside += lost;
}

}  // namespace glassnmr::GLASSNMR_LEVEL
