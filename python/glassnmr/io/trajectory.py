# SPDX-License-Identifier: BSD-3-Clause
"""Binary trajectories of other MD codes through MDAnalysis: XTC, DCD and AMBER's NetCDF, one frame at a time.

They hold no elements: those come from a structure file of the same atoms in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.io.blocks import finite

__all__ = ["SUFFIXES", "read_trajectory"]

SUFFIXES = (".xtc", ".dcd", ".nc", ".ncdf")
"""Names that mean a binary trajectory."""

_NM = 10.0  # Å


def read_trajectory(
    path: Path, topology: ase.Atoms, wanted: Callable[[int], bool] | None = None
) -> Iterator[ase.Atoms | None]:
    """Yield the frames with the elements of `topology`; None for those that `wanted` declines."""
    frames = {".xtc": _xtc, ".dcd": _dcd}.get(path.suffix.lower(), _netcdf)(path)
    number = 0
    while True:
        try:
            positions, cell, time = next(frames)
        except StopIteration:
            break
        except (OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, EOFError) as error:
            detail = " ".join(str(error).split())[:200]
            raise ValueError(f"{path}, frame {number} cannot be read ({type(error).__name__}: {detail})") from error
        if len(positions) != len(topology):
            raise ValueError(f"{path} has {len(positions)} atoms, the topology {len(topology)}")
        if wanted is not None and not wanted(number):
            yield None
        else:
            finite(positions, f"{path}, frame {number}: the positions")
            atoms = ase.Atoms(topology.numbers, positions, cell=cell, pbc=cell is not None)
            if time is not None:
                atoms.info["time"] = time
            yield atoms
        number += 1


Frame = tuple[NDArray[np.float64], "NDArray[np.float64] | None", "float | None"]


def _library(module: str) -> Any:
    try:
        from importlib import import_module

        return import_module(module)
    except ImportError:
        raise ImportError("XTC and DCD trajectories need MDAnalysis: pip install 'glassnmr[trajectory]'") from None


def _xtc(path: Path) -> Iterator[Frame]:
    library = _library("MDAnalysis.lib.formats.libmdaxdr")
    with library.XTCFile(str(path)) as file:
        for frame in file:
            cell = np.array(frame.box, dtype=float) * _NM
            yield np.array(frame.x, dtype=float) * _NM, cell if cell.any() else None, float(frame.time)


def _dcd(path: Path) -> Iterator[Frame]:
    library = _library("MDAnalysis.lib.formats.libdcd")
    with library.DCDFile(str(path)) as file:
        for frame in file:
            a, gamma, b, beta, alpha, c = (float(x) for x in frame.unitcell)
            yield np.array(frame.xyz, dtype=float), _cell([a, b, c], [alpha, beta, gamma]), None


def _netcdf(path: Path) -> Iterator[Frame]:
    """AMBER's convention, in NetCDF 3 and in NetCDF 4 as LAMMPS writes it."""
    try:
        import netCDF4
    except ImportError:
        raise ImportError("NetCDF trajectories need netCDF4: pip install 'glassnmr[trajectory]'") from None
    with netCDF4.Dataset(str(path)) as file:
        if "coordinates" not in file.variables:
            raise ValueError("it has no variable 'coordinates': is it a trajectory of AMBER's convention?")
        places = file.variables["coordinates"]
        for frame in range(places.shape[0]):
            cell = None
            if "cell_lengths" in file.variables and "cell_angles" in file.variables:
                box = [np.ma.filled(file.variables[key][frame], np.nan) for key in ("cell_lengths", "cell_angles")]
                cell = _cell(*box)
            time = float(file.variables["time"][frame]) if "time" in file.variables else None
            yield np.ma.filled(places[frame].astype(float), np.nan), cell, time


def _cell(lengths: Any, angles: Any) -> NDArray[np.float64] | None:
    parameters = np.array([*lengths, *angles], dtype=float)
    if not parameters[:3].any():
        return None
    finite(parameters, "the cell")
    return np.asarray(ase.cell.Cell.fromcellpar(parameters).array)
