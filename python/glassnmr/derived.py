# SPDX-License-Identifier: BSD-3-Clause
"""Scalars by name from shielding and field-gradient tensors; the formulas stand in `glassnmr.tensors`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from glassnmr import tensors as formulas

__all__ = ["FROM_GRADIENT", "FROM_SHIELDING", "can_derive", "derive"]

Array = NDArray[np.float64]

FROM_SHIELDING: Mapping[str, Callable[[Array], Array]] = {
    "sigma_iso": formulas.isotropic,
    "span": lambda t: formulas.herzfeld_berger(t).span,
    "skew": lambda t: formulas.herzfeld_berger(t).skew,
    "zeta": lambda t: formulas.haeberlen(t).zeta,
    "eta_csa": lambda t: formulas.haeberlen(t).eta,
}
"""Target -> function of shielding tensors (R, 3, 3): ppm, but skew and eta_csa are pure numbers."""

FROM_GRADIENT: Mapping[str, Callable[[Array, str], Array]] = {
    "V_zz": lambda t, _: formulas.efg_principal_values(t)[..., 2],
    "eta": lambda t, _: formulas.asymmetry(t),
    "C_Q": lambda t, isotope: formulas.quadrupolar_coupling(t, isotope),
    "abs_C_Q": lambda t, isotope: np.abs(formulas.quadrupolar_coupling(t, isotope)),
    "P_Q": lambda t, isotope: formulas.efg_parameters(t, isotope).P_Q,
}
"""Target -> function of gradients (R, 3, 3) in a.u. and of their isotope: V_zz in a.u., eta pure, the others in MHz."""


def can_derive(name: str, tensors: Mapping[str, Array]) -> bool:
    """True if `name` follows from the kinds of tensors that are there."""
    return (name in FROM_SHIELDING and "ms" in tensors) or (name in FROM_GRADIENT and "efg" in tensors)


def derive(name: str, tensors: Mapping[str, Array], isotope: NDArray[np.str_]) -> Array:
    """The values (R,) of `name` for every row, NaN where the row's tensor is NaN.

    Raises ValueError for an unknown name, where there is no tensor of the kind it needs, and for couplings of a nucleus
    that has no quadrupole moment or is not known.
    """
    if name not in FROM_SHIELDING and name not in FROM_GRADIENT:
        raise ValueError(f"target must be one of {', '.join([*FROM_SHIELDING, *FROM_GRADIENT])}, got {name!r}")
    kind = "ms" if name in FROM_SHIELDING else "efg"
    values = np.full(len(isotope), np.nan)
    tensor = tensors.get(kind)
    if tensor is None:
        what = "shieldings (ms)" if kind == "ms" else "field gradients (efg)"
        raise ValueError(f"{name} needs {what}, the dataset has {', '.join(tensors) or 'no tensors'}")
    known = np.isfinite(tensor).all(axis=(1, 2))
    if kind == "ms":
        values[known] = FROM_SHIELDING[name](tensor[known])
        return values
    # V_zz and eta are properties of the gradient alone; only couplings ask for the nucleus
    labels = isotope if name in ("C_Q", "abs_C_Q", "P_Q") else np.full(len(isotope), "any")
    for label in np.unique(labels[known]):
        rows = known & (labels == label)
        if not label:
            raise ValueError(f"{name} needs the isotope, which is not known for {int(rows.sum())} rows")
        values[rows] = FROM_GRADIENT[name](tensor[rows], str(label))
    return values
