// SPDX-License-Identifier: BSD-3-Clause
// fuzz_model COUNT [MODEL...]: mutations of small models of both kinds, and of the files given.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "small_model.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);

namespace {

std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// One to four changes: a bit, a byte, an eight-byte number, a cut, a piece doubled or gone.
std::string mutated(std::string bytes, std::mt19937_64& dice) {
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(dice() % n); };
    const std::uint64_t numbers[] = {0,
                                     1,
                                     2,
                                     255,
                                     1ull << 31,
                                     1ull << 32,
                                     1ull << 61,
                                     ~0ull,
                                     0x7FF0000000000000ull,
                                     0x7FF8000000000000ull};
    for (auto changes = 1 + below(4); changes > 0 && bytes.size() > 16; --changes) {
        const std::size_t at = below(bytes.size());
        switch (below(6)) {
            case 0:
                bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
                break;
            case 1:
                bytes[at] = static_cast<char>(below(256));
                break;
            case 2:
                for (std::size_t k = 0, v = numbers[below(10)]; k < 8 && at + k < bytes.size(); ++k)
                    bytes[at + k] = static_cast<char>(v >> (8 * k));
                break;
            case 3:
                if (below(4) == 0) bytes.resize(at);
                break;
            case 4:
                bytes.insert(at, bytes.substr(at, 1 + below(64)));
                break;
            default:
                bytes.erase(at, 1 + below(64));
        }
    }
    return bytes;
}

}  // namespace

int main(int argc, char** argv) {
    const long count = argc > 1 ? std::atol(argv[1]) : 0;
    if (count <= 0) return std::puts("usage: fuzz_model COUNT [MODEL...]"), 2;
    std::vector<std::string> seeds;
    const char* const own = "fuzz_seed.gnmr";
    small_model().save(own);
    seeds.push_back(read(own));
    small_tensor_model().save(own);
    seeds.push_back(read(own));
    std::remove(own);
    for (int k = 2; k < argc; ++k) seeds.push_back(read(argv[k]));
    std::mt19937_64 dice(1);
    for (long k = 0; k < count; ++k) {
        const std::string bytes = mutated(seeds[static_cast<std::size_t>(k) % seeds.size()], dice);
        LLVMFuzzerTestOneInput(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    }
    std::printf("%ld mutations of %zu models\n", count, seeds.size());
    return 0;
}
