// SPDX-License-Identifier: BSD-3-Clause
// For libFuzzer: the small models lie in its first folder when it begins.
#include <string>

#include "small_model.hpp"

extern "C" int LLVMFuzzerInitialize(int* count, char*** words);
extern "C" int LLVMFuzzerInitialize(int* count, char*** words) {
    for (int k = 1; k < *count; ++k) {
        const std::string folder = (*words)[k];
        if (folder.rfind('-', 0) == 0) continue;
        small_model().save(folder + "/scalars.gnmr");
        small_tensor_model().save(folder + "/tensors.gnmr");
        break;
    }
    return 0;
}
