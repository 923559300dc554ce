// SPDX-License-Identifier: BSD-3-Clause
// consumer_cpp FILE: make a model and write it, with nothing but the public headers.
#include <cstdio>
#include <glassnmr/config.hpp>
#include <glassnmr/model.hpp>
#include <glassnmr/soap.hpp>

int main(int argc, char** argv) {
    if (argc != 2) return 1;
    glassnmr::SoapSettings settings;
    settings.n_species = 2;
    glassnmr::ModelParts parts;
    parts.isotope = "29Si";
    parts.centre = "Si";
    parts.species = {"O", "Si"};
    parts.descriptor = std::make_shared<glassnmr::Soap>(settings);
    parts.n_landmarks = 1;
    parts.landmarks.resize(parts.descriptor->n_features());
    parts.kernel = glassnmr::Kernel{glassnmr::KernelKind::gaussian, 1e-3};
    parts.weights = {100};
    parts.bias = {400};
    parts.targets = {"sigma_iso"};
    parts.units = {"ppm"};
    glassnmr::Model(parts).save(argv[1]);
    std::printf("glassnmr %s, %s, %zu features\n", glassnmr::version(), glassnmr::level_in_use(),
                parts.descriptor->n_features());
    return 0;
}
