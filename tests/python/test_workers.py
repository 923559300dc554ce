# SPDX-License-Identifier: BSD-3-Clause
"""Frames on threads and on Dask: in order, whole, with the bits of one thread, whatever dies on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import ase
import numpy as np
import pytest
from ase.io import write
from click.testing import CliRunner

from glassnmr.cli import main
from glassnmr.data import reference
from glassnmr.demo import glass
from glassnmr.descriptors import EquivariantSOAP, SphericalBesselSOAP
from glassnmr.io import frames_done, read_predictions
from glassnmr.learning import LSSVR
from glassnmr.model import NMRModel
from glassnmr.tensor_learning import EquivariantLSSVR
from glassnmr.tensor_model import TensorModel
from glassnmr.tensor_training import fit_tensor_model
from glassnmr.workers import PredictedFrame, available_threads, predict_frames

SPECIES = ["O", "Si", "Na"]
Models = list[NMRModel | TensorModel]


@pytest.fixture(scope="module")
def models() -> Models:
    """A scalar model with intervals' deviations of silicon, and tensors of silicon."""
    data = reference.load("shielding", "29Si")
    soap = SphericalBesselSOAP(SPECIES, cutoff=3.3, n_max=4, l_max=2)
    scalar = NMRModel.fit(data, soap, LSSVR(n_landmarks=30, lam=1e-3), reference=(300.0, -1.0))
    fields = reference.load("efg-17O", "17O")
    rows = np.arange(0, len(fields), 8)
    some = fields.select(mask=np.isin(np.arange(len(fields)), rows))
    parts = [EquivariantSOAP(SPECIES, cutoff=3.3, n_max=3, l_max=2, lam=2)]
    return [scalar, fit_tensor_model(some, soap, parts, {2: EquivariantLSSVR(n_landmarks=20, lam=1e-3)})]


@pytest.fixture(scope="module")
def frames() -> list[ase.Atoms]:
    """Pieces of a glass, each with atoms of its own."""
    whole = glass()
    whole.wrap()
    pieces = []
    for k in range(10):
        piece = whole[np.argsort(whole.positions[:, 0], kind="stable")[60 * k:60 * k + 150]]
        piece.pbc = False
        pieces.append(piece)
    return pieces


def alike(a: list[PredictedFrame], b: list[PredictedFrame]) -> None:
    """All is the same, to the bit."""
    assert [frame.number for frame in a] == [frame.number for frame in b]
    for one, two in zip(a, b, strict=True):
        assert one.atoms.positions.tobytes() == two.atoms.positions.tobytes()
        assert set(one.atoms.arrays) == set(two.atoms.arrays)
        for p, q in zip(one.predictions, two.predictions, strict=True):
            assert p.isotope == q.isotope and p.frame == q.frame and list(p.values) == list(q.values)
            assert p.atoms.tobytes() == q.atoms.tobytes()
            assert all(p.values[name].tobytes() == q.values[name].tobytes() for name in p.values)


def until_error(stream: Iterator[PredictedFrame], seen: list[int]) -> None:
    """Take frame after frame, and note their numbers."""
    for frame in stream:
        seen.append(frame.number)


def copies(frames: list[ase.Atoms]) -> Iterator[ase.Atoms]:
    return (atoms.copy() for atoms in frames)


@pytest.mark.parametrize(("jobs", "n_threads"), [(0, 0), (2, 1), (3, 2), (16, 1)])
def test_jobs_do_not_change_a_bit(models: Models, frames: list[ase.Atoms], jobs: int, n_threads: int) -> None:
    alone = list(predict_frames(copies(frames), models, labels=["site"], n_threads=1))
    assert len(alone) == len(frames) and "site" in alone[0].atoms.arrays and len(alone[0].predictions) == 2
    for k, frame in enumerate(alone):
        expected = models[0].predict_frame(frames[k], frame=k).values["sigma_iso"]
        np.testing.assert_array_equal(frame.predictions[0].values["sigma_iso"], expected)
    alike(alone, list(predict_frames(copies(frames), models, labels=["site"], jobs=jobs, n_threads=n_threads)))


def test_no_more_frames_are_held_than_the_jobs_need(models: Models, frames: list[ase.Atoms]) -> None:
    read = done = most = 0

    def counted() -> Iterator[ase.Atoms]:
        nonlocal read, most
        for atoms in frames * 5:
            read += 1
            most = max(most, read - done)
            yield atoms.copy()

    for frame in predict_frames(counted(), models[:1], jobs=3):
        assert frame.number == done
        done += 1
    assert done == 50 and most <= 7


@pytest.mark.parametrize("jobs", [1, 3])
def test_frames_before_a_wrong_one_come_out_and_then_its_error(models: Models, frames: list[ase.Atoms],
                                                               jobs: int) -> None:
    given = list(copies(frames))
    given[6].symbols[0] = "Xe"
    seen: list[int] = []
    with pytest.raises(ValueError, match="frame 16: the structure holds Xe"):
        until_error(predict_frames(given, models, first=10, jobs=jobs), seen)
    assert seen == list(range(10, 16))

    def broken() -> Iterator[ase.Atoms]:
        yield from given[:4]
        raise ValueError("line 12 is cut off")

    seen.clear()
    with pytest.raises(ValueError, match="line 12 is cut off"):
        until_error(predict_frames(broken(), models, jobs=jobs), seen)
    assert seen == [0, 1, 2, 3]


def test_threads_end_with_a_stream_that_is_left_early(models: Models, frames: list[ase.Atoms]) -> None:
    stream = predict_frames(copies(frames), models, jobs=3)
    assert next(stream).number == 0
    stream.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("glassnmr")]


