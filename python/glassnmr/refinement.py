# SPDX-License-Identifier: BSD-3-Clause
"""Least squares of an overlay: parameters, residuals, analytic derivatives, covariance; THEORY.md section 15."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from glassnmr._core import NumericalError
from glassnmr.overlay import Overlay

__all__ = ["Problem", "Solution", "approach", "covariance", "noise_level", "solve"]

Array = NDArray[np.float64]


@dataclass
class Problem:
    """Sum over components of amplitude times a shifted and broadened line, plus a baseline, against `y`.

    overlay, y (P,): lines and measured points; amplitudes (C, K): component c has the amplitude (amplitudes @ a)_c;
    shift, width, lorentzian (C,): which parameter of that kind a component has, -1 for none; baseline (B, P) columns;
    tensors: start, lower and upper values (T,) of what the lines themselves depend on; lines: (T,) -> (C, n);
    slopes: (T,) -> for every tensor parameter its component and the derivative (n,) of that line; smoothing: standard
    deviation (ppm) of a Gaussian that broadens all lines further.
    """

    overlay: Overlay
    y: Array
    amplitudes: Array
    shift: NDArray[np.int64]
    width: NDArray[np.int64]
    lorentzian: NDArray[np.int64]
    baseline: Array
    tensors: tuple[Array, Array, Array] = field(default_factory=lambda: (np.zeros(0),) * 3)
    lines: Callable[[Array], Array] | None = None
    slopes: Callable[[Array], Sequence[tuple[int, Array]]] | None = None
    max_shift: float = np.inf
    max_width: float = np.inf
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        sizes = [self.amplitudes.shape[1], *(int(k.max(initial=-1)) + 1 for k in self._kinds), len(self.baseline),
                 len(self.tensors[0])]
        ends: list[int] = np.concatenate([[0], np.cumsum(sizes)]).tolist()
        self.slices = [slice(ends[k], ends[k + 1]) for k in range(6)]
        self._at: Array | None = None

    @property
    def _kinds(self) -> tuple[NDArray[np.int64], ...]:
        return self.shift, self.width, self.lorentzian

    @property
    def n_parameters(self) -> int:
        """Of all kinds."""
        return self.slices[-1].stop

    def bounds(self) -> tuple[Array, Array]:
        """Amplitudes and widths are not negative; shifts stay within their limit, variances below theirs squared."""
        low, high = np.full(self.n_parameters, -np.inf), np.full(self.n_parameters, np.inf)
        a, s, v, w, _, t = self.slices
        low[a] = 0
        low[s], high[s] = -self.max_shift, self.max_shift
        low[v], high[v] = 0, self.max_width**2
        low[w], high[w] = 0, self.max_width
        low[t], high[t] = self.tensors[1], self.tensors[2]
        return low, high

    def shape(self, x: Array) -> tuple[Array, Array, Array]:
        """Shift (ppm), Gaussian variance (ppm^2) and Lorentzian width (ppm) of each component, (C,) each.

        The parameter of the Gaussian is the square of its full width, in which the model is not flat at zero.
        """
        from glassnmr.overlay import FWHM2_TO_VARIANCE

        found = []
        for which, part in zip(self._kinds, self.slices[1:4], strict=True):
            values = np.concatenate([x[part], [0.0]])
            found.append(values[which])
        return found[0], found[1] * FWHM2_TO_VARIANCE + self.smoothing**2, found[2]

    def update(self, x: Array) -> None:
        """Bring the lines to the parameters that they depend on."""
        values = x[self.slices[5]]
        if self.lines is not None and len(values) and (self._at is None or not np.array_equal(values, self._at)):
            self.overlay.set_lines(self.lines(values))
            self._at = values.copy()

    def parts(self, x: Array) -> tuple[Array, Array]:
        """Components with their amplitudes (C, P), and the baseline (P,)."""
        self.update(x)
        columns = self.overlay.columns(*self.shape(x))
        return (self.amplitudes @ x[self.slices[0]])[:, None] * columns, x[self.slices[4]] @ self.baseline

    def residual(self, x: Array) -> Array:
        """Model less measurement, (P,), eq. (15.4)."""
        parts, base = self.parts(x)
        return np.asarray(parts.sum(axis=0) + base - self.y)

    def jacobian(self, x: Array) -> Array:
        """Derivatives of the residual, (P, parameters), eq. (15.3)."""
        from glassnmr.overlay import FWHM2_TO_VARIANCE

        self.update(x)
        shape = self.shape(x)
        columns, *by_shape = self.overlay.derivatives(*shape)
        a = self.amplitudes @ x[self.slices[0]]
        out = np.zeros((self.n_parameters, len(self.y)))
        out[self.slices[0]] = self.amplitudes.T @ columns
        scales = (1.0, FWHM2_TO_VARIANCE, 1.0)
        for which, part, rows, scale in zip(self._kinds, self.slices[1:4], by_shape, scales, strict=True):
            block = out[part]
            for c in np.flatnonzero(which >= 0):
                block[which[c]] += scale * a[c] * rows[c]
        out[self.slices[4]] = self.baseline
        if self.slopes is not None:
            factors = self.overlay.filter(*shape)
            for row, (place, slope) in zip(out[self.slices[5]], self.slopes(x[self.slices[5]]), strict=True):
                change = self.overlay.transformed(slope[None]) * factors[place : place + 1]
                row[:] = a[place] * self.overlay.at_points(change)[0]
        return out.T

    def linear(self, x: Array) -> Array:
        """The parameters with the best amplitudes, not negative, and baseline for the shape that they have."""
        from scipy.optimize import nnls

        self.update(x)
        columns = (self.amplitudes.T @ self.overlay.columns(*self.shape(x))).T
        table = np.hstack([columns, self.baseline.T, -self.baseline.T])
        size = np.linalg.norm(table, axis=0)
        size[size == 0] = 1
        found = nnls(table / size, self.y)[0] / size
        k, b = columns.shape[1], len(self.baseline)
        x = x.copy()
        x[self.slices[0]] = found[:k]
        x[self.slices[4]] = found[k : k + b] - found[k + b :]
        return x


@dataclass(frozen=True, eq=False)
class Solution:
    """x (parameters), their covariance, the residual (P,), and which of them lie at a bound."""

    x: Array
    covariance: Array
    residual: Array
    at_bounds: NDArray[np.bool_]


def approach(problem: Problem, points: Array, starts: Sequence[Array], widths: Sequence[float], most: int = 4
             ) -> list[Array]:
    """What the best starts lead to when measurement and model are smoothed less and less, section 15.5.

    Broad lines have fewer minima: a start that is off by more than a line's own width is drawn to where it belongs.
    `widths` are standard deviations in ppm, falling; `points` (P,) the axis of the measurement; `most` starts are
    followed, those that differ in what the lines depend on and fit best when smoothed.
    """
    from scipy.ndimage import gaussian_filter1d
    from scipy.optimize import least_squares

    measured, (low, high) = problem.y, problem.bounds()
    even = np.linspace(points[0], points[-1], len(points))
    y = np.interp(even, points, measured)
    step = even[1] - even[0]
    found = []

    def smooth(width: float) -> None:
        problem.smoothing = width
        problem.y = np.interp(points, even, gaussian_filter1d(y, width / step, mode="nearest"))

    try:
        smooth(widths[0])
        misfit: dict[tuple[float, ...], tuple[float, Array]] = {}
        for start in starts:
            x = problem.linear(np.clip(start, low, high))
            kind = tuple(x[problem.slices[5]].tolist())
            score = float(np.sum(problem.residual(x) ** 2))
            if score < misfit.get(kind, (np.inf, x))[0]:
                misfit[kind] = (score, x)
        for _, best in sorted(misfit.values(), key=lambda pair: pair[0])[:most]:
            x = best
            for width in widths:
                smooth(width)
                x = _inside(problem.linear(x), low, high)
                x = least_squares(problem.residual, x, jac=problem.jacobian, bounds=(low, high), x_scale="jac",
                                  xtol=1e-5, ftol=1e-5, gtol=1e-8, max_nfev=40).x
            found.append(x)
    finally:
        problem.y, problem.smoothing = measured, 0.0
    return found


def _inside(x: Array, low: Array, high: Array) -> Array:
    """A start strictly between the bounds."""
    margin = np.minimum(1e-10 * (np.abs(x) + 1), np.where(np.isfinite(high - low), (high - low) / 4, np.inf))
    return np.asarray(np.clip(x, low + margin, high - margin))


def solve(problem: Problem, starts: Sequence[Array]) -> Solution:
    """The least squares from the best of several starts; NumericalError where it does not converge."""
    from scipy.optimize import least_squares

    low, high = problem.bounds()
    begun = [problem.linear(np.clip(start, low, high)) for start in starts]
    x = _inside(begun[int(np.argmin([np.sum(problem.residual(b) ** 2) for b in begun]))], low, high)
    size = np.linalg.norm(problem.jacobian(x), axis=0)
    dead = size == 0
    if problem.slices[0].stop and dead[problem.slices[0]].all():
        raise ValueError("the model has no intensity where the measurement is fitted")
    found = least_squares(problem.residual, x, jac=problem.jacobian, bounds=(low, high), x_scale="jac",
                          xtol=1e-10, ftol=1e-10, gtol=1e-10, max_nfev=300)
    if not found.success and found.status <= 0 or not np.all(np.isfinite(found.x)):
        raise NumericalError(f"the fit does not converge: {found.message}")
    residual, slope = problem.residual(found.x), problem.jacobian(found.x)
    near = 1e-6 * np.maximum(np.abs(found.x), 1e-3)
    at_bounds = (found.x - low < near) | (high - found.x < near)
    return Solution(found.x, covariance(slope, residual), residual, at_bounds)


def covariance(jacobian: Array, residual: Array) -> Array:
    """Covariance of least squares whose residuals are correlated along the axis, eq. (15.6) to (15.8).

    Zero filling, apodisation and an imperfect model make neighbouring residuals alike; errors that take them for
    independent are too small. jacobian (P, K), residual (P,); (K, K).
    """
    n, k = jacobian.shape
    scale = np.linalg.norm(jacobian, axis=0)
    scale[scale == 0] = np.inf
    slope = jacobian / scale
    inverse = np.linalg.pinv(slope.T @ slope, rcond=1e-12, hermitian=True)
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(residual, size)
    lag = np.fft.irfft(np.abs(spectrum) ** 2, size)[:n] / max(n - k, 1)
    if not lag[0] > 0:
        return np.zeros((k, k))
    small = np.flatnonzero(lag / lag[0] < 2 / np.sqrt(n))
    reach = int(min(3 * (small[0] if len(small) else n), n // 4 + 1))  # lags that count, tapered to their end
    taper = np.zeros(n)
    taper[:reach] = 1 - np.arange(reach) / reach
    weight = lag * taper
    kernel = np.fft.rfft(np.concatenate([weight, np.zeros(size - 2 * n + 1), weight[:0:-1]]))
    smoothed = np.fft.irfft(np.fft.rfft(slope, size, axis=0) * kernel[:, None], size, axis=0)[:n]
    middle = slope.T @ smoothed
    spread = inverse @ (0.5 * (middle + middle.T)) @ inverse
    least = lag[0] * inverse  # as if independent: the least that the noise allows
    diagonal = np.maximum(np.diag(spread), np.diag(least))
    ratio = np.sqrt(diagonal / np.maximum(np.diag(spread), np.finfo(float).tiny))
    ratio = np.where(np.diag(spread) > 0, ratio, 1)
    return np.asarray(spread * np.outer(ratio, ratio) / np.outer(scale, scale))


def noise_level(values: Array, blocks: int = 16) -> float:
    """Standard deviation of the noise from the quiet part of a spectrum, eq. (15.5).

    The lower quartile of the deviations from a straight line in `blocks` equal parts: a quarter of the spectrum
    without signal is enough.
    """
    y = np.asarray(values, dtype=float)
    blocks = max(1, min(blocks, len(y) // 8))
    found = []
    for part in np.array_split(y, blocks):
        t = np.linspace(-1, 1, len(part))
        rest = part - part.mean() - t * (t @ part) / (t @ t)
        found.append(np.sqrt(rest @ rest / max(len(part) - 2, 1)))
    return float(np.quantile(found, 0.25))
