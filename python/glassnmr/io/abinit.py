# SPDX-License-Identifier: BSD-3-Clause
"""ABINIT's main output of a run with electric field gradients (prtefg); the structure comes through ASE."""

from __future__ import annotations

import io
import re
import warnings
from typing import IO

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.io.blocks import check_tensors, floats, tensors_of_rows

__all__ = ["gradients", "has_nmr", "is_abinit", "read_abinit"]

_ATOM = re.compile(r"^\s*Atom\s+(\d+), typat\s+\d+:")
_TOTAL = re.compile(r"^\s*total efg\s*:(.*)$")
_VERSION = re.compile(r"Version\s+(\S+)\s+of ABINIT")
_FIXED = re.compile(r"-?\d+\.\d{6}")  # Fortran's f13.6; wide numbers run into each other


def is_abinit(start: str) -> bool:
    """True for the first characters of an ABINIT main output."""
    return bool(_VERSION.search(start[:2000]))


def has_nmr(file: IO[str]) -> bool:
    """True when an ABINIT output prints field gradients."""
    return any(_TOTAL.match(line) for line in file)


def gradients(text: str, name: str) -> NDArray[np.float64]:
    """Field gradients (N, 3, 3), a.u.: the symmetric traceless part of the ``total efg`` of the last data set."""
    rows: list[list[float]] = []
    atom = 0
    for line in text.splitlines():
        if match := _ATOM.match(line):
            if int(match[1]) == 1:
                rows = []
            elif int(match[1]) != atom + 1:
                raise ValueError(f"{name} is malformed: the field gradient of atom {match[1]} follows that of {atom}")
            atom = int(match[1])
        elif match := _TOTAL.match(line):
            fixed = _FIXED.findall(match[1])
            rows.append([float(word) for word in fixed] if len(fixed) == 3
                        else floats(match[1], 3, f"{name}, field gradient of atom {atom}"))  # fmt: skip
    if not atom:
        atom = len(rows) // 3
    if len(rows) != 3 * atom:
        raise ValueError(f"{name} is cut off or malformed: {len(rows)} rows of field gradients for {atom} atoms")
    efg = tensors_of_rows(rows, f"{name}, the field gradients")
    efg = (efg + efg.transpose(0, 2, 1)) / 2
    return np.asarray(efg - np.trace(efg, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3))


def read_abinit(file: IO[str], name: str) -> ase.Atoms:
    """The structure with ``efg`` (N, 3, 3), a.u."""
    from ase.io import read  # heavy: not before it is needed

    text = file.read()
    efg = gradients(text, name)
    if len(efg) == 0:
        raise ValueError(f"{name} holds no field gradients: ABINIT prints them with prtefg, or the file is cut off")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            atoms = read(io.StringIO(text), format="abinit-out")
    except Exception as error:  # the reader of another package fails in many ways
        raise ValueError(f"{name}: its structure cannot be read ({type(error).__name__}: {error})") from error
    assert isinstance(atoms, ase.Atoms)
    atoms.calc = None
    for key in set(atoms.arrays) - {"numbers", "positions"}:
        del atoms.arrays[key]
    check_tensors(atoms, {"efg": efg}, name)
    version = _VERSION.search(text)
    atoms.info = {"calc_code": "ABINIT", "calc_code_version": version[1] if version else "", "efg_terms": "total"}
    return atoms
