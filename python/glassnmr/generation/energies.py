# SPDX-License-Identifier: BSD-3-Clause
"""Energies and forces of the potential that glasses are melted and quenched with (LAMMPS)."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from glassnmr.generation.melt_quench import (
    CHARGES,
    LARGE,
    _box,
    _check_ions,
    _lammps,
    _moles,
    _set_potential,
    buckingham,
)

__all__ = ["energy_and_forces"]


def energy_and_forces(atoms: Atoms) -> tuple[float, NDArray[np.float64]]:
    """Energy (eV) and forces (N, 3) (eV/Å) of a glass in the potential of `melt_quench`, at its own composition.

    Parameters
    ----------
    atoms : periodic, in a cell with right angles; as `melt_quench` and `glass_frames` give them

    Raises
    ------
    ValueError for elements that the potential does not know, charges that do not add up to zero, or another cell;
    ImportError without LAMMPS.
    """
    symbols, edges = atoms.get_chemical_symbols(), atoms.cell.array.diagonal()
    _check_ions(symbols)
    if not atoms.pbc.all() or np.abs(atoms.cell.array - np.diag(edges)).max() > 1e-9 or not edges.min() > 0:
        raise ValueError("energy_and_forces wants a periodic cell with right angles, along x, y and z")
    kinds = [s for s in CHARGES if s in symbols]
    lmp = _lammps()
    try:
        _box(lmp, kinds, edges.tolist())
        inside = atoms.get_scaled_positions(wrap=True) @ atoms.cell.array
        lmp.create_atoms(len(atoms), list(range(1, len(atoms) + 1)), [kinds.index(s) + 1 for s in symbols],
                         inside.reshape(-1).tolist())
        for t, kind in enumerate(kinds, 1):
            lmp.command(f"set type {t} charge {CHARGES[kind]}")
        _set_potential(lmp, kinds, buckingham(_moles(symbols)), "ewald" if len(symbols) < LARGE else "pppm")
        lmp.command("run 0 post no")
        energy = float(lmp.get_thermo("pe"))
        forces = np.array(lmp.gather_atoms("f", 1, 3), dtype=np.float64).reshape(-1, 3)
    finally:
        lmp.close()
    return energy, forces
