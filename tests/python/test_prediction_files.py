# SPDX-License-Identifier: BSD-3-Clause
"""Predictions as HDF5 that grows and is taken up again, Parquet, chemiscope JSON and magres."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import ase
import numpy as np
import pytest
from ase.io import write
from click.testing import CliRunner

from glassnmr import LSSVR, NMRModel, SphericalBesselSOAP
from glassnmr.cli import main
from glassnmr.data import reference
from glassnmr.io import (
    Prediction,
    frames_done,
    merge_predictions,
    prediction_files,
    read_frames,
    read_predictions,
    write_predictions,
)


def _frames(count: int = 4) -> list[ase.Atoms]:
    random = np.random.default_rng(5)
    frames = []
    for _ in range(count):
        atoms = ase.Atoms("Si2O3", random.uniform(0, 9, (5, 3)), cell=[9, 9.5, 10], pbc=True)
        atoms.set_array("role", np.array(["Q4", "Q3", "BO", "BO", "NBO"]))
        atoms.set_array("count", np.arange(5))
        frames.append(atoms)
    return frames


def _predicted(count: int = 4, start: int = 0) -> Iterator[Prediction]:
    def silicon() -> Iterator[Prediction]:
        for frame in range(start, count):
            yield Prediction(frame, np.array([0, 1]), {"sigma_iso": np.array([430.1, 441.2]) + frame}, "29Si")

    def oxygen() -> Iterator[Prediction]:
        for frame in range(start, count):
            values = {"abs_C_Q": np.array([2.5, 4.5]), "eta": np.array([0.1, 0.4])}
            yield Prediction(frame, np.array([4, 2]), values, "17O")

    return merge_predictions(silicon(), oxygen())


@pytest.mark.parametrize("name", ["a.h5", "a.parquet"])
def test_predictions_come_back_as_from_csv(tmp_path: Path, name: str) -> None:
    pytest.importorskip("h5py" if name == "a.h5" else "pyarrow")
    rows = write_predictions(tmp_path / name, _frames(), _predicted(), labels=["role", "count"])
    write_predictions(tmp_path / "a.csv", _frames(), _predicted(), labels=["role", "count"])
    ours, csv = read_predictions(tmp_path / name), read_predictions(tmp_path / "a.csv")
    assert rows == 16 and list(ours) == list(csv)
    for key, column in csv.items():
        if column.dtype.kind == "f":
            np.testing.assert_allclose(ours[key], column, rtol=1e-9)
        else:
            np.testing.assert_array_equal(ours[key], column)


def test_parquet_has_nulls_where_an_atom_has_no_target(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write_predictions(tmp_path / "a.parquet", _frames(), _predicted())
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table["sigma_iso"].null_count == 8 and table["eta"].null_count == 8 and table["x"].null_count == 0
    assert table.schema.metadata[b"targets"] == b"sigma_iso abs_C_Q eta"


def test_chemiscope_reads_what_we_write(tmp_path: Path) -> None:
    write_predictions(tmp_path / "a.json", _frames(), _predicted(), labels=["role"])
    told = json.loads((tmp_path / "a.json").read_text())
    assert [s["size"] for s in told["structures"]] == [5] * 4 and len(told["environments"]) == 16
    assert all(len(p["values"]) == 16 and p["target"] == "atom" for p in told["properties"].values())
    places = [(e["structure"], e["center"]) for e in told["environments"]]
    sigma = dict(zip(places, told["properties"]["sigma_iso"]["values"], strict=True))
    assert sigma[2, 0] == pytest.approx(432.1) and sigma[2, 4] is None
    assert told["properties"]["role"]["values"][:4] == ["Q4", "Q3", "BO", "NBO"]


def test_magres_files_hold_the_isotropic_shieldings_of_each_frame(tmp_path: Path) -> None:
    silicon = [p for p in _predicted() if p.isotope == "29Si"]
    assert write_predictions(tmp_path / "a.magres", _frames(), silicon) == 8
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"a-{k:06d}.magres" for k in range(4)]
    (atoms,) = read_frames(tmp_path / "a-000002.magres")
    np.testing.assert_array_equal(atoms.arrays["ms"][1], 443.2 * np.eye(3))
    assert np.isnan(atoms.arrays["ms"][2:]).all()
    np.testing.assert_array_equal(atoms.positions, _frames()[2].positions)
    write_predictions(tmp_path / "one.magres", _frames()[:1], silicon[:1])
    assert (tmp_path / "one.magres").exists()
    with pytest.raises(ValueError, match="magres holds shieldings: the models give abs_C_Q, eta"):
        write_predictions(tmp_path / "b.magres", _frames(), [p for p in _predicted() if p.isotope == "17O"])


# ---- growing, killed, resumed

WRITER = """
import os, sys
import numpy as np, ase
from glassnmr.io import Prediction, write_predictions
def frames():
    for n in range(1000):
        yield ase.Atoms("Si2", [[0, 0, n], [0, 0, n + 1.5]])
def predictions():
    for n in range(1000):
        if n == {last}:
            {end}
        yield Prediction(n, np.array([0, 1]), {{"sigma_iso": np.array([n, n + 0.5])}}, "29Si")
