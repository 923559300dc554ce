// SPDX-License-Identifier: BSD-3-Clause
#include <glassnmr/glassnmr.h>

#include <algorithm>
#include <cmath>
#include <glassnmr/tensor_model.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "c_border.hpp"

using glassnmr::guarded;
using glassnmr::require;

struct glassnmr_model {
    std::shared_ptr<const glassnmr::LocalModel> model;
};

namespace {

using glassnmr::LocalModel;
using glassnmr::Quantity;

const char* word(const std::vector<Quantity>& list, std::size_t k, std::string Quantity::* what) {
    return k < list.size() ? (list[k].*what).c_str() : nullptr;
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

}  // namespace

glassnmr_status glassnmr_model_load(const char* path, glassnmr_model** model) {
    return guarded([&] {
        require(path, "path");
        require(model, "model");
        try {
            *model = new glassnmr_model{LocalModel::load(path)};
        } catch (const glassnmr::numerical_error&) {
            throw;
        } catch (const std::runtime_error& e) {  // a file that cannot be opened
            throw glassnmr::format_error(e.what());
        }
    });
}

void glassnmr_model_free(glassnmr_model* model) { delete model; }

glassnmr_kind glassnmr_model_kind(const glassnmr_model* model) {
    const auto* tensors =
        model ? dynamic_cast<const glassnmr::TensorModel*>(model->model.get()) : nullptr;
    if (!tensors) return GLASSNMR_SCALARS;
    return tensors->parts().tensor == "ms" ? GLASSNMR_SHIELDING : GLASSNMR_FIELD_GRADIENT;
}

double glassnmr_model_cutoff(const glassnmr_model* model) {
    return model ? model->model->cutoff() : 0;
}

const char* glassnmr_model_isotope(const glassnmr_model* model) {
    return model ? model->model->isotope().c_str() : nullptr;
}

const char* glassnmr_model_centre(const glassnmr_model* model) {
    return model ? model->model->centre().c_str() : nullptr;
}

size_t glassnmr_model_n_species(const glassnmr_model* model) {
    return model ? model->model->species().size() : 0;
}

const char* glassnmr_model_species(const glassnmr_model* model, size_t k) {
    return k < glassnmr_model_n_species(model) ? model->model->species()[k].c_str() : nullptr;
}

size_t glassnmr_model_n_targets(const glassnmr_model* model) {
    return model ? model->model->n_values() : 0;
}

const char* glassnmr_model_target(const glassnmr_model* model, size_t t) {
    return model ? word(model->model->quantities(), t, &Quantity::name) : nullptr;
}

const char* glassnmr_model_unit(const glassnmr_model* model, size_t t) {
    return model ? word(model->model->quantities(), t, &Quantity::unit) : nullptr;
}

size_t glassnmr_model_n_derived(const glassnmr_model* model) {
    return model ? model->model->derived().size() : 0;
}

const char* glassnmr_model_derived(const glassnmr_model* model, size_t d) {
    return model ? word(model->model->derived(), d, &Quantity::name) : nullptr;
}

const char* glassnmr_model_derived_unit(const glassnmr_model* model, size_t d) {
    return model ? word(model->model->derived(), d, &Quantity::unit) : nullptr;
}

int glassnmr_model_has_uncertainty(const glassnmr_model* model) {
    return model && model->model->has_uncertainty();
}

glassnmr_status glassnmr_model_reference(const glassnmr_model* model, double* a, double* b) {
    return guarded([&] {
        require(model, "model");
        require(a, "a");
        require(b, "b");
        const auto reference = model->model->reference();
        if (!reference) glassnmr::invalid("this model has no shift reference");
        *a = reference->first;
        *b = reference->second;
    });
}

glassnmr_status glassnmr_model_novelty_limit(const glassnmr_model* model, double* limit) {
    return guarded([&] {
        require(model, "model");
        require(limit, "limit");
        *limit = model->model->novelty_limit();
    });
}

glassnmr_status glassnmr_model_derive(const glassnmr_model* model, size_t n, const double* values,
                                      double* derived) {
    return guarded([&] {
        require(model, "model");
        const std::size_t most = model->model->derived().empty() ? 0 : n;
        require(values, "values", most);
        require(derived, "derived", most);
        model->model->derive(n, values, derived);
    });
}

glassnmr_status glassnmr_model_derive_gradient(const glassnmr_model* model, size_t n,
                                               const double* values, const double* dl_dderived,
                                               double* dl_dvalues) {
    return guarded([&] {
        require(model, "model");
        require(values, "values", n);
        require(dl_dderived, "dl_dderived", model->model->derived().empty() ? 0 : n);
        require(dl_dvalues, "dl_dvalues", n);
        model->model->derive_gradient(n, values, dl_dderived, dl_dvalues);
    });
}

glassnmr_status glassnmr_model_predict(const glassnmr_model* model, const glassnmr_atoms* atoms,
                                       int n_threads, double* values, double* novelty) {
    return guarded([&] {
        require(model, "model");
        require(atoms, "atoms");
        require(values, "values", atoms->n_centres);
        const LocalModel& m = *model->model;
        const glassnmr::Atoms a = view(*atoms);
        if (atoms->first) {
            m.predict(a, list(*atoms), values, n_threads, novelty);
        } else {
            m.predict(a, atoms->n_centres, atoms->centres, values, n_threads, novelty);
        }
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
        const LocalModel& m = *model->model;
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
                                           double* values, double* novelty) {
    return guarded([&] {
        require(model, "model");
        require(vectors, "vectors", n);
        require(species, "species", n);
        require(values, "values");
        model->model->environment(n, vectors, species, values, novelty);
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
        model->model->environment_gradient(n, vectors, species, dl_dvalues, dl_dvectors);
    });
}

namespace {

/// What both kinds of errors want.
void require_errors(const glassnmr_model* model, std::size_t n, const double* values,
                    const double* novelty) {
    require(model, "model");
    require(values, "values", n);
    require(novelty, "novelty", n);
}

}  // namespace

glassnmr_status glassnmr_model_deviations(const glassnmr_model* model, size_t n,
                                          const double* values, const double* novelty,
                                          double* of_values, double* of_derived) {
    return guarded([&] {
        require_errors(model, n, values, novelty);
        if (of_values) model->model->deviations(n, novelty, of_values);
        if (of_derived) model->model->derived_deviations(n, values, novelty, of_derived);
    });
}

glassnmr_status glassnmr_model_half_widths(const glassnmr_model* model, double level, size_t n,
                                           const double* values, const double* novelty,
                                           double* of_values, double* of_derived) {
    return guarded([&] {
        require_errors(model, n, values, novelty);
        const LocalModel& m = *model->model;
        if (of_values) m.half_widths(level, n, novelty, of_values);
        if (of_derived) m.derived_half_widths(level, n, values, novelty, of_derived);
    });
}
