# SPDX-License-Identifier: BSD-3-Clause
"""One door for structures: the format is read off the content, the frames come one at a time."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

import ase

from glassnmr.io import abinit, castep, cp2k, vasp
from glassnmr.io.abinit import is_abinit, read_abinit
from glassnmr.io.castep import is_castep, read_castep
from glassnmr.io.cp2k import is_cp2k, is_cp2k_shift, read_cp2k, read_cp2k_shift
from glassnmr.io.espresso import is_gipaw, read_gipaw
from glassnmr.io.extxyz import read_extxyz
from glassnmr.io.lammps_data import read_lammps_data
from glassnmr.io.lammps_dump import read_lammps_dump
from glassnmr.io.magres import read_magres
from glassnmr.io.pyscf_log import is_pyscf, read_pyscf
from glassnmr.io.text import head, one_sentence, open_text, suffix
from glassnmr.io.trajectory import SUFFIXES, read_trajectory
from glassnmr.io.types import TypeMap, parse_types
from glassnmr.io.vasp import is_outcar, read_outcar
from glassnmr.io.xdatcar import is_xdatcar, read_xdatcar

__all__ = ["count_frames", "read_frames"]

_NAMES = {
    "extxyz": "an (extended) xyz file",
    "magres": "a magres file",
    "lammps-data": "a LAMMPS data file",
    "lammps-dump": "a LAMMPS dump",
    "xdatcar": "an XDATCAR",
    "outcar": "a VASP OUTCAR",
    "castep": "a CASTEP output",
    "gipaw": "a gipaw.x output",
    "abinit": "an ABINIT output",
    "cp2k": "a CP2K output",
    "cp2k-shift": "CP2K's file of shieldings",
    "pyscf": "a PySCF log",
    "trajectory": "a binary trajectory",
}
# what a name promises; names that mean several things promise nothing
_SUFFIXES = {
    ".xyz": "extxyz",
    ".extxyz": "extxyz",
    ".exyz": "extxyz",
    ".magres": "magres",
    ".lammps-data": "lammps-data",
    ".lmp": "lammps-data",
    ".lammpstrj": "lammps-dump",
    ".lammps-dump": "lammps-dump",
    ".castep": "castep",
}
_XYZ_ATOM = re.compile(r"^\s*\S+(\s+\S+){3,}\s*$")
_DATA_COUNT = re.compile(r"^\s*\d+\s+atoms\s*(#.*)?$", re.MULTILINE)
# outputs of codes that are told by their first lines; those with a second function are ours only with NMR inside
_OUTPUTS: list[tuple[str, Callable[[str], bool], Callable[[IO[str]], bool] | None]] = [
    ("outcar", is_outcar, vasp.has_nmr),
    ("castep", is_castep, castep.has_nmr),
    ("gipaw", is_gipaw, None),
    ("cp2k-shift", is_cp2k_shift, None),
    ("cp2k", is_cp2k, cp2k.has_nmr),
    ("pyscf", is_pyscf, None),
    ("abinit", is_abinit, abinit.has_nmr),
]

Wanted = Callable[[int], bool]


def read_frames(
    path: str | os.PathLike[str],
    types: TypeMap | None = None,
    index: str | int | slice | None = None,
    *,
    topology: str | os.PathLike[str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[ase.Atoms]:
    """Yield the structures of a file, one in memory at a time.

    Parameters
    ----------
    path : extended xyz, magres, LAMMPS data and text dumps, XDATCAR, and the outputs of VASP (OUTCAR), CASTEP, Quantum
        ESPRESSO's gipaw.x, ABINIT, CP2K and PySCF with NMR tensors, plain or compressed (gzip, bzip2, xz, zstd); XTC,
        DCD and NetCDF trajectories; any other format through ASE, such as .traj, POSCAR and cif
    types : maps LAMMPS atom types to elements: ``"O,Si,Na"``, ``"1=O,2=Si"`` or ``{1: "O"}``
    index : chooses frames: a number or a slice like ``"::10"`` or ``"-1"``; None takes all
    topology : a structure file that names the atoms of a binary trajectory, in its order
    progress : called with the number of frames passed

    Yields
    ------
    `ase.Atoms` with what the file has: ``ms`` (N, 3, 3), shieldings in ppm, ``efg`` (N, 3, 3), atomic units, other
    arrays under their own names.

    Raises
    ------
    FileNotFoundError, or ValueError with one sentence for a file that is empty, cut off, malformed or not what its
    name says. Errors of the file come with the frame that has them, when it is asked for.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "two.xyz"
    >>> _ = file.write_text("1\\n\\nO 0 0 0\\n1\\n\\nO 0 0 1\\n")
    >>> [float(atoms.positions[0, 2]) for atoms in read_frames(file)]
    [0.0, 1.0]
    """
    mapping = parse_types(types)
    selection = _selection(index)
    source = Path(path)
    kind = _sniff(source)
    named = _topology(source, kind, topology, mapping)
    return _select(source, kind, mapping, selection, named, progress)


def count_frames(path: str | os.PathLike[str], types: TypeMap | None = None) -> int:
    """The number of structures in a file, by passing through it."""
    source = Path(path)
    kind = _sniff(source)
    if kind == "trajectory":
        raise ValueError(f"{path}: frames of a binary trajectory are counted by reading it with a topology")
    return sum(1 for _ in _frames(source, kind, parse_types(types), None, _none if kind in _SKIPPING else None))


def _none(_: int) -> bool:
    return False


def _topology(
    path: Path, kind: str | None, topology: str | os.PathLike[str] | None, types: dict[str, str] | None
) -> ase.Atoms | None:
    if kind != "trajectory":
        return None
    if topology is None:
        raise ValueError(f"{path} names no elements: give a structure file of the same atoms as topology")
    return next(read_frames(topology, types))


def _selection(index: str | int | slice | None) -> slice:
    """The frames asked for as a slice with a positive step."""
    if index is None:
        return slice(None)
    if isinstance(index, str):
        parts = index.strip().split(":")
        try:
            numbers = [int(part) if part.strip() else None for part in parts]
        except ValueError:
            numbers = []
        if not 1 <= len(numbers) <= 3 or (len(numbers) == 1 and numbers[0] is None):
            raise ValueError(f"index must be a number or a slice like ':', '10:20' or '::5', got {index!r}")
        index = slice(*numbers) if len(numbers) > 1 else int(numbers[0] or 0)
    if isinstance(index, slice):
        if index.step is not None and index.step < 1:
            raise ValueError(f"index must go forward, got the step {index.step}")
        return index
    if isinstance(index, bool) or not hasattr(index, "__index__"):
        raise ValueError(f"index must be a number or a slice, got {index!r}")
    number = index.__index__()
    return slice(number, number + 1 or None)


def _select(
    path: Path,
    kind: str | None,
    types: dict[str, str] | None,
    index: slice,
    topology: ase.Atoms | None,
    progress: Callable[[int], None] | None,
) -> Iterator[ase.Atoms]:
    start, stop, step = index.start, index.stop, index.step
    skipping = kind in _SKIPPING
    if (start or 0) < 0 or (stop or 0) < 0:
        count = sum(1 for _ in _frames(path, kind, types, topology, _none if skipping else None))
        start, stop, step = index.indices(count)
    start, step = start or 0, step or 1

    def wanted(number: int) -> bool:
        return number >= start and (number - start) % step == 0

    any_frame = False
    frames = _frames(path, kind, types, topology, wanted if skipping and (start or step > 1) else None)
    for number, atoms in enumerate(_plainly(islice(frames, stop))):
        if atoms is not None and wanted(number):
            any_frame = True
            yield atoms
        if progress is not None:
            progress(number + 1)
    if not any_frame:
        raise ValueError(f"{path} holds no structure" + ("" if index == slice(None) else f" of index {_text(index)}"))


def _plainly(frames: Iterator[ase.Atoms | None]) -> Iterator[ase.Atoms | None]:
    """The same frames, with errors on one line of bearable length."""
    try:
        yield from frames
    except ValueError as error:
        text = one_sentence(error)
        if text == str(error):
            raise
        raise ValueError(text) from error


def _text(index: slice) -> str:
    start, stop, step = ("" if part is None else str(part) for part in (index.start, index.stop, index.step))
    return f"{start}:{stop}" + (f":{step}" if step else "")


def _sniff(path: Path) -> str | None:
    """The format that the content shows, None for one left to ASE; refuses what contradicts the name."""
    promised = _SUFFIXES.get(suffix(path))
    if suffix(path) in SUFFIXES:
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path}")
        return "trajectory"
    try:
        start = head(path)
    except ValueError:
        # binary formats of ASE are its own business, as long as the name does not promise a text
        if promised is not None or not _is_binary(path):
            raise
        return None
    kind = _kind(start) or _output(path, start)
    if kind is None and path.name.startswith("XDATCAR"):
        raise ValueError(f"{path} is not an XDATCAR of VASP 5 or later: it has no line 'Direct configuration='")
    if kind is None and promised == "magres":
        raise ValueError(f"{path} is not a magres file: it does not begin with '#$magres-abinitio-v1.0'")
    if kind is None and promised is not None:
        raise ValueError(f"{path} is not {_NAMES[promised]}, whatever its name says")
    if kind is not None and promised is not None and kind != promised:
        raise ValueError(f"{path} is not {_NAMES[promised]}, as its name says: it holds {_NAMES[kind]}")
    return kind


def _output(path: Path, start: str) -> str | None:
    """The code whose output with NMR tensors this is; None for other outputs, which are left to ASE."""
    for kind, is_of, has_nmr in _OUTPUTS:
        if is_of(start):
            if has_nmr is None:
                return kind
            with open_text(path) as file:
                return kind if has_nmr(file) or kind == _SUFFIXES.get(suffix(path)) else None
    return None


def _is_binary(path: Path) -> bool:
    with open(path, "rb") as file:
        return b"\0" in file.read(4096)


def _kind(start: str) -> str | None:
    lines = start.lstrip().splitlines()
    first = lines[0].strip()
    if first.startswith("#$magres"):
        return "magres"
    if first.startswith("ITEM:"):
        return "lammps-dump"
    if is_xdatcar(start):
        return "xdatcar"
    if first.isdigit() and (len(lines) < 3 or _XYZ_ATOM.match(lines[2])):
        return "extxyz"
    if _DATA_COUNT.search(start) and re.search(r"\bxlo\s+xhi\b|\bavec\b", start):
        return "lammps-data"
    return None


_SKIPPING = ("extxyz", "lammps-dump", "xdatcar", "trajectory")
"""Kinds whose readers pass over frames that are not wanted without parsing them."""


def _frames(
    path: Path, kind: str | None, types: dict[str, str] | None, topology: ase.Atoms | None, wanted: Wanted | None
) -> Iterator[ase.Atoms | None]:
    if kind is None:
        yield from _through_ase(path)
        return
    if kind == "trajectory":
        assert topology is not None
        yield from read_trajectory(path, topology, wanted)
        return
    name = str(path)
    with open_text(path) as file:
        if kind == "extxyz":
            yield from read_extxyz(file, name, wanted)
        elif kind == "lammps-dump":
            yield from read_lammps_dump(file, name, types, wanted)
        elif kind == "xdatcar":
            yield from read_xdatcar(file, name, wanted)
        else:
            yield _single(file, kind, path, types)


def _single(file: IO[str], kind: str, path: Path, types: dict[str, str] | None) -> ase.Atoms:
    """The one structure of a file of that kind."""
    name = str(path)
    if kind == "lammps-data":
        return read_lammps_data(file, name, types)
    if kind == "gipaw":
        return read_gipaw(file, name, path)
    if kind == "cp2k":
        return read_cp2k(file, name, path)
    if kind == "cp2k-shift":
        return read_cp2k_shift(file, name, path)
    readers = {"magres": read_magres, "outcar": read_outcar, "castep": read_castep, "abinit": read_abinit,
               "pyscf": read_pyscf}  # fmt: skip
    return readers[kind](file, name)


def _through_ase(path: Path) -> Iterator[ase.Atoms]:
    from ase.io import iread  # heavy: not before it is needed

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frames: Iterator[Any] = iter(iread(str(path), index=":"))
    except Exception as error:
        raise _unreadable(path, error) from error
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                atoms = next(frames)
        except StopIteration:
            return
        except Exception as error:
            raise _unreadable(path, error) from error
        yield atoms


def _unreadable(path: Path, error: Exception) -> ValueError:
    from ase.io.formats import UnknownFileTypeError

    if isinstance(error, UnknownFileTypeError):
        return ValueError(f"{path} is in no known format: neither its content nor its name tell what it is")
    detail = " ".join(str(error).split())[:200]
    return ValueError(f"{path} cannot be read: {type(error).__name__}{': ' + detail if detail else ''}")
