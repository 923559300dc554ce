// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/tensor_model.hpp>

#include "descriptor_records.hpp"
#include "kernels/kernels.hpp"
#include "local_descriptor.hpp"
#include "model_records.hpp"
#include "uncertainty_records.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t wave_bytes = 64u << 20;  // rows held at a time
constexpr std::size_t task = 48;               // centres whose weights are made together

void check(const TensorPart& part, std::size_t D, std::size_t n_species) {
    if (!part.equivariants) invalid("each part of a tensor needs its equivariants");
    const EquivariantSettings& s = part.equivariants->settings();
    const bool symmetric = s.lambda == 2 && s.parity == 1,
               antisymmetric = s.lambda == 1 && s.parity == -1;
    if (!symmetric && !antisymmetric)
        invalid("parts of a tensor have lam 2 and parity 1, or lam 1 and parity -1");
    if (s.n_species != n_species) invalid("all descriptors of a model must have the same species");
    check_kernel(part.kernel, D);
    const std::size_t J = part.n_landmarks, F = part.equivariants->n_equivariants();
    if (J == 0 || part.landmarks.size() != J * D)
        invalid("landmarks must have shape (n, " + std::to_string(D) + ")");
    if (part.weights.size() != J * F) {
        invalid("weights must have shape (" + std::to_string(J) + ", " + std::to_string(F) + ")");
    }
    for (const auto* values : {&part.landmarks, &part.weights}) {
        for (const double x : *values) {
            if (!std::isfinite(x)) invalid("landmarks and weights must be finite");
        }
    }
}

void check(const TensorModelParts& p) {
    if (!p.descriptor) invalid("a model needs a descriptor");
    if (p.tensor != "ms" && p.tensor != "efg")
        invalid("tensor must be ms or efg, got \"" + p.tensor + "\"");
    if (p.species.size() != p.descriptor->n_species())
        invalid("species must name each of the descriptor's channels");
    if ((p.tensor == "ms") != (p.isotropic != nullptr))
        invalid("a shielding needs a model of its isotropic part, a field gradient has none");
    if (p.isotropic && (p.isotropic->n_targets() != 1 ||
                        p.isotropic->descriptor().n_features() != p.descriptor->n_features()))
        invalid("the isotropic model must have one target and the descriptor of the tensor model");
    bool seen[3] = {};
    for (const TensorPart& part : p.parts) {
        check(part, p.descriptor->n_features(), p.species.size());
        bool& known = seen[part.equivariants->settings().lambda];
        if (known) invalid("two parts of a tensor have the same lam");
        known = true;
        if (p.uncertainty && part.equivariants->settings().lambda == 2)
            check_uncertainty(*p.uncertainty, part.n_landmarks, 3, p.calibrated.size());
    }
    if (!seen[2]) invalid("a tensor needs its part of lam 2");
    if (seen[1] && p.tensor == "efg") invalid("a field gradient has no antisymmetric part");
}

/// THEORY.md eq. (11.12): adds the components y of one part to a Cartesian tensor.
void add_components(std::size_t lambda, const double* y, double* t) {
    const double r = std::sqrt(0.5), s = std::sqrt(1.0 / 6);
    if (lambda == 1) {  // y, z, x
        t[5] += r * y[2], t[7] -= r * y[2];
        t[6] += r * y[0], t[2] -= r * y[0];
        t[1] += r * y[1], t[3] -= r * y[1];
        return;
    }
    t[1] += r * y[0], t[3] += r * y[0];
    t[5] += r * y[1], t[7] += r * y[1];
    t[2] += r * y[3], t[6] += r * y[3];
    t[0] += r * y[4] - s * y[2];
    t[4] += -r * y[4] - s * y[2];
    t[8] += 2 * s * y[2];
}

/// That of the part of lambda 2.
const VarianceParts* variance_of(const TensorModelParts& p, const TensorPart& part) {
    const bool told = p.uncertainty && part.equivariants->settings().lambda == 2;
    return told ? &p.uncertainty->variance : nullptr;
}

