// SPDX-License-Identifier: BSD-3-Clause
// Models of two targets and of tensors with made-up numbers: what the tests of the interfaces load.
#pragma once

#include <cmath>
#include <glassnmr/model.hpp>
#include <glassnmr/soap.hpp>
#include <glassnmr/tensor_model.hpp>

inline glassnmr::Model small_model() {
    glassnmr::SoapSettings settings;
    settings.n_species = 2;
    settings.radial.n_max = 3;
    settings.radial.l_max = 2;
    settings.radial.cutoff = 3.5;
    glassnmr::ModelParts p;
    p.isotope = "29Si";
    p.centre = "Si";
    p.species = {"O", "Si"};
    p.descriptor = std::make_shared<glassnmr::Soap>(settings);
    p.kernel = glassnmr::Kernel{glassnmr::KernelKind::gaussian, 0.02};
    p.n_landmarks = 3;
    const std::size_t width = p.descriptor->n_features();
    for (std::size_t k = 0; k < 3 * width; ++k)
        p.landmarks.push_back(std::sin(1.0 + static_cast<double>(k * k % 97)));
    p.weights = {1.5, -0.5, -2, 0.25, 0.75, 1};
    p.bias = {400, 0.125};
    p.targets = {"sigma_iso", "C_Q"};
    p.units = {"ppm", "MHz"};
    p.reference = {320.0, -0.95};
    auto u = std::make_shared<glassnmr::Uncertainty>();
    u->variance.cholesky = {1, 0, 0, 0.25, 0.9, 0, 0.125, 0.25, 0.8};
    u->variance.root = {1.5, 0, 0, 0.1, 1.25, 0, 0.2, 0.3, 1};
    u->variance.means = {0.1, 0.2, 0.3};
    u->variance.total_weight = 20;
    u->lam = 0.5;
    u->noise = {1.25, 0.5};
    u->levels = {0.6827, 0.9};
    u->factors = {1.1, 1.8, 0.9, 1.7};
    u->limit = 4;
    p.uncertainty = u;
    return glassnmr::Model(std::move(p));
}

/// Shielding tensors, their antisymmetric part among them, with the isotropic part of its own.
inline glassnmr::TensorModel small_tensor_model() {
    const glassnmr::Model scalar = small_model();
    const auto made_up = [](std::size_t n, double phase) {
        std::vector<double> values;
        for (std::size_t k = 0; k < n; ++k)
            values.push_back(std::sin(phase + static_cast<double>(k * k % 89)));
        return values;
    };
    glassnmr::TensorModelParts p;
    p.isotope = "29Si";
    p.centre = "Si";
    p.species = {"O", "Si"};
    p.tensor = "ms";
    p.descriptor = scalar.parts().descriptor;
    glassnmr::ModelParts own = scalar.parts();
    own.targets = {"sigma_iso"};
    own.units = {"ppm"};
    own.bias = {400};
    own.weights = {1.5, -2, 0.75};
    own.uncertainty = nullptr;
    p.isotropic = std::make_shared<glassnmr::Model>(std::move(own));
    for (const std::size_t lambda : {std::size_t{2}, std::size_t{1}}) {
        glassnmr::EquivariantSettings settings;
        settings.radial.n_max = 2;
        settings.radial.l_max = 2;
        settings.radial.cutoff = 3.5;
        settings.n_species = 2;
        settings.lambda = lambda;
        settings.parity = lambda == 2 ? 1 : -1;
        glassnmr::TensorPart part;
        part.equivariants = std::make_shared<glassnmr::Equivariants>(settings);
        part.kernel = glassnmr::Kernel{glassnmr::KernelKind::gaussian, 0.02};
        part.n_landmarks = 3;
        part.landmarks = made_up(3 * p.descriptor->n_features(), 0.5);
        part.weights = made_up(3 * part.equivariants->n_equivariants(), 1.5);
        p.parts.push_back(std::move(part));
    }
    auto u = std::make_shared<glassnmr::Uncertainty>(*scalar.parts().uncertainty);
    u->noise = {1.25, 0.5, 2};
    u->factors = {1.1, 1.8};
    p.calibrated = {"sigma_iso"};
    p.uncertainty = u;
    return glassnmr::TensorModel(std::move(p));
}
