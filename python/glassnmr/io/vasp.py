# SPDX-License-Identifier: BSD-3-Clause
"""VASP's OUTCAR of NMR runs: shieldings (LCHIMAG) and electric field gradients (LEFG).

VASP prints the induced field of the valence electrons, T = -sigma_valence, and beside it the G = 0 term of the
macroscopic susceptibility and the cores' shifts. Here sigma = -(T + T_G0 + T_core 1 + T_core,G0 1), THEORY.md
eq. (14.1), and ``info["ms_terms"]`` says which of these the file had.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.io.blocks import check_tensors, finite, floats, structure, tensors_of_rows
from glassnmr.tensors import convert_efg

__all__ = ["has_nmr", "is_outcar", "read_outcar"]

_AVOGADRO = 6.02214076e23
_TITEL = re.compile(r"TITEL\s*=\s*\S+\s+([A-Z][a-z]?)")
_ION = re.compile(r"^\s*ion\s+(\d+)\s*$", re.IGNORECASE)
_CORE = re.compile(r"^\s*(\d+)\s+([A-Z][a-z]?)\S*\s+(-?\d+\.\d+)\s*$")
_SUSCEPTIBILITY = re.compile(r"Core contribution to magnetic susceptibility:\s*(-?[\d.]+(?:[eE][-+]?\d+)?)\s+10\^-6")
_G0 = re.compile(r"\b[GQ]=0 CONTRIBUTION TO CHEMICAL SH(IFT|IELDING)")
_TENSORS = re.compile(r"Absolute Chemical Sh(ift|ielding) tensors", re.IGNORECASE)
_TABLE = re.compile(r"\(absolute, valence (only|and core)\)")
_ASKED = re.compile(r"LCHIMAG\s*=\s*T\b")
_AGREE = 2e-3  # ppm: four printed decimals of a mean of three, and of a G = 0 term of six
_MARKS = (" SYMMETRIZED TENSORS", "Electric field gradients (V/A^2)", "EXTERNAL FIELD APPLIED IN DIRECTION")


@dataclass
class _Found:
    """What has been read so far; of what a run prints several times the last counts."""

    version: str = ""
    elements: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    cell: list[list[float]] = field(default_factory=list)
    start: list[list[float]] = field(default_factory=list)
    moved: list[list[float]] = field(default_factory=list)
    volume: float = 0.0
    tensors: NDArray[np.float64] | None = None
    g0: NDArray[np.float64] | None = None
    core: dict[int, float] = field(default_factory=dict)
    core_susceptibility: float = 0.0
    core_missing: bool = False
    table: dict[str, dict[int, tuple[float, float]]] = field(default_factory=dict)
    efg: NDArray[np.float64] | None = None
    shielding: bool | None = None

    @property
    def n_atoms(self) -> int:
        return sum(self.counts)


def is_outcar(start: str) -> bool:
    """True for the first characters of an OUTCAR."""
    return bool(re.match(r"\s*vasp\.\d", start)) and ("executed on" in start[:400] or "POTCAR" in start)


def has_nmr(file: IO[str]) -> bool:
    """True when an OUTCAR holds shieldings or field gradients; reads no further than the first sign of them."""
    return any(_ASKED.search(line) or any(mark in line for mark in _MARKS) for line in file)


def read_outcar(file: IO[str], name: str) -> ase.Atoms:
    """The structure with ``ms`` (ppm, shielding sign) and ``efg`` (a.u.), each (N, 3, 3), as far as it has them.

    The rows of ``ms`` belong to the direction of the applied field, as VASP prints them. ``info``: ``calc_code``,
    ``calc_code_version``, ``ms_terms`` and, where the potentials carry no core, ``ms_lacks``. A 6.6 OUTCAR is read in
    its own words too; where it lists no tensors, the NMRCAR.magres that it writes has them.

    Raises ValueError with one sentence for a file that is cut off, or whose tensors contradict its own table.
    """
    found = _Found()
    lines = iter(file)
    first = next(lines, "")
    found.version = first.split()[0] if first.split() else ""
    for line in lines:
        _take(found, line, lines, name)
    return _assemble(found, name)


def _take(found: _Found, line: str, lines: Iterator[str], name: str) -> None:
    """Look at one line; read on where it heads a block that is wanted."""
    if "TITEL" in line:
        match = _TITEL.search(line)
        if match:
            found.elements.append(match[1])
    elif "ions per type" in line:
        found.counts = [int(word) for word in line.partition("=")[2].split() if word.isdigit()]
    elif "volume of cell" in line:
        found.volume = floats(line.partition(":")[2], 1, name)[0]
    elif "direct lattice vectors" in line:
        found.cell = [floats(next(lines, ""), 6, f"{name}, lattice vectors")[:3] for _ in range(3)]
    elif "position of ions in cartesian coordinates" in line:
        found.start = [floats(next(lines, ""), 3, f"{name}, positions") for _ in range(found.n_atoms)]
    elif line.startswith(" POSITION") and "TOTAL-FORCE" in line:
        next(lines, "")
        found.moved = [floats(next(lines, ""), 6, f"{name}, POSITION")[:3] for _ in range(found.n_atoms)]
    elif "LNMRSHIELD" in line and "=" in line:
        found.shielding = line.partition("=")[2].split()[:1] in (["T"], [".TRUE."])
    elif match := _TENSORS.search(line):
        found.shielding = match[1].lower() == "ielding"
    elif "SYMMETRIZED TENSORS" in line and "UNSYMMETRIZED" not in line:
        found.tensors = _ions(found, lines, name)
    elif match := _G0.search(line):
        found.g0 = _g0(lines, name) * (-1 if match[1] == "IELDING" else 1)
    elif "can not compute core contributions" in line:
        found.core_missing = True
    elif "Core NMR properties" in line:
        found.core = _core(lines)
    elif match := _SUSCEPTIBILITY.search(line):
        found.core_susceptibility = float(match[1])
    elif match := _TABLE.search(line):
        found.table[match[1]] = _table(found, lines, name)
    elif "Electric field gradients (V/A^2)" in line:
        found.efg = _efg(found, lines, name)


def _ions(found: _Found, lines: Iterator[str], name: str) -> NDArray[np.float64]:
    rows = []
    for ion in range(1, found.n_atoms + 1):
        head = next(lines, "")
        match = _ION.match(head)
        if match is None or int(match[1]) != ion:
            got = head[:40].strip()
            raise ValueError(f"{name} is cut off or malformed: expected the tensor of ion {ion}, got {got!r}")
        rows += [floats(next(lines, ""), 3, f"{name}, tensor of ion {ion}") for _ in range(3)]
    return tensors_of_rows(rows, f"{name}, the shift tensors")


def _g0(lines: Iterator[str], name: str) -> NDArray[np.float64]:
    for line in lines:
        if "BDIR" in line:
            break
    next(lines, "")
    rows = [floats(next(lines, ""), 4, f"{name}, the G=0 contribution")[1:] for _ in range(3)]
    return np.asarray(tensors_of_rows(rows, f"{name}, the G=0 contribution")[0])


def _core(lines: Iterator[str]) -> dict[int, float]:
    """Shift of the core by number of the type."""
    shifts: dict[int, float] = {}
    for line in lines:
        match = _CORE.match(line)
        if match:
            shifts[int(match[1])] = float(match[3])
        elif shifts or "magnetic susceptibility" in line:
            break
    return shifts


def _table(found: _Found, lines: Iterator[str], name: str) -> dict[int, tuple[float, float]]:
    """Isotropic shifts without and with G = 0, by ion."""
    return {
        ion: (row[1], row[4])
        for ion, row in (
            (ion, floats(next(lines, ""), 7, f"{name}, table of isotropic shifts"))
            for ion in range(1, found.n_atoms + 1)
        )
    }


def _efg(found: _Found, lines: Iterator[str], name: str) -> NDArray[np.float64]:
    for _ in range(3):
        next(lines, "")
    tensors = []
    for ion in range(1, found.n_atoms + 1):
        row = floats(next(lines, ""), 7, f"{name}, field gradient of ion {ion}")
        if row[0] != ion:
            raise ValueError(f"{name} is malformed: expected the field gradient of ion {ion}, got that of {row[0]:g}")
        xx, yy, zz, xy, xz, yz = row[1:]
        tensors.append([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    efg = finite(np.array(tensors, dtype=float).reshape(-1, 3, 3), f"{name}, the field gradients")
    # three printed decimals leave a trace; the field gradient has none
    efg -= np.trace(efg, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3)
    return np.asarray(convert_efg(efg, "V/A^2", "au"))


def _assemble(found: _Found, name: str) -> ase.Atoms:
    elements = found.elements[: len(found.counts)]
    if not found.counts or len(elements) != len(found.counts) or not found.cell or not found.start:
        raise ValueError(f"{name} is cut off: it ends before the structure is told")
    if found.n_atoms != len(found.start):
        raise ValueError(f"{name} is malformed: {len(found.start)} positions for {found.n_atoms} ions")
    symbols = [symbol for symbol, count in zip(elements, found.counts, strict=True) for _ in range(count)]
    positions = found.moved if _moved(found) else found.start
    atoms = structure(symbols, positions, np.array(found.cell), name)
    tensors = {}
    if found.tensors is not None:
        tensors["ms"] = _shielding(found, atoms, name)
    if found.efg is not None:
        tensors["efg"] = found.efg
    if not tensors:
        raise ValueError(
            f"{name} holds neither shieldings (LCHIMAG) nor field gradients (LEFG), or is cut off before them;"
            " VASP 6.6 writes them to NMRCAR.magres too"
        )
    check_tensors(atoms, tensors, name)
    atoms.info.update(calc_code="VASP", calc_code_version=found.version.removeprefix("vasp."))
    if "ms" in tensors:
        atoms.info.update(_told(found))
    if "efg" in tensors:
        atoms.info["efg_terms"] = "total, printed in V/A^2 with three decimals"
    return atoms


def _moved(found: _Found) -> bool:
    """True when the atoms have left the places of the first step."""
    if len(found.moved) != len(found.start):
        return False
    return bool(np.abs(np.array(found.moved) - np.array(found.start)).max() > 1e-4)


def _core_g0(found: _Found) -> float:
    """The shift by the susceptibility of the cores, ppm: 8 pi / 3 chi / (V N_A)."""
    if not found.volume > 0:
        return 0.0
    return 8 * math.pi / 3 * found.core_susceptibility / (found.volume * 1e-24 * _AVOGADRO)


def _shielding(found: _Found, atoms: ase.Atoms, name: str) -> NDArray[np.float64]:
    assert found.tensors is not None
    shift = -found.tensors if found.shielding else found.tensors
    if found.g0 is not None:
        shift = shift + found.g0
    kinds = np.repeat(np.arange(1, len(found.counts) + 1), found.counts)
    core = np.array([found.core.get(kind, 0.0) for kind in kinds.tolist()]) + _core_g0(found)
    finite(core, f"{name}, the cores' shifts")
    shift = shift + core[:, None, None] * np.eye(3)
    _agree(found, np.trace(shift, axis1=1, axis2=2) / 3, name)
    return -shift


def _agree(found: _Found, isotropic: NDArray[np.float64], name: str) -> None:
    """Hold the sum of the terms against VASP's own table."""
    table = found.table.get("and core")
    if table is None or found.shielding:
        return
    if set(table) != set(range(1, len(isotropic) + 1)):
        raise ValueError(f"{name} is malformed: its table of shifts has {len(table)} of {len(isotropic)} ions")
    printed = np.array([table[ion][1 if found.g0 is not None else 0] for ion in range(1, len(isotropic) + 1)])
    worst = int(np.argmax(np.abs(printed - isotropic)))
    if abs(printed[worst] - isotropic[worst]) > _AGREE + 1e-6 * abs(printed[worst]):
        raise ValueError(
            f"{name} contradicts itself: the terms of ion {worst + 1} add up to {isotropic[worst]:.4f} ppm, its table"
            f" says {printed[worst]:.4f}"
        )


def _told(found: _Found) -> dict[str, str]:
    terms = ["valence"]
    lacks = []
    if found.g0 is not None:
        terms.append("G=0")
    else:
        lacks.append("G=0")
    if any(found.core.values()) and not found.core_missing:
        terms.append("core")
        if found.core_susceptibility:
            terms.append("core susceptibility")
    else:
        lacks.append("core")
    told = {"ms_terms": " + ".join(terms), "ms_rows": "applied field"}
    return told | ({"ms_lacks": " and ".join(lacks)} if lacks else {})
