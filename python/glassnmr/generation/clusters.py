# SPDX-License-Identifier: BSD-3-Clause
"""Neutral clusters carved around one atom of a sodium-silicate glass, cut bonds saturated with hydrogen.

The clusters speak for the glass out to `info["valid_cutoff"]`: the distance (Å) from the centre, atom 0, to the nearest
atom that the glass does not have there. A descriptor with a shorter cutoff sees the glass and nothing else.

* Around Si: Si(O-)4 with every bridged Si as SiH3, the H on the cut Si-O bonds.
* Around O: every bonded Si with its oxygens, these as OH, the H on the cut O-Si bonds.
* Every Na within `reach` is kept. Charges are balanced by further Na near non-bridging O, or by an OH on the far side
  of Na in surplus, where the ions' Coulomb energy is lowest.
"""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

BOND = 2.1
"""Si-O distance (Å) below which the two are bonded."""
SI_H, O_H, NA_O = 1.48, 0.96, 2.25
"""Bond lengths (Å) of the saturating atoms."""
CLOSEST = 1.25
"""No two atoms of a cluster, O-H excepted, may be closer (Å)."""


class CannotCarve(ValueError):
    """The environment cannot be carved into a sensible neutral cluster; the message says why."""


class Neighbourhood:
    """Every image within `radius` (Å) of a centre as a free-standing site; site 0 is the centre, at the origin."""

    def __init__(self, atoms: Atoms, centre: int, radius: float = 7.0) -> None:
        heights = 1 / np.linalg.norm(np.linalg.pinv(atoms.cell.array), axis=0).clip(1e-9)
        counts = [int(np.ceil(radius / heights[k])) + 1 if atoms.pbc[k] else 0 for k in range(3)]
        shifts = np.array(list(product(*(range(-n, n + 1) for n in counts))))
        vector = (atoms.positions - atoms.positions[centre])[None] + (shifts @ atoms.cell.array)[:, None]
        distance = np.linalg.norm(vector, axis=2)
        image, atom = np.nonzero((distance < radius) & (distance > 1e-6))
        self.symbol = [atoms.symbols[centre], *(atoms.symbols[k] for k in atom)]
        self.position = np.vstack([np.zeros(3), vector[image, atom]])

    def bonded(self, site: int, symbol: str, reach: float = BOND) -> list[int]:
        """Sites of an element within `reach` of a site, nearest first."""
        d = np.linalg.norm(self.position - self.position[site], axis=1)
        near = [k for k in np.argsort(d) if 0 < d[k] < reach and self.symbol[k] == symbol]
        return [int(k) for k in near]


class _Cluster:
    def __init__(self, around: Neighbourhood) -> None:
        self.around = around
        self.sites: dict[int, None] = {}
        self.added: list[tuple[str, NDArray[np.float64]]] = []

    def keep(self, *sites: int) -> None:
        self.sites.update(dict.fromkeys(sites))

    def cap(self, site: int, towards: NDArray[np.float64], symbol: str, length: float) -> NDArray[np.float64]:
        """Add an atom at `length` from a site, in the direction of a place."""
        start = self.around.position[site]
        direction = towards - start
        end: NDArray[np.float64] = start + length * direction / np.linalg.norm(direction)
        self.added.append((symbol, end))
        return end

    def balance(self, charge: int, loose: list[int]) -> None:
        """Bring the charge to zero: Na beside loose oxygens when negative, OH behind some Na when positive."""
        near = self.around
        while charge < 0:
            options = [k for o in loose for k in near.bonded(o, "Na", 3.2) if k not in self.sites]
            if not options:
                raise CannotCarve("a non-bridging oxygen has no sodium left to balance it")
            self.keep(options[0])
            charge += 1
        sodium = [k for k in self.sites if near.symbol[k] == "Na"]
        if charge > len(sodium):
            raise CannotCarve("more positive charge than sodium")
        behind = {k: near.position[k] * (1 + NA_O / np.linalg.norm(near.position[k])) for k in sodium}
        chosen = min(combinations(sodium, charge), key=lambda ks: self._energy(loose, sodium, [behind[k] for k in ks]))
        for k in chosen:
            oxygen = self.cap(k, behind[k], "O", NA_O)
            outwards = oxygen / np.linalg.norm(oxygen)
            side = np.cross(outwards, [0.36, 0.48, 0.80])
            self.added.append(("H", oxygen + O_H * (0.8 * outwards + 0.6 * side / np.linalg.norm(side))))

    def _energy(self, loose: list[int], sodium: list[int], hydroxide: list[NDArray[np.float64]]) -> float:
        """Coulomb energy of the formal ions: charges far apart would close the gap between the electron levels."""
        places = [*self.around.position[loose + sodium], *hydroxide]
        charges = [-1] * len(loose) + [1] * len(sodium) + [-1] * len(hydroxide)
        return float(sum(a * b / np.linalg.norm(p - q)
                         for (a, p), (b, q) in combinations(list(zip(charges, places, strict=True)), 2)))

    def atoms(self) -> Atoms:
        near = self.around
        symbols = [near.symbol[k] for k in self.sites] + [s for s, _ in self.added]
        positions = np.array([near.position[k] for k in self.sites] + [p for _, p in self.added])
        distance = np.linalg.norm(positions[:, None] - positions, axis=-1) + 9 * np.eye(len(symbols))
        hydrogen = np.array([s == "H" for s in symbols])
        closest = distance[~hydrogen][:, ~hydrogen].min()
        if closest < CLOSEST or distance.min() < 0.9:
            raise CannotCarve(f"two atoms would stand {min(closest, distance.min()):.2f} Å apart")
        added = np.array([p for _, p in self.added])
        missing = [k for k in range(1, len(near.symbol)) if k not in self.sites]
        strangers = np.vstack([added, near.position[missing]])
        result = Atoms(symbols, positions)
        result.info["valid_cutoff"] = round(float(np.linalg.norm(strangers, axis=1).min()), 3)
        return result


