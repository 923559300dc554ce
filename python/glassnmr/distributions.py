# SPDX-License-Identifier: BSD-3-Clause
"""Distributions of NMR parameters in glasses: Czjzek, extended Czjzek, correlated shifts; THEORY.md 13.2 to 13.5.

Two widths of the Czjzek distribution are in use: that of dmfit, ssNake and the original papers, here `sigma_dmfit`, is
twice mrsimulator's.
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr.isotopes import Isotope
from glassnmr.spectra import Spectrum, mas_spectrum
from glassnmr.tensors import efg_principal_values

__all__ = ["Czjzek", "DistributionFit", "ExtendedCzjzek", "Sites", "fit_czjzek", "fit_extended_czjzek"]

Array = NDArray[np.float64]
_SAMPLE = 1 << 13  # quasi-random sites behind a spectrum
_MEAN_ABS_C_Q = 5 / math.sqrt(2 * math.pi)  # of a Czjzek distribution of unit width, eq. (13.6)


class Sites(NamedTuple):
    """delta_iso (n,) in ppm, C_Q (n,) in MHz with its sign, eta (n,)."""

    delta_iso: Array
    C_Q: Array
    eta: Array


@dataclass(frozen=True)
class _Distribution(ABC):
    """What both distributions share: shifts that follow abs C_Q, samples, spectra."""

    delta_iso: float = dataclasses.field(default=0.0, kw_only=True)
    sigma_delta: float = dataclasses.field(default=0.0, kw_only=True)
    slope: float = dataclasses.field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value):
                raise ValueError(f"{field.name} must be finite, got {value}")
            if field.name.startswith("sigma_") and value < 0:
                raise ValueError(f"{field.name} must not be negative, got {value}")

    @abstractmethod
    def _tensors(self, normal: Array) -> Array:
        """(n, 3, 3) in MHz, so that the largest principal value is C_Q, of standard normal numbers (n, 5)."""

    @abstractmethod
    def density(self, abs_C_Q: ArrayLike, eta: ArrayLike) -> Array:
        """Probability density per MHz and unit of eta, over abs C_Q > 0 and eta in [0, 1]; shapes broadcast."""

    @property
    @abstractmethod
    def mean_abs_C_Q(self) -> float:
        """Mean of abs C_Q, MHz."""

    def sample(self, n: int, seed: int | np.random.Generator = 0) -> Sites:
        """`n` sites drawn at random.

        Examples
        --------
        >>> sites = Czjzek(2.0, delta_iso=50.0).sample(1000)
        >>> sites.C_Q.shape, bool(np.all(sites.eta <= 1))
        ((1000,), True)
        """
        if int(n) != n or n < 1:
            raise ValueError(f"n must be a whole number of at least 1, got {n}")
        return self._sites(np.random.default_rng(seed).normal(size=(int(n), 6)))

    def _sites(self, normal: Array) -> Sites:
        tensors = self._tensors(normal[:, :5])
        low, high, C_Q = efg_principal_values(tensors).T
        shift = self.delta_iso + self.sigma_delta * normal[:, 5]
        if self.slope != 0:
            shift = shift + self.slope * (np.abs(C_Q) - self.mean_abs_C_Q)
        eta = np.divide(low - high, C_Q, out=np.zeros(len(C_Q)), where=C_Q != 0)
        return Sites(shift, C_Q, np.clip(eta, 0, 1))

    @cached_property
    def _even(self) -> Sites:
        """Sites that fill the distribution evenly."""
        return self._sites(_even_normal())

    def spectrum(self, isotope: str | Isotope, **settings: Any) -> Spectrum:
        """The spectrum of this distribution; `settings` are those of `glassnmr.mas_spectrum`.

        Examples
        --------
        >>> line = Czjzek(1.5, delta_iso=60.0, sigma_delta=5.0).spectrum("27Al", field=14.1, fwhm_ppm=1.0)
        >>> bool(line.centroid < 60)
        True
        """
        sites = self._even
        return mas_spectrum(isotope, delta_iso=sites.delta_iso, C_Q=sites.C_Q, eta=sites.eta, **settings)


@dataclass(frozen=True)
class Czjzek(_Distribution):
    """The Czjzek distribution, or Gaussian isotropic model, of field gradients in a random surrounding, eq. (13.4).

    Parameters
    ----------
    sigma_dmfit : MHz, as dmfit and ssNake count it: abs C_Q is most frequent at 2 sigma for eta = 0, the root mean
        square of P_Q is sqrt(5) sigma. Twice mrsimulator's sigma.
    delta_iso : mean isotropic shift, ppm
    sigma_delta : standard deviation of delta_iso at one abs C_Q, ppm
    slope : change of delta_iso with abs C_Q, ppm/MHz, eq. (13.9)

    Examples
    --------
    >>> Czjzek(3.0).sigma_mrsimulator, Czjzek.from_mrsimulator(1.5).sigma_dmfit
    (1.5, 3.0)
    """

    sigma_dmfit: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sigma_dmfit > 0:
            raise ValueError(f"sigma_dmfit must be a positive number of MHz, got {self.sigma_dmfit}")

    @classmethod
    def from_mrsimulator(cls, sigma: float, **shift: float) -> Czjzek:
        """The distribution that mrsimulator calls by this sigma, MHz."""
        return cls(2 * sigma, **shift)

    @property
    def sigma_mrsimulator(self) -> float:
        """The width as mrsimulator counts it, MHz."""
        return self.sigma_dmfit / 2

    @property
    def mean_abs_C_Q(self) -> float:
        """Mean of abs C_Q, MHz, eq. (13.6)."""
        return _MEAN_ABS_C_Q * self.sigma_dmfit

    def _tensors(self, normal: Array) -> Array:
        return self.sigma_dmfit * _tensors(normal)

    def density(self, abs_C_Q: ArrayLike, eta: ArrayLike) -> Array:
        """Probability density per MHz and unit of eta, eq. (13.4)."""
        c, e = _checked(abs_C_Q, eta)
        s = self.sigma_dmfit
        shape = math.sqrt(2 / math.pi) * c**4 * e * (1 - e**2 / 9) / s**5
        return np.asarray(shape * np.exp(-0.5 * (c / s) ** 2 * (1 + e**2 / 3)))


@dataclass(frozen=True)
class ExtendedCzjzek(_Distribution):
    """A site of known C_Q and eta whose field gradient is disturbed at random, eq. (13.7).

    Parameters
    ----------
    C_Q, eta : of the undisturbed site, MHz; only abs C_Q matters
    epsilon : size of the disturbance: the root mean square of its P_Q over that of the site, as in mrsimulator
    delta_iso, sigma_delta, slope : as in `Czjzek`
    """

    C_Q: float
    eta: float
    epsilon: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.C_Q == 0:
            raise ValueError("C_Q must not be 0: a site without field gradient is a Czjzek distribution")
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta must lie in [0, 1], got {self.eta}")
        if not self.epsilon > 0:
            raise ValueError(f"epsilon must be positive, got {self.epsilon}")

    @property
    def P_Q(self) -> float:
        """Of the undisturbed site, MHz."""
        return abs(self.C_Q) * math.sqrt(1 + self.eta**2 / 3)

    @property
    def sigma_dmfit(self) -> float:
        """Width of the disturbance as a Czjzek distribution, MHz."""
        return self.epsilon * self.P_Q / math.sqrt(5)

    @cached_property
    def mean_abs_C_Q(self) -> float:
        """Mean of abs C_Q, MHz, over an even sample."""
        return float(np.abs(efg_principal_values(self._tensors(_even_normal()[:, :5]))[:, 2]).mean())

    def _tensors(self, normal: Array) -> Array:
        site = np.array([-0.5 * (1 - self.eta), -0.5 * (1 + self.eta), 1.0]) * self.C_Q
        return np.diag(site) + self.sigma_dmfit * _tensors(normal)

    def density(self, abs_C_Q: ArrayLike, eta: ArrayLike) -> Array:
        """Probability density per MHz and unit of eta, eq. (13.7), (13.8)."""
        c, e = _checked(abs_C_Q, eta)
        return np.asarray(np.exp(_log_density(c, e, abs(self.C_Q), self.eta, self.sigma_dmfit)))


@cache
def _even_normal() -> Array:
    """Normal numbers (n, 6) that fill their space evenly: a scrambled Sobol sequence."""
    from scipy.stats import norm, qmc

    points = qmc.Sobol(6, scramble=True, seed=20).random(_SAMPLE)
    return np.asarray(norm.ppf(np.clip(points, 1e-9, 1 - 1e-9)))


def _tensors(normal: Array) -> Array:
    """(n, 3, 3) traceless tensors whose P_Q is the length of the vectors (n, 5), eq. (13.3)."""
    a, b, c, d, e = 0.5 * normal.T
    root = math.sqrt(3)
    rows = [[root * e - a, root * d, root * b], [root * d, -root * e - a, root * c], [root * b, root * c, 2 * a]]
    return np.moveaxis(np.array(rows), -1, 0)


def _checked(abs_C_Q: ArrayLike, eta: ArrayLike) -> tuple[Array, Array]:
    c, e = np.broadcast_arrays(np.asarray(abs_C_Q, dtype=float), np.asarray(eta, dtype=float))
    if not (np.all(np.isfinite(c)) and np.all(np.isfinite(e))):
        raise ValueError("abs_C_Q and eta must be finite, got nan or inf")
    if np.any(c < 0):
        raise ValueError(f"abs_C_Q must not be negative, got {c.min()}")
    if np.any((e < 0) | (e > 1)):
        raise ValueError(f"eta must lie in [0, 1], got {e[(e < 0) | (e > 1)].flat[0]}")
    return c, e


def _log_density(c: Array, e: Array, site: float, eta: float, sigma: float, fineness: float = 3.0) -> Array:
    """Logarithm of eq. (13.7), the average over orientations by Gauss-Legendre, eq. (13.8).

    To 1e-5 with the default fineness and epsilon of at least 0.05, to 1e-2 with a fineness of 2.
    """
    from scipy.special import i0e

    square, known = c**2 * (1 + e**2 / 3), site**2 * (1 + eta**2 / 3)
    farthest = min(float(square.max(initial=0)), (math.sqrt(known) + 9 * sigma) ** 2)
    n = int(np.clip(8 + fineness * (math.sqrt(farthest * known) / sigma**2) ** 0.5, 8, 250))
    x, w = np.polynomial.legendre.leggauss(n)
    x, w = 0.5 * (x + 1), 0.5 * w
    cosine, alpha = x[:, None], 0.5 * np.pi * x[None, :]
    sine2 = 1 - cosine**2
    low, high = -0.5 * (1 - eta) * site, -0.5 * (1 + eta) * site
    along = site * cosine**2 + sine2 * (low * np.cos(alpha) ** 2 + high * np.sin(alpha) ** 2)
    norm2 = site**2 * cosine**2 + sine2 * (low**2 * np.cos(alpha) ** 2 + high**2 * np.sin(alpha) ** 2)
    across = np.sqrt(np.maximum(3 * known + along**2 - 4 * norm2, 0)).ravel()
    weight, along = np.outer(w, w).ravel(), along.ravel()
    out = np.empty(c.size)
    flat_c, flat_e = c.ravel(), e.ravel()
    block = max(1, (1 << 18) // len(along))
    for first in range(0, c.size, block):
        cc, ee = flat_c[first : first + block, None], flat_e[first : first + block, None]
        ring = cc * ee / 3 * across / sigma**2
        lean = np.abs(cc * along / sigma**2)
        top = (ring + lean).max(axis=1, keepdims=True)
        both = i0e(ring) * np.exp(ring + lean - top) * (1 + np.exp(-2 * lean))  # both signs of C_Q
        out[first : first + block] = np.log(both @ weight) + top[:, 0] - math.log(2)
    with np.errstate(divide="ignore"):
        shape = np.log(math.sqrt(2 / math.pi) * c**4 * e * (1 - e**2 / 9)) - 5 * math.log(sigma)
    return np.asarray(shape - 0.5 * (square + known) / sigma**2 + out.reshape(c.shape))


# ---------------------------------------------------------------------------------------------------------------- fits

D = TypeVar("D", bound=_Distribution)


@dataclass(frozen=True)
class DistributionFit:
    """A distribution fitted to sites: errors: name -> standard error; log_likelihood of abs C_Q and eta; n sites."""

    distribution: Czjzek | ExtendedCzjzek
    errors: Mapping[str, float]
    log_likelihood: float
    n: int

    @property
    def aic(self) -> float:
        """Akaike's criterion of the parameters of abs C_Q and eta: the lower describes the sites better."""
        k = 1 if isinstance(self.distribution, Czjzek) else 3
        return 2 * k - 2 * self.log_likelihood


