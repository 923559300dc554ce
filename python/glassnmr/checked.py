# SPDX-License-Identifier: BSD-3-Clause
"""Arrays and numbers of the learning functions, checked once where they come in."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def checked_rows(X: ArrayLike, name: str = "X", n_features: int | None = None) -> Floats:
    """X as a finite (n, d) float64 array in C order, or a ValueError that says what is wrong with it."""
    array = np.asarray(X)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold real numbers, got {array.dtype}")
    if array.ndim != 2:
        hint = " Reshape your data with X.reshape(-1, 1) for one feature." if array.ndim < 2 else ""
        raise ValueError(f"{name} must be a 2D array of rows (n, d), got {array.ndim}D input of shape "
                         f"{array.shape}.{hint}")
    if 0 in array.shape:
        raise ValueError(f"{name} must have at least one row and one feature, got shape {array.shape}")
    if n_features is not None and array.shape[1] != n_features:
        raise ValueError(f"{name} has {array.shape[1]} features, but the regression was fitted with {n_features}")
    rows = np.ascontiguousarray(array, dtype=np.float64)
    if not np.isfinite(rows).all():
        bad = np.argwhere(~np.isfinite(rows))[0]
        raise ValueError(f"{name} must be finite, but {name}[{bad[0]}, {bad[1]}] is {rows[tuple(bad)]}")
    return rows


def checked_targets(y: ArrayLike, n: int) -> Floats:
    """Targets as a finite (n, T) float64 array."""
    array = np.asarray(y)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"y must hold real numbers, got {array.dtype}")
    if array.ndim not in (1, 2) or array.shape[0] != n or 0 in array.shape:
        raise ValueError(f"y must have shape ({n},) or ({n}, T), got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"y must be finite, but {int((~np.isfinite(array)).sum())} of its values are not")
    return np.ascontiguousarray(array.reshape(n, -1), dtype=np.float64)


def checked_weights(weights: ArrayLike | None, n: int) -> Floats | None:
    """Sample weights as (n,) float64; their values are checked by the core."""
    if weights is None:
        return None
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (n,):
        raise ValueError(f"sample_weight must have shape ({n},), got {array.shape}")
    return np.ascontiguousarray(array)


def checked_number(value: Any, name: str, low: float, *, strict: bool = False) -> float:
    """A finite number not below (strictly: above) `low`."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not np.isfinite(float(value)):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    if float(value) < low or (strict and float(value) == low):
        raise ValueError(f"{name} must be {'above' if strict else 'at least'} {low:g}, got {value!r}")
    return float(value)


def checked_count(value: Any, name: str, low: int = 1) -> int:
    """A whole number not below `low`."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or int(value) < low:
        raise ValueError(f"{name} must be a whole number of at least {low}, got {value!r}")
    return int(value)


def group_numbers(groups: ArrayLike | None, n: int) -> NDArray[np.int64]:
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
