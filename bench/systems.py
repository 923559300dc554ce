# SPDX-License-Identifier: BSD-3-Clause
"""The structures and tables that the cases work on, the same at every run."""

from __future__ import annotations

import ase
import numpy as np
from ase.build import bulk
from numpy.typing import NDArray


def silica(n_atoms: int) -> ase.Atoms:
    """Rattled beta-cristobalite of about n_atoms: two species, 34 neighbours within 5 Å."""
    a = 6.98
    cell = bulk("Si", "diamond", a=a, cubic=True)
    i, j = np.nonzero(np.triu(cell.get_all_distances(mic=True) < 0.45 * a, 1))
    middle = cell.positions[i] + cell.get_all_distances(mic=True, vector=True)[i, j] / 2
    cell += ase.Atoms(f"O{len(middle)}", positions=middle)
    repeat = max(1, round((n_atoms / len(cell)) ** (1 / 3)))
    atoms = cell.repeat(repeat)
    atoms.rattle(0.1, seed=1)
    return atoms


def packing(n_atoms: int) -> ase.Atoms:
    """Random Na-Al-B-Si-O on a rattled lattice of about n_atoms: five species, 40 neighbours within 5 Å."""
    # 43 on average in a sphere of 5 Å, the centre and the gap around it included
    spacing = (4 / 3 * np.pi * 5**3 / 43) ** (1 / 3)
    side = max(2, round(n_atoms ** (1 / 3)))
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3)
    random = np.random.default_rng(2)
    positions = (grid + random.uniform(-0.2, 0.2, grid.shape)) * spacing
    symbols = random.choice(["Na", "Al", "B", "Si", "O"], size=len(grid), p=[0.13, 0.05, 0.05, 0.2, 0.57])
    return ase.Atoms(symbols, positions=positions, cell=[side * spacing] * 3, pbc=True)


def table(n: int, d: int, seed: int = 3) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Feature rows (n, d) of 40 hidden directions with decaying weight, as a descriptor has them; smooth targets."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(4).normal(size=(40, d)) * np.exp(-np.arange(40) / 8)[:, None]
    hidden = random.normal(size=(n, 40))
    y = np.sin(hidden[:, 0]) + hidden[:, 1] * hidden[:, 2] + 0.05 * random.normal(size=n)
    return np.ascontiguousarray(hidden @ mixing / np.sqrt(d)), y
