// SPDX-License-Identifier: BSD-3-Clause
// The few macros that the C++ tests need, so that they build wherever the core does.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace check {

struct Test {
    const char* name;
    void (*run)();
};

inline std::vector<Test>& tests() {
    static std::vector<Test> all;
    return all;
}

inline int& failures() {
    static int count = 0;
    return count;
}

inline bool add(const char* name, void (*run)()) {
    tests().push_back({name, run});
    return true;
}

inline void report(bool good, const char* what, const char* file, int line) {
    if (good) return;
    ++failures();
    std::printf("%s:%d: %s\n", file, line, what);
}

/// Whether `call` throws an Error whose message holds `part`.
template <class Error, class Call>
bool throws(const Call& call, const std::string& part) {
    try {
        call();
    } catch (const Error& e) {
        return std::string(e.what()).find(part) != std::string::npos;
    }
    return false;
}

}  // namespace check

#define CHECK_JOIN_(a, b) a##b
#define CHECK_JOIN(a, b) CHECK_JOIN_(a, b)
#define CHECK(condition) check::report(static_cast<bool>(condition), #condition, __FILE__, __LINE__)
#define TEST_AT(name, line)                                                                  \
    static void CHECK_JOIN(test_, line)();                                                   \
    static const bool CHECK_JOIN(added_, line) = check::add(name, &CHECK_JOIN(test_, line)); \
    static void CHECK_JOIN(test_, line)()
#define TEST(name) TEST_AT(name, __LINE__)
