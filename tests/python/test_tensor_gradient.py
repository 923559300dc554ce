# SPDX-License-Identifier: BSD-3-Clause
"""Adjoint gradients of tensors and of what is derived from them, against finite differences; their cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.data import atomic_numbers

from glassnmr import _core
from glassnmr.data.reference import load
from glassnmr.descriptors import EquivariantSOAP, SphericalBesselSOAP, SurroundingsDescriptor
from glassnmr.learning import LSSVR
from glassnmr.model import training_rows
from glassnmr.tensor_learning import EquivariantLSSVR
from glassnmr.tensor_model import TensorModel, cartesian, spherical
from glassnmr.tensor_training import fit_tensor_model

SPECIES = ("O", "Si", "Na")


def glass(n: int = 3, seed: int = 3) -> Atoms:
    """n^3 atoms in a sheared cell; images of a centre are its neighbours."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3)
    positions = grid * 2.4 + rng.uniform(-0.4, 0.4, (n**3, 3))
    cell = n * np.array([[2.4, 0.1, 0], [0, 2.45, 0.1], [0.2, 0, 2.4]])
    return Atoms(rng.choice(SPECIES, n**3, p=[0.5, 0.3, 0.2]), positions, cell=cell, pbc=True)


def model_of(kind: str, compression: str = "none", *, n_max: int = 4, l_max: int = 3, landmarks: int | None = None
             ) -> TensorModel:
    """Landmarks from another glass, weights at random: what the gradient is of does not matter."""
    setting = {"cutoff": 4.5, "n_max": n_max, "l_max": l_max, "compression": compression}
    soap = SphericalBesselSOAP(SPECIES, **setting)
    rng = np.random.default_rng(5)
    rows = soap.transform(glass(3 if landmarks is None else 6, seed=8), "O")[:landmarks]
    kernels = {"gaussian": {"kappa": 0.02, "degree": 2, "offset": 1.0},
               "polynomial": {"kappa": 1.0, "degree": 2, "offset": 1.0}}
    parts = []
    for lam, parity in ((2, 1), (1, -1)) if kind == "ms" else ((2, 1),):
        part = EquivariantSOAP(SPECIES, lam=lam, parity=parity, **setting)
        name = "gaussian" if lam == 2 else "polynomial"
        parts.append(_core.TensorPart(equivariants=part._core, kernel=name, **kernels[name], landmarks=rows,
                                      weights=0.1 * rng.normal(size=(len(rows), part.n_equivariants))))
    scalar = _core.Model(descriptor=soap._core, species=list(SPECIES), isotope="17O", centre="O",
                         kernel=_core.Kernel("gaussian", kappa=0.02), landmarks=rows,
                         weights=rng.normal(size=(len(rows), 1)), bias=np.zeros(1), targets=["sigma_iso"],
                         units=["ppm"], reference=(40.0, -0.9), provenance="") if kind == "ms" else None
    return TensorModel(_core.TensorModel(descriptor=soap._core, species=list(SPECIES), isotope="17O", centre="O",
                                         tensor=kind, parts=parts, isotropic=scalar, provenance=""))


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


def agrees(value: Callable[[Atoms], float], atoms: Atoms, found: tuple[np.ndarray, np.ndarray]) -> None:
    positions, strain = found
    largest, centre = np.abs(positions).max(), int(np.flatnonzero(atoms.numbers == 8)[0])
    assert largest > 1e-6
    for i, x in ((0, 0), (centre, 1), (len(atoms) - 1, 2)):
        assert positions[i, x] == pytest.approx(slope(lambda h, i=i, x=x: value(moved(atoms, i, x, h))),
                                                abs=1e-7 * largest)
    for a, b in ((0, 0), (1, 2), (2, 1)):
        assert strain[a, b] == pytest.approx(slope(lambda h, a=a, b=b: value(strained(atoms, a, b, h))),
                                             abs=1e-7 * np.abs(strain).max())


@pytest.mark.parametrize("compression", ["none", "mu1nu1"])
@pytest.mark.parametrize("kind", ["ms", "efg"])
def test_gradients_of_tensors_are_those_of_finite_differences(kind: str, compression: str) -> None:
    model, atoms = model_of(kind, compression), glass()
    weights = np.random.default_rng(1).normal(size=(int((atoms.numbers == 8).sum()), 3, 3))
    found = model.gradient(atoms, weights)
    agrees(lambda of: float((model.tensors(of) * weights).sum()), atoms, found)
    np.testing.assert_allclose(found.positions.sum(0), 0, atol=1e-9 * np.abs(found.positions).max())
    for n_threads in (2, 3):
        again = model.gradient(atoms, weights, n_threads=n_threads)
        np.testing.assert_array_equal(found.positions, again.positions)
        np.testing.assert_array_equal(found.strain, again.strain)


@pytest.mark.parametrize(("kind", "name"), [
    *(("ms", name) for name in ("sigma_iso", "delta_iso", "span", "skew", "zeta", "eta_csa")),
    *(("efg", name) for name in ("V_zz", "C_Q", "abs_C_Q", "eta"))])
