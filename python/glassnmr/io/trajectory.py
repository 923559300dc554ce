# SPDX-License-Identifier: BSD-3-Clause
"""Binary trajectories of other MD codes: XTC and DCD through MDAnalysis, AMBER's NetCDF through netCDF4.

They hold no elements: those come from a structure file of the same atoms in the same order. What a header says is held
against the size of the file and the number of atoms before a library follows it, and the libraries run in a process
of their own (`glassnmr.io.apart`).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.io.apart import Frame, frames_apart
from glassnmr.io.blocks import finite

__all__ = ["LIBRARIES", "SUFFIXES", "library", "read_trajectory"]

SUFFIXES = (".xtc", ".dcd", ".nc", ".ncdf")
"""Names that mean a binary trajectory."""

_NM = 10.0  # Å
_XTC_MAGIC = (1995, 2023)
_XTC_FEW = 9  # atoms that are not worth compressing
_XTC_INDEX = (9, 72)  # of the table of steps
_CHARMM = 24


def read_trajectory(
    path: Path, topology: ase.Atoms, wanted: Callable[[int], bool] | None = None
) -> Iterator[ase.Atoms | None]:
    """Yield the frames with the elements of `topology`; None for those that `wanted` declines."""
    frames = frames_apart(path, len(topology))
    number = 0
    while True:
        try:
            positions, cell, time = next(frames)
        except StopIteration:
            break
        except ValueError as error:
            raise ValueError(f"{path}, frame {number} cannot be read: {error}") from error
        if wanted is not None and not wanted(number):
            yield None
        else:
            atoms = ase.Atoms(topology.numbers, positions, cell=cell, pbc=cell is not None)
            if time is not None:
                atoms.info["time"] = time
            yield atoms
        number += 1


def library(suffix: str) -> Any:
    """The module that reads files of that name; ImportError with the way to get it."""
    module = LIBRARIES[suffix][0]
    try:
        return import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise ImportError(f"{suffix} trajectories need {package}: pip install 'glassnmr[trajectory]'") from None


def _bytes(file: IO[bytes], count: int, size: int) -> bytes:
    """The next `count` bytes of a file of `size` bytes."""
    if not 0 <= count <= size - file.tell():
        raise ValueError("it is cut off or damaged")
    return file.read(count)


def _same(found: int, n_atoms: int) -> None:
    if found != n_atoms:
        raise ValueError(f"it has {found} atoms, the topology {n_atoms}")


# ---- XTC of GROMACS


def _xtc(library: Any, path: Path, n_atoms: int) -> Iterator[Frame]:
    size = path.stat().st_size
    with path.open("rb") as raw:
        _xtc_header(raw, size, n_atoms)  # before the library makes room for what it says
        raw.seek(0)
        with library.XTCFile(str(path)) as file:
            while raw.tell() < size:
                _xtc_header(raw, size, n_atoms)
                frame = file.read()
                cell = np.array(frame.box, dtype=float) * _NM
                yield np.array(frame.x, dtype=float) * _NM, cell if cell.any() else None, float(frame.time)


def _xtc_header(raw: IO[bytes], size: int, n_atoms: int) -> None:
    """Pass over one frame: magic, atoms, step, time, nine of the box, atoms, and of packed ones how."""
    start = raw.tell()
    magic, atoms, again = struct.unpack(">ii44xi", _bytes(raw, 56, size))
    if magic not in _XTC_MAGIC:
        raise ValueError(f"there is no frame at byte {start}")
    _same(atoms, n_atoms)
    _same(again, n_atoms)
    if atoms <= _XTC_FEW:
        _bytes(raw, 12 * atoms, size)
        return
    precision, *bounds, index = struct.unpack(">f6ii", _bytes(raw, 32, size))
    kind = ">i" if magic == _XTC_MAGIC[0] else ">q"
    (count,) = struct.unpack(kind, _bytes(raw, struct.calcsize(kind), size))
    spans = [high - low for low, high in zip(bounds[:3], bounds[3:], strict=True)]
    sound = 1e-3 < precision < 1e9 and all(0 <= span < 2**31 for span in spans)
    if not sound or not _XTC_INDEX[0] <= index <= _XTC_INDEX[1] or not 0 < count <= 16 * atoms + 64:
        raise ValueError("the header of its coordinates is damaged")
    left = count + -count % 4
    if left > size - raw.tell():
        raise ValueError("it is cut off or damaged")
    raw.seek(left, 1)


# ---- DCD of CHARMM, NAMD and LAMMPS


def _dcd(library: Any, path: Path, n_atoms: int) -> Iterator[Frame]:
    version = _dcd_header(path, n_atoms)
    with library.DCDFile(str(path)) as file:
        for frame in file:
            yield np.array(frame.xyz, dtype=float), _dcd_cell(np.array(frame.unitcell, dtype=float), version), None


def _dcd_header(path: Path, n_atoms: int) -> int:
    """The version of CHARMM that the header claims; its records are 84 bytes, the titles, and the number of atoms."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = _bytes(file, 4, size)
        order = next((sign for sign in "<>" if struct.unpack(f"{sign}i", start) == (84,)), None)
        if order is None or _bytes(file, 4, size) != b"CORD":
            raise ValueError("it does not begin as a DCD file with coordinates does")
        control = struct.unpack(f"{order}20i", _bytes(file, 80, size))
        after, titles = struct.unpack(f"{order}ii", _bytes(file, 8, size))
        _bytes(file, titles, size)
        closed, four, atoms = struct.unpack(f"{order}iii", _bytes(file, 12, size))
        if after != 84 or closed != titles or four != 4:
            raise ValueError("its header is damaged")
        _same(atoms, n_atoms)
        if control[8]:
            raise ValueError(f"{control[8]} atoms are fixed and not in every frame, which is not read")
        if size - file.tell() < 12 * atoms:
            raise ValueError("it is cut off or damaged")
    return int(control[19])