write_predictions(sys.argv[1], frames(), predictions())
"""


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "os._exit(3)", "raise MemoryError"])
def test_a_killed_run_leaves_whole_frames_and_goes_on(tmp_path: Path, end: str) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    code = textwrap.dedent(WRITER).format(last=237, end=end)
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=False)
    assert done.returncode != 0
    # the last frame is written when the next one is there
    first = frames_done(path)
    assert first == 236
    table = read_predictions(path)
    np.testing.assert_array_equal(table["sigma_iso"], np.repeat(np.arange(first), 2) + np.tile([0, 0.5], first))
    frames = [ase.Atoms("Si2", [[0, 0, n], [0, 0, n + 1.5]]) for n in range(first, 300)]
    rest = (Prediction(n, np.array([0, 1]), {"sigma_iso": np.array([n, n + 0.5])}, "29Si") for n in range(first, 300))
    assert write_predictions(path, frames, rest, resume=True) == 2 * (300 - first)
    table = read_predictions(path)
    np.testing.assert_array_equal(table["sigma_iso"], np.repeat(np.arange(300), 2) + np.tile([0, 0.5], 300))
    np.testing.assert_array_equal(table["z"], np.repeat(np.arange(300), 2) + np.tile([0, 1.5], 300))
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_a_frame_that_is_half_there_is_not_read(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    write_predictions(path, _frames(), _predicted())
    with h5py.File(path, "r+") as file:  # as if killed after the rows of a frame, before its entry
        for column in file["rows"].values():
            column.resize((20,))
    assert len(read_predictions(path)["atom"]) == 16 and frames_done(path) == 4
    with h5py.File(path, "r+") as file:  # and between the two entries
        file["frames/end"].resize((5,))
        file["frames/end"][4] = 20
    assert len(read_predictions(path)["atom"]) == 16 and frames_done(path) == 4


def test_a_file_can_be_read_while_it_grows(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    seen = []

    def frames() -> Iterator[ase.Atoms]:
        for number, atoms in enumerate(_frames(6)):
            if number > 1:
                code = f"from glassnmr.io import frames_done; print(frames_done({str(path)!r}))"
                seen.append(int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout))
            yield atoms

    write_predictions(path, frames(), _predicted(6))
    assert seen == [1, 2, 3, 4] or seen == [2, 3, 4, 5]


def test_a_reader_that_looks_in_for_a_moment_does_not_stop_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    write_predictions(path, _frames(), _predicted())
    code = f"import h5py, time; f = h5py.File({str(path)!r}, 'r'); print('open', flush=True); time.sleep({{}})"
    for seconds in (0.5, 60):
        with subprocess.Popen([sys.executable, "-c", code.format(seconds)], stdout=subprocess.PIPE) as other:
            assert other.stdout is not None and other.stdout.readline() == b"open\n"
            if seconds < 1:
                prediction_files._for_writing(h5py, path).close()
            else:
                monkeypatch.setattr(prediction_files, "_PATIENCE", 0.1)
                with pytest.raises(OSError, match="another program keeps it open"):
                    prediction_files._for_writing(h5py, path)
                other.kill()


def test_only_what_fits_is_taken_up_again(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    write_predictions(path, _frames(2), _predicted(2))
    before = path.read_bytes()
    silicon = (p for p in _predicted(4, 2) if p.isotope == "29Si")
    with pytest.raises(ValueError, match="holds other columns than this run"):
        write_predictions(path, _frames(2), silicon, resume=True)
    with pytest.raises(ValueError, match="only .h5 files"):
        write_predictions(tmp_path / "a.csv", _frames(), _predicted(), resume=True)
    long = _frames(1)
    long[0].set_array("text", np.array(["x" * 30] * 5))
    with pytest.raises(ValueError, match="longer than 24 bytes"):
        write_predictions(tmp_path / "b.h5", long, _predicted(1), labels=["text"])
    assert path.read_bytes() == before
    (tmp_path / "c.h5").write_bytes(before[:700])
    with pytest.raises(ValueError, match="c.h5"):
        read_predictions(tmp_path / "c.h5")


def test_the_command_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    data = reference.load("shielding", "29Si")
    soap = SphericalBesselSOAP(["O", "Si", "Na"], 3.3, n_max=4, l_max=2)
    NMRModel.fit(data, soap, LSSVR(n_landmarks=30, lam=1e-3)).save(tmp_path / "si.gnmr")
    frames = []
    for number in range(12):
        atoms = data.structures[number].copy()
        atoms.info, atoms.arrays = {}, {key: atoms.arrays[key] for key in ("numbers", "positions")}
        frames.append(atoms)
    write(tmp_path / "md.extxyz", frames)
    words = ["predict", tmp_path / "md.extxyz", "-m", tmp_path / "si.gnmr", "--label", "site", "-o"]
    command = [sys.executable, "-c", "from glassnmr.cli import main; main()", *map(str, words), str(tmp_path / "a.h5")]
    running = subprocess.Popen(command)
    while running.poll() is None:
        try:
            if frames_done(tmp_path / "a.h5") >= 3:
                os.kill(running.pid, signal.SIGKILL)
                break
        except ValueError:
            continue
    running.wait()
    done = frames_done(tmp_path / "a.h5")
    assert done >= 3
    result = CliRunner().invoke(main, [str(word) for word in (*words, tmp_path / "a.h5", "--resume")])
    assert result.exit_code == 0, result.output
    assert CliRunner().invoke(main, [str(word) for word in (*words, tmp_path / "b.csv")]).exit_code == 0
    ours, other = read_predictions(tmp_path / "a.h5"), read_predictions(tmp_path / "b.csv")
    np.testing.assert_allclose(ours["sigma_iso"], other["sigma_iso"], rtol=1e-9)
    for key in ("frame", "atom", "site"):
        np.testing.assert_array_equal(ours[key], other[key])
    again = CliRunner().invoke(main, [str(word) for word in (*words, tmp_path / "a.h5", "--resume")])
    assert again.exit_code == 0 and len(read_predictions(tmp_path / "a.h5")["atom"]) == len(ours["atom"])
    wrong = CliRunner().invoke(main, [str(word) for word in (*words, tmp_path / "a.csv", "--resume")])
    assert wrong.exit_code == 2 and "takes up .h5 files only" in wrong.stderr