def test_progress_counts_the_frames_of_earlier_runs(models: Models, frames: list[ase.Atoms]) -> None:
    told: list[int] = []
    list(predict_frames(copies(frames[:4]), models[:1], first=5, jobs=2, progress=told.append))
    assert told == [6, 7, 8, 9]


@pytest.mark.parametrize(("name", "value"), [("jobs", -1), ("jobs", 1.5), ("n_threads", -2), ("first", -1)])
def test_wrong_counts_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 0, got {value}"):
        next(predict_frames([], [], **{name: value}))  # type: ignore[arg-type]


def test_available_threads_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7,2")
    assert available_threads() == 7
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert 1 <= available_threads() <= (os.cpu_count() or 1)


def test_without_dask_a_hint(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "glassnmr.dask_workers", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'glassnmr\[dask\]'"):
        next(predict_frames([], models, dask="local"))


# ---- Dask: quiet as its threads and sockets close when they like

quiet = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::UserWarning",
                                   "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a scheduler with two worker processes, started as on a cluster."""
    pytest.importorskip("distributed")
    start = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-show",
             "--no-dashboard"]
    running = [subprocess.Popen(start, stderr=subprocess.PIPE, text=True)]
    try:
        assert running[0].stderr is not None
        address = next(line.split()[-1] for line in running[0].stderr if "Scheduler at:" in line)
        threading.Thread(target=running[0].stderr.read, daemon=True).start()
        for _ in range(2):
            worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard",
                      "--memory-limit", "0"]
            running.append(subprocess.Popen(worker, stderr=subprocess.DEVNULL))
        yield address
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait()


@quiet
def test_a_remote_scheduler_gives_the_same_bits(models: Models, frames: list[ase.Atoms], scheduler: str) -> None:
    alone = list(predict_frames(copies(frames), models, labels=["site"]))
    alike(alone, list(predict_frames(copies(frames), models, labels=["site"], dask=scheduler)))
    given = list(copies(frames))
    given[3].symbols[0] = "Xe"
    seen: list[int] = []
    with pytest.raises(ValueError, match="frame 3: the structure holds Xe"):
        until_error(predict_frames(given, models, dask=scheduler), seen)
    assert seen == [0, 1, 2]


@quiet
def test_the_command_writes_the_same_file_on_dask_and_threads(models: Models, frames: list[ase.Atoms], scheduler: str,
                                                              tmp_path: Path) -> None:
    models[0].save(tmp_path / "si.gnmr")
    write(tmp_path / "md.extxyz", frames)
    words = ["predict", str(tmp_path / "md.extxyz"), "-m", str(tmp_path / "si.gnmr"), "--label", "qn", "-o"]
    for name, more in [("a.csv", []), ("b.csv", ["--jobs", "3"]), ("c.csv", ["--dask", scheduler])]:
        result = CliRunner().invoke(main, [*words, str(tmp_path / name), *more])
        assert result.exit_code == 0, result.output
    whole = (tmp_path / "a.csv").read_bytes()
    assert whole.count(b"\n") > 100
    assert (tmp_path / "b.csv").read_bytes() == whole == (tmp_path / "c.csv").read_bytes()


@quiet
@pytest.mark.parametrize("where", ["nowhere", "tcp://127.0.0.1:1", "missing.json"])
def test_wrong_addresses_are_one_sentence(models: Models, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("glassnmr.dask_workers._ANSWER", 1)
    with pytest.raises((ValueError, FileNotFoundError), match="scheduler") as told:
        next(predict_frames([], models, dask=where))
    assert where in str(told.value) and "\n" not in str(told.value)


@quiet
def test_workers_with_another_version_are_refused(models: Models, scheduler: str,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnmr.__version__", "99.0.0")
    with pytest.raises(ValueError, match="here is 99.0.0: install the same version"):
        next(predict_frames([], models, dask=scheduler))


@quiet
def test_workers_that_are_killed_lose_nothing(models: Models, frames: list[ase.Atoms]) -> None:
    distributed = pytest.importorskip("distributed")
    alone = list(predict_frames(copies(frames * 4), models))
    with (distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50,
                                   memory_limit=0) as cluster,
          distributed.Client(cluster) as client):
        found, killed = [], []
        for frame in predict_frames(copies(frames * 4), models, dask=client):
            found.append(frame)
            if frame.number in (3, 17):
                worker = next(iter(client.run(os.getpid).values()))
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)
        assert len(killed) == 2
        alike(alone, found)


@quiet
def test_a_killed_run_on_local_workers_is_taken_up_again(models: Models, frames: list[ase.Atoms],
                                                         tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    pytest.importorskip("h5py")
    models[0].save(tmp_path / "si.gnmr")
    write(tmp_path / "md.extxyz", frames * 6)
    words = ["predict", str(tmp_path / "md.extxyz"), "-m", str(tmp_path / "si.gnmr"), "-o"]
    dask = ["--dask", "local", "--jobs", "2"]
    code = "from glassnmr.cli import main\nif __name__ == '__main__': main()"
    running = subprocess.Popen([sys.executable, "-c", code, *words, str(tmp_path / "a.h5"), *dask],
                               stderr=subprocess.DEVNULL)
    while running.poll() is None:
        try:
            if frames_done(tmp_path / "a.h5") >= 5:
                running.send_signal(signal.SIGKILL)
                break
        except (OSError, ValueError):
            continue
    running.wait()
    assert 5 <= frames_done(tmp_path / "a.h5")
    for name, more in [("a.h5", ["--resume", "--jobs", "2"]), ("b.h5", [])]:
        result = CliRunner().invoke(main, [*words, str(tmp_path / name), *more])
        assert result.exit_code == 0, result.output
    a, b = read_predictions(tmp_path / "a.h5"), read_predictions(tmp_path / "b.h5")
    assert list(a) == list(b) and a["frame"][-1] == 59
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])
