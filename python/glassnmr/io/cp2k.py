# SPDX-License-Identifier: BSD-3-Clause
"""CP2K: electric field gradients of its output, shieldings of the ``*-SHIFT-*.data`` file that lies beside it.

CP2K prints the gradient of the field, dE_i/dx_j = -V_ij, in 1e21 V/m^2: the sign is turned here, so that V is the
second derivative of the potential as everywhere in the package (a water molecule agrees with PySCF's tensors).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import ase
import numpy as np

from glassnmr.io.blocks import check_tensors, floats, structure, tensors_of_rows
from glassnmr.io.text import open_text
from glassnmr.tensors import convert_efg

__all__ = ["has_nmr", "is_cp2k", "is_cp2k_shift", "read_cp2k", "read_cp2k_shift"]

_VERSION = re.compile(r"CP2K version\s+(\S+)")
_ATOM_ROW = re.compile(r"^\s*(\d+)\s+\d+\s+([A-Z][a-z]?)\s+\d+\s+(-?\d+\.\d+)\s+(-?\d+\.\d+)\s+(-?\d+\.\d+)\s")
_EFG = re.compile(r"^\s*(\d+)\s+([A-Z][a-z]?)\S*\s+EFG Tensor\s(.*)$")
_SHIFT_ATOM = re.compile(r"^\s*(\d+)\s*([A-Z][a-z]?)\S*\s+\S+\s+(-?\d+\.\d+)\s+(-?\d+\.\d+)\s+(-?\d+\.\d+)\s*$")
_SHIFT_HEAD = "Shielding atom at atomic positions"
_LARGEST = 500_000_000


def is_cp2k(start: str) -> bool:
    """True for the first characters of a CP2K output."""
    return bool(re.search(r"CP2K\| version string|DBCSR\|.*\n|PROGRAM STARTED AT", start)) and "CP2K" in start


def is_cp2k_shift(start: str) -> bool:
    """True for the first characters of CP2K's file of shieldings."""
    return _SHIFT_HEAD in start[:200]


def has_nmr(file: IO[str]) -> bool:
    """True when a CP2K output is of a run with field gradients or shieldings."""
    return any("ELECTRIC FIELD GRADIENTS" in line or "Start NMR Chemical Shift Calculation" in line for line in file)


def read_cp2k(file: IO[str], name: str, path: Path | None = None) -> ase.Atoms:
    """The structure of an output with ``efg`` (a.u.) and, from the file of shieldings beside it, ``ms`` (ppm)."""
    symbols: list[str] = []
    positions: list[list[float]] = []
    cell: list[list[float]] = []
    rows: list[list[float]] = []
    version, project, periodic, shifts = "", "", "", False
    lines = iter(file)
    for line in lines:
        if match := _VERSION.search(line):
            version = match[1].rstrip(",")
        elif "GLOBAL| Project name" in line:
            project = line.split()[-1]
        elif "CELL|" in line and "TOP" not in line and "REF" not in line:
            if "Vector" in line:
                cell.append(floats(line.partition(":")[2].partition("|")[0], 3, f"{name}, cell"))
            elif "Periodicity" in line:
                periodic = line.split()[-1]
        elif "ATOMIC COORDINATES IN ANGSTROM" in line.upper():
            symbols, positions = _places(lines, name)
        elif "Start NMR Chemical Shift Calculation" in line:
            shifts = True
        elif match := _EFG.match(line):
            if int(match[1]) == 1:
                rows = []
            rows += [floats(match[3], 3, f"{name}, EFG Tensor")]
            rows += [floats(next(lines, ""), 3, f"{name}, EFG Tensor") for _ in range(2)]
    if not symbols or len(cell) < 3:
        raise ValueError(f"{name} is cut off: it ends before the structure is told")
    atoms = structure(symbols, positions, np.array(cell[:3]), name)
    atoms.pbc = [axis in (periodic or "XYZ") for axis in "XYZ"]
    found = {}
    if rows:
        printed = tensors_of_rows(rows, f"{name}, the field gradients")
        found["efg"] = -np.asarray(convert_efg(printed * 1e21, "V/m^2", "au"))
    beside = _shift_file(path, project) if shifts and path is not None else None
    if beside is not None:
        with open_text(beside) as file_of_shifts:
            found["ms"] = _sigma(file_of_shifts, str(beside))
        atoms.info.update(ms_terms="total", ms_rows="applied field", ms_from=beside.name)
    if not found:
        wanted = f"; its shieldings are in {project}-SHIFT-1.data, which is not beside it" if shifts else ""
        raise ValueError(f"{name} holds no field gradients{wanted}")
    check_tensors(atoms, found, name)
    atoms.info.update(calc_code="CP2K", calc_code_version=version)
    return atoms


