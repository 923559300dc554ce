# SPDX-License-Identifier: BSD-3-Clause
"""Shorter rows: principal components or chosen columns of another descriptor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.checked import checked_rows
from glassnmr.descriptors.base import Descriptor

__all__ = ["ReducedDescriptor", "reduce_descriptor"]

METHODS = ("pca", "cur")


class ReducedDescriptor(Descriptor):
    """A descriptor with shortened rows (THEORY.md eq. (6.12), (6.13)); `reduce_descriptor` makes one from data.

    Parameters
    ----------
    descriptor : whose rows are shortened
    columns : (n,) features to keep, or None
    matrix, offset : (n, n_features), (n_features,) of x' = matrix (x - offset), or None

    Raises
    ------
    ValueError
        Neither or both of columns and matrix, or shapes that do not fit the descriptor.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from glassnmr.descriptors import SphericalBesselSOAP
    >>> first_ten = ReducedDescriptor(SphericalBesselSOAP(["Si"], cutoff=5.0), columns=range(10))
    >>> first_ten.transform(bulk("Si")).shape
    (2, 10)
    """

    _core: _core.Reduced

    def __init__(self, descriptor: Descriptor, *, columns: ArrayLike | None = None, matrix: ArrayLike | None = None,
                 offset: ArrayLike | None = None) -> None:
        super().__init__(descriptor.species, descriptor.cutoff)
        if isinstance(descriptor, ReducedDescriptor):
            raise ValueError("descriptor is reduced already: reduce the whole one")
        if (columns is None) == (matrix is None) or (matrix is None) != (offset is None):
            raise ValueError("a reduction needs either columns, or a matrix and an offset")
        self.descriptor = descriptor
        self.columns = None if columns is None else np.array(columns)
        self.matrix = None if matrix is None else np.array(matrix, dtype=np.float64)
        self.offset = None if offset is None else np.array(offset, dtype=np.float64)
        if self.columns is not None and (self.columns.ndim != 1 or self.columns.dtype.kind not in "iu"):
            raise ValueError(f"columns must be a list of integers, got {self.columns.dtype} of shape "
                             f"{self.columns.shape}")
        self._core = _core.Reduced(
            descriptor._core, columns=np.array([] if self.columns is None else self.columns, dtype=np.int64),
            matrix=np.empty((0, 0)) if self.matrix is None else self.matrix,
            offset=np.empty(0) if self.offset is None else self.offset)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments, by name."""
        del deep
        return {"descriptor": self.descriptor, "columns": self.columns, "matrix": self.matrix, "offset": self.offset}

    def __repr__(self) -> str:
        kind = "cur" if self.matrix is None else "pca"
        return f"ReducedDescriptor({self.descriptor!r}, {kind}: {self.n_features} of {self.descriptor.n_features})"

    def feature_index(self) -> NDArray[Any]:
        """That of the columns that are kept; for a matrix the field `component`, from 0."""
        if self.columns is not None:
            kept: NDArray[Any] = self.descriptor.feature_index()[self.columns]
            return kept
        return np.array(list(zip(range(self.n_features), strict=True)), dtype=[("component", np.int32)])


def reduce_descriptor(descriptor: Descriptor, rows: ArrayLike, n_features: int, *, method: str = "pca",
                      n_threads: int = 0) -> ReducedDescriptor:
    """Shorten the rows of a descriptor by what a sample of its rows shows to matter.

    Parameters
    ----------
    descriptor : of the rows
    rows : (N, descriptor.n_features) sample, such as the rows to train on
    n_features : wanted length, at most min(N, descriptor.n_features)
    method : "pca" (principal components, eq. (6.12)) or "cur" (columns that span the others, eq. (6.13)); "cur"
        keeps features with a meaning and costs nothing in use, "pca" keeps more with the same number

    Raises
    ------
    ValueError
        Unknown method, rows of another length, or a number that the rows cannot give.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from glassnmr.descriptors import SphericalBesselSOAP
    >>> soap = SphericalBesselSOAP(["Si"], cutoff=5.0)
    >>> frames = [bulk("Si", a=a) for a in (5.2, 5.3, 5.4, 5.5, 5.6)]
    >>> short = reduce_descriptor(soap, soap.transform(frames), 3)
    >>> short.transform(frames).shape
    (10, 3)
    """
    if method not in METHODS:
        raise ValueError(f"method must be {' or '.join(METHODS)}, got {method!r}")
    x = checked_rows(rows)
    if x.shape[1] != descriptor.n_features:
        raise ValueError(f"rows must have the {descriptor.n_features} features of the descriptor, got {x.shape[1]}")
    if not 1 <= n_features <= min(x.shape):
        raise ValueError(f"n_features must lie in 1..{min(x.shape)}, got {n_features}")
    mean = x.mean(axis=0)
    x = x - mean
    if method == "pca":
        return ReducedDescriptor(descriptor, matrix=_leading_axes(x, n_features), offset=mean)
    from glassnmr.learning import select_landmarks

    found = select_landmarks(np.ascontiguousarray(x.T), n_features, kernel="linear", tolerance=0.0,
                             n_threads=n_threads)
    return ReducedDescriptor(descriptor, columns=np.sort(found.index))


def _leading_axes(x: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Leading right singular vectors (n, F) of centred rows, by the smaller Gram matrix; signs are fixed."""
    from scipy.linalg import eigh

    small = x @ x.T if len(x) <= x.shape[1] else x.T @ x
    size = len(small)
    _, vectors = eigh(small, subset_by_index=[size - n, size - 1])
    axes = vectors.T[::-1] if len(x) > x.shape[1] else (x.T @ vectors).T[::-1]
    length = np.linalg.norm(axes, axis=1)
    kept = length > 1e-7 * length.max()  # the rest is not spanned by the rows
    axes = axes[kept] / length[kept, None]
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    found: NDArray[np.float64] = axes * signs[:, None]
    return found
