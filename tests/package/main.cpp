// SPDX-License-Identifier: BSD-3-Clause
#include <cstdio>
#include <glassnmr/config.hpp>
#include <glassnmr/soap.hpp>
#include <vector>

int main() {
    const glassnmr::Soap soap{glassnmr::SoapSettings{}};
    const double vectors[3] = {0, 0, 1.6};
    const std::int32_t species[1] = {0};
    std::vector<double> row(soap.n_features());
    soap.environment(1, vectors, species, row.data());
    std::printf("glassnmr %s, %s, %zu features\n", glassnmr::version(), glassnmr::level_in_use(),
                row.size());
    return row[0] > 0 ? 0 : 1;
}
