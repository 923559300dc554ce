# SPDX-License-Identifier: BSD-3-Clause
"""Files of predictions: the same numbers from CSV and extended xyz, streamed, joined, checked."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest

from glassnmr.io import Prediction, merge_predictions, read_predictions, write_predictions

NAMES = ["a.csv", "a.csv.gz", "a.extxyz", "a.extxyz.gz"]


def _frames(count: int = 3) -> list[ase.Atoms]:
    random = np.random.default_rng(3)
    frames = []
    for _ in range(count):
        atoms = ase.Atoms("Si2O3", positions=random.uniform(0, 9, (5, 3)), cell=[9, 9, 9], pbc=True)
        atoms.set_array("Qn", np.array([4, 3, -1, -1, -1]))
        atoms.set_array("role", np.array(["former", "former", "BO", "BO", "NBO"]))
        frames.append(atoms)
    return frames


def _silicon(count: int = 3) -> Iterator[Prediction]:
    for frame in range(count):
        values = np.array([430.123456789, 440.5]) + frame
        yield Prediction(frame, np.array([0, 1]), {"sigma_iso": values, "delta_iso": 335 - values}, "29Si")


def _oxygen(count: int = 3) -> Iterator[Prediction]:
    for frame in range(count):
        for block in ([4, 3], [2]):
            values = np.array(block) + 0.5 * frame
            yield Prediction(frame, np.array(block), {"abs_C_Q": values, "eta": values / 10}, "17O")


@pytest.mark.parametrize("name", NAMES)
def test_predictions_come_back_by_frame_and_atom(tmp_path: Path, name: str) -> None:
    frames = _frames()
    rows = write_predictions(tmp_path / name, frames, merge_predictions(_silicon(), _oxygen()), labels=["Qn", "role"])
    assert rows == 15
    back = read_predictions(tmp_path / name)
    assert list(back)[:7] == ["frame", "atom", "element", "isotope", "x", "y", "z"]
    assert back["frame"].tolist() == sorted([0, 1, 2] * 5)
    assert back["atom"].tolist() == [0, 1, 2, 3, 4] * 3
    assert back["element"].tolist() == ["Si", "Si", "O", "O", "O"] * 3
    assert back["isotope"].tolist() == ["29Si", "29Si", "17O", "17O", "17O"] * 3
    places = np.concatenate([atoms.positions for atoms in frames])
    np.testing.assert_allclose(np.stack([back[axis] for axis in "xyz"], axis=1), places, rtol=1e-9)
    silicon = back["element"] == "Si"
    np.testing.assert_allclose(back["sigma_iso"][silicon][2:4], [431.123456789, 441.5], rtol=1e-9)
    np.testing.assert_allclose(back["delta_iso"][silicon], 335 - back["sigma_iso"][silicon], rtol=1e-9)
    np.testing.assert_allclose(back["abs_C_Q"][~silicon][3:6], [2.5, 3.5, 4.5])
    assert np.isnan(back["sigma_iso"][~silicon]).all()
    assert np.isnan(back["eta"][silicon]).all()
    assert back["Qn"].tolist() == [4, 3, -1, -1, -1] * 3
    assert back["Qn"].dtype.kind == "i"
    assert back["role"].tolist()[:5] == ["former", "former", "BO", "BO", "NBO"]


def test_both_formats_hold_the_same(tmp_path: Path) -> None:
    for name in ("a.csv", "a.extxyz"):
        write_predictions(tmp_path / name, _frames(), merge_predictions(_silicon(), _oxygen()))
    one, other = read_predictions(tmp_path / "a.csv"), read_predictions(tmp_path / "a.extxyz")
    assert set(other) == {*one, "Qn", "role"} - {"Qn", "role"}
    for key, column in one.items():
        if column.dtype.kind == "f":
            np.testing.assert_allclose(column, other[key], rtol=1e-9)
        else:
            np.testing.assert_array_equal(column, other[key])


def test_the_first_line_of_a_csv_names_the_columns(tmp_path: Path) -> None:
    write_predictions(tmp_path / "a.csv", _frames(1), _silicon(1))
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == "frame,atom,element,isotope,x,y,z,sigma_iso,delta_iso"
    assert lines[1].startswith("0,0,Si,29Si,")
    assert len(lines) == 3


def test_ase_reads_the_predicted_arrays(tmp_path: Path) -> None:
    write_predictions(tmp_path / "a.extxyz", _frames(), _silicon())
    frames = ase.io.read(tmp_path / "a.extxyz", ":")
    assert len(frames) == 3
    np.testing.assert_allclose(frames[2].arrays["sigma_iso"][:2], [432.123456789, 442.5])
    assert np.isnan(frames[2].arrays["sigma_iso"][2:]).all()


@pytest.mark.parametrize("name", ["a.csv", "a.extxyz"])
def test_frames_and_predictions_are_streamed_side_by_side(tmp_path: Path, name: str) -> None:
    given, predicted = [], []

    def frames() -> Iterator[ase.Atoms]:
        for number, atoms in enumerate(_frames(50)):
            given.append(number)
            assert len(given) - len(predicted) <= 1
            yield atoms

    def predictions() -> Iterator[Prediction]:
        for prediction in _silicon(50):
            predicted.append(prediction.frame)
            assert len(predicted) - len(given) <= 2
            yield prediction

    assert write_predictions(tmp_path / name, frames(), predictions()) == 100


def test_frames_without_predictions_are_kept_in_xyz_and_left_out_of_csv(tmp_path: Path) -> None:
    sparse = [p for p in _silicon(5) if p.frame in (2, 3)]
    for name in ("a.csv", "a.extxyz"):
        assert write_predictions(tmp_path / name, _frames(6), sparse) == 4
        assert read_predictions(tmp_path / name)["frame"].tolist() == [2, 2, 3, 3]
    frames = ase.io.read(tmp_path / "a.extxyz", ":")
    assert [int(atoms.info["frame"]) for atoms in frames] == [0, 1, 2, 3, 4, 5]
    assert np.isnan(frames[0].arrays["sigma_iso"]).all()


def test_a_frame_without_atoms_of_the_model_is_allowed(tmp_path: Path) -> None:
    empty = Prediction(0, np.zeros(0, int), {"sigma_iso": np.zeros(0), "delta_iso": np.zeros(0)}, "29Si")
    predictions = [empty, *list(_silicon())[1:]]
    assert write_predictions(tmp_path / "a.csv", _frames(), predictions) == 4


def _one(frame: int = 0, atoms=(0, 1), isotope: str = "29Si", **values) -> Prediction:
    return Prediction(frame, np.array(atoms), values or {"sigma_iso": np.ones(len(atoms))}, isotope)


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        ([_one(0), _one(7)], "prediction for frame 7, but only 3 frame"),
        ([_one(1), _one(0)], "rising frame, got 0 after 1"),
        ([_one(atoms=(0, 5))], "names atom 5, the frame has 5 atoms"),
        ([_one(atoms=(-1, 2))], "names atom"),
        ([_one(atoms=(2, 2))], "names an atom twice"),
        ([_one(), _one()], "sigma_iso of atom 0 is predicted twice"),
        ([_one(), _one(isotope="17O", eta=np.ones(2))], "atom 0 is predicted as 29Si and 17O"),
        ([_one(sigma_iso=np.array([1, np.nan]))], "sigma_iso of atom 1 is not finite"),
        ([_one(sigma_iso=np.array([np.inf, 1]))], "sigma_iso of atom 0 is not finite"),
        ([_one(), _one(1, eta=np.ones(2))], "frame 1 brings the target eta, the first frame has sigma_iso"),
        ([_one(x=np.ones(2))], "would not be unique"),
        ([], "no predictions to write"),
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a.extxyz"])
def test_wrong_predictions_leave_no_file(
    tmp_path: Path, name: str, predictions: list[Prediction], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_predictions(tmp_path / name, _frames(), predictions)
    assert list(tmp_path.iterdir()) == []


def test_wrong_labels_and_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no per-atom label 'colour', it has .*Qn"):
        write_predictions(tmp_path / "a.csv", _frames(), _silicon(), labels=["colour"])
    with pytest.raises(ValueError, match="would not be unique"):
        write_predictions(tmp_path / "a.csv", _frames(), _silicon(), labels=["Qn", "Qn"])
    for name in ("a.txt", "a"):
        with pytest.raises(ValueError, match="written as .csv, .extxyz, .h5"):
            write_predictions(tmp_path / name, _frames(), _silicon())
        with pytest.raises(ValueError, match="read from .csv, .extxyz, .h5 or .parquet"):
            read_predictions(tmp_path / name)
    with pytest.raises(ValueError, match="sigma_iso must have one value per atom, 2, got shape"):
        _one(sigma_iso=np.ones(3))


HEAD = "frame,atom,element,isotope,x,y,z,sigma_iso\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("ppm,intensity\n1,2\n", "not a file of predictions: its first line must name frame, atom, element"),
        (HEAD, "holds no predictions"),
        (HEAD + "0,0,Si,29Si,0,0,0,430\n0,1,Si\n", "line 3: expected 8 columns, got 3"),
        (HEAD + "0,0,Si,29Si,0,0,0,many\n", "column sigma_iso holds something else than finite numbers"),
        (HEAD + "0,0,Si,29Si,0,0,0,inf\n", "column sigma_iso holds something else"),
        (HEAD + "0,0,Si,29Si,nan,0,0,1\n", "column x holds something else"),
        (HEAD + "0.5,0,Si,29Si,0,0,0,1\n", "column frame holds something else"),
        (HEAD.replace("z", "x") + "0,0,Si,29Si,0,0,0,1\n", "names a column twice"),
    ],
)
def test_a_malformed_csv_is_refused_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_predictions(tmp_path / "a.csv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n\nSi 0 0 0\n", "frame 0: there is no predicted arrays|no predicted arrays"),
        ("1\nProperties=species:S:1:pos:R:3 predicted=eta\nSi 0 0 0\n", "there is no array eta"),
        ("1\nProperties=species:S:1:pos:R:3:eta:R:1\nSi 0 0 0 nan\n", "holds no predictions"),
        ("2\nProperties=species:S:1:pos:R:3:eta:R:1\nSi 0 0 0 0.5\n", "2 atoms are promised"),
    ],
)
def test_a_malformed_xyz_of_predictions_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.extxyz").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_predictions(tmp_path / "a.extxyz")


def test_damaged_and_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_predictions(tmp_path / "a.csv")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(HEAD.encode() * 500)[:-20])
    with pytest.raises(ValueError, match="cut off"):
        read_predictions(tmp_path / "a.csv.gz")


def test_many_rows_are_read_in_blocks(tmp_path: Path) -> None:
    count = 70000
    lines = "".join(f"0,{i},Si,29Si,0,0,0,{i}\n" for i in range(count))
    (tmp_path / "a.csv").write_text(HEAD + lines)
    np.testing.assert_array_equal(read_predictions(tmp_path / "a.csv")["sigma_iso"], np.arange(count))
