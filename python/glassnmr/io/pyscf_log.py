# SPDX-License-Identifier: BSD-3-Clause
"""PySCF's log (verbose 4): shieldings of pyscf.prop.nmr and field gradients of pyscf.prop.efg, of molecules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.io.blocks import finite, floats, structure, tensors_of_rows

__all__ = ["is_pyscf", "read_pyscf"]

_ATOM = re.compile(r"^\[INPUT\]\s+(\d+)\s+([A-Z][a-z]?)\S*\s+(-?\d+\.\d+)\s+(-?\d+\.\d+)\s+(-?\d+\.\d+)\s+AA\b")
_SHIELDING = re.compile(r"^total shielding of atom (\d+) ([A-Z][a-z]?)")
_EFG = re.compile(r"^EFG for (\d+) ([A-Z][a-z]?)\S*: Isotope")
_VERSION = re.compile(r"^PySCF version (\S+)", re.MULTILINE)
_ORTHOGONAL = 1e-5


def is_pyscf(start: str) -> bool:
    """True for the first characters of a PySCF log."""
    return bool(_VERSION.search(start)) and "[INPUT]" in start


def read_pyscf(file: IO[str], name: str) -> ase.Atoms:
    """The molecule with ``ms`` (ppm, rows: applied field, as printed) and ``efg`` (a.u.), NaN for atoms without one."""
    symbols: list[str] = []
    positions: list[list[float]] = []
    found: dict[str, dict[int, NDArray[np.float64]]] = {"ms": {}, "efg": {}}
    version = ""
    lines = iter(file)
    for line in lines:
        if match := _VERSION.match(line):
            version = match[1]
        elif match := _ATOM.match(line):
            if match[1] == "1":
                symbols, positions = [], []
            symbols.append(match[2])
            positions.append([float(match[3]), float(match[4]), float(match[5])])
        elif match := _SHIELDING.match(line):
            where = f"{name}, shielding of atom {match[1]}"
            rows = [_vector(lines, f"B_{axis}", where) for axis in "xyz"]
            found["ms"][int(match[1])] = tensors_of_rows(rows, where)[0]
        elif match := _EFG.match(line):
            found["efg"][int(match[1])] = _gradient(lines, f"{name}, field gradient of atom {match[1]}")
    if not symbols:
        raise ValueError(f"{name} tells no atoms: PySCF lists them at verbose 4")
    if not any(found.values()):
        raise ValueError(f"{name} holds neither shieldings nor field gradients, or is cut off before them")
    atoms = structure(symbols, positions, None, name)
    for key, tensors in found.items():
        if tensors:
            if max(tensors) >= len(atoms):
                raise ValueError(f"{name} gives {key} of atom {max(tensors)}, it has {len(atoms)} atoms")
            whole = np.full((len(atoms), 3, 3), np.nan)
            whole[list(tensors)] = list(tensors.values())
            atoms.set_array(key, whole)
    atoms.info.update(calc_code="PySCF", calc_code_version=version)
    if found["ms"]:
        atoms.info.update(ms_terms="diamagnetic + paramagnetic", ms_rows="applied field")
    return atoms


def _vector(lines: Iterator[str], head: str, where: str) -> list[float]:
    """Three numbers in brackets behind `head`, on one line or, as numpy wraps them, on two."""
    text = next(lines, "")
    if not text.startswith(head):
        raise ValueError(f"{where}: expected {head}, got {text.strip()[:40]!r}")
    while "]" not in text and len(text) < 400:
        text += next(lines, "]")
    return floats(text.partition("[")[2], 3, where)


def _gradient(lines: Iterator[str], where: str) -> NDArray[np.float64]:
    """V = sum_k v_k e_k e_k^t of the printed principal values and axes.

    pyscf.prop.efg sorts the values but not the axes: the one printed beside Vxx is that of Vyy and the other way round.
    """
    next(lines, "")
    values, axes = [], []
    for component in ("Vxx", "Vyy", "Vzz"):
        text = next(lines, "")
        if not text.startswith(component):
            raise ValueError(f"{where}: expected {component}, got {text.strip()[:40]!r}")
        while "]" not in text and len(text) < 400:
            text += next(lines, "]")
        values.append(floats(text.partition("[")[0][len(component) :], 1, where)[0])
        axes.append(floats(text.partition("[")[2], 3, where))
    vectors = finite(np.array(axes), where)
    finite(np.array(values), where)
    if np.abs(vectors @ vectors.T - np.eye(3)).max() > _ORTHOGONAL:
        raise ValueError(f"{where}: the printed axes are not orthonormal")
    efg = finite(vectors.T @ np.diag([values[1], values[0], values[2]]) @ vectors, where)
    return np.asarray(efg - np.trace(efg) / 3 * np.eye(3))
