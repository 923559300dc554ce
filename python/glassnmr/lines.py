# SPDX-License-Identifier: BSD-3-Clause
"""Sites and axes of spectra as columns of checked numbers: the border between what is given and the core."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr.isotopes import Isotope
from glassnmr.transitions import central_nucleus

__all__ = ["SiteColumns", "checked_column", "checked_width", "even_axis", "field_of", "labelled", "span_of"]

Array = NDArray[np.float64]

MOST_COMPONENTS = 64
MOST_POINTS = 1 << 22


@dataclass(frozen=True)
class SiteColumns:
    """Sites as columns (n,): delta and zeta, that of the shift, in ppm, coupling in MHz; euler (n, 3) in radians.

    coupling and eta are together or None, and so are zeta and zeta_eta; euler and weight may be None.
    """

    delta: Array
    coupling: Array | None = None
    eta: Array | None = None
    zeta: Array | None = None
    zeta_eta: Array | None = None
    euler: Array | None = None
    weight: Array | None = None

    @classmethod
    def checked(cls, nucleus: Isotope, *, delta_iso: ArrayLike, C_Q: ArrayLike | None, abs_C_Q: ArrayLike | None,
                eta: ArrayLike | None, weights: ArrayLike | None, zeta: ArrayLike | None = None,
                eta_csa: ArrayLike | None = None, euler: ArrayLike | None = None,
                central: bool = True) -> SiteColumns:
        """Columns from what a caller gives; ValueError in one sentence where they are none."""
        delta = checked_column(delta_iso, "delta_iso")
        n = len(delta)
        coupling, asymmetry = _quadrupolar(nucleus, C_Q, abs_C_Q, eta, n, central)
        weight = None if weights is None else checked_column(weights, "weights", n)
        if weight is not None and not np.sum(weight) > 0:
            raise ValueError(f"weights must have a positive sum, got {np.sum(weight)}")
        if zeta is None and (eta_csa is not None or euler is not None):
            raise ValueError(f"{'eta_csa' if eta_csa is not None else 'euler'} was given without zeta")
        anisotropy = None if zeta is None else checked_column(zeta, "zeta", n)
        shape = None
        if anisotropy is not None:
            shape = np.zeros(n) if eta_csa is None else _fraction(eta_csa, "eta_csa", n)
        return cls(delta, coupling, asymmetry, anisotropy, shape, _angles(euler, n), weight)

    def __len__(self) -> int:
        return len(self.delta)

    @property
    def total(self) -> float:
        """Sum of the weights."""
        return float(len(self.delta)) if self.weight is None else float(np.sum(self.weight))

    def at(self, rows: NDArray[Any]) -> SiteColumns:
        """The sites of these rows."""
        def taken(column: Array | None) -> Array | None:
            return None if column is None else np.ascontiguousarray(column[rows])

        return SiteColumns(np.ascontiguousarray(self.delta[rows]), taken(self.coupling), taken(self.eta),
                           taken(self.zeta), taken(self.zeta_eta), taken(self.euler), taken(self.weight))

    def isotropic_shifts(self) -> SiteColumns:
        """The same sites without their shift anisotropy."""
        return SiteColumns(self.delta, self.coupling, self.eta, weight=self.weight)


def field_of(nucleus: Isotope, field: float | None, larmor: float | None) -> float:
    """Tesla, from exactly one of the two."""
    if (field is None) == (larmor is None):
        raise ValueError("give either field, in tesla, or larmor, the frequency of 0 ppm in MHz")
    if larmor is not None:
        return nucleus.field(float(larmor))
    nucleus.larmor_frequency(float(field))  # type: ignore[arg-type]  # refuses what is no field
    return float(field)  # type: ignore[arg-type]


def checked_column(values: ArrayLike, name: str, length: int | None = None) -> Array:
    """Finite numbers, one a site; one number stands for all sites."""
    try:
        column = np.ascontiguousarray(values, dtype=float)
        scalar = np.ndim(values) == 0
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers, one a site") from None
    if scalar:
        column = np.full(1 if length is None else length, float(column.reshape(-1)[0]))
    if column.ndim != 1 or len(column) == 0:
        raise ValueError(f"{name} must hold one number for each of one or more sites, got shape {column.shape}")
    if length is not None and len(column) != length:
        raise ValueError(f"{name} must have one value a site, {length}, got {len(column)}")
    bad = np.flatnonzero(~np.isfinite(column))
    if len(bad):
        raise ValueError(f"{name} must be finite, got {column[bad[0]]} at site {bad[0]} ({len(bad)} of {len(column)})")
    return column


def _fraction(values: ArrayLike, name: str, n: int) -> Array:
    column = checked_column(values, name, n)
    bad = np.flatnonzero((column < 0) | (column > 1))
    if len(bad):
        raise ValueError(f"{name} must lie in [0, 1], got {column[bad[0]]} at site {bad[0]} ({len(bad)} of {n})")
    return column


def _angles(euler: ArrayLike | None, n: int) -> Array | None:
    if euler is None:
        return None
    try:
        angles = np.asarray(euler, dtype=float)
    except (TypeError, ValueError):
        raise ValueError("euler must be numbers, three a site") from None
    if angles.shape not in ((3,), (n, 3)):
        raise ValueError(f"euler must have three angles a site, shape ({n}, 3) or (3,), got {angles.shape}")
    if not np.all(np.isfinite(angles)):
        raise ValueError("euler must be finite, got nan or inf")
    return np.ascontiguousarray(np.broadcast_to(angles, (n, 3)))


def _quadrupolar(nucleus: Isotope, C_Q: ArrayLike | None, abs_C_Q: ArrayLike | None, eta: ArrayLike | None, n: int,
                 central: bool) -> tuple[Array | None, Array | None]:
    given = [name for name, value in (("C_Q", C_Q), ("abs_C_Q", abs_C_Q), ("eta", eta)) if value is not None]
    if nucleus.spin == 0.5:
        if given:
            raise ValueError(f"{nucleus} has spin 1/2 and no quadrupole moment, but {given[0]} was given")
        return None, None
    if central:
        central_nucleus(nucleus)
    if C_Q is not None and abs_C_Q is not None:
        raise ValueError("give C_Q or abs_C_Q, not both")
    coupling = C_Q if C_Q is not None else abs_C_Q
    if coupling is None or eta is None:
        missing = " and ".join(name for name, v in (("C_Q (MHz)", coupling), ("eta", eta)) if v is None)
        raise ValueError(
            f"{nucleus} is quadrupolar: its spectrum needs delta_iso, C_Q and eta; {missing} was not given"
        )
    asymmetry = _fraction(eta, "eta", n)
    return checked_column(coupling, "C_Q" if C_Q is not None else "abs_C_Q", n), asymmetry


def labelled(labels: Sequence[str] | NDArray[Any] | None, n: int) -> tuple[list[str], NDArray[np.int32] | None]:
    """The names that labels take, in order, and which of them each site has; one nameless one without labels."""
    if labels is None:
        return [""], None
    texts = np.asarray(labels).astype(str)
    if texts.shape != (n,):
        raise ValueError(f"labels must have one value a site, {n}, got shape {texts.shape}")
    names, component = np.unique(texts, return_inverse=True)
    if len(names) > MOST_COMPONENTS:
        raise ValueError(f"labels must take at most {MOST_COMPONENTS} values, got {len(names)}")
    return names.tolist(), component.astype(np.int32)


def checked_width(fwhm_ppm: float | None, fwhm_hz: float | None, reference: float, suffix: str = "") -> float:
    """A width in ppm from one of the two; 1 ppm from none. `reference` in MHz."""
    if fwhm_ppm is not None and fwhm_hz is not None:
        raise ValueError(f"give fwhm_ppm{suffix} or fwhm_hz{suffix}, not both")
    name, value = ("fwhm_hz", fwhm_hz) if fwhm_hz is not None else ("fwhm_ppm", 1.0 if fwhm_ppm is None else fwhm_ppm)
    width = float(value)
    if not (math.isfinite(width) and width >= 0):
        raise ValueError(f"{name}{suffix} must be finite and not negative, got {value}")
    return width / reference if fwhm_hz is not None else width


def even_axis(axis: Any, name: str = "axis") -> tuple[float, float, int]:
    """(low, high, points) in ppm from such a tuple, or from an even ppm axis (n,)."""
    points = getattr(axis, "ppm", axis)
    if isinstance(points, np.ndarray) and points.ndim == 1 and len(points) > 3:
        steps = np.diff(points)
        if np.ptp(steps) > 1e-6 * abs(steps[0]):
            raise ValueError(f"the {name} taken from a spectrum must be even")
        return float(min(points[0], points[-1])), float(max(points[0], points[-1])), len(points)
    try:
        low, high, count = float(points[0]), float(points[1]), int(points[2])
    except (TypeError, ValueError, IndexError, OverflowError):
        raise ValueError(f"{name} must be (low, high, points) in ppm, got {axis!r}") from None
    low, high = min(low, high), max(low, high)
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        raise ValueError(f"{name} must span a finite range of ppm, got {low} to {high}")
    if not 2 <= count <= MOST_POINTS:
        raise ValueError(f"{name} must have 2 to {MOST_POINTS} points, got {count}")
    return low, high, count


def span_of(left: Array, right: Array, width: float) -> tuple[float, float, int]:
    """An axis over all but a thousandth of the lines from left to right, with margins, eight points a width."""
    low = float(np.quantile(left, 0.0005, method="lower"))
    high = float(np.quantile(right, 0.9995, method="higher"))
    margin = max(4 * width, 0.08 * (high - low), 1e-3)
    low, high = low - margin, high + margin
    fine = width / 8 if width > 0 else (high - low) / 4096
    return low, high, int(np.clip((high - low) / fine, 1024, 1 << 16)) + 1
