# SPDX-License-Identifier: BSD-3-Clause
"""Magres 1.0 (CCP-NC) through ASE; atoms may lack a tensor, malformed files are refused in one sentence."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import IO, Any

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.version import __version__

__all__ = ["read_magres", "write_magres"]

_VERSION = re.compile(r"^#\$magres-abinitio-v(\d+)\.(\d+)")
_UNITS = {"ms": "ppm", "efg": "au", "efg_local": "au", "efg_nonlocal": "au"}
_GLUED = re.compile(r"([A-Za-z]\S*?)(\d{3,6})")
_NAN_TENSOR = " ".join(["nan"] * 9)


def read_magres(file: IO[str], name: str) -> ase.Atoms:
    """Read the structure with its arrays ``ms`` (ppm, shielding sign) and ``efg`` (atomic units), each (N, 3, 3).

    An atom without a tensor gets NaN. Couplings (isc) and the susceptibility are left out.
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
    for entry in blocks.get("calculation", []):
        key, *words = entry.split()
        if key in ("calc_code", "calc_code_version", "calc_name") and words:
            atoms.info[key] = " ".join(words)
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
        if tag not in units and tag not in ("ms", "efg"):
            continue  # some writers add the parts of a gradient without a unit
        if units.get(tag) != _UNITS[tag]:
            raise ValueError(f"{name}: {tag} must be in {_UNITS[tag]}, got {units.get(tag, 'no units')}")
        foreign = set(found) - set(labels)
        if foreign:
            site = min(foreign)
            raise ValueError(f"{name} gives {tag} of {site[0]} {site[1]}, which is not among its atoms")
        completed.append(f"units {tag} {units[tag]}")
        completed += [f"{tag} {label} {index} {found.get((label, index), _NAN_TENSOR)}" for label, index in labels]
    return completed


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


def write_magres(file: IO[str], atoms: ase.Atoms, tensors: Mapping[str, NDArray[Any]], comment: str = "") -> None:
    """Write one structure as magres 1.0; reading it gives the same tensors to the last bit.

    Labels and indices are those that the structure came with (arrays ``labels`` and ``indices``), else element and
    running number. ``ms`` in ppm, ``efg`` in atomic units. Atoms whose tensor (N, 3, 3) is NaN have NaN in the file,
    too, as ASE and what reads through it want a tensor of every atom or of none.
    """
    sites = _sites(atoms)
    lines = ["#$magres-abinitio-v1.0", f"# written by glassnmr {__version__}" + (f": {comment}" if comment else "")]
    told = [f"{key} {' '.join(str(atoms.info[key]).split())}" for key in ("calc_code", "calc_code_version", "calc_name")
            if atoms.info.get(key)]  # fmt: skip
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
    for key, whole in tensors.items():
        known = np.isfinite(whole).all(axis=(1, 2))
        if known.any():
            lines.append(f"units {key} {_UNITS[key]}")
            lines += [f"{key} {label} {index} {_row(whole[k]) if known[k] else _NAN_TENSOR}"
                      for k, (label, index) in enumerate(sites)]
    lines.append("[/magres]")
    file.write("\n".join(lines) + "\n")


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
