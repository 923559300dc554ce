# SPDX-License-Identifier: BSD-3-Clause
"""Rows that count less because the others say that they are off (THEORY.md eq. (9.9))."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glassnmr import _core

__all__ = ["left_out_residuals", "robust_weights"]

Floats = NDArray[np.float64]

LEAST_WEIGHT = 1e-6
"""What the farthest outlier still counts, as a share of its weight."""


def left_out_residuals(factor: Floats, y: Floats, lam: float, weights: Floats | None = None,
                       groups: NDArray[np.int64] | None = None, *, free_bias: bool = True, n_threads: int = 0
                       ) -> Floats:
    """Residuals (N, T) of each row by the regression without its group, or without it alone (THEORY.md eq. (9.6)).

    Parameters
    ----------
    factor : (M, N) features, transposed;  y : (N, T);  lam : > 0;  weights : (N,) > 0 or None
    groups : (N,) numbers from 0, or None;  free_bias : whether the regression has one
    """
    if free_bias and (groups is None or int(groups.max()) + 1 == len(y)):
        return _core.leave_one_out(factor, y, lam=lam, weights=weights, n_threads=n_threads)
    groups = np.arange(len(y)) if groups is None else groups
    counts = np.array([len(factor)], dtype=np.int64)
    v, bias, means, root = _core.ridge(factor, y, lam=lam, counts=counts, weights=weights, with_root=True,
                                       free_bias=free_bias, n_threads=n_threads)
    w = np.ones(len(y)) if weights is None else weights
    scale = np.sqrt(w)
    residual = scale[:, None] * (y - factor.T @ v[0] - bias[0])
    Z = _core.solve_triangular(root, (factor - means[:, None]) * scale, n_threads=n_threads)
    out = np.empty_like(residual)
    order = np.argsort(groups, kind="stable")
    for some in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        part = Z[:, some]
        rest = np.eye(len(some)) - part.T @ part
        if free_bias:
            rest -= np.outer(scale[some], scale[some]) / w.sum()
        try:
            out[some] = np.linalg.solve(rest, residual[some])
        except np.linalg.LinAlgError:
            raise _core.NumericalError("the other groups do not determine the regression; increase lam") from None
    found: Floats = np.divide(out, scale[:, None], out=np.zeros_like(out), where=scale[:, None] > 0)
    return found


def robust_weights(factor: Floats, y: Floats, lam: float, robust: float, weights: Floats | None = None,
                   groups: NDArray[np.int64] | None = None, *, rounds: int = 4, components: int | None = None,
                   n_threads: int = 0) -> Floats:
    """Weights (N,) that count a row less the further off it is when its group is left out (THEORY.md eq. (9.9)).

    Parameters
    ----------
    factor : (M, N) features, transposed;  y : (N, T);  lam : > 0;  weights : (N,) to start from
    robust : deviation, in robust standard deviations, at which a row counts half
    groups : (N,) numbers from 0 of rows that may share an error; None leaves out each row alone
    rounds : of reweighting
    components : rows of one environment, which follow one another and have one weight, so that it does not turn with
        the environment; the regression has no bias then. None: each row stands for itself
    """
    start = np.ones(len(y)) if weights is None else weights
    current = start
    for _ in range(rounds):
        r = np.abs(left_out_residuals(factor, y, lam, current, groups, free_bias=components is None,
                                      n_threads=n_threads))
        if components is not None:
            r = np.repeat(np.sqrt(np.mean(r.reshape(-1, components) ** 2, axis=1)), components)[:, None]
        deviation = 1.4826 * np.median(r, axis=0)
        z = np.sqrt(np.mean((r / np.where(deviation > 0, deviation, np.inf)) ** 2, axis=1))
        current = start * np.maximum(1 / (1 + (z / robust) ** 2), LEAST_WEIGHT)
    return current
