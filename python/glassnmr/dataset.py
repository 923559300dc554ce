# SPDX-License-Identifier: BSD-3-Clause
"""Reading the table of training data from files of any format and convention."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.io.frames import read_frames
from glassnmr.io.hdf5 import is_hdf5, read_hdf5
from glassnmr.io.magres import PARTS
from glassnmr.io.rows import SCALARS, Recipe, Rows, make_recipe, take_rows
from glassnmr.io.text import stem
from glassnmr.io.types import TypeMap
from glassnmr.isotopes import default_isotope
from glassnmr.isotopes import isotope as find_isotope
from glassnmr.structure import as_structure
from glassnmr.table import Dataset
from glassnmr.tensors import Unit

__all__ = ["Dataset", "read_dataset"]

# arrays and entries of info that become columns of the table
_COLUMNS = ("isotope", "source", "group")


def read_dataset(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    tensor: str | Mapping[str, str] | None = None,
    kind: str | None = None,
    scalar: str | Sequence[str] | Mapping[str, str] | None = None,
    sign: float = 1,
    offset: float | Mapping[str, float] = 0.0,
    efg_unit: Unit = "au",
    where: str | None = None,
    element: str | Sequence[str] | None = None,
    group: str | None = None,
    isotope: Mapping[str, str] | None = None,
    types: TypeMap | None = None,
    index: str | int | slice | None = None,
    progress: Callable[[int, int], None] | None = None,
    skip: Callable[[str], None] | None = None,
) -> Dataset:
    """Read the atoms that carry a tensor or a value from one file or several.

    tensor: the array of nine columns, with `kind` ``"ms"`` (shielding) or ``"efg"``; or a map ``{"ms": "my_array"}``;
        None takes ``ms`` and ``efg`` as magres files and `Dataset.write` name them, and known scalars.
    scalar: arrays of one column, a name, a list, or a map ``{"sigma_iso": "my_array"}``.
    sign, offset: sigma = offset + sign T in ppm; the offset may be a map element -> ppm. VASP's raw chemical shifts
        want sign -1 and the core's shielding. Shieldings keep their antisymmetric part.
    efg_unit: ``"au"``, ``"V/A^2"`` or ``"V/m^2"``; gradients are kept to the last printed digit, and refused if they
        are not symmetric and traceless but for those digits.
    where: a condition such as ``"label == 1 and element == Si"`` (see `glassnmr.selection`). Without it, atoms whose
        tensor is not finite, or an all-zero shielding, are left out; the summary tells how many.
    element: take only these elements.
    group: a key of the structure's info, a per-atom array, or ``"file"``; None takes ``group`` where a structure has
        it, else the structure itself.
    isotope: a map element -> isotope over `glassnmr.isotopes.default_isotope`; ``""`` where an element has none.
    types, index: as in `read_frames`. progress: called with (files read, files).
    skip: called with one sentence for every file that cannot be read, which is then left out; without it, such a file
        ends the reading. Of a file none or all is taken.

    Tables that `Dataset.write` made (``.extxyz``, ``.h5``) come back as they were; of an HDF5 table only `where`,
    `element`, `group` and `isotope` can choose.

    Raises FileNotFoundError, or ValueError with one sentence that names file, frame and array.
    """
    files = [Path(paths)] if isinstance(paths, (str, os.PathLike)) else [Path(path) for path in paths]
    if not files:
        raise ValueError("there is no file to read a dataset from")
    recipe = make_recipe(tensor, kind, scalar, sign, offset, efg_unit, where, element)
    builder = _Builder(recipe, group, _isotopes(isotope))
    for number, (path, short) in enumerate(zip(files, _short_names(files), strict=True)):
        _add(builder, path, short, types, index, skip)
        if progress is not None:
            progress(number + 1, len(files))
    return builder.dataset()


def _add(builder: _Builder, path: Path, short: str, types: TypeMap | None, index: str | int | slice | None,
         skip: Callable[[str], None] | None) -> None:  # fmt: skip
    """Take a file whole, or leave the builder as it was."""
    if skip is None:
        builder.add(path, short, types, index)
        return
    before = builder.mark()
    try:
        builder.add(path, short, types, index)
    except (ValueError, OSError) as error:
        builder.back(before)
        skip(" ".join(str(error).split()) or f"{path} cannot be read ({type(error).__name__})")


def _isotopes(isotope: Mapping[str, str] | None) -> dict[str, str]:
    """The isotopes that the caller wants, by element."""
    names = {}
    for symbol, name in (isotope or {}).items():
        nucleus = find_isotope(name)
        if nucleus.element != symbol:
            raise ValueError(f"isotope must map an element to one of its own, got {symbol!r}: {name!r}")
        names[symbol] = nucleus.symbol
    return names


def _default(symbol: str) -> str:
    try:
        return default_isotope(symbol).symbol
    except ValueError:
        return ""


def _short_names(files: list[Path]) -> list[str]:
    """The stem of each file, with its folder where stems are shared."""
    stems = [stem(path) for path in files]
    return [
        short if stems.count(short) == 1 else str(path.with_name(short))
        for path, short in zip(files, stems, strict=True)
    ]


class _Builder:
    """Gathers the rows of many structures and makes the table at the end."""

    def __init__(self, recipe: Recipe, group: str | None, isotopes: Mapping[str, str]) -> None:
        self._recipe, self._group, self._isotopes = recipe, group, isotopes
        self._parts: list[Dataset] = []
        self._missing = self._zero = self._bare = 0
        self._seen: set[str] = set()
        self._skipped = self._coreless = 0
        self._vasprun = False

    def mark(self) -> tuple[int, ...]:
        """How far it is, for `back`."""
        return len(self._parts), self._missing, self._zero, self._bare, self._coreless

    def back(self, mark: tuple[int, ...]) -> None:
        """Forget what came since, and count the file that brought it as skipped."""
        count, self._missing, self._zero, self._bare, self._coreless = mark
        del self._parts[count:]
        self._skipped += 1

    def _add_table(self, path: Path, index: str | int | slice | None) -> None:
        recipe = self._recipe
        plain = recipe.automatic and recipe.sign == 1 and recipe.offset == 0 and recipe.efg_scale == 1
        if not plain or index is not None:
            raise ValueError(f"{path} is a table of shieldings and field gradients: it is taken as it is")
        part = read_hdf5(path)
        part = part.select(where=recipe.where.text if recipe.where else None, element=recipe.elements)
        if self._isotopes:
            pairs = zip(part.element.tolist(), part.isotope.tolist(), strict=True)
            named = [self._isotopes.get(symbol, isotope) for symbol, isotope in pairs]
            part = replace(part, isotope=np.array(named, dtype=str))
        if self._group is not None:
            part = regroup_rows(part, self._group, path)
        if len(part):
            self._parts.append(part)

    def add(self, path: Path, short: str, types: TypeMap | None, index: str | int | slice | None) -> None:
        if is_hdf5(path):
            self._add_table(path, index)
            return
        frames = read_frames(path, types, index)
        previous: ase.Atoms | None = next(frames)
        following = next(frames, None)
        single = following is None and index is None
        number = 0
        while previous is not None:
            self._frame(previous, path, short, short if single else f"{short}#{number}", number)
            previous, following = following, next(frames, None) if following is not None else None
            number += 1

    def _frame(self, atoms: ase.Atoms, path: Path, short: str, default: str, number: int) -> None:
        where = f"{path}, frame {number}"
        self._vasprun |= path.name.startswith("vasprun")
        self._seen |= set(atoms.arrays) - {"numbers", "positions"}
        rows = take_rows(atoms, self._recipe, where)
        self._missing += rows.missing
        self._coreless += "core" in str(atoms.info.get("ms_lacks", "")) and "ms" in rows.tensors
        self._zero += rows.zero
        if not rows.tensors and not rows.scalars:
            self._bare += 1
        if len(rows.centre) == 0:
            return
        name = str(atoms.info.get("name", default))
        kept = _clean(atoms, rows, name, where)
        n = len(rows.centre)
        element = np.array(kept.get_chemical_symbols())[rows.centre]
        self._parts.append(
            Dataset(
                structures=[kept],
                structure=np.zeros(n, dtype=np.int64),
                centre=rows.centre,
                element=element,
                isotope=self._isotope(atoms, rows.centre, element),
                tensors=rows.tensors,
                scalars=rows.scalars,
                source=_text(atoms, "source", rows.centre, path.name),
                group=self._groups(atoms, rows.centre, short, name, where),
            )
        )

    def _isotope(self, atoms: ase.Atoms, centre: NDArray[np.int64], element: NDArray[np.str_]) -> NDArray[np.str_]:
        wanted = np.array([self._isotopes.get(symbol, "") for symbol in element.tolist()])
        stored = atoms.arrays.get("isotope")
        if stored is not None and stored.dtype.kind == "U":
            known = np.where(stored[centre] == "-", "", stored[centre])
        else:
            defaults = {symbol: _default(symbol) for symbol in set(element.tolist())}
            known = np.array([defaults[symbol] for symbol in element.tolist()])
        return np.where(wanted != "", wanted, known)

    def _groups(
        self, atoms: ase.Atoms, centre: NDArray[np.int64], short: str, name: str, where: str
    ) -> NDArray[np.str_]:
        if self._group == "file":
            return np.full(len(centre), short)
        key = self._group or "group"
        if self._group is not None and key not in atoms.arrays and key not in atoms.info:
            known = [*atoms.info, *(label for label in atoms.arrays if label not in ("numbers", "positions"))]
            raise ValueError(f"{where} has no group {key!r}, neither in its info nor its arrays: {', '.join(known)}")
        return _text(atoms, key, centre, name)

    def dataset(self) -> Dataset:
        if not self._parts:
            chosen = [f"where={self._recipe.where.text!r}"] if self._recipe.where else []
            chosen += [f"element={', '.join(self._recipe.elements)}"] if self._recipe.elements else []
            arrays = ", ".join(sorted(self._seen)) or "none"
            wanted = ", ".join([*self._recipe.tensors.values(), *self._recipe.scalars.values()])
            told = f"looked for {wanted}, the arrays of the files are {arrays}"
            if chosen:
                raise ValueError(f"{' with '.join(chosen)} leaves no row: {told}")
            hint = "; VASP writes no tensors to vasprun.xml, the OUTCAR of the run has them" if self._vasprun else ""
            raise ValueError(f"no atom of the files has a tensor or value: {told}{hint}")
        notes = []
        if self._missing:
            notes.append(f"left out: {self._missing} atoms without a finite value")
        if self._zero:
            notes.append(f"left out: {self._zero} atoms whose shielding is zero throughout")
        if self._skipped:
            notes.append(f"left out: {self._skipped} file(s) that could not be read")
        if self._coreless and not self._recipe.offset:
            notes.append(f"{self._coreless} structure(s) without the cores' shielding, which their files do not tell")
        if self._bare:
            notes.append(f"left out: {self._bare} structures without tensors")
        whole = Dataset.concatenate(self._parts)
        object.__setattr__(whole, "notes", tuple(dict.fromkeys((*whole.notes, *notes))))
        return whole


def _clean(atoms: ase.Atoms, rows: Rows, name: str, where: str) -> ase.Atoms:
    """The structure alone: wrapped, with its labels, without the arrays that became rows and without a calculator."""
    structure = as_structure(atoms, name=where)
    kept = ase.Atoms(numbers=structure.numbers, positions=structure.positions, cell=atoms.cell, pbc=atoms.pbc)
    for key, array in atoms.arrays.items():
        if key not in (*rows.consumed, *_COLUMNS, *SCALARS, "numbers", "positions") and array.ndim == 1:
            kept.set_array(key, array)
    for key in PARTS:
        if key in atoms.arrays and atoms.arrays[key].dtype.kind == "f" and atoms.arrays[key].size == 9 * len(kept):
            kept.set_array(key, atoms.arrays[key].reshape(-1, 3, 3))
    plain = (str, int, float, np.generic)
    kept.info = {key: value for key, value in atoms.info.items() if isinstance(value, plain) and key not in _COLUMNS}
    kept.info["name"] = name
    return kept


def regroup_rows(part: Dataset, key: str, path: Path) -> Dataset:
    """A table whose groups are an entry of its structures' info, or its files."""
    if key == "file":
        return replace(part, group=part.source.copy())
    lacking = [atoms.info.get("name", "") for atoms in part.structures if key not in atoms.info]
    if lacking and key != "group":
        raise ValueError(f"{path}: {lacking[0]} has no group {key!r} in its info")
    if lacking:
        return part
    return replace(part, group=np.array([str(part.structures[s].info[key]) for s in part.structure]))


def _text(atoms: ase.Atoms, key: str, centre: NDArray[np.int64], default: str) -> NDArray[np.str_]:
    """A per-atom array or an entry of info as text for the rows."""
    if key in atoms.arrays and atoms.arrays[key].ndim == 1:
        return np.asarray(atoms.arrays[key][centre].astype(str))
    if key in atoms.info and np.ndim(atoms.info[key]) == 0:
        return np.full(len(centre), str(atoms.info[key]))
    return np.full(len(centre), default)
