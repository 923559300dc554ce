# SPDX-License-Identifier: BSD-3-Clause
"""Errors that all rows of a structure have in common (THEORY.md eq. (9.24)-(9.27))."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glassnmr.robust import LEAST_WEIGHT, left_out_residuals

__all__ = ["SharedErrors", "batch_numbers", "robust_shared_errors"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

ROW_SCALE = 3.0
"""How much further off than a batch a row within its batch may be, in robust deviations."""


def batch_numbers(batches: Rows, groups: Rows | None) -> Rows:
    """Numbers (N,) from 0 of the batches; rows of one batch in different groups become different batches."""
    if groups is not None:
        batches = batches * (int(groups.max()) + 1) + groups
    found: Rows = np.unique(batches, return_inverse=True)[1].astype(np.int64).reshape(-1)
    return found


@dataclass(frozen=True, eq=False)
class SharedErrors:
    """Covariance (diag(1/w) + tau 1 1^T for each batch) of the errors, in units of a row's variance (eq. (9.24)).

    Examples
    --------
    >>> errors = SharedErrors(np.ones(2), np.array([3.0]), np.array([0, 0]))
    >>> factor, y, weights = errors.independent(np.array([[1.0, 2.0]]), np.array([[5.0], [7.0]]))
    >>> weights.round(4), bool(np.allclose(errors.back(y), [[5.0], [7.0]]))
    (array([0.1429, 0.1429]), True)
    """

    weights: Floats
    """(N,) > 0, of the rows"""
    variance: Floats
    """(B,) tau of each batch, >= 0"""
    batch: Rows
    """(N,) numbers from 0 of the batches"""

    def __post_init__(self) -> None:
        order = np.argsort(self.batch, kind="stable")
        object.__setattr__(self, "_order", order)
        object.__setattr__(self, "_first", np.flatnonzero(np.diff(self.batch[order], prepend=-1)))

    _order: Rows = None  # type: ignore[assignment]
    _first: Rows = None  # type: ignore[assignment]

    def _sums(self, values: Floats) -> Floats:
        """Sums (..., N) over each batch, for each of its rows; columns in the order of batches."""
        total = np.add.reduceat(values, self._first, axis=-1)
        counts = np.diff(np.append(self._first, len(self.batch)))
        found: Floats = np.repeat(total, counts, axis=-1)
        return found

    def _parts(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """a = sqrt(w), q = a / |a|, gamma, Householder vector h / |h|, new weights; in the order of batches."""
        w = self.weights[self._order]
        total, count = self._sums(w), self._sums(np.ones_like(w))
        tau = self.variance[self.batch[self._order]]
        a, gamma = np.sqrt(w), 1 / np.sqrt(1 + tau * total)
        q = a / np.sqrt(total)
        h = q - 1 / np.sqrt(count)
        size = np.sqrt(self._sums(h**2))
        h = np.where(size > 1e-12, h / np.where(size > 1e-12, size, 1), 0.0)
        return a, q, gamma, h, gamma**2 * total / count

    def independent(self, factor: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
        """Features (M, N), targets (N, T) and weights (N,) of independent rows that say the same (eq. (9.25)).

        Every new row mixes rows of one batch only, so that what leaves out groups of whole batches does so still.
        """
        a, q, gamma, h, weights = self._parts()

        def mixed(values: Floats) -> Floats:
            x = values[:, self._order] * a
            x -= (1 - gamma) * q * self._sums(x * q)
            x -= 2 * h * self._sums(x * h)
            x /= np.sqrt(weights)
            out = np.empty_like(x)
            out[:, self._order] = x
            return out

        new = np.empty_like(weights)
        new[self._order] = weights
        return mixed(factor), np.ascontiguousarray(mixed(np.ascontiguousarray(y.T)).T), new

    def back(self, residual: Floats) -> Floats:
        """Residuals (..., N, T) of the rows from those of the independent ones."""
        a, q, gamma, h, weights = self._parts()
        x = np.swapaxes(residual, -1, -2)[..., self._order] * np.sqrt(weights)
        x = x - 2 * h * self._sums(x * h)
        x += (1 / gamma - 1) * q * self._sums(x * q)
        out = np.empty_like(x)
        out[..., self._order] = x / a
        return np.swapaxes(out, -1, -2)

    def left_out(self, factor: Floats, y: Floats, lam: float, groups: Rows, *, n_threads: int = 0) -> Floats:
        """Residuals (N, T) of each row by the regression without its group, eq. (9.6)."""
        phi, z, w = self.independent(factor, y)
        return self.back(left_out_residuals(phi, z, lam, w, groups, n_threads=n_threads))


def robust_shared_errors(factor: Floats, y: Floats, lam: float, shared: float, robust: float | None, batch: Rows,
                         groups: Rows, weights: Floats | None = None, *, rounds: int = 4, n_threads: int = 0
                         ) -> SharedErrors:
    """Errors of rows and batches, with those let go that the others say are off (THEORY.md eq. (9.26), (9.27)).

    Parameters
    ----------
    factor : (M, N) features, transposed;  y : (N, T);  lam : > 0;  weights : (N,) to start from
    shared : variance of a batch's common error, in units of a row's
    robust : deviation of a batch, in robust standard deviations, at which its common error has twice that variance;
        None: every batch and row counts fully
    batch : (N,) numbers from 0, each within one group;  groups : (N,) numbers from 0
    rounds : of reweighting
    """
    start = np.ones(len(y)) if weights is None else weights
    count = np.bincount(batch)
    errors = SharedErrors(start, np.full(len(count), shared), batch)
    if robust is None:
        return errors
    several = count[batch] > 1
    for _ in range(rounds):
        r = errors.left_out(factor, y, lam, groups, n_threads=n_threads)
        mean = np.column_stack([np.bincount(batch, column) / count for column in r.T])
        trust = _trust(mean, np.ones(len(count), dtype=bool), robust)
        within = _trust(r - mean[batch], several, ROW_SCALE * robust)
        errors = SharedErrors(start * within, shared / trust, batch)
    return errors


def _trust(r: Floats, judged: NDArray[np.bool_], scale: float) -> Floats:
    """Cauchy weights (n,) of deviations (n, T) in units of their robust deviation over the rows that are judged."""
    if not judged.any():
        return np.ones(len(r))
    deviation = 1.4826 * np.median(np.abs(r[judged]), axis=0)
    z = np.sqrt(np.mean((r / np.where(deviation > 0, deviation, np.inf)) ** 2, axis=1))
    found: Floats = np.maximum(1 / (1 + (z / scale) ** 2), LEAST_WEIGHT)
    return found
