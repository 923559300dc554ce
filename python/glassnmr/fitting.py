# SPDX-License-Identifier: BSD-3-Clause
"""A model spectrum fitted to a measurement, and models scored against it: THEORY.md section 15."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glassnmr.overlay import Overlay, resampled, working_axis
from glassnmr.refinement import Problem, Solution, noise_level, solve
from glassnmr.spectra import Spectrum

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Estimate", "SpectrumFit", "finish", "fit_spectrum", "measured_points", "rank_models", "starts"]

Array = NDArray[np.float64]
Shared = Literal["common", "each", "none"]


class Estimate(NamedTuple):
    """A fitted value and its standard error."""

    value: float
    error: float


@dataclass(frozen=True, eq=False)
class SpectrumFit:
    """What a fit found, over the P points of its window.

    ppm, observed, calculated, baseline (P,); components: label -> (P,), which with the baseline add up to calculated;
    parameters: name -> value and standard error (shift, fwhm and lorentzian in ppm, scale in units of the measurement);
    populations: label -> share and error; at_bounds: parameters that ended at their limit; noise: standard deviation;
    correlation (K, K) of the parameters in `names`; isotope, field: as the spectra have them.
    """

    ppm: Array
    observed: Array
    calculated: Array
    baseline: Array
    components: Mapping[str, Array]
    parameters: Mapping[str, Estimate]
    populations: Mapping[str, Estimate]
    at_bounds: tuple[str, ...]
    noise: float
    names: tuple[str, ...]
    correlation: Array
    isotope: str = ""
    field: float | None = None
    measured: Spectrum | None = None

    @property
    def residual(self) -> Array:
        """Observed less calculated, (P,)."""
        return self.observed - self.calculated

    @property
    def normalised_residual(self) -> float:
        """|observed - calculated| / |observed|: 0 for a perfect model, 1 for none."""
        return float(np.linalg.norm(self.residual) / np.linalg.norm(self.observed))

    @property
    def chi2(self) -> float:
        """Reduced chi squared, eq. (15.9): 1 where the misfit is the noise; inf without noise."""
        free = max(len(self.ppm) - len(self.names), 1)
        square = float(self.residual @ self.residual)
        return square / (self.noise**2 * free) if self.noise > 0 else math.inf if square > 0 else 0.0

    def spectrum(self) -> Spectrum:
        """The calculated spectrum with its components, on the points of the fit."""
        fractions = {label: share.value for label, share in self.populations.items()}
        notes = {name: estimate.value for name, estimate in self.parameters.items()}
        notes |= {f"error of {name}": estimate.error for name, estimate in self.parameters.items()}
        notes |= {"chi2": self.chi2, "normalised_residual": self.normalised_residual, "noise": self.noise}
        return Spectrum(self.ppm, self.calculated, self.isotope, self.field, self.components, fractions, notes)

    def plot(self, title: str | None = None) -> Figure:
        """Measurement, model, components and residual as a figure; see `glassnmr.fit_plots.plot_fit`."""
        from glassnmr.fit_plots import plot_fit

        return plot_fit(self, title=title)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write by suffix: .csv with all columns and parameters, .json with the parameters, or a picture."""
        from glassnmr.fit_io import write_fit

        write_fit(path, self)


