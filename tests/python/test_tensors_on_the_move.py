# SPDX-License-Identifier: BSD-3-Clause
"""Whole tensors and their errors where atoms move: structures changed atom by atom, and ASE's drivers."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.lj import LennardJones
from ase.md.verlet import VelocityVerlet

from glassnmr import MovingStructure, NMRCalculator, _core
from glassnmr.descriptors import EquivariantSOAP, SphericalBesselSOAP
from glassnmr.tensor_model import TensorModel
from glassnmr.uncertainty import Intervals

SPECIES = ("O", "Si", "Na")


def glass(n: int = 4, seed: int = 3) -> Atoms:
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3)
    cell = n * np.array([[2.4, 0.1, 0], [0, 2.45, 0.1], [0.2, 0, 2.4]])
    positions = grid @ cell / n + rng.uniform(-0.3, 0.3, (n**3, 3))
    return Atoms(rng.choice(SPECIES, n**3, p=[0.5, 0.3, 0.2]), positions, cell=cell, pbc=True)


@pytest.fixture(scope="module", params=["ms", "efg"])
def model(request: pytest.FixtureRequest) -> TensorModel:
    """Weights at random, with calibrated errors."""
    kind, setting = request.param, {"cutoff": 4.0, "n_max": 3, "l_max": 2}
    soap, rng = SphericalBesselSOAP(SPECIES, **setting), np.random.default_rng(5)
    rows = soap.transform(glass(3, seed=8), "O")
    m = len(rows)
    parts = []
    for lam, parity in ((2, 1), (1, -1)) if kind == "ms" else ((2, 1),):
        part = EquivariantSOAP(SPECIES, lam=lam, parity=parity, **setting)
        parts.append(_core.TensorPart(equivariants=part._core, kernel="gaussian", kappa=0.02, degree=2, offset=1.0,
                                      landmarks=rows, weights=rng.normal(size=(m, part.n_equivariants))))
    scalar = _core.Model(descriptor=soap._core, species=list(SPECIES), isotope="17O", centre="O",
                         kernel=_core.Kernel("gaussian", kappa=0.02), landmarks=rows, weights=rng.normal(size=(m, 1)),
                         bias=np.zeros(1), targets=["sigma_iso"], units=["ppm"], reference=(40.0, -0.9),
                         provenance="") if kind == "ms" else None
    factor = np.tril(rng.normal(size=(m, m))) * 0.05 + np.eye(m)
    variance = _core.Variance(cholesky=factor, root=factor, means=rng.normal(size=m) * 0.1, total_weight=20.0)
    noise = np.array([1.5, 0.5, 0.75]) if kind == "ms" else np.array([0.0, 0.0, 0.75])
    whole = TensorModel(_core.TensorModel(
        descriptor=soap._core, species=list(SPECIES), isotope="17O", centre="O", tensor=kind, parts=parts,
        isotropic=scalar, uncertainty=_core.Uncertainty(variance, lam=0.5, noise=noise), provenance=""))
    names = (*(name for name in whole._core.derived if name != "delta_iso"), f"{kind}_ii", f"{kind}_ij")
    factors = 1 + 0.1 * np.arange(2 * len(names)).reshape(-1, 2)
    return whole.with_intervals(names, Intervals((0.6827, 0.9), factors, 1.5))


def agrees(moving: MovingStructure, model: TensorModel) -> None:
    """Values, errors and flags are those of a fresh prediction."""
    fresh = model.predict_frame(moving.atoms)
    names = ("sigma_iso", "delta_iso", "span", "skew", "ms_xy") if model.tensor == "ms" else ("C_Q", "eta", "efg_xz")
    for name in names:
        np.testing.assert_allclose(moving.values(name), fresh.values[name], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(moving.tensors(), model.tensors(moving.atoms), rtol=1e-10, atol=1e-10)
    told = ("sigma_iso", "span") if model.tensor == "ms" else ("C_Q", "eta")
    for name in told:
        np.testing.assert_allclose(moving.half_widths(name, 0.9), fresh.values[f"half90_{name}"], rtol=1e-7)
        np.testing.assert_allclose(moving.half_widths(name, 0.6827), fresh.values[f"std_{name}"], rtol=1e-7)
    unlike = fresh.values[f"unlike_{model.tensor}"]
    np.testing.assert_array_equal(moving.unlike(), unlike == 1)


def test_tensors_after_changes_are_those_of_a_fresh_evaluation(model: TensorModel) -> None:
    moving, rng = MovingStructure(model, glass(), errors=True), np.random.default_rng(1)
    agrees(moving, model)
    name = "span" if model.tensor == "ms" else "C_Q"
    before, errors = moving.tensors(), moving.half_widths(name)
    for k in range(6):
        i = int(rng.integers(len(moving)))
        moving.move(i, moving.positions[i] + rng.uniform(-0.4, 0.4, 3))
        if k % 2:
            moving.swap(i, int(rng.integers(len(moving))))
        agrees(moving, model)
    assert np.abs(moving.tensors()[:5] - before[:5]).max() > 1e-3
    while moving.n_changes:
        moving.undo()
    np.testing.assert_array_equal(moving.tensors(), before)
    np.testing.assert_array_equal(moving.half_widths(name), errors)


def test_what_cannot_be_told_is_refused(model: TensorModel) -> None:
    moving = MovingStructure(model, glass())
    with pytest.raises(ValueError, match="target must be one of"):
        moving.values("gamma")
    with pytest.raises(ValueError, match="errors"):
        moving.half_widths("span" if model.tensor == "ms" else "C_Q")


def test_ase_drives_whole_tensors(model: TensorModel, tmp_path: Path) -> None:
    atoms = glass(3)
    atoms.calc = NMRCalculator(model, LennardJones(sigma=2.1, epsilon=0.05, rc=3.5))
    VelocityVerlet(atoms, timestep=1 * units.fs).run(3)
    found = atoms.calc.get_property(model.tensor, atoms)
    oxygen = np.flatnonzero(atoms.numbers == 8)
    assert found.shape == (len(atoms), 3, 3)
    np.testing.assert_array_equal(found[oxygen], model.tensors(atoms))
    assert np.isnan(np.delete(found, oxygen, axis=0)).all()
    name = "span" if model.tensor == "ms" else "C_Q"
    fresh = model.predict_frame(atoms).values
    for quantity in (name, f"half90_{name}", f"unlike_{model.tensor}"):
        np.testing.assert_array_equal(atoms.calc.get_property(quantity, atoms)[oxygen], fresh[quantity])
    assert "alpha" not in atoms.calc.implemented_properties
    atoms.calc.store(atoms)
    atoms.calc = None
    ase.io.write(tmp_path / "stored.extxyz", atoms)
    again = ase.io.read(tmp_path / "stored.extxyz")
    kept = again.arrays[model.tensor].reshape(-1, 3, 3)[oxygen]
    np.testing.assert_allclose(kept, found[oxygen], rtol=1e-7, atol=1e-7)
