# SPDX-License-Identifier: BSD-3-Clause
"""One table for training and testing: a row is an atom of a structure with its tensors, its source and its group."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.derived import can_derive, derive
from glassnmr.files import replacing
from glassnmr.io.extxyz import write_extxyz_frame
from glassnmr.io.rows import KINDS
from glassnmr.io.text import suffix
from glassnmr.selection import Selection

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """R rows over S structures.

    structures: S checked `ase.Atoms`, wrapped along their periodic directions, the name in ``info["name"]``;
    structure (R,) int: which structure; centre (R,) int: which atom of it; element (R,) str; isotope (R,) str, for
    example ``"29Si"``, ``""`` where none is known; tensors: ``"ms"`` (shielding, ppm) and ``"efg"`` (atomic units),
    (R, 3, 3); scalars: name -> (R,); NaN in both where a row has none; source (R,) str: the file; group (R,) str: what
    cross validation must not split; notes: what was left out in reading.
    """

    structures: list[ase.Atoms]
    structure: NDArray[np.int64]
    centre: NDArray[np.int64]
    element: NDArray[np.str_]
    isotope: NDArray[np.str_]
    tensors: dict[str, NDArray[np.float64]]
    scalars: dict[str, NDArray[np.float64]]
    source: NDArray[np.str_]
    group: NDArray[np.str_]
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        n = len(self.centre)
        columns: dict[str, NDArray[Any]] = {"structure": self.structure, "element": self.element}
        columns |= {"isotope": self.isotope, "source": self.source, "group": self.group, **self.scalars, **self.tensors}
        for name, column in columns.items():
            shape = (n, 3, 3) if name in self.tensors else (n,)
            if np.shape(column) != shape:
                raise ValueError(f"{name} must have the shape {shape}, got {np.shape(column)}")
        if n and not 0 <= self.structure.min() <= self.structure.max() < len(self.structures):
            raise ValueError(f"structure must count from 0 to {len(self.structures) - 1}, got {self.structure.max()}")
        sizes = np.array([len(atoms) for atoms in self.structures], dtype=np.int64)
        if n and ((self.centre < 0) | (self.centre >= sizes[self.structure])).any():
            raise ValueError("centre names an atom that its structure does not have")

    def __len__(self) -> int:
        return len(self.centre)

    def __repr__(self) -> str:
        kinds = ", ".join([*self.tensors, *self.scalars])
        return f"<Dataset: {len(self)} rows ({kinds}) in {len(self.structures)} structures>"

    def has(self, name: str) -> NDArray[np.bool_]:
        """The rows (R,) that hold the tensor or scalar `name`."""
        if name in self.tensors:
            return np.asarray(np.isfinite(self.tensors[name]).all(axis=(1, 2)))
        if name in self.scalars:
            return np.isfinite(self.scalars[name])
        return np.zeros(len(self), dtype=bool)

    def target(self, name: str) -> NDArray[np.float64]:
        """The values (R,) of `name`: a scalar of the table, or one derived from its tensors.

        From ``ms``: ``sigma_iso``, ``span``, ``skew``, ``zeta``, ``eta_csa``; from ``efg``: ``V_zz`` (a.u.), ``eta``,
        ``C_Q``, ``abs_C_Q``, ``P_Q`` (MHz). Raises ValueError for an unknown name and where a row lacks what it needs.
        """
        values = np.array(self.scalars.get(name, np.full(len(self), np.nan)), dtype=np.float64)
        complete = name in self.scalars and self.has(name).all()
        if not complete and (name not in self.scalars or can_derive(name, self.tensors)):
            values = np.where(np.isfinite(values), values, derive(name, self.tensors, self.isotope))
        lacking = int((~np.isfinite(values)).sum())
        if lacking:
            raise ValueError(f"{name} is not known for {lacking} of {len(self)} rows; choose those that have it first")
        return values

    def select(
        self,
        *,
        element: str | Sequence[str] | None = None,
        isotope: str | Sequence[str] | None = None,
        group: str | Sequence[str] | None = None,
        where: str | None = None,
        mask: NDArray[Any] | Sequence[int] | None = None,
    ) -> Dataset:
        """The rows that meet all of the conditions, with the structures that they need.

        `mask` is boolean (R,) or a list of rows, whose order is kept; `where` is a condition on the atoms' other
        arrays, as in `read_dataset`. A tensor or scalar that no row has goes. An empty result is allowed.
        """
        rows = _indices(mask, len(self))
        for name, column, wanted in (
            ("element", self.element, element),
            ("isotope", self.isotope, isotope),
            ("group", self.group, group),
        ):
            if wanted is not None:
                values = [wanted] if isinstance(wanted, str) else [str(value) for value in wanted]
                if not values:
                    raise ValueError(f"{name} is an empty list")
                rows = rows[np.isin(column[rows], values)]
        if where is not None:
            rows = rows[self._mask(Selection(where))[rows]]
        return self._take(rows)

    def _mask(self, selection: Selection) -> NDArray[np.bool_]:
        chosen = np.zeros(len(self), dtype=bool)
        for number, rows in self.by_structure():
            atoms = self.structures[number]
            chosen[rows] = selection.mask(atoms, str(atoms.info.get("name", number)))[self.centre[rows]]
        return chosen

    def by_structure(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """The structures that have rows, each with its rows."""
        order = np.argsort(self.structure, kind="stable")
        starts = np.flatnonzero(np.diff(self.structure[order], prepend=-1))
        for rows in np.split(order, starts[1:]) if len(order) else []:
            yield int(self.structure[rows[0]]), rows

    def _take(self, rows: NDArray[np.int64]) -> Dataset:
        used, structure = np.unique(self.structure[rows], return_inverse=True)
        return Dataset(
            structures=[self.structures[number] for number in used],
            structure=structure.reshape(-1).astype(np.int64),
            centre=self.centre[rows],
            element=self.element[rows],
            isotope=self.isotope[rows],
            tensors=_present(self.tensors, rows),
            scalars=_present(self.scalars, rows),
            source=self.source[rows],
            group=self.group[rows],
            notes=self.notes,
        )

    @staticmethod
    def concatenate(datasets: Iterable[Dataset]) -> Dataset:
        """One table of several; a tensor or scalar that some lack is NaN there."""
        parts = list(datasets)
        if not parts:
            raise ValueError("there is no dataset to concatenate")
        starts = np.cumsum([0, *(len(part.structures) for part in parts[:-1])])
        tensors = [name for name in KINDS if any(name in part.tensors for part in parts)]
        scalars = list(dict.fromkeys(name for part in parts for name in part.scalars))
        return Dataset(
            structures=[atoms for part in parts for atoms in part.structures],
            structure=np.concatenate([part.structure + start for part, start in zip(parts, starts, strict=True)]),
            centre=np.concatenate([part.centre for part in parts]),
            element=np.concatenate([part.element for part in parts]),
            isotope=np.concatenate([part.isotope for part in parts]),
            tensors={
                k: np.concatenate([p.tensors.get(k, np.full((len(p), 3, 3), np.nan)) for p in parts]) for k in tensors
            },
            scalars={k: np.concatenate([p.scalars.get(k, np.full(len(p), np.nan)) for p in parts]) for k in scalars},
            source=np.concatenate([part.source for part in parts]),
            group=np.concatenate([part.group for part in parts]),
            notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write extended xyz (``.extxyz``, ``.extxyz.gz``) or HDF5 (``.h5``); `read_dataset` makes the same table.

        A table of one structure may be written as ``.magres``. Atoms without a row hold NaN. Structures without a row
        are left out.
        """
        if suffix(path) in (".h5", ".hdf5"):
            from glassnmr.io.hdf5 import write_hdf5

            write_hdf5(self, path)
            return
        if suffix(path) == ".magres":
            self._write_magres(path)
            return
        if suffix(path) not in (".extxyz", ".xyz"):
            raise ValueError(f"a dataset is written as .extxyz, .h5 or, one structure, .magres; got {path}")
        if len(self) == 0:
            raise ValueError("the dataset has no rows to write")
        with replacing(path) as file:
            for number, rows in self.by_structure():
                atoms = self.structures[number]
                if len(np.unique(self.centre[rows])) != len(rows):
                    raise ValueError(
                        f"{atoms.info.get('name', number)} has an atom in two rows, which a file cannot hold"
                    )
                arrays = {key: array for key, array in atoms.arrays.items() if key not in ("numbers", "positions")}
                info = dict(atoms.info)
                arrays |= self._arrays(rows, len(atoms))
                for key, column in (("source", self.source[rows]), ("group", self.group[rows])):
                    if len(set(column.tolist())) == 1:
                        info[key] = str(column[0])
                    else:
                        arrays[key] = _spread(column, self.centre[rows], len(atoms))
                write_extxyz_frame(file, atoms, arrays, info)

    def _write_magres(self, path: str | os.PathLike[str]) -> None:
        from glassnmr.io.magres import write_magres

        if len(self.structures) != 1:
            raise ValueError(f"a magres file holds one structure, the dataset has {len(self.structures)}")
        atoms = self.structures[0]
        tensors = {key: _spread(t, self.centre, len(atoms)) for key, t in self.tensors.items()}
        with replacing(path) as file:
            write_magres(file, atoms, tensors, whole=True)

    def _arrays(self, rows: NDArray[np.int64], n_atoms: int) -> dict[str, NDArray[Any]]:
        centre = self.centre[rows]
        arrays: dict[str, NDArray[Any]] = {"isotope": _spread(self.isotope[rows], centre, n_atoms)}
        for name, column in (self.tensors | self.scalars).items():
            if np.isfinite(column[rows]).any():
                arrays[name] = _spread(column[rows], centre, n_atoms)
        return arrays

    def summary(self) -> str:
        """A few lines: how many rows of each isotope, in how many structures, groups and files, and their ranges."""
        groups, files = len(np.unique(self.group)), len(np.unique(self.source))
        atoms = sum(len(structure) for structure in self.structures)
        lines = [
            f"{len(self)} rows in {len(self.structures)} structures ({atoms} atoms), {groups} groups, {files} file(s)"
        ]
        for element in np.unique(self.element):
            for isotope in np.unique(self.isotope[self.element == element]):
                part = self.select(mask=(self.element == element) & (self.isotope == isotope))
                lines.append(
                    f"  {isotope or element:>5}: {len(part)} rows, {len(part.structures)} structures{_ranges(part)}"
                )
        lines.extend(f"  {note}" for note in self.notes)
        return "\n".join(lines)