def fit_czjzek(abs_C_Q: ArrayLike, eta: ArrayLike, delta_iso: ArrayLike | None = None) -> DistributionFit:
    """The Czjzek distribution of largest likelihood for sites, such as predicted ones, eq. (13.10).

    Parameters
    ----------
    abs_C_Q : (n,) MHz; a sign is dropped
    eta : (n,) in [0, 1]
    delta_iso : (n,) ppm, to fit its mean, width and slope, eq. (13.11)

    Raises
    ------
    ValueError
        Fewer than three sites, values out of range, or sites without any field gradient.

    Examples
    --------
    >>> sites = Czjzek(2.0, delta_iso=60.0, sigma_delta=4.0, slope=-2.0).sample(5000, seed=1)
    >>> found = fit_czjzek(sites.C_Q, sites.eta, sites.delta_iso)
    >>> abs(found.distribution.sigma_dmfit - 2.0) < 4 * found.errors["sigma_dmfit"]
    True
    """
    c, e = _columns(abs_C_Q, eta)
    square = c**2 * (1 + e**2 / 3)
    sigma = math.sqrt(float(square.mean()) / 5)
    made = Czjzek(sigma)
    with np.errstate(divide="ignore"):
        likelihood = float(np.sum(np.log(np.maximum(made.density(c, e), np.finfo(float).tiny))))
    return _with_shift(made, {"sigma_dmfit": sigma / math.sqrt(10 * len(c))}, likelihood, c, delta_iso)


