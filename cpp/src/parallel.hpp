// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <exception>

#include "fork.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace glassnmr {

/// Threads a call will use: the caller's wish, or OpenMP's default for 0.
inline int resolve_threads(int wanted) {
#ifdef _OPENMP
    return wanted > 0 ? wanted : omp_get_max_threads();
#else
    (void)wanted;
    return 1;
#endif
}

/// Run body(i) for i in [0, n), each i on one thread.
///
/// The only place in the core with an OpenMP pragma. Results do not depend on the number of threads
/// as long as each output is written by one i. An exception must not leave an OpenMP region: the
/// first one is kept and thrown after it.
template <class Body>
void parallel_for(std::size_t n, int n_threads, const Body& body) {
    std::exception_ptr error;
    const auto last = static_cast<std::ptrdiff_t>(n);
    const int threads = resolve_threads(n_threads);
    if (threads > 1 && last > 1) make_forks_safe();
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (threads > 1 && last > 1)
#endif
    for (std::ptrdiff_t i = 0; i < last; ++i) {
        try {
            body(static_cast<std::size_t>(i));
        } catch (...) {
#ifdef _OPENMP
#pragma omp critical(glassnmr_parallel_error)
#endif
            if (!error) error = std::current_exception();
        }
    }
    if (error) std::rethrow_exception(error);
}

}  // namespace glassnmr
