# SPDX-License-Identifier: BSD-3-Clause
"""CASTEP's .castep of a magres run: the table of isotropic shieldings, couplings and asymmetries.

The file prints no tensors; the .magres beside it has them. C_Q is turned into V_zz with the quadrupole moment that
the file states, so that it does not depend on CASTEP's table of moments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.io.blocks import finite, floats, structure
from glassnmr.tensors import MHZ_PER_BARN_AU

__all__ = ["has_nmr", "is_castep", "read_castep"]

_VERSION = re.compile(r"CASTEP version\s+([\d.]+)")
_CELL_ROW = re.compile(r"^\s*x\s+([A-Z][a-z]?)\S*\s+(\d+)\s+(.*?)x\s*$")
_TABLE_ROW = re.compile(r"^\s*\|\s+([A-Z][a-z]?)(?::\S+)?\s+(\d+)\s+(.*?)\|\s*$")
_MOMENT = re.compile(r"^\s*([A-Z][a-z]?)\S*\s+(-?\d+\.\d+)\s+Isotope\s+(\d+)")
_TITLE = re.compile(r"\|\s+(Chemical Shielding|Electric Field Gradient|Chemical Shielding and Electric Field Gradient)"
                    r" Tensors?\s+\|")  # fmt: skip
_COLUMNS = {
    "Chemical Shielding": ("sigma_iso", "aniso", "eta_csa"),
    "Chemical Shielding and Electric Field Gradient": ("sigma_iso", "aniso", "eta_csa", "C_Q", "eta"),
    "Electric Field Gradient": ("C_Q", "eta"),
}


def is_castep(start: str) -> bool:
    """True for the first characters of a .castep file."""
    return "CASTEP version" in start[:4000] and "CCC" in start[:2000]


def has_nmr(file: IO[str]) -> bool:
    """True when a .castep file has a table of NMR parameters."""
    return any(_TITLE.search(line) for line in file)


def read_castep(file: IO[str], name: str) -> ase.Atoms:
    """The structure with ``sigma_iso`` (ppm), ``zeta`` (ppm), ``eta_csa``, ``V_zz`` (a.u.), ``C_Q`` (MHz) and ``eta``.

    NaN where the table prints none. ``C_Q`` is as CASTEP prints it, ``V_zz`` what follows with its own moment.
    """
    lines = iter(file)
    cell: NDArray[Any] | None = None
    contents: list[tuple[str, int, list[float]]] = []
    moments: dict[str, float] = {}
    table: dict[tuple[str, int], dict[str, float]] = {}
    version = ""
    for line in lines:
        if match := _VERSION.search(line):
            version = version or match[1].rstrip(".")
        elif "Real Lattice(A)" in line:
            cell = np.array([floats(next(lines, ""), 6, f"{name}, Real Lattice")[:3] for _ in range(3)])
        elif "Fractional coordinates of atoms" in line:
            contents = list(_contents(lines, name))
        elif match := _MOMENT.match(line):
            moments[match[1]] = float(match[2])
        elif match := _TITLE.search(line):
            for site, values in _table(lines, _COLUMNS[match[1]], name):
                table.setdefault(site, {}).update(values)
    if cell is None or not contents:
        raise ValueError(f"{name} is cut off: it ends before the structure is told")
    if not table:
        raise ValueError(f"{name} holds no table of NMR parameters, or is cut off before it")
    fractional = finite(np.array([place for _, _, place in contents]), f"{name}: the fractional coordinates")
    finite(cell, f"{name}: the cell")
    atoms = structure([symbol for symbol, _, _ in contents], fractional @ cell, cell, name)
    _put(atoms, [(symbol, number) for symbol, number, _ in contents], table, moments, name)
    atoms.info.update(calc_code="CASTEP", calc_code_version=version, ms_terms="total",
                      nmr_digits="of a table; the .magres file has the tensors")  # fmt: skip
    return atoms


def _contents(lines: Iterator[str], name: str) -> Iterator[tuple[str, int, list[float]]]:
    next(lines, "")
    next(lines, "")
    for line in lines:
        match = _CELL_ROW.match(line)
        if match is None:
            break
        yield match[1], int(match[2]), floats(match[3], 3, f"{name}, Cell Contents")


def _table(
    lines: Iterator[str], columns: tuple[str, ...], name: str
) -> Iterator[tuple[tuple[str, int], dict[str, float]]]:
    for line in lines:
        if "===" in line:
            return
        match = _TABLE_ROW.match(line)
        if match is None:
            continue
        words = match[3].split()
        if len(words) != len(columns):
            wanted = ", ".join(columns)
            raise ValueError(f"{name}: expected {wanted} of {match[1]} {match[2]}, got {match[3].strip()!r}")
        try:
            values = [float("nan") if word == "N/A" else float(word) for word in words]
        except ValueError:
            raise ValueError(f"{name}: {match[3].strip()!r} of {match[1]} {match[2]} are not numbers") from None
        yield (match[1], int(match[2])), dict(zip(columns, values, strict=True))
    raise ValueError(f"{name} is cut off: its table of NMR parameters does not end")


def _put(atoms: ase.Atoms, sites: list[tuple[str, int]], table: dict[tuple[str, int], dict[str, float]],
         moments: dict[str, float], name: str) -> None:  # fmt: skip
    foreign = set(table) - set(sites)
    if foreign:
        symbol, number = min(foreign)
        raise ValueError(f"{name} gives NMR parameters of {symbol} {number}, which is not in its cell")
    keys = _COLUMNS["Chemical Shielding and Electric Field Gradient"]
    columns = {key: np.array([table.get(site, {}).get(key, np.nan) for site in sites]) for key in keys}
    moment = np.array([moments.get(symbol, np.nan) for symbol, _ in sites])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # what is not finite is refused below
        columns["zeta"] = columns.pop("aniso") * 2 / 3
        columns["V_zz"] = np.where(moment != 0, columns["C_Q"] / (MHZ_PER_BARN_AU * moment), np.nan)
    for key, values in columns.items():
        known = values[~np.isnan(values)]
        if len(known):
            finite(known, f"{name}, {key}")
            atoms.set_array(key, values)
