# SPDX-License-Identifier: BSD-3-Clause
"""The border between ase.Atoms and the core."""

from __future__ import annotations

import ase
import numpy as np
import pytest
from ase.build import bulk, fcc111, molecule
from ase.neighborlist import neighbor_list
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glassnmr.structure import Structure, as_structure

finite = st.floats(-50, 50)
lengths = st.integers(-9000, 9000).map(lambda number: number / 1000)


def _distances(atoms: ase.Atoms, cutoff: float) -> np.ndarray:
    return np.sort(neighbor_list("d", atoms, cutoff))


@given(
    arrays(float, (3, 3), elements=lengths),
    arrays(float, (5, 3), elements=finite),
    st.tuples(*[st.booleans()] * 3),
)
def test_wrapping_moves_atoms_by_whole_periods_into_the_cell(cell, positions, pbc) -> None:
    if np.abs(np.linalg.det(cell)) < 1.0:
        return
    structure = as_structure(ase.Atoms("Si5", positions=positions, cell=cell, pbc=pbc))
    moved = (structure.positions - positions) @ np.linalg.inv(cell)
    np.testing.assert_allclose(moved, np.round(moved), atol=1e-8)
    assert (np.round(moved)[:, ~np.array(pbc)] == 0).all()
    inside = (structure.positions @ np.linalg.inv(structure.cell))[:, list(pbc)]
    assert (inside > -1e-8).all()
    assert (inside < 1 + 1e-8).all()
    np.testing.assert_array_equal(structure.cell, cell)


def test_atoms_that_lie_inside_keep_their_bits() -> None:
    atoms = ase.Atoms("O3", positions=[[0, 0, 0], [1.1, 2.2, 3.3], [-0.1, 1, 1]], cell=[4, 5, 6], pbc=True)
    np.testing.assert_array_equal(as_structure(atoms).positions[:2], atoms.positions[:2])
    np.testing.assert_allclose(as_structure(atoms).positions[2], [3.9, 1, 1])


def test_wrapping_keeps_the_distances_of_a_very_skewed_cell() -> None:
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.1, seed=1)
    skewed = atoms.copy()
    cell = np.asarray(atoms.cell)
    skewed.set_cell([cell[0], cell[1] + 300 * cell[0], cell[2] - 70 * cell[1] + 900 * cell[0]])
    structure = as_structure(skewed)
    shifts = (structure.positions - atoms.positions) @ np.linalg.inv(cell)
    np.testing.assert_allclose(shifts, np.round(shifts), atol=1e-9)
    np.testing.assert_allclose(np.abs(np.linalg.det(structure.cell)), atoms.get_volume(), rtol=1e-9)


@pytest.mark.parametrize(
    "pbc", [(False,) * 3, (True, True, False), (True, False, False), (False, True, False), (False, True, True)]
)
def test_zero_vectors_of_open_directions_are_completed_by_orthogonal_unit_vectors(pbc: tuple[bool, ...]) -> None:
    cell = np.array([[4.0, 0.3, 0.1], [1.0, 5.0, -0.4], [0.5, 0.2, 6.0]]) * np.array(pbc)[:, None]
    structure = as_structure(ase.Atoms("O", positions=[[9.0, -9.0, 9.0]], cell=cell, pbc=pbc))
    closed, opened = structure.cell[list(pbc)], structure.cell[~np.array(pbc)]
    np.testing.assert_array_equal(closed, cell[list(pbc)])
    np.testing.assert_allclose(opened @ opened.T, np.eye(len(opened)), atol=1e-14)
    np.testing.assert_allclose(opened @ closed.T, 0, atol=1e-13)
    assert np.linalg.det(structure.cell) > 0


def test_molecules_slabs_and_wires_keep_their_distances() -> None:
    water = molecule("H2O")
    np.testing.assert_array_equal(as_structure(water).positions, water.positions)
    slab = fcc111("Al", (2, 2, 3), vacuum=None)
    slab.positions += 5.0
    assert not slab.cell[2].any()
    structure = as_structure(slab)
    wrapped = ase.Atoms(
        numbers=structure.numbers, positions=structure.positions, cell=structure.cell, pbc=structure.pbc
    )
    np.testing.assert_allclose(_distances(wrapped, 5.0), _distances(slab, 5.0), atol=1e-12)
    np.testing.assert_array_equal(structure.positions[:, 2], slab.positions[:, 2])


