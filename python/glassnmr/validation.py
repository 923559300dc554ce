# SPDX-License-Identifier: BSD-3-Clause
"""Honest errors: folds that split no structure, parameters chosen inside, curves over rows and landmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.learning import (
    LSSVR, KernelRidge, _core_kernel, _kappa_of_distances, checked_count, checked_rows, checked_targets,
    checked_weights, median_kappa,
)

__all__ = ["CrossValidation", "Curve", "GroupedKFold", "cross_validate", "landmark_curve", "learning_curve", "metrics"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Progress = Callable[[int, int, str], None]

SMALL = 4000
"""Up to so many rows the kernel between all of them is made once and serves every fold and kappa."""


def metrics(y: ArrayLike, prediction: ArrayLike) -> dict[str, float]:
    """Errors of a prediction: MAE, RMSE, median, max (of the absolute error), R2 and n; several targets are pooled,
    R2 is then their mean.

    Examples
    --------
    >>> metrics([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])["MAE"]
    0.3333333333333333
    """
    known = np.asarray(y, dtype=np.float64)
    guess = np.asarray(prediction, dtype=np.float64)
    if known.shape != guess.shape or known.size == 0:
        raise ValueError(f"y and prediction must have the same shape and not be empty, got {known.shape} and {guess.shape}")
    if not (np.isfinite(known).all() and np.isfinite(guess).all()):
        raise ValueError("y and prediction must be finite")
    error = np.abs(guess - known)
    columns, errors = known.reshape(len(known), -1), error.reshape(len(known), -1)
    spread = ((columns - columns.mean(axis=0)) ** 2).sum(axis=0)
    missed = (errors**2).sum(axis=0)
    r2 = np.where(spread > 0, 1 - missed / np.where(spread > 0, spread, 1), np.where(missed == 0, 1.0, 0.0))
    return {"MAE": float(error.mean()), "RMSE": float(np.sqrt((error**2).mean())), "median": float(np.median(error)),
            "max": float(error.max()), "R2": float(r2.mean()), "n": float(len(known))}


def group_numbers(groups: ArrayLike | None, n: int) -> Rows:
    """Groups as numbers from 0; without groups each row is one."""
    if groups is None:
        return np.arange(n, dtype=np.int64)
    labels = np.asarray(groups)
    if labels.shape != (n,):
        raise ValueError(f"groups must have shape ({n},), got {labels.shape}")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError("groups must be finite")
    _, numbers = np.unique(labels.astype(str) if labels.dtype == object else labels, return_inverse=True)
    return np.asarray(numbers, dtype=np.int64).reshape(-1)


class GroupedKFold:
    """Folds of about equal size that split no group; the largest groups are placed first, equal ones by `seed`.

    A scikit-learn splitter: pass it as `cv=` with `groups=`.

    Examples
    --------
    >>> for train, test in GroupedKFold(2).split(np.zeros(5), groups=["a", "a", "b", "c", "c"]):
    ...     print(len(train), len(test))
    2 3
    3 2
    """

    def __init__(self, n_splits: int = 5, seed: int = 0):
        self.n_splits = checked_count(n_splits, "n_splits", 2)
        self.seed = checked_count(seed, "seed", 0)

    def __repr__(self) -> str:
        return f"GroupedKFold(n_splits={self.n_splits}, seed={self.seed})"

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of folds."""
        return self.n_splits

    def folds(self, n: int, groups: ArrayLike | None = None) -> Rows:
        """(n,) the fold in which each row is left out."""
        number = group_numbers(groups, n)
        size = np.bincount(number)
        if len(size) < self.n_splits:
            raise ValueError(f"{self.n_splits} folds need at least as many groups, got {len(size)}")
        order = np.random.default_rng(self.seed).permutation(len(size))
        order = order[np.argsort(-size[order], kind="stable")]
        total = np.zeros(self.n_splits, dtype=np.int64)
        fold = np.empty(len(size), dtype=np.int64)
        for group in order:
            fold[group] = np.argmin(total)
            total[fold[group]] += size[group]
        return fold[number]

    def split(self, X: Any, y: Any = None, groups: ArrayLike | None = None) -> Iterator[tuple[Rows, Rows]]:
        """(train, test) rows of each fold."""
        fold = self.folds(len(X), groups)
        for k in range(self.n_splits):
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


