# SPDX-License-Identifier: BSD-3-Clause
"""Mutated real files: every reader gives structures or one sentence, never a crash, a hang or memory without bounds.

A short run by default; `fuzzing` tells how to make it long and to keep a record.
"""

from __future__ import annotations

import gzip
import random
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import ase
import numpy as np
import pytest
from ase.io import write

from fuzzing import COUNT, ROOM, SECONDS, SEED, mutate, read, record, skip_unless_asked

OUTPUTS = Path(__file__).resolve().parents[1] / "data" / "outputs"


def _trimmed(path: Path, keep: Callable[[bytes], bytes] = bytes) -> bytes:
    raw = path.read_bytes()
    return keep(gzip.decompress(raw) if path.suffix == ".gz" else raw)


def _core_of_outcar(text: bytes) -> bytes:
    """What the reader looks at, so that mutations meet it."""
    lines = text.split(b"\n")
    marks = (b"TITEL", b"ions per type", b"volume of cell", b"direct lattice", b"ions in cartesian", b"SYMMETRIZED",
             b"G=0 CONT", b"Core NMR", b"(absolute", b"Electric field gradients (V", b"Absolute Chem")  # fmt: skip
    kept = lines[:3]
    rows = {b"TITEL": 1, b"volume": 1, b"ions per": 1, b"direct": 4, b"SYMM": 86, b"(abs": 22, b"Core": 14}
    end = 0
    for number, line in enumerate(lines):
        if number >= end and any(mark in line for mark in marks):
            end = number + next((count for mark, count in rows.items() if mark in line), 26)
            kept += lines[number:end]
    return b"\n".join(kept)


SMALL_DUMP = b"""ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
3
ITEM: BOX BOUNDS xy xz yz pp pp pp
0 10 1
0 10 0.5
0 10 0
ITEM: ATOMS id type xs ys zs element
1 1 0.1 0.2 0.3 O
2 2 0.4 0.5 0.6 Si
3 1 0.7 0.8 0.9 O
"""
SMALL_DATA = b"""title

3 atoms
2 atom types
0 10 xlo xhi
0 10 ylo yhi
0 10 zlo zhi
1 0.5 0 xy xz yz

Masses

1 15.999
2 28.086

Atoms # charge

1 1 -1.0 0 0 0
2 2 2.0 1 1 1
3 1 -1.0 2 2 2
"""
XDATCAR = b"""title
1.0
 5 0 0
 0 5 0
 0 0 5
 Si O
 1 2
Direct configuration=     1
 0.1 0.2 0.3
 0.4 0.5 0.6
 0.7 0.8 0.9
Direct configuration=     2
 0.1 0.2 0.4
 0.4 0.5 0.7
 0.7 0.8 0.1
"""
CASTEP = b""" |      CCC   AA    SSS  TTTTT  EEEEE  PPPP        |
 | Welcome to Academic Release CASTEP version 24.1 |
        Real Lattice(A)                      Reciprocal Lattice(1/A)
     5.0000000     0.0000000     0.0000000        1.256637061   0.000000000   0.000000000
     0.0000000     6.0000000     0.0000000        0.000000000   1.047197551   0.000000000
     0.0000000     0.0000000     7.0000000        0.000000000   0.000000000   0.897597901
            x  Element    Atom        Fractional coordinates of atoms  x
            x            Number           u          v          w      x
            x----------------------------------------------------------x
            x  Al           1         0.100000  -0.250000   0.500000   x
            x  O            1         0.811000   0.311000   0.189000   x
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                                    Al    0.1466000 Isotope 27
 |                Chemical Shielding and Electric Field Gradient Tensors       |
 |    Al                 1      509.59     30.00       0.51   3.941E+00   0.44 |
 |    O                  1      162.86    -255.66      N/A   -5.794E+00   0.64 |
 ===============================================================================
"""


