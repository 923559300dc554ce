# SPDX-License-Identifier: BSD-3-Clause
"""VASP's XDATCAR, one frame at a time: fixed cells and those written anew before every configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import IO

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.io.blocks import finite, floats, structure

__all__ = ["is_xdatcar", "read_xdatcar"]

_CONFIGURATION = re.compile(r"^\s*Direct configuration=\s*(\d*)")


def is_xdatcar(start: str) -> bool:
    """True for the first characters of an XDATCAR of VASP 5 and later."""
    return any(_CONFIGURATION.match(line) for line in start.splitlines()[:12])


def read_xdatcar(
    file: IO[str], name: str, wanted: Callable[[int], bool] | None = None
) -> Iterator[ase.Atoms | None]:
    """Yield the frames; None for those that `wanted` declines, whose lines are passed over unread."""
    frame = 0
    symbols: list[str] = []
    kinds: list[tuple[str, int]] = []
    cell: NDArray[np.float64] | None = None
    line = file.readline()
    while line:
        where = f"{name}, frame {frame}"
        match = _CONFIGURATION.match(line)
        if match is None or cell is None:
            kinds, cell = _header(file, where)
            symbols = []
            line = file.readline()
            match = _CONFIGURATION.match(line)
            if match is None:
                raise ValueError(f"{where}: expected 'Direct configuration=', got {line.strip()[:40]!r}")
        total = sum(count for _, count in kinds)
        lines = list(islice(file, total))
        if len(lines) != total:
            raise ValueError(f"{where} is cut off: {total} atoms are promised, the file has {len(lines)}")
        symbols = symbols or [kind for kind, count in kinds for _ in range(count)]
        if wanted is not None and not wanted(frame):
            yield None
        else:
            scaled = np.array([floats(" ".join(text.split()[:3]), 3, where) for text in lines])
            atoms = structure(symbols, finite(scaled, where) @ cell, cell, where)
            if match[1]:
                atoms.info["timestep"] = int(match[1])
            yield atoms
        frame += 1
        line = file.readline()
        while line and not line.strip():
            line = file.readline()


def _header(file: IO[str], where: str) -> tuple[list[tuple[str, int]], NDArray[np.float64]]:
    """Elements with their counts, and cell, of the six lines after the title, which has been read."""
    scale = floats(file.readline(), 1, f"{where}, scale")[0]
    cell = np.array([floats(file.readline(), 3, f"{where}, cell") for _ in range(3)])
    kinds, counts = file.readline().split(), file.readline().split()
    if not kinds or len(kinds) != len(counts) or not all(word.isdigit() and len(word) < 9 for word in counts):
        got = f"{' '.join(kinds)[:30]!r} and {' '.join(counts)[:30]!r}"
        raise ValueError(f"{where}: expected a line of elements and one of their counts, got {got}")
    finite(cell, f"{where}, cell")
    if not 0 < scale < 1e9:
        raise ValueError(f"{where}: the scale of the cell must be positive, got {scale}")
    return list(zip(kinds, map(int, counts), strict=True)), scale * cell
