# SPDX-License-Identifier: BSD-3-Clause
"""LAMMPS data files: box, masses and the atoms of the styles atomic, charge, molecular and full."""

from __future__ import annotations

import re
from typing import IO, Any

import ase
import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from glassnmr.io.types import missing_types, numbers_of_types

__all__ = ["read_lammps_data"]

# the columns before x y z
_STYLES = {
    "atomic": ("id", "type"),
    "charge": ("id", "type", "q"),
    "molecular": ("id", "mol", "type"),
    "bond": ("id", "mol", "type"),
    "angle": ("id", "mol", "type"),
    "full": ("id", "mol", "type", "q"),
}
_SECTION = re.compile(r"^[A-Z][A-Za-z/ ]*$")
_COUNT = re.compile(r"^(\d+)\s+(atoms|atom types)$")


def read_lammps_data(file: IO[str], name: str, types: dict[str, str] | None) -> ase.Atoms:
    """Read one structure, atoms sorted by id, periodic along a, b and c; positions stay as they are in the file.

    The columns follow the hint ``Atoms # style`` where they can; a hint that the number of columns refutes is set
    aside. Type labels that are elements need no `types`.
    """
    header, sections, hint = _split(file, name)
    counts, cell = _header(header, name)
    rows = [line.split() for line in sections.get("Atoms", [])]
    count = counts.get("atoms")
    if count is None:
        raise ValueError(f"{name} does not tell its number of atoms")
    if len(rows) != count:
        raise ValueError(f"{name} promises {count} atoms, its section Atoms has {len(rows)}")
    if count == 0:
        raise ValueError(f"{name} has no atoms")
    columns = _columns(rows, hint, counts.get("atom types"), name)
    labels = {words[0]: words[1] for words in map(str.split, sections.get("Atom Type Labels", [])) if len(words) == 2}
    kinds = np.array([labels.get(kind, kind) for kind in columns["type"]])
    if types is None:
        if not all(atomic_numbers.get(str(kind), 0) > 0 for kind in np.unique(kinds)):
            raise missing_types(columns["type"], name, _masses(sections.get("Masses", [])))
        numbers = np.array([atomic_numbers[kind] for kind in kinds.tolist()])
    else:
        by_label = set(np.unique(kinds).tolist()) <= set(types)
        numbers = numbers_of_types(kinds if by_label else columns["type"], types, name)
    order = np.argsort(columns["id"], kind="stable")
    if (np.diff(columns["id"][order]) == 0).any():
        raise ValueError(f"{name} has two atoms of the same id")
    atoms = ase.Atoms(numbers=numbers[order], positions=columns["pos"][order], cell=cell, pbc=True)
    for key in ("id", "type", "mol", "q"):
        if key in columns:
            atoms.set_array(key, columns[key][order])
    return atoms


def _split(file: IO[str], name: str) -> tuple[list[str], dict[str, list[str]], str | None]:
    """Header lines, the lines of each section, and the style that stands behind ``Atoms #``."""
    header: list[str] = []
    sections: dict[str, list[str]] = {}
    hint: str | None = None
    current = header
    next(file, None)  # the title
    for raw in file:
        line, _, comment = raw.partition("#")
        line = line.strip()
        if not line:
            continue
        if _SECTION.match(line):
            if line in sections:
                raise ValueError(f"{name} has two sections {line}")
            current = sections.setdefault(line, [])
            if line == "Atoms":
                hint = comment.strip().lower() or None
        else:
            current.append(line)
    if "Atoms" not in sections:
        raise ValueError(f"{name} is no complete LAMMPS data file: it has no section Atoms")
    return header, sections, hint


def _header(lines: list[str], name: str) -> tuple[dict[str, int], NDArray[np.float64]]:
    counts: dict[str, int] = {}
    cell = np.zeros((3, 3))
    found: set[str] = set()
    for line in lines:
        words = line.split()
        match = _COUNT.match(" ".join(words))
        if match:
            counts[match[2]] = int(match[1])
            continue
        try:
            for axis, letter in enumerate("xyz"):
                if words[-2:] == [letter + "lo", letter + "hi"]:
                    cell[axis, axis] = float(words[1]) - float(words[0])
                    found.add(letter)
            if words[-3:] == ["xy", "xz", "yz"]:
                cell[1, 0], cell[2, 0], cell[2, 1] = map(float, words[:3])
            for axis, letter in enumerate("abc"):
                if words[-1] == letter + "vec":
                    cell[axis] = list(map(float, words[:3]))
                    found.add("xyz"[axis])
        except (ValueError, IndexError):
            raise ValueError(f"{name}: the box line {line!r} cannot be read") from None
    if found != set("xyz"):
        raise ValueError(f"{name} does not give the box along {', '.join(sorted(set('xyz') - found))}")
    return counts, cell


def _columns(rows: list[list[str]], hint: str | None, n_types: int | None, name: str) -> dict[str, NDArray[Any]]:
    width = len(rows[0])
    for index, row in enumerate(rows):
        if len(row) != width:
            raise ValueError(f"{name}: atom line {index + 1} has {len(row)} columns, the first has {width}")
    style = _style(rows, width, hint, n_types, name)
    keys = _STYLES[style]
    table = list(zip(*rows, strict=True))
    columns: dict[str, NDArray[Any]] = {}
    try:
        for key, texts in zip(keys, table, strict=False):
            if key == "type":
                columns[key] = np.array(texts)
            else:
                columns[key] = np.array(texts, dtype=float if key == "q" else np.int64)
        columns["pos"] = np.array(table[len(keys) : len(keys) + 3], dtype=float).T
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{name}: the atoms cannot be read as style {style}, {' '.join(keys)} x y z ({error})"
        ) from None
    return columns


def _style(rows: list[list[str]], width: int, hint: str | None, n_types: int | None, name: str) -> str:
    """The style that the columns allow, the hint deciding where several do."""
    if hint is not None and hint not in _STYLES:
        raise ValueError(f"{name} has the atom style {hint}, known are {', '.join(_STYLES)}")
    fitting = [style for style, keys in _STYLES.items() if width - len(keys) in (3, 6)]
    if hint in fitting:
        return str(hint)
    # five columns and three image flags look like full with one more: real numbers cannot be image flags
    plausible = [style for style in fitting if _plausible(rows, _STYLES[style], width, n_types)]
    distinct = {_STYLES[style]: style for style in reversed(plausible)}
    if len(distinct) == 1:
        return next(iter(distinct.values()))
    if not distinct:
        raise ValueError(f"{name}: {width} columns of atoms fit none of the styles {', '.join(_STYLES)}")
    options = " or ".join(f"'Atoms # {style}'" for style in sorted(distinct.values()))
    raise ValueError(f"{name}: the columns of the atoms are ambiguous, name their style in the file: {options}")


def _plausible(rows: list[list[str]], keys: tuple[str, ...], width: int, n_types: int | None) -> bool:
    flags = range(len(keys) + 3, width)
    integers = [*(column for column, key in enumerate(keys) if key in ("id", "mol")), *flags]
    if not all(row[column].lstrip("+-").isdigit() for row in rows for column in integers):
        return False
    kinds = {row[keys.index("type")] for row in rows}
    return all(not _is_number(kind) or (kind.isdigit() and 1 <= int(kind) <= (n_types or 10**9)) for kind in kinds)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _masses(lines: list[str]) -> dict[str, float]:
    masses = {}
    for line in lines:
        words = line.split()
        if len(words) >= 2 and _is_number(words[1]):
            masses[words[0]] = float(words[1])
    return masses