def fit_extended_czjzek(abs_C_Q: ArrayLike, eta: ArrayLike, delta_iso: ArrayLike | None = None) -> DistributionFit:
    """The extended Czjzek distribution of largest likelihood for sites; arguments as in `fit_czjzek`.

    Sites are gathered in cells of abs C_Q and eta, each at its mean; epsilon is sought between 0.03 and 20. Raises
    ValueError for bad sites and `NumericalError` where no maximum is found.

    Examples
    --------
    >>> sites = ExtendedCzjzek(4.0, 0.3, 0.4).sample(3000, seed=1)
    >>> found = fit_extended_czjzek(sites.C_Q, sites.eta)
    >>> abs(found.distribution.C_Q - 4.0) < 4 * found.errors["C_Q"]
    True
    """
    from scipy.optimize import minimize

    from glassnmr._core import NumericalError

    c, e = _columns(abs_C_Q, eta)
    cells_c, cells_e, count = _cells(c, e)
    mean = float(np.mean(c**2 * (1 + e**2 / 3)))
    spread = float(np.var(c**2 * (1 + e**2 / 3)))
    noise = (4 * mean - math.sqrt(max(16 * mean**2 - 40 * spread, 0))) / 20  # sigma^2 from two moments of P_Q^2
    first = math.sqrt(max(mean - 5 * noise, 0.05 * mean))

    def cost(x: Array) -> float:
        size, eta0, epsilon = math.exp(x[0]), float(x[1]), math.exp(x[2])
        return -float(count @ np.maximum(
            _log_density(cells_c, cells_e, size / math.sqrt(1 + eta0**2 / 3), eta0, epsilon * size / math.sqrt(5),
                         2.0), -700)) / len(c)

    bounds = [(math.log(first) - 3, math.log(first) + 3), (0.0, 1.0), (math.log(0.03), math.log(20.0))]
    start = math.log(np.clip(math.sqrt(5 * noise) / first, 0.03, 5))
    tried = [np.array([math.log(first), eta0, start]) for eta0 in (0.1, 0.5, 0.9)]
    best = min(tried, key=cost)
    found = minimize(cost, best, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-12, "gtol": 1e-7})
    if not np.all(np.isfinite(found.x)) or not math.isfinite(float(found.fun)):
        raise NumericalError(f"the extended Czjzek distribution cannot be fitted: {found.message}")
    size, eta0, epsilon = math.exp(found.x[0]), float(found.x[1]), math.exp(found.x[2])
    stretch = math.sqrt(1 + eta0**2 / 3)
    made = ExtendedCzjzek(size / stretch, eta0, epsilon)
    spreads = _curvature_errors(cost, found.x, bounds, len(c))
    errors = {"C_Q": made.C_Q * math.hypot(spreads[0], eta0 / 3 / stretch**2 * spreads[1]), "eta": spreads[1],
              "epsilon": epsilon * spreads[2]}
    likelihood = float(np.sum(np.maximum(_log_density(c, e, made.C_Q, eta0, made.sigma_dmfit), -700)))
    return _with_shift(made, errors, likelihood, c, delta_iso)


