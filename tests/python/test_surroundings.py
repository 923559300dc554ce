# SPDX-License-Identifier: BSD-3-Clause
"""Rows with what lies around the neighbours (THEORY.md eq. (6.40) to (6.42)) against a sum by hand; their models."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from glassnmr import SurroundingsDescriptor
from glassnmr.data import reference
from glassnmr.descriptors import (
    BehlerParrinello,
    Descriptor,
    EquivariantSOAP,
    ReducedDescriptor,
    SphericalBesselSOAP,
    neighbours,
    reduce_descriptor,
)
from glassnmr.learning import LSSVR
from glassnmr.model import NMRModel, training_rows
from glassnmr.moving import MovingStructure

SPECIES = ["O", "Si", "Na"]
OWN = SphericalBesselSOAP(SPECIES, cutoff=4.0, n_max=3, l_max=2)
AROUND = SphericalBesselSOAP(SPECIES, cutoff=3.0, n_max=4, l_max=1, normalise=True)


def made(**changes: object) -> SurroundingsDescriptor:
    given: dict = {"centre": "Si", "neighbours": ["O"], "radius": 2.4, "weight": 0.7, **changes}
    return SurroundingsDescriptor(given.pop("own", OWN), given.pop("around", AROUND), **given)


@pytest.fixture(scope="module")
def glass() -> Atoms:
    """A small periodic cell, shorter than the cutoff of the whole, that neighbours see themselves in."""
    rng = np.random.default_rng(6)
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1).reshape(-1, 3) * 1.6
    return Atoms(rng.permutation(["Si"] * 9 + ["O"] * 16 + ["Na"] * 2), grid + rng.uniform(-0.2, 0.2, (27, 3)),
                 cell=[[4.8, 0, 0], [0.3, 4.9, 0], [0, 0.2, 5.0]], pbc=[True, True, False])


@pytest.mark.parametrize("which", [["O"], ["Na", "O"], ["Si"]])
def test_rows_are_those_of_the_centre_and_the_weighted_sum_of_its_neighbours(glass: Atoms, which: list[str]) -> None:
    both = made(neighbours=which, radius=2.1)
    assert both.n_features == OWN.n_features + AROUND.n_features and both.cutoff == 5.1
    every = AROUND.transform(glass)
    first, index, vector = neighbours(glass, 2.1)
    symbols = np.array(glass.get_chemical_symbols())
    silicon = np.flatnonzero(symbols == "Si")
    wanted = np.zeros((len(silicon), AROUND.n_features))
    for row, i in enumerate(silicon):
        for j, v in zip(index[first[i]:first[i + 1]], vector[first[i]:first[i + 1]], strict=True):
            if symbols[j] in which:
                wanted[row] += 0.7 * 0.5 * (1 + np.cos(np.pi * np.linalg.norm(v) / 2.1)) * every[j]
    assert np.abs(wanted).max() > 0.1
    got = both.transform(glass)  # of all silicon
    np.testing.assert_allclose(got[:, :OWN.n_features], OWN.transform(glass, "Si"), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(got[:, OWN.n_features:], wanted, rtol=1e-10, atol=1e-12)
    for n_threads in (2, 3, 8):
        np.testing.assert_array_equal(got, both.transform(glass, n_threads=n_threads))
    np.testing.assert_array_equal(both.transform([glass], [silicon[3:5]]), got[3:5])


@pytest.mark.parametrize("own", [OWN, BehlerParrinello(SPECIES, 4.0)])
def test_gradients_are_those_of_finite_differences(glass: Atoms, own: Descriptor) -> None:
    both = made(own=own, neighbours=["O", "Na"])
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(9, both.n_features))
    found = both.gradient(glass, weights)
    size = np.abs(found.positions).max()
    full = both.jacobian(glass)
    np.testing.assert_allclose(np.einsum("if,ifjx->jx", weights, full), found.positions, atol=1e-11 * size)
    for atom in (0, 7, 20):
        for x in range(3):
            step = np.zeros((27, 3))
            step[atom, x] = 1e-5
            ends = []
            for sign in (1, -1):
                moved = glass.copy()
                moved.positions += sign * step
                ends.append(np.sum(weights * both.transform(moved)))
            assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(found.positions[atom, x], abs=2e-6 * size)
    strain = rng.normal(size=(3, 3))
    ends = []
    for sign in (1, -1):
        bent = glass.copy()
        bent.set_cell(glass.cell.array @ (np.eye(3) + sign * 1e-6 * strain), scale_atoms=False)
        bent.positions = glass.positions @ (np.eye(3) + sign * 1e-6 * strain)
        ends.append(np.sum(weights * both.transform(bent)))
    assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(np.sum(found.strain * strain), rel=1e-5)
    np.testing.assert_array_equal(found.positions, both.gradient(glass, weights, n_threads=3).positions)


def test_rows_do_not_turn_and_do_not_jump_where_a_neighbour_leaves() -> None:
    both = made()
    molecule = Atoms("SiO2Na", [[0, 0, 0], [1.6, 0, 0], [-0.4, 2.4 - 1e-9, 0.2], [2.6, 1.9, 0.3]])
    inside = both.transform(molecule)
    turned = molecule.copy()
    turned.rotate(40, (1, 2, 3), rotate_cell=False)
    turned.positions *= [1, -1, 1]
    np.testing.assert_allclose(both.transform(turned), inside, atol=1e-12)
    molecule.positions[2] *= 1 + 1e-6
    np.testing.assert_allclose(both.transform(molecule), inside, atol=1e-4)
    np.testing.assert_array_equal(both.transform(Atoms("Si"))[0], np.zeros(both.n_features))


def test_models_with_surroundings(tmp_path: Path) -> None:
    data = reference.load("shielding", "29Si")
    both = made()
    rows = training_rows(data, both)
    model = NMRModel.fit(data, both, LSSVR(n_landmarks=40, kappa=1e-2, lam=1e-4))
    model.save(tmp_path / "m.gnmr")
    again = NMRModel.load(tmp_path / "m.gnmr")
    assert isinstance(again.descriptor, SurroundingsDescriptor)
    assert again.descriptor.get_params()["neighbours"] == ("O",) and repr(again.descriptor) == repr(both)
    frame = data.structures[0]
    got = both.transform(frame)
    np.testing.assert_array_equal(again.descriptor.transform(frame), got)
    by_rows = LSSVR(n_landmarks=40, kappa=1e-2, lam=1e-4).fit(rows, data.target("sigma_iso"))
    found = again.predict_frame(frame).values["sigma_iso"]
    np.testing.assert_allclose(found, by_rows.predict(got), rtol=1e-9)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(both)).transform(frame), got)
    short = reduce_descriptor(both, rows, 20)
    NMRModel.fit(data, short, LSSVR(n_landmarks=20, kappa=1e-2, lam=1e-4)).save(tmp_path / "s.gnmr")
    kept = NMRModel.load(tmp_path / "s.gnmr").descriptor
    assert isinstance(kept, ReducedDescriptor) and isinstance(kept.descriptor, SurroundingsDescriptor)
    np.testing.assert_array_equal(kept.transform(frame, "Si"), short.transform(frame, "Si"))
    moving = MovingStructure(again, frame)
    rng = np.random.default_rng(0)
    frame = frame.copy()
    for atom in rng.integers(len(frame), size=4):
        frame.positions[atom] += rng.normal(0, 0.05, 3)
        moving.move(int(atom), frame.positions[atom])
        np.testing.assert_allclose(moving.values("sigma_iso"), again.predict_frame(frame).values["sigma_iso"],
                                   rtol=1e-9)


def test_features_tell_their_origin() -> None:
    index = made().feature_index()
    assert index.dtype.names == ("around", "body", "s1", "n1", "s2", "n2", "l")
    np.testing.assert_array_equal(index["around"], [0] * OWN.n_features + [1] * AROUND.n_features)
    np.testing.assert_array_equal(index["l"][OWN.n_features:], AROUND.feature_index()["l"])
    mixed = made(own=BehlerParrinello(SPECIES, 4.0)).feature_index()
    assert mixed["kind"][0] == "G2" and mixed["kind"][-1] == "" and mixed["n1"][0] == -1


def test_what_has_no_surroundings_is_refused(glass: Atoms) -> None:
    both = made()
    with pytest.raises(ValueError, match="surroundings are those of one element"):
        both.transform(glass, "O")
    with pytest.raises(ValueError, match="surroundings are those of one element"):
        both.gradient(glass, np.zeros((27, both.n_features)), np.arange(27))
    with pytest.raises(ValueError, match="centre must be among O, Si, Na, got 'Ca'"):
        made(centre="Ca")
    with pytest.raises(ValueError, match="neighbours must be among O, Si, Na, got 'B'"):
        made(neighbours=["B"])
    with pytest.raises(ValueError, match="at least one species"):
        made(neighbours=[])
    with pytest.raises(ValueError, match="different species"):
        made(neighbours=["O", "O"])
    for bad in ({"radius": 0.0}, {"radius": float("nan")}, {"weight": -1.0}):
        with pytest.raises(ValueError, match="radius and weight must be positive and finite"):
            made(**bad)
    with pytest.raises(ValueError, match="in their order"):
        made(around=SphericalBesselSOAP(["Si", "O", "Na"], cutoff=3.0))
    for part in (both, EquivariantSOAP(SPECIES, 3.0, n_max=2, l_max=2), ReducedDescriptor(OWN, columns=[0, 1])):
        with pytest.raises(ValueError, match="rows of their own, got"):
            made(around=part)
