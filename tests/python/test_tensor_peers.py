# SPDX-License-Identifier: BSD-3-Clause
"""Axes and principal values beside Soprano's and mrsimulator's; predicted tensors in files that ASE and Soprano read.

What is not installed is skipped: the extra `peers` has it.
"""

from __future__ import annotations

from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from glassnmr import _core, tensors
from glassnmr.descriptors import EquivariantSOAP, SphericalBesselSOAP
from glassnmr.io import write_predictions
from glassnmr.tensor_model import TensorModel

SPECIES = ["Si", "O"]


def packing(n: int = 9, seed: int = 3) -> ase.Atoms:
    rng = np.random.default_rng(seed)
    cell = np.array([[5.2, 0.3, 0.0], [0.4, 5.6, 0.2], [0.1, -0.5, 5.9]])
    while True:
        atoms = ase.Atoms("SiO" * (n // 2) + "Si" * (n % 2), scaled_positions=rng.random((n, 3)), cell=cell, pbc=True)
        distance = atoms.get_all_distances(mic=True) + 9 * np.eye(n)
        if distance.min() > 1.1:
            return atoms


CASES = {
    "general": (1.7, 0.43, (0.4, 1.1, 2.0)), "negative": (-2.3, 0.61, (3.3, 0.5, 0.1)),
    "eta 0": (1.3, 0.0, (0.7, 1.2, 0.0)), "eta 0, negative": (-1.3, 0.0, (5.0, 0.2, 0.0)),
    "eta 1": (1.9, 1.0, (2.2, 0.9, 1.4)), "along z": (1.1, 0.3, (0.0, 0.0, 0.0)),
    "about x": (0.8, 0.5, (0.0, np.pi / 2, 0.0)), "nearly axial": (1.0, 1e-9, (1.0, 1.0, 1.0)),
}


def made(case: str, iso: float = 0.0) -> np.ndarray:
    zeta, eta, angles = CASES[case]
    turn = tensors.rotation_matrix(*angles)
    return turn @ np.diag(tensors.haeberlen_principal_values(iso, zeta, eta)) @ turn.T


@pytest.mark.filterwarnings("ignore:Gimbal lock")
@pytest.mark.parametrize("case", CASES)
def test_field_gradients_go_to_soprano_and_back(case: str) -> None:
    nmr = pytest.importorskip("soprano.nmr", reason="needs Soprano")
    t = made(case)
    peer = nmr.ElectricFieldGradient(t, species="17O", quadrupole_moment=-25.58)  # millibarn
    own = tensors.efg_parameters(t, "17O")
    values = tensors.efg_principal_values(t)
    signed = abs if case == "eta 1" else float  # where two values are as large, round-off decides which is zz
    assert signed(own.C_Q) == pytest.approx(signed(peer.Cq / 1e6), rel=1e-4)  # constants differ in the sixth figure
    assert signed(values[2]) == pytest.approx(signed(peer.Vzz), rel=1e-12)
    assert np.sign(own.C_Q) == -np.sign(values[2])  # Q of 17O is negative
    assert own.eta == pytest.approx(peer.eta, abs=1e-12)
    angles = peer.euler_angles(convention="zyz", passive=False)
    turn = tensors.rotation_matrix(*angles)
    np.testing.assert_allclose(turn @ np.diag(peer.eigenvalues) @ turn.T, t, atol=1e-7)
    ours = tensors.rotation_matrix(*tensors.euler_angles(t, "efg"))
    again = nmr.ElectricFieldGradient(ours @ np.diag(tensors.efg_principal_values(t)) @ ours.T, species="17O")
    np.testing.assert_allclose(again.data, t, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Gimbal lock")
@pytest.mark.parametrize("case", CASES)
def test_shieldings_go_to_soprano_and_back(case: str) -> None:
    nmr = pytest.importorskip("soprano.nmr", reason="needs Soprano")
    t = made(case, iso=80.0)
    peer = nmr.MagneticShielding(t, species="29Si", order="h")
    own, bounds = tensors.haeberlen(t), tensors.herzfeld_berger(t)
    assert (own.iso, bounds.span) == pytest.approx((peer.isotropy, peer.span), rel=1e-12)
    assert own.eta == pytest.approx(peer.asymmetry, abs=1e-11)
    assert bounds.skew == pytest.approx(peer.skew, abs=1e-11)
    if case != "eta 1":  # there the sign is that of round-off
        assert own.zeta == pytest.approx(peer.reduced_anisotropy, rel=1e-12)
    told = peer.herzfeldberger_shielding
    back = tensors.herzfeld_berger_principal_values(told.sigma_iso, told.omega, told.kappa)
    np.testing.assert_allclose(np.sort(back), np.linalg.eigvalsh(t), rtol=1e-12)
    turn = tensors.rotation_matrix(*peer.euler_angles(convention="zyz", passive=False))
    np.testing.assert_allclose(turn @ np.diag(peer.eigenvalues) @ turn.T, t, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Gimbal lock")
@pytest.mark.parametrize("case", CASES)
def test_tensors_go_to_mrsimulator_and_back(case: str) -> None:
    peer = pytest.importorskip("mrsimulator.utils.cartesian_tensor", reason="needs mrsimulator")
    t = made(case, iso=30.0)
    own = tensors.haeberlen(t)
    # its angles turn about z, y, z of the fixed frame one after another: ours from the last to the first
    angles = tensors.euler_angles(t, "haeberlen")[::-1]
    np.testing.assert_allclose(peer.from_haeberlen_params(angles, own.zeta, own.eta, own.iso), t, atol=1e-12)
    (gamma, beta, alpha), zeta, eta, iso = peer.to_haeberlen_params(t)
    turn = tensors.rotation_matrix(alpha, beta, gamma)
    values = tensors.haeberlen_principal_values(iso, zeta, eta)
    np.testing.assert_allclose(turn @ np.diag(values) @ turn.T, t, atol=1e-12)
    assert (float(iso), abs(zeta)) == pytest.approx((float(own.iso), abs(float(own.zeta))), rel=1e-12)
    assert eta == pytest.approx(own.eta, abs=1e-12)
    if case != "eta 1":
        assert zeta == pytest.approx(own.zeta, rel=1e-12)


def test_the_frame_of_mrsimulator_turns_as_ours() -> None:
    tensor = pytest.importorskip("mrsimulator.spin_system.tensors", reason="needs mrsimulator").SymmetricTensor
    combine = pytest.importorskip("mrsimulator.utils.euler_angles", reason="needs mrsimulator").combine_euler_angles
    one, other = (0.3, 1.1, 2.0), (1.7, 0.4, 0.9)
    turned = tensor(zeta=10.0, eta=0.3, alpha=one[0], beta=one[1], gamma=one[2])
    turned.rotate([other])
    expected = Rotation.from_euler("ZYZ", combine([one, other])).as_matrix()
    seen = tensors.rotation_matrix(turned.alpha, turned.beta, turned.gamma)
    np.testing.assert_allclose(seen, expected, atol=1e-12)
    there = tensors.to_mrsimulator_euler(tensors.from_mrsimulator_euler([turned.alpha, turned.beta, turned.gamma]))
    np.testing.assert_allclose(tensors.rotation_matrix(*there), seen, atol=1e-12)


def model_of(kind: str) -> TensorModel:
    """Weights at random: what is predicted does not matter, only that files hold it."""
    setting = {"cutoff": 3.5, "n_max": 3, "l_max": 2}
    soap, rng = SphericalBesselSOAP(SPECIES, **setting), np.random.default_rng(5)
    rows = soap.transform(packing(seed=8), "O")
    parts = []
    for lam, parity in ((2, 1), (1, -1)) if kind == "ms" else ((2, 1),):
        part = EquivariantSOAP(SPECIES, lam=lam, parity=parity, **setting)
        parts.append(_core.TensorPart(equivariants=part._core, kernel="gaussian", kappa=0.01, degree=2, offset=1.0,
                                      landmarks=rows, weights=rng.normal(size=(len(rows), part.n_equivariants))))
    scalar = _core.Model(descriptor=soap._core, species=SPECIES, isotope="17O", centre="O",
                         kernel=_core.Kernel("gaussian", kappa=0.01), landmarks=rows,
                         weights=10 * rng.normal(size=(len(rows), 1)), bias=np.full(1, 250.0), targets=["sigma_iso"],
                         units=["ppm"], reference=(280.0, -1.0), provenance="") if kind == "ms" else None
    return TensorModel(_core.TensorModel(descriptor=soap._core, species=SPECIES, isotope="17O", centre="O",
                                         tensor=kind, parts=parts, isotropic=scalar, provenance=""))


@pytest.mark.parametrize("kind", ["ms", "efg"])
def test_ase_reads_back_what_is_written(kind: str, tmp_path: Path) -> None:
    model, atoms = model_of(kind), packing(seed=1)
    prediction = model.predict_frame(atoms)
    found, oxygen = model.tensors(atoms), atoms.numbers == 8
    for name in ("p.extxyz", "p.magres"):
        write_predictions(tmp_path / name, [atoms], [prediction])
        again = ase.io.read(tmp_path / name)
        assert again.get_chemical_symbols() == atoms.get_chemical_symbols(), name
        np.testing.assert_allclose(again.cell.array, atoms.cell.array, atol=1e-9)
        np.testing.assert_allclose(again.positions, atoms.positions, atol=1e-7)
        values = again.arrays[kind][oxygen].reshape(-1, 3, 3)
        np.testing.assert_allclose(values, found, rtol=1e-7, atol=1e-9, err_msg=name)
    plain = ase.io.read(tmp_path / "p.extxyz")
    for name, column in prediction.values.items():
        if name in plain.arrays:
            np.testing.assert_allclose(plain.arrays[name][oxygen], column, rtol=1e-7, atol=1e-9)
            assert np.isnan(plain.arrays[name][~oxygen]).all()
    assert {"ms": "span", "efg": "C_Q"}[kind] in plain.arrays


@pytest.mark.parametrize("kind", ["ms", "efg"])
def test_soprano_reads_back_what_is_written(kind: str, tmp_path: Path) -> None:
    nmr = pytest.importorskip("soprano.properties.nmr", reason="needs Soprano")
    model, atoms = model_of(kind), packing(seed=2)
    prediction = model.predict_frame(atoms)
    write_predictions(tmp_path / "p.magres", [atoms], [prediction])
    whole = ase.io.read(tmp_path / "p.magres")
    oxygen = np.flatnonzero(atoms.numbers == 8)
    assert np.isnan(whole.arrays[kind][atoms.numbers != 8]).all()
    part = whole[oxygen]  # Soprano works on atoms that have a tensor
    values = prediction.values
    if kind == "ms":
        np.testing.assert_allclose(nmr.MSIsotropy.get(part), values["sigma_iso"], rtol=1e-7)
        np.testing.assert_allclose(nmr.MSSpan.get(part), values["span"], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(nmr.MSSkew.get(part), values["skew"], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(nmr.MSReducedAnisotropy.get(part), values["zeta"], rtol=1e-5, atol=1e-6)
        return
    np.testing.assert_allclose(nmr.EFGVzz.get(part), values["V_zz"], rtol=1e-6)
    np.testing.assert_allclose(nmr.EFGAsymmetry.get(part), values["eta"], rtol=1e-5, atol=1e-6)
    coupling = nmr.EFGQuadrupolarConstant(isotopes={"O": 17}).get(part) / 1e6
    np.testing.assert_allclose(coupling, values["C_Q"], rtol=1e-3)
