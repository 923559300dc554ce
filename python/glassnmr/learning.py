# SPDX-License-Identifier: BSD-3-Clause
"""Kernel regression: from feature rows to values (THEORY.md sections 7 to 9).

The estimators follow scikit-learn's conventions (`clone`, `Pipeline`, `GridSearchCV`, `cross_val_score` work with
them) without needing it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.checked import (
    checked_count,
    checked_number,
    checked_rows,
    checked_targets,
    checked_weights,
    group_numbers,
)
from glassnmr.kernels import Bodies, kernel_matrix, median_kappa
from glassnmr.landmarks import Landmarks, incomplete_cholesky, select_landmarks
from glassnmr.robust import robust_weights
from glassnmr.shared_errors import SharedErrors, batch_numbers, robust_shared_errors

__all__ = [
    "LSSVR",
    "KernelRidge",
    "Landmarks",
    "incomplete_cholesky",
    "kernel_matrix",
    "median_kappa",
    "select_landmarks",
]

Floats = NDArray[np.float64]
Self = TypeVar("Self", bound="Regressor")


class Regressor:
    """What both estimators share: parameters, checks, prediction as K(x, landmarks) weights + bias."""

    kernel: str | Sequence[str]
    kappa: float | str | Sequence[float]
    degree: int
    offset: float
    lam: float
    bodies: Sequence[int] | None
    relevance: Sequence[float] | None
    n_threads: int

    landmarks_: Floats | None
    weights_: Floats
    bias_: Floats
    kappa_: float | Floats
    n_features_in_: int
    noise_: Floats
    cholesky_: Floats
    ridge_root_: Floats | None
    feature_means_: Floats | None
    total_weight_: float

    @classmethod
    def parameter_names(cls) -> list[str]:
        """Names of the constructor's parameters."""
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name, as scikit-learn wants them."""
        return {name: getattr(self, name) for name in self.parameter_names()}

    def set_params(self: Self, **params: Any) -> Self:
        """Change parameters by name."""
        known = self.parameter_names()
        for name, value in params.items():
            if name not in known:
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_params().items())})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "weights_")

    def _require_fit(self) -> None:
        """A ValueError before the fit: scikit-learn's kind of it where that is in use."""
        if not self.__sklearn_is_fitted__():
            kind = getattr(sys.modules.get("sklearn.exceptions"), "NotFittedError", ValueError)
            raise kind(f"this {type(self).__name__} is not fitted yet; call fit first")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        return Tags(estimator_type="regressor", target_tags=TargetTags(required=True, multi_output=True),
                    regressor_tags=RegressorTags(),
                    input_tags=InputTags(two_d_array=True, pairwise=self.kernel == "precomputed"))

    def _core_kernel(self, X: Floats) -> _core.Kernel | None:
        """The kernel with its parameters checked and kappa known; None when X is the kernel."""
        checked_number(self.lam, "lam", 0)
        self.n_features_in_ = X.shape[1]
        self._bodies = Bodies.of(self, X.shape[1])
        if self.kernel == "precomputed":
            if X.shape[0] != X.shape[1]:
                raise ValueError(f"a precomputed kernel must be square to be fitted, got shape {X.shape}")
            self.kappa_ = self._bodies.kappas(self.kappa, lambda _: 1.0)
            return None
        parts = self._bodies.parts(X)
        self.kappa_ = self._bodies.kappas(self.kappa, lambda k: median_kappa(parts[k], n_threads=self.n_threads))
        return self.core_kernel()

    _bodies: Bodies

    def core_kernel(self) -> _core.Kernel:
        """The fitted kernel, for the core."""
        return self._bodies.core(self.kappa_)

    def _predict(self, rows: Floats, precision: str = "double") -> Floats:
        raise NotImplementedError

    def predict(self, X: ArrayLike, return_std: bool = False, *, precision: str = "double") -> Any:
        """Predicted values (n,) or (n, T) of rows (n, D); rows are worked off in blocks.

        Parameters
        ----------
        X : (n, D)
        return_std : also their standard deviation, of the same shape: that of the Gaussian process with the same kernel
            and ridge and the amplitude of greatest likelihood, THEORY.md eq. (9.11), (9.28). It needs lam > 0.
        precision : "double", or "single", which makes the products of rows and landmarks in float32, all else in
            double: about twice as fast for long rows (THEORY.md eq. (7.7))
        """
        self._require_fit()
        values = self._predict(checked_rows(X, "X", self.n_features_in_), precision)
        values = values[:, 0] if self._one_target else values
        if not return_std:
            return values
        rest, leverage = self.spread(X).T
        deviation = np.sqrt(rest / self.lam + leverage)[:, None] * self.noise_
        return values, deviation[:, 0] if self._one_target else deviation

    _one_target: bool = True

    def _kernel_predict(self, rows: Floats, precision: str, variance: _core.Variance | None = None
                        ) -> tuple[Floats, Floats | None]:
        assert self.landmarks_ is not None
        found: tuple[Floats, Floats | None] = _core.kernel_predict(
            self.core_kernel(), rows, self.landmarks_, self.weights_, self.bias_, variance=variance,
            precision=precision, n_threads=self.n_threads)
        return found

    def spread(self, X: ArrayLike, diagonal: ArrayLike | None = None) -> Floats:
        """What the uncertainty of a prediction is made of (THEORY.md eq. (9.10), (9.11), (9.28)).

        Parameters
        ----------
        X : (n, D) feature rows; kernel rows (n, N) when precomputed
        diagonal : (n,) k(x, x), needed only when precomputed

        Returns
        -------
        (n, 2): the Cholesky variance k(x, x) - |phi|^2, what no landmark explains of the row; and the leverage, the
        regression's variance for noise of variance 1, 0 for exact kernel ridge

        Raises
        ------
        ValueError
            Bad input, or lam = 0.

        Examples
        --------
        >>> x = np.linspace(0, 1, 50)[:, None]
        >>> near, far = LSSVR(kappa=10.0, lam=1e-3, n_landmarks=12).fit(x, np.sin(3 * x[:, 0])).spread([[0.5], [3.0]])
        >>> bool(near[0] < 1e-3), bool(far[0] > 0.99)
        (True, True)
        """
        self._require_fit()
        variance = self.core_variance()
        rows = checked_rows(X, "X", self.n_features_in_)
        if self.landmarks_ is not None:
            found = self._kernel_predict(rows, "double", variance)[1]
            assert found is not None
            return found
        if diagonal is None:
            raise ValueError("the spread with a precomputed kernel needs diagonal, k(x, x) of each row")
        own = np.asarray(diagonal, dtype=np.float64)
        if own.shape != (len(rows),) or not np.isfinite(own).all():
            raise ValueError(f"diagonal must be {len(rows)} finite numbers, got shape {own.shape}")
        K = np.ascontiguousarray(rows[:, self._landmark_columns()].T)
        phi = _core.solve_triangular(self.cholesky_, K, n_threads=self.n_threads)
        rest = np.maximum(own - (phi**2).sum(axis=0), 0)
        if self.ridge_root_ is None or self.feature_means_ is None:
            return np.column_stack([rest, np.zeros(len(rows))])
        pull = _core.solve_triangular(self.ridge_root_, phi - self.feature_means_[:, None], n_threads=self.n_threads)
        return np.column_stack([rest, (pull**2).sum(axis=0) + 1 / self.total_weight_])

    def core_variance(self) -> _core.Variance:
        """The parts of the variance, for the core; ValueError with lam = 0."""
        if not self.has_variance:
            raise ValueError("the spread of a prediction needs lam above 0")
        return _core.Variance(cholesky=self.cholesky_, root=self.ridge_root_, means=self.feature_means_,
                              total_weight=self.total_weight_)

    @property
    def has_variance(self) -> bool:
        """Whether predictions have a variance: it needs lam above 0."""
        return self.lam > 0

    def _landmark_columns(self) -> Any:
        """Which rows of the training set are landmarks."""
        return slice(None)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Coefficient of determination R^2, the mean over targets."""
        prediction = self.predict(X)
        n = len(prediction)
        known, weights = checked_targets(y, n), checked_weights(sample_weight, n)
        w = np.ones(n) if weights is None else weights
        error = w @ (known - prediction.reshape(n, -1)) ** 2
        spread = w @ (known - (w @ known) / w.sum()) ** 2
        return float(np.mean(np.where(spread > 0, 1 - error / np.where(spread > 0, spread, 1), error == 0)))


class KernelRidge(Regressor):
    """Exact kernel ridge regression on all rows: alpha = (K + lam W^-1)^-1 (y - mean) (THEORY.md eq. (9.8)).

    Memory and time grow with N^2 and N^3: for more than some thousand rows use :class:`LSSVR`.

    Parameters
    ----------
    kernel : "gaussian", "linear", "polynomial", or "precomputed" (fit on K (N, N), predict from K (n, N))
    kappa : of the Gaussian exp(-kappa |x - x'|^2); "auto": :func:`median_kappa`
    lam : >= 0, added to the diagonal
    degree, offset : of the polynomial (x . x' + offset)^degree
    bodies : numbers of columns of the parts of a row, as 2-body and 3-body features: the kernel is then a sum over them
        (THEORY.md eq. (7.6)), and `kernel` and `kappa` may have one entry for each; "auto" is resolved for each
    relevance : > 0, weights of the sum; equal ones that add up to 1 by default
    n_threads : 0 is the runtime's default

    Attributes
    ----------
    weights_ : (N, T) alpha;  bias_ : (T,) weighted means of y;  landmarks_ : (N, D) the rows;  kappa_ : the kappa used
    noise_ : (T,) deviation of the noise of greatest likelihood for this lam (eq. (9.28))

    Examples
    --------
    >>> x = np.linspace(0, 1, 30)[:, None]
    >>> bool(abs(KernelRidge(kappa=10.0).fit(x, np.sin(3 * x[:, 0])).predict([[0.515]]) - np.sin(1.545)) < 1e-4)
    True
    """

    def __init__(self, kernel: str | Sequence[str] = "gaussian", kappa: float | str | Sequence[float] = "auto",
                 lam: float = 1e-6, degree: int = 2, offset: float = 1.0, bodies: Sequence[int] | None = None,
                 relevance: Sequence[float] | None = None, n_threads: int = 0):
        self.kernel = kernel
        self.kappa = kappa
        self.lam = lam
        self.degree = degree
        self.offset = offset
        self.bodies = bodies
        self.relevance = relevance
        self.n_threads = n_threads

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> KernelRidge:
        """Fit to rows X (N, D) and values y (N,) or (N, T)."""
        rows = checked_rows(X)
        targets, weights = checked_targets(y, len(rows)), checked_weights(sample_weight, len(rows))
        kernel = self._core_kernel(rows)
        K = rows.copy() if kernel is None else _core.kernel_matrix(kernel, rows, n_threads=self.n_threads)
        alpha, self.bias_, lower = _core.kernel_ridge(K, targets, lam=float(self.lam), weights=weights)
        root = np.ones(len(rows)) if weights is None else np.sqrt(weights)
        far = np.where(root > 0, 1 / np.where(root > 0, root, 1), 1e150)  # a row of weight 0 tells nothing
        self.cholesky_ = np.tril(lower) * far[:, None]
        self.ridge_root_ = self.feature_means_ = None
        self.total_weight_ = float((root**2).sum())
        self.noise_ = np.sqrt(np.maximum(self.lam * (alpha * (targets - self.bias_)).sum(axis=0), 0)
                              / self.total_weight_)
        self.landmarks_ = None if kernel is None else rows.copy()
        self._one_target = np.ndim(y) == 1
        self.weights_ = alpha
        return self

    def _predict(self, rows: Floats, precision: str = "double") -> Floats:
        if self.landmarks_ is None:
            return rows @ self.weights_ + self.bias_
        return self._kernel_predict(rows, precision)[0]


FOLLOWED = 0.1
"""Ridge with which the mean of several regressions is followed, as a share of their least."""


class LSSVR(Regressor):
    """Least-squares support vector regression on landmarks, with a free bias (THEORY.md eq. (9.1)-(9.7)).

    Ridge regression on the features Phi = K_NM L^-T of the landmarks' incomplete Cholesky factor; with
    all rows as landmarks it is exact kernel ridge regression with a free bias.

    Parameters
    ----------
    kernel, kappa, degree, offset, bodies, relevance, n_threads : as in :class:`KernelRidge`
    lam : >= 0, the ridge; with all rows as landmarks the same number as in kernel ridge regression
    n_landmarks : at most that many landmarks; more than there are rows means all
    landmarks : "icd", "rpcholesky", "fps", "entropy", "kmeans" or "random", see :func:`select_landmarks`
    tolerance : stop adding landmarks when the residual trace falls to this share of the trace
    seed : of the random methods
    robust : a row whose residual without its group (`groups` of `fit`; without them, without the row) is `robust`
        robust standard deviations counts half, one far off hardly, eq. (9.9); None: every row counts fully. Needs
        lam > 0.
    consensus : where kappa and lam are chosen by `cross_validate` or `choose_parameters`, by what share
        the error of others may be above the least for them to become `members`; None: the best one stands alone
    members : (kappa, lam) of regressions, this one's among them or not, whose mean the weights and the bias follow
        instead of the targets, eq. (9.36), (9.37); variances stay those of kappa and lam
    shared : variance of an error that all rows of a batch (`batches` of `fit`, such as the structures) have in common,
        in units of a row's own, eq. (9.24): a calculation that is off as a whole still tells how its rows differ. With
        `robust` it is larger for batches that the others say are off. None: no such error. Needs lam > 0.

    Attributes
    ----------
    landmark_indices_ : (M,);  landmarks_ : (M, D) (None when precomputed);  residual_trace_ : (M,) relative
    weights_ : (M, T) and bias_ : (T,): a prediction is K(x, landmarks_) @ weights_ + bias_
    feature_weights_ : (M, T) on the features;  cholesky_ : (M, M) lower factor of the landmarks' kernel
    kappa_ : the kappa used;  sample_weight_ : (N,) weights of the rows in the end, or None
    shared_ : (N,) variance of the common error of each row's batch in the end, or None
    noise_ : (T,) deviation of the noise of greatest likelihood, eq. (9.11)
    feature_means_ : (M,);  ridge_root_ : (M, M) lower;  total_weight_ : what :meth:`spread` needs; None with lam = 0

    Examples
    --------
    >>> x = np.linspace(0, 1, 200)[:, None]
    >>> model = LSSVR(kappa=10.0, n_landmarks=12).fit(x, np.sin(3 * x[:, 0]) + 7)
    >>> model.landmarks_.shape, bool(abs(model.predict([[0.5]]) - np.sin(1.5) - 7) < 1e-3)
    ((12, 1), True)
    """

    def __init__(self, kernel: str | Sequence[str] = "gaussian", kappa: float | str | Sequence[float] = "auto",
                 lam: float = 1e-6, degree: int = 2, offset: float = 1.0, n_landmarks: int = 1000,
                 landmarks: str = "icd", tolerance: float = 1e-12, seed: int = 0, robust: float | None = None,
                 bodies: Sequence[int] | None = None, relevance: Sequence[float] | None = None,
                 shared: float | None = None, consensus: float | None = None,
                 members: Sequence[tuple[Any, float]] | None = None, n_threads: int = 0):
        self.kernel = kernel
        self.kappa = kappa
        self.lam = lam
        self.degree = degree
        self.offset = offset
        self.n_landmarks = n_landmarks
        self.landmarks = landmarks
        self.tolerance = tolerance
        self.seed = seed
        self.robust = robust
        self.bodies = bodies
        self.relevance = relevance
        self.shared = shared
        self.consensus = consensus
        self.members = members
        self.n_threads = n_threads

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None,
            groups: ArrayLike | None = None, batches: ArrayLike | None = None) -> LSSVR:
        """Fit to rows X (N, D) and values y (N,) or (N, T).

        `groups` (N,), any labels: rows that may share an error, such as those of one structure; with `robust` they are
        judged by the regression without all of their group. `batches` (N,), any labels: rows that `shared` gives a
        common error, by default the groups.
        """
        rows = checked_rows(X)
        targets, weights = checked_targets(y, len(rows)), checked_weights(sample_weight, len(rows))
        number = None if groups is None else group_numbers(groups, len(rows))
        kernel = self._core_kernel(rows)
        index, residual, factor = _core.select_landmarks(
            kernel, rows, method=self.landmarks, count=checked_count(self.n_landmarks, "n_landmarks"),
            tolerance=checked_number(self.tolerance, "tolerance", 0), seed=checked_count(self.seed, "seed", 0),
            n_threads=self.n_threads)
        if len(index) == 0:
            raise ValueError("X has only zero rows: a kernel of zeros cannot be fitted")
        batch = None if batches is None else group_numbers(batches, len(rows))
        weights, errors = self.errors(factor, targets, weights, number, batch, self.lam)
        self.sample_weight_ = weights
        self.shared_ = None if errors is None else errors.variance[errors.batch]
        counts = np.array([len(index)], dtype=np.int64)
        phi, z, w = (factor, targets, weights) if errors is None else errors.independent(factor, targets)
        v, bias, *spread = _core.ridge(phi, z, lam=float(self.lam), counts=counts, weights=w,
                                       with_root=self.lam > 0, n_threads=self.n_threads)
        self.landmark_indices_ = index.copy()
        self.residual_trace_ = residual.copy()
        self.cholesky_ = np.ascontiguousarray(np.tril(factor[:, index].T))
        self.feature_weights_, self.bias_ = v[0], bias[0]
        self.landmarks_ = None if kernel is None else rows[index]
        self._one_target = np.ndim(y) == 1
        self.weights_ = _core.solve_triangular(self.cholesky_, v[0], transposed=True, n_threads=self.n_threads)
        self.feature_means_ = spread[0] if spread else None
        self.ridge_root_ = spread[1] if spread else None
        self.total_weight_ = float(len(rows) if w is None else w.sum())
        residual = z - phi.T @ v[0] - bias[0]
        squares = (residual**2 if w is None else w[:, None] * residual**2).sum(axis=0)
        self.noise_ = np.sqrt((squares + self.lam * (v[0] ** 2).sum(axis=0))
                              / (self.total_weight_ if weights is None else weights.sum()))
        if self.members:
            self._follow_members(rows, targets, sample_weight, groups, batches)
        return self

    def _follow_members(self, X: Floats, y: Floats, *said: ArrayLike | None) -> None:
        """Replace what predicts by what follows the mean of the members."""
        assert self.members
        if self.kernel == "precomputed":
            raise ValueError("members need features, not a precomputed kernel")
        params = {**self.get_params(), "members": None, "consensus": None}
        found = [LSSVR(**{**params, "kappa": kappa, "lam": lam}).fit(X, y, *said).predict(X)
                 for kappa, lam in self.members]
        self.follow(X, np.mean(found, axis=0), FOLLOWED * min(lam for _, lam in self.members))

    def follow(self, X: Floats, values: Floats, lam: float) -> None:
        """Weights and bias that give `values` (N, T) on rows X, by the landmarks and a ridge of their own, eq. (9.37).
        """
        K = self._kernel_with_landmarks(X)
        phi = _core.solve_triangular(self.cholesky_, np.ascontiguousarray(K.T), n_threads=self.n_threads)
        v, bias = _core.ridge(phi, np.ascontiguousarray(values).reshape(len(X), -1), lam=lam,
                              counts=np.array([len(phi)], dtype=np.int64), n_threads=self.n_threads)
        self.feature_weights_, self.bias_ = v[0], bias[0]
        self.weights_ = _core.solve_triangular(self.cholesky_, v[0], transposed=True, n_threads=self.n_threads)

    def _kernel_with_landmarks(self, X: Floats) -> Floats:
        """(N, M); X (N, N) is the kernel when precomputed."""
        if self.landmarks_ is None:
            return X[:, self.landmark_indices_]
        found: Floats = _core.kernel_matrix(self.core_kernel(), X, self.landmarks_, n_threads=self.n_threads)
        return found

    def errors(self, factor: Floats, y: Floats, weights: Floats | None, groups: NDArray[np.int64] | None,
               batches: NDArray[np.int64] | None, lam: float) -> tuple[Floats | None, SharedErrors | None]:
        """Weights of the rows by `robust`, and errors that batches share by `shared`; None for what is not asked for.

        Parameters
        ----------
        factor : (M, N) features, transposed;  y : (N, T);  weights : (N,) to start from
        groups : (N,) numbers from 0 of rows that are left out together; None: each alone, or each batch
        batches : (N,) numbers from 0, by default the groups;  lam : the ridge
        """
        robust = None if self.robust is None else checked_number(self.robust, "robust", 0, strict=True)
        shared = None if self.shared is None else checked_number(self.shared, "shared", 0, strict=True)
        if robust is None and shared is None:
            return weights, None
        lam = checked_number(lam, "lam", 0, strict=True)
        batches = groups if batches is None else batches
        if shared is None or batches is None:
            return weights if robust is None else robust_weights(factor, y, lam, robust, weights, groups,
                                                                 n_threads=self.n_threads), None
        errors = robust_shared_errors(factor, y, lam, shared, robust, batch_numbers(batches, groups),
                                      batches if groups is None else groups, weights, n_threads=self.n_threads)
        return errors.weights, errors

    def _landmark_columns(self) -> Any:
        return self.landmark_indices_

    def _predict(self, rows: Floats, precision: str = "double") -> Floats:
        if self.landmarks_ is None:
            return rows[:, self.landmark_indices_] @ self.weights_ + self.bias_
        return self._kernel_predict(rows, precision)[0]
