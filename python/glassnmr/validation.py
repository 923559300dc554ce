# SPDX-License-Identifier: BSD-3-Clause
"""Honest errors: folds that split no structure, parameters chosen inside, curves over rows and landmarks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.checked import checked_count, checked_number, checked_targets, checked_weights
from glassnmr.choices import Choice, Kappa, chosen_parameters, marked_choices
from glassnmr.folds import GroupedKFold, KernelRows, group_numbers
from glassnmr.learning import LSSVR, KernelRidge
from glassnmr.shared_errors import SharedErrors

__all__ = ["Choice", "CrossValidation", "Curve", "GroupedKFold", "choose_parameters", "cross_validate",
           "landmark_curve", "learning_curve", "metrics"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Progress = Callable[[int, int, str], None]

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
        raise ValueError("y and prediction must have the same shape and not be empty, "
                         f"got {known.shape} and {guess.shape}")
    if not (np.isfinite(known).all() and np.isfinite(guess).all()):
        raise ValueError("y and prediction must be finite")
    error = np.abs(guess - known)
    columns, errors = known.reshape(len(known), -1), error.reshape(len(known), -1)
    spread = ((columns - columns.mean(axis=0)) ** 2).sum(axis=0)
    missed = (errors**2).sum(axis=0)
    r2 = np.where(spread > 0, 1 - missed / np.where(spread > 0, spread, 1), np.where(missed == 0, 1.0, 0.0))
    return {"MAE": float(error.mean()), "RMSE": float(np.sqrt((error**2).mean())), "median": float(np.median(error)),
            "max": float(error.max()), "R2": float(r2.mean()), "n": float(len(known))}


DEFAULT_KAPPAS = (1 / 1024, 1 / 256, 1 / 64, 1 / 16)
"""Factors of the "auto" kappa that are tried: smooth kernels serve feature rows of high dimension best."""
DEFAULT_LAMS = tuple(10.0**k for k in range(-9, 1))


@dataclass(frozen=True)
class CrossValidation:
    """Predictions of every row by a model that never saw its group."""

    y: Floats
    prediction: Floats
    fold: Rows
    """(N,) fold in which the row was left out"""
    kappa: tuple[Kappa, ...]
    """chosen for each fold"""
    lam: tuple[float, ...]
    choices: tuple[Choice, ...] = field(repr=False)
    """all that was tried"""
    deviation: Floats | None = field(default=None, repr=False)
    """like `y`: standard deviation that the model gave each value before calibration, THEORY.md eq. (9.12)"""
    novelty: Floats | None = field(default=None, repr=False)
    """(N,) how far each row was from the training part, eq. (9.12)"""

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


def _grid(rows: KernelRows, kappas: Sequence[float] | None, lams: Sequence[float] | None, scoring: str
          ) -> tuple[Floats, Floats]:
    """Factors of kappa, and lams, to try; kernels without a kappa have one factor."""
    if scoring not in ("mae", "rmse"):
        raise ValueError(f"scoring must be 'mae' or 'rmse', got {scoring!r}")
    factors = _positive(DEFAULT_KAPPAS if kappas is None else kappas, "kappas")
    return factors if rows.gaussian else np.ones(1), _positive(DEFAULT_LAMS if lams is None else lams, "lams")


def _inside(rows: KernelRows, train: Rows, y: Floats, group: Rows, weights: Floats | None, kappas: list[float | Floats],
            lams: Floats, absolute: bool, report: Callable[[str], None]) -> tuple[Choice, ...]:
    """All that is tried on the training part; one factorisation for each kappa, more if robust."""
    number = np.unique(group[train], return_inverse=True)[1].astype(np.int64).reshape(-1)
    batch = None if rows.batch is None else np.unique(rows.batch[train], return_inverse=True)[1].astype(np.int64)
    scale = np.std(y[train], axis=0) if y.shape[1] > 1 else np.ones(1)
    scale = np.where(scale > 0, scale, 1)
    error = np.empty((len(kappas), len(lams)))
    for k, kappa in enumerate(kappas):
        factor = rows.factor(train, kappa)[2]
        w = None if weights is None else weights[train]

        def errors(w: Floats | None, shared: SharedErrors | None = None, factor: Floats = factor) -> Floats:
            phi, z, w = (factor, y[train], w) if shared is None else shared.independent(factor, y[train])
            residual = _core.RidgePath(phi, w, n_threads=rows.n_threads).leave_out(
                z, number, n_groups=int(number.max()) + 1, lam=lams, n_threads=rows.n_threads)
            residual = (residual if shared is None else shared.back(residual)) / scale
            mean: Floats = (np.abs(residual) if absolute else residual**2).mean(axis=(1, 2))
            return mean if absolute else np.sqrt(mean)

        error[k] = errors(w)
        e = rows.estimator
        if isinstance(e, LSSVR) and (e.robust is not None or e.shared is not None):
            for _ in range(1 if e.shared is None else 3):  # the weights of the best lam so far serve all
                best = int(np.argmin(error[k]))
                error[k] = errors(*e.errors(factor, y[train], w, number, batch, float(lams[best])))
                if int(np.argmin(error[k])) == best:
                    break
        report("kappa " + ", ".join(f"{value:.3g}" for value in np.atleast_1d(kappa)))
    consensus = rows.estimator.consensus if isinstance(rows.estimator, LSSVR) else None
    if consensus is not None:
        checked_number(consensus, "consensus", 0)
    return marked_choices(kappas, lams, error, consensus)


def cross_validate(estimator: LSSVR | KernelRidge, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None, *,
                   kappas: Sequence[float] | None = None, lams: Sequence[float] | None = None, n_splits: int = 5,
                   seed: int = 0, scoring: str = "mae", sample_weight: ArrayLike | None = None,
                   batches: ArrayLike | None = None, progress: Progress | None = None) -> CrossValidation:
    """Nested, grouped cross validation: kappa and lam are chosen on the training part of each fold alone.

    Inside, every group of the training part is left out in closed form (THEORY.md eq. (9.6)), so that one
    factorisation for each kappa serves all lam and all groups.

    Parameters
    ----------
    estimator : LSSVR or KernelRidge; gives everything but kappa and lam
    X, y : (N, D) and (N,) or (N, T)
    groups : (N,) what must not be split, by default each row on its own
    kappas : *factors* of the estimator's kappa ("auto" is resolved on the training part); default 1/1024 to 1/16
    lams : default ten decades, 1e-9 to 1; None for both and a single value of each are fine
    scoring : "mae" or "rmse", what is made small inside
    batches : (N,) rows with a common error, for estimators with `shared`; the groups by default
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
    rows = KernelRows(estimator, X)
    known, weights = checked_targets(y, len(rows)), checked_weights(sample_weight, len(rows))
    rows.group = group = group_numbers(groups, len(rows))
    rows.batch = None if batches is None else group_numbers(batches, len(rows))
    factors, grid = _grid(rows, kappas, lams, scoring)
    splits = list(GroupedKFold(n_splits, seed).split(rows.X, groups=group))
    if (n_groups := len(np.unique(group))) <= n_splits:
        raise ValueError(f"choosing parameters inside {n_splits} folds needs more groups than folds, got {n_groups}")
    total, done = n_splits * (len(factors) + 1), 0

    def report(text: str, place: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total, place + text)

    prediction, fold = np.empty_like(known), np.empty(len(known), dtype=np.int64)
    deviation, novelty = np.empty_like(known), np.empty(len(known))
    chosen: list[tuple[Kappa, float]] = []
    choices: list[Choice] = []
    for k, (train, test) in enumerate(splits):
        tried = [factor * rows.kappa(train) for factor in factors]
        found = _inside(rows, train, known, group, weights, tried, grid, scoring == "mae",
                        partial(report, place=f"fold {k + 1} of {n_splits}, "))
        parameters = chosen_parameters(found)
        choices += (choice._replace(fold=k) for choice in found)
        chosen.append((parameters["kappa"], parameters["lam"]))
        prediction[test], deviation[test], novelty[test] = rows.fit_spread(train, test, known, weights, **parameters)
        fold[test] = k
        report("fit", place=f"fold {k + 1} of {n_splits}, ")
    shape = np.shape(y)
    return CrossValidation(known.reshape(shape), prediction.reshape(shape), fold, tuple(c[0] for c in chosen),
                           tuple(c[1] for c in chosen), tuple(choices),
                           deviation.reshape(shape), novelty)


