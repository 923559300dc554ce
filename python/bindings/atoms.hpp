// SPDX-License-Identifier: BSD-3-Clause
// From NumPy arrays to the core's view of a structure.
#pragma once

#include <glassnmr/neighbours.hpp>

#include "arrays.hpp"

/// A view of arrays that the caller keeps alive; `species` may be empty where only geometry
/// matters.
inline glassnmr::Atoms atoms_view(const Array& positions, const Array& cell,
                                  const std::array<bool, 3>& pbc,
                                  const Int32Array* species = nullptr) {
    require_shape(positions, "positions", {-1, 3});
    require_shape(cell, "cell", {3, 3});
    glassnmr::Atoms atoms;
    atoms.n = static_cast<std::size_t>(positions.shape(0));
    atoms.positions = positions.data();
    std::copy_n(cell.data(), 9, atoms.cell.begin());
    atoms.pbc = pbc;
    if (species) {
        require_shape(*species, "species", {positions.shape(0)});
        atoms.species = species->data();
    }
    return atoms;
}
