// SPDX-License-Identifier: BSD-3-Clause
// Kernel values: THEORY.md section 7.
#include "kernels/level.hpp"
//
#include <Eigen/Core>
#include <glassnmr/kernel.hpp>

#include "kernels/kernel_values.hpp"

namespace glassnmr::GLASSNMR_LEVEL {

namespace {

/// `body` over a row in whole vectors, so that a value depends neither on its place nor on the
/// alignment.
template <class Body>
inline void in_packets(std::size_t n, double* row, const double* other, const Body& body) {
    constexpr std::size_t lanes = 8;
    using Packet = Eigen::Array<double, lanes, 1>;
    using Row = Eigen::Map<Packet>;
    using Other = Eigen::Map<const Packet>;
    std::size_t j = 0;
    for (; j + lanes <= n; j += lanes) Row(row + j) = body(Row(row + j), Other(other + j));
    if (j == n) return;
    Packet a = Packet::Zero(), b = Packet::Zero();
    for (std::size_t k = 0; j + k < n; ++k) {
        a[static_cast<Eigen::Index>(k)] = row[j + k];
        b[static_cast<Eigen::Index>(k)] = other[j + k];
    }
    const Packet value = body(a, b);
    for (std::size_t k = 0; j + k < n; ++k) row[j + k] = value[static_cast<Eigen::Index>(k)];
}

}  // namespace

void kernel_values(const Kernel& kernel, std::size_t n, std::size_t m, const double* xx,
                   const double* yy, double* g, std::size_t ldg) {
    for (std::size_t i = 0; i < n; ++i) {
        double* row = g + i * ldg;
        if (kernel.kind == KernelKind::gaussian) {
            const double x = xx[i], minus_kappa = -kernel.kappa;
            in_packets(m, row, yy, [=](const auto& dot, const auto& y) {
                return (((x + y) - 2 * dot).max(0.0) * minus_kappa).exp();
            });
        } else if (kernel.kind == KernelKind::polynomial) {
            for (std::size_t j = 0; j < m; ++j) {
                const double base = row[j] + kernel.offset;
                double value = base;
                for (int d = 1; d < kernel.degree; ++d) value *= base;
                row[j] = value;
            }
        }
    }
}

void kernel_from_distances(double kappa, std::size_t n, double* d2) {
    in_packets(n, d2, d2, [=](const auto& a, const auto&) { return (a * -kappa).exp(); });
}

}  // namespace glassnmr::GLASSNMR_LEVEL