def carve_silicon(atoms: Atoms, centre: int, reach: float = 3.4) -> Atoms:
    """Cluster around a four-coordinated Si; `info["site"]` is its Qn."""
    near = Neighbourhood(atoms, centre)
    cluster = _Cluster(near)
    cluster.keep(0)
    oxygens = near.bonded(0, "O")
    if len(oxygens) != 4:
        raise CannotCarve(f"Si {centre} has {len(oxygens)} oxygen neighbours, not 4")
    cluster.keep(*oxygens)
    loose = []
    for o in oxygens:
        silicon = [k for k in near.bonded(o, "Si") if k != 0]
        if len(silicon) > 1:
            raise CannotCarve("an oxygen is bonded to three silicon")
        if not silicon:
            loose.append(o)
            continue
        si = silicon[0]
        if si in cluster.sites:
            raise CannotCarve("two tetrahedra share an edge")
        cluster.keep(si)
        rest = [k for k in near.bonded(si, "O") if k != o]
        if len(rest) != 3 or set(rest) & set(oxygens):
            raise CannotCarve("a neighbouring silicon is not a corner-sharing tetrahedron")
        for k in rest:
            cluster.cap(si, near.position[k], "H", SI_H)
    sodium = near.bonded(0, "Na", reach)
    cluster.keep(*sodium)
    cluster.balance(len(sodium) - len(loose), loose)
    result = cluster.atoms()
    result.info["site"] = f"Q{4 - len(loose)}"
    return result


def carve_oxygen(atoms: Atoms, centre: int, reach: float = 3.2) -> Atoms:
    """Cluster around a bridging (BO) or non-bridging (NBO) oxygen; `info["site"]` says which."""
    near = Neighbourhood(atoms, centre)
    cluster = _Cluster(near)
    cluster.keep(0)
    silicon = near.bonded(0, "Si")
    if len(silicon) not in (1, 2):
        raise CannotCarve(f"O {centre} is bonded to {len(silicon)} silicon, not 1 or 2")
    cluster.keep(*silicon)
    sodium = near.bonded(0, "Na", reach)
    loose = [0] if len(silicon) == 1 else []
    charge = len(sodium) - len(loose)
    for si in silicon:
        outer = [k for k in near.bonded(si, "O") if k != 0]
        if len(outer) != 3 or set(outer) & set(cluster.sites):
            raise CannotCarve("a bonded silicon is not a corner-sharing tetrahedron")
        cluster.keep(*outer)
        for o in outer:
            beyond = [k for k in near.bonded(o, "Si") if k not in silicon] or near.bonded(o, "Na", 3.2)
            partner = next((k for k in beyond if k not in sodium), None)
            if partner is None:
                if charge <= 0:
                    raise CannotCarve("an outer oxygen has nothing to be saturated towards")
                charge -= 1  # a non-bridging oxygen that faces a kept sodium stays as it is
                continue
            cluster.cap(o, near.position[partner], "H", O_H)
    cluster.keep(*sodium)
    cluster.balance(charge, loose)
    result = cluster.atoms()
    result.info["site"] = "NBO" if loose else "BO"
    return result


def carve(atoms: Atoms, centre: int) -> Atoms:
    """Cluster around any Si or O of a sodium-silicate glass; raises `CannotCarve` with the reason."""
    strange = sorted(set(atoms.symbols) - {"Si", "O", "Na"})
    if strange:
        raise CannotCarve(f"clusters are carved from sodium silicates, not with {', '.join(strange)}")
    symbol = atoms.symbols[centre]
    if symbol not in ("Si", "O"):
        raise CannotCarve(f"clusters are carved around Si or O, not {symbol}")
    return carve_silicon(atoms, centre) if symbol == "Si" else carve_oxygen(atoms, centre)
