# SPDX-License-Identifier: BSD-3-Clause
"""LAMMPS text dumps, one frame at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import IO, Any

import ase
import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from glassnmr.io.text import table
from glassnmr.io.types import missing_types, numbers_of_types

__all__ = ["read_lammps_dump"]

_INTEGERS = frozenset({"id", "mol", "proc", "ix", "iy", "iz"})
# columns of positions in order of preference: (names, in units of the box)
_POSITIONS = [
    (("x", "y", "z"), False),
    (("xu", "yu", "zu"), False),
    (("xs", "ys", "zs"), True),
    (("xsu", "ysu", "zsu"), True),
]


def read_lammps_dump(
    file: IO[str], name: str, types: dict[str, str] | None, wanted: Callable[[int], bool] | None = None
) -> Iterator[ase.Atoms | None]:
    """Yield the frames of an open dump, atoms sorted by id, so that rows mean the same atom in every frame.

    Elements come from `types` where given, else from the column ``element``. Other columns become arrays of their
    names; ``timestep`` is kept in ``info``. A box side with flags other than ``pp`` is not periodic. None stands for
    frames that `wanted` declines, whose lines are passed over unread.
    """
    frame = 0
    line = file.readline()
    while line:
        if not line.strip():
            line = file.readline()
            continue
        where = f"{name}, frame {frame}"
        header, line = _header(file, line, where)
        if wanted is not None and not wanted(frame):
            count = _count(header, where)
            if sum(1 for _ in islice(file, count)) != count:
                raise ValueError(f"{where}: {count} atoms are promised, the file ends before")
            yield None
        else:
            yield _frame(file, header, line, types, where)
        frame += 1
        line = file.readline()
    if frame == 0:
        raise ValueError(f"{name} is empty")


def _header(file: IO[str], line: str, where: str) -> tuple[dict[str, Any], str]:
    """The items before the atoms, and the line that names the columns."""
    header: dict[str, Any] = {}
    while line and not line.startswith("ITEM: ATOMS"):
        if line.startswith("ITEM: BOX BOUNDS"):
            header["box flags"] = line.split()[3:]
            header["box"] = [file.readline().split() for _ in range(3)]
        elif line.startswith("ITEM:"):
            header[line[5:].strip()] = file.readline().strip()
        else:
            raise ValueError(f"{where}: expected 'ITEM: ...', got {line.strip()[:40]!r}")
        line = file.readline()
    for item in ("NUMBER OF ATOMS", "box"):
        if not line or item not in header:
            raise ValueError(f"{where} is cut off or has no ITEM: {'ATOMS' if not line else item.upper()}")
    return header, line


def _count(header: dict[str, Any], where: str) -> int:
    text = header["NUMBER OF ATOMS"]
    if not text.isdecimal() or not 0 < len(text) < 13 or int(text) < 1:
        raise ValueError(f"{where}: the number of atoms must be a positive integer, got {text[:40]!r}")
    return int(text)


def _frame(file: IO[str], header: dict[str, Any], line: str, types: dict[str, str] | None, where: str) -> ase.Atoms:
    names = line.split()[2:]
    count = _count(header, where)
    lines = list(islice(file, count))
    columns = _quick(lines, names) if len(lines) == count else None
    if columns is None:
        columns = _columns(lines, names, count, where)
    origin, cell, pbc = _box(header, where)
    positions = _positions(columns, origin, cell, where)
    atoms = ase.Atoms(numbers=_numbers(columns, types, where), positions=positions, cell=cell, pbc=pbc)
    for key, column in columns.items():
        if key not in {axis for axes, _ in _POSITIONS for axis in axes} | {"element"}:
            atoms.set_array(key, column)
    if "TIMESTEP" in header and header["TIMESTEP"].lstrip("-").isdigit():
        atoms.info["timestep"] = int(header["TIMESTEP"])
    if "id" not in columns:
        return atoms
    if atoms.arrays["id"].dtype.kind not in "if":
        raise ValueError(f"{where}: the column id holds something else than integers")
    order = np.argsort(atoms.arrays["id"], kind="stable")
    if (np.diff(atoms.arrays["id"][order]) == 0).any():
        raise ValueError(f"{where} has two atoms of the same id")
    return atoms[order]


def _quick(lines: list[str], names: list[str]) -> dict[str, NDArray[Any]] | None:
    """All columns by one pass in C, the kind of each guessed from the first line and its name."""
    first = lines[0].split()
    if len(first) != len(names):
        return None
    kinds = []
    for label, word in zip(names, first, strict=True):
        if label in ("element", "type"):
            kinds.append("S")
        else:
            kinds.append("I" if label in _INTEGERS else "R" if _is_number(word) else "S")
    parsed = table(lines, kinds)
    return None if parsed is None else dict(zip(names, parsed, strict=True))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _columns(lines: list[str], names: list[str], count: int, where: str) -> dict[str, NDArray[Any]]:
    """The same word by word, with the line that is wrong told."""
    rows = []
    for index in range(count):
        row = lines[index].split() if index < len(lines) else []
        if not row or row[0] == "ITEM:":
            raise ValueError(f"{where}: {count} atoms are promised, the file has {index}")
        if len(row) != len(names):
            raise ValueError(f"{where}: atom line {index + 1} has {len(row)} columns instead of {len(names)}")
        rows.append(row)
    columns = {}
    for label, texts in zip(names, zip(*rows, strict=True), strict=True):
        columns[label] = np.array(texts) if label in ("element", "type") else _array(texts, label in _INTEGERS)
    return columns


def _array(texts: tuple[str, ...], integer: bool) -> NDArray[Any]:
    for kind in (np.int64, np.float64) if integer else (np.float64,):
        try:
            return np.array(texts, dtype=kind)
        except (ValueError, OverflowError):
            continue
    return np.array(texts)


def _box(header: dict[str, Any], where: str) -> tuple[NDArray[np.float64], NDArray[np.float64], list[bool]]:
    """Origin, cell and periodicity from any of the three forms of BOX BOUNDS."""
    flags = list(header["box flags"])
    try:
        bounds = np.array(header["box"], dtype=float)
    except ValueError:
        raise ValueError(f"{where}: BOX BOUNDS must be three lines of numbers") from None
    general = flags[:2] == ["abc", "origin"]
    tilted = flags[:3] == ["xy", "xz", "yz"]
    flags = flags[2:] if general else flags[3:] if tilted else flags
    if bounds.shape != (3, 4 if general else 3 if tilted else 2):
        raise ValueError(f"{where}: BOX BOUNDS has {bounds.shape[-1]} columns, its flags want another number")
    # boundary flags are younger than the format: without them the box is periodic
    pbc = [flag == "pp" for flag in flags] if len(flags) == 3 else [True, True, True]
    if general:
        return bounds[:, 3].copy(), bounds[:, :3].copy(), pbc
    if not (np.abs(bounds) < 1e9).all():
        raise ValueError(f"{where}: BOX BOUNDS must be finite, got {' '.join(map(str, bounds.ravel()))}")
    xy, xz, yz = bounds[:, 2] if tilted else (0.0, 0.0, 0.0)
    low, high = bounds[:, 0].copy(), bounds[:, 1].copy()
    # the bounds of a tilted box are those of the box around it
    low[0] -= min(0.0, xy, xz, xy + xz)
    high[0] -= max(0.0, xy, xz, xy + xz)
    low[1] -= min(0.0, yz)
    high[1] -= max(0.0, yz)
    cell = np.diag(high - low)
    cell[1, 0], cell[2, 0], cell[2, 1] = xy, xz, yz
    return low, cell, pbc


def _positions(
    columns: dict[str, NDArray[Any]], origin: NDArray[np.float64], cell: NDArray[np.float64], where: str
) -> NDArray[np.float64]:
    for axes, scaled in _POSITIONS:
        if all(axis in columns for axis in axes):
            values = np.stack([columns[axis] for axis in axes], axis=1)
            if values.dtype.kind != "f":
                raise ValueError(f"{where}: the columns {' '.join(axes)} hold something else than numbers")
            with np.errstate(all="ignore"):  # numbers that are not finite are told where structures are checked
                return np.asarray(origin + values @ cell) if scaled else values
    raise ValueError(f"{where} has no positions: expected the columns x y z, xu yu zu, xs ys zs or xsu ysu zsu")


def _numbers(columns: dict[str, NDArray[Any]], types: dict[str, str] | None, where: str) -> NDArray[np.int64]:
    if types is not None and "type" in columns:
        return numbers_of_types(columns["type"], types, where)
    if "element" not in columns:
        if "type" not in columns:
            raise ValueError(f"{where} has neither the column element nor type")
        raise missing_types(columns["type"], where)
    found, inverse = np.unique(columns["element"], return_inverse=True)
    unknown = [str(symbol) for symbol in found if atomic_numbers.get(str(symbol), 0) < 1]
    if unknown:
        raise ValueError(f"{where}: {unknown[0]!r} in the column element is not an element")
    return np.array([atomic_numbers[str(symbol)] for symbol in found], dtype=np.int64)[inverse.reshape(-1)]
