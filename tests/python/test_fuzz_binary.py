# SPDX-License-Identifier: BSD-3-Clause
"""Mutated binary files, each kind read in a process of its own: libraries in C may not take a program with them.

What may come is a table, frames or one sentence; not a crash, a hang, nor memory without bounds. `fuzzing` tells how to
make a long run and to keep a record.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest

from fuzzing import COUNT, ROOM, SECONDS, SEED, check_refusal, mutate, mutate_bytes, read, record, skip_unless_asked
from glassnmr.io import Prediction, read_predictions, write_predictions

TRAJECTORIES = ("xtc", "dcd", "netcdf-3", "netcdf-4")
NAMES = [*TRAJECTORIES, "traj", "vasprun", "hdf5-table", "hdf5-predictions", "parquet"]
FILES = {"xtc": "a.xtc", "dcd": "a.dcd", "netcdf-3": "a.nc", "netcdf-4": "a.nc", "traj": "a.traj",
         "vasprun": "vasprun.xml", "hdf5-table": "a.h5", "hdf5-predictions": "a.h5",
         "parquet": "a.parquet"}  # fmt: skip
TOPOLOGY = "topology.extxyz"

VASPRUN = """<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <generator><i name="program" type="string">vasp </i><i name="version" type="string">6.4.2  </i></generator>
 <kpoints><varray name="kpointlist"><v>0.0 0.0 0.0</v></varray><varray name="weights"><v>1.0</v></varray></kpoints>
 <parameters><separator name="electronic"><i name="ENMAX">400.0</i></separator></parameters>
 <atominfo><atoms>3</atoms><types>2</types>
  <array name="atoms"><dimension dim="1">ion</dimension><field type="string">element</field>
   <field type="int">atomtype</field>
   <set><rc><c>Si</c><c>1</c></rc><rc><c>O</c><c>2</c></rc><rc><c>O</c><c>2</c></rc></set></array>
 </atominfo>
 <structure name="initialpos"><crystal>
   <varray name="basis"><v>5.0 0.0 0.0</v><v>0.0 5.0 0.0</v><v>0.0 0.0 5.0</v></varray></crystal>
  <varray name="positions"><v>0.1 0.2 0.3</v><v>0.4 0.5 0.6</v><v>0.7 0.8 0.9</v></varray></structure>
 <calculation>
  <scstep><energy><i name="e_fr_energy">-1.0</i><i name="e_wo_entrp">-1.0</i><i name="e_0_energy">-1.0</i></energy>
  </scstep>
  <structure><crystal>
   <varray name="basis"><v>5.0 0.0 0.0</v><v>0.0 5.0 0.0</v><v>0.0 0.0 5.0</v></varray></crystal>
   <varray name="positions"><v>0.1 0.2 0.3</v><v>0.4 0.5 0.6</v><v>0.7 0.8 0.9</v></varray></structure>
  <energy><i name="e_fr_energy">-1.0</i><i name="e_wo_entrp">-1.0</i><i name="e_0_energy">-1.0</i></energy>
 </calculation>
