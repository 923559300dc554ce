# SPDX-License-Identifier: BSD-3-Clause
"""Intervals that hold left-out groups as often as they say, and environments unlike the training set (section 9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LEVELS", "Intervals", "calibrate_intervals", "covered", "group_coverage", "left_out_half_width"]

Floats = NDArray[np.float64]

LEVELS = (0.5, 0.6827, 0.8, 0.9, 0.95)
"""Shares of left-out rows that the intervals of a model are made for; 0.6827 is one standard deviation."""
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
        object.__setattr__(self, "levels", tuple(float(level) for level in levels))
        object.__setattr__(self, "factors", factors)

    def half_width(self, deviation: ArrayLike, level: float = 0.9) -> Floats:
        """Half width (n, T) of the interval of one of the levels, in units of the targets."""
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


def calibrate_intervals(residual: ArrayLike, deviation: ArrayLike, novelty: ArrayLike,
                        levels: tuple[float, ...] = LEVELS) -> Intervals:
    """Intervals from rows that were predicted without their group (THEORY.md eq. (9.13)).

    Parameters
    ----------
    residual, deviation : (n,) or (n, T) error and deviation, eq. (9.12), of each left-out row
    novelty : (n,) eq. (9.12)
    levels : shares of the rows that intervals shall hold

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
    scores = _scores(error, sigma)
    if not np.isfinite(scores).all():
        raise ValueError("a row with deviation 0 has an error: intervals cannot be made of it")
    return Intervals(tuple(levels), np.column_stack([_quantile(scores, level) for level in levels]),
                     float(_quantile(far[:, None], SAME)[0]))


def left_out_half_width(residual: ArrayLike, deviation: ArrayLike, fold: ArrayLike, level: float = 0.9) -> Floats:
    """Half width, (n,) or (n, T), of each left-out row's interval, made from the scores of the *other* folds.

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
    scores = _scores(error, sigma)
    width = np.empty(scores.shape)
    for k in np.unique(which):
        width[which == k] = sigma[which == k] * _quantile(scores[which != k], level)
    return width.reshape(np.shape(residual))


def covered(residual: ArrayLike, deviation: ArrayLike, fold: ArrayLike, level: float = 0.9) -> NDArray[np.bool_]:
    """Whether intervals made from the *other* folds hold each row: (n,) or (n, T).

    Examples
    --------
    >>> error = np.arange(1.0, 11.0)
    >>> int(covered(error, np.ones(10), np.arange(10) % 2, level=0.5).sum())
    5
    """
    width = left_out_half_width(residual, deviation, fold, level)
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
