# SPDX-License-Identifier: BSD-3-Clause
"""The shipped reference data: read `README.md` beside this file for what it is, and is not, good for."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import as_file, files
from typing import Any, NamedTuple

from glassnmr.dataset import Dataset, read_dataset

__all__ = ["ShiftPoint", "load", "names", "shift_points", "shift_reference"]

_SETS = {
    "efg-17O": ("efg-17O.extxyz.gz", "efg", ("17O",)),
    "shielding": ("shielding.extxyz.gz", "ms", ("29Si", "17O")),
    "shielding-clusters": ("shielding-clusters.extxyz.gz", "ms", ("29Si", "17O")),
}
_ELEMENT = {"17O": "O", "29Si": "Si"}


class ShiftPoint(NamedTuple):
    """One crystal site of a shift reference: computed shielding and measured shift, both ppm."""

    crystal: str
    site: str
    sigma_iso: float
    delta_iso: float


def names() -> tuple[str, ...]:
    """The sets that `load` knows."""
    return tuple(_SETS)


def load(name: str, isotope: str | None = None) -> Dataset:
    """One set of shipped tensors.

    Parameters
    ----------
    name : ``"efg-17O"`` (field gradients, a.u., of periodic 36-atom cells), ``"shielding"`` (shieldings, ppm, of atoms
        in periodic 144-atom glasses) or ``"shielding-clusters"`` (the same tensors on the clusters that were computed)
    isotope : one nucleus only, such as ``"29Si"``; None gives all of the set

    Groups are glasses: no fold may split one.
    """
    if name not in _SETS:
        raise ValueError(f"name must be one of {', '.join(_SETS)}, got {name!r}")
    file, kind, isotopes = _SETS[name]
    if isotope is not None and isotope not in isotopes:
        raise ValueError(f"isotope of {name} must be one of {', '.join(isotopes)}, got {isotope!r}")
    with as_file(files("glassnmr.data") / file) as path:
        return read_dataset(path, kind=kind, tensor=kind, group="group",
                            element=None if isotope is None else _ELEMENT[isotope])


@cache
def _references() -> dict[str, Any]:
    table: dict[str, Any] = json.loads((files("glassnmr.data") / "references.json").read_text(encoding="utf-8"))
    return table


def _isotope(isotope: str) -> dict[str, Any]:
    known: dict[str, dict[str, Any]] = _references()["isotopes"]
    if isotope not in known:
        raise ValueError(f"there is a shift reference for {', '.join(known)}, not for {isotope!r}")
    return known[isotope]


def shift_reference(isotope: str) -> tuple[float, float]:
    """a (ppm) and b of delta_iso = a + b sigma_iso for the shipped shieldings, and for nothing else.

    Fitted on silica crystals whose clusters were computed as those of the glasses were; see `shift_points`.
    """
    entry = _isotope(isotope)
    return float(entry["a"]), float(entry["b"])


def shift_points(isotope: str) -> tuple[ShiftPoint, ...]:
    """The crystal sites behind `shift_reference`."""
    return tuple(ShiftPoint(**point) for point in _isotope(isotope)["points"])
