// SPDX-License-Identifier: BSD-3-Clause
#include <glassnmr/glassnmr.h>

#include <algorithm>
#include <cmath>
#include <glassnmr/model.hpp>
#include <string>
#include <vector>

#include "c_border.hpp"

using glassnmr::guarded;
using glassnmr::require;

struct glassnmr_model {
    glassnmr::Model model;
};

namespace {

using glassnmr::ModelParts;

const char* name(const glassnmr_model* model, std::vector<std::string> ModelParts::* list,
                 std::size_t k) {
    if (!model || k >= (model->model.parts().*list).size()) return nullptr;
    return (model->model.parts().*list)[k].c_str();
}

glassnmr::Atoms view(const glassnmr_atoms& a) {
    require(a.positions, "atoms->positions", a.n_atoms);
    require(a.species, "atoms->species", a.n_atoms);
    require(a.centres, "atoms->centres", a.n_centres);
    glassnmr::Atoms atoms;
    atoms.n = a.n_atoms;
    atoms.positions = a.positions;
    atoms.species = a.species;
    std::copy_n(a.cell, 9, atoms.cell.begin());
    for (std::size_t k = 0; k < 3; ++k) atoms.pbc[k] = a.pbc[k] != 0;
    return atoms;
}

glassnmr::NeighbourList list(const glassnmr_atoms& a) {
    require(a.neighbours, "atoms->neighbours", a.n_centres ? a.first[a.n_centres] : 0);
    return {a.n_centres, a.centres, a.first, a.neighbours};
}

/// Deviations (n, T) of eq. (9.12) from novelties (n).
void spread(const glassnmr::Model& model, const std::vector<double>& novelty, double* deviations) {
    if (!deviations) return;
    const std::size_t T = model.n_targets();
    for (std::size_t i = 0; i < novelty.size(); ++i) {
        for (std::size_t t = 0; t < T; ++t)
            deviations[i * T + t] = model.parts().uncertainty->noise[t] * std::sqrt(1 + novelty[i]);
    }
}

}  // namespace

glassnmr_status glassnmr_model_load(const char* path, glassnmr_model** model) {
    return guarded([&] {
        require(path, "path");
        require(model, "model");
        try {
            *model = new glassnmr_model{glassnmr::Model::load(path)};
        } catch (const glassnmr::numerical_error&) {
            throw;
        } catch (const std::runtime_error& e) {  // a file that cannot be opened
            throw glassnmr::format_error(e.what());
        }
    });
}

void glassnmr_model_free(glassnmr_model* model) { delete model; }

double glassnmr_model_cutoff(const glassnmr_model* model) {
    return model ? model->model.descriptor().cutoff() : 0;
}

const char* glassnmr_model_isotope(const glassnmr_model* model) {
    return model ? model->model.parts().isotope.c_str() : nullptr;
}

const char* glassnmr_model_centre(const glassnmr_model* model) {
    return model ? model->model.parts().centre.c_str() : nullptr;
}

size_t glassnmr_model_n_species(const glassnmr_model* model) {
    return model ? model->model.parts().species.size() : 0;
}

const char* glassnmr_model_species(const glassnmr_model* model, size_t k) {
    return name(model, &ModelParts::species, k);
}

size_t glassnmr_model_n_targets(const glassnmr_model* model) {
    return model ? model->model.n_targets() : 0;
}

const char* glassnmr_model_target(const glassnmr_model* model, size_t t) {
    return name(model, &ModelParts::targets, t);
}

const char* glassnmr_model_unit(const glassnmr_model* model, size_t t) {
    return name(model, &ModelParts::units, t);
}

int glassnmr_model_has_uncertainty(const glassnmr_model* model) {
    return model && model->model.parts().uncertainty;
}

glassnmr_status glassnmr_model_reference(const glassnmr_model* model, double* a, double* b) {
    return guarded([&] {
        require(model, "model");
        require(a, "a");
        require(b, "b");
        const auto& reference = model->model.parts().reference;
        if (!reference) glassnmr::invalid("this model has no shift reference");
        *a = reference->first;
        *b = reference->second;
    });
}

glassnmr_status glassnmr_model_interval_factors(const glassnmr_model* model, double level,
                                                double* factors) {
    return guarded([&] {
        require(model, "model");
        require(factors, "factors");
        model->model.interval_factors(level, factors);
    });
}

glassnmr_status glassnmr_model_predict(const glassnmr_model* model, const glassnmr_atoms* atoms,
                                       int n_threads, double* values, double* deviations) {
    return guarded([&] {
        require(model, "model");
        require(atoms, "atoms");
        require(values, "values", atoms->n_centres);
        const glassnmr::Model& m = model->model;
        const glassnmr::Atoms a = view(*atoms);
        std::vector<double> novelty(deviations ? atoms->n_centres : 0);
        double* to = deviations ? novelty.data() : nullptr;
        if (atoms->first) {
            m.predict(a, list(*atoms), values, n_threads, to);
        } else {
            m.predict(a, atoms->n_centres, atoms->centres, values, n_threads, to);
        }
        spread(m, novelty, deviations);
    });
}

glassnmr_status glassnmr_model_gradient(const glassnmr_model* model, const glassnmr_atoms* atoms,
                                        const double* dl_dvalues, int n_threads,
                                        double* dl_dpositions, double* dl_dstrain) {
    return guarded([&] {
        require(model, "model");
        require(atoms, "atoms");
        require(dl_dvalues, "dl_dvalues", atoms->n_centres);
        require(dl_dpositions, "dl_dpositions", atoms->n_atoms);
        const glassnmr::Model& m = model->model;
        const glassnmr::Atoms a = view(*atoms);
        double unwanted[9];
        double* strain = dl_dstrain ? dl_dstrain : unwanted;
        if (atoms->first) {
            m.gradient(a, list(*atoms), dl_dvalues, dl_dpositions, strain, n_threads);
        } else {
            m.gradient(a, atoms->n_centres, atoms->centres, dl_dvalues, dl_dpositions, strain,
                       n_threads);
        }
    });
}

glassnmr_status glassnmr_model_environment(const glassnmr_model* model, size_t n,
                                           const double* vectors, const int32_t* species,
                                           double* values, double* deviations) {
    return guarded([&] {
        require(model, "model");
        require(vectors, "vectors", n);
        require(species, "species", n);
        require(values, "values");
        std::vector<double> novelty(deviations ? 1 : 0);
        model->model.environment(n, vectors, species, values,
                                 deviations ? novelty.data() : nullptr);
        spread(model->model, novelty, deviations);
    });
}

glassnmr_status glassnmr_model_environment_gradient(const glassnmr_model* model, size_t n,
                                                    const double* vectors, const int32_t* species,
                                                    const double* dl_dvalues, double* dl_dvectors) {
    return guarded([&] {
        require(model, "model");
        require(vectors, "vectors", n);
        require(species, "species", n);
        require(dl_dvalues, "dl_dvalues");
        require(dl_dvectors, "dl_dvectors", n);
        model->model.environment_gradient(n, vectors, species, dl_dvalues, dl_dvectors);
    });
}
