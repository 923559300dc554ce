# SPDX-License-Identifier: BSD-3-Clause
"""Intervals that hold left-out groups as often as they say, and environments unlike the training set (section 9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["EXPONENTS", "LEVELS", "Intervals", "calibrate_intervals", "covered", "group_coverage",
           "left_out_half_width", "tempered"]

Floats = NDArray[np.float64]

LEVELS = (0.5, 0.6827, 0.8, 0.9, 0.95)
"""Shares of left-out rows that the intervals of a model are made for; 0.6827 is one standard deviation."""
EXPONENTS = (0.25, 0.5, 0.75, 1.0)
"""Of the growth of the deviation with the novelty that are tried, eq. (9.38)."""
SAME = 0.99
"""Share of left-out rows that count as like the rest of the training set."""


@dataclass(frozen=True, eq=False)
class Intervals:
    """From the deviation of a Gaussian process to intervals that left-out groups confirm, THEORY.md eq. (9.13)."""

    levels: tuple[float, ...]
    """(K,) shares, rising"""
    factors: Floats
    """(T, K): an interval is prediction +- factor * deviation"""
    limit: float
    """novelty, eq. (9.12), beyond which an environment is unlike the training set"""
    exponent: float = 1.0
    """of the growth of the deviation with the novelty, eq. (9.38)"""

    def __post_init__(self) -> None:
        levels, factors = np.asarray(self.levels, dtype=np.float64), np.asarray(self.factors, dtype=np.float64)
        inside = levels.ndim == 1 and len(levels) > 0 and bool(((levels > 0) & (levels < 1)).all())
        if not inside or (np.diff(levels) <= 0).any():
            raise ValueError(f"levels must be rising numbers between 0 and 1, got {self.levels}")
        fits = factors.ndim == 2 and factors.shape[1] == len(levels)
        if not fits or not np.isfinite(factors).all() or (factors < 0).any():
            raise ValueError(f"factors must be {len(levels)} finite numbers for each target, got shape {factors.shape}")
        if not (np.isfinite(self.limit) and self.limit >= 0):
            raise ValueError(f"limit must be finite and not negative, got {self.limit}")
        if not 0 < self.exponent <= 1:
            raise ValueError(f"exponent must lie above 0 and be at most 1, got {self.exponent}")
        object.__setattr__(self, "levels", tuple(float(level) for level in levels))
        object.__setattr__(self, "factors", factors)

    def half_width(self, deviation: ArrayLike, level: float = 0.9) -> Floats:
        """Half width (n, T) of the interval of one of the levels, in units of the targets.

        `deviation` : (n, T) noise sqrt(1 + novelty)^exponent, as `tempered` makes it from that of eq. (9.12)
        """
        if level not in self.levels:
            raise ValueError(f"level must be one of {', '.join(map(str, self.levels))}, got {level}")
        width: Floats = np.asarray(deviation, dtype=np.float64) * self.factors[:, self.levels.index(level)]
        return width

    def unlike(self, novelty: ArrayLike) -> NDArray[np.bool_]:
        """Which environments (n,) are unlike the training set."""
        return np.asarray(np.asarray(novelty, dtype=np.float64) > self.limit)


def _checked(residual: ArrayLike, deviation: ArrayLike) -> tuple[Floats, Floats]:
    error, sigma = (np.asarray(a, dtype=np.float64) for a in (residual, deviation))
    if error.shape != sigma.shape or error.ndim not in (1, 2) or len(error) == 0:
        raise ValueError("residual and deviation must have one shape, (n,) or (n, T), and not be empty, "
                         f"got {error.shape} and {sigma.shape}")
    if not (np.isfinite(error).all() and np.isfinite(sigma).all() and (sigma >= 0).all()):
        raise ValueError("residual and deviation must be finite, and no deviation negative")
    return np.abs(error).reshape(len(error), -1), sigma.reshape(len(error), -1)


def _scores(error: Floats, sigma: Floats) -> Floats:
    """|residual| / deviation; 0 where both are 0."""
    return np.where(sigma > 0, error / np.where(sigma > 0, sigma, 1), np.where(error > 0, np.inf, 0.0))


def _quantile(scores: Floats, level: float) -> Floats:
    """The smallest score that ceil(level (n + 1)) of n reach, over axis 0; the greatest if there are too few."""
    n = len(scores)
    rank = min(int(np.ceil(level * (n + 1) - 1e-9)), n)
    found: Floats = np.sort(scores, axis=0)[rank - 1]
    return found


def tempered(deviation: ArrayLike, novelty: ArrayLike, exponent: float) -> Floats:
    """Deviations (n,) or (n, T) that grow with this power of sqrt(1 + novelty), eq. (9.38), from those of eq. (9.12).

    Examples
    --------
    >>> tempered([2.0, 8.0], [0.0, 15.0], 0.5)
    array([2., 4.])
    """
    sigma, far = np.asarray(deviation, dtype=np.float64), np.asarray(novelty, dtype=np.float64)
    factor = (1 + far) ** ((exponent - 1) / 2)
    found: Floats = sigma * (factor if sigma.ndim == 1 else factor[:, None])
    return found


def _best_exponent(error: Floats, sigma: Floats, novelty: Floats, exponents: tuple[float, ...]) -> float:
    """The exponent whose 90 % intervals have the least interval score, the sum of their lengths and of what they miss
    times 2 / 0.1, relative to the mean error of each target (eq. (9.39)); the greatest among equals.
    """
    if len(exponents) == 1:
        return exponents[0]
    scale = error.mean(axis=0)
    scale = np.where(scale > 0, scale, 1)

    def score(exponent: float) -> float:
        one = tempered(sigma, novelty, exponent)
        width = one * _quantile(_scores(error, one), 0.9)
        return float(np.mean((2 * width + 20 * np.maximum(error - width, 0)) / scale))

    return min(sorted(exponents, reverse=True), key=score)


def calibrate_intervals(residual: ArrayLike, deviation: ArrayLike, novelty: ArrayLike,
                        levels: tuple[float, ...] = LEVELS, exponents: tuple[float, ...] = (1.0,)) -> Intervals:
    """Intervals from rows that were predicted without their group (THEORY.md eq. (9.13)).

    Parameters
    ----------
    residual, deviation : (n,) or (n, T) error and deviation, eq. (9.12), of each left-out row
    novelty : (n,) eq. (9.12)
    levels : shares of the rows that intervals shall hold
    exponents : of the growth with the novelty; the one with the best intervals is taken, eq. (9.39)

    Raises
    ------
    ValueError
        Shapes that do not fit, numbers that are not finite, levels outside (0, 1).

    Examples
    --------
    >>> found = calibrate_intervals([1.0, -2.0, 3.0, -4.0], np.ones(4), np.zeros(4), levels=(0.5,))
    >>> found.half_width([[0.5]], 0.5)
    array([[1.5]])
    """
    error, sigma = _checked(residual, deviation)
    far = np.asarray(novelty, dtype=np.float64)
    if far.shape != (len(error),) or not np.isfinite(far).all():
        raise ValueError(f"novelty must be {len(error)} finite numbers, got shape {far.shape}")
    if not np.isfinite(_scores(error, sigma)).all():
        raise ValueError("a row with deviation 0 has an error: intervals cannot be made of it")
    exponent = _best_exponent(error, sigma, far, exponents)
    scores = _scores(error, tempered(sigma, far, exponent))
    return Intervals(tuple(levels), np.column_stack([_quantile(scores, level) for level in levels]),
                     float(_quantile(far[:, None], SAME)[0]), exponent)


def left_out_half_width(residual: ArrayLike, deviation: ArrayLike, fold: ArrayLike, level: float = 0.9,
                        novelty: ArrayLike | None = None) -> Floats:
    """Half width, (n,) or (n, T), of each left-out row's interval, made from the scores of the *other* folds.

    With the `novelty` (n,) of the rows the other folds also choose one of `EXPONENTS`.

    Examples
    --------
    >>> left_out_half_width([1.0, 5.0], [1.0, 2.0], [0, 1], level=0.5)
    array([2.5, 2. ])
    """
    error, sigma = _checked(residual, deviation)
    which = np.asarray(fold)
    if which.shape != (len(error),) or len(np.unique(which)) < 2:
        raise ValueError(f"fold must name at least two folds of {len(error)} rows")
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    far = np.zeros(len(error)) if novelty is None else np.asarray(novelty, dtype=np.float64)
    width = np.empty(error.shape)
    for k in np.unique(which):
        out, rest = which == k, which != k
        exponent = _best_exponent(error[rest], sigma[rest], far[rest], (1.0,) if novelty is None else EXPONENTS)
        one = tempered(sigma, far, exponent)
        width[out] = one[out] * _quantile(_scores(error, one)[rest], level)
    return width.reshape(np.shape(residual))


def covered(residual: ArrayLike, deviation: ArrayLike, fold: ArrayLike, level: float = 0.9,
            novelty: ArrayLike | None = None) -> NDArray[np.bool_]:
    """Whether intervals made from the *other* folds hold each row: (n,) or (n, T).

    Examples
    --------
    >>> error = np.arange(1.0, 11.0)
    >>> int(covered(error, np.ones(10), np.arange(10) % 2, level=0.5).sum())
    5
    """
    width = left_out_half_width(residual, deviation, fold, level, novelty)
    return np.asarray(np.abs(np.asarray(residual, dtype=np.float64)) <= width)


def group_coverage(held: ArrayLike, groups: ArrayLike) -> float:
    """Mean over groups of the share of their rows that is covered.

    Examples
    --------
    >>> group_coverage([True, True, False], ["a", "a", "b"])
    0.5
    """
    inside = np.asarray(held, dtype=np.float64)
    number = np.unique(np.asarray(groups), return_inverse=True)[1]
    return float(np.mean(np.bincount(number, inside) / np.bincount(number)))
