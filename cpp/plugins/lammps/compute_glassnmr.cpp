// SPDX-License-Identifier: GPL-2.0-or-later
#include "compute_glassnmr.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neighbor.h"
#include "update.h"

using namespace LAMMPS_NS;

namespace {

constexpr double one_deviation = 0.6827;  // share of values within what std_ gives

}  // namespace

ComputeGlassnmr::ComputeGlassnmr(LAMMPS* lammps, int narg, char** arg)
    : Compute(lammps, narg, arg) {
    if (narg < 4) error->all(FLERR, "compute glassnmr MODEL [quantities] elements E1 E2 ...");
    if (glassnmr_abi_version() != GLASSNMR_ABI_VERSION)
        error->all(FLERR, "compute glassnmr was built for another version of glassnmr");
    glassnmr_model* model = nullptr;
    check(glassnmr_model_load(arg[3], &model));
    model_.reset(model);
    int k = 4;
    for (; k < narg && std::strcmp(arg[k], "elements") != 0; ++k)
        columns_.push_back(column(arg[k]));
    read_elements(narg - k - 1, arg + k + 1);
    double a, b;
    const bool all = columns_.empty();
    for (size_t t = 0; all && t < glassnmr_model_n_targets(model); ++t) {
        columns_.push_back({t, false, 1, 0});
        const bool shielding = std::strcmp(glassnmr_model_target(model, t), "sigma_iso") == 0;
        if (shielding && glassnmr_model_reference(model, &a, &b) == GLASSNMR_SUCCESS)
            columns_.push_back({t, false, b, a});
    }
    for (const Column& c : columns_) with_deviations_ = with_deviations_ || c.deviation;
    peratom_flag = 1;
    size_peratom_cols = columns_.size() == 1 ? 0 : static_cast<int>(columns_.size());
}

ComputeGlassnmr::~ComputeGlassnmr() {
    memory->destroy(rows_);
    memory->destroy(row_);
}

void ComputeGlassnmr::check(glassnmr_status status) const {
    if (status != GLASSNMR_SUCCESS)
        error->one(FLERR, std::string("compute glassnmr: ") + glassnmr_last_error());
}

ComputeGlassnmr::Column ComputeGlassnmr::column(const char* quantity) const {
    const glassnmr_model* m = model_.get();
    std::string name = quantity;
    Column c{0, name.rfind("std_", 0) == 0, 1, 0};
    if (c.deviation) name.erase(0, 4);
    if (name == "delta_iso") {
        double a = 0;
        check(glassnmr_model_reference(m, &a, &c.scale));
        c.shift = c.deviation ? 0 : a;
        if (c.deviation) c.scale = std::abs(c.scale);
        name = "sigma_iso";
    }
    const size_t n = glassnmr_model_n_targets(m);
    while (c.target < n && name != glassnmr_model_target(m, c.target)) ++c.target;
    if (c.target == n) {
        std::string known;
        for (size_t t = 0; t < n; ++t) known += std::string(" ") + glassnmr_model_target(m, t);
        error->all(FLERR, std::string("compute glassnmr: the model does not give ") + quantity +
                              ", but" + known +
                              ", std_ of each where it has errors, and delta_iso" +
                              " where it has a reference");
    }
    if (c.deviation) {
        std::vector<double> factors(n);
        check(glassnmr_model_interval_factors(m, one_deviation, factors.data()));
        c.scale *= factors[c.target];
    }
    return c;
}

void ComputeGlassnmr::read_elements(int narg, char** arg) {
    const glassnmr_model* m = model_.get();
    if (narg != atom->ntypes) {
        error->all(FLERR, "compute glassnmr: elements must name one element for each of the " +
                              std::to_string(atom->ntypes) + " atom types");
    }
    channel_.assign(static_cast<size_t>(atom->ntypes) + 1, -1);
    const size_t n = glassnmr_model_n_species(m);
    for (int type = 1; type <= atom->ntypes; ++type) {
        const char* element = arg[type - 1];
        if (std::strcmp(element, "NULL") == 0) continue;
        size_t k = 0;
        while (k < n && std::strcmp(element, glassnmr_model_species(m, k)) != 0) ++k;
        if (k == n) {
            error->all(FLERR, std::string("compute glassnmr: the model does not know element ") +
                                  element + "; NULL hides a type from it");
        }
        channel_[static_cast<size_t>(type)] = static_cast<int32_t>(k);
        if (std::strcmp(element, glassnmr_model_centre(m)) == 0)
            centre_channel_ = static_cast<int32_t>(k);
    }
}

