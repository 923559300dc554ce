# SPDX-License-Identifier: BSD-3-Clause
"""A model laid over measured points: shifted, broadened and added up, with derivatives; THEORY.md section 15.1."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["EvenAxis", "Overlay", "resampled", "working_axis"]

Array = NDArray[np.float64]

FWHM2_TO_VARIANCE = 1 / (8 * math.log(2))
_MOST_POINTS = 1 << 18


class EvenAxis(NamedTuple):
    """first (ppm), step (ppm, positive) and number of points."""

    first: float
    step: float
    size: int

    @property
    def ppm(self) -> Array:
        """All points, rising."""
        return self.first + self.step * np.arange(self.size, dtype=np.float64)

    @property
    def ends(self) -> tuple[float, float, int]:
        """(low, high, points), as `mas_spectrum` takes it."""
        return self.first, self.first + self.step * (self.size - 1), self.size


def working_axis(points: Array, step: float, margin: float) -> EvenAxis:
    """An axis that covers rising `points` with a margin, of a step at most `step` where that is affordable.

    Where the points are even they lie on it, so that nothing is interpolated.
    """
    steps = np.diff(points)
    own = float(points[-1] - points[0]) / len(steps)
    span = points[-1] - points[0] + 2 * margin
    fine = max(min(step, own), span / _MOST_POINTS)
    if np.ptp(steps) < 1e-4 * own:
        fine = own / max(1, math.ceil(own / fine - 1e-9))
    before = math.ceil(margin / fine)
    count = before + math.ceil((points[-1] - points[0]) / fine - 1e-9) + 1 + before
    return EvenAxis(float(points[0]) - before * fine, fine, count)


def resampled(axis: EvenAxis, ppm: Array, values: Array) -> Array:
    """Rows `values` (C, n) on rising `ppm` brought onto an axis, zero beyond their own; coarser axes take averages."""
    x = axis.ppm
    step = float(ppm[-1] - ppm[0]) / (len(ppm) - 1)
    if axis.step <= 1.5 * step:
        return np.array([np.interp(x, ppm, row, left=0, right=0) for row in values])
    edges = axis.first + axis.step * (np.arange(axis.size + 1) - 0.5)
    widths = np.gradient(ppm)
    below = np.concatenate([ppm[:1] - widths[:1] / 2, ppm + widths / 2])
    out = []
    for row in values:
        integral = np.concatenate([[0.0], np.cumsum(row * widths)])
        out.append(np.diff(np.interp(edges, below, integral)) / axis.step)
    return np.array(out)


class Overlay:
    """Lines (C, n) on an even axis, seen at measured `points` (P,) after shift and broadening, eq. (15.1)."""

    def __init__(self, points: Array, axis: EvenAxis, lines: Array) -> None:
        from scipy.fft import next_fast_len

        self.axis = axis
        self._size = int(next_fast_len(2 * axis.size, real=True))
        self._frequency = np.fft.rfftfreq(self._size, axis.step)
        place = np.clip((points - axis.first) / axis.step, 0, axis.size - 1)
        self._left = np.minimum(place.astype(np.int64), axis.size - 2)
        fraction = place - self._left
        self._fraction = np.where(np.abs(fraction - np.round(fraction)) < 1e-6, np.round(fraction), fraction)
        self.set_lines(lines)

    def set_lines(self, lines: Array) -> None:
        """Other lines on the same axis."""
        self._transform = np.fft.rfft(lines, self._size, axis=1)

    def transformed(self, lines: Array) -> NDArray[np.complex128]:
        """Fourier transforms of rows on the axis."""
        return np.asarray(np.fft.rfft(lines, self._size, axis=1))

    def filter(self, shift: Array, variance: Array, lorentzian: Array) -> NDArray[np.complex128]:
        """(C, F) factors of shift (ppm), Gaussian variance (ppm^2) and Lorentzian full width (ppm), eq. (15.2)."""
        f = self._frequency
        exponent = -2j * np.pi * f * shift[:, None]
        exponent = exponent - 2 * np.pi**2 * f**2 * variance[:, None] - np.pi * f * lorentzian[:, None]
        return np.asarray(np.exp(exponent))

    def at_points(self, transform: NDArray[np.complex128]) -> Array:
        """Rows of transforms at the measured points, (C, P)."""
        values = np.fft.irfft(transform, self._size, axis=1)[:, : self.axis.size]
        left, right = values[:, self._left], values[:, self._left + 1]
        return np.asarray(left + self._fraction * (right - left))

    def columns(self, shift: Array, variance: Array, lorentzian: Array) -> Array:
        """Each component at the measured points, (C, P), eq. (15.1)."""
        return self.at_points(self._transform * self.filter(shift, variance, lorentzian))

    def derivatives(self, shift: Array, variance: Array, lorentzian: Array) -> tuple[Array, Array, Array, Array]:
        """The columns, and their derivatives by shift, variance and Lorentzian width, each (C, P), eq. (15.3)."""
        f = self._frequency
        base = self._transform * self.filter(shift, variance, lorentzian)
        return (self.at_points(base), self.at_points(base * (-2j * np.pi * f)),
                self.at_points(base * (-2 * np.pi**2 * f**2)), self.at_points(base * (-np.pi * f)))
