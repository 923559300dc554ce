# SPDX-License-Identifier: BSD-3-Clause
"""What the readers of DFT outputs share: numbers out of printed lines, tensors of all atoms, how they are told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ase
import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

__all__ = ["check_tensors", "finite", "floats", "structure", "tensors_of_rows"]

# numbers of fixed width may touch: the sign of the next one ends a number
_NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eEdD][-+]?\d+)?|\*{3,}|nan|NaN|[-+]?inf(?:inity)?", re.IGNORECASE)


def floats(line: str, count: int, where: str) -> list[float]:
    """The `count` numbers of a printed line; ValueError that quotes the line where it holds another number of them."""
    found = _NUMBER.findall(line)
    if len(found) != count:
        raise ValueError(f"{where}: expected {count} numbers, got {line.strip()[:60]!r}")
    try:
        return [float(word.replace("d", "e").replace("D", "E")) for word in found]
    except ValueError:
        raise ValueError(f"{where}: {line.strip()[:60]!r} holds something that is no number") from None


def finite(values: NDArray[np.float64], where: str) -> NDArray[np.float64]:
    """The array, or ValueError where it holds something that is not finite or beyond all physics."""
    if not (np.isfinite(values).all() and (np.abs(values) < 1e9).all()):
        raise ValueError(f"{where} holds numbers that are not finite or absurdly large")
    return values


def tensors_of_rows(rows: Sequence[Sequence[float]], where: str) -> NDArray[np.float64]:
    """Tensors (N, 3, 3) of 3 N rows of three numbers."""
    if len(rows) % 3:
        raise ValueError(f"{where}: a tensor ends after {len(rows) % 3} of its 3 rows")
    return finite(np.array(rows, dtype=float).reshape(-1, 3, 3), where)


def structure(
    symbols: Sequence[str], positions: Iterable[Sequence[float]], cell: NDArray[Any] | None, name: str
) -> ase.Atoms:
    """`ase.Atoms` of what a file prints; positions in Å; periodic where there is a cell."""
    wrong = next((symbol for symbol in symbols if atomic_numbers.get(symbol, 0) < 1), None)
    if wrong is not None:
        raise ValueError(f"{name}: {wrong!r} is not an element")
    places = np.array(list(positions), dtype=float).reshape(-1, 3)
    if len(places) != len(symbols) or len(symbols) == 0:
        raise ValueError(f"{name} gives {len(places)} positions for {len(symbols)} atoms")
    finite(places, f"{name}: the positions")
    if cell is not None:
        finite(np.asarray(cell, dtype=float), f"{name}: the cell")
    return ase.Atoms(list(symbols), positions=places, cell=cell, pbc=cell is not None)


def check_tensors(atoms: ase.Atoms, found: Mapping[str, NDArray[np.float64]], name: str) -> None:
    """Put tensors onto their atoms; ValueError when their numbers differ."""
    for key, tensors in found.items():
        if len(tensors) != len(atoms):
            raise ValueError(f"{name} is cut off or malformed: {len(tensors)} {key} tensors for {len(atoms)} atoms")
        atoms.set_array(key, np.ascontiguousarray(tensors, dtype=float))