</modeling>
"""


def _frames() -> list[ase.Atoms]:
    places = np.random.default_rng(0).uniform(0, 5, (6, 3))
    return [ase.Atoms("Si2O4", places + 0.01 * k, cell=[5, 5.5, 6], pbc=True) for k in range(4)]


def _make(name: str, folder: Path) -> Path:
    """A sound file of that kind."""
    path = folder / FILES[name]
    frames = _frames()
    if name == "vasprun":
        path.write_text(VASPRUN)
    elif name == "hdf5-table":
        pytest.importorskip("h5py")
        from glassnmr.data import reference

        data = reference.load("shielding", "29Si")
        data.select(mask=data.structure < 3).write(path)
    elif name in ("hdf5-predictions", "parquet"):
        pytest.importorskip("h5py" if name != "parquet" else "pyarrow")
        known = (Prediction(k, np.array([0, 1]), {"sigma_iso": np.array([430.0, 431.0 + k])}, "29Si") for k in range(4))
        write_predictions(path, frames, known)
    elif name == "traj":
        ase.io.write(path, frames)
    else:
        ase.io.write(folder / TOPOLOGY, frames[0])
        _write_trajectory(name, path, frames)
    return path


def _write_trajectory(name: str, path: Path, frames: list[ase.Atoms]) -> None:
    if name == "xtc":
        xdr = pytest.importorskip("MDAnalysis.lib.formats.libmdaxdr")
        with xdr.XTCFile(str(path), "w") as file:
            for number, atoms in enumerate([atoms * (2, 1, 1) for atoms in frames]):
                places, cell = (atoms.positions / 10).astype("f4"), (atoms.cell.array / 10).astype("f4")
                file.write(places, cell, number, 2.0 * number, 1000)
        ase.io.write(path.with_name(TOPOLOGY), frames[0] * (2, 1, 1))
    elif name == "dcd":
        dcd = pytest.importorskip("MDAnalysis.lib.formats.libdcd")
        with dcd.DCDFile(str(path), "w") as file:
            file.write_header(remarks="test", natoms=6, istart=0, nsavc=1, delta=1.0, is_periodic=1)
            for atoms in frames:
                a, b, c, alpha, beta, gamma = atoms.cell.cellpar()
                file.write(xyz=atoms.positions.astype("f4"), box=np.array([a, gamma, b, beta, alpha, c]))
    else:
        netcdf = pytest.importorskip("netCDF4")
        kind = "NETCDF3_64BIT_OFFSET" if name == "netcdf-3" else "NETCDF4"
        with netcdf.Dataset(str(path), "w", format=kind) as file:
            file.Conventions = "AMBER"
            for key, size in (("frame", None), ("atom", 6), ("spatial", 3)):
                file.createDimension(key, size)
            places = file.createVariable("coordinates", "f4", ("frame", "atom", "spatial"))
            lengths = file.createVariable("cell_lengths", "f8", ("frame", "spatial"))
            angles = file.createVariable("cell_angles", "f8", ("frame", "spatial"))
            for k, atoms in enumerate(frames):
                places[k], lengths[k], angles[k] = atoms.positions, atoms.cell.lengths(), atoms.cell.angles()


def _take(name: str, path: Path, told: list[str]) -> str:
    """``"read"`` or ``"refused"``; what a trajectory is refused with goes to `told`."""
    if name in TRAJECTORIES:
        return read(path, {"topology": path.with_name(TOPOLOGY)}, told.append)
    if name in ("traj", "vasprun"):
        return read(path)
    from glassnmr.dataset import read_dataset

    try:
        found = read_dataset(path) if name == "hdf5-table" else read_predictions(path)
        assert len(found)
    except (ValueError, FileNotFoundError) as error:
        check_refusal(error)
        return "refused"
    return "read"


def _room() -> int:
    """Bytes of address space that the process may have."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize() + ROOM * 2**20


def _child(name: str, folder: Path, first: int) -> None:
    """Read mutations from number `first` on; what is being read, and how it went, is in files of the folder."""
    warnings.simplefilter("ignore")
    path = folder / FILES[name]
    content = (folder / "sound").read_bytes()
    change = mutate if name == "vasprun" else mutate_bytes
    seen = {"read": 0, "refused": 0}
    dice = random.Random(f"{name} {SEED} {first}")
    path.write_bytes(content)
    told: list[str] = []
    _take(name, path, told)  # libraries are loaded before memory is bounded
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (_room(), resource.RLIM_INFINITY))
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slowest = 0.0
    for number in range(first, COUNT):
        changed = change(content, dice)
        path.write_bytes(changed)
        (folder / "number").write_text(str(number))
        began = time.process_time()
        signal.alarm(60 if name in TRAJECTORIES else SECONDS)  # its default ends the process, wherever it is
        seen[_take(name, path, told)] += 1
        signal.alarm(0)
        slowest = max(slowest, time.process_time() - began)
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / 1024
    if name in TRAJECTORIES:
        seen["library_ended"] = sum("ended on it" in sentence for sentence in told)
    figures = {**seen, "crashed": 0, "hung": 0, "seconds": round(time.process_time(), 1),
               "slowest_seconds": round(slowest, 3), "megabytes_more": round(more), "binary": True}  # fmt: skip
    (folder / "figures.json").write_text(json.dumps(figures))


@pytest.mark.skipif(os.name == "nt", reason="processes are bounded by POSIX means")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.timeout(0)
def test_mutated_binary_files_are_read_or_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    skip_unless_asked(name)
    path = _make(name, tmp_path)
    (tmp_path / "sound").write_bytes(path.read_bytes())
    assert _take(name, path, []) == "read"
    command = [sys.executable, __file__, name, str(tmp_path), "0"]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=alone)
    if done.returncode:
        number = (tmp_path / "number").read_text() if (tmp_path / "number").exists() else "none"
        pytest.fail(f"{name}, input {number}, {path}: status {done.returncode}, {done.stderr[-1500:]}")
    figures = json.loads((tmp_path / "figures.json").read_text())
    print(f"{name}: {COUNT} inputs, {figures}")
    assert figures["read"] + figures["refused"] == COUNT and figures["refused"] > 0
    assert figures["megabytes_more"] < ROOM
    record(name, figures)


if __name__ == "__main__":
    _child(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
