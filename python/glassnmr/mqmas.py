# SPDX-License-Identifier: BSD-3-Clause
"""Sheared two-dimensional multiple-quantum spectra (3QMAS, 5QMAS ...): THEORY.md section 12.8."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.broadening import Shape, broadened, checked_shape, kernel
from glassnmr.isotopes import Isotope
from glassnmr.isotopes import isotope as find_isotope
from glassnmr.lines import SiteColumns, checked_width, even_axis, field_of, labelled, span_of
from glassnmr.spectra import Spectrum
from glassnmr.transitions import MQScale, ScaleName, central_nucleus, mq_scale, quadrupolar_shift, second_order_scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Spectrum2D", "mqmas_spectrum"]

Array = NDArray[np.float64]
Efficiency = Callable[[Array], ArrayLike] | tuple[ArrayLike, ArrayLike]

_MOST_VALUES = 1 << 25


@dataclasses.dataclass(frozen=True, eq=False)
class Spectrum2D:
    """A sheared multiple-quantum spectrum on even ppm axes.

    f1 (n1,), f2 (n2,): rising, the isotropic and the direct dimension; intensity (n1, n2): per ppm^2, with integral 1
    where all sites lie on the axes; isotope, field (tesla); components: label -> (n1, n2), which add up to the
    intensity; fractions: label -> share of the weight; scale: s and q of F1 = s delta_iso + q delta_QIS; metadata.
    """

    f1: Array
    f2: Array
    intensity: Array
    isotope: str
    field: float
    scale: MQScale
    components: Mapping[str, Array] = dataclasses.field(default_factory=dict)
    fractions: Mapping[str, float] = dataclasses.field(default_factory=dict)
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        f1, f2 = np.asarray(self.f1, dtype=float), np.asarray(self.f2, dtype=float)
        data = np.asarray(self.intensity, dtype=float)
        if f1.ndim != 1 or f2.ndim != 1 or data.shape != (len(f1), len(f2)) or min(len(f1), len(f2)) < 2:
            raise ValueError(f"intensity must be of shape (f1, f2), ({f1.size}, {f2.size}), got {data.shape}")
        if not (np.all(np.isfinite(f1)) and np.all(np.isfinite(f2)) and np.all(np.isfinite(data))):
            raise ValueError("a spectrum must hold finite numbers, got nan or inf")
        if not (np.all(np.diff(f1) > 0) and np.all(np.diff(f2) > 0)):
            raise ValueError("f1 and f2 must rise all the way")
        for label, values in self.components.items():
            if np.shape(values) != data.shape:
                raise ValueError(f"component {label!r} must have shape {data.shape}, got {np.shape(values)}")
        object.__setattr__(self, "f1", f1)
        object.__setattr__(self, "f2", f2)
        object.__setattr__(self, "intensity", data)
        for name in ("components", "fractions", "metadata"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def larmor(self) -> float:
        """Frequency of 0 ppm in MHz."""
        return find_isotope(self.isotope).reference_frequency(self.field)

    @property
    def integral(self) -> float:
        """Volume over the axes."""
        return float(np.gradient(self.f1) @ self.intensity @ np.gradient(self.f2))

    def projection(self, dimension: Literal["F1", "F2"]) -> Spectrum:
        """The sum along the other dimension, with its components, on the axis of this one."""
        if dimension not in ("F1", "F2"):
            raise ValueError(f"dimension must be 'F1' or 'F2', got {dimension!r}")
        axis, other, along = (self.f1, self.f2, 1) if dimension == "F1" else (self.f2, self.f1, 0)
        step = other[1] - other[0]
        return Spectrum(axis, self.intensity.sum(axis=along) * step, self.isotope, self.field,
                        {label: values.sum(axis=along) * step for label, values in self.components.items()},
                        dict(self.fractions), {**self.metadata, "projection": dimension})

    def row(self, f1: float) -> Spectrum:
        """The cross section along F2 at the point of F1 next to `f1` ppm."""
        place = int(np.argmin(np.abs(self.f1 - float(f1))))
        return Spectrum(self.f2, self.intensity[place], self.isotope, self.field,
                        {label: values[place] for label, values in self.components.items()}, {},
                        {**self.metadata, "f1_ppm": float(self.f1[place])})

    def parameters(self, f1: ArrayLike, f2: ArrayLike) -> tuple[Array, Array]:
        """delta_iso (ppm) and P_Q (MHz) of sites with these F1 and centres of gravity along F2: eq. (12.28)."""
        one, two = np.asarray(f1, dtype=float), np.asarray(f2, dtype=float)
        delta = (one - self.scale.q * two) / (self.scale.s - self.scale.q)
        induced = np.maximum(delta - two, 0)
        return np.asarray(delta), np.sqrt(30 * induced / second_order_scale(self.isotope, self.field))

    def cs_line(self, f2: ArrayLike) -> Array:
        """F1 of sites without a coupling at these f2: where the distribution of shifts runs along."""
        return np.asarray(self.scale.s * np.asarray(f2, dtype=float))

    def qis_line(self, f2: ArrayLike, delta_iso: float) -> Array:
        """F1 of sites of this shift whose coupling moves them to these f2."""
        return np.asarray(self.scale.s * delta_iso + self.scale.q * (np.asarray(f2, dtype=float) - delta_iso))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write by suffix: .csdf, .csv, or a picture as .png, .svg, .pdf."""
        from glassnmr.mqmas_io import write_spectrum_2d

        write_spectrum_2d(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Spectrum2D:
        """Read what `save` wrote as .csdf."""
        from glassnmr.mqmas_io import read_spectrum_2d

        return read_spectrum_2d(path)

    def plot(self, **options: Any) -> Figure:
        """Contours with projections and the CS and QIS lines; see `glassnmr.mqmas_plots.plot_spectrum_2d`."""
        from glassnmr.mqmas_plots import plot_spectrum_2d

        return plot_spectrum_2d(self, **options)


def mqmas_spectrum(
    isotope: str | Isotope,
    *,
    delta_iso: ArrayLike,
    C_Q: ArrayLike | None = None,
    abs_C_Q: ArrayLike | None = None,
    eta: ArrayLike | None = None,
    field: float | None = None,
    larmor: float | None = None,
    order: int = 3,
    scale: ScaleName = "delta",
    efficiency: Efficiency | None = None,
    weights: ArrayLike | None = None,
    labels: Sequence[str] | NDArray[Any] | None = None,
    axis_f1: tuple[float, float, int] | NDArray[np.float64] | None = None,
    axis_f2: tuple[float, float, int] | NDArray[np.float64] | None = None,
    fwhm_ppm: float | tuple[float, float] | None = None,
    fwhm_hz: float | tuple[float, float] | None = None,
    shape: Shape = "gaussian",
    n_threads: int = 0,
) -> Spectrum2D:
    """The sheared multiple-quantum spectrum of many sites under fast magic-angle spinning.

    Parameters
    ----------
    isotope : with spin 3/2, 5/2, 7/2 or 9/2.
    delta_iso, C_Q or abs_C_Q, eta, weights, labels, field or larmor : as in `glassnmr.mas_spectrum`.
    order : coherence in the isotropic dimension: 3, up to 2 I (5 for I = 5/2).
    scale : of F1, as `glassnmr.transitions.mq_scale` has them: ``"delta"`` (F1 = delta_iso - 10/17 delta_QIS for every
        spin) or ``"amoureux"``.
    efficiency : the relative intensity with which a site of a quadrupolar product P_Q (MHz) is excited and converted: a
        function of an array, or (P_Q, efficiency) as two columns between which it is linear; see
        `glassnmr.excitation.mq_efficiency`. Without it all sites have their weight.
    axis_f1, axis_f2 : (low, high, points) in ppm, or even axes; by default over all but a thousandth of the sites.
    fwhm_ppm, fwhm_hz : broadening, one number or (F1, F2); 1 ppm by default.

    Returns
    -------
    Spectrum2D with integral 1, less what lies beyond the axes: ``metadata["outside"]``.

    Raises
    ------
    ValueError for values outside their range, in one sentence.

    Notes
    -----
    THEORY.md eq. (12.27): F2 is the line of the central transition, F1 = s delta_iso + q delta_QIS.

    Examples
    --------
    >>> ridge = mqmas_spectrum("17O", field=14.1, delta_iso=[50.0], C_Q=[4.9], eta=[0.2], fwhm_ppm=1)
    >>> round(ridge.projection("F1").centroid, 1)
    63.0
    """
    nucleus = central_nucleus(isotope)
    tesla = field_of(nucleus, field, larmor)
    sites = SiteColumns.checked(nucleus, delta_iso=delta_iso, C_Q=C_Q, abs_C_Q=abs_C_Q, eta=eta, weights=weights)
    names, component = labelled(labels, len(sites))
    chosen = mq_scale(nucleus, order, scale)
    checked_shape(shape)
    widths = _widths(fwhm_ppm, fwhm_hz, nucleus.reference_frequency(tesla))
    assert sites.coupling is not None and sites.eta is not None
    induced = quadrupolar_shift(nucleus, tesla, sites.coupling, sites.eta)
    isotropic = chosen.s * sites.delta + chosen.q * induced
    weight = _excited(efficiency, np.abs(sites.coupling) * np.sqrt(1 + sites.eta**2 / 3), sites.weight)

    unit = second_order_scale(nucleus, tesla)
    axes = (
        even_axis(axis_f1, "axis_f1") if axis_f1 is not None else _fewer(span_of(isotropic, isotropic, widths[0]), 512),
        even_axis(axis_f2, "axis_f2") if axis_f2 is not None else
        _fewer(span_of(sites.delta - unit * sites.coupling**2 * 7 / 72, sites.delta, widths[1]), 2048))
    steps = [(high - low) / (points - 1) for low, high, points in axes]
    margins = [min(math.ceil((5 if shape == "gaussian" else 50) * width / step), 2 * points)
               for width, step, (_, _, points) in zip(widths, steps, axes, strict=True)]
    grids = [(low - margin * step, step, points + 2 * margin)
             for step, margin, (low, _, points) in zip(steps, margins, axes, strict=True)]
    if len(names) * grids[0][2] * grids[1][2] > _MOST_VALUES:
        raise ValueError(f"the axes have {grids[0][2]} x {grids[1][2]} points with their margins for {len(names)} "
                         f"components, more than {_MOST_VALUES} together: choose fewer with axis_f1 and axis_f2")
    raw, lost = _core.Lines(sites.delta, coupling=sites.coupling, eta=sites.eta, weight=weight, component=component,
                            n_components=len(names), scale=unit).sheared(
        isotropic, axis1=grids[0], axis2=grids[1], n_threads=n_threads)
    total = float(np.sum(weight))
    inside = (slice(margins[0], margins[0] + axes[0][2]), slice(margins[1], margins[1] + axes[1][2]))
    within = raw[:, inside[0], inside[1]].sum()
    fractions = (raw.sum(axis=(1, 2)) + lost) / total
    planes = np.stack([_broadened(plane, widths, steps, shape)[inside] for plane in raw])
    planes /= total * steps[0] * steps[1]
    return Spectrum2D(
        f1=np.linspace(*axes[0]), f2=np.linspace(*axes[1]), intensity=planes.sum(axis=0), isotope=nucleus.symbol,
        field=tesla, scale=chosen,
        components={} if labels is None else dict(zip(names, planes, strict=True)),
        fractions={} if labels is None else dict(zip(names, map(float, fractions), strict=True)),
        metadata={"sites": len(sites), "order": order, "scale": scale, "fwhm_f1_ppm": widths[0],
                  "fwhm_f2_ppm": widths[1], "shape": shape, "method": "table",
                  "efficiency": "curve" if efficiency is not None else "uniform",
                  "outside": max(0.0, float(1 - within / total))})


def _fewer(axis: tuple[float, float, int], most: int) -> tuple[float, float, int]:
    return axis[0], axis[1], min(axis[2], most)


def _widths(fwhm_ppm: Any, fwhm_hz: Any, reference: float) -> tuple[float, float]:
    """(F1, F2) in ppm."""
    pairs = []
    for name, given in (("fwhm_ppm", fwhm_ppm), ("fwhm_hz", fwhm_hz)):
        try:
            values = np.broadcast_to(np.asarray(given, dtype=float), (2,)) if given is not None else (None, None)
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be one number, or two for F1 and F2, got {given!r}") from None
        pairs.append(values)
    first, second = (checked_width(ppm, hz, reference) for ppm, hz in zip(*pairs, strict=True))
    return first, second


def _excited(efficiency: Efficiency | None, product: Array, weight: Array | None) -> Array:
    weight = np.ones(len(product)) if weight is None else weight
    if efficiency is None:
        return weight
    if callable(efficiency):
        factor = np.asarray(efficiency(product), dtype=float)
    else:
        try:
            at, curve = (np.asarray(column, dtype=float) for column in efficiency)
        except (TypeError, ValueError):
            raise ValueError("efficiency must be a function of P_Q or two columns, P_Q in MHz and efficiency") from None
        if at.ndim != 1 or at.shape != curve.shape or len(at) < 2 or not np.all(np.diff(at) > 0):
            raise ValueError("efficiency must be two columns of one length, P_Q rising, "
                             f"got {at.shape} and {curve.shape}")
        factor = np.interp(product, at, curve)
    if factor.shape != product.shape:
        raise ValueError(f"efficiency must give one number a site, {len(product)}, got shape {factor.shape}")
    if not np.all(np.isfinite(factor)) or np.any(factor < 0):
        raise ValueError("efficiency must be finite and not negative for all sites")
    if not np.sum(weight * factor) > 0:
        raise ValueError("efficiency leaves no site with intensity")
    return np.asarray(weight * factor)


def _broadened(plane: Array, widths: tuple[float, float], steps: list[float], shape: str) -> Array:
    for along in (1, 0):
        line = kernel(widths[along] / steps[along], shape, plane.shape[along] - 1)
        reach = (len(line) - 1) // 2
        turned = plane if along else plane.T
        turned = broadened(turned, line)[:, reach : reach + turned.shape[1]]
        plane = turned if along else turned.T
    return np.asarray(np.maximum(plane, 0))
