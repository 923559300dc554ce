// SPDX-License-Identifier: BSD-3-Clause
#include "fork.hpp"

// Clang's runtime repairs itself after a fork; without OpenMP or fork there is nothing to repair.
#if defined(_OPENMP) && defined(__GNUC__) && !defined(__clang__) && !defined(_WIN32)
#define GLASSNMR_GUARD_FORKS
#include <omp.h>
#include <pthread.h>
#endif

namespace glassnmr {

#ifdef GLASSNMR_GUARD_FORKS

namespace {

void give_threads_back() {
    if (!omp_in_parallel()) omp_pause_resource_all(omp_pause_hard);
}

}  // namespace

void make_forks_safe() {
    static const int registered = pthread_atfork(&give_threads_back, nullptr, nullptr);
    (void)registered;
}

#else

void make_forks_safe() {}

#endif

}  // namespace glassnmr
