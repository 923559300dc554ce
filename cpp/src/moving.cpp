// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <glassnmr/error.hpp>
#include <glassnmr/moving.hpp>
#include <utility>

#include "bins.hpp"
#include "parallel.hpp"

namespace glassnmr {

namespace {

constexpr std::size_t rows_a_block = 192;
constexpr double closest = 1e-3;  // Å, as NeighbourSearch

enum class Kind { move, swap, insert, remove };

/// What undo() needs.
struct Change {
    Kind kind;
    std::size_t a, b;
    double position[3];                 ///< before
    std::int32_t species;               ///< of a removed atom
    std::vector<std::int64_t> touched;  ///< numbered as after the change
    std::vector<double> values;         ///< of the touched before; then of a removed atom
};

std::size_t place(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

struct MovingStructure::State {
    std::shared_ptr<const Model> model;
    std::int32_t centre;
    int n_threads;
    Bins bins;
    std::vector<double> positions, values;
    std::vector<std::int32_t> species;
    std::vector<Change> changes;
    std::vector<std::int64_t> touched;

    State(std::shared_ptr<const Model> m, const Atoms& atoms, std::int32_t c, int threads)
        : model(std::move(m)),
          centre(c),
          n_threads(threads),
          bins(atoms, model->descriptor().cutoff()),
          positions(atoms.positions, atoms.positions + 3 * atoms.n),
          values(atoms.n * model->n_targets()),
          species(atoms.species, atoms.species + atoms.n) {
        std::vector<std::int64_t> centres;
        for (std::size_t i = 0; i < atoms.n; ++i) {
            bins.wrap(&positions[3 * i]);
            bins.add(static_cast<std::int32_t>(i), &positions[3 * i]);
            if (species[i] == centre) centres.push_back(static_cast<std::int64_t>(i));
        }
        const std::size_t T = model->n_targets();
        std::vector<double> out(centres.size() * T);
        model->predict(atoms, centres.size(), centres.data(), out.data(), n_threads);
        for (std::size_t k = 0; k < centres.size(); ++k)
            std::copy_n(out.data() + k * T, T, values.data() + place(centres[k]) * T);
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
        const std::size_t T = model->n_targets(), F = model->descriptor().n_features();
        change.touched = touched;
        std::vector<double> before;
        for (const auto i : touched)
            before.insert(before.end(), &values[place(i) * T], &values[place(i) * T] + T);
        change.values.insert(change.values.begin(), before.begin(), before.end());
        std::vector<double> rows, out;
        for (std::size_t first = 0; first < touched.size(); first += rows_a_block) {
            const std::size_t n = std::min(rows_a_block, touched.size() - first);
            rows.resize(n * F);
            out.resize(n * T);
            parallel_for(n, n_threads, [&](std::size_t k) {
                environment(touched[first + k], rows.data() + k * F);
            });
            model->rows(n, rows.data(), out.data());
            for (std::size_t k = 0; k < n; ++k) {
                const std::size_t i = place(touched[first + k]);
                for (std::size_t t = 0; t < T; ++t)
                    values[i * T + t] = species[i] == centre ? out[k * T + t] : 0.0;
            }
        }
        changes.push_back(std::move(change));
        return touched;
    }

    void environment(std::int64_t i, double* row) {
        std::vector<double> vectors;
        std::vector<std::int32_t> kinds;
        const auto self = static_cast<std::int32_t>(i);
        bins.around(at(place(i)), self, positions.data(), [&](std::int32_t j, const double* v) {
            vectors.insert(vectors.end(), v, v + 3);
            kinds.push_back(species[static_cast<std::size_t>(j)]);
        });
        model->descriptor().environment(kinds.size(), vectors.data(), kinds.data(), row);
    }

    void relocate(std::size_t i, const double* r) {
        const auto self = static_cast<std::int32_t>(i);
        bins.remove(self, at(i));
        std::copy_n(r, 3, at(i));
        bins.add(self, at(i));
    }

    void push(std::int32_t kind, const double* r, const double* value) {
        const std::size_t T = model->n_targets();
        bins.add(static_cast<std::int32_t>(size()), r);
        positions.insert(positions.end(), r, r + 3);
        species.push_back(kind);
        values.insert(values.end(), value, value + T);
    }

    void pop() {
        bins.remove(static_cast<std::int32_t>(size() - 1), at(size() - 1));
        positions.resize(positions.size() - 3);
        species.pop_back();
        values.resize(values.size() - model->n_targets());
    }

    /// Atom `from` becomes number `to`; what was there must be in no bin.
    void renumber(std::size_t from, std::size_t to) {
        const std::size_t T = model->n_targets();
        bins.rename(static_cast<std::int32_t>(from), static_cast<std::int32_t>(to), at(from));
        std::copy_n(at(from), 3, at(to));
        species[to] = species[from];
        std::copy_n(&values[from * T], T, &values[to * T]);
    }
};

MovingStructure::MovingStructure(std::shared_ptr<const Model> model, const Atoms& atoms,
                                 std::int32_t centre, int n_threads) {
    if (!model) invalid("model must not be null");
    state_ = std::make_unique<State>(std::move(model), atoms, centre, n_threads);
}

MovingStructure::~MovingStructure() = default;
MovingStructure::MovingStructure(MovingStructure&&) noexcept = default;
MovingStructure& MovingStructure::operator=(MovingStructure&&) noexcept = default;

std::size_t MovingStructure::size() const { return state_->size(); }
const double* MovingStructure::positions() const { return state_->positions.data(); }
const std::int32_t* MovingStructure::species() const { return state_->species.data(); }
const double* MovingStructure::values() const { return state_->values.data(); }
std::size_t MovingStructure::n_targets() const { return state_->model->n_targets(); }
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
    if (species < 0 || static_cast<std::size_t>(species) >= s.model->descriptor().n_species())
        invalid("species " + std::to_string(species) + " is not one of the model's");
    const std::array<double, 3> r = s.vacant(position, -1);
    const std::vector<double> nothing(s.model->n_targets());
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
    const std::size_t T = s.model->n_targets(), last = s.size() - 1;
    const auto self = static_cast<std::int32_t>(i);
    const double* old = s.at(i);
    Change change{Kind::remove, i, 0, {old[0], old[1], old[2]}, s.species[i], {}, {}};
    change.values.assign(&s.values[i * T], &s.values[i * T] + T);
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
        s.values.resize(last * T);
    }
    return s.finish(std::move(change));
}

void MovingStructure::undo() {
    State& s = *state_;
    if (s.changes.empty()) invalid("there is no change to take back");
    const Change change = std::move(s.changes.back());
    s.changes.pop_back();
    const std::size_t T = s.model->n_targets();
    for (std::size_t k = 0; k < change.touched.size(); ++k)
        std::copy_n(&change.values[k * T], T, &s.values[place(change.touched[k]) * T]);
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
            const double* value = &change.values[change.touched.size() * T];
            if (change.a == s.size()) {
                s.push(change.species, change.position, value);
                break;
            }
            const std::vector<double> r(s.at(change.a), s.at(change.a) + 3),
                v(&s.values[change.a * T], &s.values[change.a * T] + T);
            s.bins.remove(static_cast<std::int32_t>(change.a), r.data());
            s.push(s.species[change.a], r.data(), v.data());
            std::copy_n(change.position, 3, s.at(change.a));
            s.species[change.a] = change.species;
            std::copy_n(value, T, &s.values[change.a * T]);
            s.bins.add(static_cast<std::int32_t>(change.a), s.at(change.a));
        }
    }
}

}  // namespace glassnmr
