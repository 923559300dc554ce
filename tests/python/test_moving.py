# SPDX-License-Identifier: BSD-3-Clause
"""Structures that change atom by atom: every value as in a fresh evaluation, every change taken back to the bit."""

from __future__ import annotations

import time

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from glassnmr import MovingStructure, NMRModel, _core
from glassnmr.descriptors import SphericalBesselSOAP

SPECIES = ("O", "Si", "Na")


def glass(n: int, pbc: bool | tuple[bool, ...] = True, seed: int = 3) -> Atoms:
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3)
    cell = n * np.array([[2.4, 0.1, 0], [0, 2.45, 0.1], [0.2, 0, 2.4]])
    positions = grid @ cell / n + rng.uniform(-0.4, 0.4, (n**3, 3))
    return Atoms(rng.choice(SPECIES, n**3, p=[0.5, 0.3, 0.2]), positions, cell=cell, pbc=pbc)


@pytest.fixture(scope="module")
def model() -> NMRModel:
    soap = SphericalBesselSOAP(SPECIES, cutoff=4.5, n_max=3, l_max=2)
    rng = np.random.default_rng(5)
    landmarks = soap.transform(glass(3, seed=8), "Si")
    return NMRModel(_core.Model(
        descriptor=soap._core, species=list(SPECIES), isotope="29Si", centre="Si",
        kernel=_core.Kernel("gaussian", kappa=0.05), landmarks=landmarks, weights=rng.normal(size=(len(landmarks), 2)),
        bias=np.zeros(2), targets=["sigma_iso", "C_Q"], units=["ppm", "MHz"], reference=(1.0, -2.0), provenance=""))


def agrees(moving: MovingStructure, model: NMRModel) -> None:
    fresh = model.predict_frame(moving.atoms)
    np.testing.assert_array_equal(fresh.atoms, moving.centres)
    for name in ("sigma_iso", "C_Q", "delta_iso"):
        np.testing.assert_allclose(moving.values(name), fresh.values[name], rtol=1e-12, atol=1e-12)


def change(moving: MovingStructure, rng: np.random.Generator) -> np.ndarray:
    """One change of a random kind; another try where two atoms would meet."""
    n = len(moving)
    while True:
        kind, a, b = rng.integers(4), int(rng.integers(n)), int(rng.integers(n))
        place = moving.positions[b] + rng.uniform(-9, 9, 3)
        if kind == 0:
            return moving.move(a, place)
        if kind == 1:
            return moving.swap(a, b)
        if kind == 2:
            return moving.insert(str(rng.choice(SPECIES)), place)
        if n > 4:
            return moving.remove(a)


@pytest.mark.parametrize("pbc", [True, (True, False, True), False])
@pytest.mark.parametrize("n", [2, 5, 7])
def test_values_after_any_changes_are_those_of_a_fresh_evaluation(model: NMRModel, n: int,
                                                                 pbc: bool | tuple[bool, ...]) -> None:
    moving, rng = MovingStructure(model, glass(n, pbc)), np.random.default_rng(n)
    states = []
    for _ in range(30):
        states.append((moving.positions, moving.symbols, moving.values("sigma_iso"), moving.values("C_Q")))
        before = dict(zip(moving.centres.tolist(), moving.values("sigma_iso"), strict=True))
        count = len(moving)
        changed = change(moving, rng)
        assert (np.diff(changed) > 0).all()
        touched = set(changed.tolist())
        if len(moving) == count:  # no other value has changed by a bit
            for i, value in zip(moving.centres.tolist(), moving.values("sigma_iso"), strict=True):
                assert i in touched or before[i] == value
        agrees(moving, model)
    assert moving.n_changes == 30
    for positions, symbols, sigma, c_q in reversed(states):
        moving.undo()
        np.testing.assert_array_equal(moving.positions, positions)
        assert moving.symbols == symbols
        np.testing.assert_array_equal(moving.values("sigma_iso"), sigma)
        np.testing.assert_array_equal(moving.values("C_Q"), c_q)
    change(moving, rng)  # the bins have come back, too
    agrees(moving, model)
    moving.accept()
    with pytest.raises(ValueError, match="no change to take back"):
        moving.undo()


def test_a_change_touches_only_what_sees_it(model: NMRModel) -> None:
    atoms = glass(7)
    moving = MovingStructure(model, atoms)
    place = moving.positions[100] + [0.3, -0.2, 0.1]
    touched = moving.move(100, place)
    later = moving.atoms
    near = np.zeros(len(atoms), dtype=bool)
    for frame in (atoms, later):
        near |= frame.get_distances(100, range(len(atoms)), mic=True) < 4.5
    wanted = np.flatnonzero(near & (atoms.numbers == 14))
    np.testing.assert_array_equal(touched, wanted)
    assert 5 < len(touched) < 40
    assert moving.swap(5, 5).size == 0


def test_a_refused_change_leaves_all_as_it_was(model: NMRModel) -> None:
    moving = MovingStructure(model, glass(3))
    before, values = moving.positions, moving.values("C_Q")
    elsewhere = moving.positions[4] + moving.atoms.cell.array[1]
    for call, message in [
        (lambda: moving.move(3, elsewhere), "atom 4 is at this position"),
        (lambda: moving.move(3, [0, np.nan, 0]), "position must be finite"),
        (lambda: moving.move(27, [0, 0, 0]), r"atom must lie in 0\.\.26, got 27"),
        (lambda: moving.move(0, [0, 0]), "position must have shape"),
        (lambda: moving.insert("O", elsewhere), "atom 4 is at this position"),
        (lambda: moving.insert("Ge", [0, 0, 0]), "symbol must be one of O, Si, Na"),
        (lambda: moving.insert("Qq", [0, 0, 0]), "symbol must be a chemical symbol"),
        (lambda: moving.swap(0, -28), "atom must lie"),
        (lambda: moving.remove(99), "atom must lie"),
        (lambda: moving.values("eta"), "target must be one of sigma_iso, C_Q"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    np.testing.assert_array_equal(moving.positions, before)
    np.testing.assert_array_equal(moving.values("C_Q"), values)
    assert moving.n_changes == 0
    one = MovingStructure(model, Atoms("Si"))
    with pytest.raises(ValueError, match="last atom cannot be removed"):
        one.remove(0)
    with pytest.raises(ValueError, match="outside the species"):
        MovingStructure(model, molecule("H2O"))


@pytest.mark.slow
def test_a_move_in_ten_thousand_atoms_costs_a_hundredth_of_a_full_evaluation(model: NMRModel) -> None:
    atoms = glass(22)
    start = time.process_time()
    moving = MovingStructure(model, atoms, n_threads=1)
    full = time.process_time() - start
    rng = np.random.default_rng(1)
    touched, places = 0, moving.positions
    start = time.process_time()
    for _ in range(50):
        i = int(rng.integers(len(atoms)))
        touched += len(moving.move(i, places[i] + 0.1))
        moving.undo()
    each = (time.process_time() - start) / 50
    print(f"{len(atoms)} atoms: full {1e3 * full:.0f} ms, move {1e3 * each:.3f} ms, {touched / 50:.0f} centres")
    assert touched / 50 < 0.01 * len(moving.centres)  # the law; the figure is printed
