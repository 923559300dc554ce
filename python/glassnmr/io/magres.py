# SPDX-License-Identifier: BSD-3-Clause
"""Magres 1.0 (CCP-NC) through ASE; atoms may lack a tensor, malformed files are refused in one sentence."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from typing import IO, Any

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.version import __version__

__all__ = ["PARTS", "couplings", "read_magres", "write_magres"]

_VERSION = re.compile(r"^#\$magres-abinitio-v(\d+)\.(\d+)")
_UNITS = {"ms": "ppm", "efg": "au", "efg_local": "au", "efg_nonlocal": "au"}
PARTS = ("efg_local", "efg_nonlocal")
"""Parts of field gradients, per-atom arrays (N, 3, 3) in atomic units, kept with the structure."""
_COUPLINGS = ("isc_fc", "isc_orbital_p", "isc_orbital_d", "isc_spin", "isc")
_PAIR_UNIT, _SUS_UNIT = "10^19.T^2.J^-1", "10^-6.cm^3.mol^-1"
_GLUED = re.compile(r"([A-Za-z]\S*?)(\d{3,6})")
_NAN_TENSOR = " ".join(["nan"] * 9)


def read_magres(file: IO[str], name: str) -> ase.Atoms:
    """Read the structure with its arrays ``ms`` (ppm, shielding sign) and ``efg`` (atomic units), each (N, 3, 3).

    An atom without a tensor gets NaN. Further arrays are ``efg_local`` and ``efg_nonlocal``. ``info`` holds couplings
    (``isc`` and its parts, see `couplings`) and the susceptibility (``sus``, 10^-6 cm^3/mol) as text, the entries of
    the block [calculation] under their names.
    """
    text = file.read()
    version = _VERSION.match(text)
    if version is None:
        raise ValueError(f"{name} is not a magres file: it does not begin with '#$magres-abinitio-v1.0'")
    if version.group(1) != "1":
        raise ValueError(f"{name} has the magres version {version[1]}.{version[2]}, only 1.0 is known")
    blocks = _blocks(text, name)
    if "atoms" not in blocks:
        raise ValueError(f"{name} has no [atoms] block")
    labels = _labels(blocks["atoms"], name)
    tensors = _complete(blocks.get("magres", []), labels, name)
    structure = [line for line in blocks["atoms"] if line.split()[0] != "symmetry"]
    lines = ["#$magres-abinitio-v1.0", "[atoms]", *structure, "[/atoms]"]
    if tensors:
        lines += ["[magres]", *tensors, "[/magres]"]
    atoms = _through_ase("\n".join(lines) + "\n", name)
    atoms.info.update(_calculation(blocks.get("calculation", [])))
    atoms.info.update(_pairs_and_susceptibility(blocks.get("magres", []), labels, name))
    return atoms


def _blocks(text: str, name: str) -> dict[str, list[str]]:
    """The lines of each block, stripped, without comments and blank lines."""
    blocks: dict[str, list[str]] = {}
    current: str | None = None
    for raw in text.splitlines():
        line = raw.strip()
        mark = re.fullmatch(r"[<\[](/?)([\w-]+)[>\]]", line)
        if current is None:
            if mark and not mark[1]:
                current = mark[2]
                if current in blocks:
                    raise ValueError(f"{name} has two [{current}] blocks")
                blocks[current] = []
        elif mark and mark[1] and mark[2] == current:
            current = None
        elif line and not line.startswith("#"):
            blocks[current].append(line)
    if current is not None:
        raise ValueError(f"{name} is cut off: its block [{current}] does not end")
    return blocks


def _labels(lines: list[str], name: str) -> list[tuple[str, int]]:
    labels = []
    for line in lines:
        words = line.split()
        if words[0] == "atom":
            if len(words) != 7 or not words[3].isdigit():
                raise ValueError(f"{name}: expected 'atom species label index x y z', got {line!r}")
            labels.append((words[2], int(words[3])))
        elif words[0] == "units" and words[1:] not in (["lattice", "Angstrom"], ["atom", "Angstrom"]):
            raise ValueError(f"{name}: lattice and atoms must be in Angstrom, got {line!r}")
    if not labels:
        raise ValueError(f"{name} has no atoms")
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise ValueError(f"{name} has two atoms {twice[0]} {twice[1]}")
    return labels


def _complete(lines: list[str], labels: list[tuple[str, int]], name: str) -> list[str]:
    """Keep the tensors of the atoms, one line for every atom, NaN where the file has none."""
    units: dict[str, str] = {}
    tensors: dict[str, dict[tuple[str, int], str]] = {}
    known = set(labels)
    for line in lines:
        tag, *words = line.split()
        if tag == "units" and len(words) == 2:
            units[words[0]] = words[1]
        if tag not in _UNITS:
            continue
        if len(words) == 10 and (glued := _GLUED.fullmatch(words[0])) and (glued[1], int(glued[2])) in known:
            words[:1] = [glued[1], glued[2]]  # CASTEP leaves no blank before an index of three digits
        if len(words) != 11 or not words[1].isdigit():
            raise ValueError(f"{name}: expected '{tag} label index' and nine numbers, got {line[:60]!r}")
        site = (words[0], int(words[1]))
        if site in tensors.setdefault(tag, {}):
            raise ValueError(f"{name} gives {tag} of {site[0]} {site[1]} twice")
        tensors[tag][site] = " ".join(words[2:])
    for tag in units:
        if tag in _UNITS and tag not in tensors:
            raise ValueError(f"{name} is malformed: it announces units of {tag} but has no {tag} tensors")
    completed = []
    for tag, found in tensors.items():
        # some writers add the parts of a gradient without a unit: it is that of the whole
        unit = units.get(tag, units.get("efg", "no units") if tag in PARTS else "no units")
        if unit != _UNITS[tag]:
            raise ValueError(f"{name}: {tag} must be in {_UNITS[tag]}, got {unit}")
        foreign = set(found) - set(labels)
        if foreign:
            site = min(foreign)
            raise ValueError(f"{name} gives {tag} of {site[0]} {site[1]}, which is not among its atoms")
        completed.append(f"units {tag} {unit}")
        completed += [f"{tag} {label} {index} {found.get((label, index), _NAN_TENSOR)}" for label, index in labels]
    return completed


def _calculation(lines: list[str]) -> dict[str, str]:
    """The entries of the block, a unit after its number, several potentials parted by ';'."""
    entries = [line.split() for line in lines]
    units = {words[1]: words[2] for words in entries if words[0] == "units" and len(words) == 3}
    told: dict[str, str] = {}
    for key, *words in entries:
        if key.startswith("calc_") and words:
            text = " ".join([*words, units[key]] if key in units and len(words) == 1 else words)
            told[key] = f"{told[key]}; {text}" if key in told else text
    return told


def _pairs_and_susceptibility(lines: list[str], labels: list[tuple[str, int]], name: str) -> dict[str, str]:
    """``isc`` and its parts as "i j xx xy ... zz; ..." with atoms counted from 0, ``sus`` as nine numbers."""
    places = {label: place for place, label in enumerate(labels)}
    units = {words[1]: words[2] for words in map(str.split, lines) if words[0] == "units" and len(words) == 3}
    found: dict[str, list[str]] = {}
    for line in lines:
        tag, *words = line.split()
        if tag not in (*_COUPLINGS, "sus") or tag not in units:
            continue
        wanted = _SUS_UNIT if tag == "sus" else _PAIR_UNIT
        if units[tag] != wanted:
            raise ValueError(f"{name}: {tag} must be in {wanted}, got {units[tag]}")
        numbers = _numbers(words[-9:])
        sites = _pair(words[:-9], places) if tag != "sus" else [] if len(words) == 9 else None
        if numbers is None or sites is None:
            what = "nine numbers" if tag == "sus" else "two labels with their indices, of its atoms, and nine numbers"
            raise ValueError(f"{name}: expected '{tag}' and {what}, got {line[:60]!r}")
        found.setdefault(tag, []).append(" ".join([*map(str, sites), *map(repr, numbers)]))
    if len(found.get("sus", [])) > 1:
        raise ValueError(f"{name} gives sus twice")
    return {tag: "; ".join(entries) for tag, entries in found.items()}


def _numbers(words: list[str]) -> list[float] | None:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return None
    return numbers if len(numbers) == 9 and all(map(math.isfinite, numbers)) else None


def _pair(words: list[str], places: Mapping[tuple[str, int], int]) -> list[int] | None:
    """Two atoms of 'label index label index', where a label may touch an index of three digits."""
    found = []
    while words:
        glued = _GLUED.fullmatch(words[0])
        if len(words) > 1 and words[1].isdecimal() and len(words[1]) < 7 and (words[0], int(words[1])) in places:
            found.append(places[words[0], int(words[1])])
            words = words[2:]
        elif glued and (glued[1], int(glued[2])) in places:
            found.append(places[glued[1], int(glued[2])])
            words = words[1:]
        else:
            return None
    return found if len(found) == 2 else None


def couplings(atoms: ase.Atoms, key: str = "isc") -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Reduced couplings K that a magres file gave: pairs of atoms (P, 2) and tensors (P, 3, 3) in 10^19 T^2/J.

    `key` is ``"isc"`` or one of its parts, ``"isc_fc"``, ``"isc_spin"``, ``"isc_orbital_p"``, ``"isc_orbital_d"``.
    Empty arrays where there are none.

    Examples
    --------
    >>> atoms = ase.Atoms("CH", [[0, 0, 0], [0, 0, 1.1]], info={"isc": "0 1 5 0 0 0 5 0 0 0 8"})
    >>> pairs, tensors = couplings(atoms)
    >>> pairs.tolist(), float(np.trace(tensors[0]) / 3)
    ([[0, 1]], 6.0)
    """
    if key not in _COUPLINGS:
        raise ValueError(f"key must be one of {', '.join(_COUPLINGS)}, got {key!r}")
    rows = [entry.split() for entry in str(atoms.info.get(key, "")).split(";") if entry.strip()]
    if any(len(row) != 11 for row in rows):
        raise ValueError(f"info[{key!r}] must be entries of two atoms and nine numbers, parted by ';'")
    pairs = np.array([row[:2] for row in rows]).astype(np.int64).reshape(-1, 2)
    return pairs, np.array([row[2:] for row in rows]).astype(float).reshape(-1, 3, 3)


