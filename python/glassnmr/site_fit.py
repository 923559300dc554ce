# SPDX-License-Identifier: BSD-3-Clause
"""NMR parameters of a few sites refined against a measurement; THEORY.md section 15.5."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnmr.distributions import Czjzek, ExtendedCzjzek
from glassnmr.fitting import Estimate, Shared, SpectrumFit, baseline_columns, finish, measured_points, starts
from glassnmr.isotopes import isotope as find_isotope
from glassnmr.overlay import Overlay, working_axis
from glassnmr.refinement import Problem, approach, solve
from glassnmr.spectra import Spectrum, mas_spectrum

__all__ = ["fit_sites"]

Array = NDArray[np.float64]

_STEPS = {"C_Q": 1e-3, "abs_C_Q": 1e-3, "eta": 2e-3, "zeta": 1e-3, "eta_csa": 2e-3, "sigma_dmfit": 5e-3,
          "epsilon": 5e-3}
_LOWEST = {"C_Q": 1e-3, "abs_C_Q": 1e-3, "eta": 0.0, "eta_csa": 0.0, "sigma_dmfit": 1e-2, "epsilon": 2e-2}
_HIGHEST = {"eta": 1.0, "eta_csa": 1.0, "epsilon": 20.0}
_DISTRIBUTED = ({"delta_iso", "sigma_dmfit"}, {"delta_iso", "C_Q", "eta", "epsilon"})


def fit_sites(
    measured: Spectrum,
    isotope: str,
    sites: Mapping[str, Mapping[str, Any]] | Sequence[Mapping[str, Any]],
    *,
    field: float | None = None,
    larmor: float | None = None,
    hold: Sequence[str] = (),
    window: tuple[float, float] | None = None,
    width: Shared = "common",
    lorentzian: Shared = "none",
    baseline: int = -1,
    noise: float | None = None,
    max_shift: float | None = None,
    max_width: float | None = None,
    n_threads: int = 0,
    **settings: Any,
) -> SpectrumFit:
    """Refine delta_iso, C_Q, eta, ... of a few sites, their shares and their broadening against a measurement.

    Parameters
    ----------
    measured : the measurement
    isotope : such as "17O"
    sites : label -> start values, or a list of them: delta_iso (ppm), C_Q (MHz), eta and what else `mas_spectrum`
        takes one a site; `weight` is its first share. With sigma_dmfit (MHz) in place of C_Q and eta a site is a
        `Czjzek` distribution, with epsilon beside them an `ExtendedCzjzek` one; ``width="each"`` then fits the
        Gaussian distribution of its shift.
    field, larmor : tesla, or the frequency of 0 ppm in MHz; by default those of the measurement
    hold : names that keep their start value, such as "eta", or "eta BO" of one site
    settings : handed to `mas_spectrum` as they are, such as a spinning speed
    window, width, lorentzian, baseline, noise, max_shift, max_width : as in `fit_spectrum`; shifts are those of
        delta_iso from its start

    Returns
    -------
    SpectrumFit, its parameters named "delta_iso BO", "C_Q BO", ...

    Raises
    ------
    ValueError
        A start value out of range or unknown, no site, no field.
    NumericalError
        The least squares do not converge.

    Examples
    --------
    >>> start = {"BO": {"delta_iso": 52, "C_Q": 4.6, "eta": 0.3}}
    >>> truth = mas_spectrum("17O", field=14.1, delta_iso=[50], C_Q=[4.9], eta=[0.2], fwhm_ppm=2, axis=(-80, 80, 1024))
    >>> found = fit_sites(truth, "17O", start)
    >>> {name: round(found.parameters[f"{name} BO"].value, 1) for name in ("delta_iso", "C_Q", "eta")}
    {'delta_iso': 50.0, 'C_Q': 4.9, 'eta': 0.2}
    """
    nucleus = find_isotope(isotope)
    named = _named(sites)
    labels = tuple(named)
    if field is None and larmor is None:
        field = measured.field
    where: dict[str, Any] = {"field": field, "larmor": larmor, "n_threads": n_threads, **settings}
    rows = measured_points(measured, window)
    ppm, y = measured.ppm[rows], measured.intensity[rows]
    span = float(ppm[-1] - ppm[0])
    max_shift = span / 8 if max_shift is None else max_shift
    max_width = span / 8 if max_width is None else max_width
    axis = working_axis(ppm, span / 2048, max_shift + max_width)
    first = 2.5 * axis.step
    model = _Lines(nucleus.symbol, named, hold, {**where, "axis": axis.ends, "fwhm_ppm": first})
    delta = np.array([site["delta_iso"] for site in named.values()])
    shares = np.array([site.get("weight", 1.0) for site in named.values()])
    n = len(labels)
    each = {"each": np.arange(n), "common": np.zeros(n, np.int64), "none": np.full(n, -1)}
    if width not in each or lorentzian not in each:
        raise ValueError(f"width and lorentzian must be 'common', 'each' or 'none', got {width!r}, {lorentzian!r}")
    held = np.array(["delta_iso" in hold or f"delta_iso {label}" in hold for label in labels])
    shift = np.where(held, -1, np.cumsum(~held) - 1)
    size = float(np.max(np.abs(y)))
    problem = Problem(Overlay(ppm, axis, model.lines(model.start)), y / size, np.eye(n), shift, each[width],
                      each[lorentzian], baseline_columns(ppm, baseline), model.limits, model.lines, model.slopes,
                      max_shift, max_width)
    begun = [x for values in model.variants() for x in starts(problem, shares, values)]
    begun += approach(problem, ppm, begun, [span / 30, span / 80, span / 200])
    solution = solve(problem, begun)
    tesla = nucleus.field(larmor) if larmor is not None else field
    fit = finish(problem, solution, size, labels, dataclasses.replace(measured, isotope=nucleus.symbol, field=tesla),
                 rows, noise, None, model.names)
    return _with_shifts(fit, dict(zip(labels, delta.tolist(), strict=True)), first)


def _named(sites: Mapping[str, Mapping[str, Any]] | Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    found = dict(sites) if isinstance(sites, Mapping) else {str(k + 1): site for k, site in enumerate(sites)}
    if not found:
        raise ValueError("there must be at least one site to fit")
    checked = {}
    for label, site in found.items():
        values: dict[str, Any] = {name: value if name == "euler" else float(value) for name, value in site.items()}
        if "delta_iso" not in values:
            raise ValueError(f"site {label} needs delta_iso (ppm), got {', '.join(values) or 'nothing'}")
        bad = [name for name, value in values.items() if not np.all(np.isfinite(value))]
        if bad:
            raise ValueError(f"{bad[0]} of site {label} must be finite, got {values[bad[0]]}")
        if not values.get("weight", 1.0) > 0:
            raise ValueError(f"the weight of site {label} must be positive, got {values['weight']}")
        checked[label] = values
    return checked


class _Lines:
    """The line of every site as a function of what is refined."""

    def __init__(self, isotope: str, sites: dict[str, dict[str, Any]], hold: Sequence[str], settings: dict[str, Any]
                 ) -> None:
        known = set(inspect.signature(mas_spectrum).parameters) | {"weight", "sigma_dmfit", "epsilon"}
        for label, site in sites.items():
            foreign = [name for name in site if name not in known]
            if foreign:
                raise ValueError(f"site {label} has {foreign[0]!r}, which a spectrum does not take")
            names = set(site) - {"weight"}
            if {"sigma_dmfit", "epsilon"} & names and names not in _DISTRIBUTED:
                raise ValueError(f"site {label} is a distribution: it takes delta_iso with sigma_dmfit, or with C_Q, "
                                 f"eta and epsilon, got {', '.join(site)}")
        loose = [name for name in hold if name.split(" ")[0] not in {key for site in sites.values() for key in site}]
        if loose:
            raise ValueError(f"hold names {loose[0]!r}, which no site has")
        self._isotope, self._settings = isotope, settings
        self._sites = [{key: value for key, value in site.items() if key != "weight"} for site in sites.values()]
        self._free = [(c, key) for c, (label, site) in enumerate(zip(sites, self._sites, strict=True)) for key in site
                      if key in _STEPS and key not in hold and f"{key} {label}" not in hold]
        labels = list(sites)
        self.names = tuple(f"{key} {labels[c]}" for c, key in self._free)
        self.start = np.array([self._sites[c][key] for c, key in self._free])
        # a site without intensity has no hold on its parameters, which would else run away
        far = 10 * np.abs(self.start) + np.array([100.0 if key == "zeta" else 10.0 for _, key in self._free])
        low = np.array([_LOWEST.get(key, -limit) for (_, key), limit in zip(self._free, far, strict=True)])
        high = np.array([_HIGHEST.get(key, limit) for (_, key), limit in zip(self._free, far, strict=True)])
        outside = np.flatnonzero((self.start < low) | (self.start > high))
        if len(outside):
            k = outside[0]
            raise ValueError(f"{self.names[k]} must start between {low[k]:g} and {high[k]:g}, got {self.start[k]:g}")
        self.limits = (self.start, low, high)

    def variants(self) -> list[Array]:
        """The start values, and others that an asymmetry or a sign may have been taken for."""
        found = [self.start]
        for k, (_, key) in enumerate(self._free):
            others = {"eta": (0.15, 0.5, 0.85), "eta_csa": (0.15, 0.5, 0.85), "zeta": (-self.start[k],)}.get(key, ())
            for base in list(found) if key == "zeta" else [self.start]:
                for value in others:
                    if abs(value - self.start[k]) > 0.1:
                        found.append(np.where(np.arange(len(self.start)) == k, value, base))
        return found[:24]

    def _line(self, c: int, site: dict[str, Any]) -> Array:
        if "sigma_dmfit" in site:
            made = Czjzek(site["sigma_dmfit"], delta_iso=site["delta_iso"])
            return made.spectrum(self._isotope, **self._settings).intensity
        if "epsilon" in site:
            disturbed = ExtendedCzjzek(site["C_Q"], site["eta"], site["epsilon"], delta_iso=site["delta_iso"])
            return disturbed.spectrum(self._isotope, **self._settings).intensity
        columns: dict[str, Any] = {name: [value] for name, value in site.items()}
        return mas_spectrum(self._isotope, **columns, **self._settings).intensity

    def _at(self, values: Array) -> list[dict[str, Any]]:
        sites = [dict(site) for site in self._sites]
        for (c, key), value in zip(self._free, values, strict=True):
            sites[c][key] = float(value)
        return sites

    def lines(self, values: Array) -> Array:
        """(C, n) on the working axis."""
        return np.array([self._line(c, site) for c, site in enumerate(self._at(values))])

    def slopes(self, values: Array) -> list[tuple[int, Array]]:
        """The component and the derivative (n,) of its line for each parameter, by central differences."""
        found = []
        sites = self._at(values)
        for (c, key), value, low, high in zip(self._free, values, *self.limits[1:], strict=True):
            step = _STEPS[key] * (1.0 if key.startswith("eta") else max(abs(value), 0.1))
            ends = max(value - step, low), min(value + step, high)
            rows = [self._line(c, {**sites[c], key: float(end)}) for end in ends]
            found.append((c, (rows[1] - rows[0]) / (ends[1] - ends[0])))
        return found


def _with_shifts(fit: SpectrumFit, start: dict[str, float], first: float) -> SpectrumFit:
    """Shifts from the start become delta_iso, the broadening the whole one."""
    parameters = {}
    for name, estimate in fit.parameters.items():
        kind, _, label = name.partition(" ")
        if kind == "shift":
            label = label or next(iter(start))
            name, estimate = f"delta_iso {label}", Estimate(start[label] + estimate.value, estimate.error)
        elif kind == "fwhm":
            whole = math.hypot(first, estimate.value)
            estimate = Estimate(whole, estimate.error * max(estimate.value, 0.0) / whole if estimate.value > 0
                                else estimate.error)
        parameters[name] = estimate
    names = tuple(name.replace("shift", "delta_iso", 1) if name.startswith("shift") else name for name in fit.names)
    return dataclasses.replace(fit, parameters=MappingProxyType(parameters), names=names)