def fit_spectrum(
    measured: Spectrum,
    model: Spectrum,
    *,
    window: tuple[float, float] | None = None,
    shift: Shared = "common",
    width: Shared = "common",
    lorentzian: Shared = "none",
    populations: bool = True,
    baseline: int = -1,
    noise: float | None = None,
    max_shift: float | None = None,
    max_width: float | None = None,
) -> SpectrumFit:
    """Lay a model over a measurement: referencing, scale, broadening and populations, with standard errors.

    Parameters
    ----------
    measured : on any axis, even or not, rising or falling
    model : with `components` to fit their populations; its own broadening is the least that is possible
    window : (low, high) in ppm of what is fitted; by default all of the measurement
    shift : of the model's axis, ppm: one for all components, one for each, or none
    width : Gaussian full width, ppm, by which the model is broadened further: common, each or none
    lorentzian : Lorentzian full width, ppm, in the same way
    populations : fit the share of every component, or keep the model's
    baseline : degree of a polynomial below the spectrum, -1 for none, at most 3
    noise : standard deviation of the measurement; by default from its quiet part, eq. (15.5)
    max_shift, max_width : limits in ppm; by default an eighth and a quarter of the window

    Returns
    -------
    SpectrumFit

    Raises
    ------
    ValueError
        A window without points, a model without intensity there, or an argument out of range.
    NumericalError
        The least squares do not converge.

    Examples
    --------
    >>> from glassnmr import mas_spectrum
    >>> sites = {"delta_iso": [-92.0, -108.0], "labels": ["Q3", "Q4"], "axis": (-150, -50, 1001)}
    >>> truth = mas_spectrum("29Si", field=9.4, weights=[1.0, 3.0], fwhm_ppm=8.0, **sites)
    >>> model = mas_spectrum("29Si", field=9.4, fwhm_ppm=2.0, **sites)
    >>> found = fit_spectrum(truth, model)
    >>> round(found.populations["Q4"].value, 3), abs(found.parameters["shift"].value) < 1e-3
    (0.75, True)
    """
    rows = measured_points(measured, window)
    ppm, y = measured.ppm[rows], measured.intensity[rows]
    span = float(ppm[-1] - ppm[0])
    max_shift = _limit(max_shift, span / 8, "max_shift")
    max_width = _limit(max_width, span / 4, "max_width")
    labels, lines = _unit_lines(model)
    step = float(model.ppm[-1] - model.ppm[0]) / (len(model.ppm) - 1)
    axis = working_axis(ppm, step, max_shift + max_width)
    lines = resampled(axis, model.ppm, lines)
    if not np.any(lines > 0):
        raise ValueError(f"the model, {model.ppm[0]:.6g} to {model.ppm[-1]:.6g} ppm, has no intensity near the "
                         f"measurement, {ppm[0]:.6g} to {ppm[-1]:.6g} ppm")
    shares = np.array([max(model.fractions.get(label, 1.0), 0.0) for label in labels])
    amplitudes = np.eye(len(labels)) if populations else (shares / shares.sum())[:, None]
    of_shift, of_width, of_lorentzian = (_groups(kind, len(labels), name) for name, kind in (
        ("shift", shift), ("width", width), ("lorentzian", lorentzian)))
    size = float(np.max(np.abs(y)))
    problem = Problem(Overlay(ppm, axis, lines), y / size, amplitudes, of_shift, of_width, of_lorentzian,
                      baseline_columns(ppm, baseline), max_shift=max_shift, max_width=max_width)
    solution = solve(problem, starts(problem, shares))
    return finish(problem, solution, size, labels, measured, rows, noise, model)


def rank_models(measured: Spectrum, models: Mapping[str, Spectrum], *, by: Literal["chi2", "residual"] = "chi2",
                progress: Callable[[int, int], None] | None = None, **options: object) -> dict[str, SpectrumFit]:
    """Fit many models to one measurement in the same way; the best comes first.

    `options` are those of `fit_spectrum`; the noise is the same for all. `progress` is called with (done, total).
    Raises ValueError without models, and for an error in one of them, by name.
    """
    if not models:
        raise ValueError("there is no model to compare with the measurement")
    if by not in ("chi2", "residual"):
        raise ValueError(f"by must be 'chi2' or 'residual', got {by!r}")
    found = {}
    for number, (name, model) in enumerate(models.items()):
        try:
            found[name] = fit_spectrum(measured, model, **options)  # type: ignore[arg-type]
        except ValueError as error:
            raise ValueError(f"{name}: {error}" if len(models) > 1 else str(error)) from None
        if progress is not None:
            progress(number + 1, len(models))
    return dict(sorted(found.items(), key=lambda item: item[1].chi2 if by == "chi2" else item[1].normalised_residual))


