// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/model.hpp>

#include "descriptor_records.hpp"
#include "parallel.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t block_bytes = 8u << 20;  // feature rows of one task

void check(const ModelParts& p) {
    if (!p.descriptor) invalid("a model needs a descriptor");
    const std::size_t D = p.descriptor->n_features(), T = p.targets.size(), M = p.n_landmarks;
    if (p.species.size() != p.descriptor->n_species())
        invalid("species must name each of the descriptor's channels");
    if (T == 0 || p.units.size() != T)
        invalid("a model needs at least one target and a unit for each");
    if (M == 0 || p.landmarks.size() != M * D) {
        invalid("landmarks must have shape (n, " + std::to_string(D) + ")");
    }
    if (p.weights.size() != M * T) {
        invalid("weights must have shape (" + std::to_string(M) + ", " + std::to_string(T) + ")");
    }
    if (p.bias.size() != T) invalid("bias must have " + std::to_string(T) + " entries");
    for (const auto* values : {&p.landmarks, &p.weights, &p.bias}) {
        for (const double x : *values) {
            if (!std::isfinite(x)) invalid("landmarks, weights and bias must be finite");
        }
    }
    if (p.reference && !(std::isfinite(p.reference->first) && std::isfinite(p.reference->second) &&
                         p.reference->second != 0)) {
        invalid("reference must be two finite numbers a, b with b not zero");
    }
    for (const auto* list : {&p.species, &p.targets, &p.units}) {
        for (const auto& word : *list) {
            if (words(word).size() != 1)
                invalid("names of species, targets and units must be single words");
        }
    }
}

}  // namespace

Model::Model(ModelParts parts) : parts_(std::move(parts)), norms_(parts_.n_landmarks) {
    check_kernel(parts_.kernel);
    check(parts_);
    squared_norms(parts_.n_landmarks, parts_.descriptor->n_features(), parts_.landmarks.data(),
                  norms_.data(), 1);
}

void Model::save(const std::string& path) const {
    const ModelParts& p = parts_;
    const std::uint64_t D = p.descriptor->n_features(), T = n_targets(), M = p.n_landmarks;
    Records r;
    r["isotope"] = text(p.isotope);
    r["centre"] = text(p.centre);
    r["species"] = text(joined(p.species));
    write_descriptor(*p.descriptor, r);
    r["kernel"] = text(kernel_name(p.kernel.kind));
    r["kappa"] = number(p.kernel.kappa);
    r["degree"] = number(p.kernel.degree);
    r["offset"] = number(p.kernel.offset);
    r["landmarks"] = numbers(p.landmarks, {M, D});
    r["weights"] = numbers(p.weights, {M, T});
    r["bias"] = numbers(p.bias, {T});
    r["targets"] = text(joined(p.targets));
    r["units"] = text(joined(p.units));
    if (p.reference) r["reference"] = numbers({p.reference->first, p.reference->second}, {2});
    r["provenance"] = text(p.provenance);
    write_records(path, r);
}

Model Model::load(const std::string& path) {
    const Records records = read_records(path);
    const Fields f(records, path);
    ModelParts p;
    p.isotope = f.text("isotope");
    p.centre = f.text("centre");
    p.species = words(f.text("species"));
    p.kernel = {kernel_kind(f.text("kernel")), f.number("kappa"),
                static_cast<int>(f.count("degree")), f.number("offset")};
    if (f.shape("landmarks").size() != 2) f.bad("landmarks");
    p.n_landmarks = static_cast<std::size_t>(f.shape("landmarks")[0]);
    p.landmarks = f.doubles("landmarks");
    p.weights = f.doubles("weights");
    p.bias = f.doubles("bias");
    p.targets = words(f.text("targets"));
    p.units = words(f.text("units"));
    if (f.has("reference")) {
        const auto reference = f.doubles("reference", 2);
        p.reference = {reference[0], reference[1]};
    }
    p.provenance = f.text("provenance");
    try {
        p.descriptor = read_descriptor(f, p.species.size());
        return Model(std::move(p));
    } catch (const std::invalid_argument& e) {
        throw format_error(path + " is a damaged model file: " + e.what());
    }
}

void Model::predict(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                    double* out, int n_threads) const {
    const std::size_t D = parts_.descriptor->n_features(), T = n_targets(), M = parts_.n_landmarks;
    const std::size_t block = std::clamp<std::size_t>(block_bytes / (8 * D), 32, 256);
    parts_.descriptor->stream(
        atoms, n_centres, centres, block, n_threads,
        [&](std::size_t first, std::size_t n, const double* rows, std::vector<double>& scratch) {
            scratch.resize(kernel_predict_scratch(n, M));
            kernel_predict_block(parts_.kernel, n, M, D, rows, norms_.data(),
                                 parts_.landmarks.data(), T, parts_.weights.data(),
                                 parts_.bias.data(), scratch.data(), out + first * T);
        });
    for (std::size_t t = 0; t < T;
         ++t) {  // what a scalar regression may leave, and nature does not
        const bool eta = parts_.targets[t] == "eta", size = parts_.targets[t] == "abs_C_Q";
        if (!eta && !size) continue;
        for (std::size_t i = 0; i < n_centres; ++i) {
            double& value = out[i * T + t];
            value = eta ? std::clamp(value, 0.0, 1.0) : std::max(value, 0.0);
        }
    }
}

}  // namespace glassnmr
