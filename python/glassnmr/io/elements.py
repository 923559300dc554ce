# SPDX-License-Identifier: BSD-3-Clause
"""Tensors of predictions: nine columns a tensor in tables (ms_xx ... ms_zz), one array in structure files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["AXES", "TENSORS", "folded", "tensor_of", "unfolded"]

AXES = tuple(a + b for a in "xyz" for b in "xyz")
"""Suffixes of the nine elements, row by row."""
TENSORS = ("ms", "efg")


def tensor_of(columns: Mapping[str, NDArray[Any]], kind: str) -> NDArray[np.float64] | None:
    """The tensors (n, 3, 3) of nine columns; None where one of them is missing.

    Examples
    --------
    >>> columns = {f"ms_{axes}": np.array([float(k)]) for k, axes in enumerate(AXES)}
    >>> tensor_of(columns, "ms")[0, 2, 1], tensor_of(columns, "efg") is None
    (np.float64(7.0), True)
    """
    names = [f"{kind}_{axes}" for axes in AXES]
    if not all(name in columns for name in names):
        return None
    return np.stack([np.asarray(columns[name], dtype=np.float64) for name in names], axis=-1).reshape(-1, 3, 3)


def folded(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Arrays with (n, 9) tensors in the place of their nine columns."""
    out = dict(arrays)
    for kind in TENSORS:
        tensor = tensor_of(arrays, kind)
        if tensor is not None:
            out = {name: array for name, array in out.items() if name not in {f"{kind}_{axes}" for axes in AXES}}
            out[kind] = tensor.reshape(-1, 9)
    return out


def unfolded(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Arrays with nine columns in the place of tensors (n, 9) or (n, 3, 3): the inverse of `folded`."""
    out: dict[str, NDArray[Any]] = {}
    for name, array in arrays.items():
        if name in TENSORS and array.shape[1:] in ((9,), (3, 3)):
            flat = array.reshape(len(array), 9)
            out |= {f"{name}_{axes}": flat[:, k] for k, axes in enumerate(AXES)}
        else:
            out[name] = array
    return out
