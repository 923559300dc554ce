# SPDX-License-Identifier: BSD-3-Clause
"""Tensors of one structure that came from several runs, put into one row an atom."""

from __future__ import annotations

from dataclasses import replace

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.table import Dataset

__all__ = ["join_runs"]

_SAME = 1e-3  # Å: printed digits of two codes' outputs


def join_runs(dataset: Dataset) -> Dataset:
    """Rows of the same atoms of the same structure become one when each holds what the other lacks.

    Structures are the same when their atoms, in the same order, and their cells differ by less than 0.001 Å. Rows that
    both hold a tensor or scalar stay apart. Labels and names are those of the first structure, entries of info that
    only the second has are added.

    Examples
    --------
    >>> from glassnmr.data.reference import load
    >>> data = load("shielding")
    >>> len(join_runs(Dataset.concatenate([data, data]))) == 2 * len(data)
    True
    """
    target = _first_of_same(dataset.structures)
    columns = dataset.tensors | dataset.scalars
    known = {name: dataset.has(name) for name in columns}
    place: dict[tuple[int, int], int] = {}
    keep = np.ones(len(dataset), dtype=bool)
    into = np.arange(len(dataset))
    for row, (number, centre) in enumerate(zip(dataset.structure.tolist(), dataset.centre.tolist(), strict=True)):
        first = place.setdefault((int(target[number]), centre), row)
        if first == row or any(has[first] and has[row] for has in known.values()):
            continue
        keep[row], into[row] = False, first
        for has in known.values():
            has[first] |= has[row]
    if keep.all():
        return dataset
    filled = {name: column.copy() for name, column in columns.items()}
    for name, column in columns.items():
        for row in np.flatnonzero(~keep & dataset.has(name)).tolist():
            filled[name][into[row]] = column[row]
    source = dataset.source.astype(object)
    structures = list(dataset.structures)
    for row in np.flatnonzero(~keep).tolist():
        first = int(into[row])
        if dataset.source[row] not in str(source[first]).split(" + "):
            source[first] = f"{source[first]} + {dataset.source[row]}"
        one, other = int(dataset.structure[first]), int(dataset.structure[row])
        if set(structures[other].info) - set(structures[one].info):
            structures[one] = structures[one].copy()
            structures[one].info = {**structures[other].info, **structures[one].info}
    joined = replace(
        dataset, structures=structures, source=source.astype(str),
        tensors={name: filled[name] for name in dataset.tensors},
        scalars={name: filled[name] for name in dataset.scalars},
    )  # fmt: skip
    return joined.select(mask=keep)


def _first_of_same(structures: list[ase.Atoms]) -> NDArray[np.int64]:
    """For each structure the first one that is the same."""
    first = np.arange(len(structures))
    families: dict[bytes, list[int]] = {}
    for number, atoms in enumerate(structures):
        family = families.setdefault(atoms.numbers.tobytes(), [])
        for other in family:
            if _same(atoms, structures[other]):
                first[number] = other
                break
        else:
            family.append(number)
    return first


def _same(one: ase.Atoms, other: ase.Atoms) -> bool:
    if (one.pbc != other.pbc).any() or np.abs(one.cell.array - other.cell.array).max() > _SAME:
        return False
    difference = one.positions - other.positions
    if one.pbc.any() and one.cell.rank == 3:
        scaled = difference @ np.linalg.inv(one.cell.array)
        scaled[:, one.pbc] -= np.round(scaled[:, one.pbc])
        difference = scaled @ one.cell.array
    return bool(np.abs(difference).max() < _SAME)
