// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/radial.hpp>

#include "arrays.hpp"

inline glassnmr::RadialSettings radial_settings(const std::string& basis, double cutoff,
                                                std::size_t n_max, std::size_t l_max, double sigma,
                                                const std::pair<double, double>& scaling) {
    return {
        glassnmr::radial_kind(basis), cutoff, n_max, l_max, sigma, scaling.first, scaling.second};
}
