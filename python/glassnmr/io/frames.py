# SPDX-License-Identifier: BSD-3-Clause
"""One door for structures: the format is read off the content, the frames come one at a time."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import ase
import ase.io
import ase.io.formats

from glassnmr.io.extxyz import read_extxyz
from glassnmr.io.lammps_data import read_lammps_data
from glassnmr.io.lammps_dump import read_lammps_dump
from glassnmr.io.magres import read_magres
from glassnmr.io.text import head, open_text, suffix
from glassnmr.io.types import TypeMap, parse_types

__all__ = ["count_frames", "read_frames"]

_NAMES = {
    "extxyz": "an (extended) xyz file",
    "magres": "a magres file",
    "lammps-data": "a LAMMPS data file",
    "lammps-dump": "a LAMMPS dump",
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
}
_XYZ_ATOM = re.compile(r"^\s*\S+(\s+\S+){3,}\s*$")
_DATA_COUNT = re.compile(r"^\s*\d+\s+atoms\s*(#.*)?$", re.MULTILINE)


def read_frames(
    path: str | os.PathLike[str], types: TypeMap | None = None, index: str | int | slice | None = None
) -> Iterator[ase.Atoms]:
    """Yield the structures of a file, one in memory at a time.

    Extended xyz, magres, LAMMPS data and text dumps, plain or compressed (gzip, bzip2, xz); any other format through
    ASE. `types` maps LAMMPS atom types to elements: ``"O,Si,Na"``, ``"1=O,2=Si"`` or ``{1: "O"}``. `index` chooses
    frames: a number or a slice like ``"::10"`` or ``"-1"``; None takes all.

    Raises FileNotFoundError, or ValueError with one sentence for a file that is empty, cut off, malformed or not what
    its name says. Errors of the file come with the frame that has them, when it is asked for.
    """
    mapping = parse_types(types)
    selection = _selection(index)
    kind = _sniff(Path(path))
    return _select(Path(path), kind, mapping, selection)


def count_frames(path: str | os.PathLike[str], types: TypeMap | None = None) -> int:
    """The number of structures in a file, by reading it through."""
    return sum(1 for _ in read_frames(path, types))


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


def _select(path: Path, kind: str | None, types: dict[str, str] | None, index: slice) -> Iterator[ase.Atoms]:
    start, stop, step = index.start, index.stop, index.step
    if (start or 0) < 0 or (stop or 0) < 0:
        count = sum(1 for _ in _frames(path, kind, types))
        start, stop, step = index.indices(count)
    any_frame = False
    for atoms in islice(_frames(path, kind, types), start, stop, step):
        any_frame = True
        yield atoms
    if not any_frame:
        raise ValueError(f"{path} holds no structure" + ("" if index == slice(None) else f" of index {_text(index)}"))


def _text(index: slice) -> str:
    start, stop, step = ("" if part is None else str(part) for part in (index.start, index.stop, index.step))
    return f"{start}:{stop}" + (f":{step}" if step else "")


def _sniff(path: Path) -> str | None:
    """The format that the content shows, None for one left to ASE; refuses what contradicts the name."""
    promised = _SUFFIXES.get(suffix(path))
    try:
        start = head(path)
    except ValueError:
        # binary formats of ASE are its own business, as long as the name does not promise a text
        if promised is not None or not _is_binary(path):
            raise
        return None
    kind = _kind(start)
    if kind is None and promised == "magres":
        raise ValueError(f"{path} is not a magres file: it does not begin with '#$magres-abinitio-v1.0'")
    if kind is None and promised is not None:
        raise ValueError(f"{path} is not {_NAMES[promised]}, whatever its name says")
    if kind is not None and promised is not None and kind != promised:
        raise ValueError(f"{path} is not {_NAMES[promised]}, as its name says: it holds {_NAMES[kind]}")
    return kind


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
    if first.isdigit() and (len(lines) < 3 or _XYZ_ATOM.match(lines[2])):
        return "extxyz"
    if _DATA_COUNT.search(start) and re.search(r"\bxlo\s+xhi\b|\bavec\b", start):
        return "lammps-data"
    return None


def _frames(path: Path, kind: str | None, types: dict[str, str] | None) -> Iterator[ase.Atoms]:
    if kind is None:
        yield from _through_ase(path)
        return
    with open_text(path) as file:
        if kind == "extxyz":
            yield from read_extxyz(file, str(path))
        elif kind == "lammps-dump":
            yield from read_lammps_dump(file, str(path), types)
        elif kind == "lammps-data":
            yield read_lammps_data(file, str(path), types)
        else:
            yield read_magres(file, str(path))


def _through_ase(path: Path) -> Iterator[ase.Atoms]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frames: Iterator[Any] = iter(ase.io.iread(str(path), index=":"))
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
    if isinstance(error, ase.io.formats.UnknownFileTypeError):
        return ValueError(f"{path} is in no known format: neither its content nor its name tell what it is")
    detail = " ".join(str(error).split())[:200]
    return ValueError(f"{path} cannot be read: {type(error).__name__}{': ' + detail if detail else ''}")
