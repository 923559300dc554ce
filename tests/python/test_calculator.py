# SPDX-License-Identifier: BSD-3-Clause
"""The ASE calculator in ASE's own drivers."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.lj import LennardJones
from ase.constraints import FixAtoms
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS

from glassnmr import NMRCalculator, NMRModel, _core
from glassnmr.descriptors import SphericalBesselSOAP

SPECIES = ("O", "Si")


def cluster() -> Atoms:
    rng = np.random.default_rng(2)
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1).reshape(-1, 3)
    return Atoms(rng.choice(SPECIES, 27), grid * 2.5 + rng.uniform(-0.1, 0.1, (27, 3)), cell=[7.5] * 3, pbc=True)


def model(centre: str, isotope: str, target: str = "sigma_iso", seed: int = 1) -> NMRModel:
    soap = SphericalBesselSOAP(SPECIES, cutoff=3.6, n_max=3, l_max=2)
    landmarks = soap.transform(cluster(), centre)
    return NMRModel(_core.Model(
        descriptor=soap._core, species=list(SPECIES), isotope=isotope, centre=centre,
        kernel=_core.Kernel("linear"), landmarks=landmarks,
        weights=np.random.default_rng(seed).normal(size=(len(landmarks), 1)), bias=np.array([100.0]),
        targets=[target], units=["ppm"], reference=(50.0, -1.0) if target == "sigma_iso" else None, provenance=""))


def test_properties_are_the_predictions_and_follow_the_atoms() -> None:
    silicon, oxygen, atoms = model("Si", "29Si"), model("O", "17O", seed=2), cluster()
    atoms.calc = NMRCalculator([silicon, oxygen])
    assert set(atoms.calc.implemented_properties) == {"sigma_iso", "delta_iso"}
    for _ in range(2):
        shifts = atoms.calc.get_property("delta_iso", atoms)
        for known in (silicon, oxygen):
            wanted = known.predict_frame(atoms)
            np.testing.assert_array_equal(shifts[wanted.atoms], wanted.values["delta_iso"])
        np.testing.assert_allclose(50 - atoms.calc.results["sigma_iso"], shifts, rtol=1e-12)
        atoms.rattle(0.05, seed=1)
    assert atoms.calc.get_property("delta_iso", atoms, allow_calculation=False) is None


def test_atoms_of_no_model_are_nan() -> None:
    atoms = cluster()
    found = NMRCalculator(model("Si", "29Si")).get_property("sigma_iso", atoms)
    np.testing.assert_array_equal(np.isfinite(found), atoms.numbers == 14)
    two = NMRCalculator([model("Si", "29Si"), model("O", "17O", "C_Q")])
    silicon_only = Atoms("Si2", positions=[[0, 0, 0], [0, 0, 2.4]])
    assert np.isfinite(two.get_property("sigma_iso", silicon_only)).all()
    assert np.isnan(two.get_property("C_Q", silicon_only)).all()


def test_dynamics_and_optimisation_run_on_the_forces_of_the_base() -> None:
    plain, with_nmr, known = cluster(), cluster(), model("Si", "29Si")
    plain.calc = LennardJones(sigma=2.2, epsilon=0.1, rc=3.5)
    with_nmr.calc = NMRCalculator(known, LennardJones(sigma=2.2, epsilon=0.1, rc=3.5))
    seen = []
    for atoms in (plain, with_nmr):
        dynamics = VelocityVerlet(atoms, timestep=2 * units.fs)
        if atoms is with_nmr:
            dynamics.attach(lambda: seen.append(with_nmr.calc.get_property("sigma_iso", with_nmr)), interval=5)
        dynamics.run(10)
    np.testing.assert_array_equal(plain.positions, with_nmr.positions)
    assert plain.get_potential_energy() == with_nmr.get_potential_energy()
    np.testing.assert_array_equal(plain.get_stress(), with_nmr.get_stress())
    assert len(seen) == 3 and np.nanmax(np.abs(seen[2] - seen[0])) > 1e-3
    wanted = known.predict_frame(with_nmr)
    np.testing.assert_array_equal(seen[-1][wanted.atoms], wanted.values["sigma_iso"])
    with_nmr.set_constraint(FixAtoms([0]))
    BFGS(with_nmr, logfile=None).run(steps=3)
    assert np.isfinite(with_nmr.get_forces()).all()


def test_forces_alone_cost_no_prediction_unless_always() -> None:
    atoms = cluster()
    atoms.calc = NMRCalculator(model("Si", "29Si"), LennardJones(rc=3.0))
    atoms.get_forces()
    assert "sigma_iso" not in atoms.calc.results
    atoms.calc = NMRCalculator(model("Si", "29Si"), LennardJones(rc=3.0), always=True)
    atoms.get_forces()
    assert "sigma_iso" in atoms.calc.results


def test_stored_arrays_are_written_with_the_structure(tmp_path: Path) -> None:
    atoms = cluster()
    calculator = NMRCalculator([model("Si", "29Si"), model("O", "17O")])
    calculator.store(atoms)
    atoms.write(tmp_path / "a.extxyz")
    np.testing.assert_allclose(ase.io.read(tmp_path / "a.extxyz").arrays["delta_iso"], atoms.arrays["delta_iso"],
                               atol=1e-6)


def test_bad_models_and_unknown_properties_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one model"):
        NMRCalculator([])
    with pytest.raises(ValueError, match="twice, got sigma_iso of Si"):
        NMRCalculator([model("Si", "29Si"), model("Si", "29Si")])
    atoms = cluster()
    atoms.calc = NMRCalculator(model("Si", "29Si"))
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_potential_energy()
    atoms[0].symbol = "Ge"
    with pytest.raises(ValueError, match="Ge, which is outside the species"):
        atoms.calc.get_property("sigma_iso", atoms)