std::string prefix(std::size_t k) { return "part" + std::to_string(k) + "."; }

Records base_records(const TensorModelParts& p) {
    if (p.isotropic) return model_records(p.isotropic->parts());
    Records r;
    r["isotope"] = text(p.isotope);
    r["centre"] = text(p.centre);
    r["species"] = text(joined(p.species));
    write_descriptor(*p.descriptor, r);
    return r;
}

/// Those whose name begins with `start`, without it.
Records records_of(const Records& all, const std::string& start) {
    Records own;
    for (const auto& [name, record] : all) {
        if (name.compare(0, start.size(), start) == 0) own[name.substr(start.size())] = record;
    }
    return own;
}

TensorPart read_part(const Fields& f, std::size_t n_species) {
    TensorPart part;
    part.equivariants =
        std::dynamic_pointer_cast<const Equivariants>(read_descriptor(f, n_species));
    part.kernel = {kernel_kind(f.text("kernel")), f.number("kappa"),
                   static_cast<int>(f.count("degree")), f.number("offset")};
    if (f.shape("landmarks").size() != 2) f.bad("landmarks");
    part.n_landmarks = static_cast<std::size_t>(f.shape("landmarks")[0]);
    part.landmarks = f.doubles("landmarks");
    part.weights = f.doubles("weights");
    return part;
}

}  // namespace

TensorModel::TensorModel(TensorModelParts parts) : parts_(std::move(parts)) {
    check(parts_);
    for (const TensorPart& part : parts_.parts) {
        const std::size_t F = part.equivariants->n_equivariants();
        zeros_.emplace_back(F, 0.0);
        predictors_.emplace_back(part.kernel, part.n_landmarks, parts_.descriptor->n_features(),
                                 part.landmarks.data(), F, part.weights.data(),
                                 zeros_.back().data(), variance_of(parts_, part));
    }
    name_quantities();
}

bool TensorModel::holds_tensors(const std::string& path) {
    return read_records(path).count("tensor") > 0;
}

void TensorModel::save(const std::string& path) const {
    Records r = base_records(parts_);
    r["tensor"] = text(parts_.tensor);
    r["n_parts"] = number(static_cast<double>(parts_.parts.size()));
    r["provenance"] = text(parts_.provenance);
    for (std::size_t k = 0; k < parts_.parts.size(); ++k) {
        const TensorPart& part = parts_.parts[k];
        Records own;
        write_descriptor(*part.equivariants, own);
        own["kernel"] = text(kernel_name(part.kernel.kind));
        own["kappa"] = number(part.kernel.kappa);
        own["degree"] = number(part.kernel.degree);
        own["offset"] = number(part.kernel.offset);
        const std::uint64_t J = part.n_landmarks, D = parts_.descriptor->n_features(),
                            F = part.equivariants->n_equivariants();
        own["landmarks"] = numbers(part.landmarks, {J, D});
        own["weights"] = numbers(part.weights, {J, F});
        if (variance_of(parts_, part)) write_uncertainty(*parts_.uncertainty, J, own);
        for (auto& [name, record] : own) r[prefix(k) + name] = std::move(record);
    }
    if (!parts_.calibrated.empty()) r["calibrated"] = text(joined(parts_.calibrated));
    write_records(path, r);
}

