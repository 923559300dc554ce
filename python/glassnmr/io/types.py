# SPDX-License-Identifier: BSD-3-Clause
"""The map from LAMMPS atom types to elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase.data import atomic_masses, atomic_numbers, chemical_symbols
from numpy.typing import NDArray

__all__ = ["TypeMap", "missing_types", "numbers_of_types", "parse_types"]

TypeMap = Mapping[Any, str] | Sequence[str] | str


def parse_types(types: TypeMap | None) -> dict[str, str] | None:
    """Read ``"O,Si,Na"``, ``"1=O,2=Si"``, ``["O", "Si"]`` or ``{1: "O"}`` into ``{"1": "O", ...}``.

    Keys stay words, as LAMMPS types may be labels. Raises ValueError for what is no element or given twice.
    """
    if types is None:
        return None
    pairs: list[tuple[str, str]]
    if isinstance(types, Mapping):
        pairs = [(str(key).strip(), str(value).strip()) for key, value in types.items()]
    else:
        words = types.replace(",", " ").split() if isinstance(types, str) else [str(word) for word in types]
        if any("=" in word for word in words):
            wrong = [word for word in words if word.count("=") != 1]
            if wrong:
                raise ValueError(f"types must be all like 1=O or all like O, got {wrong[0]!r} in {types!r}")
            pairs = [(key, value) for key, value in (word.split("=") for word in words)]
        else:
            pairs = [(str(number), word) for number, word in enumerate(words, start=1)]
    if not pairs:
        raise ValueError("types is empty, expected elements like 'O,Si,Na' or '1=O,2=Si'")
    for key, symbol in pairs:
        if atomic_numbers.get(symbol, 0) < 1:
            raise ValueError(f"types: {symbol!r} (type {key}) is not an element")
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError(f"types gives a type twice: {types!r}")
    return mapping


def numbers_of_types(column: NDArray[Any], types: dict[str, str], name: str) -> NDArray[np.int64]:
    """The atomic number of every entry of a column of types."""
    found, inverse = np.unique(column, return_inverse=True)
    missing = [str(kind) for kind in found if str(kind) not in types]
    if missing:
        given = ", ".join(f"{key}={value}" for key, value in types.items())
        raise ValueError(f"{name} has atoms of type {', '.join(missing)}, but types gives only {given}")
    return np.array([atomic_numbers[types[str(kind)]] for kind in found], dtype=np.int64)[inverse.reshape(-1)]


def missing_types(column: NDArray[Any], name: str, masses: Mapping[str, float] | None = None) -> ValueError:
    """The error for a file whose types are not mapped: what it holds, and what could be written."""
    masses = masses or {}
    found, counts = np.unique(column, return_counts=True)
    kinds = [str(kind) for kind in found]
    parts = [
        f"{kind} ({count} atoms" + (f", mass {masses[kind]:g})" if kind in masses else ")")
        for kind, count in zip(kinds, counts, strict=True)
    ]
    guess = [_element_of_mass(masses.get(kind)) for kind in kinds]
    if all(guess):
        advice = ",".join(f"{kind}={symbol}" for kind, symbol in zip(kinds, guess, strict=True))
        advice = f"its masses suggest types='{advice}'"
    else:
        example = ["O", "Si", "Na", "B", "Al", "Ca", "P", "Li", "K", "Mg"]
        advice = "give for example types='" + ",".join(f"{k}={e}" for k, e in zip(kinds, example, strict=False)) + "'"
    return ValueError(f"{name} names no elements, only the types {', '.join(parts)}: {advice}")


def _element_of_mass(mass: float | None) -> str | None:
    if mass is None:
        return None
    nearest = int(np.argmin(np.abs(atomic_masses[1:] - mass))) + 1
    return chemical_symbols[nearest] if abs(atomic_masses[nearest] - mass) < 0.05 and mass > 1.005 else None
