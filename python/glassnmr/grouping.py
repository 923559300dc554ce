# SPDX-License-Identifier: BSD-3-Clause
"""Groups that folds must not split: near-duplicate structures found from their environments, THEORY.md eq. (14.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.descriptors import SphericalBesselSOAP
from glassnmr.table import Dataset

__all__ = ["TOLERANCE", "composition", "deal_groups", "duplicate_groups", "regroup", "structure_distance"]

TOLERANCE = 0.05
"""Distance, eq. (14.2), below which two structures are taken for one: atoms moved by 0.04 Å, a cell scaled by 1 %."""

_FAR = 3.0  # tolerances between mean environments, beyond which structures are not compared further

_CUTOFF, _N_MAX, _L_MAX, _SIGMA = 5.0, 6, 4, 0.4
_OXIDES = {
    **dict.fromkeys(("Li", "Na", "K", "Rb", "Cs"), (2, 1)),
    **dict.fromkeys(("Be", "Mg", "Ca", "Sr", "Ba", "Zn"), (1, 1)),
    **dict.fromkeys(("B", "Al", "Ga"), (2, 3)),
    **dict.fromkeys(("Si", "Ge", "Ti", "Zr"), (1, 2)),
    **dict.fromkeys(("P", "V"), (2, 5)),
}


def composition(atoms: ase.Atoms) -> str:
    """What a structure is made of, independent of its size: mol fractions of oxides where they add up, else a formula.

    Examples
    --------
    >>> composition(ase.Atoms("Na4Si8O18"))
    '0.2 Na2O 0.8 SiO2'
    >>> composition(ase.Atoms("Na2Cl2"))
    'ClNa'
    """
    symbols, counts = np.unique(atoms.get_chemical_symbols(), return_counts=True)
    table = dict(zip(symbols.tolist(), counts.tolist(), strict=True))
    oxygen = table.pop("O", 0)
    if table and all(symbol in _OXIDES for symbol in table):
        moles = {symbol: count / _OXIDES[symbol][0] for symbol, count in table.items()}
        if abs(sum(n * _OXIDES[symbol][1] for symbol, n in moles.items()) - oxygen) < 1e-9:
            total = sum(moles.values())
            return " ".join(f"{n / total:.4g} {_oxide(symbol)}" for symbol, n in moles.items())
    return str(atoms.get_chemical_formula(empirical=True))


def _oxide(symbol: str) -> str:
    cations, anions = _OXIDES[symbol]
    return symbol + (str(cations) if cations > 1 else "") + "O" + (str(anions) if anions > 1 else "")


def regroup(dataset: Dataset, by: str, *, tolerance: float = TOLERANCE, n_threads: int = 0,
            progress: Callable[[int, int], None] | None = None) -> Dataset:  # fmt: skip
    """The same table with other groups.

    Parameters
    ----------
    by : ``"file"`` (the row's source), ``"composition"``, ``"structure"``, or ``"duplicates"``: near-duplicate
        structures together, and with them all that shared a group before
    tolerance, n_threads, progress : as in `duplicate_groups`

    Raises
    ------
    ValueError
        Another word for `by`.

    Examples
    --------
    >>> from glassnmr.data.reference import load
    >>> len(set(regroup(load("shielding"), "composition").group.tolist())) < len(load("shielding").structures)
    True
    """
    if by == "file":
        return replace(dataset, group=dataset.source.copy())
    if by == "structure":
        names = [str(atoms.info.get("name", number)) for number, atoms in enumerate(dataset.structures)]
    elif by == "composition":
        names = [composition(atoms) for atoms in dataset.structures]
    elif by == "duplicates":
        found = duplicate_groups(dataset.structures, tolerance=tolerance, n_threads=n_threads, progress=progress)
        return replace(dataset, group=_joined(dataset, found))
    else:
        raise ValueError(f"by must be 'file', 'composition', 'structure' or 'duplicates', got {by!r}")
    return replace(dataset, group=np.array(names)[dataset.structure])


def _joined(dataset: Dataset, found: NDArray[np.int64]) -> NDArray[np.str_]:
    """Groups: unions of the duplicates and of the groups that were there, named after their first structure."""
    known, old = np.unique(dataset.group, return_inverse=True)
    count = len(dataset.structures)
    links = _Links(count + len(known))
    for number, duplicate in enumerate(found.tolist()):
        links.join(number, duplicate)
    for structure, group in set(zip(dataset.structure.tolist(), old.reshape(-1).tolist(), strict=True)):
        links.join(structure, count + group)
    roots = [links.root(number) for number in range(count)]
    names = [str(dataset.structures[root].info.get("name", root)) for root in roots]
    return np.array(names)[dataset.structure]


class _Links:
    """Union and find; the root of a set is its smallest member."""

    def __init__(self, count: int) -> None:
        self.parent = list(range(count))

    def root(self, item: int) -> int:
        while self.parent[item] != item:
            self.parent[item] = self.parent[self.parent[item]]
            item = self.parent[item]
        return item

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self.parent[high] = low


def duplicate_groups(structures: Sequence[ase.Atoms], *, tolerance: float = TOLERANCE, n_threads: int = 0,
                     progress: Callable[[int, int], None] | None = None) -> NDArray[np.int64]:  # fmt: skip
    """For each structure (S,) the index of the first that it is linked to by steps shorter than `tolerance`.

    Structures of different composition are never linked. The distance is that of eq. (14.2): a supercell, a rotated
    copy or another choice of the cell has the distance 0. Structures whose mean environments are more than three
    tolerances apart are not compared further.

    Parameters
    ----------
    structures : periodic or not
    tolerance : above 0; `TOLERANCE` links relaxations of one crystal by different means. Frames of a trajectory at room
        temperature are about 0.12 apart, polymorphs of silica 0.06 and more: group frames by file
    progress : called with (compositions done, compositions)

    Examples
    --------
    >>> from ase.build import bulk
    >>> silicon = bulk("Si", cubic=True)
    >>> duplicate_groups([silicon, silicon * (1, 1, 2), bulk("Si", "fcc", 3.2)]).tolist()
    [0, 0, 2]
    """
    if not (np.isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"tolerance must be positive and finite, got {tolerance}")
    families: dict[str, list[int]] = {}
    for number, atoms in enumerate(structures):
        families.setdefault(str(atoms.get_chemical_formula(empirical=True)), []).append(number)
    links = _Links(len(structures))
    for done, members in enumerate(families.values()):
        if len(members) > 1:
            _link(links, members, [structures[number] for number in members], tolerance, n_threads)
        if progress is not None:
            progress(done + 1, len(families))
    return np.array([links.root(number) for number in range(len(structures))], dtype=np.int64)


Environments = list[tuple[int, NDArray[np.float64]]]


def _link(links: _Links, members: list[int], family: list[ase.Atoms], tolerance: float, n_threads: int) -> None:
    environments = [_environments(atoms, n_threads) for atoms in family]
    means = [[rows.mean(axis=0) for _, rows in kinds] for kinds in environments]
    for i in range(len(members)):
        for j in range(i + 1, len(members)):
            if links.root(members[i]) == links.root(members[j]):
                continue
            gaps = [float(np.linalg.norm(a - b)) for a, b in zip(means[i], means[j], strict=True)]
            if max(gaps) > _FAR * tolerance:
                continue
            if _distance(environments[i], environments[j]) < tolerance:
                links.join(members[i], members[j])


def structure_distance(one: ase.Atoms, other: ase.Atoms, *, n_threads: int = 0) -> float:
    """Distance of two structures of one composition, eq. (14.2), from 0 to sqrt(2); infinite for others.

    Examples
    --------
    >>> from ase.build import bulk
    >>> structure_distance(bulk("Si"), bulk("Si", cubic=True)) < 1e-6
    True
    """
    if one.get_chemical_formula(empirical=True) != other.get_chemical_formula(empirical=True):
        return float("inf")
    return _distance(_environments(one, n_threads), _environments(other, n_threads))


def _environments(atoms: ase.Atoms, n_threads: int) -> Environments:
    """Per element the distinct normalised descriptor rows."""
    species = sorted(set(atoms.get_chemical_symbols()))
    soap = SphericalBesselSOAP(species, _CUTOFF, n_max=_N_MAX, l_max=_L_MAX, sigma=_SIGMA)
    rows = np.asarray(soap.transform([atoms], n_threads=n_threads), dtype=float)
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)
    return [(int(z), rows[atoms.numbers == z]) for z in np.unique(atoms.numbers)]


def _distance(one: Environments, other: Environments) -> float:
    worst = 0.0
    for (_, a), (_, b) in zip(one, other, strict=True):
        square = np.maximum(2 - 2 * a @ b.T, 0)
        distance = np.sqrt(square)
        worst = max(worst, float(distance.min(axis=1).mean()), float(distance.min(axis=0).mean()))
    return worst


def deal_groups(groups: NDArray[np.str_], shares: Sequence[float], seed: int = 0) -> list[NDArray[np.int64]]:
    """Rows of each part; no group is in two parts, and the parts hold about these shares of the rows.

    The largest groups are dealt first, each to the part that lacks most of its share; equal ones by `seed`.

    Raises
    ------
    ValueError
        Fewer groups than parts, or shares that are not positive.

    Examples
    --------
    >>> parts = deal_groups(np.array(["a", "a", "b", "c", "c", "d"]), [0.7, 0.3])
    >>> [len(part) for part in parts]
    [4, 2]
    """
    if not all(share > 0 for share in shares) or len(shares) < 1:
        raise ValueError(f"shares must be positive, got {list(shares)}")
    names, number = np.unique(groups, return_inverse=True)
    number = number.reshape(-1)
    if len(names) < len(shares):
        raise ValueError(f"{len(shares)} parts need at least as many groups, got {len(names)}")
    size = np.bincount(number)
    order = np.random.default_rng(seed).permutation(len(size))
    order = order[np.argsort(-size[order], kind="stable")]
    wanted = np.array(shares) / sum(shares) * len(groups)
    held = np.zeros(len(shares))
    part = np.empty(len(size), dtype=np.int64)
    empty = len(shares)
    for place, group in enumerate(order.tolist()):
        # the last groups go to parts that have none yet
        must = len(order) - place <= empty
        lack = np.where(held > 0, -np.inf, wanted) if must else wanted - held
        chosen = int(np.argmax(lack))
        empty -= held[chosen] == 0
        part[group] = chosen
        held[chosen] += size[group]
    return [np.flatnonzero(part[number] == k) for k in range(len(shares))]
