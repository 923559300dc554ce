// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/moving.hpp>
#include <utility>

#include "bins.hpp"

namespace glassnmr {

namespace {

constexpr double closest = 1e-3;  // Å, as NeighbourSearch

enum class Kind { move, swap, insert, remove };

/// What undo() needs.
struct Change {
    Kind kind;
    std::size_t a, b;
    double position[3];                 ///< before
    std::int32_t species;               ///< of a removed atom
    std::vector<std::int64_t> touched;  ///< numbered as after the change
    std::vector<double> rows;           ///< of the touched before; then of a removed atom
};

std::size_t place(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

struct MovingStructure::State {
    std::shared_ptr<const LocalModel> model;
    std::int32_t centre;
    int n_threads;
    Bins bins;
    bool with_novelty;
    std::vector<double> positions, values, novelty;
    std::vector<std::int32_t> species;
    std::vector<Change> changes;
    std::vector<std::int64_t> touched;

    State(std::shared_ptr<const LocalModel> m, const Atoms& atoms, std::int32_t c, bool told,
          int threads)
        : model(std::move(m)),
          centre(c),
          n_threads(threads),
          bins(atoms, model->cutoff()),
          with_novelty(told),
          positions(atoms.positions, atoms.positions + 3 * atoms.n),
          values(atoms.n * model->n_values()),
          novelty(told ? atoms.n : 0),
          species(atoms.species, atoms.species + atoms.n) {
        std::vector<std::int64_t> centres;
        for (std::size_t i = 0; i < atoms.n; ++i) {
            bins.wrap(&positions[3 * i]);
            bins.add(static_cast<std::int32_t>(i), &positions[3 * i]);
            if (species[i] == centre) centres.push_back(static_cast<std::int64_t>(i));
        }
        const std::size_t T = model->n_values();
        std::vector<double> out(centres.size() * T), new_novelty(told ? centres.size() : 0);
        model->predict(atoms, centres.size(), centres.data(), out.data(), n_threads,
                       told ? new_novelty.data() : nullptr);
        for (std::size_t k = 0; k < centres.size(); ++k) {
            std::copy_n(out.data() + k * T, T, values.data() + place(centres[k]) * T);
            if (told) novelty[place(centres[k])] = new_novelty[k];
        }
    }

    /// Numbers kept of each atom: its values, then its novelty.
    std::size_t width() const { return model->n_values() + (with_novelty ? 1 : 0); }
    void keep(std::size_t i, std::vector<double>& rows) const {
        const std::size_t T = model->n_values();
        rows.insert(rows.end(), &values[i * T], &values[i * T] + T);
        if (with_novelty) rows.push_back(novelty[i]);
    }
    void put(std::size_t i, const double* row) {
        const std::size_t T = model->n_values();
        std::copy_n(row, T, &values[i * T]);
        if (with_novelty) novelty[i] = row[T];
    }

    std::size_t size() const { return species.size(); }
    double* at(std::size_t i) { return &positions[3 * i]; }

    void check_atom(std::size_t i) const {
        if (i >= size())
            invalid("atom must lie in 0.." + std::to_string(size()) + " - 1, got " +
                    std::to_string(i));
    }

    /// The centres within the cutoff of r.
    void touch(const double* r, std::int32_t self) {
        bins.around(r, self, positions.data(), [&](std::int32_t j, const double*) {
            if (species[static_cast<std::size_t>(j)] == centre) touched.push_back(j);
        });
    }

    /// A place where an atom may be: finite, wrapped, and none (but `self` itself) is there.
    std::array<double, 3> vacant(const double* position, std::int32_t self) const {
        std::array<double, 3> r{position[0], position[1], position[2]};
        for (const double x : r) {
            if (!std::isfinite(x) || std::abs(x) > 1e9)
                invalid("position must be finite, got " + std::to_string(x));
        }
        bins.wrap(r.data());
        bins.around(r.data(), self, positions.data(), [&](std::int32_t j, const double* v) {
            if (j != self && v[0] * v[0] + v[1] * v[1] + v[2] * v[2] < closest * closest)
                invalid("atom " + std::to_string(j) + " is at this position");
        });
        return r;
    }

    void unite() {
        std::sort(touched.begin(), touched.end());
        touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    }

    /// Makes the values of the touched anew, and keeps those before with the change.
    const std::vector<std::int64_t>& finish(Change change) {
        change.touched = touched;
        std::vector<double> before;
        for (const auto i : touched) keep(place(i), before);
        change.rows.insert(change.rows.begin(), before.begin(), before.end());
        std::vector<std::int64_t> alive;  // one that was exchanged may be no centre any more
        for (const auto i : touched) {
            if (species[place(i)] == centre) {
                alive.push_back(i);
            } else {
                const std::vector<double> nothing(width());
                put(place(i), nothing.data());
            }
        }
        evaluate(alive);
        changes.push_back(std::move(change));
        return touched;
    }

    void evaluate(const std::vector<std::int64_t>& centres) {
        const std::size_t T = model->n_values(), n = centres.size();
        std::vector<double> vectors, out(n * T), news(with_novelty ? n : 0);
        std::vector<std::int32_t> kinds;
        std::vector<std::size_t> first{0};
        for (const auto i : centres) {
            bins.around(at(place(i)), static_cast<std::int32_t>(i), positions.data(),
                        [&](std::int32_t j, const double* v) {
                            vectors.insert(vectors.end(), v, v + 3);
                            kinds.push_back(species[static_cast<std::size_t>(j)]);
                        });
            first.push_back(kinds.size());
        }
        std::vector<Neighbourhood> near(n);
        for (std::size_t k = 0; k < n; ++k)
            near[k] = {first[k + 1] - first[k], vectors.data() + 3 * first[k],
                       kinds.data() + first[k]};
        model->environments(n, near.data(), out.data(), with_novelty ? news.data() : nullptr,
                            n_threads);
        for (std::size_t k = 0; k < n; ++k) {
            std::copy_n(&out[k * T], T, &values[place(centres[k]) * T]);
            if (with_novelty) novelty[place(centres[k])] = news[k];
        }
    }

    void relocate(std::size_t i, const double* r) {
        const auto self = static_cast<std::int32_t>(i);
        bins.remove(self, at(i));
        std::copy_n(r, 3, at(i));
        bins.add(self, at(i));
    }

    void push(std::int32_t kind, const double* r, const double* row) {
        bins.add(static_cast<std::int32_t>(size()), r);
        positions.insert(positions.end(), r, r + 3);
        species.push_back(kind);
        resize_rows(size());
        put(size() - 1, row);
    }

    void resize_rows(std::size_t n) {
        values.resize(n * model->n_values());
        if (with_novelty) novelty.resize(n);
    }

    void pop() {
        bins.remove(static_cast<std::int32_t>(size() - 1), at(size() - 1));
        positions.resize(positions.size() - 3);
        species.pop_back();
        resize_rows(size());
    }

    /// Atom `from` becomes number `to`; what was there must be in no bin.
    void renumber(std::size_t from, std::size_t to) {
        bins.rename(static_cast<std::int32_t>(from), static_cast<std::int32_t>(to), at(from));
        std::copy_n(at(from), 3, at(to));
        species[to] = species[from];
        std::vector<double> row;
        keep(from, row);
        put(to, row.data());
    }
};

MovingStructure::MovingStructure(std::shared_ptr<const LocalModel> model, const Atoms& atoms,
                                 std::int32_t centre, bool with_novelty, int n_threads) {
    if (!model) invalid("model must not be null");
    if (with_novelty && !model->has_uncertainty()) invalid("this model carries no uncertainty");
    state_ = std::make_unique<State>(std::move(model), atoms, centre, with_novelty, n_threads);
}

MovingStructure::~MovingStructure() = default;
MovingStructure::MovingStructure(MovingStructure&&) noexcept = default;
MovingStructure& MovingStructure::operator=(MovingStructure&&) noexcept = default;

std::size_t MovingStructure::size() const { return state_->size(); }
const double* MovingStructure::positions() const { return state_->positions.data(); }
const std::int32_t* MovingStructure::species() const { return state_->species.data(); }
const double* MovingStructure::values() const { return state_->values.data(); }
std::size_t MovingStructure::n_values() const { return state_->model->n_values(); }
const double* MovingStructure::novelty() const {
    return state_->with_novelty ? state_->novelty.data() : nullptr;
}
const LocalModel& MovingStructure::model() const { return *state_->model; }
std::size_t MovingStructure::n_changes() const { return state_->changes.size(); }
void MovingStructure::accept() { state_->changes.clear(); }

const std::vector<std::int64_t>& MovingStructure::move(std::size_t i, const double* position) {
    State& s = *state_;
    s.check_atom(i);
    const auto self = static_cast<std::int32_t>(i);
    const std::array<double, 3> r = s.vacant(position, self);
    const double* old = s.at(i);
    Change change{Kind::move, i, 0, {old[0], old[1], old[2]}, 0, {}, {}};
    s.touched.clear();
    s.touch(old, self);
    s.relocate(i, r.data());
    s.touch(r.data(), self);
    if (s.species[i] == s.centre) s.touched.push_back(self);
    s.unite();
    return s.finish(std::move(change));
}

const std::vector<std::int64_t>& MovingStructure::swap(std::size_t a, std::size_t b) {
    State& s = *state_;
    s.check_atom(a);
    s.check_atom(b);
    s.touched.clear();
    if (s.species[a] != s.species[b]) {
        for (const std::size_t i : {a, b}) {
            s.touch(s.at(i), static_cast<std::int32_t>(i));
            if (s.species[a] == s.centre || s.species[b] == s.centre)
                s.touched.push_back(static_cast<std::int64_t>(i));
        }
    }
    std::swap(s.species[a], s.species[b]);
    s.unite();
    return s.finish({Kind::swap, a, b, {}, 0, {}, {}});
}

const std::vector<std::int64_t>& MovingStructure::insert(std::int32_t species,
                                                         const double* position) {
    State& s = *state_;
    if (species < 0 || static_cast<std::size_t>(species) >= s.model->species().size())
        invalid("species " + std::to_string(species) + " is not one of the model's");
    const std::array<double, 3> r = s.vacant(position, -1);
    const std::vector<double> nothing(s.width());
    s.touched.clear();
    s.touch(r.data(), -1);
    if (species == s.centre) s.touched.push_back(static_cast<std::int64_t>(s.size()));
    s.unite();
    s.push(species, r.data(), nothing.data());
    return s.finish({Kind::insert, s.size() - 1, 0, {}, 0, {}, {}});
}

const std::vector<std::int64_t>& MovingStructure::remove(std::size_t i) {
    State& s = *state_;
    s.check_atom(i);
    if (s.size() == 1) invalid("the last atom cannot be removed");
    const std::size_t last = s.size() - 1;
    const auto self = static_cast<std::int32_t>(i);
    const double* old = s.at(i);
    Change change{Kind::remove, i, 0, {old[0], old[1], old[2]}, s.species[i], {}, {}};
    s.keep(i, change.rows);
    s.touched.clear();
    s.touch(old, self);
    s.touched.erase(std::remove(s.touched.begin(), s.touched.end(), self), s.touched.end());
    for (auto& j : s.touched) j = place(j) == last ? self : j;
    s.unite();
    if (i == last) {
        s.pop();
    } else {
        s.bins.remove(self, s.at(i));
        s.renumber(last, i);
        s.positions.resize(3 * last);
        s.species.pop_back();
        s.resize_rows(last);
    }
    return s.finish(std::move(change));
}

void MovingStructure::undo() {
    State& s = *state_;
    if (s.changes.empty()) invalid("there is no change to take back");
    const Change change = std::move(s.changes.back());
    s.changes.pop_back();
    const std::size_t width = s.width();
    for (std::size_t k = 0; k < change.touched.size(); ++k)
        s.put(place(change.touched[k]), &change.rows[k * width]);
    switch (change.kind) {
        case Kind::move:
            s.relocate(change.a, change.position);
            break;
        case Kind::swap:
            std::swap(s.species[change.a], s.species[change.b]);
            break;
        case Kind::insert:
            s.pop();
            break;
        case Kind::remove: {
            const double* row = &change.rows[change.touched.size() * width];
            if (change.a == s.size()) {
                s.push(change.species, change.position, row);
                break;
            }
            const std::vector<double> r(s.at(change.a), s.at(change.a) + 3);
            std::vector<double> v;
            s.keep(change.a, v);
            s.bins.remove(static_cast<std::int32_t>(change.a), r.data());
            s.push(s.species[change.a], r.data(), v.data());
            std::copy_n(change.position, 3, s.at(change.a));
            s.species[change.a] = change.species;
            s.put(change.a, row);
            s.bins.add(static_cast<std::int32_t>(change.a), s.at(change.a));
        }
    }
}

}  // namespace glassnmr