class _Rows:
    """Kernels between rows: from one matrix for all folds and kappas when there are few rows, else made when needed."""

    def __init__(self, estimator: LSSVR | KernelRidge, X: ArrayLike):
        self.X = checked_rows(X)
        self.estimator = estimator
        self.n_threads = estimator.n_threads
        self.small = len(self.X) <= SMALL and getattr(estimator, "landmarks", "icd") != "kmeans"
        self.gaussian = estimator.kernel == "gaussian"
        if estimator.kernel == "precomputed":
            if self.X.shape[0] != self.X.shape[1]:
                raise ValueError(f"a precomputed kernel must be square, got shape {self.X.shape}")
            self.small, self.whole = True, self.X
        elif self.small:
            self.whole = (_core.squared_distances(self.X, n_threads=self.n_threads) if self.gaussian else
                          _core.kernel_matrix(self.kernel(1.0), self.X, n_threads=self.n_threads))

    def __len__(self) -> int:
        return len(self.X)

    def kernel(self, kappa: float) -> _core.Kernel:
        e = self.estimator
        return _core_kernel(e.kernel, kappa, e.degree, e.offset)

    def kappa(self, rows: Rows) -> float:
        """The kappa of the estimator, or what "auto" means on these rows."""
        wanted = self.estimator.kappa
        if not isinstance(wanted, str):
            return float(wanted)
        if not self.gaussian:
            return 1.0
        return _kappa_of_distances(self.whole[np.ix_(rows, rows)]) if self.small else median_kappa(self.X[rows])

    def train(self, rows: Rows, kappa: float) -> tuple[_core.Kernel | None, Floats]:
        """What the core needs of these rows: their kernel with each other (and None), or a kernel and features."""
        if not self.small:
            return self.kernel(kappa), np.ascontiguousarray(self.X[rows])
        return None, self.between(rows, rows, kappa)

    def between(self, rows: Rows, others: Rows, kappa: float) -> Floats:
        """K (rows, others)."""
        if not self.small:
            return _core.kernel_matrix(self.kernel(kappa), np.ascontiguousarray(self.X[rows]),
                                       np.ascontiguousarray(self.X[others]), n_threads=self.n_threads)
        part = np.ascontiguousarray(self.whole[np.ix_(rows, others)])
        return _core.gaussian_from_distances(part, kappa=kappa, n_threads=self.n_threads) if self.gaussian else part

    def factor(self, rows: Rows, kappa: float, count: int | None = None) -> tuple[Rows, Floats, Floats]:
        """Landmarks among these rows by the estimator's method: index, residual trace, features transposed."""
        e = self.estimator
        if isinstance(e, LSSVR):
            how: dict[str, Any] = {"method": e.landmarks, "count": e.n_landmarks if count is None else count,
                                   "tolerance": float(e.tolerance), "seed": e.seed}
        else:
            how = {"method": "icd", "count": len(rows), "tolerance": 0.0}
        kernel, data = self.train(rows, kappa)
        found: tuple[Rows, Floats, Floats] = _core.select_landmarks(kernel, data, n_threads=self.n_threads, **how)
        if len(found[0]) == 0:
            raise ValueError("X has only zero rows: a kernel of zeros cannot be fitted")
        return found

    def fit_predict(self, train: Rows, test: Rows, y: Floats, weights: Floats | None, kappa: float, lam: float) -> Floats:
        """Fit the estimator on some rows and predict others."""
        params = {**self.estimator.get_params(), "kappa": kappa, "lam": lam}
        if self.small:
            params["kernel"] = "precomputed"
        model = type(self.estimator)(**params)
        data = self.train(train, kappa)[1]
        model.fit(data, y[train], None if weights is None else weights[train])
        return model.predict(self.between(test, train, kappa) if self.small else self.X[test])


class Choice(NamedTuple):
    """Parameters tried inside one fold."""

    fold: int
    kappa: float
    lam: float
    error: float
    """leave-group-out error on the training part, in units of the targets (of their deviation for several)"""
    chosen: bool


@dataclass(frozen=True)
class CrossValidation:
    """Predictions of every row by a model that never saw its group."""

    y: Floats
    prediction: Floats
    fold: Rows
    """(N,) fold in which the row was left out"""
    kappa: tuple[float, ...]
    """chosen for each fold"""
    lam: tuple[float, ...]
    choices: tuple[Choice, ...] = field(repr=False)
    """all that was tried"""

    @property
    def metrics(self) -> dict[str, float]:
        """Errors over all rows."""
        return metrics(self.y, self.prediction)

    @property
    def fold_metrics(self) -> list[dict[str, float]]:
        """Errors of each fold."""
        return [metrics(self.y[self.fold == k], self.prediction[self.fold == k]) for k in range(len(self.kappa))]


def _positive(values: Sequence[float] | NDArray[Any], name: str) -> Floats:
    array = np.asarray(values, dtype=np.float64).reshape(-1)
    if array.size == 0 or not np.isfinite(array).all() or (array <= 0).any():
        raise ValueError(f"{name} must be positive and finite numbers, got {values!r}")
    return array


