// SPDX-License-Identifier: BSD-3-Clause
// Functions made for each number of radial functions, and one for any other.
#pragma once

#include <cstddef>

namespace glassnmr::GLASSNMR_LEVEL {

constexpr std::size_t most_n = 64;  // the largest number of radial functions, padded

}  // namespace glassnmr::GLASSNMR_LEVEL

// Calls `function` with the padded number of radial functions as a constant, where one was made.
// compiled. most_n: the largest of all.
#define GLASSNMR_PADDED(function, n_pad, ...) \
    switch (n_pad) {                          \
        case 4:                               \
            return function<4>(__VA_ARGS__);  \
        case 8:                               \
            return function<8>(__VA_ARGS__);  \
        case 12:                              \
            return function<12>(__VA_ARGS__); \
        case 16:                              \
            return function<16>(__VA_ARGS__); \
        default:                              \
            return function<0>(__VA_ARGS__);  \
    }
