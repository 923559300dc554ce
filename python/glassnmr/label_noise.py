# SPDX-License-Identifier: BSD-3-Clause
"""How well any model could do: values of one environment in different structures, THEORY.md eq. (9.14)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.checked import checked_rows

__all__ = ["Twins", "find_twins"]

BLOCK = 1000
"""Rows whose distances to all others are held at a time."""


@dataclass(frozen=True, eq=False)
class Twins:
    """Pairs of rows of different structures with nearly the same environment."""

    pairs: NDArray[np.int64]
    """(P, 2) rows, the lower one first"""
    difference: NDArray[np.float64]
    """(P,) |y - y'| of each pair"""
    n_rows: int
    """rows that have a twin"""
    floor: float
    """mean absolute error on these rows that no function of the environment can get below; 0 without twins"""

    def share_beyond(self, difference: float) -> float:
        """Share of the pairs whose values differ by more; 0 without twins."""
        return float(np.mean(self.difference > difference)) if len(self.difference) else 0.0


def find_twins(X: ArrayLike, y: ArrayLike, structure: ArrayLike, *, tolerance: float = 0.01, n_threads: int = 0
               ) -> Twins:
    """Rows of different structures closer than `tolerance` of the median distance, and how far their values differ.

    Two equal environments with the values a and b cost any model |a - b| / 2 each on average: noise of the labels that
    no descriptor and no regression removes (THEORY.md eq. (9.14)).

    Parameters
    ----------
    X : (N, D) feature rows
    y : (N,) values
    structure : (N,) the structure of each row; rows of one structure are not compared
    tolerance : >= 0, as a share of the median distance between rows

    Raises
    ------
    ValueError
        Shapes that do not fit, numbers that are not finite.

    Examples
    --------
    >>> found = find_twins([[0.0], [0.0], [5.0], [9.0]], [1.0, 3.0, 7.0, 2.0], [0, 1, 2, 3])
    >>> found.pairs, found.floor
    (array([[0, 1]]), 1.0)
    """
    rows = checked_rows(X)
    values, owner = np.asarray(y, dtype=np.float64), np.asarray(structure)
    if values.shape != (len(rows),) or owner.shape != values.shape or not np.isfinite(values).all():
        raise ValueError(f"y and structure must be {len(rows)} values, y finite; got {values.shape} and {owner.shape}")
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"tolerance must be finite and not negative, got {tolerance}")
    near = tolerance**2 * _median_square(rows, n_threads)
    found = []
    for start in range(0, len(rows), BLOCK):
        first, second = np.nonzero(_squares(rows[start:start + BLOCK], rows) <= near)
        keep = (first + start < second) & (owner[first + start] != owner[second])
        found.append(np.column_stack([first[keep] + start, second[keep]]))
    pairs = np.concatenate(found).astype(np.int64)
    difference = np.abs(values[pairs[:, 0]] - values[pairs[:, 1]])
    both = pairs.reshape(-1, order="F")
    count = np.bincount(both, minlength=len(rows))
    total = np.bincount(both, np.tile(difference, 2), minlength=len(rows))
    some = count > 0
    floor = float(np.mean(total[some] / count[some]) / 2) if some.any() else 0.0
    return Twins(pairs, difference, int(some.sum()), floor)


def _median_square(rows: NDArray[np.float64], n_threads: int) -> float:
    some = rows[np.linspace(0, len(rows) - 1, min(len(rows), 1000)).astype(np.int64)]
    d2 = _core.squared_distances(np.ascontiguousarray(some), n_threads=n_threads)
    pairs = d2[np.triu_indices(len(d2), 1)]
    return float(np.median(pairs)) if len(pairs) else 0.0


def _squares(some: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """|x - x'|^2 (n, N), cut at 0."""
    squares: NDArray[np.float64] = np.maximum(
        (some**2).sum(axis=1)[:, None] + (rows**2).sum(axis=1) - 2 * some @ rows.T, 0)
    return squares
