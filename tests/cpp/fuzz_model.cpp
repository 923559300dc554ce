// SPDX-License-Identifier: BSD-3-Clause
// A model file of any bytes is refused with format_error, or loads and predicts: what libFuzzer
// calls.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <glassnmr/error.hpp>
#include <glassnmr/local_model.hpp>
#include <string>
#include <vector>

namespace {

const char* const path = "fuzz_model.gnmr";

std::uint32_t crc32(const std::string& bytes, std::size_t n) {
    std::uint32_t c = 0xFFFFFFFFu;
    for (std::size_t i = 0; i < n; ++i) {
        c ^= static_cast<unsigned char>(bytes[i]);
        for (int k = 0; k < 8; ++k) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
    }
    return c ^ 0xFFFFFFFFu;
}

/// Loads the bytes; a model that loads must predict without a fault, or say why it cannot.
void load(const std::string& bytes) {
    std::ofstream(path, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    try {
        const auto model = glassnmr::LocalModel::load(path);
        const double vectors[9] = {1.6, 0.1, 0, -0.3, 1.7, 0.2, 0, -0.4, 2.6};
        const std::int32_t species[3] = {0, 0, 0};
        std::vector<double> values(model->n_values()), novelty(1);
        model->environment(3, vectors, species, values.data(),
                           model->has_uncertainty() ? novelty.data() : nullptr);
    } catch (const glassnmr::format_error&) {
    } catch (const glassnmr::numerical_error&) {
    } catch (const std::invalid_argument&) {
    }
}

}  // namespace

/// Once as the bytes are, and once with the checksum made right, so that what lies behind it is
/// met.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    std::string bytes(reinterpret_cast<const char*>(data), size);
    load(bytes);
    if (size > 16) {
        const std::uint32_t sum = crc32(bytes, size - 4);
        std::memcpy(&bytes[size - 4], &sum, 4);
        load(bytes);
    }
    std::remove(path);
    return 0;
}
