# SPDX-License-Identifier: BSD-3-Clause
"""What looks wrong in a table of training data: contacts too short, odd coordination, values far from all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ase
import numpy as np
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray

from glassnmr.derived import can_derive
from glassnmr.descriptors import neighbours
from glassnmr.sites import site_labels
from glassnmr.table import Dataset

__all__ = ["Finding", "check_dataset", "outliers", "short_contacts"]

ANIONS: Mapping[str, float] = {"O": 1.40, "F": 1.33, "N": 1.46, "S": 1.84, "Cl": 1.81}
"""Ionic radii (Å) of Shannon: two anions of one element do not come closer than 0.7 of their sum."""
COORDINATION: Mapping[str, tuple[int, ...]] = {"B": (3, 4), "Si": (4, 6), "Al": (4, 5, 6), "P": (4,), "Ge": (4, 5, 6)}
"""Numbers of oxygen neighbours that oxides show."""
# parts of the sum of the covalent radii for cation and anion, of that for two cations, of the ionic radii of two anions
_BONDED, _CATIONIC, _ANIONIC = 0.78, 0.65, 0.70
_FAR = 5.0  # robust standard deviations


@dataclass(frozen=True)
class Finding:
    """One thing that looks wrong. kind: "contact", "coordination" or "value"; where: the structure's name."""

    kind: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


def short_contacts(atoms: ase.Atoms) -> list[tuple[int, int, float]]:
    """Pairs (i, j, distance in Å) that are closer than any compound allows, every pair once, the shortest image.

    Below 0.78 of the sum of the covalent radii for two elements of which one is an anion, 0.65 of it for two cations,
    0.70 of the sum of the ionic radii for two anions of one element.

    Examples
    --------
    >>> short_contacts(ase.Atoms("O2", [[0, 0, 0], [0, 0, 1.23]]))
    [(0, 1, 1.23)]
    >>> short_contacts(ase.Atoms("SiO", [[0, 0, 0], [0, 0, 1.6]]))
    []
    """
    limit = covalent_radii[atoms.numbers][:, None] + covalent_radii[atoms.numbers]
    radius = np.zeros(len(atomic_numbers))
    for symbol, value in ANIONS.items():
        radius[atomic_numbers[symbol]] = value
    anion = radius[atoms.numbers]
    both = np.outer(anion > 0, anion > 0) & (atoms.numbers[:, None] == atoms.numbers)
    neither = np.outer(anion == 0, anion == 0)
    limit = np.where(both, _ANIONIC * (anion[:, None] + anion), limit * np.where(neither, _CATIONIC, _BONDED))
    reach = float(limit.max(initial=0))
    if len(atoms) == 0 or reach == 0:
        return []
    first, index, vector = neighbours(atoms, reach)
    centre = np.repeat(np.arange(len(atoms)), np.diff(first))
    distance = np.linalg.norm(vector, axis=1)
    close = (distance < limit[centre, index]) & (centre <= index)
    found: dict[tuple[int, int], float] = {}
    for i, j, d in zip(centre[close].tolist(), index[close].tolist(), distance[close].tolist(), strict=True):
        found[i, j] = min(d, found.get((i, j), np.inf))
    return [(i, j, round(d, 6)) for (i, j), d in sorted(found.items())]


def outliers(values: NDArray[np.float64], far: float = _FAR, least: float = 0.0) -> NDArray[np.bool_]:
    """Values (N,) more than `far` robust standard deviations (1.4826 times the median deviation) off the median.

    The deviation is taken to be `least` where it is smaller.

    Examples
    --------
    >>> import numpy as np
    >>> outliers(np.array([1.0, 2.0, 3.0, 2.0, 50.0])).tolist()
    [False, False, False, False, True]
    """
    known = np.isfinite(values)
    if known.sum() < 4:
        return np.zeros(len(values), dtype=bool)
    deviation = np.abs(values - np.median(values[known]))
    spread = max(1.4826 * float(np.median(deviation[known])), least)
    if not spread > 0:
        return np.zeros(len(values), dtype=bool)
    return np.asarray(known & (deviation > far * spread))


def check_dataset(dataset: Dataset) -> list[Finding]:
    """All findings of a table, structure by structure; an empty list when nothing looks wrong.

    Examples
    --------
    >>> from glassnmr.data.reference import load
    >>> {finding.kind for finding in check_dataset(load("shielding", "29Si"))} <= {"contact", "coordination", "value"}
    True
    """
    findings: list[Finding] = []
    for number, atoms in enumerate(dataset.structures):
        where = str(atoms.info.get("name", number))
        symbols = atoms.get_chemical_symbols()
        for i, j, d in short_contacts(atoms):
            findings.append(Finding("contact", where, f"{symbols[i]} {i} and {symbols[j]} {j} are {d:.3f} Å apart"))
        findings += _coordination(atoms, where)
    for isotope in sorted(set(dataset.isotope.tolist())):
        findings += _values(dataset, isotope)
    return findings


def _coordination(atoms: ase.Atoms, where: str) -> list[Finding]:
    labels = site_labels(atoms)
    odd: dict[str, list[int]] = {}
    for former, allowed in COORDINATION.items():
        usual = {f"{former}{n}" for n in allowed} | {f"Q{n}" for n in range(5)}
        for atom in np.flatnonzero(atoms.symbols == former).tolist():
            if labels[atom] not in usual and labels[atom] != f"{former}0":
                odd.setdefault(f"{former} of {str(labels[atom]).removeprefix(former)} oxygen(s)", []).append(atom)
    return [Finding("coordination", where, f"{kind}: atom(s) {_list(members)}") for kind, members in odd.items()]


def _values(dataset: Dataset, isotope: str) -> list[Finding]:
    part = dataset.select(mask=np.flatnonzero(dataset.isotope == isotope))
    findings = []
    for name, unit, least in (("sigma_iso", "ppm", 2.0), ("V_zz", "a.u.", 0.05)):
        if name not in part.scalars and not can_derive(name, part.tensors):
            continue
        rows = part.has("ms" if name == "sigma_iso" else "efg") | part.has(name)
        values = np.full(len(part), np.nan)
        if rows.any():
            values[rows] = part.select(mask=rows).target(name)
        middle = float(np.median(values[rows])) if rows.any() else 0.0
        sizes = np.abs(values) if name == "V_zz" else values
        for row in np.flatnonzero(outliers(sizes, least=least)).tolist():
            atoms = part.structures[part.structure[row]]
            site = f"{isotope or part.element[row]} {part.centre[row]}"
            text = f"{site}: {name} {values[row]:.2f} {unit}, median {middle:.2f}"
            findings.append(Finding("value", str(atoms.info.get("name", "")), text))
    return findings


def _list(members: list[int]) -> str:
    text = ", ".join(map(str, members[:5]))
    return text + (f" and {len(members) - 5} more" if len(members) > 5 else "")
