# SPDX-License-Identifier: BSD-3-Clause
"""Regression of tensor components on equivariants: landmarks are whole environments (THEORY.md section 9.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.checked import checked_count, checked_number, checked_rows, group_numbers
from glassnmr.kernels import core_kernel, median_kappa
from glassnmr.robust import robust_weights

__all__ = ["BlockFactor", "Environments", "EquivariantLSSVR", "block_cholesky"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


CACHE_BYTES = 2**30
"""Products of landmarks with all environments that are kept for further factorisations."""


class Environments:
    """Invariants X (N, D) and equivariants P (N, C, F), and the products of landmarks with them.

    Folds, kappas and ridges have most of their landmarks in common: what a landmark shares with all environments is
    made once, where there is room.
    """

    def __init__(self, X: Floats, P: Floats) -> None:
        self.X, self.P = X, P
        self.size: Floats = (P**2).sum(axis=(1, 2))
        """(N,) |P|^2"""
        self._centred = X - X.mean(axis=0)
        self._norm = (self._centred**2).sum(axis=1)
        self._kept: dict[int, Floats] = {}

    def __len__(self) -> int:
        return len(self.X)

    def products(self, p: int) -> Floats:
        """(C, N, C): P_p P^T."""
        if p in self._kept:
            return self._kept[p]
        n, c, f = self.P.shape
        found: Floats = (self.P[p] @ self.P.reshape(n * c, f).T).reshape(c, n, c)
        if (len(self._kept) + 1) * found.nbytes <= CACHE_BYTES:
            self._kept[p] = found
        return found

    def near(self, p: int, rows: Rows, kernel: EquivariantLSSVR, kappa: float) -> Floats:
        """k(x_p, x) (n,) of some rows."""
        core = kernel.core_kernel(kappa)
        if core is None:
            return np.ones(len(rows))
        if kernel.kernel != "gaussian":
            one: Floats = _core.kernel_matrix(core, self.X[p:p + 1].copy(), np.ascontiguousarray(self.X[rows]))[0]
            return one
        d2 = self._norm[rows] + self._norm[p] - 2 * (self._centred @ self._centred[p])[rows]
        found: Floats = np.exp(-kappa * np.maximum(d2, 0))
        return found

    def own(self, rows: Rows, kernel: EquivariantLSSVR, kappa: float) -> Floats:
        """k(x, x) (n,) of some rows."""
        core = kernel.core_kernel(kappa)
        if core is None or kernel.kernel == "gaussian":
            return np.ones(len(rows))
        return _core.kernel_diagonal(core, np.ascontiguousarray(self.X[rows]))


@dataclass(frozen=True, eq=False)
class BlockFactor:
    """Landmark environments and the features of all components on them, eq. (9.17)."""

    index: Rows
    """(J,) environments, places among the rows, in the order in which they were chosen"""
    residual: Floats
    """(J,) trace(K - L L^T) / trace(K) after each of them"""
    factor: Floats
    """(m, N C): L^T; rows of the features of environment i stand at i C ... i C + C - 1"""
    span: Floats
    """(J C, m): L = K[:, landmarks] span, which turns feature weights into weights of landmark components"""
    near: Floats
    """(J, N) kernel of the invariants between landmarks and environments"""


def block_cholesky(environments: Environments, rows: Rows, estimator: EquivariantLSSVR, kappa: float,
                   scale: float = 1.0) -> BlockFactor:
    """Pivoted incomplete Cholesky factor of k(x, x') P P'^T, all components of an environment at once (eq. (9.17)).

    Parameters
    ----------
    environments : all of them;  rows : (N,) those that are factorised
    estimator : its kernel, most landmarks and tolerance: stop when trace(K - L L^T) <= tolerance trace(K)
    kappa : of the Gaussian;  scale : factor of the equivariants

    Notes
    -----
    The next landmark has the largest trace of its block of K - L L^T, which does not turn with the environment, so that
    neither does the choice.
    """
    n, c = len(rows), environments.P.shape[1]
    left = environments.own(rows, estimator, kappa) * environments.size[rows] * scale**2
    trace, largest = left.sum(), left.max(initial=0.0)
    count = min(checked_count(estimator.n_landmarks, "n_landmarks"), n)
    tolerance = checked_number(estimator.tolerance, "tolerance", 0)
    factor, span, near = np.empty((count * c, n * c)), np.zeros((count * c, count * c)), np.empty((count, n))
    index: list[int] = []
    residual: list[float] = []
    m = 0
    while len(index) < count and left.sum() > tolerance * trace:
        p = int(np.argmax(left))
        if left[p] <= 1e-12 * largest:
            break
        near[len(index)] = environments.near(int(rows[p]), rows, estimator, kappa)
        column = environments.products(int(rows[p]))[:, rows] * (scale**2 * near[len(index)])[:, None]
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
    j = len(index)
    return BlockFactor(np.array(index, dtype=np.int64), np.array(residual), factor[:m], span[:j * c, :m].copy(),
                       near[:j])


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
    noise_ : deviation of a component's noise;  novelty_lam_ : ridge of the novelty, eq. (9.30)

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

    def factor(self, environments: Environments, rows: Rows, kappa: float) -> tuple[BlockFactor, float]:
        """Block factor of scaled equivariants of some rows, and the scale."""
        size = float(np.mean(environments.size[rows]))
        if not size > 0:
            raise ValueError("P has only zeros: environments of high symmetry alone teach nothing of a tensor")
        scale = 1 / np.sqrt(size)
        return block_cholesky(environments, rows, self, kappa, scale), scale

    def fit(self, X: ArrayLike, P: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> EquivariantLSSVR:
        """Fit to invariants X (N, D), equivariants P (N, C, F) and components y (N, C).

        `groups` (N,): environments that may share an error; with `robust` they are judged without all of their group.
        """
        x, p, known = checked_tensors(X, P, y)
        return self.fit_rows(Environments(x, p), np.arange(len(x)), known, groups)

    def fit_rows(self, environments: Environments, rows: Rows, y: Floats, groups: ArrayLike | None = None
                 ) -> EquivariantLSSVR:
        """Fit to some rows of environments, and to their components y (n, C)."""
        lam, c = checked_number(self.lam, "lam", 0, strict=True), y.shape[1]
        self.kappa_ = self.kappa_of(environments.X[rows])
        found, self.scale_ = self.factor(environments, rows, self.kappa_)
        column = np.ascontiguousarray(y.reshape(-1, 1))
        weights = None if self.robust is None else self._robust(found.factor, column, lam, c, groups)
        v = _core.ridge(found.factor, column, lam=lam, counts=np.array([len(found.factor)]), weights=weights,
                        free_bias=False, n_threads=self.n_threads)[0][0, :, 0]
        self.landmark_indices_, self.residual_trace_ = found.index, found.residual
        landmarks = rows[found.index]
        self.landmarks_ = np.ascontiguousarray(environments.X[landmarks])
        alpha = (found.span @ v).reshape(len(landmarks), -1)
        self.weights_ = np.ascontiguousarray(
            np.einsum("jc,jcf->jf", alpha, environments.P[landmarks]) * self.scale_**2)
        each = np.ones(len(rows)) if weights is None else weights[::c]
        squares = ((column[:, 0] - v @ found.factor).reshape(-1, c) ** 2).sum(axis=1)
        self.noise_ = float(np.sqrt((each @ squares + lam * (v @ v)) / (c * each.sum())))
        self._set_variance(found, each, c * lam)
        if self.kernel == "linear":  # one landmark stands for all
            self.landmarks_ = np.zeros((1, environments.X.shape[1]))
            self.weights_ = self.weights_.sum(axis=0, keepdims=True)
        return self

    def _set_variance(self, found: BlockFactor, weights: Floats, lam: float) -> None:
        """What the novelty needs: a scalar's regression on the same landmarks, eq. (9.30)."""
        some = slice(None, 1) if self.kernel == "linear" else slice(None)
        index, near = found.index[some], np.ascontiguousarray(found.near[some])
        own = near[:, index]
        self.cholesky_ = np.linalg.cholesky(own + 1e-10 * float(own.diagonal().max()) * np.eye(len(index)))
        phi = _core.solve_triangular(self.cholesky_, near, n_threads=self.n_threads)
        self.feature_means_, self.ridge_root_ = _core.ridge(
            phi, np.zeros((phi.shape[1], 1)), lam=lam, counts=np.array([len(index)]), weights=weights, with_root=True,
            n_threads=self.n_threads)[2:]
        self.total_weight_, self.novelty_lam_ = float(weights.sum()), lam

    def _robust(self, factor: Floats, column: Floats, lam: float, c: int, groups: ArrayLike | None) -> Floats:
        number = None if groups is None else group_numbers(groups, len(column) // c)
        number = np.arange(len(column) // c) if number is None else number
        return robust_weights(factor, column, lam, checked_number(self.robust, "robust", 0, strict=True), None,
                              np.repeat(number, c), components=c, n_threads=self.n_threads)

    def stored_kernel(self) -> dict[str, Any]:
        """Name and parameters for a model file; k = 1 is the polynomial (0 . x + 1)^1."""
        if self.kernel == "linear":
            return {"kernel": "polynomial", "kappa": 1.0, "degree": 1, "offset": 1.0}
        return {"kernel": self.kernel, "kappa": self.kappa_, "degree": self.degree, "offset": self.offset}

    def core_variance(self) -> _core.Variance:
        """The parts of the novelty, for the core."""
        return _core.Variance(cholesky=self.cholesky_, root=self.ridge_root_, means=self.feature_means_,
                              total_weight=self.total_weight_)

    def predict(self, X: ArrayLike, P: ArrayLike) -> Floats:
        """Components (n, C) of environments with invariants X (n, D) and equivariants P (n, C, F)."""
        return self.predict_with_novelty(X, P, novelty=False)[0]

    def predict_with_novelty(self, X: ArrayLike, P: ArrayLike, *, novelty: bool = True) -> tuple[Floats, Floats]:
        """Components (n, C), and novelty u (n,): each component has the deviation `noise_` sqrt(1 + u), eq. (9.30)."""
        if not hasattr(self, "weights_"):
            raise ValueError("this EquivariantLSSVR is not fitted yet; call fit first")
        x, p, _ = checked_tensors(X, P)
        stored = self.stored_kernel()
        kernel = _core.Kernel(stored.pop("kernel"), **stored)
        v, spread = _core.kernel_predict(kernel, x, self.landmarks_, self.weights_, np.zeros(p.shape[2]),
                                         variance=self.core_variance() if novelty else None, n_threads=self.n_threads)
        prediction: Floats = (p @ v[:, :, None])[:, :, 0]
        return prediction, np.zeros(0) if spread is None else spread @ [1 / self.novelty_lam_, 1.0]


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


def leave_out_errors(estimator: EquivariantLSSVR, environments: Environments, rows: Rows, y: Floats, group: Rows,
                     kappas: Sequence[float], lams: Floats) -> Floats:
    """Mean |y - prediction| (kappa, lam) of groups left out in closed form, eq. (9.6) with groups of components."""
    c = y.shape[1]
    number = np.repeat(np.unique(group, return_inverse=True)[1].astype(np.int64).reshape(-1), c)
    column = np.ascontiguousarray(y.reshape(-1, 1))
    error = np.empty((len(kappas), len(lams)))
    for k, kappa in enumerate(kappas):
        found, _ = estimator.factor(environments, rows, kappa)

        def errors(weights: Floats | None, features: Floats = found.factor) -> Floats:
            path = _core.RidgePath(features, weights, free_bias=False, n_threads=estimator.n_threads)
            residual = path.leave_out(column, number, n_groups=int(number.max()) + 1, lam=lams,
                                      n_threads=estimator.n_threads)
            mean: Floats = np.abs(residual).mean(axis=(1, 2))
            return mean

        error[k] = errors(None)
        if estimator.robust is not None:
            best = float(lams[np.argmin(error[k])])
            error[k] = errors(estimator._robust(found.factor, column, best, c, group))
    return error
