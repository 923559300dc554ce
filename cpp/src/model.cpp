// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/model.hpp>
#include <limits>

#include "descriptor_records.hpp"
#include "model_records.hpp"
#include "parallel.hpp"
#include "uncertainty_records.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t block_bytes = 8u << 20;  // feature rows of one task

constexpr double infinite = std::numeric_limits<double>::infinity();

/// What a scalar regression may leave, and nature does not.
std::pair<double, double> bounds(const std::string& target) {
    if (target == "eta") return {0, 1};
    return {target == "abs_C_Q" ? 0 : -infinite, infinite};
}

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
    if (p.uncertainty) check_uncertainty(*p.uncertainty, M, T, T);
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

void write_kernel(const KernelSum& kernel, Records& r) {
    const std::uint64_t B = kernel.terms.size();
    std::vector<std::string> names;
    std::vector<double> kappa, degree, offset, relevance, columns;
    for (const KernelTerm& term : kernel.terms) {
        names.emplace_back(kernel_name(term.kernel.kind));
        kappa.push_back(term.kernel.kappa);
        degree.push_back(term.kernel.degree);
        offset.push_back(term.kernel.offset);
        relevance.push_back(term.weight);
        columns.push_back(static_cast<double>(term.first));
        columns.push_back(static_cast<double>(term.last));
    }
    const bool plain = B == 1 && relevance[0] == 1 && kernel.terms[0].first == 0 &&
                       kernel.terms[0].last == KernelTerm::all;
    const std::vector<std::uint64_t> shape =
        plain ? std::vector<std::uint64_t>{} : std::vector<std::uint64_t>{B};
    r["kernel"] = text(joined(names));
    r["kappa"] = numbers(kappa, shape);
    r["degree"] = numbers(degree, shape);
    r["offset"] = numbers(offset, shape);
    if (plain) return;
    r["relevance"] = numbers(relevance, {B});
    r["columns"] = numbers(columns, {B, 2});
}

KernelSum read_kernel(const Fields& f) {
    const auto names = words(f.text("kernel"));
    const std::size_t B = names.size();
    const auto kappa = f.doubles("kappa", B), degree = f.doubles("degree", B),
               offset = f.doubles("offset", B);
    const bool plain = !f.has("columns");
    if (B == 0 || (plain && B > 1)) f.bad("kernel");
    std::vector<double> relevance(B, 1.0), columns;
    if (!plain) {
        relevance = f.doubles("relevance", B);
        columns = f.doubles("columns", 2 * B);
    }
    std::vector<KernelTerm> terms(B);
    for (std::size_t k = 0; k < B; ++k) {
        if (!(degree[k] >= 0 && degree[k] < 1e9)) f.bad("degree");
        terms[k].kernel = {kernel_kind(names[k]), kappa[k], static_cast<int>(degree[k]), offset[k]};
        terms[k].weight = relevance[k];
        for (std::size_t e = 0; !plain && e < 2; ++e) {
            const double at = columns[2 * k + e];
            if (!(at >= 0 && at < 1e9) || at != std::floor(at)) f.bad("columns");
            (e ? terms[k].last : terms[k].first) = static_cast<std::size_t>(at);
        }
    }
    return KernelSum(std::move(terms));
}

const ModelParts& checked(const ModelParts& p) {
    check(p);
    check_kernel(p.kernel, p.descriptor->n_features());
    return p;
}

}  // namespace

Model::Model(ModelParts parts)
    : parts_(std::move(parts)),
      predictor_(checked(parts_).kernel, parts_.n_landmarks, parts_.descriptor->n_features(),
                 parts_.landmarks.data(), n_targets(), parts_.weights.data(), parts_.bias.data(),
                 parts_.uncertainty ? &parts_.uncertainty->variance : nullptr) {
    name_quantities();
}

