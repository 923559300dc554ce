# SPDX-License-Identifier: BSD-3-Clause
"""Quantum ESPRESSO's gipaw.x: shieldings (job nmr) and field gradients (job efg), with the structure of its pw.x run.

gipaw.x prints no cell. The pw.x output of the same structure is looked for in the same folder: the one with the same
atoms in the same order, at the same places where gipaw.x prints them.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import ase
import numpy as np
from ase.units import Bohr

from glassnmr.io.blocks import check_tensors, floats, tensors_of_rows
from glassnmr.io.text import open_text

__all__ = ["is_gipaw", "read_gipaw"]

_ATOM = re.compile(r"^\s*Atom\s+(\d+)\s+([A-Z][a-z]?)\S*\s+pos:\s*\((.*?)\)\s*Total sigma:\s*(\S+)")
_EFG_ROW = re.compile(r"^\s*([A-Z][a-z]?)\S*\s+(\d+)\s+(.*)$")
_VERSION = re.compile(r"Program (?:GIPAW|QE) v\.([\d.]+)")
_PWSCF = re.compile(r"Program PWSCF")
_LARGEST = 50_000_000  # bytes: a file of this size beside the output is no pw.x output
_SAME = 2e-3  # alat


class _Sites:
    """What gipaw.x says of the atoms: symbols, and positions in units of alat where it prints them."""

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self.positions: list[list[float]] = []


def is_gipaw(start: str) -> bool:
    """True for the first characters of a gipaw.x output."""
    return bool(re.search(r"Program (?:GIPAW|QE) v\.|This is GIPAW", start))


def read_gipaw(file: IO[str], name: str, path: Path | None = None) -> ase.Atoms:
    """The structure with ``ms`` (ppm) or ``efg`` (a.u.), (N, 3, 3); isotropic ``sigma_iso`` where no tensor is printed.

    The core's and the macroscopic shape's contributions are in the total that gipaw.x prints; ``info["ms_terms"]``
    tells them. Raises ValueError when no pw.x output of the same atoms lies beside the file.
    """
    sites = _Sites()
    version, terms = "", ["valence"]
    rows: list[list[float]] = []
    isotropic: list[float] = []
    efg_rows: list[list[float]] = []
    lines = iter(file)
    done = False
    for line in lines:
        if match := _VERSION.search(line):
            version = match[1].rstrip(".")
        elif "Macroscopic shape contribution" in line or "NMR macroscopic correction: yes" in line:
            terms = [*(t for t in terms if t != "macroscopic shape"), "macroscopic shape"]
        elif "Core contribution in ppm" in line:
            terms = [*(t for t in terms if t != "core"), "core"]
        elif "Total NMR chemical shifts in ppm" in line:
            rows, isotropic = _shieldings(lines, sites, name)
        elif "total EFG" in line:
            efg_rows = _gradients(lines, sites, name)
        elif "JOB DONE" in line:
            done = True
    if not rows and not isotropic and not efg_rows:
        cut = "" if done else ", or is cut off"
        raise ValueError(f"{name} holds neither shieldings nor field gradients of gipaw.x{cut}")
    atoms, beside = _structure(sites, name, path)
    found = {}
    if rows:
        found["ms"] = tensors_of_rows(rows, f"{name}, the shieldings")
    elif isotropic:
        if len(isotropic) != len(atoms):
            raise ValueError(f"{name} is cut off or malformed: {len(isotropic)} shieldings for {len(atoms)} atoms")
        atoms.set_array("sigma_iso", np.array(isotropic))
    if efg_rows:
        found["efg"] = tensors_of_rows(efg_rows, f"{name}, the field gradients")
    check_tensors(atoms, found, name)
    atoms.info.update(calc_code="QE-GIPAW", calc_code_version=version, structure_from=beside)
    if rows or isotropic:
        atoms.info.update(ms_terms=" + ".join(terms), ms_rows="applied field")
    return atoms


def _shieldings(lines: Iterator[str], sites: _Sites, name: str) -> tuple[list[list[float]], list[float]]:
    """Rows of the total tensors and their printed thirds of the trace."""
    rows: list[list[float]] = []
    isotropic: list[float] = []
    for line in lines:
        if "Initialization:" in line:
            break
        match = _ATOM.match(line)
        if match is None:
            continue
        if int(match[1]) != len(isotropic) + 1:
            expected = len(isotropic) + 1
            raise ValueError(f"{name} is malformed: expected the shielding of atom {expected}, got {match[1]}")
        sites.symbols.append(match[2])
        sites.positions.append(floats(match[3], 3, f"{name}, position of atom {match[1]}"))
        isotropic.append(floats(match[4], 1, f"{name}, shielding of atom {match[1]}")[0])
        following = next(lines, "")
        if not following.strip() or "sigma_" in following or "anisotropy" in following:
            continue
        for number in range(3):
            text = following if number == 0 else next(lines, "")
            rows.append(floats(text, 3, f"{name}, shielding of atom {match[1]}"))
        mean = (rows[-3][0] + rows[-2][1] + rows[-1][2]) / 3
        if not abs(mean - isotropic[-1]) < 0.02:
            raise ValueError(f"{name} contradicts itself: the tensor of atom {match[1]} has the third of the trace"
                             f" {mean:.2f}, it says {isotropic[-1]:.2f}")  # fmt: skip
    if rows and len(rows) != 3 * len(isotropic):
        raise ValueError(f"{name} prints tensors of some atoms only")
    return rows, isotropic


def _gradients(lines: Iterator[str], sites: _Sites, name: str) -> list[list[float]]:
    """Rows of the total field gradients, of the symmetrised ones where they follow."""
    symbols: list[str] = []
    rows: list[list[float]] = []
    for line in lines:
        if not line.strip():
            continue
        if "total EFG (symmetrized)" in line:
            symbols, rows = [], []
            continue
        match = _EFG_ROW.match(line)
        if match is None or "V" in match[3] or "Q=" in line:
            break
        if int(match[2]) != len(rows) // 3 + 1:
            expected = len(rows) // 3 + 1
            raise ValueError(f"{name} is malformed: expected the field gradient of atom {expected}, got {match[2]}")
        if len(rows) % 3 == 0:
            symbols.append(match[1])
        rows.append(floats(match[3], 3, f"{name}, field gradient of atom {match[2]}"))
    if not sites.symbols:
        sites.symbols.extend(symbols)
    return rows


def _structure(sites: _Sites, name: str, path: Path | None) -> tuple[ase.Atoms, str]:
    """The structure of the pw.x output beside the file, and its name."""
    candidates = sorted(path.parent.iterdir()) if path is not None else []
    for candidate in candidates:
        if candidate == path or not candidate.is_file() or candidate.stat().st_size > _LARGEST:
            continue
        with suppress(ValueError, OSError):
            atoms = _pwscf(candidate)
            if atoms is not None and _same(atoms, sites):
                return atoms, candidate.name
    count = len(sites.symbols)
    raise ValueError(f"{name} tells no cell: put the pw.x output of the same {count} atoms into its folder")


def _pwscf(path: Path) -> ase.Atoms | None:
    """The last structure of a pw.x output; None for other files."""
    from ase.io import read  # heavy: not before it is needed

    with open_text(path) as file:
        start = file.read(4096)
        if not _PWSCF.search(start):
            return None
        text = start + file.read()
    alat = re.search(r"lattice parameter \(alat\)\s*=\s*([\d.]+)", text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            atoms = read(io.StringIO(text), format="espresso-out")
    except Exception as error:  # the reader of another package fails in many ways
        raise ValueError(f"{path} cannot be read as a pw.x output ({type(error).__name__}: {error})") from error
    assert isinstance(atoms, ase.Atoms)
    atoms.calc = None
    atoms.info = {"alat": float(alat[1]) * Bohr} if alat else {}
    for key in set(atoms.arrays) - {"numbers", "positions"}:
        del atoms.arrays[key]
    return atoms


def _same(atoms: ase.Atoms, sites: _Sites) -> bool:
    if atoms.get_chemical_symbols() != sites.symbols:
        return False
    alat = atoms.info.pop("alat", None)
    if not sites.positions or not alat:
        return True
    return bool(np.abs(atoms.positions / alat - np.array(sites.positions)).max() < _SAME)
