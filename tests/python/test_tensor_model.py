# SPDX-License-Identifier: BSD-3-Clause
"""Tensor regression and tensor models: against a slow kernel ridge regression, under rotation, in files."""

from __future__ import annotations

from pathlib import Path

import ase
import numpy as np
import pytest
from ase.io import read
from scipy.spatial.transform import Rotation

from glassnmr import _core
from glassnmr.descriptors import EquivariantSOAP, SphericalBesselSOAP, SurroundingsDescriptor
from glassnmr.io import read_frames, write_predictions
from glassnmr.learning import LSSVR
from glassnmr.table import Dataset
from glassnmr.tensor_learning import Environments, EquivariantLSSVR, block_cholesky
from glassnmr.tensor_model import TensorModel, cartesian, derived_values, load_model, spherical
from glassnmr.tensor_training import fit_tensor_model, train_tensor, validate_tensor

SMALL = {"cutoff": 3.5, "n_max": 3, "l_max": 2, "sigma": 0.5}
SPECIES = ["Si", "O"]


def packing(seed: int, n: int = 12) -> ase.Atoms:
    rng = np.random.default_rng(seed)
    while True:
        atoms = ase.Atoms("SiOO" * (n // 3), scaled_positions=rng.random((n, 3)), cell=[5.6, 5.9, 6.2], pbc=True)
        if (atoms.get_all_distances(mic=True) + 9 * np.eye(n)).min() > 1.1:
            return atoms


def field(atoms: ase.Atoms, centre: int) -> np.ndarray:
    """A tensor as point charges make it, smoothly cut off."""
    d = atoms.get_distances(range(len(atoms)), centre, mic=True, vector=True)
    r = np.linalg.norm(d, axis=1)
    near = (r > 0.1) & (r < 2.8)
    d, r = d[near], r[near]
    q = np.where(atoms.numbers[near] == 14, 2.0, -1.0) * (1 + np.cos(np.pi * r / 2.8)) / r**5
    return np.einsum("j,ja,jb->ab", q, 3 * d, d) - np.sum(q * r**2) * np.eye(3)


def dataset(kind: str, n: int = 10) -> Dataset:
    structures = [packing(seed) for seed in range(n)]
    centres = [np.flatnonzero(a.numbers == 8) for a in structures]
    rows = sum(len(c) for c in centres)
    tensor = np.array([field(a, i) for a, c in zip(structures, centres, strict=True) for i in c])
    if kind == "ms":
        rng = np.random.default_rng(0)
        twist = rng.normal(size=(rows, 3, 3)) * 0.01
        tensor = tensor + 100 * np.eye(3) + np.abs(tensor).max(axis=(1, 2))[:, None, None] * np.eye(3)
        tensor = tensor + twist - twist.swapaxes(1, 2)
    number = np.repeat(np.arange(n), [len(c) for c in centres])
    return Dataset(structures=structures, structure=number, centre=np.concatenate(centres),
                   element=np.full(rows, "O"), isotope=np.full(rows, "17O"), tensors={kind: tensor}, scalars={},
                   source=np.full(rows, "made"), group=number.astype(str))


def parts_of(kind: str) -> list[EquivariantSOAP]:
    both = [EquivariantSOAP(SPECIES, lam=2, **SMALL), EquivariantSOAP(SPECIES, lam=1, parity=-1, **SMALL)]
    return both if kind == "ms" else both[:1]


@pytest.fixture(scope="module", params=["ms", "efg"])
def model(request: pytest.FixtureRequest) -> TensorModel:
    data, parts = dataset(request.param), parts_of(request.param)
    regressors = {part.lam: EquivariantLSSVR(lam=1e-4, n_landmarks=30) for part in parts}
    return fit_tensor_model(data, SphericalBesselSOAP(SPECIES, **SMALL), parts, regressors,
                            LSSVR(n_landmarks=30, lam=1e-4), reference=(50.0, -1.0) if request.param == "ms" else None)


def turned(atoms: ase.Atoms, turn: np.ndarray) -> ase.Atoms:
    out = atoms.copy()
    out.set_cell(atoms.cell.array @ turn.T)
    out.positions = atoms.positions @ turn.T
    return out


def test_components_are_an_orthonormal_basis() -> None:
    t = np.random.default_rng(0).normal(size=(7, 3, 3))
    parts = [spherical(t, lam) for lam in (0, 1, 2)]
    assert np.allclose(sum(cartesian(c, lam) for lam, c in enumerate(parts)), t, atol=1e-15)
    assert np.allclose(sum((c**2).sum(axis=1) for c in parts), (t**2).sum(axis=(1, 2)))


@pytest.mark.parametrize("lam", [1, 2])
def test_components_turn_as_real_harmonics(lam: int) -> None:
    turn = Rotation.random(random_state=2).as_matrix()
    points = np.random.default_rng(1).normal(size=(40, 3))
    points /= np.linalg.norm(points, axis=1)[:, None]
    block = slice(lam * lam, (lam + 1) ** 2)
    before = _core.spherical_harmonics(points, l_max=lam)[:, block]
    after = _core.spherical_harmonics(points @ turn.T, l_max=lam)[:, block]
    wigner = np.linalg.lstsq(before, after, rcond=None)[0].T
    t = np.random.default_rng(0).normal(size=(3, 3))
    assert np.allclose(spherical(turn @ t @ turn.T, lam), wigner @ spherical(t, lam), atol=1e-13)


def test_block_cholesky_of_all_environments_is_exact() -> None:
    rng = np.random.default_rng(0)
    x, p = rng.normal(size=(9, 2)), rng.normal(size=(9, 3, 6))
    p[4] = 0  # a site of high symmetry
    near = _core.kernel_matrix(_core.Kernel("gaussian", kappa=0.3), x)
    K = np.einsum("ij,iaf,jbf->iajb", near, p, p).reshape(27, 27)
    estimator = EquivariantLSSVR(n_landmarks=9, tolerance=0.0)
    found = block_cholesky(Environments(x, p), np.arange(9), estimator, 0.3)
    assert np.allclose(found.factor.T @ found.factor, K, atol=1e-9 * K.max())
    columns = (found.index[:, None] * 3 + np.arange(3)).ravel()
    assert np.allclose(K[:, columns] @ found.span, found.factor.T, atol=1e-7)
    assert 4 not in found.index and (np.diff(found.residual) <= 1e-15).all()


@pytest.mark.parametrize("kernel", ["gaussian", "linear"])
def test_fit_is_kernel_ridge_regression_of_all_components(kernel: str) -> None:
    rng = np.random.default_rng(3)
    x, p, y = rng.normal(size=(12, 2)), rng.normal(size=(12, 3, 5)), rng.normal(size=(12, 3))
    fitted = EquivariantLSSVR(kernel=kernel, kappa=0.4, lam=0.1, n_landmarks=12).fit(x, p, y)
    d2 = ((x[:, None] - x[None]) ** 2).sum(axis=2)
    near = np.exp(-0.4 * d2) if kernel == "gaussian" else np.ones((12, 12))
    scale2 = 1 / np.mean((p**2).sum(axis=(1, 2)))
    K = scale2 * np.einsum("ij,iaf,jbf->iajb", near, p, p).reshape(36, 36)
    expected = K @ np.linalg.solve(K + 0.1 * np.eye(36), y.ravel())
    assert np.allclose(fitted.predict(x, p).ravel(), expected, atol=1e-8)


def test_path_without_bias_leaves_groups_out_exactly() -> None:
    rng = np.random.default_rng(4)
    a, y = rng.normal(size=(20, 6)), rng.normal(size=(20, 1)) + 3
    group = np.repeat(np.arange(5), 4)
    path = _core.RidgePath(np.ascontiguousarray(a.T), None, free_bias=False)
    left = path.leave_out(y, group, n_groups=5, lam=np.array([0.3]))[0]
    for g in range(5):
        train, test = group != g, group == g
        v = np.linalg.solve(a[train].T @ a[train] + 0.3 * np.eye(6), a[train].T @ y[train])
        assert np.allclose(left[test], y[test] - a[test] @ v, atol=1e-12)
    v, bias = path.solve(y, np.array([0.3]))
    assert bias[0, 0] == 0 and np.allclose(v[0], np.linalg.solve(a.T @ a + 0.3 * np.eye(6), a.T @ y))


def test_rotating_the_structure_rotates_the_tensors(model: TensorModel) -> None:
    atoms = packing(77)
    turn = Rotation.random(random_state=8).as_matrix()
    before, after = model.tensors(atoms), model.tensors(turned(atoms, turn))
    size = np.abs(before - np.trace(before, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3)).max()
    assert np.abs(after - before).max() > 0.1 * size > 0
    assert np.abs(after - turn @ before @ turn.T).max() < 1e-10 * size


def test_inversion_leaves_the_tensors(model: TensorModel) -> None:
    atoms = packing(78)
    before, after = model.tensors(atoms), model.tensors(turned(atoms, -np.eye(3)))
    assert np.abs(after - before).max() < 1e-11 * np.abs(before).max()
    mirror = np.diag([1.0, 1.0, -1.0])  # a mirror turns the tensor: the antisymmetric part is axial, not polar
    after = model.tensors(turned(atoms, mirror))
    assert np.abs(after - mirror @ before @ mirror).max() < 1e-11 * np.abs(before).max()
    assert np.abs(after - before).max() > 1e-4 * np.abs(before).max()


def test_rotating_the_training_set_changes_nothing() -> None:
    data, parts = dataset("efg", 5), parts_of("efg")
    turn = Rotation.random(random_state=9).as_matrix()
    other = Dataset(**{**data.__dict__, "structures": [turned(a, turn) for a in data.structures],
                       "tensors": {"efg": turn @ data.tensors["efg"] @ turn.T}})
    soap, atoms = SphericalBesselSOAP(SPECIES, **SMALL), packing(5)
    found = [fit_tensor_model(d, soap, parts, {2: EquivariantLSSVR(kappa=0.1, lam=1e-3, n_landmarks=10)}).tensors(atoms)
             for d in (data, other)]
    assert np.abs(found[0] - found[1]).max() < 1e-7 * np.abs(found[0]).max()


def test_a_field_gradient_is_symmetric_and_traceless(model: TensorModel) -> None:
    found = model.tensors(packing(79))
    asymmetry = np.abs(found - found.swapaxes(1, 2)).max()
    if model.tensor == "efg":
        assert asymmetry < 1e-12 and np.abs(np.trace(found, axis1=1, axis2=2)).max() < 1e-12
    else:
        assert asymmetry > 0


def test_sites_of_symmetry_have_tensors_of_that_symmetry(model: TensorModel) -> None:
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 0.93
    tetrahedral = ase.Atoms("OSi4", [(0, 0, 0), *corners])
    found = model.tensors(tetrahedral)[0]
    assert np.abs(found - np.trace(found) / 3 * np.eye(3)).max() < 1e-10 * max(1, abs(np.trace(found)))
    axial = ase.Atoms("OSi4", [(0, 0, 0), *(corners * [1, 1, 1.3])])
    # Four corners of a stretched tetrahedron: S4 about z, so that xx = yy and nothing is off the diagonal.
    found = model.tensors(axial)[0]
    assert abs(found[2, 2] - found[0, 0]) > 1e-4 * np.abs(found).max()
    assert abs(found[0, 0] - found[1, 1]) < 1e-10 * np.abs(found).max()
    assert np.abs(found[[0, 0, 1], [1, 2, 2]]).max() < 1e-10 * np.abs(found).max()


def test_the_core_predicts_what_the_regression_does() -> None:
    data, parts = dataset("efg", 5), parts_of("efg")
    soap = SphericalBesselSOAP(SPECIES, **SMALL)
    for kernel in ("gaussian", "linear"):
        regressor = EquivariantLSSVR(kernel=kernel, kappa=0.1, lam=1e-3, n_landmarks=10)
        model = fit_tensor_model(data, soap, parts, {2: regressor})
        x = np.concatenate([soap.transform(a, "O") for a in data.structures])
        p = np.concatenate([parts[0].equivariants(a, "O") for a in data.structures])
        regressor.fit(x, p, spherical(data.tensors["efg"], 2))
        atoms = packing(6)
        expected = cartesian(regressor.predict(soap.transform(atoms, "O"), parts[0].equivariants(atoms, "O")), 2)
        assert np.allclose(model.tensors(atoms), expected, rtol=1e-11, atol=1e-12 * np.abs(expected).max())


def test_a_file_gives_back_the_same_bits(model: TensorModel, tmp_path: Path) -> None:
    model.save(tmp_path / "m.gnmr")
    again = load_model(tmp_path / "m.gnmr")
    assert isinstance(again, TensorModel) and again.tensor == model.tensor and again.reference == model.reference
    atoms = packing(80)
    assert np.array_equal(again.tensors(atoms), model.tensors(atoms))
    again.save(tmp_path / "n.gnmr")
    assert (tmp_path / "n.gnmr").read_bytes() == (tmp_path / "m.gnmr").read_bytes()
    raw = bytearray((tmp_path / "m.gnmr").read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "bad.gnmr").write_bytes(raw)
    with pytest.raises(ValueError, match="damaged"):
        load_model(tmp_path / "bad.gnmr")


def test_a_scalar_model_is_not_one_of_tensors(tmp_path: Path) -> None:
    from glassnmr.model import NMRModel

    scalar = NMRModel.fit(dataset("ms", 4), SphericalBesselSOAP(SPECIES, **SMALL), LSSVR(n_landmarks=5))
    scalar.save(tmp_path / "s.gnmr")
    assert isinstance(load_model(tmp_path / "s.gnmr"), NMRModel)
    with pytest.raises(ValueError, match="a model of scalars, not of tensors"):
        TensorModel.load(tmp_path / "s.gnmr")
    with pytest.raises(FileNotFoundError, match="no such model file"):
        load_model(tmp_path / "none.gnmr")


def test_a_model_of_field_gradients_is_no_scalar_model(tmp_path: Path) -> None:
    from glassnmr.model import NMRModel

    fit_tensor_model(dataset("efg", 4), SphericalBesselSOAP(SPECIES, **SMALL), parts_of("efg"),
                     {2: EquivariantLSSVR(n_landmarks=5)}).save(tmp_path / "v.gnmr")
    with pytest.raises(ValueError, match="a model of tensors, not of scalars"):
        NMRModel.load(tmp_path / "v.gnmr")


def test_threads_do_not_change_a_bit(model: TensorModel) -> None:
    atoms = packing(81).repeat(3)
    one = model.tensors(atoms, n_threads=1)
    assert np.array_equal(model.tensors(atoms, n_threads=2), one) and np.array_equal(model.tensors(atoms, n_threads=3),
                                                                                     one)


@pytest.mark.parametrize("kind", ["ms", "efg"])
def test_training_learns_and_tells_its_error(kind: str) -> None:
    data, parts, soap = dataset(kind, 12), parts_of(kind), SphericalBesselSOAP(SPECIES, **SMALL)
    regressor, scalar = EquivariantLSSVR(n_landmarks=40, robust=1.0), LSSVR(n_landmarks=40)
    found = validate_tensor(data, soap, parts, regressor, scalar, n_splits=3)
    assert found.prediction.shape == data.tensors[kind].shape
    for k in range(3):
        assert not set(data.group[found.fold == k]) & set(data.group[found.fold != k])
    spread = np.abs(found.y - found.y.mean(axis=0)).mean()
    assert found.errors()["element"]["MAE"] < 0.5 * spread
    made = train_tensor(found, soap, parts, regressor, scalar)
    assert made.provenance["validation"]["element"] == found.errors()["element"]
    errors = [np.abs(made.tensors(a) - data.tensors[kind][data.structure == i]).mean()
              for i, a in enumerate(data.structures)]
    assert np.mean(errors) < found.errors()["element"]["MAE"] * 1.2


def test_the_same_folds_give_the_same_prediction_as_by_hand() -> None:
    data, parts, soap = dataset("efg", 6), parts_of("efg"), SphericalBesselSOAP(SPECIES, **SMALL)
    found = validate_tensor(data, soap, parts, EquivariantLSSVR(n_landmarks=20), n_splits=3)
    train, test = found.fold != 1, found.fold == 1
    kappa, lam = found.chosen[1][2]
    rows = found.environments[2]
    by_hand = EquivariantLSSVR(kappa=kappa, lam=lam, n_landmarks=20).fit(
        rows.X[train], rows.P[train], spherical(data.tensors["efg"][train], 2))
    guess = cartesian(by_hand.predict(rows.X[test], rows.P[test]), 2)
    assert np.allclose(guess, found.prediction[test], atol=1e-12)


def test_derived_values_belong_to_the_tensors(model: TensorModel) -> None:
    atoms = packing(82)
    values, found = model.predict_frame(atoms).values, model.tensors(atoms)
    assert np.array_equal(values[f"{model.tensor}_xy"], found[:, 0, 1])
    known = derived_values(found, model.tensor, "17O")
    assert all(np.array_equal(values[name], known[name]) for name in known)
    if model.tensor == "ms":
        assert np.allclose(values["delta_iso"], 50 - values["sigma_iso"])
    else:
        assert (np.abs(values["C_Q"]) == values["abs_C_Q"]).all() and "delta_iso" not in values


def test_files_give_back_the_tensors(model: TensorModel, tmp_path: Path) -> None:
    atoms = packing(83)
    found = model.tensors(atoms)
    oxygen = atoms.numbers == 8
    write_predictions(tmp_path / "p.extxyz", [atoms], [model.predict_frame(atoms)])
    plain = read(tmp_path / "p.extxyz")
    assert np.allclose(plain.arrays[model.tensor][oxygen].reshape(-1, 3, 3), found, rtol=1e-7)
    write_predictions(tmp_path / "p.magres", [atoms], [model.predict_frame(atoms)])
    again = next(iter(read_frames(tmp_path / "p.magres")))
    assert np.allclose(again.arrays[model.tensor][oxygen], found, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("bad", "message"), [
    ({"lam": 0.0}, "lam must"), ({"lam": np.nan}, "lam must"), ({"kappa": -1.0}, "kappa must"),
    ({"kappa": "all"}, "kappa must be a number"), ({"n_landmarks": 0}, "n_landmarks must"),
    ({"robust": -1.0}, "robust must"), ({"kernel": "other"}, "kernel"),
])
def test_bad_parameters_are_refused(bad: dict, message: str) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=message):
        EquivariantLSSVR(**bad).fit(rng.normal(size=(5, 2)), rng.normal(size=(5, 3, 2)), rng.normal(size=(5, 3)))


def test_bad_arrays_are_refused() -> None:
    x, p, y = np.ones((4, 2)), np.ones((4, 3, 2)), np.ones((4, 3))
    for given, message in (((x, p[:3], y), "P must have shape"), ((x, p, y[:, :2]), "y must have shape"),
                           ((x, p * np.nan, y), "must be finite"), ((x, p * 0, y), "P has only zeros")):
        with pytest.raises(ValueError, match=message):
            EquivariantLSSVR().fit(*given)
    with pytest.raises(ValueError, match="not fitted"):
        EquivariantLSSVR().predict(x, p)


def test_parts_must_suit_the_tensor() -> None:
    data, soap = dataset("efg", 4), SphericalBesselSOAP(SPECIES, **SMALL)
    for parts in ([EquivariantSOAP(SPECIES, lam=1, **SMALL)], parts_of("ms"), []):
        with pytest.raises(ValueError, match="the parts of efg"):
            fit_tensor_model(data, soap, parts, {part.lam: EquivariantLSSVR() for part in parts})
    with pytest.raises(ValueError, match="same species"):
        fit_tensor_model(data, soap, [EquivariantSOAP(["O", "Si"], lam=2, **SMALL)], {2: EquivariantLSSVR()})


def test_soprano_reads_the_shieldings(model: TensorModel, tmp_path: Path) -> None:
    soprano = pytest.importorskip("soprano.properties.nmr", reason="needs Soprano")
    if model.tensor != "ms":
        pytest.skip("shieldings only")
    atoms = packing(84)
    write_predictions(tmp_path / "p.magres", [atoms], [model.predict_frame(atoms)])
    found = next(iter(read_frames(tmp_path / "p.magres")))
    oxygen = found.numbers == 8
    part = found[oxygen]
    part.set_array("ms", found.arrays["ms"][oxygen])
    values = model.predict_frame(atoms).values
    assert np.allclose(soprano.MSIsotropy.get(part), values["sigma_iso"], rtol=1e-6)
    assert np.allclose(soprano.MSSpan.get(part), values["span"], rtol=1e-5, atol=1e-5)


def cli(*words: object) -> tuple[int, str]:
    from click.testing import CliRunner

    from glassnmr.cli import main

    done = CliRunner().invoke(main, [str(word) for word in words])
    return done.exit_code, done.output


def test_the_command_line_goes_from_tensors_to_predicted_tensors(tmp_path: Path) -> None:
    dataset("efg", 7).write(tmp_path / "set.extxyz")
    options = ["--isotope", "17O", "--target", "tensor", "--cutoff", 3.5, "--n-max", 3, "--l-max", 2, "--folds", 3,
               "--landmarks", 15, "--kappa", 0.1, "--lambda", 1e-3]
    status, told = cli("train", tmp_path / "set.extxyz", *options, "-o", tmp_path / "o.gnmr")
    assert status == 0 and "C_Q" in told, told
    atoms = packing(90)
    atoms.write(tmp_path / "new.extxyz")
    assert cli("predict", tmp_path / "new.extxyz", "-m", tmp_path / "o.gnmr", "-o", tmp_path / "p.magres")[0] == 0
    found = next(iter(read_frames(tmp_path / "p.magres"))).arrays["efg"][atoms.numbers == 8]
    known = TensorModel.load(tmp_path / "o.gnmr").tensors(next(iter(read_frames(tmp_path / "new.extxyz"))))
    assert np.allclose(found, known, rtol=1e-12)
    status, told = cli("info", tmp_path / "o.gnmr")
    assert status == 0 and "efg of 17O" in told, told
    status, told = cli("validate", tmp_path / "set.extxyz", *options, "-o", tmp_path / "parity.png")
    assert status == 0 and (tmp_path / "parity-C_Q.png").exists(), told


def test_the_recipe_for_many_elements_trains_tensors(tmp_path: Path) -> None:
    dataset("efg", 7).write(tmp_path / "set.extxyz")
    status, told = cli("train", tmp_path / "set.extxyz", "--isotope", "17O", "--target", "tensor", "--recipe",
                       "accurate", "--cutoff", 3.5, "--n-max", 3, "--l-max", 2, "--around-n-max", 2,
                       "--around-l-max", 1, "--around-cutoff", 3, "--folds", 3, "--landmarks", 15, "--kappa", 0.1,
                       "--lambda", 1e-3, "-o", tmp_path / "o.gnmr")
    assert status == 0, told
    model = TensorModel.load(tmp_path / "o.gnmr")
    assert isinstance(model.descriptor, SurroundingsDescriptor) and model.equivariants[0].cutoff == 3.5
    assert model.tensors(packing(90)).shape == (8, 3, 3)


@pytest.mark.parametrize(("extra", "message"), [
    (("--target", "eta"), "--target tensor stands alone"), (("--regressor", "krr"), "tensors are learnt by lssvr"),
    (("--reference", "1", "-1"), "no shift reference")])
def test_options_that_do_not_suit_tensors_are_refused(extra: tuple, message: str, tmp_path: Path) -> None:
    dataset("efg", 5).write(tmp_path / "set.extxyz")
    status, told = cli("train", tmp_path / "set.extxyz", "--isotope", "17O", "--target", "tensor", "--cutoff", 3.5,
                       "--n-max", 2, "--l-max", 2, "--folds", 2, "--landmarks", 5, "--kappa", 0.1, "--lambda", 1e-3,
                       *extra, "-o", tmp_path / "o.gnmr")
    assert status == 2 and message in told and "Traceback" not in told, told
    assert not (tmp_path / "o.gnmr").exists()
