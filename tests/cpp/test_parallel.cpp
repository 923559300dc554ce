// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "check.hpp"
#include "parallel.hpp"

TEST("every index runs once, for any number of threads") {
    for (const int threads : {0, 1, 2, 3, 8}) {
        std::vector<int> count(1000, 0);
        glassnmr::parallel_for(count.size(), threads, [&](std::size_t i) { ++count[i]; });
        CHECK(std::all_of(count.begin(), count.end(), [](int c) { return c == 1; }));
    }
}

TEST("an exception in a thread reaches the caller, and the next region works") {
    for (const int threads : {1, 4}) {
        CHECK(check::throws<std::runtime_error>(
            [&] {
                glassnmr::parallel_for(100, threads, [](std::size_t i) {
                    if (i == 57) throw std::runtime_error("at 57");
                });
            },
            "at 57"));
        std::vector<std::size_t> seen(100);
        glassnmr::parallel_for(seen.size(), threads, [&](std::size_t i) { seen[i] = i; });
        CHECK(std::accumulate(seen.begin(), seen.end(), std::size_t{0}) == 4950);
    }
}

TEST("no index, no call") {
    bool called = false;
    glassnmr::parallel_for(0, 2, [&](std::size_t) { called = true; });
    CHECK(!called);
}