def read_cp2k_shift(file: IO[str], name: str, path: Path) -> ase.Atoms:
    """The structure with ``ms`` (ppm) of a ``*-SHIFT-*.data`` file; the CP2K output in the same folder has the cell."""
    sigma = _sigma(file, name)
    project = re.sub(r"-SHIFT-.*$", "", path.name)
    for candidate in sorted(path.parent.iterdir()):
        if candidate == path or not candidate.is_file() or candidate.stat().st_size > _LARGEST:
            continue
        try:
            with open_text(candidate) as other:
                if not is_cp2k(other.read(65536)):
                    continue
                other.seek(0)
                atoms = read_cp2k(other, str(candidate), candidate)
        except (ValueError, OSError):
            continue
        if atoms.info.get("ms_from") == path.name and len(atoms) == len(sigma):
            return atoms
    raise ValueError(f"{name} tells no cell: put the CP2K output of the project {project} into its folder")


def _places(lines: Iterator[str], name: str) -> tuple[list[str], list[list[float]]]:
    symbols: list[str] = []
    positions: list[list[float]] = []
    for line in lines:
        match = _ATOM_ROW.match(line)
        if match:
            if int(match[1]) != len(symbols) + 1:
                raise ValueError(f"{name} is malformed: atom {match[1]} follows atom {len(symbols)}")
            symbols.append(match[2])
            positions.append([float(match[3]), float(match[4]), float(match[5])])
        elif symbols:
            break
    return symbols, positions


def _shift_file(path: Path, project: str) -> Path | None:
    """The file of shieldings of a project; the last where there are several."""
    found = sorted(entry for entry in path.parent.iterdir() if entry.name.startswith(f"{project}-SHIFT-"))
    return found[-1] if found else None


def _sigma(file: IO[str], name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Tensors (N, 3, 3) under SIGMA TOTAL, held against the ISOTROPY that follows each."""
    head = file.readline()
    promised = int(head.split()[-1]) if head.split()[-1:] and head.split()[-1].isdigit() else None
    rows: list[list[float]] = []
    atom = 0
    lines = iter(file)
    for line in lines:
        if match := _SHIFT_ATOM.match(line):
            if int(match[1]) != atom + 1:
                raise ValueError(
                    f"{name}: atom {match[1]} follows atom {atom}; shieldings of some atoms only are not read"
                )
            atom = int(match[1])
        elif "SIGMA TOTAL" in line:
            rows += [floats(re.sub(r"[XYZ]{2} =", " ", next(lines, "")), 3, f"{name}, atom {atom}") for _ in range(3)]
            mean = (rows[-3][0] + rows[-2][1] + rows[-1][2]) / 3
            printed = floats(next(lines, "").partition("ANISOTROPY")[0], 1, f"{name}, atom {atom}")[0]
            if not abs(mean - printed) < 1e-3:
                raise ValueError(f"{name} contradicts itself: the tensor of atom {atom} has the third of the trace"
                                 f" {mean:.4f}, it says {printed:.4f}")  # fmt: skip
    sigma = tensors_of_rows(rows, name)
    if len(sigma) != atom or (promised is not None and promised != atom) or atom == 0:
        raise ValueError(f"{name} is cut off: {len(sigma)} tensors for {promised or atom} atoms")
    return sigma
