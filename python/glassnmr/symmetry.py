# SPDX-License-Identifier: BSD-3-Clause
"""Symmetry images of tensors: what DFT computed for one atom of an orbit, turned onto the others (spglib)."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.table import Dataset

__all__ = ["Operations", "expand", "operations"]


@dataclass(frozen=True)
class Operations:
    """rotation (K, 3, 3): Cartesian, orthogonal; image (K, N): where each operation moves each atom."""

    rotation: NDArray[np.float64]
    image: NDArray[np.int64]


def operations(atoms: ase.Atoms, tolerance: float = 1e-3) -> Operations:
    """The space group of a periodic structure; `tolerance` in Å.

    Raises
    ------
    ImportError
        spglib is missing.
    ValueError
        A structure that is not periodic in all directions, or whose symmetry spglib cannot find.
    """
    try:
        import spglib
    except ImportError:
        raise ImportError("symmetry images need spglib: pip install 'glassnmr[symmetry]'") from None
    if not atoms.pbc.all():
        raise ValueError(f"symmetry images want a structure periodic in all directions, got pbc {atoms.pbc.tolist()}")
    scaled = atoms.get_scaled_positions()
    found: Any = None
    with warnings.catch_warnings(), suppress(RuntimeError, ValueError, TypeError):
        warnings.simplefilter("ignore")  # it announces how it will tell errors one day
        found = spglib.get_symmetry((atoms.cell.array, scaled, atoms.numbers), symprec=tolerance)
    if found is None:
        raise ValueError(f"spglib finds no symmetry of {atoms.info.get('name', atoms.get_chemical_formula())}")
    cell = atoms.cell.array
    cartesian = np.array([cell.T @ rotation @ np.linalg.inv(cell.T) for rotation in found["rotations"]])
    images = np.empty((len(cartesian), len(atoms)), dtype=np.int64)
    for k, (rotation, shift) in enumerate(zip(found["rotations"], found["translations"], strict=True)):
        moved = scaled @ rotation.T + shift
        difference = moved[:, None] - scaled[None]
        difference -= np.round(difference)
        distance = np.linalg.norm(difference @ cell, axis=2)
        distance[atoms.numbers[:, None] != atoms.numbers] = np.inf
        images[k] = distance.argmin(axis=1)
    return Operations(cartesian, images)


def expand(dataset: Dataset, tolerance: float = 1e-3) -> Dataset:
    """The table with a row for every symmetry image that has none: T' = R T R^t for tensors, scalars unchanged.

    The per-atom array ``label`` of the structures tells them apart: 1 given, 2 image, 0 neither. Atoms that have a row
    keep it.

    Parameters
    ----------
    tolerance : of spglib, Å

    Raises
    ------
    ImportError, ValueError
        As in `operations`.
    """
    parts = []
    for number, rows in dataset.by_structure():
        part = dataset.select(mask=rows)
        parts.append(_expand_one(part, operations(dataset.structures[number], tolerance)))
    return Dataset.concatenate(parts)


def _expand_one(part: Dataset, group: Operations) -> Dataset:
    known = {int(centre): row for row, centre in enumerate(part.centre)}
    source: list[int] = list(range(len(part)))
    centre: list[int] = part.centre.tolist()
    rotation: list[NDArray[np.float64]] = [np.eye(3)] * len(part)
    for start, row in list(known.items()):
        for k, image in enumerate(group.image[:, start].tolist()):
            if image not in known:
                known[image] = row
                source.append(row)
                centre.append(image)
                rotation.append(group.rotation[k])
    turned = np.array(rotation)
    tensors = {key: turned @ t[source] @ turned.transpose(0, 2, 1) for key, t in part.tensors.items()}
    # the given rows to the last bit
    for key, t in part.tensors.items():
        tensors[key][: len(part)] = t
    atoms = part.structures[0].copy()
    label = np.zeros(len(atoms), dtype=int)
    label[centre] = 2
    label[part.centre] = 1
    atoms.set_array("label", label)
    return replace(
        part, structures=[atoms], structure=np.zeros(len(source), dtype=np.int64), centre=np.array(centre),
        element=part.element[source], isotope=part.isotope[source], tensors=tensors,
        scalars={key: column[source] for key, column in part.scalars.items()}, source=part.source[source],
        group=part.group[source],
    )  # fmt: skip
