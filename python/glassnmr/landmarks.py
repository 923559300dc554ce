# SPDX-License-Identifier: BSD-3-Clause
"""Landmarks: rows that span the others, and the factor on them (THEORY.md section 8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.checked import checked_count, checked_number, checked_rows
from glassnmr.kernels import core_kernel, median_kappa

__all__ = ["Landmarks", "incomplete_cholesky", "select_landmarks"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Chosen rows and the factor on them, as :func:`select_landmarks` returns it."""

    index: NDArray[np.int64]
    """(M,) rows of X, in the order in which they were chosen"""
    residual: Floats
    """(M,) trace(K - L L^T) / trace(K) after each of them"""
    factor: Floats
    """(M, N) L^T: the rows of L are the features Phi = K_NM L_MM^-T of the rows of X"""


def select_landmarks(X: ArrayLike, n_landmarks: int, *, method: str = "icd", kernel: str = "gaussian",
                     kappa: float | str = "auto", degree: int = 2, offset: float = 1.0, tolerance: float = 1e-12,
                     seed: int = 0, n_threads: int = 0) -> Landmarks:
    """Rows that span the others as well as possible (THEORY.md section 8).

    Parameters
    ----------
    X : (N, D) feature rows; with kernel="precomputed" the symmetric kernel matrix (N, N)
    n_landmarks : at most that many; fewer when `tolerance` is reached or the rest is spanned already
    method : "icd" (pivoted incomplete Cholesky), "rpcholesky", "fps", "entropy", "kmeans" or "random"
    kernel, kappa, degree, offset : as in :class:`LSSVR`
    tolerance : stop when trace(K - L L^T) <= tolerance trace(K)
    seed : of the random methods

    Raises
    ------
    ValueError
        Bad input.
    NumericalError
        A precomputed kernel that is not positive semidefinite.

    Examples
    --------
    >>> select_landmarks([[0.0], [0.1], [2.0], [2.1]], 2, kappa=1.0).index
    array([0, 3])
    """
    rows = checked_rows(X)
    core = None
    if kernel == "precomputed":
        if rows.shape[0] != rows.shape[1] or not np.allclose(rows, rows.T, rtol=1e-10, atol=1e-10 * np.abs(rows).max()):
            raise ValueError(f"a precomputed kernel must be a symmetric square matrix, got shape {rows.shape}")
    else:
        auto = isinstance(kappa, str) and kappa == "auto"
        core = core_kernel(kernel, median_kappa(rows) if auto else checked_number(kappa, "kappa", 0, strict=True),
                            degree, offset)
    found = _core.select_landmarks(core, rows, method=method, count=checked_count(n_landmarks, "n_landmarks"),
                                   tolerance=checked_number(tolerance, "tolerance", 0),
                                   seed=checked_count(seed, "seed", 0), n_threads=n_threads)
    return Landmarks(*found)


def incomplete_cholesky(K: ArrayLike, count: int | None = None, *, tolerance: float = 1e-12,
                        n_threads: int = 0) -> Landmarks:
    """Pivoted incomplete Cholesky factor of a positive semidefinite matrix (THEORY.md eq. (8.1)-(8.4)).

    Examples
    --------
    >>> found = incomplete_cholesky([[2.0, 2.0], [2.0, 2.0]])
    >>> found.index, found.residual.round(4), found.factor.round(4)
    (array([0]), array([0.]), array([[1.4142, 1.4142]]))
    """
    matrix = checked_rows(K, "K")
    return select_landmarks(matrix, len(matrix) if count is None else count, kernel="precomputed", tolerance=tolerance,
                            n_threads=n_threads)