def choose_parameters(estimator: LSSVR | KernelRidge, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None, *,
                      kappas: Sequence[float] | None = None, lams: Sequence[float] | None = None,
                      scoring: str = "mae", sample_weight: ArrayLike | None = None,
                      batches: ArrayLike | None = None,
                      progress: Progress | None = None) -> tuple[Kappa, float, tuple[Choice, ...]]:
    """kappa and lam with the least leave-group-out error over all rows, and all that was tried (as fold 0).

    For the final model; its error is that of :func:`cross_validate`, which chooses in the same way inside each fold.
    Parameters are those of :func:`cross_validate`. `chosen_parameters` of the choices is what the estimator takes.

    Examples
    --------
    >>> x = np.linspace(0, 3, 60)[:, None]
    >>> kappa, lam, tried = choose_parameters(LSSVR(n_landmarks=20), x, np.sin(x[:, 0]), lams=[1e-6, 1.0])
    >>> lam
    1e-06
    """
    rows = KernelRows(estimator, X)
    known, weights = checked_targets(y, len(rows)), checked_weights(sample_weight, len(rows))
    group = group_numbers(groups, len(rows))
    rows.batch = None if batches is None else group_numbers(batches, len(rows))
    factors, grid = _grid(rows, kappas, lams, scoring)
    if len(np.unique(group)) < 2:
        raise ValueError("choosing parameters needs at least 2 groups, got 1")
    done = 0

    def report(text: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, len(factors), text)

    every = np.arange(len(rows), dtype=np.int64)
    tried = [factor * rows.kappa(every) for factor in factors]
    choices = _inside(rows, every, known, group, weights, tried, grid, scoring == "mae", report)
    best = next(choice for choice in choices if choice.chosen)
    return best.kappa, best.lam, choices


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
                   batches: ArrayLike | None = None, progress: Progress | None = None) -> Curve:
    """Error against the number of training rows: whole groups, in random order, each size containing the smaller ones.

    The estimator's own kappa and lam are used; sizes beyond the smallest training part are cut to it.

    Examples
    --------
    >>> x = np.linspace(0, 3, 60)[:, None]
    >>> curve = learning_curve(LSSVR(), x, np.sin(x[:, 0]), sizes=[10, 40], n_splits=3)
    >>> bool(curve.mae[:, 1].mean() < curve.mae[:, 0].mean())
    True
    """
    rows = KernelRows(estimator, X)
    known, group = checked_targets(y, len(rows)), group_numbers(groups, len(rows))
    rows.group, rows.batch = group, None if batches is None else group_numbers(batches, len(rows))
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
                   batches: ArrayLike | None = None, progress: Progress | None = None) -> Curve:
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
    rows = KernelRows(estimator, X)
    known, group = checked_targets(y, len(rows)), group_numbers(groups, len(rows))
    batch = None if batches is None else group_numbers(batches, len(rows))
    splits = list(GroupedKFold(n_splits, seed).split(rows.X, groups=group))
    size = _sizes(counts, min(len(train) for train, _ in splits), "counts")
    mae, rmse, left = (np.empty((n_splits, len(size))) for _ in range(3))
    for k, (train, test) in enumerate(splits):
        kappa = rows.kappa(train)
        index, residual, factor = rows.factor(train, kappa, int(size[-1]))
        here = np.minimum(size, len(index)).astype(np.int64)
        phi, z, weights = factor, known[train], None  # the weights of all landmarks serve every count
        if estimator.robust is not None or estimator.shared is not None:
            weights, shared = estimator.errors(
                factor, z, None, group_numbers(group[train], len(train)),
                None if batch is None else group_numbers(batch[train], len(train)), float(estimator.lam))
            if shared is not None:
                phi, z, weights = shared.independent(factor, z)
        v, bias = _core.ridge(phi, z, lam=float(estimator.lam), counts=here, weights=weights, n_threads=rows.n_threads)
        lower = np.ascontiguousarray(np.tril(factor[:, index].T))
        features = _core.solve_triangular(lower, rows.between(train[index], test, kappa), n_threads=rows.n_threads)
        for c in range(len(size)):
            found = metrics(known[test], features.T @ v[c] + bias[c])
            mae[k, c], rmse[k, c], left[k, c] = found["MAE"], found["RMSE"], residual[here[c] - 1]
        if progress is not None:
            progress(k + 1, n_splits, f"fold {k + 1} of {n_splits}")
    return Curve("landmarks", size, mae, rmse, left)