def _dcd_cell(six: NDArray[np.float64], version: int) -> NDArray[np.float64] | None:
    """Of A, gamma, B, beta, alpha, C with angles in degrees or as cosines, or of the symmetric matrix of CHARMM itself.

    NAMD, LAMMPS and others that write cosines or degrees give themselves out for version 24 of CHARMM.
    """
    finite(six, "the cell")
    if version > _CHARMM and six.any():
        xx, xy, yy, xz, yz, zz = six
        rows = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        if not np.linalg.det(rows) > 0:
            raise ValueError(f"{' '.join(f'{x:g}' for x in six)} make no cell")
        return _cell(*np.split(ase.cell.Cell(rows).cellpar(), 2))
    sides, angles = six[[0, 2, 5]], six[[4, 3, 1]]
    return _cell(sides, np.degrees(np.arccos(angles)) if (np.abs(angles) <= 1).all() else angles)


# ---- NetCDF


def _netcdf(library: Any, path: Path, n_atoms: int) -> Iterator[Frame]:
    """AMBER's convention, in NetCDF 3 and in NetCDF 4."""
    with library.Dataset(str(path)) as file:
        if "coordinates" not in file.variables:
            raise ValueError("it has no variable 'coordinates': is it a trajectory of AMBER's convention?")
        places = file.variables["coordinates"]
        if len(places.shape) != 3 or places.shape[2] != 3:
            raise ValueError(f"its coordinates have the shape {places.shape}")
        _same(places.shape[1], n_atoms)
        there = _netcdf_records(file, path.stat().st_size)
        for frame in range(places.shape[0]):
            if there is not None and frame >= there:  # the library would make up what is missing
                raise ValueError("it is cut off or damaged")
            cell = None
            if "cell_lengths" in file.variables and "cell_angles" in file.variables:
                cell = _cell(*(_values(file.variables[key][frame]) for key in ("cell_lengths", "cell_angles")))
            time = float(file.variables["time"][frame]) if "time" in file.variables else None
            yield _values(places[frame]), cell, time


def _netcdf_records(file: Any, size: int) -> int | None:
    """How many records a classic NetCDF file of so many bytes can hold; None for NetCDF 4."""
    if not file.data_model.startswith("NETCDF3"):
        return None
    word = 8 if file.data_model.endswith("DATA") else 4
    offset = 4 if file.data_model.endswith("CLASSIC") else 8

    def padded(count: int) -> int:
        return count + -count % 4

    def header(name: str) -> int:
        return word + padded(len(name.encode()))

    def attributes(owner: Any) -> int:
        total = 4 + word
        for name in owner.ncattrs():
            value = owner.getncattr(name)
            count = len(value.encode()) if isinstance(value, str) else np.asarray(value).nbytes
            total += header(name) + 4 + word + padded(count)
        return total

    start = 4 + word + 2 * (4 + word) + attributes(file)  # magic, records; dimensions and variables
    start += sum(header(name) + word for name in file.dimensions)
    rows = []
    for name, variable in file.variables.items():
        start += header(name) + word * (1 + variable.ndim) + attributes(variable) + 4 + word + offset
        grows = variable.ndim and file.dimensions[variable.dimensions[0]].isunlimited()
        length = math.prod(variable.shape[1 if grows else 0 :]) * variable.dtype.itemsize
        if grows:
            rows.append(length)
        else:
            start += padded(length)
    if not rows:
        return None
    row = rows[0] if len(rows) == 1 else sum(map(padded, rows))
    return max(0, size - start + 3) // max(1, row)


def _values(array: Any) -> NDArray[np.float64]:
    """Double precision, NaN where nothing was written."""
    return np.asarray(np.ma.filled(np.ma.asarray(array).astype(float), np.nan))


def _cell(lengths: Any, angles: Any) -> NDArray[np.float64] | None:
    parameters = np.array([*lengths, *angles], dtype=float)
    if parameters.shape != (6,):
        raise ValueError(f"a cell has six parameters, not {len(parameters)}")
    if not parameters[:3].any():
        return None
    finite(parameters, "the cell")
    a, b, c = np.cos(np.radians(parameters[3:]))
    # the square of the volume over the product of the sides
    if not (parameters[:3] > 0).all() or not 1 - a * a - b * b - c * c + 2 * a * b * c > 1e-8:
        raise ValueError(f"sides and angles {' '.join(f'{x:g}' for x in parameters)} make no cell")
    return np.asarray(ase.cell.Cell.fromcellpar(parameters).array)


LIBRARIES: Mapping[str, tuple[str, Callable[[Any, Path, int], Iterator[Frame]]]] = {
    ".xtc": ("MDAnalysis.lib.formats.libmdaxdr", _xtc), ".dcd": ("MDAnalysis.lib.formats.libdcd", _dcd),
    ".nc": ("netCDF4", _netcdf), ".ncdf": ("netCDF4", _netcdf),
}  # fmt: skip
"""The library and the reader of each kind of file, by its suffix; used in the other process."""
