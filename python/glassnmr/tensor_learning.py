# SPDX-License-Identifier: BSD-3-Clause
"""Regression of tensor components on equivariants: landmarks are whole environments (THEORY.md section 9.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.checked import checked_count, checked_number, checked_rows
from glassnmr.learning import core_kernel, median_kappa

__all__ = ["BlockFactor", "EquivariantLSSVR", "block_cholesky"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BlockFactor:
    """Landmark environments and the features of all components on them, eq. (9.17)."""

    index: Rows
    """(J,) environments, in the order in which they were chosen"""
    residual: Floats
    """(J,) trace(K - L L^T) / trace(K) after each of them"""
    factor: Floats
    """(m, N C): L^T; rows of the features of environment i stand at i C ... i C + C - 1"""
    span: Floats
    """(J C, m): L = K[:, landmarks] span, which turns feature weights into weights of landmark components"""


def block_cholesky(X: Floats, P: Floats, n_landmarks: int, kernel: _core.Kernel | None, *, tolerance: float = 1e-10,
                   n_threads: int = 0) -> BlockFactor:
    """Pivoted incomplete Cholesky factor of k(x, x') P P'^T, all components of an environment at once (eq. (9.17)).

    Parameters
    ----------
    X : (N, D) invariants;  P : (N, C, F) equivariants
    n_landmarks : environments, at most
    kernel : of the invariants, None for k = 1
    tolerance : stop when trace(K - L L^T) <= tolerance trace(K)

    Notes
    -----
    The next landmark has the largest trace of its block of K - L L^T, which does not turn with the environment, so that
    neither does the choice.
    """
    n, c, f = P.shape
    flat = P.reshape(n * c, f)
    own = np.ones(n) if kernel is None else _core.kernel_diagonal(kernel, X, n_threads=n_threads)
    left = own * (flat**2).reshape(n, -1).sum(axis=1)
    trace, largest = left.sum(), left.max(initial=0.0)
    most = min(n_landmarks, n) * c
    factor, span = np.empty((most, n * c)), np.zeros((most, most))
    index: list[int] = []
    residual: list[float] = []
    m = 0
    while len(index) < min(n_landmarks, n) and left.sum() > tolerance * trace:
        p = int(np.argmax(left))
        if left[p] <= 1e-12 * largest:
            break
        near = np.ones(n) if kernel is None else _core.kernel_matrix(
            kernel, np.ascontiguousarray(X[p:p + 1]), X, n_threads=n_threads)[0]
        column = (P[p] @ flat.T).reshape(c, n, c) * near[:, None]
        column = column.reshape(c, n * c)
        known = factor[:m, p * c:(p + 1) * c]
        column -= known.T @ factor[:m]
        values, vectors = np.linalg.eigh(column[:, p * c:(p + 1) * c])
        kept = values > 1e-10 * values[-1]
        turn = vectors[:, kept] / np.sqrt(values[kept])
        k = int(kept.sum())
        factor[m:m + k] = turn.T @ column
        here = len(index) * c
        span[:here, m:m + k] = -span[:here, :m] @ (known @ turn)
        span[here:here + c, m:m + k] = turn
        left -= (factor[m:m + k] ** 2).reshape(k, n, c).sum(axis=(0, 2))
        left[p] = 0.0
        np.maximum(left, 0.0, out=left)
        m += k
        index.append(p)
        residual.append(float(left.sum() / trace))
    return BlockFactor(np.array(index, dtype=np.int64), np.array(residual), factor[:m].copy(),
                       span[:len(index) * c, :m].copy())


def environment_weights(factor: Floats, y: Floats, lam: float, robust: float, n_components: int, *, rounds: int = 2,
                        n_threads: int = 0) -> Floats:
    """Weights (N C,) that count an environment less the further off it is when it is left out (eq. (9.9)), from
    |r_i|^2 over its components, so that they do not turn with it."""
    n = len(y) // n_components
    number = np.repeat(np.arange(n, dtype=np.int64), n_components)
    weights = np.ones(len(y))
    for _ in range(rounds):
        path = _core.RidgePath(factor, weights, free_bias=False, n_threads=n_threads)
        r = path.leave_out(y, number, n_groups=n, lam=np.array([lam]), n_threads=n_threads)
        size = np.sqrt((r.reshape(n, -1) ** 2).mean(axis=1))
        scale = 1.4826 * float(np.median(size))
        if scale == 0:
            break
        weights = np.repeat(np.minimum(1, robust / np.maximum(size / scale, robust)), n_components)
    return weights


class EquivariantLSSVR:
    """Regression of components that turn as Y_lam, on k(x, x') P P'^T with landmark environments (eq. (9.15)-(9.19))

    Ridge regression without bias on the features of the landmarks' block Cholesky factor: rotated environments have
    rotated predictions, whatever the training set.

    Parameters
    ----------
    kernel : of the invariants x: "gaussian", "polynomial", or "linear" for k = 1: linear in the equivariants
    kappa : of the Gaussian; "auto": a quarter of `glassnmr.learning.median_kappa`
    lam : > 0, the ridge, for equivariants whose mean squared norm over the training set is 1
    n_landmarks : environments, at most
    robust : environments further off than `robust` robust deviations when left out count less; None: all count fully
    degree, offset : of the polynomial
    tolerance : stop adding landmarks when the residual trace falls to this share
    n_threads : 0 is the runtime's default

    Attributes
    ----------
    landmark_indices_ : (J,);  landmarks_ : (J, D) invariants of the landmarks
    weights_ : (J, F): a prediction is P_M . (sum_j k(x, x_j) weights_j), eq. (9.19)
    kappa_ : the kappa used;  scale_ : factor of the equivariants in training;  residual_trace_ : (J,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, p = rng.normal(size=(40, 2)), rng.normal(size=(40, 3, 4))
    >>> y = p @ np.array([1.0, -2.0, 0.5, 0.0])
    >>> model = EquivariantLSSVR(kernel="linear", lam=1e-9).fit(x, p, y)
    >>> bool(np.abs(model.predict(x, p) - y).max() < 1e-6)
    True
    """

    def __init__(self, kernel: str = "gaussian", kappa: float | str = "auto", lam: float = 1e-3, *,
                 n_landmarks: int = 300, robust: float | None = None, degree: int = 2, offset: float = 1.0,
                 tolerance: float = 1e-10, n_threads: int = 0) -> None:
        self.kernel, self.kappa, self.lam = kernel, kappa, lam
        self.n_landmarks, self.robust, self.degree, self.offset = n_landmarks, robust, degree, offset
        self.tolerance, self.n_threads = tolerance, n_threads

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name."""
        del deep
        names = ("kernel", "kappa", "lam", "n_landmarks", "robust", "degree", "offset", "tolerance", "n_threads")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        return f"EquivariantLSSVR({', '.join(f'{k}={v!r}' for k, v in self.get_params().items())})"

    def core_kernel(self, kappa: float) -> _core.Kernel | None:
        """The kernel of the invariants; None for k = 1."""
        return None if self.kernel == "linear" else core_kernel(self.kernel, kappa, self.degree, self.offset)

    def kappa_of(self, X: Floats) -> float:
        """The kappa of the parameters, or what "auto" means on these rows."""
        if isinstance(self.kappa, str):
            if self.kappa != "auto":
                raise ValueError(f'kappa must be a number or "auto", got {self.kappa!r}')
            return median_kappa(X, n_threads=self.n_threads) / 4 if self.kernel == "gaussian" else 1.0
        return checked_number(self.kappa, "kappa", 0, strict=True)

    def factor(self, X: Floats, P: Floats, kappa: float) -> tuple[BlockFactor, float]:
        """Block factor of scaled equivariants, and the scale."""
        size = float(np.mean((P**2).sum(axis=(1, 2))))
        if not size > 0:
            raise ValueError("P has only zeros: environments of high symmetry alone teach nothing of a tensor")
        scale = 1 / np.sqrt(size)
        return block_cholesky(X, P * scale, checked_count(self.n_landmarks, "n_landmarks"), self.core_kernel(kappa),
                              tolerance=checked_number(self.tolerance, "tolerance", 0), n_threads=self.n_threads), scale

    def fit(self, X: ArrayLike, P: ArrayLike, y: ArrayLike) -> EquivariantLSSVR:
        """Fit to invariants X (N, D), equivariants P (N, C, F) and components y (N, C)."""
        x, p, known = checked_tensors(X, P, y)
        lam = checked_number(self.lam, "lam", 0, strict=True)
        self.kappa_ = self.kappa_of(x)
        found, self.scale_ = self.factor(x, p, self.kappa_)
        column = np.ascontiguousarray(known.reshape(-1, 1))
        weights = None
        if self.robust is not None:
            weights = environment_weights(found.factor, column, lam, checked_number(self.robust, "robust", 0,
                                                                                    strict=True), p.shape[1],
                                          n_threads=self.n_threads)
        path = _core.RidgePath(found.factor, weights, free_bias=False, n_threads=self.n_threads)
        v = path.solve(column, np.array([lam]))[0][0, :, 0]
        self.landmark_indices_, self.residual_trace_ = found.index, found.residual
        self.landmarks_ = np.ascontiguousarray(x[found.index])
        alpha = (found.span @ v).reshape(len(found.index), -1)
        self.weights_ = np.ascontiguousarray(
            np.einsum("jc,jcf->jf", alpha, p[found.index]) * self.scale_**2)
        if self.kernel == "linear":  # one landmark stands for all
            self.landmarks_ = np.zeros((1, x.shape[1]))
            self.weights_ = self.weights_.sum(axis=0, keepdims=True)
        return self

    def stored_kernel(self) -> dict[str, Any]:
        """Name and parameters for a model file; k = 1 is the polynomial (0 . x + 1)^1."""
        if self.kernel == "linear":
            return {"kernel": "polynomial", "kappa": 1.0, "degree": 1, "offset": 1.0}
        return {"kernel": self.kernel, "kappa": self.kappa_, "degree": self.degree, "offset": self.offset}

    def predict(self, X: ArrayLike, P: ArrayLike) -> Floats:
        """Components (n, C) of environments with invariants X (n, D) and equivariants P (n, C, F)."""
        if not hasattr(self, "weights_"):
            raise ValueError("this EquivariantLSSVR is not fitted yet; call fit first")
        x, p, _ = checked_tensors(X, P)
        kernel = _core.Kernel(self.stored_kernel()["kernel"], **{k: v for k, v in self.stored_kernel().items()
                                                                 if k != "kernel"})
        v, _ = _core.kernel_predict(kernel, x, self.landmarks_, self.weights_, np.zeros(p.shape[2]),
                                    n_threads=self.n_threads)
        prediction: Floats = (p @ v[:, :, None])[:, :, 0]
        return prediction


def checked_tensors(X: ArrayLike, P: ArrayLike, y: ArrayLike | None = None) -> tuple[Floats, Floats, Floats]:
    """X (N, D), P (N, C, F) and y (N, C) as finite float64 arrays."""
    x, p = checked_rows(X), np.ascontiguousarray(P, dtype=np.float64)
    if p.ndim != 3 or len(p) != len(x) or 0 in p.shape:
        raise ValueError(f"P must have shape ({len(x)}, components, features), got {p.shape}")
    known = np.zeros(p.shape[:2]) if y is None else np.ascontiguousarray(y, dtype=np.float64)
    if known.shape != p.shape[:2]:
        raise ValueError(f"y must have shape {p.shape[:2]}, got {known.shape}")
    if not (np.isfinite(p).all() and np.isfinite(known).all()):
        raise ValueError("P and y must be finite")
    return x, p, known


def leave_out_errors(estimator: EquivariantLSSVR, X: Floats, P: Floats, y: Floats, group: Rows, kappas: Sequence[float],
                     lams: Floats) -> Floats:
    """Mean |y - prediction| (kappa, lam) of groups left out in closed form, eq. (9.6) with groups of components."""
    c = y.shape[1]
    number = np.repeat(np.unique(group, return_inverse=True)[1].astype(np.int64).reshape(-1), c)
    column = np.ascontiguousarray(y.reshape(-1, 1))
    error = np.empty((len(kappas), len(lams)))
    for k, kappa in enumerate(kappas):
        found, _ = estimator.factor(X, P, kappa)

        def errors(weights: Floats | None, features: Floats = found.factor) -> Floats:
            path = _core.RidgePath(features, weights, free_bias=False, n_threads=estimator.n_threads)
            residual = path.leave_out(column, number, n_groups=int(number.max()) + 1, lam=lams,
                                      n_threads=estimator.n_threads)
            mean: Floats = np.abs(residual).mean(axis=(1, 2))
            return mean

        error[k] = errors(None)
        if estimator.robust is not None:
            best = float(lams[np.argmin(error[k])])
            error[k] = errors(environment_weights(found.factor, column, best, estimator.robust, c,
                                                  n_threads=estimator.n_threads))
    return error
