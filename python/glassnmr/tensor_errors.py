# SPDX-License-Identifier: BSD-3-Clause
"""What the errors of a tensor's parts do to everything that is derived from it (THEORY.md section 9.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from glassnmr.isotopes import isotope as find_isotope
from glassnmr.tensors import (
    MHZ_PER_BARN_AU,
    efg_parameters,
    euler_angles,
    haeberlen,
    herzfeld_berger,
    rotation_matrix,
    symmetric,
)
from glassnmr.tensors import efg_principal_values as principal_gradients
from glassnmr.uncertainty import LEVELS, Intervals, calibrate_intervals, group_coverage, left_out_half_width

__all__ = ["RANGES", "calibrate_tensor", "derived_deviations", "derived_errors", "tensor_coverage", "tensor_widths"]

Floats = NDArray[np.float64]

RANGES: Mapping[str, float] = {"eta": 1.0, "eta_csa": 1.0, "skew": 2.0, "axis_x": np.pi / 2, "axis_z": np.pi / 2}
"""No error of these is larger."""


def derived_deviations(tensor: ArrayLike, kind: str, isotope: str, deviation: ArrayLike) -> dict[str, Floats]:
    """Standard deviations (n,) of what tensors (n, 3, 3) say, from those of their parts, eq. (9.32) to (9.35).

    Parameters
    ----------
    tensor : "ms" (ppm) or "efg" (a.u.) by `kind`
    deviation : (n, 3) of the isotropic value and of a component of the antisymmetric and the symmetric traceless part

    Returns
    -------
    by name: those of `glassnmr.tensor_model.derived_values` but the Euler angles; KIND_ii and KIND_ij, an element on
    and off the diagonal; axis_x and axis_z, the angles (radians) by which the principal axes are off

    Examples
    --------
    >>> found = derived_deviations(np.diag([-1.0, -1.0, 2.0])[None], "efg", "17O", [[0.0, 0.0, 0.3]])
    >>> round(float(found["V_zz"][0]), 3), round(float(found["eta"][0]), 3)
    (0.245, 0.212)
    """
    t, (iso, one, two) = np.asarray(tensor, dtype=np.float64), np.asarray(deviation, dtype=np.float64).T
    found = {f"{kind}_ii": np.sqrt(iso**2 + 2 / 3 * two**2), f"{kind}_ij": np.sqrt((one**2 + two**2) / 2)}
    x, y, z = _ordered(t, kind).T
    # Two values of one sign and nearly one distance from the mean: which of them is zz may be wrong.
    gap, along = np.abs(np.abs(z) - np.maximum(np.abs(x), np.abs(y))), np.sqrt(2 / 3) * two
    other = ndtr(-_over(gap, along))
    largest = np.sqrt(along**2 + other * (2 * z) ** 2)
    eta = _over(np.abs(x - y), np.abs(z))
    asymmetry = _over(two * np.sqrt(2 + 2 / 3 * eta**2), np.abs(z))
    if kind == "ms":
        h = herzfeld_berger(t)
        found |= {"sigma_iso": iso, "span": np.sqrt(2) * two,
                  "skew": _over(two * np.sqrt(6 + 2 * h.skew**2), h.span), "zeta": largest, "eta_csa": asymmetry}
    else:
        found["V_zz"] = largest
        moment = MHZ_PER_BARN_AU * abs(find_isotope(isotope).quadrupole)
        if moment > 0:
            found |= {"C_Q": moment * largest, "abs_C_Q": moment * along, "eta": asymmetry}
    turn = two / np.sqrt(2)
    found["axis_x"] = np.hypot(_over(turn, np.abs(x - z)), _over(turn, np.abs(x - y)))
    found["axis_z"] = np.hypot(_over(turn, np.abs(z - x)), _over(turn, np.abs(z - y)))
    return {name: np.minimum(column, RANGES.get(name, np.inf)) for name, column in found.items()}


def derived_errors(known: ArrayLike, guess: ArrayLike, kind: str, isotope: str) -> dict[str, Floats]:
    """Errors of predicted tensors (n, 3, 3), by the names of `derived_deviations`: (n,), or (n, k) of k elements."""
    one, other = np.asarray(known, dtype=np.float64), np.asarray(guess, dtype=np.float64)
    off = (other - one).reshape(-1, 9)
    found = {f"{kind}_ii": off[:, [0, 4, 8]], f"{kind}_ij": off[:, [1, 2, 3, 5, 6, 7]]}
    functions: dict[str, Callable[[Floats], Floats]]
    if kind == "ms":
        functions = {"sigma_iso": lambda t: herzfeld_berger(t).iso, "span": lambda t: herzfeld_berger(t).span,
                     "skew": lambda t: herzfeld_berger(t).skew, "zeta": lambda t: haeberlen(t).zeta,
                     "eta_csa": lambda t: haeberlen(t).eta}
    else:
        functions = {"V_zz": lambda t: principal_gradients(t)[:, 2]}
        if find_isotope(isotope).quadrupole != 0:
            functions |= {"C_Q": lambda t: efg_parameters(t, isotope).C_Q,
                          "abs_C_Q": lambda t: np.abs(efg_parameters(t, isotope).C_Q),
                          "eta": lambda t: efg_parameters(t, isotope).eta}
    found |= {name: function(other) - function(one) for name, function in functions.items()}
    frames = [rotation_matrix(*euler_angles(t, "haeberlen" if kind == "ms" else "efg").T) for t in (one, other)]
    for name, k in (("axis_x", 0), ("axis_z", 2)):
        cosine = np.abs((frames[0][:, :, k] * frames[1][:, :, k]).sum(axis=1))
        found[name] = np.arccos(np.minimum(cosine, 1))
    return found


def _ordered(t: Floats, kind: str) -> Floats:
    """(n, 3) deviations from the mean along the x, y, z axes of `euler_angles`."""
    values = np.linalg.eigvalsh(symmetric(t))
    deviation = values - values.mean(axis=1, keepdims=True)
    by_size = np.argsort(np.abs(deviation), axis=1, kind="stable")
    if kind == "ms":
        by_size = by_size[:, [1, 0, 2]]
    return np.take_along_axis(deviation, by_size, axis=1)


def _over(a: Floats, b: Floats) -> Floats:
    """a / b; where b vanishes infinity, or 0 if a does, too."""
    safe = np.where(b > 0, b, 1.0)
    return np.where(b > 0, a / safe, np.where(a > 0, np.inf, 0.0))


def _flat(error: Floats, deviation: Floats, *labels: NDArray[Any]) -> tuple[Any, ...]:
    """All (n k,): `error` (n, k) or (n,), the others (n,) repeated for each of its k columns."""
    k = error.size // len(error)
    return error.reshape(-1), *(np.repeat(values, k) for values in (deviation, *labels))


def calibrate_tensor(errors: Mapping[str, Floats], deviations: Mapping[str, Floats], novelty: Floats
                     ) -> tuple[tuple[str, ...], Intervals]:
    """Names, and the intervals that left-out rows confirm for each of them, eq. (9.13)."""
    found = [calibrate_intervals(*_flat(errors[name], deviations[name], novelty)) for name in errors]
    whole = calibrate_intervals(np.zeros(len(novelty)), np.ones(len(novelty)), novelty)
    factors = np.concatenate([one.factors for one in found])
    return tuple(errors), Intervals(LEVELS, factors, whole.limit)


def tensor_widths(names: tuple[str, ...], intervals: Intervals, deviations: Mapping[str, Floats], level: float
                  ) -> dict[str, Floats]:
    """Half widths (n,) of the intervals of one level, by name."""
    widths = intervals.half_width(np.column_stack([deviations[name] for name in names]), level)
    return {name: np.minimum(widths[:, k], RANGES.get(name, np.inf)) for k, name in enumerate(names)}


def tensor_coverage(errors: Mapping[str, Floats], deviations: Mapping[str, Floats], fold: NDArray[np.int64],
                    group: NDArray[np.int64], level: float = 0.9) -> dict[str, dict[str, float]]:
    """By name the share of left-out values in intervals that the other folds calibrate, of all and by group, and the
    mean half width."""
    told = {}
    for name, error in errors.items():
        e, d, f, g = _flat(error, deviations[name], fold, group)
        width = np.minimum(left_out_half_width(e, d, f, level), RANGES.get(name, np.inf))
        held = np.abs(e) <= width
        told[name] = {"rows": float(held.mean()), "groups": group_coverage(held, g), "half width": float(width.mean())}
    return told