def _columns(abs_C_Q: ArrayLike, eta: ArrayLike) -> tuple[Array, Array]:
    c, e = _checked(np.abs(np.asarray(abs_C_Q, dtype=float)), eta)
    if c.ndim != 1 or len(c) < 3:
        raise ValueError(f"a distribution is fitted to three sites or more, got shape {c.shape}")
    if not np.any(c > 0):
        raise ValueError("the sites have no field gradient: all C_Q are 0")
    return c, e


def _cells(c: Array, e: Array) -> tuple[Array, Array, Array]:
    """Sites gathered in cells of abs C_Q and eta: their mean place and number."""
    low, high = np.quantile(c, [0.002, 0.998])
    size = max(float(high - low) / 40, 1e-9 * float(high))
    place = np.clip((c - low) / size, -50, 90).astype(int) * 24 + np.minimum((e * 24).astype(int), 23)
    _, where, count = np.unique(place, return_inverse=True, return_counts=True)
    return np.bincount(where, c) / count, np.bincount(where, e) / count, count.astype(float)


def _curvature_errors(cost: Any, x: Array, bounds: list[tuple[float, float]], n: int) -> Array:
    """Standard errors from the curvature of the mean negative log likelihood, measured inside the bounds."""
    step = np.array([1e-2, 2e-2, 2e-2])
    centre = np.clip(x, [low + 1.01 * s for (low, _), s in zip(bounds, step, strict=True)],
                     [high - 1.01 * s for (_, high), s in zip(bounds, step, strict=True)])
    k = len(x)
    curvature = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            a, b = step[i] * np.eye(k)[i], step[j] * np.eye(k)[j]
            if i == j:
                curvature[i, i] = (cost(centre + a) - 2 * cost(centre) + cost(centre - a)) / step[i] ** 2
            else:
                four = cost(centre + a + b) - cost(centre + a - b) - cost(centre - a + b) + cost(centre - a - b)
                curvature[i, j] = four / (4 * step[i] * step[j])
    values, axes = np.linalg.eigh(0.5 * (curvature + curvature.T))
    variance = (axes**2) @ (1 / np.maximum(values, 1e-6)) / n
    return np.asarray(np.sqrt(variance))