def _inside(rows: _Rows, train: Rows, y: Floats, group: Rows, weights: Floats | None, kappas: Floats, lams: Floats,
            robust: bool, report: Callable[[str], None]) -> Floats:
    """Leave-group-out error (kappa, lam) on the training part alone; one factorisation for each kappa."""
    number = np.unique(group[train], return_inverse=True)[1].astype(np.int64).reshape(-1)
    scale = np.std(y[train], axis=0) if y.shape[1] > 1 else np.ones(1)
    scale = np.where(scale > 0, scale, 1)
    error = np.empty((len(kappas), len(lams)))
    for k, kappa in enumerate(kappas):
        factor = rows.factor(train, float(kappa))[2]
        path = _core.RidgePath(factor, None if weights is None else weights[train], n_threads=rows.n_threads)
        residual = path.leave_out(y[train], number, n_groups=int(number.max()) + 1, lam=lams,
                                  n_threads=rows.n_threads) / scale
        error[k] = (np.abs(residual).mean(axis=(1, 2)) if robust else np.sqrt((residual**2).mean(axis=(1, 2))))
        report(f"kappa {kappa:.3g}")
    return error


def cross_validate(estimator: LSSVR | KernelRidge, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None, *,
                   kappas: Sequence[float] | None = None, lams: Sequence[float] | None = None, n_splits: int = 5,
                   seed: int = 0, scoring: str = "mae", sample_weight: ArrayLike | None = None,
                   progress: Progress | None = None) -> CrossValidation:
    """Nested, grouped cross validation: kappa and lam are chosen on the training part of each fold alone.

    Inside, every group of the training part is left out in closed form (THEORY.md eq. (9.6)), so that one
    factorisation for each kappa serves all lam and all groups.

    Parameters
    ----------
    estimator : LSSVR or KernelRidge; gives everything but kappa and lam
    X, y : (N, D) and (N,) or (N, T)
    groups : (N,) what must not be split, by default each row on its own
    kappas : *factors* of the estimator's kappa ("auto" is resolved on the training part); default 1/16, 1/4, 1, 4
    lams : default ten decades, 1e-9 to 1; None for both and a single value of each are fine
    scoring : "mae" or "rmse", what is made small inside
    progress : called with (done, total, text)

    Raises
    ------
    ValueError
        Bad input, or fewer than n_splits + 1 groups.

    Examples
    --------
    >>> x = np.linspace(0, 3, 60)[:, None]
    >>> found = cross_validate(LSSVR(n_landmarks=20), x, np.sin(x[:, 0]), n_splits=3)
    >>> found.metrics["MAE"] < 1e-3
    True
    """
    if scoring not in ("mae", "rmse"):
        raise ValueError(f"scoring must be 'mae' or 'rmse', got {scoring!r}")
    rows = _Rows(estimator, X)
    known, weights = checked_targets(y, len(rows)), checked_weights(sample_weight, len(rows))
    group = group_numbers(groups, len(rows))
    factors = _positive((1 / 16, 1 / 4, 1, 4) if kappas is None else kappas, "kappas")
    if not rows.gaussian:
        factors = np.ones(1)
    grid = _positive(10.0 ** np.arange(-9, 1) if lams is None else lams, "lams")
    splits = list(GroupedKFold(n_splits, seed).split(rows.X, groups=group))
    if len(np.unique(group)) <= n_splits:
        raise ValueError(f"choosing parameters inside {n_splits} folds needs more groups than folds, got {len(np.unique(group))}")
    total, done = n_splits * (len(factors) + 1), 0

    def report(text: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total, text)

    prediction, fold = np.empty_like(known), np.empty(len(known), dtype=np.int64)
    chosen: list[tuple[float, float]] = []
    choices: list[Choice] = []
    for k, (train, test) in enumerate(splits):
        tried = factors * rows.kappa(train)
        error = _inside(rows, train, known, group, weights, tried, grid, scoring == "mae",
                        lambda text, k=k: report(f"fold {k + 1} of {n_splits}, {text}"))
        best = np.unravel_index(int(np.argmin(error)), error.shape)
        kappa, lam = float(tried[best[0]]), float(grid[best[1]])
        choices += [Choice(k, float(a), float(b), float(error[i, j]), (i, j) == best)
                    for i, a in enumerate(tried) for j, b in enumerate(grid)]
        chosen.append((kappa, lam))
        prediction[test] = rows.fit_predict(train, test, known, weights, kappa, lam).reshape(len(test), -1)
        fold[test] = k
        report(f"fold {k + 1} of {n_splits}, fit")
    shape = np.shape(y)
    return CrossValidation(known.reshape(shape), prediction.reshape(shape), fold, tuple(c[0] for c in chosen),
                           tuple(c[1] for c in chosen), tuple(choices))


@dataclass(frozen=True)
class Curve:
    """Errors of left-out groups against a size."""

    over: str
    """"rows" or "landmarks" """
    size: Rows
    """(C,)"""
    mae: Floats
    """(folds, C)"""
    rmse: Floats
    """(folds, C)"""
    residual: Floats | None = None
    """(folds, C) relative residual trace, for landmarks"""


