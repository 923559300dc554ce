# SPDX-License-Identifier: BSD-3-Clause
"""Kernels between feature rows, and sums of them over the bodies of a row (THEORY.md section 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.checked import checked_count, checked_number, checked_rows

if TYPE_CHECKING:
    from glassnmr.learning import Regressor

__all__ = ["Bodies", "core_kernel", "kappa_of_distances", "kernel_matrix", "median_kappa"]

Floats = NDArray[np.float64]


def median_kappa(X: ArrayLike, *, n_threads: int = 0) -> float:
    """1 / median |x - x'|^2 over at most 1000 evenly spaced rows (THEORY.md eq. (7.5)); 1 if all are equal.

    Examples
    --------
    >>> median_kappa([[0.0], [2.0]])
    0.25
    """
    rows = checked_rows(X)
    if len(rows) > 1000:
        rows = np.ascontiguousarray(rows[np.linspace(0, len(rows) - 1, 1000).astype(np.int64)])
    return kappa_of_distances(_core.squared_distances(rows, n_threads=n_threads))


def kappa_of_distances(d2: Floats) -> float:
    """1 / median of squared distances, off the diagonal and over at most 1000 evenly spaced rows."""
    if len(d2) > 1000:
        some = np.linspace(0, len(d2) - 1, 1000).astype(np.int64)
        d2 = d2[np.ix_(some, some)]
    pairs = d2[np.triu_indices(len(d2), 1)]
    middle = float(np.median(pairs)) if len(pairs) else 0.0
    if middle == 0 and (pairs > 0).any():
        middle = float(pairs[pairs > 0].mean())
    return 1 / middle if middle > 0 else 1.0


def core_kernel(name: Any, kappa: float, degree: Any, offset: Any) -> _core.Kernel:
    """The core's kernel from checked parameters."""
    if not isinstance(name, str):
        raise ValueError(f"kernel must be a name, got {name!r}")
    return _core.Kernel(name, kappa=kappa, degree=checked_count(degree, "degree"),
                        offset=checked_number(offset, "offset", 0))


@dataclass(frozen=True)
class Bodies:
    """The kernels of an estimator, each of its columns: one of the whole row, or a sum (THEORY.md eq. (7.6))."""

    names: tuple[str, ...]
    first: tuple[int, ...]
    last: tuple[int, ...]
    relevance: tuple[float, ...]
    degree: int
    offset: float
    plain: bool
    """one kernel of whole rows"""

    @classmethod
    def of(cls, estimator: Regressor, n_features: int) -> Bodies:
        """From an estimator's checked parameters."""
        names = estimator.kernel
        if estimator.bodies is None:
            if not isinstance(names, str):
                raise ValueError(f"kernel must be a name unless bodies are given, got {names!r}")
            if estimator.relevance is not None:
                raise ValueError("relevance needs bodies, the numbers of columns of each part of the row")
            return cls((names,), (0,), (n_features,), (1.0,), estimator.degree, estimator.offset, True)
        widths = [checked_count(w, "bodies") for w in estimator.bodies]
        if sum(widths) != n_features or not widths:
            raise ValueError(f"bodies must add up to the {n_features} columns of X, got {widths}")
        if names == "precomputed":
            raise ValueError("bodies need feature rows, not a precomputed kernel")
        listed = (names,) * len(widths) if isinstance(names, str) else tuple(names)
        weights = [1 / len(widths)] * len(widths) if estimator.relevance is None else list(estimator.relevance)
        if len(listed) != len(widths) or len(weights) != len(widths):
            raise ValueError(f"kernel and relevance must have one entry for each of the {len(widths)} bodies, got "
                             f"{len(listed)} and {len(weights)}")
        ends = np.cumsum(widths).tolist()
        return cls(listed, (0, *ends[:-1]), tuple(ends),
                   tuple(checked_number(w, "relevance", 0, strict=True) for w in weights), estimator.degree,
                   estimator.offset, False)

    def parts(self, X: Floats) -> list[Floats]:
        """Columns of each body."""
        if self.plain:
            return [X]
        return [np.ascontiguousarray(X[:, a:b]) for a, b in zip(self.first, self.last, strict=True)]

    def kappas(self, kappa: float | str | Sequence[float], median: Callable[[int], float]) -> float | Floats:
        """kappa of each body as a number, or an array for a sum; `median(body)` tells what "auto" means."""
        auto = isinstance(kappa, str) and kappa == "auto"
        given = [kappa] * len(self.names) if auto or np.ndim(kappa) == 0 else list(np.asarray(kappa))
        if len(given) != len(self.names) or (self.plain and np.ndim(kappa) != 0):
            raise ValueError(f"kappa must be a number, 'auto', or one number for each of the {len(self.names)} bodies, "
                             f"got {kappa!r}")
        checked = [1.0 if auto else checked_number(value, "kappa", 0, strict=True) for value in given]
        values = [1.0 if name != "gaussian" else median(k) if auto else checked[k]
                  for k, name in enumerate(self.names)]
        return values[0] if self.plain else np.array(values)

    def core(self, kappa: float | Floats) -> _core.Kernel:
        """The core's kernel with these kappas."""
        kernels = [core_kernel(name, float(value), self.degree, self.offset)
                   for name, value in zip(self.names, np.atleast_1d(kappa), strict=True)]
        if self.plain:
            return kernels[0]
        return _core.Kernel.sum(kernels, widths=[b - a for a, b in zip(self.first, self.last, strict=True)],
                                relevance=list(self.relevance))


def kernel_matrix(X: ArrayLike, Y: ArrayLike | None = None, *, kernel: str = "gaussian", kappa: float | str = "auto",
                  degree: int = 2, offset: float = 1.0, n_threads: int = 0) -> Floats:
    """Kernel between the rows of X (n, d) and of Y (m, d), or of X with itself (THEORY.md eq. (7.1)-(7.4)).

    Examples
    --------
    >>> kernel_matrix([[0.0, 0.0], [1.0, 0.0]], kernel="gaussian", kappa=1.0).round(4)
    array([[1.    , 0.3679],
           [0.3679, 1.    ]])
    """
    rows = checked_rows(X)
    others = None if Y is None else checked_rows(Y, "Y", rows.shape[1])
    auto = isinstance(kappa, str) and kappa == "auto"
    value = median_kappa(rows) if auto else checked_number(kappa, "kappa", 0, strict=True)
    return _core.kernel_matrix(core_kernel(kernel, value, degree, offset), rows, others, n_threads=n_threads)
