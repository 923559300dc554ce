# SPDX-License-Identifier: BSD-3-Clause
"""Folds that split no group, and the kernels between the rows of their parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.checked import checked_count, checked_rows, group_numbers
from glassnmr.choices import Kappa
from glassnmr.kernels import Bodies, core_kernel, kappa_of_distances, median_kappa
from glassnmr.learning import FOLLOWED, LSSVR, KernelRidge

__all__ = ["GroupedKFold", "group_numbers"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

SMALL = 4000
"""Up to so many rows the kernel between all of them is made once and serves every fold and kappa."""


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


class KernelRows:
    """Kernels between rows: from one matrix for all folds and kappas when there are few rows, else made when needed."""

    def __init__(self, estimator: LSSVR | KernelRidge, X: ArrayLike):
        self.X = checked_rows(X)
        self.estimator = estimator
        self.group: Rows | None = None
        """(N,) numbers of rows that may share an error, for robust weights"""
        self.batch: Rows | None = None
        """(N,) numbers of rows with a common error, for estimators with `shared`; the groups by default"""
        self.n_threads = estimator.n_threads
        self.bodies = Bodies.of(estimator, self.X.shape[1])
        self.small = len(self.X) <= SMALL and getattr(estimator, "landmarks", "icd") != "kmeans"
        self.gaussian = "gaussian" in self.bodies.names
        self.whole: list[Floats] = []
        if estimator.kernel == "precomputed":
            if self.X.shape[0] != self.X.shape[1]:
                raise ValueError(f"a precomputed kernel must be square, got shape {self.X.shape}")
            self.small, self.whole = True, [self.X]
        elif self.small:
            self.whole = [self._whole(name, part)
                          for name, part in zip(self.bodies.names, self.bodies.parts(self.X), strict=True)]

    def _whole(self, name: str, part: Floats) -> Floats:
        """Squared distances of a Gaussian body, kernel of another, between all rows."""
        if name == "gaussian":
            return _core.squared_distances(part, n_threads=self.n_threads)
        return _core.kernel_matrix(core_kernel(name, 1.0, self.bodies.degree, self.bodies.offset), part,
                                   n_threads=self.n_threads)

    def __len__(self) -> int:
        return len(self.X)

    def kappa(self, rows: Rows) -> float | Floats:
        """The kappa of the estimator, or what "auto" means on these rows; an array for a sum of kernels."""
        def median(body: int) -> float:
            if self.small:
                return kappa_of_distances(self.whole[body][np.ix_(rows, rows)])
            return median_kappa(self.bodies.parts(self.X[rows])[body])

        return self.bodies.kappas(self.estimator.kappa, median)

    def train(self, rows: Rows, kappa: float | Floats) -> tuple[_core.Kernel | None, Floats]:
        """What the core needs of these rows: their kernel with each other (and None), or a kernel and features."""
        if not self.small:
            return self.bodies.core(kappa), np.ascontiguousarray(self.X[rows])
        return None, self.between(rows, rows, kappa)

    def between(self, rows: Rows, others: Rows, kappa: float | Floats) -> Floats:
        """K (rows, others)."""
        if not self.small:
            return _core.kernel_matrix(self.bodies.core(kappa), np.ascontiguousarray(self.X[rows]),
                                       np.ascontiguousarray(self.X[others]), n_threads=self.n_threads)
        total: Floats | None = None
        for name, whole, value, weight in zip(self.bodies.names, self.whole, np.atleast_1d(kappa),
                                              self.bodies.relevance, strict=True):
            part: Floats = np.ascontiguousarray(whole[np.ix_(rows, others)])
            if name == "gaussian":
                part = _core.gaussian_from_distances(part, kappa=float(value), n_threads=self.n_threads)
            total = part if self.bodies.plain else weight * part if total is None else total + weight * part
        assert total is not None
        return total

    def diagonal(self, rows: Rows) -> Floats:
        """K(x, x) of some rows when the kernel between all of them is at hand."""
        if self.estimator.kernel == "precomputed":
            return np.ascontiguousarray(self.whole[0].diagonal()[rows])
        parts = [w * (np.ones(len(rows)) if name == "gaussian" else whole.diagonal()[rows])
                 for name, whole, w in zip(self.bodies.names, self.whole, self.bodies.relevance, strict=True)]
        return np.ascontiguousarray(np.sum(parts, axis=0))

    def factor(self, rows: Rows, kappa: float | Floats, count: int | None = None) -> tuple[Rows, Floats, Floats]:
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

    def fitted(self, train: Rows, y: Floats, weights: Floats | None, kappa: Kappa | Floats, lam: float,
               members: Sequence[tuple[Kappa, float]] | None = None) -> LSSVR | KernelRidge:
        """The estimator fitted on some rows, by default with its own members."""
        params = {**self.estimator.get_params(), "kappa": kappa, "lam": lam}
        if isinstance(self.estimator, LSSVR):
            members = self.estimator.members if members is None else members
            params |= {"members": None, "consensus": None}
        if self.small:
            params |= {"kernel": "precomputed", "bodies": None, "relevance": None, "kappa": 1.0}
        model = type(self.estimator)(**params)
        kappa = np.array(kappa) if isinstance(kappa, tuple) else kappa
        data, w = self.train(train, kappa)[1], None if weights is None else weights[train]
        if not isinstance(model, LSSVR):
            return model.fit(data, y[train], w)
        groups = None if self.group is None else self.group[train]
        model.fit(data, y[train], w, groups=groups, batches=None if self.batch is None else self.batch[train])
        if members:
            found = [self.fit_predict(train, train, y, weights, *member, members=()) for member in members]
            model.follow(data, np.mean(found, axis=0), FOLLOWED * min(one[1] for one in members))
        return model

    def fit_predict(self, train: Rows, test: Rows, y: Floats, weights: Floats | None, kappa: Kappa | Floats, lam: float,
                    members: Sequence[tuple[Kappa, float]] | None = None) -> Floats:
        """Fit the estimator on some rows and predict others."""
        model = self.fitted(train, y, weights, kappa, lam, members)
        kappa = np.array(kappa) if isinstance(kappa, tuple) else kappa
        prediction: Floats = model.predict(self.between(test, train, kappa) if self.small else self.X[test])
        return prediction

    def fit_spread(self, train: Rows, test: Rows, y: Floats, weights: Floats | None, kappa: Kappa | Floats, lam: float,
                   members: Sequence[tuple[Kappa, float]] | None = None) -> tuple[Floats, Floats, Floats]:
        """As `fit_predict`, with deviation (n, T) and novelty (n,) of THEORY.md eq. (9.12)."""
        model = self.fitted(train, y, weights, kappa, lam, members)
        kappa = np.array(kappa) if isinstance(kappa, tuple) else kappa
        rows = self.between(test, train, kappa) if self.small else self.X[test]
        prediction = np.asarray(model.predict(rows)).reshape(len(test), -1)
        novelty = model.spread(rows, self.diagonal(test) if self.small else None) @ [1 / lam, 1.0]
        return prediction, np.sqrt(1 + novelty)[:, None] * model.noise_, novelty
