# SPDX-License-Identifier: BSD-3-Clause
"""Adjoint gradient of predictions (THEORY.md eq. (10.4)) against finite differences, for every kernel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms

from glassnmr import _core
from glassnmr.descriptors import SphericalBesselSOAP
from glassnmr.model import NMRModel

SPECIES = ("O", "Si", "Na")
KERNELS: dict[str, Callable[[int], _core.Kernel]] = {
    "gaussian": lambda n: _core.Kernel("gaussian", kappa=0.02),
    "linear": lambda n: _core.Kernel("linear"),
    "polynomial 1": lambda n: _core.Kernel("polynomial", degree=1, offset=0.5),
    "polynomial 3": lambda n: _core.Kernel("polynomial", degree=3, offset=2.0),
    "sum": lambda n: _core.Kernel.sum([_core.Kernel("gaussian", kappa=0.1), _core.Kernel("polynomial", degree=2)],
                                      widths=[12, n - 12], relevance=[0.7, 0.3]),
}


def glass(n: int = 3, seed: int = 3) -> Atoms:
    """n^3 atoms in a sheared cell; images of a centre are its neighbours."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3)
    positions = grid * 2.4 + rng.uniform(-0.4, 0.4, (n**3, 3))
    cell = n * np.array([[2.4, 0.1, 0], [0, 2.45, 0.1], [0.2, 0, 2.4]])
    return Atoms(rng.choice(SPECIES, n**3, p=[0.5, 0.3, 0.2]), positions, cell=cell, pbc=True)


def model_of(kind: str, targets: tuple[str, ...] = ("sigma_iso", "C_Q"), bias: float = 0.0) -> NMRModel:
    """Landmarks from another glass, weights at random: what the gradient is of does not matter."""
    soap = SphericalBesselSOAP(SPECIES, cutoff=4.5, n_max=4, l_max=3, weights=(1.0, 0.3))
    rng = np.random.default_rng(5)
    landmarks = soap.transform(glass(seed=8), "Si")
    kernel = KERNELS[kind](soap.n_features)
    core = _core.Model(descriptor=soap._core, species=list(SPECIES), isotope="29Si", centre="Si", kernel=kernel,
                       landmarks=landmarks, weights=rng.normal(size=(len(landmarks), len(targets))),
                       bias=np.full(len(targets), bias), targets=list(targets), units=["1"] * len(targets),
                       reference=None, provenance="")
    return NMRModel(core)


def slope(of: Callable[[float], float], h: float = 1e-4) -> float:
    """Derivative at 0 by central differences of fourth order."""
    return (8 * (of(h) - of(-h)) - (of(2 * h) - of(-2 * h))) / (12 * h)


def moved(atoms: Atoms, i: int, x: int, amount: float) -> Atoms:
    copy = atoms.copy()
    copy.positions[i, x] += amount
    return copy


def strained(atoms: Atoms, a: int, b: int, amount: float) -> Atoms:
    deformation = np.eye(3)
    deformation[a, b] += amount
    return Atoms(atoms.numbers, atoms.positions @ deformation, cell=atoms.cell.array @ deformation, pbc=atoms.pbc)


@pytest.mark.parametrize("kind", KERNELS)
def test_gradients_of_predictions_are_those_of_finite_differences(kind: str) -> None:
    model, atoms = model_of(kind), glass()
    centres = np.flatnonzero(atoms.numbers == 14)
    weights = np.random.default_rng(1).normal(size=(len(centres), 2))
    found = model.gradient(atoms, weights)

    def value(of: Atoms) -> float:
        values = model.predict_frame(of).values
        return float((np.column_stack([values["sigma_iso"], values["C_Q"]]) * weights).sum())

    largest = np.abs(found.positions).max()
    assert largest > 1e-6
    for i, x in ((0, 0), (centres[0], 1), (26, 2)):
        assert found.positions[i, x] == pytest.approx(slope(lambda h, i=i, x=x: value(moved(atoms, i, x, h))),
                                                      abs=1e-7 * largest)
    for a, b in ((0, 0), (1, 2), (2, 1)):
        assert found.strain[a, b] == pytest.approx(slope(lambda h, a=a, b=b: value(strained(atoms, a, b, h))),
                                                   abs=1e-7 * np.abs(found.strain).max())
    np.testing.assert_allclose(found.positions.sum(0), 0, atol=1e-9 * largest)
    for n_threads in (2, 3):
        again = model.gradient(atoms, weights, n_threads=n_threads)
        np.testing.assert_array_equal(found.positions, again.positions)
        np.testing.assert_array_equal(found.strain, again.strain)


def test_a_value_cut_at_its_bound_has_no_gradient() -> None:
    atoms = glass()
    n = int((atoms.numbers == 14).sum())
    cut = model_of("gaussian", ("eta",), bias=50.0)
    assert (cut.predict_frame(atoms).values["eta"] == 1).all()
    np.testing.assert_array_equal(cut.gradient(atoms, np.ones(n)).positions, 0)
    below = model_of("gaussian", ("abs_C_Q",), bias=-50.0)
    assert (below.predict_frame(atoms).values["abs_C_Q"] == 0).all()
    np.testing.assert_array_equal(below.gradient(atoms, np.ones(n)).positions, 0)
    free = model_of("gaussian", ("abs_C_Q",), bias=50.0)
    assert np.abs(free.gradient(atoms, np.ones(n)).positions).max() > 1e-6


def test_bad_derivatives_are_refused() -> None:
    model, atoms = model_of("linear"), glass()
    n = int((atoms.numbers == 14).sum())
    with pytest.raises(ValueError, match=rf"dl_dpredictions must have shape \({n}, 2\), got \({n},\)"):
        model.gradient(atoms, np.ones(n))
    with pytest.raises(ValueError, match="dl_dpredictions must be finite"):
        model.gradient(atoms, np.full((n, 2), np.nan))
