# SPDX-License-Identifier: BSD-3-Clause
"""The border between `ase.Atoms` and the numerical core: checked once, plain contiguous arrays behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from numpy.typing import NDArray

if TYPE_CHECKING:
    import ase

__all__ = ["Structure", "as_structure"]

# Å; below this a cell vector is no length at all, above it float64 cannot place an atom to 1e-6 Å
_SHORTEST, _FARTHEST = 1e-6, 1e9
# smallest singular value of the unit cell vectors that still spans a lattice
_FLAT = 1e-10


@dataclass(frozen=True, eq=False)
class Structure:
    """Atoms as the core takes them: read-only contiguous arrays.

    positions (N, 3) float64, Å, wrapped into the cell along the periodic directions; cell (3, 3) float64, Å, rows are
    the cell vectors, never singular (directions without a vector are completed by orthogonal unit vectors);
    pbc (3,) bool; numbers (N,) int32, atomic numbers.
    """

    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    pbc: NDArray[np.bool_]
    numbers: NDArray[np.int32]

    def __post_init__(self) -> None:
        for array in (self.positions, self.cell, self.pbc, self.numbers):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.numbers)


def as_structure(
    atoms: ase.Atoms | Structure, species: Sequence[str] | None = None, *, name: str | None = None
) -> Structure:
    """Check `atoms` and return its arrays, wrapped along the periodic directions only.

    `species` lists the elements that are allowed (None: all); `name` says in messages which frame it is. Raises
    ValueError for no atoms, an unknown element, one outside `species`, positions or cell that are not finite or out
    of all proportion, and cell vectors that are zero or linearly dependent along periodic directions.
    """
    where = f"{name}: " if name else ""
    if isinstance(atoms, Structure):
        _check_species(atoms.numbers, species, where)
        return atoms
    if not all(hasattr(atoms, attribute) for attribute in ("positions", "numbers", "cell", "pbc")):
        raise ValueError(f"{where}expected ase.Atoms, got {type(atoms).__name__}")
    numbers = np.array(atoms.numbers, dtype=np.int64)
    positions = np.array(atoms.positions, dtype=np.float64, order="C")
    if len(numbers) == 0:
        raise ValueError(f"{where}the structure has no atoms")
    if positions.shape != (len(numbers), 3):
        raise ValueError(f"{where}positions must have the shape ({len(numbers)}, 3), got {positions.shape}")
    _check_numbers(numbers, where)
    _check_species(numbers, species, where)
    _check_positions(positions, numbers, where)
    pbc = np.array(atoms.pbc, dtype=np.bool_)
    cell = _complete(np.array(atoms.cell, dtype=np.float64, order="C"), pbc, where)
    return Structure(_wrap(positions, cell, pbc), cell, pbc, numbers.astype(np.int32))


def _check_numbers(numbers: NDArray[np.int64], where: str) -> None:
    unknown = np.flatnonzero((numbers < 1) | (numbers >= len(chemical_symbols)))
    if len(unknown):
        atom, number = unknown[0], numbers[unknown[0]]
        symbol = " (X)" if number == 0 else ""
        raise ValueError(f"{where}atom {atom} has no known element: its atomic number is {number}{symbol}")


def _check_species(numbers: NDArray[Any], species: Sequence[str] | None, where: str) -> None:
    if species is None:
        return
    wrong = [symbol for symbol in species if atomic_numbers.get(symbol, 0) < 1]
    if wrong:
        raise ValueError(f"species must be chemical symbols, got {wrong[0]!r}")
    foreign = sorted(set(np.unique(numbers).tolist()) - {atomic_numbers[symbol] for symbol in species})
    if foreign:
        names = ", ".join(chemical_symbols[number] for number in foreign)
        raise ValueError(f"{where}the structure holds {names}, which is outside the species {', '.join(species)}")


def _check_positions(positions: NDArray[np.float64], numbers: NDArray[np.int64], where: str) -> None:
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if len(bad):
        atom = bad[0]
        at = ", ".join(f"{x:g}" for x in positions[atom])
        raise ValueError(
            f"{where}positions must be finite, got ({at}) for atom {atom} ({chemical_symbols[numbers[atom]]}),"
            f" {len(bad)} such atom(s)"
        )
    far = np.flatnonzero((np.abs(positions) > _FARTHEST).any(axis=1))
    if len(far):
        raise ValueError(f"{where}atom {far[0]} lies {np.abs(positions[far[0]]).max():.1e} Å away from the origin")


def _complete(cell: NDArray[np.float64], pbc: NDArray[np.bool_], where: str) -> NDArray[np.float64]:
    """Check the periodic cell vectors and make the others span the rest of space."""
    if cell.shape != (3, 3):
        raise ValueError(f"{where}the cell must have the shape (3, 3), got {cell.shape}")
    if not np.isfinite(cell).all():
        letter = "abc"[int(np.flatnonzero(~np.isfinite(cell).all(axis=1))[0])]
        raise ValueError(f"{where}the cell must be finite, its vector {letter} is not")
    length = np.linalg.norm(cell, axis=1)
    for direction in np.flatnonzero(pbc).tolist():
        if not _SHORTEST <= length[direction] <= _FARTHEST:
            kind = "zero" if length[direction] == 0 else f"{length[direction]:g} Å long"
            raise ValueError(
                f"{where}the structure is periodic along {'abc'[direction]}, but that cell vector is {kind}"
            )
    kept: list[int] = np.flatnonzero(pbc).tolist()
    if not _independent(cell[kept], length[kept]):
        names = ", ".join("abc"[direction] for direction in kept)
        raise ValueError(f"{where}the cell is singular: its periodic vectors {names} are linearly dependent")
    for direction in np.flatnonzero(~pbc).tolist():
        trial = [*kept, direction]
        if _SHORTEST <= length[direction] <= _FARTHEST and _independent(cell[trial], length[trial]):
            kept.append(direction)
    missing = [direction for direction in range(3) if direction not in kept]
    if missing:
        # rows of vh past the rank are orthonormal and orthogonal to what the kept vectors span
        unit = cell[kept] / length[kept, None]
        normals = np.linalg.svd(unit)[2][len(kept) :] if kept else np.eye(3)
        cell[missing] = normals
        if np.linalg.det(cell) < 0:
            cell[missing[-1]] *= -1
    return cell


def _independent(vectors: NDArray[np.float64], length: NDArray[np.float64]) -> bool:
    if len(vectors) == 0:
        return True
    return bool(np.linalg.svd(vectors / length[:, None], compute_uv=False)[-1] > _FLAT)


def _wrap(positions: NDArray[np.float64], cell: NDArray[np.float64], pbc: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Move atoms by whole cell vectors of the periodic directions into [0, 1) up to rounding."""
    if not pbc.any():
        return positions
    inverse = np.linalg.inv(cell)
    # the second pass catches what the first left outside by rounding in very skewed cells
    for _ in range(2):
        shift = np.floor(positions @ inverse)
        shift[:, ~pbc] = 0
        moved = shift.any(axis=1)
        if not moved.any():
            break
        positions[moved] -= shift[moved] @ cell
    return positions
