# SPDX-License-Identifier: BSD-3-Clause
"""Neighbour lists (THEORY.md section 2) against ASE's and a slow sum over images."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnmr import _core
from glassnmr.descriptors import neighbours


def slow_neighbours(atoms: Atoms, cutoff: float) -> list[tuple[int, int, tuple[float, ...]]]:
    """Every image within reach, one by one: eq. (2.1)."""
    cell = np.asarray(atoms.cell)
    heights = np.abs(np.linalg.det(cell)) / np.linalg.norm(np.cross(cell[[1, 2, 0]], cell[[2, 0, 1]]), axis=1)
    span = np.ptp(np.linalg.solve(cell.T, atoms.positions.T), axis=1)
    reach = [int(np.ceil(cutoff / h + s)) if p else 0 for h, s, p in zip(heights, span, atoms.pbc, strict=True)]
    pairs = []
    for n in itertools.product(*(range(-m, m + 1) for m in reach)):
        shift = np.array(n) @ cell
        for i, j in itertools.product(range(len(atoms)), repeat=2):
            d = atoms.positions[j] + shift - atoms.positions[i]
            if (i != j or any(n)) and np.linalg.norm(d) < cutoff:
                pairs.append((i, j, tuple(np.round(d, 8) + 0.0)))
    return sorted(pairs)


def as_pairs(atoms: Atoms, cutoff: float) -> list[tuple[int, int, tuple[float, ...]]]:
    first, index, vector = neighbours(atoms, cutoff)
    centre = np.repeat(np.arange(len(atoms)), np.diff(first))
    return sorted((int(i), int(j), tuple(np.round(d, 8) + 0.0)) for i, j, d in zip(centre, index, vector, strict=True))


def random_atoms(seed: int) -> Atoms | None:
    rng = np.random.default_rng(seed)
    cell = rng.normal(size=(3, 3)) * rng.uniform(1.5, 6)
    if abs(np.linalg.det(cell)) < 4:
        return None
    n = int(rng.integers(1, 9))
    atoms = Atoms(f"Si{n}", rng.uniform(-1.5, 2.5, (n, 3)) @ cell, cell=cell, pbc=rng.integers(0, 2, 3).astype(bool))
    return atoms


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.floats(0.5, 7.0))
def test_any_cell_and_any_periodicity_gives_the_images_of_a_slow_sum(seed: int, cutoff: float) -> None:
    atoms = random_atoms(seed)
    if atoms is None:
        return
    got, wanted = as_pairs(atoms, cutoff), slow_neighbours(atoms, cutoff)
    assert [p[:2] for p in got] == [p[:2] for p in wanted]
    if got:
        np.testing.assert_allclose([p[2] for p in got], [p[2] for p in wanted], atol=3e-8)


def test_agrees_with_ase_on_a_thousand_atoms() -> None:
    from ase.neighborlist import neighbor_list

    rng = np.random.default_rng(5)
    atoms = Atoms("Si1000", rng.uniform(0, 22, (1000, 3)), cell=[22, 23, 24, 80, 95, 110], pbc=True)
    first, index, vector = neighbours(atoms, 4.0)
    i, j, d = neighbor_list("ijD", atoms, 4.0)
    assert len(index) == len(j)
    np.testing.assert_array_equal(np.diff(first), np.bincount(i, minlength=1000))
    np.testing.assert_allclose(np.sort(np.linalg.norm(vector, axis=1)), np.sort(np.linalg.norm(d, axis=1)), atol=1e-12)
    np.testing.assert_allclose(vector.sum(axis=0), 0, atol=1e-8)


def test_threads_do_not_change_a_bit() -> None:
    rng = np.random.default_rng(6)
    atoms = Atoms("Si500", rng.uniform(0, 20, (500, 3)), cell=[20] * 3, pbc=True)
    one = neighbours(atoms, 5.0, n_threads=1)
    for n_threads in (2, 3, 8):
        for a, b in zip(one, neighbours(atoms, 5.0, n_threads=n_threads), strict=True):
            np.testing.assert_array_equal(a, b)


def test_an_image_of_the_centre_itself_is_a_neighbour() -> None:
    first, index, _ = neighbours(bulk("Cu", "sc", 3.0), 3.1)
    assert first.tolist() == [0, 6] and set(index) == {0}


def test_a_cutoff_of_many_cells_counts_the_lattice_points_of_a_sphere() -> None:
    cutoff = 10.5
    _, index, _ = neighbours(bulk("Cu", "sc", 1.0), cutoff)
    k = np.arange(-11, 12)
    inside = (k[:, None, None] ** 2 + k[None, :, None] ** 2 + k[None, None, :] ** 2) < cutoff**2
    assert len(index) == inside.sum() - 1


def test_a_million_neighbours_of_one_centre() -> None:
    _, index, vector = neighbours(bulk("Cu", "sc", 1.0), 62.1)
    assert len(index) > 1_000_000
    np.testing.assert_allclose(vector.sum(axis=0), 0, atol=1e-6)


def test_the_boundary_is_excluded() -> None:
    pair = Atoms("Si2", [[0, 0, 0], [2.5, 0, 0]])
    assert len(neighbours(pair, 2.5)[1]) == 0
    assert len(neighbours(pair, np.nextafter(2.5, 3))[1]) == 2


def test_work_grows_linearly_with_the_number_of_atoms() -> None:
    """An open, thinly filled box must not be cut into more bins than atoms."""
    rng = np.random.default_rng(2)
    first, _, _ = neighbours(Atoms("Si50", rng.uniform(0, 1e6, (50, 3))), 3.0)
    assert first[-1] == 0


@pytest.mark.parametrize("cutoff", [0.0, -1.0, np.nan, np.inf])
def test_a_cutoff_that_is_no_length_is_refused(cutoff: float) -> None:
    with pytest.raises(ValueError, match="cutoff must be positive and finite"):
        neighbours(bulk("Si"), cutoff)


def test_two_atoms_at_the_same_place_are_refused_by_number() -> None:
    with pytest.raises(ValueError, match="atoms 0 and 1 are at the same place"):
        neighbours(Atoms("Si2", [[0, 0, 0], [0, 0, 1e-4]]), 3.0)
    with pytest.raises(ValueError, match="same place"):
        neighbours(Atoms("Si2", [[0, 0, 0], [5, 5, 5]], cell=[5] * 3, pbc=True), 3.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_core_itself_refuses_numbers_that_are_not_finite(bad: float) -> None:
    with pytest.raises(ValueError, match="positions must be finite, those of atom 1 are not"):
        _core.neighbours(np.array([[0, 0, 0], [bad, 0, 0]]), np.eye(3), [True] * 3, cutoff=1.0)
    with pytest.raises(ValueError, match="cell must be finite"):
        _core.neighbours(np.zeros((1, 3)), np.diag([1, bad, 1]), [True] * 3, cutoff=1.0)


def test_the_core_itself_refuses_a_singular_cell_and_endless_images() -> None:
    with pytest.raises(ValueError, match="three independent vectors"):
        _core.neighbours(np.zeros((1, 3)), np.ones((3, 3)), [True] * 3, cutoff=1.0)
    with pytest.raises(ValueError, match="too many images"):
        _core.neighbours(np.zeros((1, 3)), np.eye(3) * 1e-2, [True] * 3, cutoff=10.0)


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"positions must have shape \(n, 3\), got \(3\)"):
        _core.neighbours(np.zeros(3), np.eye(3), [True] * 3, cutoff=1.0)