def measured_points(measured: Spectrum, window: tuple[float, float] | None) -> slice:
    """The rows of a measurement inside a window; ValueError where they do not suffice or hold no signal."""
    rows = slice(0, len(measured.ppm))
    if window is not None:
        try:
            low, high = sorted(float(end) for end in window)
        except (TypeError, ValueError):
            raise ValueError(f"window must be (low, high) in ppm, got {window!r}") from None
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"window must be a finite range of ppm, got {low} to {high}")
        rows = slice(int(np.searchsorted(measured.ppm, low)), int(np.searchsorted(measured.ppm, high, side="right")))
    count = rows.stop - rows.start
    if count < 16:
        raise ValueError(f"a fit takes 16 measured points or more, got {count}; the measurement covers "
                         f"{measured.ppm[0]:.6g} to {measured.ppm[-1]:.6g} ppm")
    if not np.any(measured.intensity[rows] != 0):
        raise ValueError("the measurement is zero where it is fitted")
    return rows


def baseline_columns(ppm: Array, degree: int) -> Array:
    """(degree + 1, P) Legendre polynomials over the points."""
    if isinstance(degree, bool) or int(degree) != degree or not -1 <= degree <= 3:
        raise ValueError(f"baseline must be a degree of -1 (none) to 3, got {degree!r}")
    t = 2 * (ppm - ppm[0]) / (ppm[-1] - ppm[0]) - 1
    return np.polynomial.legendre.legvander(t, int(degree)).T if degree >= 0 else np.zeros((0, len(ppm)))


def _limit(value: float | None, default: float, name: str) -> float:
    limit = default if value is None else float(value)
    if not (math.isfinite(limit) and limit > 0):
        raise ValueError(f"{name} must be a positive number of ppm, got {value}")
    return limit


def _groups(kind: str, n: int, name: str) -> NDArray[np.int64]:
    if kind not in ("common", "each", "none"):
        raise ValueError(f"{name} must be 'common', 'each' or 'none', got {kind!r}")
    return {"common": np.zeros(n, dtype=np.int64), "each": np.arange(n), "none": np.full(n, -1)}[kind]


def _unit_lines(model: Spectrum) -> tuple[tuple[str, ...], Array]:
    """Labels, and the line of each component for a share of one; those without intensity are left out."""
    if not model.components:
        area = model.integral
        if not area > 0:
            raise ValueError("the model has no intensity")
        return ("model",), model.intensity[None] / area
    labels, lines = [], []
    widths = np.gradient(model.ppm)
    for label, values in model.components.items():
        share = model.fractions.get(label, float(values @ widths))
        if share > 0 and np.any(values > 0):
            labels.append(label)
            lines.append(values / share)
    if not lines:
        raise ValueError("the components of the model have no intensity")
    return tuple(labels), np.array(lines)


def starts(problem: Problem, shares: Array, tensors: Array | None = None) -> list[Array]:
    """Starting points: for several widths the shift at which the whole model resembles the measurement most.

    `tensors` (T,) are other start values than the problem's of what the lines depend on.
    """
    x = np.zeros(problem.n_parameters)
    x[problem.slices[0]] = shares[: problem.amplitudes.shape[1]] if problem.amplitudes.shape[1] > 1 else 1.0
    x[problem.slices[5]] = problem.tensors[0] if tensors is None else tensors
    found = []
    for width in (0.0, 0.02, 0.05, 0.1, 0.2, 0.4) if problem.slices[2].stop > problem.slices[2].start else (0.0,):
        start = x.copy()
        start[problem.slices[2]] = (width * problem.max_width) ** 2
        if problem.slices[3].stop > problem.slices[3].start:
            start[problem.slices[3]] = 0.5 * width * problem.max_width
        found.append(start)
        if problem.slices[1].stop > problem.slices[1].start:
            best = start.copy()
            best[problem.slices[1]] = _best_shift(problem, start, shares)
            found.append(best)
    return found


def _best_shift(problem: Problem, start: Array, shares: Array) -> float:
    """The common shift of the highest correlation, on points of an even grid."""
    overlay, axis = problem.overlay, problem.overlay.axis
    problem.update(start)
    weight = shares if len(shares) == len(problem.shift) else np.ones(len(problem.shift))
    factors = overlay.filter(*problem.shape(start))
    lines = np.fft.irfft(overlay._transform * factors, overlay._size, axis=1)[:, : axis.size]
    model = weight @ lines
    ppm = axis.first + axis.step * (overlay._left + overlay._fraction)
    measured = np.interp(axis.ppm, ppm, problem.y, left=0, right=0)
    size = 2 * axis.size
    match = np.fft.irfft(np.fft.rfft(measured, size) * np.conj(np.fft.rfft(model, size)), size)
    lag = np.fft.fftfreq(size, 1 / size) * axis.step
    match[np.abs(lag) > problem.max_shift] = -np.inf
    return float(lag[int(np.argmax(match))])


