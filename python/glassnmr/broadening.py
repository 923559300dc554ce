# SPDX-License-Identifier: BSD-3-Clause
"""Lines laid in steps of an axis: broadened, moved, folded and cut; THEORY.md section 12.4."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Shape", "broadened", "checked_shape", "kernel", "on_window"]

Array = NDArray[np.float64]
Shape = Literal["gaussian", "lorentzian"]


def checked_shape(shape: str) -> str:
    """The shape, if there is such a one."""
    if shape not in get_args(Shape):
        raise ValueError(f"shape must be 'gaussian' or 'lorentzian', got {shape!r}")
    return shape


def kernel(fwhm: float, shape: str, most: int, moved: float = 0.0) -> Array:
    """The line shape over the steps -reach ... reach <= most, moved by a part of a step; eq. (12.12), (12.13)."""
    if shape == "gaussian":
        # the tents and the bins of the kernel have a variance of a quarter step together, which the Gaussian leaves out
        sigma = math.sqrt(max((fwhm / math.sqrt(8 * math.log(2))) ** 2 - 0.25, 0))
        if sigma < 1e-3:
            return np.array([0.0, 1 - moved, moved])
        reach = min(most, math.ceil(9 * sigma) + 1)
        edges = (np.arange(-reach, reach + 2) - 0.5 - moved) / (sigma * math.sqrt(2))
        return np.asarray(np.diff([math.erf(edge) for edge in edges]) / 2)
    if fwhm <= 0:
        return np.array([0.0, 1 - moved, moved])
    return np.asarray(np.diff(np.arctan((np.arange(-most, most + 2) - 0.5 - moved) / (0.5 * fwhm))) / math.pi)


def broadened(lines: Array, shape_of_line: Array) -> Array:
    """Rows (k, n) convolved with a kernel of 2 reach + 1 values: (k, n + 2 reach)."""
    if len(shape_of_line) <= 3:
        return np.stack([np.convolve(row, shape_of_line) for row in lines])
    n = lines.shape[1] + len(shape_of_line) - 1
    size = 1 << (n - 1).bit_length()
    product = np.fft.rfft(lines, size, axis=1) * np.fft.rfft(shape_of_line, size)
    return np.asarray(np.fft.irfft(product, size, axis=1)[:, :n])


def on_window(lines: Array, start: int, points: int, fwhm: float, shape: str, *, moves: ArrayLike = 0.0,
              folding: bool = False) -> tuple[Array, float]:
    """The sum of rows (k, n), row k moved by moves[k] steps, broadened, on a window that begins `start` steps on.

    Returns the window (points,) and how much weight lies in it before the broadening. With `folding` what leaves the
    window on one side comes back on the other. Nothing is normalised.
    """
    window, within = np.zeros(points), 0.0
    # a Lorentzian has no end: as far as the window, and one more where that comes back
    most = max(lines.shape[1], points)
    for row, moved in zip(lines, np.broadcast_to(np.asarray(moves, dtype=float), len(lines)), strict=True):
        if not np.any(row):
            continue
        whole = math.floor(moved)
        line = kernel(fwhm, shape, most, moved - whole)
        reach = (len(line) - 1) // 2
        wide = broadened(row[None], line)[0]
        places = np.arange(len(row)) + whole - start
        if folding:
            within += float(row.sum())
            np.add.at(window, (np.arange(len(wide)) + whole - start - reach) % points, wide)
            continue
        for share, at in ((1 - (moved - whole), places), (moved - whole, places + 1)):
            if share:
                within += share * float(row[(at >= 0) & (at < points)].sum())
        first = whole - start - reach
        low, high = max(first, 0), min(first + len(wide), points)
        if low < high:
            window[low:high] += wide[low - first : high - first]
    size = np.max(np.abs(window), initial=0)
    return np.where(window > -1e-13 * size, np.maximum(window, 0), window), within
