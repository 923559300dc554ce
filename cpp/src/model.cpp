// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/model.hpp>
#include <glassnmr/model_file.hpp>
#include <sstream>

#include "parallel.hpp"

namespace glassnmr {

namespace {

constexpr const char* descriptor_name = "spherical-bessel-soap";
constexpr std::size_t block_bytes = 8u << 20;  // feature rows of one task

std::vector<std::string> words(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> list;
    for (std::string word; stream >> word;) list.push_back(word);
    return list;
}

std::string joined(const std::vector<std::string>& list) {
    std::string text;
    for (const auto& word : list) text += (text.empty() ? "" : " ") + word;
    return text;
}

Record text(const std::string& value) {
    Record r;
    r.characters = value;
    return r;
}

Record numbers(std::vector<double> values, std::vector<std::uint64_t> shape) {
    Record r;
    r.type = Record::float64;
    r.doubles = std::move(values);
    r.shape = std::move(shape);
    return r;
}

Record number(double value) { return numbers({value}, {}); }

/// Typed access to the records of a file; what is missing or of another shape is a format_error
/// that names it.
class Fields {
public:
    Fields(const Records& records, const std::string& path) : records_(records), path_(path) {}

    bool has(const char* name) const { return records_.count(name) > 0; }
    const std::string& text(const char* name) const { return find(name, Record::text).characters; }
    const std::vector<double>& doubles(const char* name) const {
        return find(name, Record::float64).doubles;
    }
    std::vector<double> doubles(const char* name, std::size_t count) const {
        const auto& values = doubles(name);
        if (values.size() != count) bad(name);
        return values;
    }
    double number(const char* name) const { return doubles(name, 1)[0]; }
    std::size_t count(const char* name) const {
        const double value = number(name);
        if (!(value >= 0 && value < 1e9) || value != std::floor(value)) bad(name);
        return static_cast<std::size_t>(value);
    }
    const std::vector<std::uint64_t>& shape(const char* name) const {
        return find(name, Record::float64).shape;
    }
    [[noreturn]] void bad(const char* name) const {
        throw format_error(path_ + " is a damaged model file: record \"" + name +
                           "\" is missing or not as it must be");
    }

private:
    const Record& find(const char* name, Record::Type type) const {
        const auto it = records_.find(name);
        if (it == records_.end() || it->second.type != type) bad(name);
        return it->second;
    }
    const Records& records_;
    const std::string& path_;
};

void check(const ModelParts& p, const Soap& soap) {
    const std::size_t D = soap.n_features(), T = p.targets.size(), M = p.n_landmarks;
    if (p.species.size() != p.descriptor.n_species)
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

Model::Model(ModelParts parts)
    : parts_(std::move(parts)), soap_(parts_.descriptor), norms_(parts_.n_landmarks) {
    check_kernel(parts_.kernel);
    check(parts_, soap_);
    squared_norms(parts_.n_landmarks, soap_.n_features(), parts_.landmarks.data(), norms_.data(),
                  1);
}

void Model::save(const std::string& path) const {
    const ModelParts& p = parts_;
    const SoapSettings& d = p.descriptor;
    const std::uint64_t D = soap_.n_features(), T = n_targets(), M = p.n_landmarks;
    Records r;
    r["isotope"] = text(p.isotope);
    r["centre"] = text(p.centre);
    r["species"] = text(joined(p.species));
    r["descriptor"] = text(descriptor_name);
    r["basis"] = text(radial_name(d.radial.kind));
    r["cutoff"] = number(d.radial.cutoff);
    r["n_max"] = number(static_cast<double>(d.radial.n_max));
    r["l_max"] = number(static_cast<double>(d.radial.l_max));
    r["sigma"] = number(d.radial.sigma);
    r["radial_scaling"] = numbers({d.radial.scaling_radius, d.radial.scaling_exponent}, {2});
    r["mixing"] = numbers(d.mixing, {d.mixing.size() / d.n_species, d.n_species});
    r["body"] = numbers({d.two_body ? 1.0 : 0.0, d.three_body ? 1.0 : 0.0}, {2});
    r["body_weights"] = numbers({d.two_body_weight, d.three_body_weight}, {2});
    r["angular_filter"] = number(d.angular_filter);
    r["normalise"] = number(d.normalise ? 1 : 0);
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
    if (f.text("descriptor") != descriptor_name) {
        throw format_error(path + " uses the descriptor \"" + f.text("descriptor") +
                           "\", which this library lacks");
    }
    ModelParts p;
    p.isotope = f.text("isotope");
    p.centre = f.text("centre");
    p.species = words(f.text("species"));
    const auto scaling = f.doubles("radial_scaling", 2), body = f.doubles("body", 2),
               weight = f.doubles("body_weights", 2);
    p.descriptor.radial = {radial_kind(f.text("basis")),
                           f.number("cutoff"),
                           f.count("n_max"),
                           f.count("l_max"),
                           f.number("sigma"),
                           scaling[0],
                           scaling[1]};
    p.descriptor.n_species = p.species.size();
    p.descriptor.mixing = f.doubles("mixing");
    p.descriptor.two_body = body[0] != 0;
    p.descriptor.three_body = body[1] != 0;
    p.descriptor.two_body_weight = weight[0];
    p.descriptor.three_body_weight = weight[1];
    p.descriptor.angular_filter = f.number("angular_filter");
    p.descriptor.normalise = f.number("normalise") != 0;
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
        return Model(std::move(p));
    } catch (const std::invalid_argument& e) {
        throw format_error(path + " is a damaged model file: " + e.what());
    }
}

void Model::predict(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                    double* out, int n_threads) const {
    const std::size_t D = soap_.n_features(), T = n_targets(), M = parts_.n_landmarks;
    const std::size_t block = std::clamp<std::size_t>(block_bytes / (8 * D), 32, 256);
    soap_.stream(
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
