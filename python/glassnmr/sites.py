# SPDX-License-Identifier: BSD-3-Clause
"""The kind of site of every atom by counting bonds: Q0 to Q4, bridging and non-bridging oxygen, coordination."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray

from glassnmr.descriptors import neighbours

__all__ = ["BONDS", "site_labels"]

BONDS: Mapping[str, float] = {"B": 1.9, "Al": 2.4, "Si": 2.1, "P": 2.0, "Ge": 2.2}
"""Distance (Å) to oxygen below which a network former is bonded to it: the first minimum of g(r) in oxide glasses."""


def site_labels(atoms: Atoms, bonds: Mapping[str, float] = BONDS) -> NDArray[np.str_]:
    """Labels (N,) of the sites of an oxide.

    Silicon of four oxygens is ``Qn`` with n of them bonded to a second former, other formers and silicon of another
    coordination are element and coordination (``B3``, ``Al4``, ``Si5``); oxygen is ``BO`` with two formers, ``NBO``
    with one, ``FO`` with none, ``O3`` with three; every other atom is its element.

    Examples
    --------
    >>> from ase.build import molecule
    >>> site_labels(molecule("SiH4"))[0]
    'Si0'
    """
    symbols = np.array(atoms.get_chemical_symbols())
    reach = np.zeros(len(atomic_numbers))
    for former, distance in bonds.items():
        reach[atomic_numbers[former]] = distance
    longest = reach[atoms.numbers].max(initial=0)
    labels = symbols.astype("U8")
    oxygens = symbols == "O"
    if longest == 0:
        labels[oxygens] = "FO"
        return labels
    first, index, vector = neighbours(atoms, float(longest))
    centre = np.repeat(np.arange(len(atoms)), np.diff(first))
    bonded = oxygens[index] & (np.linalg.norm(vector, axis=1) < reach[atoms.numbers[centre]])
    centre, index = centre[bonded], index[bonded]
    formers = np.bincount(index, minlength=len(atoms))
    coordination = np.bincount(centre, minlength=len(atoms))
    bridges = np.bincount(centre, weights=formers[index] >= 2, minlength=len(atoms)).astype(int)
    names = {0: "FO", 1: "NBO", 2: "BO"}
    for k in np.flatnonzero(oxygens):
        labels[k] = names.get(int(formers[k]), f"O{formers[k]}")
    for k in np.flatnonzero(reach[atoms.numbers] > 0):
        is_q = symbols[k] == "Si" and coordination[k] == 4
        labels[k] = f"Q{bridges[k]}" if is_q else f"{symbols[k]}{coordination[k]}"
    return labels