Records model_records(const ModelParts& p) {
    const std::uint64_t D = p.descriptor->n_features(), T = p.targets.size(), M = p.n_landmarks;
    Records r;
    r["isotope"] = text(p.isotope);
    r["centre"] = text(p.centre);
    r["species"] = text(joined(p.species));
    write_descriptor(*p.descriptor, r);
    write_kernel(p.kernel, r);
    if (p.uncertainty) write_uncertainty(*p.uncertainty, M, r);
    r["landmarks"] = numbers(p.landmarks, {M, D});
    r["weights"] = numbers(p.weights, {M, T});
    r["bias"] = numbers(p.bias, {T});
    r["targets"] = text(joined(p.targets));
    r["units"] = text(joined(p.units));
    if (p.reference) r["reference"] = numbers({p.reference->first, p.reference->second}, {2});
    r["provenance"] = text(p.provenance);
    return r;
}

void Model::save(const std::string& path) const { write_records(path, model_records(parts_)); }

ModelParts model_parts(const Fields& f) {
    ModelParts p;
    p.isotope = f.text("isotope");
    p.centre = f.text("centre");
    p.species = words(f.text("species"));
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
    p.kernel = read_kernel(f);
    p.uncertainty = read_uncertainty(f, p.n_landmarks);
    p.descriptor = read_descriptor(f, p.species.size());
    return p;
}

Model Model::load(const std::string& path) {
    const Records records = read_records(path);
    const Fields f(records, path);
    if (f.has("tensor") && !f.has("landmarks"))
        throw format_error(path + " is a model of tensors, not of scalars");
    try {
        return Model(model_parts(f));
    } catch (const std::invalid_argument& e) {
        throw format_error(path + " is a damaged model file: " + e.what());
    }
}

std::size_t Model::block() const {
    const std::size_t D = parts_.descriptor->n_features();
    return std::clamp<std::size_t>(block_bytes / (8 * D) / 96 * 96, 48, 192);
}

void Model::predict(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                    double* out, int n_threads, double* novelty, Precision precision) const {
    if (novelty && !parts_.uncertainty) invalid("this model carries no uncertainty");
    parts_.descriptor->stream(
        atoms, n_centres, centres, block(), n_threads,
        [&](std::size_t first, std::size_t n, const double* x, std::vector<double>&) {
            rows(n, x, out + first * n_targets(), novelty ? novelty + first : nullptr, precision);
        });
}

void Model::rows(std::size_t n, const double* x, double* out, double* novelty,
                 Precision precision) const {
    if (novelty && !parts_.uncertainty) invalid("this model carries no uncertainty");
    std::vector<double> spread(novelty ? 2 * n : 0);
    predictor_.block(n, x, out, novelty ? spread.data() : nullptr, precision);
    for (std::size_t i = 0; novelty && i < n; ++i)
        novelty[i] = spread[2 * i] / parts_.uncertainty->lam + spread[2 * i + 1];
    const std::size_t T = n_targets();
    for (std::size_t t = 0; t < T; ++t) {
        const auto [low, high] = bounds(parts_.targets[t]);
        for (std::size_t i = 0; i < n; ++i) out[i * T + t] = std::clamp(out[i * T + t], low, high);
    }
}

void Model::rows_gradient(std::size_t n, const double* x, const double* dl_dpredictions,
                          double* dl_drows) const {
    const std::size_t T = n_targets();
    std::vector<double> values, given(dl_dpredictions, dl_dpredictions + n * T);
    for (std::size_t t = 0; t < T; ++t) {  // a value at its bound stays there
        const auto [low, high] = bounds(parts_.targets[t]);
        if (low == -infinite && high == infinite) continue;
        if (values.empty()) {
            values.resize(n * T);
            predictor_.block(n, x, values.data(), nullptr, Precision::full);
        }
        for (std::size_t i = 0; i < n; ++i) {
            const double value = values[i * T + t];
            if (value < low || value > high) given[i * T + t] = 0;
        }
    }
    predictor_.gradient(n, x, given.data(), dl_drows);
}

void Model::interval_factors(double level, double* factors) const {
    const std::size_t k = level_place(parts_.uncertainty.get(), level);
    for (std::size_t t = 0; t < n_targets(); ++t)
        factors[t] = parts_.uncertainty->factors[t * parts_.uncertainty->levels.size() + k];
}

}  // namespace glassnmr