def _ranges(part: Dataset) -> str:
    """The range of each quantity that the rows hold."""
    texts = []
    sigma = part.tensors["ms"][part.has("ms")] if "ms" in part.tensors else np.zeros((0, 3, 3))
    if len(sigma):
        iso = np.trace(sigma, axis1=1, axis2=2) / 3
        texts.append(f"sigma_iso {iso.min():.1f} to {iso.max():.1f} ppm (mean {iso.mean():.1f}, std {iso.std():.1f})")
    efg = part.tensors["efg"][part.has("efg")] if "efg" in part.tensors else np.zeros((0, 3, 3))
    if len(efg):
        largest = np.abs(np.linalg.eigvalsh(efg)).max(axis=1)
        texts.append(f"|V_zz| {largest.min():.3f} to {largest.max():.3f} a.u. (mean {largest.mean():.3f})")
    for name in part.scalars:
        values = part.scalars[name][part.has(name)]
        if len(values):
            texts.append(f"{name} {values.min():.4g} to {values.max():.4g} (mean {values.mean():.4g})")
    return "".join(", " + text for text in texts)


def _present(columns: dict[str, NDArray[np.float64]], rows: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """The rows of each column, without the columns that none of the rows has."""
    chosen = {name: column[rows] for name, column in columns.items()}
    return {name: column for name, column in chosen.items() if len(rows) == 0 or np.isfinite(column).any()}


def _spread(column: NDArray[Any], centre: NDArray[np.int64], n_atoms: int) -> NDArray[Any]:
    """A column of rows as an array of atoms, NaN or empty elsewhere."""
    whole = np.full((n_atoms, *column.shape[1:]), np.nan if column.dtype.kind == "f" else "", dtype=column.dtype)
    whole[centre] = column
    return whole


def _indices(mask: NDArray[Any] | Sequence[int] | None, n: int) -> NDArray[np.int64]:
    if mask is None:
        return np.arange(n)
    array = np.asarray(mask)
    if array.dtype == bool:
        if array.shape != (n,):
            raise ValueError(f"mask must have the shape ({n},), got {array.shape}")
        return np.flatnonzero(array)
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"mask must be booleans or row numbers, got an array of {array.dtype} {array.shape}")
    if array.min() < 0 or array.max() >= n:
        raise ValueError(f"mask names row {array.max() if array.max() >= n else array.min()}, there are {n} rows")
    return array.astype(np.int64)
