// SPDX-License-Identifier: BSD-3-Clause
#include <exception>

#include "check.hpp"

int main() {
    int failed = 0;
    for (const auto& test : check::tests()) {
        const int before = check::failures();
        try {
            test.run();
        } catch (const std::exception& e) {
            check::report(false, e.what(), test.name, 0);
        }
        const bool good = check::failures() == before;
        failed += !good;
        std::printf("%s %s\n", good ? "ok    " : "FAILED", test.name);
    }
    std::printf("%d passed, %d failed\n", static_cast<int>(check::tests().size()) - failed, failed);
    return failed != 0 || check::tests().empty();
}