def _sizes(values: Sequence[int] | None, most: int, name: str) -> Rows:
    """Rising whole numbers of at most `most`; by default about halving from there."""
    if values is None:
        sizes = np.unique(np.round(most * 0.5 ** np.arange(6)).astype(np.int64))
        return sizes[sizes >= min(8, most)]
    array = np.unique([min(checked_count(value, name), most) for value in values]).astype(np.int64)
    if array.size == 0:
        raise ValueError(f"{name} must hold at least one number")
    return array


def learning_curve(estimator: LSSVR | KernelRidge, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None,
                   sizes: Sequence[int] | None = None, *, n_splits: int = 5, seed: int = 0,
                   progress: Progress | None = None) -> Curve:
    """Error against the number of training rows: whole groups, in random order, each size containing the smaller ones.

    The estimator's own kappa and lam are used; sizes beyond the smallest training part are cut to it.

    Examples
    --------
    >>> x = np.linspace(0, 3, 60)[:, None]
    >>> curve = learning_curve(LSSVR(), x, np.sin(x[:, 0]), sizes=[10, 40], n_splits=3)
    >>> bool(curve.mae[:, 1].mean() < curve.mae[:, 0].mean())
    True
    """
    rows = _Rows(estimator, X)
    known, group = checked_targets(y, len(rows)), group_numbers(groups, len(rows))
    splits = list(GroupedKFold(n_splits, seed).split(rows.X, groups=group))
    size = _sizes(sizes, min(len(train) for train, _ in splits), "sizes")
    mae, rmse = np.empty((n_splits, len(size))), np.empty((n_splits, len(size)))
    for k, (train, test) in enumerate(splits):
        order = np.random.default_rng([seed, k]).permutation(np.unique(group[train]))
        place = np.empty(group.max() + 1, dtype=np.int64)
        place[order] = np.arange(len(order))
        sequence = train[np.argsort(place[group[train]], kind="stable")]
        for c, count in enumerate(size):
            # Whole groups: up to the end of the one that reaches the size.
            last = np.flatnonzero(group[sequence] == group[sequence[count - 1]])[-1] + 1
            some = np.sort(sequence[:last])
            guess = rows.fit_predict(some, test, known, None, rows.kappa(some), estimator.lam).reshape(len(test), -1)
            found = metrics(known[test], guess)
            mae[k, c], rmse[k, c] = found["MAE"], found["RMSE"]
            if progress is not None:
                progress(k * len(size) + c + 1, n_splits * len(size), f"fold {k + 1} of {n_splits}, {len(some)} rows")
    return Curve("rows", size, mae, rmse)


def landmark_curve(estimator: LSSVR, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None,
                   counts: Sequence[int] | None = None, *, n_splits: int = 5, seed: int = 0,
                   progress: Progress | None = None) -> Curve:
    """Error against the number of landmarks, from one sequence of pivots and one QR for each fold.

    The estimator's own kappa, lam and method are used. Where fewer landmarks span all rows, the last error stays.

    Examples
    --------
    >>> x = np.linspace(0, 3, 60)[:, None]
    >>> curve = landmark_curve(LSSVR(), x, np.sin(x[:, 0]), counts=[2, 12], n_splits=3)
    >>> bool(curve.mae[:, 1].mean() < curve.mae[:, 0].mean())
    True
    """
    if not isinstance(estimator, LSSVR):
        raise ValueError(f"a curve over landmarks needs an LSSVR, got {type(estimator).__name__}")
    rows = _Rows(estimator, X)
    known, group = checked_targets(y, len(rows)), group_numbers(groups, len(rows))
    splits = list(GroupedKFold(n_splits, seed).split(rows.X, groups=group))
    size = _sizes(counts, min(len(train) for train, _ in splits), "counts")
    mae, rmse, left = (np.empty((n_splits, len(size))) for _ in range(3))
    for k, (train, test) in enumerate(splits):
        kappa = rows.kappa(train)
        index, residual, factor = rows.factor(train, kappa, int(size[-1]))
        here = np.minimum(size, len(index)).astype(np.int64)
        v, bias = _core.ridge(factor, known[train], lam=float(estimator.lam), counts=here, n_threads=rows.n_threads)
        lower = np.ascontiguousarray(np.tril(factor[:, index].T))
        features = _core.solve_triangular(lower, rows.between(train[index], test, kappa), n_threads=rows.n_threads)
        for c in range(len(size)):
            found = metrics(known[test], features.T @ v[c] + bias[c])
            mae[k, c], rmse[k, c], left[k, c] = found["MAE"], found["RMSE"], residual[here[c] - 1]
        if progress is not None:
            progress(k + 1, n_splits, f"fold {k + 1} of {n_splits}")
    return Curve("landmarks", size, mae, rmse, left)
