# SPDX-License-Identifier: BSD-3-Clause
"""From one structure with arrays to the atoms that carry a tensor or a value, in the package's units and signs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ase
import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from glassnmr.selection import Selection
from glassnmr.tensors import Unit, convert_efg

__all__ = ["KINDS", "SCALARS", "Recipe", "Rows", "make_recipe", "take_rows"]

KINDS = ("ms", "efg")
SCALARS = ("sigma_iso", "delta_iso", "C_Q", "abs_C_Q", "P_Q", "eta", "V_zz")
EFG_UNITS: tuple[Unit, ...] = ("au", "V/A^2", "V/m^2")
# printed digits leave traces; beyond this a tensor is no field gradient: relative to its largest entry, and in a.u.
_EFG_RELATIVE, _EFG_ABSOLUTE = 1e-2, 5e-4


@dataclass(frozen=True)
class Recipe:
    """What to take from the arrays of a structure, and how to turn it into shieldings and field gradients."""

    tensors: Mapping[str, str]
    scalars: Mapping[str, str]
    automatic: bool
    sign: float
    offset: float | Mapping[str, float]
    efg_scale: float
    where: Selection | None
    elements: tuple[str, ...] | None


@dataclass
class Rows:
    """Atoms chosen of one structure: centre (R,), tensors kind -> (R, 3, 3), scalars name -> (R,), NaN where none."""

    centre: NDArray[np.int64]
    tensors: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    scalars: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    consumed: tuple[str, ...] = ()
    missing: int = 0
    zero: int = 0


def make_recipe(
    tensor: str | Mapping[str, str] | None,
    kind: str | None,
    scalar: str | Sequence[str] | Mapping[str, str] | None,
    sign: float,
    offset: float | Mapping[str, float],
    efg_unit: Unit,
    where: str | None,
    element: str | Sequence[str] | None,
) -> Recipe:
    """Check the options of `read_dataset` once, before any file is opened."""
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind must be 'ms' or 'efg', got {kind!r}")
    if sign not in (1, -1):
        raise ValueError(f"sign must be 1 or -1, got {sign!r}")
    if efg_unit not in EFG_UNITS:
        raise ValueError(f"efg_unit must be one of {', '.join(EFG_UNITS)}, got {efg_unit!r}")
    elements = None if element is None else tuple([element] if isinstance(element, str) else element)
    for symbol in elements or ():
        if atomic_numbers.get(symbol, 0) < 1:
            raise ValueError(f"element must be a chemical symbol, got {symbol!r}")
    scalars = _names(scalar)
    return Recipe(
        tensors=_kinds(tensor, kind, bool(scalars)),
        scalars=scalars,
        automatic=tensor is None and not scalars,
        sign=float(sign),
        offset=_offset(offset),
        efg_scale=float(convert_efg(1.0, efg_unit, "au")),
        where=Selection(where) if where is not None else None,
        elements=elements,
    )


def _kinds(tensor: str | Mapping[str, str] | None, kind: str | None, only_scalars: bool) -> dict[str, str]:
    if tensor is None:
        return {} if only_scalars else {k: k for k in KINDS if kind in (None, k)}
    if isinstance(tensor, str):
        kind = kind or (tensor if tensor in KINDS else None)
        if kind is None:
            raise ValueError(f"kind must be told for the array {tensor!r}: 'ms' (shielding) or 'efg' (field gradient)")
        return {kind: tensor}
    wrong = [key for key in tensor if key not in KINDS]
    if wrong or not tensor:
        raise ValueError(f"tensor must map 'ms' or 'efg' to names of arrays, got {dict(tensor)!r}")
    return dict(tensor)


def _names(scalar: str | Sequence[str] | Mapping[str, str] | None) -> dict[str, str]:
    if scalar is None:
        return {}
    if isinstance(scalar, Mapping):
        return {str(key): str(value) for key, value in scalar.items()}
    names = [scalar] if isinstance(scalar, str) else list(scalar)
    return {name: name for name in names}


def _offset(offset: float | Mapping[str, float]) -> float | dict[str, float]:
    if isinstance(offset, Mapping):
        for symbol, value in offset.items():
            if atomic_numbers.get(symbol, 0) < 1 or not np.isfinite(value):
                raise ValueError(f"offset must map elements to finite numbers in ppm, got {symbol!r}: {value!r}")
        return {symbol: float(value) for symbol, value in offset.items()}
    if not np.isfinite(offset):
        raise ValueError(f"offset must be finite, got {offset!r}")
    return float(offset)


def take_rows(atoms: ase.Atoms, recipe: Recipe, name: str) -> Rows:
    """The atoms of one structure that `recipe` asks for. Raises ValueError that names the structure and the array."""
    found_tensors = {kind: _tensor(atoms, key, recipe, name) for kind, key in recipe.tensors.items()}
    tensors = {kind: array for kind, array in found_tensors.items() if array is not None}
    scalars = {target: _scalar(atoms, key, name) for target, key in recipe.scalars.items()}
    consumed = [*(recipe.tensors[kind] for kind in tensors), *recipe.scalars.values()]
    if recipe.automatic:
        found = [key for key in SCALARS if key in atoms.arrays and atoms.arrays[key].ndim == 1]
        scalars = {key: _scalar(atoms, key, name) for key in found}
        consumed += found
    finite = [
        np.isfinite(array.reshape(len(atoms), -1)).all(axis=1) for array in (*tensors.values(), *scalars.values())
    ]
    present: NDArray[Any] = np.any([np.zeros(len(atoms), dtype=bool), *finite], axis=0)
    asked: NDArray[Any] = np.ones(len(atoms), dtype=bool)
    if recipe.elements is not None:
        asked = np.asarray(np.isin(np.array(atoms.get_chemical_symbols()), recipe.elements))
    rows = Rows(centre=np.zeros(0, np.int64), consumed=tuple(consumed))
    if recipe.where is not None:
        asked &= recipe.where.mask(atoms, name)
        lost = np.flatnonzero(asked & ~present)
        if len(lost) and (tensors or scalars):
            raise ValueError(f"{name}: atom {lost[0]} is asked for, but {' and '.join(consumed)} is not finite there")
        asked &= present
    else:
        # files without a mark write NaN or zeros where they have no shielding; a field gradient may vanish by symmetry
        empty: NDArray[Any] = np.zeros(len(atoms), dtype=bool)
        if "ms" in tensors and len(tensors) + len(scalars) == 1:
            empty = np.logical_not(tensors["ms"].any(axis=(1, 2)))
        rows.missing, rows.zero = int((asked & ~present).sum()), int((asked & empty).sum())
        asked &= present & ~empty
    rows.centre = np.flatnonzero(asked)
    symbols = np.array(atoms.get_chemical_symbols())[rows.centre]
    for kind, array in tensors.items():
        if kind == "ms":
            rows.tensors[kind] = _shielding(array[rows.centre], symbols, recipe)
        else:
            rows.tensors[kind] = _gradient(array[rows.centre], rows.centre, recipe, name)
    rows.scalars = {target: array[rows.centre] for target, array in scalars.items()}
    return rows


def _tensor(atoms: ase.Atoms, key: str, recipe: Recipe, name: str) -> NDArray[np.float64] | None:
    array = atoms.arrays.get(key)
    if array is None:
        if recipe.automatic:
            return None
        raise ValueError(f"{name} has no array {key!r}, it has {_listing(atoms)}")
    if array.dtype.kind not in "fiu" or array.size != 9 * len(atoms):
        raise ValueError(f"{name}: the array {key} must hold nine numbers an atom, it has the shape {array.shape}")
    return np.array(array, dtype=float).reshape(-1, 3, 3)


def _scalar(atoms: ase.Atoms, key: str, name: str) -> NDArray[np.float64]:
    array = atoms.arrays.get(key)
    if array is None:
        raise ValueError(f"{name} has no array {key!r}, it has {_listing(atoms)}")
    if array.dtype.kind not in "fiu" or array.ndim != 1:
        raise ValueError(f"{name}: the array {key} must hold one number an atom, it has the shape {array.shape}")
    return np.array(array, dtype=float)


def _listing(atoms: ase.Atoms) -> str:
    keys = [key for key in atoms.arrays if key not in ("numbers", "positions")]
    return ", ".join(keys) if keys else "none beside the positions"


def _shielding(tensors: NDArray[np.float64], symbols: NDArray[np.str_], recipe: Recipe) -> NDArray[np.float64]:
    """sigma = offset(element) 1 + sign T; an antisymmetric part stays."""
    if isinstance(recipe.offset, Mapping):
        unknown = sorted(set(symbols.tolist()) - set(recipe.offset))
        if unknown:
            raise ValueError(f"offset has no value for {', '.join(unknown)}, only for {', '.join(recipe.offset)}")
        offsets = np.array([recipe.offset[symbol] for symbol in symbols.tolist()], dtype=float)
    else:
        offsets = np.full(len(symbols), recipe.offset)
    return recipe.sign * tensors + offsets[:, None, None] * np.eye(3)


def _gradient(
    tensors: NDArray[np.float64], centre: NDArray[np.int64], recipe: Recipe, name: str
) -> NDArray[np.float64]:
    """V in atomic units, checked to be symmetric and traceless to what the printed digits allow, else as it is."""
    tensors = tensors * recipe.efg_scale
    symmetric = 0.5 * (tensors + np.swapaxes(tensors, 1, 2))
    trace = np.trace(symmetric, axis1=1, axis2=2)
    error = np.maximum(np.abs(tensors - symmetric).max(axis=(1, 2), initial=0), np.abs(trace))
    far = np.flatnonzero(error > _EFG_RELATIVE * np.abs(tensors).max(axis=(1, 2), initial=0) + _EFG_ABSOLUTE)
    if len(far):
        atom, row = centre[far[0]], tensors[far[0]]
        raise ValueError(
            f"{name}: the field gradient of atom {atom} is not symmetric and traceless"
            f" (trace {np.trace(row):.3g}, antisymmetric part {np.abs(row - row.T).max() / 2:.3g} a.u.)"
        )
    return np.asarray(tensors)