def test_an_open_vector_that_depends_on_the_periodic_ones_is_replaced() -> None:
    atoms = ase.Atoms("O", cell=[[4, 0, 0], [0, 4, 0], [4, 4, 0]], pbc=(True, True, False))
    np.testing.assert_allclose(np.abs(as_structure(atoms).cell[2]), [0, 0, 1], atol=1e-15)


def test_arrays_are_contiguous_typed_and_read_only() -> None:
    atoms = ase.Atoms("NaCl", positions=np.asfortranarray([[0.0, 0, 0], [2.8, 0, 0]]), cell=[5.6] * 3, pbc=True)
    structure = as_structure(atoms)
    for array, kind in [
        (structure.positions, "f8"),
        (structure.cell, "f8"),
        (structure.pbc, "?"),
        (structure.numbers, "i4"),
    ]:
        assert array.flags.c_contiguous
        assert array.dtype == np.dtype(kind)
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert len(structure) == 2
    assert as_structure(structure) is structure
    atoms.positions[0] = 1.0
    assert structure.positions[0, 0] == 0.0


def test_the_input_is_not_changed(small_glass: ase.Atoms) -> None:
    before = small_glass.positions.copy()
    as_structure(small_glass)
    np.testing.assert_array_equal(small_glass.positions, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_positions_that_are_not_finite_are_refused(small_glass: ase.Atoms, bad: float) -> None:
    small_glass.positions[5, 1] = bad
    with pytest.raises(ValueError, match=r"frame 3: positions must be finite, got .* for atom 5 \(O\)"):
        as_structure(small_glass, name="frame 3")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_cell_that_is_not_finite_is_refused(small_glass: ase.Atoms, bad: float) -> None:
    cell = np.array(small_glass.cell)
    cell[1, 0] = bad
    small_glass.cell.array[:] = cell
    with pytest.raises(ValueError, match="vector b is not"):
        as_structure(small_glass)


@pytest.mark.parametrize(
    ("cell", "pbc", "message"),
    [
        ([0, 0, 0], True, "periodic along a, but that cell vector is zero"),
        ([5, 0, 5], True, "periodic along b, but that cell vector is zero"),
        ([5, 5, 1e-9], True, "along c, but that cell vector is 1e-09"),
        ([5, 5, 1e12], True, "along c"),
        ([[5, 0, 0], [5, 0, 0], [0, 0, 5]], True, "periodic vectors a, b, c are linearly dependent"),
        ([[5, 0, 0], [0, 5, 0], [-10, 0, 0]], (True, False, True), "periodic vectors a, c are linearly dependent"),
    ],
)
def test_a_singular_cell_is_refused_with_its_vectors_named(cell, pbc, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        as_structure(ase.Atoms("O", cell=cell, pbc=pbc))


def test_no_atoms_and_unknown_elements_are_refused() -> None:
    with pytest.raises(ValueError, match="no atoms"):
        as_structure(ase.Atoms(cell=[5] * 3, pbc=True))
    with pytest.raises(ValueError, match=r"atom 1 has no known element: its atomic number is 0 \(X\)"):
        as_structure(ase.Atoms("SiX"))
    with pytest.raises(ValueError, match="atomic number is 300"):
        as_structure(ase.Atoms(numbers=[300]))
    with pytest.raises(ValueError, match="atomic number is -1"):
        as_structure(ase.Atoms(numbers=[-1]))


def test_elements_outside_the_species_are_named() -> None:
    atoms = ase.Atoms("SiNaKO", positions=np.eye(4, 3) * 3)
    for given_structure in (atoms, as_structure(atoms)):
        with pytest.raises(ValueError, match="holds Na, K, which is outside the species Si, O"):
            as_structure(given_structure, ["Si", "O"])
    with pytest.raises(ValueError, match="species must be chemical symbols, got 'Xx'"):
        as_structure(atoms, ["Xx"])
    assert isinstance(as_structure(atoms, ["K", "Na", "O", "Si"]), Structure)


def test_atoms_out_of_all_proportion_are_refused() -> None:
    with pytest.raises(ValueError, match="atom 0 lies 1.0e\\+12 Å away"):
        as_structure(ase.Atoms("O", positions=[[1e12, 0, 0]], cell=[5] * 3, pbc=True))


@pytest.mark.parametrize("thing", [None, 3, "quartz.cif", [1, 2]])
def test_what_is_no_structure_is_refused(thing) -> None:
    with pytest.raises(ValueError, match="expected ase.Atoms, got"):
        as_structure(thing)
