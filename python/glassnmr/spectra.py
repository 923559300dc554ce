# SPDX-License-Identifier: BSD-3-Clause
"""From sites to the spectrum that an experimenter lays over a measurement: THEORY.md section 12."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.isotopes import Isotope
from glassnmr.isotopes import isotope as find_isotope

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Spectrum", "central_transition_scale", "mas_spectrum", "quadrupolar_shift"]

Array = NDArray[np.float64]
Shape = Literal["gaussian", "lorentzian"]

_HIGHEST_U = 7 / 72  # largest reduced frequency of the central transition, reached at eta = 1
_POWDER = 196418  # orientations of method="powder"
_MOST_COMPONENTS = 64
_MOST_POINTS = 1 << 22


@dataclasses.dataclass(frozen=True, eq=False)
class Spectrum:
    """One spectrum on an even ppm axis.

    ppm (n,): rising; intensity (n,): per ppm, with integral 1 where all sites lie on the axis; isotope: ``"29Si"`` or
    ``""`` where a file does not tell; field: tesla, or None; components: label -> (n,), which add up to the intensity;
    fractions: label -> share of the weight; metadata: how it was made.
    """

    ppm: Array
    intensity: Array
    isotope: str = ""
    field: float | None = None
    components: Mapping[str, Array] = dataclasses.field(default_factory=dict)
    fractions: Mapping[str, float] = dataclasses.field(default_factory=dict)
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        ppm, intensity = np.asarray(self.ppm, dtype=float), np.asarray(self.intensity, dtype=float)
        if ppm.ndim != 1 or ppm.shape != intensity.shape or len(ppm) < 2:
            raise ValueError(
                f"ppm and intensity must be two columns of one length, got {ppm.shape} and {intensity.shape}"
            )
        if not (np.all(np.isfinite(ppm)) and np.all(np.isfinite(intensity))):
            raise ValueError("a spectrum must hold finite numbers, got nan or inf")
        components = {label: np.asarray(values, dtype=float) for label, values in self.components.items()}
        for label, values in components.items():
            if values.shape != ppm.shape:
                raise ValueError(f"component {label!r} must have {len(ppm)} points, got shape {values.shape}")
        if ppm[0] > ppm[-1]:
            ppm, intensity = ppm[::-1], intensity[::-1]
            components = {label: values[::-1] for label, values in components.items()}
        if not np.all(np.diff(ppm) > 0):
            raise ValueError("ppm must rise or fall all the way")
        object.__setattr__(self, "ppm", ppm)
        object.__setattr__(self, "intensity", intensity)
        object.__setattr__(self, "components", MappingProxyType(components))
        object.__setattr__(self, "fractions", MappingProxyType(dict(self.fractions)))
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    @property
    def larmor(self) -> float | None:
        """Frequency of 0 ppm in MHz, where isotope and field are known."""
        if not self.isotope or self.field is None:
            return None
        return find_isotope(self.isotope).reference_frequency(self.field)

    @property
    def integral(self) -> float:
        """Area over the axis."""
        return float(np.sum(self.intensity * np.gradient(self.ppm)))

    @property
    def centroid(self) -> float:
        """Centre of gravity over the axis, ppm."""
        width = np.gradient(self.ppm)
        return float(np.sum(self.ppm * self.intensity * width) / np.sum(self.intensity * width))

    def normalised(self, to: Literal["area", "height"] = "area") -> Spectrum:
        """The same spectrum with area 1, or with its highest point at 1."""
        if to not in ("area", "height"):
            raise ValueError(f"to must be 'area' or 'height', got {to!r}")
        size = self.integral if to == "area" else float(np.max(self.intensity))
        if not size > 0:
            raise ValueError(f"a spectrum without intensity cannot be normalised, its {to} is {size}")
        components = {label: values / size for label, values in self.components.items()}
        return dataclasses.replace(self, intensity=self.intensity / size, components=components)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write by suffix: .csv, .csdf, or a picture as .png, .svg, .pdf."""
        from glassnmr.spectrum_io import write_spectrum

        write_spectrum(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Spectrum:
        """Read a spectrum by suffix: .csdf, measured or simulated, or columns as .csv or .txt."""
        from glassnmr.spectrum_io import load_spectrum

        return load_spectrum(path)

    def plot(self, measured: Spectrum | None = None) -> Figure:
        """The spectrum as a figure, with a measurement over it; see `glassnmr.plots.plot_spectrum`."""
        from glassnmr.plots import plot_spectrum

        return plot_spectrum(self, measured=measured)


def central_transition_scale(nucleus: str | Isotope, field: float) -> float:
    """A / nu_ref in ppm at C_Q = 1 MHz: the width of the central transition goes as this times C_Q^2, eq. (12.4)."""
    known = _central(find_isotope(nucleus))
    spin = known.spin
    coupling = 3 / (2 * spin * (2 * spin - 1))
    larmor, reference = known.larmor_frequency(field), known.reference_frequency(field)
    return (spin * (spin + 1) - 0.75) * coupling**2 / (larmor * reference) * 1e6


def quadrupolar_shift(nucleus: str | Isotope, field: float, C_Q: ArrayLike, eta: ArrayLike) -> Array:
    """delta_QIS in ppm: how far the centre of the central transition lies from delta_iso, eq. (12.2). C_Q in MHz."""
    C_Q, eta = np.asarray(C_Q, dtype=float), np.asarray(eta, dtype=float)
    return np.asarray(-central_transition_scale(nucleus, field) * C_Q**2 * (1 + eta**2 / 3) / 30)


def mas_spectrum(
    isotope: str | Isotope,
    *,
    delta_iso: ArrayLike,
    field: float | None = None,
    larmor: float | None = None,
    C_Q: ArrayLike | None = None,
    abs_C_Q: ArrayLike | None = None,
    eta: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    labels: Sequence[str] | NDArray[Any] | None = None,
    axis: tuple[float, float, int] | Spectrum | None = None,
    fwhm_ppm: float | None = None,
    fwhm_hz: float | None = None,
    shape: Shape = "gaussian",
    method: Literal["table", "powder"] = "table",
    n_threads: int = 0,
) -> Spectrum:
    """The spectrum of many sites under fast magic-angle spinning.

    Spin 1/2: a line at each delta_iso (ppm). Half-integer quadrupolar spins: the central transition in second order,
    from delta_iso, `C_Q` (MHz; its sign does not matter, so `abs_C_Q` may be given instead) and eta, each (n,). Sites
    of several frames or models are given in one array; their spectrum is the average.

    The field is given in tesla, or as `larmor`, the frequency of 0 ppm in MHz. `labels` (n,) decompose the spectrum.
    `axis` is (low, high, points) in ppm, or a spectrum whose axis is taken; by default it covers all but a thousandth
    of the lines, with margins. The lines are broadened to a full width at half maximum of `fwhm_ppm`, or `fwhm_hz`;
    1 ppm by default. `method="powder"` sums over orientations instead of the table: slow, for checks. What lies
    beyond the axis is told as ``metadata["outside"]``. Raises ValueError for values outside their range.
    """
    nucleus = find_isotope(isotope)
    tesla = _field(nucleus, field, larmor)
    delta = _column(delta_iso, "delta_iso")
    coupling, asymmetry = _quadrupolar_columns(nucleus, C_Q, abs_C_Q, eta, len(delta))
    weight = None if weights is None else _column(weights, "weights", len(delta))
    if weight is not None and not np.sum(weight) > 0:
        raise ValueError(f"weights must have a positive sum, got {np.sum(weight)}")
    if method not in ("table", "powder"):
        raise ValueError(f"method must be 'table' or 'powder', got {method!r}")
    names, component = _labels(labels, len(delta))
    width = _fwhm(fwhm_ppm, fwhm_hz, nucleus.reference_frequency(tesla), shape)
    scale = central_transition_scale(nucleus, tesla) if coupling is not None else 0.0
    low, high, points = _axis(axis, delta, coupling, scale, width)
    step = (high - low) / (points - 1)

    # Lines just beyond the axis reach into it: they are laid on a longer one, which is cut after the broadening.
    margin = min(math.ceil((5 if shape == "gaussian" else 50) * width / step), 4 * points)
    raw, lost = _core.mas_lines(
        delta,
        coupling=coupling,
        eta=asymmetry,
        weight=weight,
        component=component,
        n_components=len(names),
        axis=(low - margin * step, step, points + 2 * margin),
        scale=scale,
        orientations=_POWDER if method == "powder" else 0,
        n_threads=n_threads,
    )
    total = len(delta) if weight is None else float(np.sum(weight))
    fractions = (raw.sum(axis=1) + lost) / total
    inside = raw[:, margin : margin + points].sum()
    lines = _broadened(raw, width / step, shape)[:, margin : margin + points] / (total * step)
    return Spectrum(
        ppm=np.linspace(low, high, points),
        intensity=lines.sum(axis=0),
        isotope=nucleus.symbol,
        field=tesla,
        components={} if labels is None else dict(zip(names, lines, strict=True)),
        fractions={} if labels is None else dict(zip(names, map(float, fractions), strict=True)),
        metadata={
            "sites": len(delta),
            "fwhm_ppm": width,
            "shape": shape,
            "method": method if coupling is not None else "lines",
            "outside": max(0.0, float(1 - inside / total)),
        },
    )


def _central(nucleus: Isotope) -> Isotope:
    if not nucleus.is_half_integer_quadrupolar:
        raise ValueError(
            f"{nucleus} has spin {nucleus.spin:g} and no central transition; that takes 3/2, 5/2, 7/2 or 9/2"
        )
    return nucleus


def _field(nucleus: Isotope, field: float | None, larmor: float | None) -> float:
    if (field is None) == (larmor is None):
        raise ValueError("give either field, in tesla, or larmor, the frequency of 0 ppm in MHz")
    if larmor is not None:
        return nucleus.field(float(larmor))
    nucleus.larmor_frequency(float(field))  # type: ignore[arg-type]  # refuses what is no field
    return float(field)  # type: ignore[arg-type]


def _column(values: ArrayLike, name: str, length: int | None = None) -> Array:
    try:
        column = np.ascontiguousarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers, one a site") from None
    if column.ndim == 0:
        column = np.full(1 if length is None else length, float(column))
    if column.ndim != 1 or len(column) == 0:
        raise ValueError(f"{name} must hold one number for each of one or more sites, got shape {column.shape}")
    if length is not None and len(column) != length:
        raise ValueError(f"{name} must have one value a site, {length}, got {len(column)}")
    bad = np.flatnonzero(~np.isfinite(column))
    if len(bad):
        raise ValueError(f"{name} must be finite, got {column[bad[0]]} at site {bad[0]} ({len(bad)} of {len(column)})")
    return column


def _quadrupolar_columns(
    nucleus: Isotope, C_Q: ArrayLike | None, abs_C_Q: ArrayLike | None, eta: ArrayLike | None, n: int
) -> tuple[Array | None, Array | None]:
    given = [name for name, value in (("C_Q", C_Q), ("abs_C_Q", abs_C_Q), ("eta", eta)) if value is not None]
    if nucleus.spin == 0.5:
        if given:
            raise ValueError(f"{nucleus} has spin 1/2 and no quadrupole moment, but {given[0]} was given")
        return None, None
    _central(nucleus)
    if C_Q is not None and abs_C_Q is not None:
        raise ValueError("give C_Q or abs_C_Q, not both")
    coupling = C_Q if C_Q is not None else abs_C_Q
    if coupling is None or eta is None:
        missing = " and ".join(name for name, v in (("C_Q (MHz)", coupling), ("eta", eta)) if v is None)
        raise ValueError(
            f"{nucleus} is quadrupolar: its spectrum needs delta_iso, C_Q and eta; {missing} was not given"
        )
    asymmetry = _column(eta, "eta", n)
    bad = np.flatnonzero((asymmetry < 0) | (asymmetry > 1))
    if len(bad):
        raise ValueError(f"eta must lie in [0, 1], got {asymmetry[bad[0]]} at site {bad[0]} ({len(bad)} of {n})")
    return _column(coupling, "C_Q" if C_Q is not None else "abs_C_Q", n), asymmetry


def _labels(labels: Sequence[str] | NDArray[Any] | None, n: int) -> tuple[list[str], NDArray[np.int32] | None]:
    if labels is None:
        return [""], None
    texts = np.asarray(labels).astype(str)
    if texts.shape != (n,):
        raise ValueError(f"labels must have one value a site, {n}, got shape {texts.shape}")
    names, component = np.unique(texts, return_inverse=True)
    if len(names) > _MOST_COMPONENTS:
        raise ValueError(f"labels must take at most {_MOST_COMPONENTS} values, got {len(names)}")
    return names.tolist(), component.astype(np.int32)


def _fwhm(fwhm_ppm: float | None, fwhm_hz: float | None, reference: float, shape: str) -> float:
    if shape not in ("gaussian", "lorentzian"):
        raise ValueError(f"shape must be 'gaussian' or 'lorentzian', got {shape!r}")
    if fwhm_ppm is not None and fwhm_hz is not None:
        raise ValueError("give fwhm_ppm or fwhm_hz, not both")
    name, value = ("fwhm_hz", fwhm_hz) if fwhm_hz is not None else ("fwhm_ppm", 1.0 if fwhm_ppm is None else fwhm_ppm)
    width = float(value)
    if not (math.isfinite(width) and width >= 0):
        raise ValueError(f"{name} must be finite and not negative, got {value}")
    return width / reference if fwhm_hz is not None else width


def _axis(
    axis: tuple[float, float, int] | Spectrum | None, delta: Array, coupling: Array | None, scale: float, width: float
) -> tuple[float, float, int]:
    if isinstance(axis, Spectrum):
        steps = np.diff(axis.ppm)
        if np.ptp(steps) > 1e-6 * abs(steps[0]):
            raise ValueError("the axis taken from a spectrum must be even")
        return float(axis.ppm[0]), float(axis.ppm[-1]), len(axis.ppm)
    if axis is not None:
        try:
            low, high, points = float(axis[0]), float(axis[1]), int(axis[2])
        except (TypeError, ValueError, IndexError):
            raise ValueError(f"axis must be (low, high, points) in ppm, got {axis!r}") from None
        low, high = min(low, high), max(low, high)
        if not (math.isfinite(low) and math.isfinite(high) and high > low):
            raise ValueError(f"axis must span a finite range of ppm, got {low} to {high}")
        if not 2 <= points <= _MOST_POINTS:
            raise ValueError(f"axis must have 2 to {_MOST_POINTS} points, got {points}")
        return low, high, points
    left = delta if coupling is None else delta - scale * coupling**2 * _HIGHEST_U
    low = float(np.quantile(left, 0.0005, method="lower"))
    high = float(np.quantile(delta, 0.9995, method="higher"))
    margin = max(4 * width, 0.08 * (high - low), 1e-3)
    low, high = low - margin, high + margin
    fine = width / 8 if width > 0 else (high - low) / 4096
    return low, high, int(np.clip((high - low) / fine, 1024, 1 << 16)) + 1


def _broadened(lines: Array, fwhm: float, shape: str) -> Array:
    """Each row convolved with the line shape of this width in steps; eq. (12.12), (12.13)."""
    n = lines.shape[1]
    reach = n - 1
    if shape == "gaussian":
        # the tents and the bins of the kernel have a variance of a quarter step together, which the Gaussian leaves out
        sigma = math.sqrt(max((fwhm / math.sqrt(8 * math.log(2))) ** 2 - 0.25, 0))
        if sigma < 1e-3:
            return lines
        reach = min(reach, math.ceil(9 * sigma) + 1)
        below = np.array([math.erf((k - 0.5) / (sigma * math.sqrt(2))) / 2 for k in range(reach + 2)])
    else:
        if fwhm <= 0:
            return lines
        below = np.arctan((np.arange(reach + 2) - 0.5) / (0.5 * fwhm)) / math.pi
    half = np.diff(below)
    kernel = np.concatenate([half[:0:-1], half])
    size = 1 << (n + len(kernel) - 2).bit_length()
    product = np.fft.rfft(lines, size, axis=1) * np.fft.rfft(kernel, size)
    # round-off of the transform is no intensity
    return np.asarray(np.maximum(np.fft.irfft(product, size, axis=1)[:, reach : reach + n], 0))
