# SPDX-License-Identifier: BSD-3-Clause
"""The kind of site of every atom by counting bonds: Qn, coordination, what an oxygen binds; THEORY.md section 13.1."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import ArrayLike, NDArray

from glassnmr.descriptors import neighbours

__all__ = ["BONDS", "KINDS", "MODIFIERS", "is_kind", "site_fractions", "site_labels"]

BONDS: Mapping[str, float] = {"Si": 2.1, "Ge": 2.2, "P": 2.0, "B": 1.9, "Al": 2.4}
"""Distance (Å) to oxygen below which a network former is bonded to it: the first minimum of g(r) in oxide glasses."""

MODIFIERS: Mapping[str, float] = {
    "H": 1.3, "Li": 2.7, "Na": 3.2, "K": 3.7, "Rb": 3.8, "Cs": 4.1, "Be": 2.1, "Mg": 2.7, "Ca": 3.1, "Sr": 3.3,
    "Ba": 3.6, "Zn": 2.7, "Pb": 3.4, "Ti": 2.6, "Zr": 2.8, "Y": 3.1, "La": 3.4,
}
"""Distance (Å) to oxygen below which a modifier coordinates it."""

KINDS: Mapping[str, str] = {
    "site": "Qn of silicon, coordination of other formers (B3, Al4), BO, NBO, FO and O3 of oxygen",
    "coordination": "number of oxygens around each atom: BO3, BO4, AlO4, AlO5, NaO6; of formers around an oxygen: O2",
    "qn": "Qn of every four-coordinated former, n its bridging oxygens; BO3 and the like for the others",
    "qn(mAl)": "Qn with the number of Al beyond its bridges: Q4(2Al); any other former may stand for Al",
    "oxygen": "BO with two formers, NBO with one, TO (tricluster) with three or more, FO with none",
    "species": "what an oxygen binds: Si-O-Si, Si-O-Al, Si-O-Na, O(Si,Al2) of a tricluster",
}
"""The kinds of label that are counted from a structure."""

_Q_WITH = re.compile(r"qn\(m([A-Z][a-z]?)\)")


def is_kind(name: str) -> bool:
    """Whether `site_labels` knows this kind of label."""
    return name in KINDS or _Q_WITH.fullmatch(name) is not None


def site_labels(atoms: Atoms, bonds: Mapping[str, float] = BONDS, *, kind: str = "site",
                modifiers: Mapping[str, float] = MODIFIERS) -> NDArray[np.str_]:
    """Labels (N,) of the sites of an oxide, THEORY.md eq. (13.1) and (13.2).

    Parameters
    ----------
    atoms : any cell, any mix of periodic directions
    bonds : former -> distance to oxygen, Å, below which the two are bonded
    kind : one of `KINDS`, or ``"qn(mX)"`` with another former X
    modifiers : modifier -> distance to oxygen, Å; used by "coordination" and "species"

    Returns
    -------
    (N,) strings; an atom that the kind does not speak of is its element

    Raises
    ------
    ValueError
        An unknown kind, a former that `bonds` does not know, or a distance that is not positive.

    Examples
    --------
    >>> from ase.build import molecule
    >>> site_labels(molecule("SiH4")).tolist()
    ['Si0', 'H', 'H', 'H', 'H']
    >>> site_labels(molecule("H2O"), kind="species").tolist()
    ['FO', 'H', 'H']
    """
    if not is_kind(kind):
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    counted = _count(atoms, bonds, modifiers if kind in ("coordination", "species") else {})
    if kind == "coordination":
        return counted.coordinations()
    if kind == "oxygen":
        return counted.oxygens(("FO", "NBO", "BO"), "TO")
    if kind == "species":
        return counted.species()
    second = _Q_WITH.fullmatch(kind)
    if second is not None and second[1] not in bonds:
        raise ValueError(f"kind {kind!r} counts {second[1]}, which is none of the formers {', '.join(bonds)}")
    if kind == "site":
        return counted.sites()
    return counted.tetrahedra(None if second is None else second[1])


@dataclass(frozen=True)
class _Bonds:
    """All bonds of formers and modifiers to oxygens."""

    symbols: NDArray[np.str_]
    formers: Sequence[str]
    is_former: NDArray[np.bool_]
    centre: NDArray[np.int64]  # (P,) the former
    oxygen: NDArray[np.int64]  # (P,) its oxygen
    modifier: NDArray[np.int64]  # (M,)
    modified: NDArray[np.int64]  # (M,) its oxygen

    @property
    def around_oxygen(self) -> NDArray[np.int64]:
        """(N,) number of formers of each oxygen, eq. (13.1)."""
        return np.bincount(self.oxygen, minlength=len(self.symbols))

    @property
    def around_centre(self) -> NDArray[np.int64]:
        """(N,) number of oxygens of each former, eq. (13.1)."""
        return np.bincount(self.centre, minlength=len(self.symbols))

    @property
    def bridges(self) -> NDArray[np.int64]:
        """(N,) number of oxygens of each former that bind a second one, eq. (13.2)."""
        shared = self.around_oxygen[self.oxygen] >= 2
        return np.bincount(self.centre[shared], minlength=len(self.symbols))

    def beyond(self, element: str) -> NDArray[np.int64]:
        """(N,) number of bridges of each former that lead to this element."""
        of = self.symbols[self.centre] == element
        there = np.bincount(self.oxygen[of], minlength=len(self.symbols))  # atoms of the element at each oxygen
        others = there[self.oxygen] - of
        return np.bincount(self.centre[others > 0], minlength=len(self.symbols))

    def _named(self, first: NDArray[np.str_], rows: NDArray[np.bool_], texts: Sequence[str]) -> NDArray[np.str_]:
        labels = first.astype("U32")
        labels[rows] = texts
        return labels

    def oxygens(self, names: tuple[str, str, str], more: str | None = None) -> NDArray[np.str_]:
        """Oxygens by their number of formers; others by their element."""
        rows = self.symbols == "O"
        texts = [names[n] if n < 3 else more or f"O{n}" for n in self.around_oxygen[rows]]
        return self._named(self.symbols, rows, texts)

    def sites(self) -> NDArray[np.str_]:
        """Qn of silicon, coordination of other formers, kinds of oxygen."""
        labels = self.oxygens(("FO", "NBO", "BO"))
        found = zip(self.symbols[self.is_former], self.around_centre[self.is_former], self.bridges[self.is_former],
                    strict=True)
        return self._named(labels, self.is_former,
                           [f"Q{q}" if symbol == "Si" and n == 4 else f"{symbol}{n}" for symbol, n, q in found])

    def tetrahedra(self, second: str | None) -> NDArray[np.str_]:
        """Qn, or Qn(mX), of four-coordinated formers, the coordination of others; kinds of oxygen."""
        labels = self.oxygens(("FO", "NBO", "BO"), "TO")
        rows = self.is_former
        m = np.zeros(len(self.symbols), dtype=int) if second is None else self.beyond(second)
        found = zip(self.symbols[rows], self.around_centre[rows], self.bridges[rows], m[rows], strict=True)
        texts = [f"{symbol}O{n}" if n != 4 else f"Q{q}" if second is None else f"Q{q}({k}{second})"
                 for symbol, n, q, k in found]
        return self._named(labels, rows, texts)

    def coordinations(self) -> NDArray[np.str_]:
        """Number of oxygens around every atom that binds any, of formers around oxygens."""
        number = self.around_centre + np.bincount(self.modifier, minlength=len(self.symbols))
        rows = self.symbols != "O"
        texts = [f"{symbol}O{n}" for symbol, n in zip(self.symbols[rows], number[rows], strict=True)]
        labels = self._named(self.symbols, rows, texts)
        return self._named(labels, ~rows, [f"O{n}" for n in self.around_oxygen[~rows]])

    def species(self) -> NDArray[np.str_]:
        """What each oxygen binds: its formers and, where there is one former only, the modifiers that coordinate it."""
        oxygens = np.flatnonzero(self.symbols == "O")
        formers = _grouped(self.oxygen, self.symbols[self.centre], len(self.symbols))
        modifiers = _grouped(self.modified, self.symbols[self.modifier], len(self.symbols))
        texts = []
        for k in oxygens:
            bound = sorted(formers[k], key=self.formers.index)
            near = ",".join(sorted(set(modifiers[k]), key=lambda symbol: atomic_numbers[symbol]))
            if not bound:
                texts.append("FO")
            elif len(bound) == 1:
                texts.append(f"{bound[0]}-O-{near}" if near else f"{bound[0]}-O")
            elif len(bound) == 2:
                texts.append(f"{bound[0]}-O-{bound[1]}")
            else:
                counts = Counter(bound)
                texts.append("O(" + ",".join(f"{s}{n if n > 1 else ''}" for s, n in counts.items()) + ")")
        return self._named(self.symbols, self.symbols == "O", texts)


def _grouped(owner: NDArray[np.int64], symbols: NDArray[np.str_], n: int) -> list[list[str]]:
    order = np.argsort(owner, kind="stable")
    parts = np.split(symbols[order], np.cumsum(np.bincount(owner, minlength=n))[:-1])
    return [part.tolist() for part in parts]


def _count(atoms: Atoms, bonds: Mapping[str, float], modifiers: Mapping[str, float]) -> _Bonds:
    symbols = np.array(atoms.get_chemical_symbols(), dtype="U2")
    reach = np.zeros(len(atomic_numbers))
    for element, distance in {**modifiers, **bonds}.items():
        if element not in atomic_numbers:
            raise ValueError(f"bonds must be of chemical symbols, got {element!r}")
        if not (np.isfinite(distance) and distance > 0):
            raise ValueError(f"the bond of {element} must be a positive distance in Å, got {distance}")
        reach[atomic_numbers[element]] = distance
    is_former = np.isin(symbols, list(bonds))
    longest = float(reach[atoms.numbers].max(initial=0))
    nothing = np.zeros(0, dtype=np.int64)
    if longest == 0:
        return _Bonds(symbols, list(bonds), is_former, nothing, nothing, nothing, nothing)
    first, index, vector = neighbours(atoms, longest)
    centre = np.repeat(np.arange(len(atoms)), np.diff(first))
    bonded = (symbols[index] == "O") & (np.linalg.norm(vector, axis=1) < reach[atoms.numbers[centre]])
    centre, index = centre[bonded], index[bonded].astype(np.int64)
    of = is_former[centre]
    return _Bonds(symbols, list(bonds), is_former, centre[of], index[of], centre[~of], index[~of])


def site_fractions(labels: ArrayLike, weights: ArrayLike | None = None) -> dict[str, tuple[float, float]]:
    """The share of each label and its standard error, from the number of atoms.

    Parameters
    ----------
    labels : (n,) of the atoms that are counted
    weights : (n,), not negative; 1 by default

    Returns
    -------
    label -> (share of 1, sqrt(p (1 - p) / n_eff)), n_eff = (sum w)^2 / sum w^2; by name

    Examples
    --------
    >>> shares = site_fractions(["Q4", "Q4", "Q4", "Q3"])
    >>> round(shares["Q4"][0], 4), round(shares["Q4"][1], 4)
    (0.75, 0.2165)
    """
    names = np.asarray(labels).astype(str)
    weight = np.ones(len(names)) if weights is None else np.asarray(weights, dtype=float)
    if names.ndim != 1 or len(names) == 0 or weight.shape != names.shape:
        raise ValueError(f"labels and weights must have one length, got {names.shape} and {weight.shape}")
    if not np.all(np.isfinite(weight)) or np.any(weight < 0) or not weight.sum() > 0:
        raise ValueError("weights must be finite and not negative, with a positive sum")
    kinds, place = np.unique(names, return_inverse=True)
    share = np.bincount(place, weights=weight) / weight.sum()
    number = weight.sum() ** 2 / (weight @ weight)
    return {str(kind): (float(p), float(np.sqrt(p * (1 - p) / number))) for kind, p in zip(kinds, share, strict=True)}
