// SPDX-License-Identifier: BSD-3-Clause
#include <cstdlib>
#include <cstring>
#include <glassnmr/config.hpp>
#include <glassnmr/error.hpp>
#include <string>

#include "kernels/kernels.hpp"
#include "parallel.hpp"

namespace glassnmr {

// levels.inc is a list level(x86_64) level(x86_64_v3) ..., lowest first, written by CMake.
#define level(name)             \
    namespace name {            \
    extern const Kernels table; \
    }
#include "levels.inc"
#undef level

namespace {

const Kernels* const built[] = {
#define level(name) &name::table,
#include "levels.inc"
#undef level
};

/// By features: compilers of a few years ago do not know the levels by name.
bool runs_here(const char* name) {
#if defined(__x86_64__)
    const bool v2 = __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.2") &&
                    __builtin_cpu_supports("popcnt");
    const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
    if (!std::strcmp(name, "x86_64_v4")) return v4;
    if (!std::strcmp(name, "x86_64_v3")) return v3;
    if (!std::strcmp(name, "x86_64_v2")) return v2;
#endif
    (void)name;
    return true;
}

/// Choose once; a name from the environment is taken literally or refused.
const Kernels* choose() {
    const char* wanted = std::getenv("GLASSNMR_LEVEL");
    const Kernels* best = nullptr;
    for (const Kernels* candidate : built) {
        if (!runs_here(candidate->level)) continue;
        if (wanted && *wanted && std::strcmp(wanted, candidate->level) != 0) continue;
        best = candidate;
    }
    if (!best) {
        std::string levels;
        for (const auto& name : supported_levels()) levels += " " + name;
        invalid("GLASSNMR_LEVEL must name a level that this machine can run, one of" + levels +
                "; got " + (wanted ? wanted : "none"));
    }
    return best;
}

}  // namespace

const Kernels& kernels() {
    static const Kernels* const chosen = choose();
    return *chosen;
}

std::vector<std::string> supported_levels() {
    std::vector<std::string> names;
    for (const Kernels* candidate : built) {
        if (runs_here(candidate->level)) names.emplace_back(candidate->level);
    }
    return names;
}

const char* level_in_use() { return kernels().level; }

const char* version() { return GLASSNMR_VERSION; }

const char* compiler() {
#if defined(__clang__)
    return "Clang " __clang_version__;
#elif defined(__GNUC__)
    return "GCC " __VERSION__;
#elif defined(_MSC_FULL_VER)
#define GLASSNMR_STRING_(x) #x
#define GLASSNMR_STRING(x) GLASSNMR_STRING_(x)
    return "MSVC " GLASSNMR_STRING(_MSC_FULL_VER);
#else
    return "unknown";
#endif
}

int default_threads() { return resolve_threads(0); }

bool has_openmp() {
#ifdef _OPENMP
    return true;
#else
    return false;
#endif
}

}  // namespace glassnmr
