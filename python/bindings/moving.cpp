// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <glassnmr/error.hpp>
#include <glassnmr/moving.hpp>

#include "atoms.hpp"

namespace {

using glassnmr::MovingStructure;

Int64Array indices(const std::vector<std::int64_t>& from) {
    Int64Array out(static_cast<py::ssize_t>(from.size()));
    std::copy(from.begin(), from.end(), out.mutable_data());
    return out;
}

MovingStructure make(const std::shared_ptr<glassnmr::LocalModel>& model, const Array& positions,
                     const Array& cell, const std::array<bool, 3>& pbc, const Int32Array& species,
                     std::int32_t centre, bool with_novelty, int n_threads) {
    const glassnmr::Atoms atoms = atoms_view(positions, cell, pbc, &species);
    const py::gil_scoped_release nogil;
    return MovingStructure(model, atoms, centre, with_novelty, n_threads);
}

// The interpreter is not released: a structure serves one thread at a time.
Int64Array move_atom(MovingStructure& s, std::size_t atom, const Array& position) {
    require_shape(position, "position", {3});
    return indices(s.move(atom, position.data()));
}

Int64Array swap_atoms(MovingStructure& s, std::size_t a, std::size_t b) {
    return indices(s.swap(a, b));
}

Int64Array insert_atom(MovingStructure& s, std::int32_t species, const Array& position) {
    require_shape(position, "position", {3});
    return indices(s.insert(species, position.data()));
}

Int64Array remove_atom(MovingStructure& s, std::size_t atom) { return indices(s.remove(atom)); }

Array positions(const MovingStructure& s) {
    Array out({static_cast<py::ssize_t>(s.size()), py::ssize_t{3}});
    std::copy_n(s.positions(), 3 * s.size(), out.mutable_data());
    return out;
}

Int32Array species(const MovingStructure& s) {
    Int32Array out(static_cast<py::ssize_t>(s.size()));
    std::copy_n(s.species(), s.size(), out.mutable_data());
    return out;
}

Array of_atoms(const MovingStructure& s, const double* from, std::size_t width,
               const Int64Array& atoms) {
    require_shape(atoms, "atoms", {-1});
    Array out({atoms.shape(0), static_cast<py::ssize_t>(width)});
    for (py::ssize_t k = 0; k < atoms.shape(0); ++k) {
        const auto i = atoms.data()[k];
        if (i < 0 || static_cast<std::size_t>(i) >= s.size())
            throw py::value_error("atoms must lie in the structure");
        std::copy_n(from + static_cast<std::size_t>(i) * width, width,
                    out.mutable_data() + static_cast<std::size_t>(k) * width);
    }
    return out;
}

/// (n, T) of some atoms.
Array values(const MovingStructure& s, const Int64Array& atoms) {
    return of_atoms(s, s.values(), s.n_values(), atoms);
}

/// (n, 1) of some atoms.
Array novelty(const MovingStructure& s, const Int64Array& atoms) {
    if (!s.novelty()) glassnmr::invalid("novelty is not followed: errors=True follows it");
    return of_atoms(s, s.novelty(), 1, atoms);
}

}  // namespace

void bind_moving(py::module_& m) {
    py::class_<MovingStructure>(m, "MovingStructure")
        .def(py::init(&make), "model"_a, "positions"_a, "cell"_a, "pbc"_a, "species"_a,
             py::kw_only(), "centre"_a, "with_novelty"_a = false, "n_threads"_a = 0)
        .def("move", &move_atom, "atom"_a, "position"_a)
        .def("swap", &swap_atoms, "a"_a, "b"_a)
        .def("insert", &insert_atom, "species"_a, "position"_a)
        .def("remove", &remove_atom, "atom"_a)
        .def("undo", &MovingStructure::undo)
        .def("accept", &MovingStructure::accept)
        .def("values", &values, "atoms"_a)
        .def("novelty", &novelty, "atoms"_a)
        .def_property_readonly("size", &MovingStructure::size)
        .def_property_readonly("n_changes", &MovingStructure::n_changes)
        .def_property_readonly("positions", &positions)
        .def_property_readonly("species", &species);
}
