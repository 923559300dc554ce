# SPDX-License-Identifier: BSD-3-Clause
"""The model: one file, bit-exact, streamed; prediction against the kernel sum by hand; damaged files refused."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from glassnmr.descriptors import SphericalBesselSOAP
from glassnmr.learning import LSSVR, KernelRidge
from glassnmr.model import NMRModel, fit_reference, training_rows
from glassnmr.table import Dataset


@pytest.fixture(scope="module")
def frames() -> list[Atoms]:
    rng = np.random.default_rng(0)
    made = []
    for _ in range(4):
        grid = np.stack(np.meshgrid(*[np.arange(3)] * 3), -1).reshape(-1, 3) * 2.5
        positions = grid + rng.uniform(-0.3, 0.3, (27, 3))
        made.append(Atoms(rng.permutation(["Si"] * 9 + ["O"] * 18), positions, cell=[7.5] * 3, pbc=True))
    return made


@pytest.fixture(scope="module")
def dataset(frames: list[Atoms]) -> Dataset:
    structure = np.repeat(np.arange(4), 9)
    centre = np.concatenate([np.flatnonzero(f.numbers == 14) for f in frames])
    rng = np.random.default_rng(1)
    ms = np.eye(3) * rng.normal(400, 10, 36)[:, None, None]
    return Dataset(structures=frames, structure=structure, centre=centre, element=np.array(["Si"] * 36),
                   isotope=np.array(["29Si"] * 36), tensors={"ms": ms}, scalars={}, source=np.array(["made up"] * 36),
                   group=np.array([f"g{k}" for k in structure]))


SOAP = SphericalBesselSOAP(["O", "Si"], cutoff=4.0, n_max=3, l_max=2, radial_scaling=(2.5, 4.0))


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> NMRModel:
    return NMRModel.fit(dataset, SOAP, LSSVR(n_landmarks=20, kappa=1e-3, lam=1e-6), reference=(330.0, -1.0),
                        provenance={"note": "Å and €"})


def by_hand(model: NMRModel, rows: np.ndarray, regressor: LSSVR) -> np.ndarray:
    d2 = ((rows[:, None] - regressor.landmarks_) ** 2).sum(-1)
    return np.exp(-regressor.kappa_ * d2) @ np.reshape(regressor.weights_, (-1, 1))[:, 0] + np.ravel(regressor.bias_)[0]


def test_a_prediction_is_the_kernel_sum_over_the_landmarks(dataset: Dataset, frames: list[Atoms], model: NMRModel
                                                           ) -> None:
    rows = training_rows(dataset, SOAP)
    regressor = LSSVR(n_landmarks=20, kappa=1e-3, lam=1e-6).fit(rows, dataset.target("sigma_iso"))
    for k, prediction in enumerate(model.predict(frames)):
        assert prediction.frame == k and prediction.isotope == "29Si"
        np.testing.assert_array_equal(prediction.atoms, np.flatnonzero(frames[k].numbers == 14))
        wanted = by_hand(model, SOAP.transform(frames[k], "Si"), regressor)
        np.testing.assert_allclose(prediction.values["sigma_iso"], wanted, rtol=1e-9)
        np.testing.assert_allclose(prediction.values["delta_iso"], 330 - wanted, rtol=1e-7)


def test_training_rows_come_in_the_order_of_the_dataset(dataset: Dataset) -> None:
    mixed = dataset.select(mask=np.argsort(np.random.default_rng(2).random(36)) >= 0)
    rows = training_rows(mixed, SOAP)
    for r in (0, 17, 35):
        one = SOAP.transform(mixed.structures[mixed.structure[r]], [int(mixed.centre[r])])
        np.testing.assert_array_equal(rows[r], one[0])


@pytest.mark.parametrize("regressor", [LSSVR(n_landmarks=15, kernel="polynomial", degree=2, lam=1e-4),
                                       LSSVR(n_landmarks=15, kernel="linear", lam=1e-3), KernelRidge(lam=1e-4)])
def test_a_file_gives_back_the_same_bits(tmp_path: Path, dataset: Dataset, frames: list[Atoms],
                                         regressor: LSSVR | KernelRidge) -> None:
    made = NMRModel.fit(dataset, SOAP, regressor)
    made.save(tmp_path / "m.gnmr")
    again = NMRModel.load(tmp_path / "m.gnmr")
    for a, b in zip(made.predict(frames), again.predict(frames), strict=True):
        np.testing.assert_array_equal(a.values["sigma_iso"], b.values["sigma_iso"])
    assert again.descriptor.get_params() == made.descriptor.get_params()
    assert (again.isotope, again.centre, again.targets, again.units, again.reference) == \
        ("29Si", "Si", ("sigma_iso",), ("ppm",), None)
    assert again.provenance == made.provenance and again.kernel == made.kernel
    again.save(tmp_path / "n.gnmr")
    assert (tmp_path / "m.gnmr").read_bytes() == (tmp_path / "n.gnmr").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.gnmr", "n.gnmr"]


def test_every_option_of_the_descriptor_is_kept(tmp_path: Path, dataset: Dataset) -> None:
    soap = SphericalBesselSOAP(["Si", "O", "Na"], 3.5, 4, 3, 0.3, "kocer", body=(3,), weights=(2.0,), normalise=True,
                               angular_filter=0.05, mixing=[[1.0, 0.5, 0.1], [0, 1, 1]])
    NMRModel.fit(dataset, soap, LSSVR(n_landmarks=5)).save(tmp_path / "m.gnmr")
    got, wanted = NMRModel.load(tmp_path / "m.gnmr").descriptor.get_params(), soap.get_params()
    np.testing.assert_array_equal(got.pop("mixing"), wanted.pop("mixing"))
    assert got == wanted


def test_threads_do_not_change_a_bit(frames: list[Atoms], model: NMRModel) -> None:
    large = frames[0] * (3, 3, 3)
    one = model.predict_frame(large, n_threads=1).values["sigma_iso"]
    for n_threads in (2, 3, 8):
        np.testing.assert_array_equal(one, model.predict_frame(large, n_threads=n_threads).values["sigma_iso"])


def test_scalars_that_nature_bounds_stay_in_their_bounds(dataset: Dataset, frames: list[Atoms]) -> None:
    rng = np.random.default_rng(3)
    values = {"eta": rng.uniform(0, 1, 36).round(), "abs_C_Q": rng.uniform(0, 0.1, 36)}
    rows = Dataset(structures=dataset.structures, structure=dataset.structure, centre=dataset.centre,
                   element=dataset.element, isotope=dataset.isotope, tensors={}, scalars=values,
                   source=dataset.source, group=dataset.group)
    made = NMRModel.fit(rows, SOAP, LSSVR(lam=1e-8), targets=("abs_C_Q", "eta"))
    far = [f.copy() for f in frames]
    for f in far:
        f.rattle(0.4, seed=1)
    for prediction in made.predict(far):
        assert 0 <= prediction.values["eta"].min() and prediction.values["eta"].max() <= 1
        assert prediction.values["abs_C_Q"].min() >= 0


def test_a_model_without_reference_gives_no_shifts(dataset: Dataset, frames: list[Atoms]) -> None:
    made = NMRModel.fit(dataset, SOAP, LSSVR(n_landmarks=5))
    assert "delta_iso" not in next(made.predict(frames)).values
    with pytest.raises(ValueError, match="has no shift reference"):
        made.shift([400.0])


def test_progress_counts_frames_and_atoms(frames: list[Atoms], model: NMRModel) -> None:
    seen: list[tuple[int, int]] = []
    list(model.predict(frames, progress=lambda *done: seen.append(done)))
    assert seen == [(1, 27), (2, 54), (3, 81), (4, 108)]


def test_an_element_outside_the_model_is_named_with_its_frame(frames: list[Atoms], model: NMRModel) -> None:
    strange = frames[1].copy()
    strange.symbols[0] = "Al"
    with pytest.raises(ValueError, match="frame 1: the structure holds Al, which is outside the species O, Si"):
        list(model.predict([frames[0], strange]))


def test_a_structure_without_centres_gives_an_empty_prediction(model: NMRModel) -> None:
    assert len(next(model.predict([Atoms("O2", [[0, 0, 0], [0, 0, 2]])])).atoms) == 0


@pytest.mark.parametrize("cut", [0, 4, 8, 11, 40, 500, -1, -5])
def test_a_truncated_file_is_refused(tmp_path: Path, model: NMRModel, cut: int) -> None:
    model.save(tmp_path / "m.gnmr")
    whole = (tmp_path / "m.gnmr").read_bytes()
    (tmp_path / "t.gnmr").write_bytes(whole[:cut])
    with pytest.raises(ValueError, match="damaged|is empty|is not a glassnmr model file"):
        NMRModel.load(tmp_path / "t.gnmr")


def test_a_flipped_bit_and_trailing_bytes_are_refused(tmp_path: Path, model: NMRModel) -> None:
    model.save(tmp_path / "m.gnmr")
    whole = bytearray((tmp_path / "m.gnmr").read_bytes())
    for place in (14, 60, len(whole) // 2, len(whole) - 2):
        broken = bytearray(whole)
        broken[place] ^= 4
        (tmp_path / "b.gnmr").write_bytes(broken)
        with pytest.raises(ValueError, match="checksum|damaged"):
            NMRModel.load(tmp_path / "b.gnmr")
    (tmp_path / "b.gnmr").write_bytes(whole + b"x")
    with pytest.raises(ValueError, match="damaged"):
        NMRModel.load(tmp_path / "b.gnmr")


def test_a_lying_record_with_a_right_checksum_is_refused(tmp_path: Path, model: NMRModel) -> None:
    """Sizes in the file are not believed: a huge shape must not take memory, nor a cutoff of NaN pass."""
    model.save(tmp_path / "m.gnmr")
    whole = (tmp_path / "m.gnmr").read_bytes()
    body = bytearray(whole[:-4])
    at = body.index(b"landmarks") + len("landmarks") + 2
    body[at:at + 8] = (2**60).to_bytes(8, "little")
    cutoff = bytearray(whole[:-4])
    at = cutoff.index(b"cutoff") + len("cutoff") + 2
    cutoff[at:at + 8] = np.array([np.nan]).tobytes()
    for lie in (body, cutoff):
        (tmp_path / "b.gnmr").write_bytes(lie + zlib.crc32(lie).to_bytes(4, "little"))
        with pytest.raises(ValueError, match="damaged model file"):
            NMRModel.load(tmp_path / "b.gnmr")


def test_files_that_are_no_models_are_refused(tmp_path: Path, model: NMRModel) -> None:
    (tmp_path / "text.gnmr").write_text("this is not a model file at all")
    with pytest.raises(ValueError, match="is not a glassnmr model file"):
        NMRModel.load(tmp_path / "text.gnmr")
    model.save(tmp_path / "m.gnmr")
    newer = bytearray((tmp_path / "m.gnmr").read_bytes()[:-4])
    newer[8] = 9
    (tmp_path / "new.gnmr").write_bytes(newer + zlib.crc32(newer).to_bytes(4, "little"))
    with pytest.raises(ValueError, match="has model file version 9, this library reads versions 1 to 3"):
        NMRModel.load(tmp_path / "new.gnmr")
    with pytest.raises(FileNotFoundError, match="no such model file"):
        NMRModel.load(tmp_path / "absent.gnmr")
    with pytest.raises(ValueError, match="is a folder"):
        NMRModel.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        model.save(tmp_path / "nowhere" / "m.gnmr")


def test_training_refuses_what_it_cannot_learn(dataset: Dataset) -> None:
    with pytest.raises(ValueError, match="targets must be different names"):
        NMRModel.fit(dataset, SOAP, targets=("colour",))
    with pytest.raises(ValueError, match="no rows to train on"):
        NMRModel.fit(dataset.select(mask=np.zeros(36, bool)), SOAP)
    with pytest.raises(ValueError, match="reference must be two finite numbers"):
        NMRModel.fit(dataset, SOAP, LSSVR(n_landmarks=3), reference=(1.0, 0.0))
    mixed = Dataset(structures=dataset.structures, structure=dataset.structure, centre=dataset.centre,
                    element=dataset.element, isotope=np.array(["29Si", "17O"] * 18), tensors=dataset.tensors,
                    scalars={}, source=dataset.source, group=dataset.group)
    with pytest.raises(ValueError, match="a model is of one isotope, the dataset holds 17O, 29Si"):
        NMRModel.fit(mixed, SOAP)


def test_a_reference_is_the_least_squares_line() -> None:
    rng = np.random.default_rng(4)
    sigma = rng.uniform(400, 480, 12)
    delta = 333.0 - 0.97 * sigma + rng.normal(0, 0.5, 12)
    a, b, rms = fit_reference(sigma, delta)
    np.testing.assert_allclose([b, a], np.polyfit(sigma, delta, 1), rtol=1e-8)
    np.testing.assert_allclose(rms, np.sqrt(np.mean((np.polyval([b, a], sigma) - delta) ** 2)))
    assert fit_reference([450.0], [-107.4], slope=-1.0) == pytest.approx((342.6, -1.0, 0.0))
    for bad in (([1.0], [1.0]), ([1.0, 1.0], [2.0, 3.0]), ([1.0, np.nan], [1.0, 2.0]), ([1.0, 2.0], [1.0])):
        with pytest.raises(ValueError, match="sigma_iso|reference"):
            fit_reference(*bad)
