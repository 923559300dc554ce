# SPDX-License-Identifier: BSD-3-Clause
"""Silica crystals whose structure and NMR parameters are both known: what shifts are referenced and checked against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.spacegroup import crystal

__all__ = ["CRYSTALS", "Crystal", "Site"]


@dataclass(frozen=True)
class Site:
    """One crystallographic site.

    label : as in the structure paper;  fraction : fractional coordinates
    shift : measured isotropic chemical shift, ppm (29Si from tetramethylsilane, 17O from water); None when not used
    c_q, eta : measured |C_Q| (MHz) and asymmetry of 17O; None for 29Si
    """

    label: str
    fraction: tuple[float, float, float]
    shift: float | None = None
    c_q: float | None = None
    eta: float | None = None

    @property
    def element(self) -> str:
        """Si or O."""
        return self.label.rstrip("0123456789")


@dataclass(frozen=True)
class Crystal:
    """A crystal structure with its measured NMR parameters; `source` names where both come from."""

    spacegroup: int
    cell: tuple[float, float, float, float, float, float]
    sites: tuple[Site, ...]
    source: str

    def atoms(self) -> Atoms:
        """The conventional cell; array `kind` is the place of each atom's site in `sites`."""
        return crystal([site.element for site in self.sites], [site.fraction for site in self.sites],
                       spacegroup=self.spacegroup, cellpar=self.cell, onduplicates="error")

    def centre(self, atoms: Atoms, label: str) -> int:
        """Index of one atom of `atoms()` on the site `label`."""
        place = [site.label for site in self.sites].index(label)
        return int(np.flatnonzero(atoms.arrays["spacegroup_kinds"] == place)[0])


CRYSTALS = {
    "alpha-quartz": Crystal(
        154, (4.916, 4.916, 5.4054, 90, 90, 120),
        (Site("Si1", (0.4697, 0.0, 2 / 3), shift=-107.4),  # the paper's origin moved by 2/3 along c
         Site("O1", (0.4135, 0.2669, 0.1191 + 2 / 3), shift=40.8, c_q=5.19, eta=0.19)),
        "structure: Levien, Prewitt, Weidner, Am. Mineral. 65 (1980) 920; "
        "29Si: Smith, Blackwell, Nature 303 (1983) 223; "
        "17O: Spearing, Farnan, Stebbins, Phys. Chem. Minerals 19 (1992) 307"),
    "alpha-cristobalite": Crystal(
        92, (4.9717, 4.9717, 6.9223, 90, 90, 90),
        (Site("Si1", (0.30028, 0.30028, 0.0), shift=-108.5),
         Site("O1", (0.2392, 0.1044, 0.1787), shift=40.0, c_q=5.3, eta=0.125)),
        "structure: Downs, Palmer, Am. Mineral. 79 (1994) 9; 29Si: Smith, Blackwell (1983); "
        "17O: Spearing, Farnan, Stebbins (1992)"),
    "coesite": Crystal(
        15, (7.1356, 12.3692, 7.1736, 90, 120.34, 90),
        (Site("Si1", (0.14033, 0.10833, 0.07227), shift=-113.9),
         Site("Si2", (0.50682, 0.15799, 0.54077), shift=-108.1),
         Site("O1", (0.0, 0.0, 0.0), shift=29.0, c_q=6.05, eta=0.0),
         Site("O2", (0.5, 0.11635, 0.75), shift=41.0, c_q=5.43, eta=0.166),
         Site("O3", (0.26596, 0.12341, 0.94019), shift=57.0, c_q=5.45, eta=0.168),
         Site("O4", (0.31144, 0.10383, 0.32798), shift=53.0, c_q=5.52, eta=0.169),
         Site("O5", (0.01723, 0.21178, 0.47845), shift=58.0, c_q=5.16, eta=0.292)),
        "structure: Levien, Prewitt, Am. Mineral. 66 (1981) 324; 29Si: Smith, Blackwell (1983); "
        "17O: Grandinetti et al., J. Phys. Chem. 99 (1995) 12341"),
}