def _through_ase(text: str, name: str) -> ase.Atoms:
    from ase.io import read  # heavy: not before it is needed

    try:
        atoms = read(io.StringIO(text), format="magres")
    except Exception as error:
        raise ValueError(f"{name} cannot be read as magres ({type(error).__name__}: {error})") from error
    assert isinstance(atoms, ase.Atoms)
    for tag in _UNITS:
        if tag in atoms.arrays:
            atoms.arrays[tag] = np.ascontiguousarray(atoms.arrays[tag], dtype=float)
    atoms.info.pop("magres_units", None)
    return atoms


def write_magres(file: IO[str], atoms: ase.Atoms, tensors: Mapping[str, NDArray[Any]], comment: str = "",
                 whole: bool = False) -> None:  # fmt: skip
    """Write one structure as magres 1.0; reading it gives the same tensors to the last bit.

    Labels and indices are those that the structure came with (arrays ``labels`` and ``indices``), else element and
    running number. ``ms`` in ppm, ``efg`` in atomic units. Atoms whose tensor (N, 3, 3) is NaN have NaN in the file,
    too, as ASE and what reads through it want a tensor of every atom or of none. With `whole` all else
    that `read_magres` keeps is written, too: calculation, parts of field gradients, couplings, susceptibility.
    """
    sites = _sites(atoms)
    lines = ["#$magres-abinitio-v1.0", f"# written by glassnmr {__version__}" + (f": {comment}" if comment else "")]
    known = {key: str(value) for key, value in atoms.info.items() if whole and key.startswith("calc_")}
    told = [f"{key} {' '.join(entry.split())}" for key, value in known.items()
            for entry in (value.split("; ") if key == "calc_pspot" else [value]) if entry.strip()]  # fmt: skip
    if told:
        lines += ["[calculation]", *told, "[/calculation]"]
    lines.append("[atoms]")
    if atoms.cell.array.any():
        lines += ["units lattice Angstrom", "lattice " + _row(atoms.cell.array)]
    lines.append("units atom Angstrom")
    symbols = atoms.get_chemical_symbols()
    for symbol, (label, index), place in zip(symbols, sites, atoms.positions, strict=True):
        lines.append(f"atom {symbol} {label} {index} {_row(place)}")
    lines += ["[/atoms]", "[magres]"]
    parts = {key: atoms.arrays[key] for key in PARTS if whole and key in atoms.arrays and key not in tensors}
    for key, values in {**parts, **tensors}.items():
        full = np.isfinite(values).all(axis=(1, 2))
        if full.any():
            lines.append(f"units {key} {_UNITS[key]}")
            lines += [f"{key} {label} {index} {_row(values[k]) if full[k] else _NAN_TENSOR}"
                      for k, (label, index) in enumerate(sites)]
    if whole:
        lines += _extra_lines(atoms, sites)
    lines.append("[/magres]")
    file.write("\n".join(lines) + "\n")