def _with_shift(made: Czjzek | ExtendedCzjzek, errors: dict[str, float], likelihood: float, c: Array,
                delta_iso: ArrayLike | None) -> DistributionFit:
    """The same with mean, width and slope of the shifts, eq. (13.11)."""
    if delta_iso is not None:
        delta = np.asarray(delta_iso, dtype=float)
        if delta.shape != c.shape or not np.all(np.isfinite(delta)):
            raise ValueError(f"delta_iso must be {len(c)} finite numbers, one a site, got shape {delta.shape}")
        centred = c - c.mean()
        square = float(centred @ centred)
        slope = float(centred @ delta) / square if square > 0 else 0.0
        rest = delta - delta.mean() - slope * centred
        width = math.sqrt(float(rest @ rest) / max(len(c) - 2, 1))
        lever = made.mean_abs_C_Q - float(c.mean())
        errors |= {"delta_iso": width * math.sqrt(1 / len(c) + (lever**2 / square if square > 0 else 0.0)),
                   "sigma_delta": width / math.sqrt(2 * len(c)),
                   "slope": width / math.sqrt(square) if square > 0 else 0.0}
        made = dataclasses.replace(made, delta_iso=float(delta.mean()) + slope * lever, sigma_delta=width, slope=slope)
    return DistributionFit(made, MappingProxyType(errors), likelihood, len(c))
