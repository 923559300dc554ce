// SPDX-License-Identifier: BSD-3-Clause
// Sums over tasks that do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "parallel.hpp"

namespace glassnmr {

/// total[size] = the sum over tasks of what body(task, out) adds to its own zeroed out[size]; in
/// the order of the tasks, whoever came first.
template <class Body>
void accumulate(std::size_t n_tasks, std::size_t size, int n_threads, double* total,
                const Body& body) {
    constexpr std::size_t scratch = std::size_t{1} << 23;  // values in all tasks' sums at any time
    const std::size_t wave = std::min(std::clamp<std::size_t>(scratch / size, 1, 64), n_tasks);
    std::vector<double> buffer(wave * size);
    std::fill_n(total, size, 0.0);
    for (std::size_t start = 0; start < n_tasks; start += wave) {
        const std::size_t n_now = std::min(wave, n_tasks - start);
        parallel_for(n_now, n_threads, [&](std::size_t task) {
            double* out = buffer.data() + task * size;
            std::fill_n(out, size, 0.0);
            body(start + task, out);
        });
        for (std::size_t task = 0; task < n_now; ++task) {
            const double* out = buffer.data() + task * size;
            for (std::size_t k = 0; k < size; ++k) total[k] += out[k];
        }
    }
}

}  // namespace glassnmr