def _extra_lines(atoms: ase.Atoms, sites: list[tuple[str, int]]) -> list[str]:
    """Susceptibility and couplings."""
    lines = []
    if "sus" in atoms.info:
        lines += [f"units sus {_SUS_UNIT}", f"sus {atoms.info['sus']}"]
    for key in _COUPLINGS:
        if key not in atoms.info:
            continue
        lines.append(f"units {key} {_PAIR_UNIT}")
        for (i, j), tensor in zip(*couplings(atoms, key), strict=True):
            lines.append(f"{key} {sites[i][0]} {sites[i][1]} {sites[j][0]} {sites[j][1]} {_row(tensor)}")
    return lines


def _row(values: NDArray[Any]) -> str:
    return " ".join(map(repr, np.asarray(values, dtype=float).ravel().tolist()))


def _sites(atoms: ase.Atoms) -> list[tuple[str, int]]:
    """Label and index of every atom, no two the same."""
    if "labels" in atoms.arrays and "indices" in atoms.arrays:
        labels = ["".join(str(label).split()) or "X" for label in atoms.arrays["labels"].tolist()]
        known = list(zip(labels, map(int, atoms.arrays["indices"].tolist()), strict=True))
        if len(set(known)) == len(known) and all(index > 0 for _, index in known):
            return known
    counts: dict[str, int] = {}
    sites = []
    for symbol in atoms.get_chemical_symbols():
        counts[symbol] = counts.get(symbol, 0) + 1
        sites.append((symbol, counts[symbol]))
    return sites
