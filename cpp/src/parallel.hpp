// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <exception>

#include "fork.hpp"

#ifdef _OPENMP
#include <omp.h>
#else
#include <algorithm>
#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>
#endif

namespace glassnmr {

/// Threads a call will use: the caller's wish, or for 0 OpenMP's default, without OpenMP one for
/// each processor.
inline int resolve_threads(int wanted) {
    if (wanted > 0) return wanted;
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
#endif
}

#ifndef _OPENMP
/// Run work() on so many threads at once, the caller's among them; on one inside such a region.
template <class Work>
void on_threads(int threads, const Work& work) {
    thread_local bool inside = false;
    const bool outside = !inside;
    inside = true;
    std::vector<std::thread> others;
    try {
        for (int k = 1; outside && k < threads; ++k) {
            others.emplace_back([&work] {
                inside = true;
                work();
            });
        }
    } catch (const std::system_error&) {  // no more threads to be had: fewer do it
    }
    work();
    for (auto& other : others) other.join();
    if (outside) inside = false;
}
#endif

/// Run body(i) for i in [0, n), each i on one thread.
///
/// The only place in the core with an OpenMP pragma; without OpenMP, or under a thread sanitizer,
/// which does not see what OpenMP's runtime orders, threads of the standard library do the same.
/// Results do not depend on the number of threads as long as each output is written by one i. An
/// exception must not leave the region: the first one is kept and thrown after it.
template <class Body>
void parallel_for(std::size_t n, int n_threads, const Body& body) {
    std::exception_ptr error;
    const auto last = static_cast<std::ptrdiff_t>(n);
    const int threads = resolve_threads(n_threads);
#ifdef _OPENMP
    if (threads > 1 && last > 1) make_forks_safe();
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (threads > 1 && last > 1)
    for (std::ptrdiff_t i = 0; i < last; ++i) {
        try {
            body(static_cast<std::size_t>(i));
        } catch (...) {
#pragma omp critical(glassnmr_parallel_error)
            if (!error) error = std::current_exception();
        }
    }
#else
    std::atomic<std::ptrdiff_t> next{0};
    std::mutex one;
    on_threads(static_cast<int>(std::min<std::ptrdiff_t>(threads, last)), [&] {
        for (std::ptrdiff_t i = next++; i < last; i = next++) {
            try {
                body(static_cast<std::size_t>(i));
            } catch (...) {
                const std::lock_guard<std::mutex> alone(one);
                if (!error) error = std::current_exception();
            }
        }
    });
#endif
    if (error) std::rethrow_exception(error);
}

}  // namespace glassnmr