def test_gradients_of_what_is_derived_are_those_of_finite_differences(kind: str, name: str) -> None:
    model, atoms = model_of(kind), glass()
    centres = np.flatnonzero(atoms.numbers == 8)
    weights = np.zeros(len(centres))
    weights[[0, 2]] = 1.0, -0.7
    assert name in model.derived
    found = model.gradient(atoms, {name: weights})
    agrees(lambda of: float(model.predict_frame(of).values[name] @ weights), atoms, found)


def test_several_names_add_up() -> None:
    model, atoms = model_of("efg"), glass()
    n = int((atoms.numbers == 8).sum())
    weights = {"C_Q": np.linspace(0, 1, n), "eta": np.linspace(2, 1, n)}
    both = model.gradient(atoms, weights).positions
    apart = sum(model.gradient(atoms, {name: w}).positions for name, w in weights.items())
    np.testing.assert_allclose(both, apart, atol=1e-12 * np.abs(both).max())


def test_a_gradient_costs_no_more_than_three_predictions() -> None:
    model, atoms = model_of("efg", "mu1nu1", n_max=8, l_max=4, landmarks=100), glass(7)
    given = np.ones((int((atoms.numbers == 8).sum()), 3, 3))

    def least(call: Callable[[], object]) -> float:
        times = []
        for _ in range(5):
            begin = time.process_time()
            call()
            times.append(time.process_time() - begin)
        return min(times)

    forward = least(lambda: model.tensors(atoms, n_threads=1))
    assert least(lambda: model.gradient(atoms, given, n_threads=1)) < 3 * forward


def test_bad_derivatives_are_refused() -> None:
    model, atoms = model_of("efg"), glass()
    n = int((atoms.numbers == 8).sum())
    with pytest.raises(ValueError, match=rf"dl_dpredictions must have shape \({n}, 3, 3\), got \({n},\)"):
        model.gradient(atoms, np.ones(n))
    with pytest.raises(ValueError, match="dl_dpredictions must be finite"):
        model.gradient(atoms, np.full((n, 3, 3), np.nan))
    with pytest.raises(ValueError, match="dl_dpredictions must name some of V_zz.*, got 'span'"):
        model.gradient(atoms, {"span": np.ones(n)})
    with pytest.raises(ValueError, match=rf"dl_dpredictions of eta must have shape \({n},\)"):
        model.gradient(atoms, {"eta": np.ones(n + 1)})


@pytest.mark.parametrize("kind", ["ms", "efg"])
def test_models_on_surroundings_predict_what_the_regression_does(kind: str, tmp_path: Path) -> None:
    data = load("efg-17O").select(mask=range(60)) if kind == "efg" else load("shielding", "29Si").select(mask=range(60))
    setting = {"cutoff": 3.5, "n_max": 3, "l_max": 2}
    species = sorted({s for atoms in data.structures for s in atoms.get_chemical_symbols()})
    soap = SphericalBesselSOAP(species, **setting)
    centre = str(data.element[0])
    both = SurroundingsDescriptor(soap, SphericalBesselSOAP(species, 3.0, n_max=2, l_max=1), centre=centre,
                                  neighbours=["Si" if centre == "O" else "O"], radius=2.5, weight=0.3)
    parts = [EquivariantSOAP(species, lam=2, **setting)]
    parts += [EquivariantSOAP(species, lam=1, parity=-1, **setting)] if kind == "ms" else []
    regressors = {part.lam: EquivariantLSSVR(n_landmarks=15) for part in parts}
    model = fit_tensor_model(data, both, parts, regressors, LSSVR(n_landmarks=20, lam=1e-4))
    atoms = data.structures[0]
    expected = np.zeros((int((atoms.numbers == atomic_numbers[centre]).sum()), 3, 3))
    rows, known = training_rows(data, both), data.tensors[kind]
    for part in parts:
        fitted = EquivariantLSSVR(n_landmarks=15).fit(
            rows, training_rows(data, part).reshape(len(data), part.n_components, part.n_equivariants),
            spherical(known, part.lam), data.group)
        expected += cartesian(fitted.predict(both.transform(atoms, centre), part.equivariants(atoms, centre)), part.lam)
    if model.isotropic is not None:
        expected += model.isotropic.predict_frame(atoms).values["sigma_iso"][:, None, None] * np.eye(3)
    found = model.tensors(atoms)
    np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(expected).max())
    model.save(tmp_path / "m.gnmr")
    again = TensorModel.load(tmp_path / "m.gnmr")
    assert np.array_equal(again.tensors(atoms), found) and isinstance(again.descriptor, SurroundingsDescriptor)
    weights = np.random.default_rng(1).normal(size=found.shape)
    slopes = again.gradient(atoms, weights).positions
    for i, x in ((int(np.abs(slopes).max(axis=1).argmax()), 0), (0, 1)):
        wanted = slope(lambda h, i=i, x=x: float((again.tensors(moved(atoms, i, x, h)) * weights).sum()))
        assert slopes[i, x] == pytest.approx(wanted, abs=1e-6 * np.abs(slopes).max())