def finish(problem: Problem, solution: Solution, size: float, labels: tuple[str, ...], measured: Spectrum,
           rows: slice, noise: float | None, model: Spectrum | None, tensor_names: tuple[str, ...] = ()
           ) -> SpectrumFit:
    """A solution in the units of the measurement, with names and propagated errors."""
    if noise is not None and not (math.isfinite(noise) and noise >= 0):
        raise ValueError(f"noise must be finite and not negative, got {noise}")
    x, cov = solution.x, solution.covariance
    a, s, v, w, b, t = problem.slices
    shares = problem.amplitudes @ x[a]
    total = float(shares.sum())
    if not total > 0 or np.linalg.norm(solution.residual) > 0.995 * np.linalg.norm(problem.y):
        raise ValueError("nothing of the model is found in the measurement; are its sign and its axis right?")
    estimates = {"scale": Estimate(size * total, size * _error(problem.amplitudes.sum(axis=0), cov[a, a]))}
    names = [f"amplitude {label}" for label in labels] if problem.amplitudes.shape[1] > 1 else ["scale"]
    for kind, part, which in (("shift", s, problem.shift), ("fwhm", v, problem.width),
                              ("lorentzian", w, problem.lorentzian)):
        several = part.stop - part.start > 1
        for place in range(part.start, part.stop):
            label = labels[int(np.flatnonzero(which == place - part.start)[0])]
            name = f"{kind} {label}" if several else kind
            value, error = float(x[place]), math.sqrt(max(cov[place, place], 0))
            if kind == "fwhm":  # the parameter is its square
                value = math.sqrt(max(value, 0))
                error = min(error / (2 * value) if value > 0 else math.inf, math.sqrt(error))
            estimates[name] = Estimate(value, error)
            names.append(name)
    for place in range(b.start, b.stop):
        names.append(f"baseline {place - b.start}")
        estimates[names[-1]] = Estimate(size * float(x[place]), size * math.sqrt(max(cov[place, place], 0)))
    for name, place in zip(tensor_names, range(t.start, t.stop), strict=True):
        names.append(name)
        estimates[name] = Estimate(float(x[place]), math.sqrt(max(cov[place, place], 0)))
    parts, base = problem.parts(x)
    deviation = np.sqrt(np.maximum(np.diag(cov), 0))
    safe = np.where(deviation > 0, deviation, 1)
    ppm = measured.ppm[rows]
    source = model if model is not None and model.isotope else measured
    return SpectrumFit(
        ppm=ppm, observed=measured.intensity[rows], calculated=size * (parts.sum(axis=0) + base), baseline=size * base,
        components=MappingProxyType({label: size * part for label, part in zip(labels, parts, strict=True)}),
        parameters=MappingProxyType(estimates),
        populations=MappingProxyType(_populations(problem, x[a], cov[a, a], labels)),
        at_bounds=tuple(np.array(names)[solution.at_bounds].tolist()),
        noise=noise_level(measured.intensity) if noise is None else float(noise), names=tuple(names),
        correlation=cov / np.outer(safe, safe), isotope=source.isotope, field=source.field, measured=measured)


def _populations(problem: Problem, a: Array, cov: Array, labels: tuple[str, ...]) -> dict[str, Estimate]:
    """Shares of the components, and their errors by propagation."""
    amounts = problem.amplitudes @ a
    total = amounts.sum()
    shares = amounts / total
    slope = (problem.amplitudes - np.outer(shares, problem.amplitudes.sum(axis=0))) / total
    return {label: Estimate(float(share), _error(row, cov))
            for label, share, row in zip(labels, shares, slope, strict=True)}


def _error(row: Array, cov: Array) -> float:
    return math.sqrt(max(float(row @ cov @ row), 0.0))
