# SPDX-License-Identifier: BSD-3-Clause
"""Equivariants: against sums over Clebsch-Gordan coefficients, under rotation and inversion, and their derivatives."""

from __future__ import annotations

import os
import subprocess
import sys

import ase
import numpy as np
import pytest
from ase.build import bulk
from scipy.spatial.transform import Rotation

from glassnmr import _core
from glassnmr.descriptors import SphericalBesselSOAP
from glassnmr.descriptors.equivariants import EquivariantSOAP

SMALL = {"cutoff": 3.5, "n_max": 3, "l_max": 3, "sigma": 0.4}
KINDS = [(0, 1), (1, 1), (1, -1), (2, 1), (2, -1), (3, 1)]


def packing(n: int = 9, seed: int = 3) -> ase.Atoms:
    rng = np.random.default_rng(seed)
    cell = np.array([[5.2, 0.3, 0.0], [0.4, 5.6, 0.2], [0.1, -0.5, 5.9]])
    while True:
        atoms = ase.Atoms("SiO" * (n // 2) + "Si" * (n % 2), scaled_positions=rng.random((n, 3)), cell=cell, pbc=True)
        distance = atoms.get_all_distances(mic=True) + 9 * np.eye(n)
        if distance.min() > 1.1:
            return atoms


def complex_to_real(l: int) -> np.ndarray:
    """U with Y_real = U Y_complex; Condon-Shortley phase in the complex ones only."""
    u = np.zeros((2 * l + 1, 2 * l + 1), dtype=complex)
    u[l, l] = 1
    for m in range(1, l + 1):
        u[l + m, l + m], u[l + m, l - m] = (-1) ** m / np.sqrt(2), 1 / np.sqrt(2)
        u[l - m, l + m], u[l - m, l - m] = -1j * (-1) ** m / np.sqrt(2), 1j / np.sqrt(2)
    return u


def slow_coupling(lam: int, l1: int, l2: int) -> np.ndarray:
    """(2 lam + 1, 2 l1 + 1, 2 l2 + 1) from sympy's coefficients."""
    clebsch_gordan = pytest.importorskip("sympy.physics.wigner", reason="needs sympy").clebsch_gordan
    values = np.zeros((2 * lam + 1, 2 * l1 + 1, 2 * l2 + 1), dtype=complex)
    for a in range(-l1, l1 + 1):
        for b in range(-l2, l2 + 1):
            if abs(a + b) <= lam:
                values[a + b + lam, a + l1, b + l2] = float(clebsch_gordan(l1, l2, lam, a, b, a + b))
    real = np.einsum("Mm,ap,bq,mpq->Mab", complex_to_real(lam), complex_to_real(l1).conj(),
                     complex_to_real(l2).conj(), values)
    return real.imag if (lam + l1 + l2) % 2 else real.real


def harmonics_of_degree(l: int, rotation: np.ndarray) -> np.ndarray:
    """How the real harmonics of degree l turn: Y_l(R r) = D Y_l(r), from their values on random directions."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 3))
    points /= np.linalg.norm(points, axis=1)[:, None]
    part = slice(l * l, (l + 1) ** 2)
    before = _core.spherical_harmonics(points, l_max=l)[:, part]
    after = _core.spherical_harmonics(points @ rotation.T, l_max=l)[:, part]
    return np.linalg.lstsq(before, after, rcond=None)[0].T


@pytest.mark.parametrize(("lam", "l1", "l2"), [(0, 2, 2), (1, 1, 1), (1, 1, 2), (2, 1, 1), (2, 0, 2), (2, 1, 3),
                                               (2, 2, 3), (2, 4, 4), (3, 2, 4)])
def test_couplings_are_those_of_clebsch_and_gordan(lam: int, l1: int, l2: int) -> None:
    assert np.allclose(_core.coupling_coefficients(lam, l1, l2), slow_coupling(lam, l1, l2), atol=1e-13)


def test_couplings_are_orthonormal_up_to_large_l() -> None:
    for l1, l2 in ((3, 5), (10, 9), (16, 14)):
        whole = np.concatenate([_core.coupling_coefficients(lam, l1, l2).reshape(2 * lam + 1, -1)
                                for lam in range(abs(l1 - l2), min(l1 + l2, abs(l1 - l2) + 6) + 1)])
        assert np.allclose(whole @ whole.T, np.eye(len(whole)), atol=1e-9 if l1 > 12 else 1e-11)


@pytest.mark.parametrize("compression", ["none", "crossover", "mu1nu1"])
@pytest.mark.parametrize(("lam", "parity"), KINDS)
def test_features_are_the_sums_over_couplings(lam: int, parity: int, compression: str) -> None:
    atoms = packing()
    found = EquivariantSOAP(["Si", "O"], lam=lam, parity=parity, compression=compression, **SMALL)
    rows = found.equivariants(atoms)
    c = SphericalBesselSOAP(["Si", "O"], **SMALL).coefficients(atoms)
    index = found.feature_index()
    assert len(index) == rows.shape[2]
    expected = np.empty_like(rows)
    for k, label in enumerate(index):
        one = c[:, label["s1"], label["n1"], label["l1"] ** 2:(label["l1"] + 1) ** 2]
        if label["body"] == 2:
            expected[:, :, k] = one
            continue
        other = c.sum(axis=1) if label["s2"] < 0 else c[:, label["s2"]]
        two = other[:, label["n2"], label["l2"] ** 2:(label["l2"] + 1) ** 2]
        same = label["l1"] == label["l2"] and label["s1"] == label["s2"] and label["n1"] == label["n2"]
        weight = 1.0 if same or compression == "mu1nu1" else np.sqrt(2)
        coupling = slow_coupling(lam, int(label["l1"]), int(label["l2"]))
        expected[:, :, k] = weight * np.einsum("Mab,ia,ib->iM", coupling, one, two)
    assert np.abs(rows - expected).max() < 1e-12 * np.abs(expected).max()


def test_dot_products_are_those_of_all_pairs_of_channels() -> None:
    atoms = packing()
    rows = EquivariantSOAP(["Si", "O"], lam=2, body=(3,), **SMALL).equivariants(atoms)
    c = SphericalBesselSOAP(["Si", "O"], **SMALL).coefficients(atoms).reshape(len(atoms), 6, -1)
    whole = [np.einsum("Mab,iqa,ipb->iMqp", slow_coupling(2, a, b), c[:, :, a * a:(a + 1) ** 2],
                       c[:, :, b * b:(b + 1) ** 2]).reshape(len(atoms), 5, -1)
             for a in range(4) for b in range(4) if abs(a - b) in (0, 2) and a + b >= 2]
    full = np.concatenate(whole, axis=2)
    assert np.allclose(np.einsum("iMf,jNf->ijMN", rows, rows), np.einsum("iMf,jNf->ijMN", full, full), rtol=1e-11)


def test_scalars_are_the_power_spectrum() -> None:
    atoms = packing()
    scalar = EquivariantSOAP(["Si", "O"], lam=0, body=(3,), **SMALL)
    index, rows = scalar.feature_index(), scalar.transform(atoms)
    power = SphericalBesselSOAP(["Si", "O"], body=(3,), **SMALL)
    place = {tuple(p)[1:]: k for k, p in enumerate(power.feature_index().tolist())}
    order = [place[(f["s1"], f["n1"], f["s2"], f["n2"], f["l1"])] for f in index]
    known = power.transform(atoms)[:, order] * (-1.0) ** index["l1"] / np.sqrt(8 * np.pi**2)
    assert np.allclose(rows, known, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("lam", "parity"), KINDS)
def test_rotating_the_structure_rotates_the_features(lam: int, parity: int) -> None:
    atoms = packing()
    soap = EquivariantSOAP(["Si", "O"], lam=lam, parity=parity, **SMALL)
    turn = Rotation.random(random_state=5).as_matrix()
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array @ turn.T)
    turned.positions = atoms.positions @ turn.T
    before, after = soap.equivariants(atoms), soap.equivariants(turned)
    expected = np.einsum("MN,iNf->iMf", harmonics_of_degree(lam, turn), before)
    assert np.abs(after - expected).max() < 1e-10 * np.abs(before).max()


@pytest.mark.parametrize(("lam", "parity"), KINDS)
def test_inversion_gives_the_parity(lam: int, parity: int) -> None:
    atoms = packing()
    soap = EquivariantSOAP(["Si", "O"], lam=lam, parity=parity, **SMALL)
    inverted = atoms.copy()
    inverted.set_cell(-atoms.cell.array)
    inverted.positions = -atoms.positions
    before, after = soap.equivariants(atoms), soap.equivariants(inverted)
    assert np.abs(after - parity * (-1) ** lam * before).max() < 1e-12 * np.abs(before).max()


@pytest.mark.parametrize("compression", ["none", "mu1nu1"])
@pytest.mark.parametrize(("lam", "parity"), [(1, 1), (1, -1), (2, 1)])
def test_gradients_are_finite_differences(lam: int, parity: int, compression: str) -> None:
    atoms = packing(5)
    soap = EquivariantSOAP(["Si", "O"], lam=lam, parity=parity, compression=compression, mixing=[[1, 0.3], [0.2, 1]],
                           **SMALL)
    weights = np.random.default_rng(1).normal(size=(len(atoms), soap.n_features))
    found = soap.gradient(atoms, weights)

    def value(moved: ase.Atoms) -> float:
        return float((soap.transform(moved) * weights).sum())

    step, expected = 1e-5, np.empty((len(atoms), 3))
    for i in range(len(atoms)):
        for x in range(3):
            pair = []
            for sign in (1, -1):
                moved = atoms.copy()
                moved.positions[i, x] += sign * step
                pair.append(value(moved))
            expected[i, x] = (pair[0] - pair[1]) / (2 * step)
    assert np.abs(found.positions - expected).max() < 1e-7 * np.abs(expected).max()
    strain = np.zeros((3, 3))
    strain[0, 1] = step
    ends = []
    for sign in (1, -1):
        moved = atoms.copy()
        moved.set_cell(atoms.cell.array @ (np.eye(3) + sign * strain), scale_atoms=True)
        ends.append(value(moved))
    assert abs(found.strain[0, 1] - (ends[0] - ends[1]) / (2 * step)) < 1e-6 * np.abs(found.strain).max()


def test_sites_of_high_symmetry_have_no_tensor() -> None:
    for crystal in (bulk("ZnS", "zincblende", 5.41), bulk("MgO", "rocksalt", 4.2)):
        species = sorted(set(crystal.get_chemical_symbols()))
        for lam, parity in ((1, 1), (1, -1), (2, 1)):
            rows = EquivariantSOAP(species, 5.0, lam=lam, parity=parity).transform(crystal)
            assert np.abs(rows).max() < 1e-12


def test_an_axial_site_has_an_axial_tensor() -> None:
    angle = 2 * np.pi * np.arange(3) / 3
    ammonia = ase.Atoms("NH3", [(0, 0, 0), *np.column_stack([0.94 * np.cos(angle), 0.94 * np.sin(angle), 3 * [-0.38]])])
    rows = EquivariantSOAP(["N", "H"], 3.0, lam=2).equivariants(ammonia, [0])[0]
    assert np.abs(rows[[0, 1, 3, 4]]).max() < 1e-10 * np.abs(rows[2]).max()


@pytest.mark.parametrize("n_max", [5, 8, 11, 17])
def test_threads_do_not_change_a_bit(n_max: int) -> None:
    atoms = packing().repeat(2)
    soap = EquivariantSOAP(["Si", "O"], 3.5, n_max=n_max, l_max=5, compression="mu1nu1")
    one = soap.transform(atoms, n_threads=1)
    weights = np.random.default_rng(0).normal(size=one.shape)
    gradient = soap.gradient(atoms, weights, n_threads=1)
    for n in (2, 3):
        assert np.array_equal(soap.transform(atoms, n_threads=n), one)
        again = soap.gradient(atoms, weights, n_threads=n)
        assert np.array_equal(again.positions, gradient.positions) and np.array_equal(again.strain, gradient.strain)


@pytest.mark.parametrize("level", ["x86_64", "x86_64_v3"])
def test_levels_agree(level: str) -> None:
    code = ("import sys, numpy as np; sys.path.insert(0, sys.argv[1]); from test_equivariants import *;"
            "s = EquivariantSOAP(['Si', 'O'], 3.5, n_max=8, l_max=5); a = packing(); x = s.transform(a);"
            "np.save(sys.argv[2], np.concatenate([x.ravel(), s.gradient(a, x).positions.ravel()]))")
    here = os.path.dirname(__file__)
    out = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"levels-{os.getpid()}.npy")
    done = subprocess.run([sys.executable, "-c", code, here, out], env={**os.environ, "GLASSNMR_LEVEL": level},
                          capture_output=True, text=True, check=False)
    if "GLASSNMR_LEVEL" in done.stderr:
        pytest.skip(f"this build or processor lacks {level}")
    assert done.returncode == 0, done.stderr
    other = np.load(out)
    os.remove(out)
    soap, atoms = EquivariantSOAP(["Si", "O"], 3.5, n_max=8, l_max=5), packing()
    rows = soap.transform(atoms)
    forces = soap.gradient(atoms, rows).positions
    assert np.abs(other[:rows.size] - rows.ravel()).max() < 1e-12 * np.abs(rows).max()
    assert np.abs(other[rows.size:] - forces.ravel()).max() < 1e-12 * np.abs(forces).max()


def test_pairs_choose_columns() -> None:
    atoms = packing()
    whole = EquivariantSOAP(["Si", "O"], lam=2, **SMALL)
    some = EquivariantSOAP(["Si", "O"], lam=2, pairs=[(1, 1), (1, 3)], **SMALL)
    index = whole.feature_index()
    kept = (index["body"] == 2) | np.isin(index["l1"] * 10 + index["l2"], (11, 13))
    assert np.array_equal(some.equivariants(atoms), whole.equivariants(atoms)[:, :, kept])


@pytest.mark.parametrize(("change", "message"), [
    ({"lam": 5}, "lam must lie in 0..4"), ({"parity": 0}, "parity must be 1 or -1"),
    ({"pairs": [(0, 1)]}, r"the pair \(0, 1\) does not make lam = 2"), ({"pairs": []}, "at least one"),
    ({"lam": True}, "lam must be an integer"), ({"compression": "all"}, "compression must be"),
    ({"l_max": 0, "body": (2,)}, "there is no equivariant"), ({"weights": (1.0, np.nan)}, "weights must be positive"),
    ({"body": (4,)}, "body must be"), ({"weights": (1.0,)}, "one entry for each"),
])
def test_bad_settings_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EquivariantSOAP(["Si", "O"], **{**SMALL, **change})
