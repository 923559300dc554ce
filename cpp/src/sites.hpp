// SPDX-License-Identifier: BSD-3-Clause
// What all the line makers check and pass to the kernels.
#pragma once

#include <glassnmr/spectra.hpp>

#include "kernels/kernels.hpp"

namespace glassnmr {

constexpr std::size_t site_block = 4096;  ///< sites a task: fixed, so that threads change no bit

/// Throws std::invalid_argument unless sites, axis and settings are in their ranges.
void check_lines(const Sites& sites, const PpmAxis& axis, const LineSettings& settings);
void check_axis(const PpmAxis& axis, const char* name);

/// The sites from `first` on, at most n.
LineSites line_sites(const Sites& sites, std::size_t first, std::size_t n);

/// Reference frame of the kernels' axis.
inline LineGrid line_grid(const PpmAxis& axis) {
    return {axis.first, 1 / axis.step, axis.n, axis.n + 1};
}

}  // namespace glassnmr