def _sources(data_folder: Path) -> dict[str, tuple[str, bytes, list[Path]]]:
    """Reader -> (name of the file, content, files to lie beside it)."""
    parsers, cp2k = data_folder / "parsers", OUTPUTS / "cp2k"
    scf = [parsers / "qe" / "quartz-scf.out"]
    lines = _trimmed(data_folder / "silicate-29si" / "train.extxyz.gz").split(b"\n")
    first = b"\n".join(lines[: int(lines[0]) + 2]) + b"\n"
    table = b"frame,atom,element,isotope,x,y,z,sigma_iso,role\n" + b"".join(
        b"0,%d,Si,29Si,0.5,1.5,2.5,430.5,Q4\n" % k for k in range(20))  # fmt: skip
    return {
        "magres": ("a.magres", _trimmed(parsers / "magres" / "ethanol-all.magres"), []),
        "magres-efg": ("b.magres", _trimmed(parsers / "magres" / "quartz.efg.magres"), []),
        "outcar": ("OUTCAR", _trimmed(parsers / "vasp" / "LiAlSiO4_cs" / "OUTCAR.gz", _core_of_outcar), []),
        "outcar-efg": ("OUTCAR", _trimmed(parsers / "vasp" / "LiAlSiO4_efg" / "OUTCAR.gz", _core_of_outcar), []),
        "gipaw-nmr": ("nmr.out", b"\n".join(_trimmed(parsers / "qe" / "quartz-nmr.out").split(b"\n")[:30])
                      + b"\n" + _trimmed(parsers / "qe" / "quartz-nmr.out").partition(b"bare sigma")[2][-12000:], scf),
        "gipaw-efg": ("efg.out", _trimmed(parsers / "qe" / "quartz-efg.out"), scf),
        "abinit": ("a.abo", _trimmed(OUTPUTS / "abinit-quartz.abo.gz"), []),
        "cp2k": ("water.out", _trimmed(cp2k / "water.out"), [cp2k / "w-SHIFT-1.data"]),
        "cp2k-shift": ("w-SHIFT-1.data", _trimmed(cp2k / "w-SHIFT-1.data"), [cp2k / "water.out"]),
        "pyscf": ("a.log", _trimmed(OUTPUTS / "pyscf-water.log"), []),
        "castep": ("a.castep", CASTEP, []),
        "extxyz": ("a.extxyz", first, []),
        "lammps-dump": ("a.lammpstrj", SMALL_DUMP * 3, []),
        "lammps-data": ("a.lmp", SMALL_DATA, []),
        "xdatcar": ("XDATCAR", XDATCAR, []),
        "predictions": ("a.csv", table, []),
    }  # fmt: skip


NAMES = ["magres", "magres-efg", "outcar", "outcar-efg", "gipaw-nmr", "gipaw-efg", "abinit", "cp2k", "cp2k-shift",
         "pyscf", "castep", "extxyz", "lammps-dump", "lammps-data", "xdatcar", "predictions"]  # fmt: skip


class Hang(BaseException):
    """Raised by the clock; nothing in a reader catches it."""


@contextmanager
def _watched(seconds: int) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.timeout(0)
def test_mutated_files_are_read_or_refused_in_one_sentence(data_folder: Path, tmp_path: Path, name: str) -> None:
    skip_unless_asked(name)
    file, content, beside = _sources(data_folder)[name]
    for other in beside:
        shutil.copy(other, tmp_path)
    path = tmp_path / file
    path.write_bytes(content)
    assert read(path) == "read"
    dice = random.Random(f"{name} {SEED}")
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seen = {"read": 0, "refused": 0}
    clock, slowest = time.process_time(), 0.0
    for number in range(COUNT):
        changed = mutate(content, dice)
        path.write_bytes(changed)
        began = time.process_time()
        try:
            with _watched(SECONDS):
                seen[read(path)] += 1
        except BaseException as error:
            (tmp_path / "culprit").write_bytes(changed)
            what = f"{type(error).__name__}: {str(error)[:300]}"
            pytest.fail(f"{name}, input {number}: {what}; it is {tmp_path / 'culprit'}")
        slowest = max(slowest, time.process_time() - began)
        used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / 1024
        assert used < ROOM, f"{name}, input {number} took {used:.0f} MB"
    used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / 1024
    seconds = time.process_time() - clock
    print(f"{name}: {COUNT} inputs, {seen['read']} read, {seen['refused']} refused, {seconds:.0f} s, slowest"
          f" {slowest:.2f} s, {used:.0f} MB more")  # fmt: skip
    record(name, {**seen, "crashed": 0, "hung": 0, "seconds": round(seconds, 1), "slowest_seconds": round(slowest, 3),
                  "megabytes_more": round(used)})  # fmt: skip
    assert seen["refused"] > 0


def test_poscar_mutations_end_in_one_sentence(tmp_path: Path) -> None:
    atoms = ase.Atoms("Si2O4", np.random.default_rng(0).uniform(0, 5, (6, 3)), cell=[5, 5, 5], pbc=True)
    path = tmp_path / "POSCAR"
    write(path, atoms, format="vasp")
    content = path.read_bytes()
    dice = random.Random(1)
    for _ in range(COUNT):
        path.write_bytes(mutate(content, dice))
        with _watched(SECONDS):
            read(path)