TensorModel TensorModel::load(const std::string& path) {
    const Records records = read_records(path);
    const Fields f(records, path);
    if (!f.has("tensor")) throw format_error(path + " is a model of scalars, not of tensors");
    TensorModelParts p;
    p.isotope = f.text("isotope");
    p.centre = f.text("centre");
    p.species = words(f.text("species"));
    p.tensor = f.text("tensor");
    p.provenance = f.text("provenance");
    try {
        if (p.tensor == "ms") {
            p.isotropic = std::make_shared<const Model>(model_parts(f));
            p.descriptor = p.isotropic->parts().descriptor;
        } else {
            p.descriptor = read_descriptor(f, p.species.size());
        }
        for (std::size_t k = 0, n = f.count("n_parts"); k < n; ++k) {
            const Records own = records_of(records, prefix(k));
            p.parts.push_back(read_part(Fields(own, path), p.species.size()));
            if (own.count("variance_cholesky"))
                p.uncertainty = read_uncertainty(Fields(own, path), p.parts.back().n_landmarks);
        }
        if (f.has("calibrated")) p.calibrated = words(f.text("calibrated"));
        return TensorModel(std::move(p));
    } catch (const std::invalid_argument& e) {
        throw format_error(path + " is a damaged model file: " + e.what());
    }
}

void TensorModel::add_isotropic(std::size_t n, const double* x, double* tensors) const {
    if (!parts_.isotropic) return;
    std::vector<double> iso(n);
    parts_.isotropic->rows(n, x, iso.data(), nullptr, Precision::full);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t k = 0; k < 9; k += 4) tensors[9 * i + k] += iso[i];
}

void TensorModel::add_part(std::size_t k, std::size_t n, const double* x, const double* rows,
                           double* tensors, double* novelty) const {
    const Equivariants& equivariants = *parts_.parts[k].equivariants;
    const std::size_t F = equivariants.n_equivariants(), C = equivariants.n_components();
    const bool told = novelty && equivariants.settings().lambda == 2;
    std::vector<double> weights(n * F), spread(told ? 2 * n : 0);
    predictors_[k].block(n, x, weights.data(), told ? spread.data() : nullptr, Precision::full);
    for (std::size_t i = 0; told && i < n; ++i)
        novelty[i] = spread[2 * i] / parts_.uncertainty->lam + spread[2 * i + 1];
    for (std::size_t i = 0; i < n; ++i) {
        double y[5] = {};
        for (std::size_t m = 0; m < C; ++m)
            y[m] = kernels().dot(F, weights.data() + i * F, rows + (i * C + m) * F);
        add_components(equivariants.settings().lambda, y, tensors + 9 * i);
    }
}

void TensorModel::predict(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                          double* out, int n_threads, double* novelty) const {
    if (novelty && !has_uncertainty()) invalid("this model carries no uncertainty");
    check_centres(atoms, n_centres, centres);
    const std::size_t D = parts_.descriptor->n_features();
    std::size_t widest = 0;
    for (const TensorPart& part : parts_.parts)
        widest = std::max(widest, part.equivariants->n_features());
    const std::size_t wave =
        std::clamp<std::size_t>(wave_bytes / (8 * (D + widest)) / task * task, task, 64 * task);
    const std::size_t held = std::min(wave, n_centres);
    std::vector<double> x(held * D), rows(held * widest);
    for (std::size_t first = 0; first < n_centres; first += wave) {
        const std::size_t n = std::min(wave, n_centres - first);
        const std::int64_t* which = centres + first;
        double* to = out + 9 * first;
        const auto blocks = [&](const auto& body) {
            parallel_for((n + task - 1) / task, n_threads,
                         [&](std::size_t b) { body(b * task, std::min(task, n - b * task)); });
        };
        std::fill_n(to, 9 * n, 0.0);
        parts_.descriptor->transform(atoms, n, which, x.data(), n_threads);
        blocks([&](std::size_t at, std::size_t here) {
            add_isotropic(here, x.data() + at * D, to + 9 * at);
        });
        for (std::size_t k = 0; k < parts_.parts.size(); ++k) {
            const Equivariants& equivariants = *parts_.parts[k].equivariants;
            equivariants.transform(atoms, n, which, rows.data(), n_threads);
            blocks([&](std::size_t at, std::size_t here) {
                add_part(k, here, x.data() + at * D, rows.data() + at * equivariants.n_features(),
                         to + 9 * at, novelty ? novelty + first + at : nullptr);
            });
        }
    }
}

}  // namespace glassnmr
