# SPDX-License-Identifier: BSD-3-Clause
"""Which of the core's line makers serves which site, and the axis that each works on: THEORY.md section 12.9."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from glassnmr import _core
from glassnmr.broadening import on_window
from glassnmr.isotopes import Isotope
from glassnmr.lines import MOST_POINTS, SiteColumns
from glassnmr.transitions import first_order_scale, second_order_scale

__all__ = ["Engine", "Method", "Window"]

Array = NDArray[np.float64]
Method = Literal["auto", "table", "powder"]

_CENTRAL = np.array([[1.0, 0.0, 1.0, 1.0, 1.0]])
_FAST_U = (0.0, 7 / 72)  # ends of u at infinite speed, over all eta
_BOUND_2, _BOUND_4 = 0.13, 0.2  # of how far ranks 2 and 4 of u stray: eq. (12.17)


@dataclass(frozen=True)
class Window:
    """The axis asked for, in ppm, and the broadening, its width in steps."""

    low: float
    step: float
    points: int
    width: float
    shape: str
    folding: bool = False

    @property
    def margin(self) -> int:
        """Steps beyond the ends from which lines reach in."""
        return min(math.ceil((5 if self.shape == "gaussian" else 50) * self.width), 4 * self.points)


@dataclass(frozen=True)
class Engine:
    """Lines of one nucleus in one field at one speed (ppm); `table` holds its transitions, None the central one."""

    nucleus: Isotope
    field: float
    speed: float
    table: Array | None
    method: Method = "auto"
    density_wanted: int | None = None
    n_threads: int = 0
    n_sites: int = 1

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ValueError(f"method must be 'auto', 'table' or 'powder', got {self.method!r}")
        wanted = self.density_wanted
        if wanted is not None and not (isinstance(wanted, (int, np.integer)) and 1 <= wanted <= 1024):
            raise ValueError(f"density must be a whole number from 1 to 1024, got {wanted!r}")

    @property
    def scale(self) -> float:
        """A / nu_ref in ppm at C_Q = 1 MHz."""
        return 0.0 if self.nucleus.spin == 0.5 else second_order_scale(self.nucleus, self.field)

    @property
    def order1(self) -> float:
        """nu_Q / nu_ref in ppm at C_Q = 1 MHz."""
        return 0.0 if self.nucleus.spin == 0.5 else first_order_scale(self.nucleus, self.field)

    @property
    def density(self) -> int:
        """Parts of an octant's edge: fewer for many sites in one spectrum, as their errors average out."""
        if self.density_wanted is not None:
            return int(self.density_wanted)
        return int(np.clip(round(300 / self.n_sites**0.25), 24, 300))

    def extent(self, sites: SiteColumns, trimmed: bool = False) -> tuple[Array, Array]:
        """Where the lines of each site begin and end, ppm; `trimmed`: where most of their intensity lies."""
        left, right = self._centre_extent(sites)
        if math.isinf(self.speed):
            return left, right
        stray = self._stray(sites)
        if self.speed == 0:
            return (left - stray, right + stray) if not trimmed else self._still_extent(sites)
        if trimmed:
            low, high = self._still_extent(sites)
            few = stray < 0.2 * self.speed  # no sidebands to speak of
            more = self.speed * (1 + np.cbrt(stray / self.speed))
            return (np.where(few, left, np.minimum(left, low) - more),
                    np.where(few, right, np.maximum(right, high) + more))
        reach = stray + self.speed * (3 * np.cbrt(stray / self.speed) + 6)
        return left - reach, right + reach

    def _width(self, sites: SiteColumns) -> Array:
        """A in ppm."""
        return np.zeros(len(sites)) if sites.coupling is None else self.scale * sites.coupling**2

    def _centre_extent(self, sites: SiteColumns) -> tuple[Array, Array]:
        """Ends of the centreband: infinite speed."""
        width, kinds = self._width(sites), _CENTRAL if self.table is None else self.table
        eta = np.zeros(len(sites)) if sites.eta is None else sites.eta
        middle = (1 + eta**2 / 3) / 30
        ends = [row[2] * middle + row[4] * (u - middle) for row in kinds for u in _FAST_U]
        return sites.delta - width * np.max(ends, axis=0), sites.delta - width * np.min(ends, axis=0)

    def _still_extent(self, sites: SiteColumns) -> tuple[Array, Array]:
        """Ends of the pattern of the sample that stands still, close to."""
        width, kinds = self._width(sites), _CENTRAL if self.table is None else self.table
        first = np.zeros(len(sites)) if sites.coupling is None else self.order1 * np.abs(sites.coupling)
        first = first * np.max(np.abs(kinds[:, 1]))
        shift = np.zeros(len(sites)) if sites.zeta is None else np.abs(sites.zeta)
        eta = np.zeros(len(sites)) if sites.eta is None else sites.eta
        size = width * np.max(np.abs(kinds[:, 4]))
        # the ends of u of the central transition at rest, at b = y and in the xz plane
        return (sites.delta - size * (1 + eta) / 9 - first - shift,
                sites.delta + size * (3 + eta) ** 2 / 144 + first + shift)

    def _stray(self, sites: SiteColumns) -> Array:
        """A bound of how far the frequency strays from its mean over a turn, ppm."""
        kinds = _CENTRAL if self.table is None else self.table
        out = np.zeros(len(sites)) if sites.zeta is None else np.abs(sites.zeta) * 1.2
        if sites.coupling is None:
            return out
        second = np.max(_BOUND_2 * np.abs(kinds[:, 3]) + _BOUND_4 * np.abs(kinds[:, 4]))
        first = 1.2 * self.order1 * np.max(np.abs(kinds[:, 1])) * np.abs(sites.coupling)
        return np.asarray(out + second * self._width(sites) + first)

    def laid(self, sites: SiteColumns, window: Window, used: set[str]) -> tuple[Array, float]:
        """Weights on the window (points,), and how much lies in it before the broadening; `used` takes the methods."""
        out, within = np.zeros(window.points), 0.0
        for kind, rows in self._routes(sites).items():
            some = sites if len(rows) == len(sites) else sites.at(rows)
            lines, inside = getattr(self, f"_{kind}")(some, window)
            used.add({"fast": "lines" if some.coupling is None else "table", "powder": "powder"}.get(kind, "table"))
            out += lines
            within += inside
        return out, within

    def _routes(self, sites: SiteColumns) -> dict[str, NDArray[np.intp]]:
        """Line maker -> the rows that it serves."""
        n = len(sites)
        turned = np.zeros(n, dtype=bool) if sites.zeta is None else sites.zeta != 0
        fast = math.isinf(self.speed) or (sites.coupling is None and not np.any(turned))
        if fast and (self.method != "powder" or sites.coupling is None):
            return {"fast": np.arange(n)}
        served = np.zeros(n, dtype=bool)
        if self.method != "powder" and 0 < self.speed < math.inf and self.table is None:
            central, shift = _core.sideband_limits()
            if sites.coupling is None:
                served = np.abs(sites.zeta if sites.zeta is not None else 0.0) <= shift * self.speed
            else:
                served = ~turned & (self._width(sites) <= central * self.speed)
        if self.method == "table" and not np.all(served):
            raise ValueError("method='table' serves sidebands of shifts alone or of the central transition alone, "
                             "up to a limit, and infinite speed; here 'auto' or 'powder' is needed")
        name = "shift_sidebands" if sites.coupling is None else "central_sidebands"
        routes = {name: np.flatnonzero(served), "powder": np.flatnonzero(~served)}
        return {kind: rows for kind, rows in routes.items() if len(rows)}

    def _lines(self, sites: SiteColumns) -> _core.Lines:
        return _core.Lines(
            sites.delta, coupling=sites.coupling, eta=sites.eta, weight=sites.weight, zeta=sites.zeta,
            zeta_eta=sites.zeta_eta, euler=sites.euler, scale=self.scale, order1=self.order1, speed=self.speed,
            transitions=self.table, density=self.density)

    def _axis(self, window: Window, left: float, right: float, beyond: float = 0.0) -> tuple[int, int]:
        """First step and number of points: the window with its margin, or, where it folds, all from left to right."""
        if not window.folding:
            extra = math.ceil(beyond / window.step) + window.margin
            start, stop = -extra, window.points + extra
            if beyond:  # lines that are moved later
                start = max(start, math.floor((left - window.low) / window.step) - 1)
                stop = min(stop, math.ceil((right - window.low) / window.step) + 2)
                start = min(start, window.points + extra - 2)
                stop = max(stop, start + 2)
        else:
            start = math.floor((left - window.low) / window.step) - 1
            stop = math.ceil((right - window.low) / window.step) + 2
        if stop - start > 2 * MOST_POINTS:
            raise ValueError(f"the lines reach over {stop - start:.3g} points of the axis, more than "
                             f"{2 * MOST_POINTS}: widen the steps of the axis or leave folding")
        return start, stop - start

    def _direct(self, sites: SiteColumns, window: Window, maker: str) -> tuple[Array, float]:
        left, right = self.extent(sites)
        start, n = self._axis(window, float(np.min(left)), float(np.max(right)))
        raw, _ = getattr(self._lines(sites), maker)(
            axis=(window.low + start * window.step, window.step, n), n_threads=self.n_threads)
        return on_window(raw, -start, window.points, window.width, window.shape, folding=window.folding)

    def _fast(self, sites: SiteColumns, window: Window) -> tuple[Array, float]:
        return self._direct(sites.isotropic_shifts(), window, "fast")

    def _powder(self, sites: SiteColumns, window: Window) -> tuple[Array, float]:
        return self._direct(sites, window, "powder")

    def _shift_sidebands(self, sites: SiteColumns, window: Window) -> tuple[Array, float]:
        return self._direct(sites, window, "shift_sidebands")

    def _central_sidebands(self, sites: SiteColumns, window: Window) -> tuple[Array, float]:
        sites = sites.isotropic_shifts()
        left, right = self._centre_extent(sites)
        orders = np.arange(-7, 9)
        start, n = self._axis(window, float(np.min(left)), float(np.max(right)), 7 * self.speed)
        raw, _ = self._lines(sites).central_sidebands(
            axis=(window.low + start * window.step, window.step, n), n_threads=self.n_threads)
        moves = orders * (self.speed / window.step)
        return on_window(raw.T, -start, window.points, window.width, window.shape, moves=moves,
                         folding=window.folding)
