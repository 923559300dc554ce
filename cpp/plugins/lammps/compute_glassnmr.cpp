// SPDX-License-Identifier: GPL-2.0-or-later
#include "compute_glassnmr.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neighbor.h"
#include "update.h"

using namespace LAMMPS_NS;

namespace {

constexpr double one_deviation = 0.6827, ninety = 0.9;  // shares of values within std_ and half90_

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
    const bool all = columns_.empty();
    for (size_t t = 0; all && t < glassnmr_model_n_targets(model); ++t)
        columns_.push_back({false, t, Told::value});
    for (size_t d = 0; all && d < glassnmr_model_n_derived(model); ++d)
        columns_.push_back({true, d, Told::value});
    for (const Column& c : columns_) with_novelty_ = with_novelty_ || c.told != Told::value;
    if (with_novelty_) check(glassnmr_model_novelty_limit(model, &novelty_limit_));
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

/// Names of all values.
std::string ComputeGlassnmr::known() const {
    const glassnmr_model* m = model_.get();
    std::string names;
    for (size_t t = 0; t < glassnmr_model_n_targets(m); ++t)
        names += std::string(" ") + glassnmr_model_target(m, t);
    for (size_t d = 0; d < glassnmr_model_n_derived(m); ++d)
        names += std::string(" ") + glassnmr_model_derived(m, d);
    return names;
}

ComputeGlassnmr::Column ComputeGlassnmr::column(const std::string& quantity) const {
    const glassnmr_model* m = model_.get();
    std::string name = quantity;
    Told told = Told::value;
    const std::pair<const char*, Told> before[] = {
        {"std_", Told::std}, {"half90_", Told::half90}, {"unlike_", Told::unlike}};
    for (const auto& [prefix, what] : before) {
        if (name.rfind(prefix, 0) != 0) continue;
        name.erase(0, std::strlen(prefix));
        told = what;
        break;
    }
    const auto kind = glassnmr_model_kind(m);
    const bool whole = (kind == GLASSNMR_SHIELDING && name == "ms") ||
                       (kind == GLASSNMR_FIELD_GRADIENT && name == "efg");
    if (told == Told::unlike && whole) return {false, 0, told};
    for (size_t t = 0; t < glassnmr_model_n_targets(m); ++t)
        if (name == glassnmr_model_target(m, t)) return {false, t, told};
    for (size_t d = 0; d < glassnmr_model_n_derived(m); ++d)
        if (name == glassnmr_model_derived(m, d)) return {true, d, told};
    error->all(FLERR, "compute glassnmr: the model does not give " + quantity + ", but" + known() +
                          ", and std_, half90_, unlike_ of each where it has errors");
    return {};
}

/// Is there a column of this kind?
bool ComputeGlassnmr::wanted(bool derived, Told told) const {
    return std::any_of(columns_.begin(), columns_.end(),
                       [&](const Column& c) { return c.derived == derived && c.told == told; });
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
    seen_.positions.clear();
    seen_.species.clear();
    seen_.centres.clear();
    owner_.clear();
    for (int i = 0; i < nall; ++i) {
        const int32_t channel = channel_[static_cast<size_t>(atom->type[i])];
        if (channel < 0) continue;
        if (i < nlocal && channel == centre_channel_ && (atom->mask[i] & groupbit)) {
            seen_.centres.push_back(static_cast<int64_t>(seen_.species.size()));
            owner_.push_back(i);
        }
        for (int x = 0; x < 3; ++x) seen_.positions.push_back(atom->x[i][x] * scale);
        seen_.species.push_back(channel);
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
    if (seen_.centres.empty()) return;
    // Thermodynamic output, dumps and fixes ask for the same step one after another.
    if (!(seen_ == predicted_)) {
        predicted_ = {};
        predict();
        predicted_ = seen_;
    }
    const size_t width[2] = {glassnmr_model_n_targets(model_.get()),
                             glassnmr_model_n_derived(model_.get())};
    for (size_t i = 0; i < seen_.centres.size(); ++i) {
        double* to = size_peratom_cols ? rows_[owner_[i]] : row_ + owner_[i];
        for (const Column& c : columns_) {
            *to++ =
                c.told == Told::unlike
                    ? novelty_[i] > novelty_limit_
                    : tables_[c.derived][static_cast<int>(c.told)][i * width[c.derived] + c.place];
        }
    }
}

/// The tables that the columns want, for all centres.
void ComputeGlassnmr::predict() {
    const glassnmr_model* m = model_.get();
    const size_t n = seen_.centres.size();
    glassnmr_atoms atoms{};
    atoms.n_atoms = seen_.species.size();
    atoms.positions = seen_.positions.data();
    atoms.species = seen_.species.data();
    for (int k = 0; k < 3; ++k) atoms.cell[4 * k] = 1;  // no images: ghosts are there
    atoms.n_centres = n;
    atoms.centres = seen_.centres.data();
    const auto table = [&](bool derived, Told told) -> double* {
        auto& t = tables_[derived][static_cast<int>(told)];
        t.resize(n * (derived ? glassnmr_model_n_derived(m) : glassnmr_model_n_targets(m)));
        return t.data();
    };
    double* const values = table(false, Told::value);
    novelty_.resize(with_novelty_ ? n : 0);
    check(glassnmr_model_predict(m, &atoms, comm->nthreads, values,
                                 with_novelty_ ? novelty_.data() : nullptr));
    if (wanted(true, Told::value))
        check(glassnmr_model_derive(m, n, values, table(true, Told::value)));
    for (const auto& [told, level] :
         {std::pair{Told::std, one_deviation}, {Told::half90, ninety}}) {
        double* of[2] = {nullptr, nullptr};
        for (const bool derived : {false, true})
            if (wanted(derived, told)) of[derived] = table(derived, told);
        if (of[0] || of[1])
            check(glassnmr_model_half_widths(m, level, n, values, novelty_.data(), of[0], of[1]));
    }
}

double ComputeGlassnmr::memory_usage() {
    size_t numbers = 2 * seen_.positions.capacity() + novelty_.capacity();
    for (const auto& kind : tables_)
        for (const auto& t : kind) numbers += t.capacity();
    return (static_cast<double>(max_rows_) * std::max(size_peratom_cols, 1) +
            static_cast<double>(numbers)) *
           sizeof(double);
}
