# SPDX-License-Identifier: BSD-3-Clause
"""From sites to the spectrum that an experimenter lays over a measurement: THEORY.md section 12."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr.broadening import Shape, checked_shape
from glassnmr.engine import Engine, Method, Window
from glassnmr.isotopes import Isotope
from glassnmr.isotopes import isotope as find_isotope
from glassnmr.lines import SiteColumns, checked_width, even_axis, field_of, labelled, span_of
from glassnmr.transitions import Transitions, central_transition_scale, quadrupolar_shift, transition_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Spectrum", "central_transition_scale", "mas_spectrum", "quadrupolar_shift"]

Array = NDArray[np.float64]


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


def mas_spectrum(
    isotope: str | Isotope,
    *,
    delta_iso: ArrayLike,
    field: float | None = None,
    larmor: float | None = None,
    C_Q: ArrayLike | None = None,
    abs_C_Q: ArrayLike | None = None,
    eta: ArrayLike | None = None,
    zeta: ArrayLike | None = None,
    eta_csa: ArrayLike | None = None,
    euler: ArrayLike | None = None,
    zeta_kind: Literal["shielding", "shift"] = "shielding",
    spinning_speed: float | None = None,
    transitions: Transitions = "central",
    folding: bool = False,
    weights: ArrayLike | None = None,
    labels: Sequence[str] | NDArray[Any] | None = None,
    axis: tuple[float, float, int] | Spectrum | None = None,
    fwhm_ppm: float | None = None,
    fwhm_hz: float | None = None,
    shape: Shape = "gaussian",
    method: Method = "auto",
    density: int | None = None,
    n_threads: int = 0,
) -> Spectrum:
    """The one-dimensional spectrum of many sites, under magic-angle spinning at any speed or standing still.

    Sites are columns (n,), or numbers that hold for all of them; sites of several frames or models are given in one
    array, and their spectrum is the average.

    Parameters
    ----------
    isotope : such as ``"17O"``.
    delta_iso : isotropic shift, ppm.
    field, larmor : tesla, or the frequency of 0 ppm in MHz.
    C_Q, abs_C_Q : MHz; one of them, for quadrupolar nuclei. The sign matters together with `zeta` alone.
    eta : asymmetry of the field gradient, in [0, 1].
    zeta : Haeberlen's anisotropy in ppm, THEORY.md eq. (11.3), of the *shielding*, sigma_zz - sigma_iso, as predictions
        and `glassnmr.tensors.haeberlen` have it; with ``zeta_kind="shift"`` that of the shift, -nu_0 / nu_ref times it.
    eta_csa : its asymmetry, in [0, 1]; 0 if not given.
    euler : (n, 3) or (3,), radians: the principal axes of the shift in those of the field gradient, eq. (12.18), as
        `glassnmr.tensors.relative_euler_angles` gives them; parallel if not given.
    spinning_speed : Hz; None is infinite, 0 a sample that stands still.
    transitions : ``"central"``, ``"satellite"`` or ``"all"``; the last two also for integer spins.
    folding : what leaves the axis on one side comes back on the other, as in a measured spectral window.
    weights, labels : of each site; labels decompose the spectrum.
    axis : (low, high, points) in ppm, or a spectrum whose axis is taken; by default all but a thousandth of the lines,
        with margins.
    fwhm_ppm, fwhm_hz, shape : full width at half maximum of the broadening, 1 ppm by default, and its form.
    method : ``"table"``, fast; ``"powder"``, orientation by orientation, for everything; ``"auto"``, tables for the
        sites that they serve. ``metadata["method"]`` tells what was used.
    density : of the powder: the parts of an octant's edge; chosen by default.
    n_threads : 0 for the default.

    Returns
    -------
    Spectrum with integral 1, less what lies beyond the axis: ``metadata["outside"]``.

    Raises
    ------
    ValueError for values outside their range, in one sentence.

    Notes
    -----
    Second order in the coupling, first order in the shift anisotropy; no cross terms between them, no third order.
    Equations (12.1) to (12.24) of THEORY.md.

    Examples
    --------
    >>> line = mas_spectrum("17O", field=14.1, delta_iso=[50.0], C_Q=[4.9], eta=[0.2], fwhm_hz=100)
    >>> line.metadata["method"]
    'table'
    >>> round(line.centroid, 1)
    28.0
    """
    nucleus = find_isotope(isotope)
    tesla = field_of(nucleus, field, larmor)
    kinds = _transitions(nucleus, transitions)
    sites = SiteColumns.checked(nucleus, delta_iso=delta_iso, C_Q=C_Q, abs_C_Q=abs_C_Q, eta=eta, weights=weights,
                                zeta=zeta, eta_csa=eta_csa, euler=euler, central=transitions == "central")
    if zeta_kind not in ("shielding", "shift"):
        raise ValueError(f"zeta_kind must be 'shielding' or 'shift', got {zeta_kind!r}")
    if sites.zeta is not None and zeta_kind == "shielding":
        bare = nucleus.larmor_frequency(tesla) / nucleus.reference_frequency(tesla)
        sites = dataclasses.replace(sites, zeta=-bare * sites.zeta)
    names, component = labelled(labels, len(sites))
    reference = nucleus.reference_frequency(tesla)
    width = checked_width(fwhm_ppm, fwhm_hz, reference)
    checked_shape(shape)
    speed = _speed(spinning_speed, reference)
    engine = Engine(nucleus, tesla, speed, kinds, method, density, n_threads, len(sites))
    low, high, points = even_axis(axis) if axis is not None else span_of(*engine.extent(sites, trimmed=True), width)
    step = (high - low) / (points - 1)
    window = Window(low, step, points, width / step, shape, folding)

    total = sites.total
    lines, fractions, within = np.zeros((len(names), points)), np.zeros(len(names)), 0.0
    used: set[str] = set()
    for place in range(len(names)):
        some = sites if component is None else sites.at(np.flatnonzero(component == place))
        lines[place], inside = engine.laid(some, window, used)
        fractions[place] = some.total / total
        within += inside
    lines /= total * step
    return Spectrum(
        ppm=np.linspace(low, high, points),
        intensity=lines.sum(axis=0),
        isotope=nucleus.symbol,
        field=tesla,
        components={} if labels is None else dict(zip(names, lines, strict=True)),
        fractions={} if labels is None else dict(zip(names, map(float, fractions), strict=True)),
        metadata={
            "sites": len(sites),
            "fwhm_ppm": width,
            "shape": shape,
            "method": " + ".join(sorted(used, key=_METHODS.index)),
            "spinning_speed_hz": "infinite" if math.isinf(speed) else speed * reference,
            **({} if nucleus.spin == 0.5 else {"transitions": transitions}),
            **({"density": engine.density} if "powder" in used else {}),
            **({"folding": True} if folding else {}),
            "outside": max(0.0, float(1 - within / total)),
        },
    )


_METHODS = ("lines", "table", "powder")


def _transitions(nucleus: Isotope, transitions: str) -> Array | None:
    """The table of the core, or None for the central transition and for spin 1/2."""
    if transitions not in get_args(Transitions):
        raise ValueError(f"transitions must be 'central', 'satellite' or 'all', got {transitions!r}")
    if nucleus.spin == 0.5 and transitions == "satellite":
        raise ValueError(f"{nucleus} has spin 1/2 and no satellite transitions")
    if nucleus.spin == 0.5 or transitions == "central":
        return None
    return transition_table(nucleus.spin, transitions)  # type: ignore[arg-type]


def _speed(spinning_speed: float | None, reference: float) -> float:
    """The speed in ppm; infinite for None."""
    if spinning_speed is None:
        return math.inf
    try:
        speed = float(spinning_speed)
    except (TypeError, ValueError):
        raise ValueError(f"spinning_speed must be a frequency in Hz, got {spinning_speed!r}") from None
    if not speed >= 0:
        raise ValueError(f"spinning_speed must not be negative, in Hz, got {spinning_speed}")
    return speed / reference