/// Owned atoms and ghosts as the model takes them: in Å, without what it does not see.
void ComputeGlassnmr::gather() {
    const int nlocal = atom->nlocal, nall = nlocal + atom->nghost;
    const double scale = 1 / force->angstrom;
    positions_.clear();
    species_.clear();
    centres_.clear();
    owner_.clear();
    for (int i = 0; i < nall; ++i) {
        const int32_t channel = channel_[static_cast<size_t>(atom->type[i])];
        if (channel < 0) continue;
        if (i < nlocal && channel == centre_channel_ && (atom->mask[i] & groupbit)) {
            centres_.push_back(static_cast<int64_t>(species_.size()));
            owner_.push_back(i);
        }
        for (int x = 0; x < 3; ++x) positions_.push_back(atom->x[i][x] * scale);
        species_.push_back(channel);
    }
}

void ComputeGlassnmr::resize() {
    const int width = std::max(size_peratom_cols, 1);
    if (atom->nmax > max_rows_) {
        max_rows_ = atom->nmax;
        memory->destroy(rows_);
        memory->destroy(row_);
        if (size_peratom_cols) {
            memory->create(rows_, max_rows_, width, "glassnmr:rows");
        } else {
            memory->create(row_, max_rows_, "glassnmr:row");
        }
        array_atom = rows_;
        vector_atom = row_;
    }
    if (max_rows_ == 0) return;
    double* const all = size_peratom_cols ? rows_[0] : row_;
    std::fill_n(all, static_cast<size_t>(atom->nlocal) * static_cast<size_t>(width), 0.0);
}

void ComputeGlassnmr::compute_peratom() {
    invoked_peratom = update->ntimestep;
    // Ghosts are as many as they were when the list was built; atoms have moved by half a skin.
    const double reach = glassnmr_model_cutoff(model_.get()) * force->angstrom + neighbor->skin;
    const double ghosts = comm->get_comm_cutoff();
    if (ghosts < reach) {
        error->all(FLERR, "compute glassnmr: the model looks as far as " + std::to_string(reach) +
                              " with the skin, ghost atoms reach " + std::to_string(ghosts) +
                              ": use comm_modify cutoff " + std::to_string(reach));
    }
    resize();
    gather();
    const size_t n = centres_.size(), T = glassnmr_model_n_targets(model_.get());
    values_.resize(n * T);
    deviations_.resize(with_deviations_ ? n * T : 0);
    glassnmr_atoms atoms{};
    atoms.n_atoms = species_.size();
    atoms.positions = positions_.data();
    atoms.species = species_.data();
    for (int k = 0; k < 3; ++k) atoms.cell[4 * k] = 1;  // no images: ghosts are there
    atoms.n_centres = n;
    atoms.centres = centres_.data();
    if (n > 0) {
        check(glassnmr_model_predict(model_.get(), &atoms, comm->nthreads, values_.data(),
                                     with_deviations_ ? deviations_.data() : nullptr));
    }
    for (size_t i = 0; i < n; ++i) {
        double* to = size_peratom_cols ? rows_[owner_[i]] : row_ + owner_[i];
        for (const Column& c : columns_)
            *to++ = c.scale * (c.deviation ? deviations_ : values_)[i * T + c.target] + c.shift;
    }
}

double ComputeGlassnmr::memory_usage() {
    return static_cast<double>(max_rows_) * std::max(size_peratom_cols, 1) * sizeof(double) +
           static_cast<double>(positions_.capacity() + values_.capacity() +
                               deviations_.capacity()) *
               sizeof(double);
}
