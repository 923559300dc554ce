# SPDX-License-Identifier: BSD-3-Clause
"""Two-dimensional spectra as papers print them: contours, projections, CS and QIS lines, ppm falling to the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glassnmr.plots import COLOURS, INK, nucleus_text, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from glassnmr.mqmas import Spectrum2D

__all__ = ["plot_spectrum_2d"]


@styled
def plot_spectrum_2d(spectrum: Spectrum2D, *, levels: int = 12, lowest: float = 0.03, lines: bool = True,
                     title: str | None = None) -> Figure:
    """Contours of the spectrum, its projections on top and at the side, and the CS and QIS lines.

    Parameters
    ----------
    levels, lowest : number of contours, in a geometric row from `lowest` times the highest point up.
    lines : draw the CS line and, through the centre of gravity, the QIS line.
    title : text above.

    Raises
    ------
    ValueError unless levels >= 2 and 0 < lowest < 1, and for a spectrum without intensity.
    """
    if levels < 2 or not 0 < lowest < 1:
        raise ValueError(f"levels must be at least 2 and lowest lie in (0, 1), got {levels} and {lowest}")
    top = float(np.max(spectrum.intensity))
    if not top > 0:
        raise ValueError("the spectrum has no intensity on its axes to plot")
    figure, plane, above, beside = _frame()
    heights = top * np.geomspace(lowest, 0.95, levels)
    limits = _limits(spectrum, lowest * top)
    parts = dict(spectrum.components) or {"": spectrum.intensity}
    for place, (label, values) in enumerate(parts.items()):
        colour = COLOURS[place % len(COLOURS)] if label else INK
        if np.max(values) > heights[0]:
            plane.contour(spectrum.f2, spectrum.f1, values, levels=heights, colors=[colour], linewidths=0.6)
        if label:
            share = spectrum.fractions.get(label)
            plane.plot([], [], color=colour, label=label if share is None else f"{label}  {100 * share:.1f} %")
    if lines:
        _draw_lines(plane, spectrum, limits)
    _draw_projections(above, beside, spectrum)
    plane.set(xlim=limits[0][::-1], ylim=limits[1][::-1])
    nucleus = nucleus_text(spectrum.isotope)
    order = spectrum.metadata.get("order")
    plane.set_xlabel(f"{nucleus}  F2, MAS / ppm")
    plane.set_ylabel(f"{nucleus}  F1, isotropic{f' ({order}Q)' if order else ''} / ppm")
    plane.minorticks_on()
    if spectrum.components or lines:
        plane.legend(loc=_emptiest_corner(spectrum, limits), handlelength=1.6, borderaxespad=0.3, fontsize=8,
                     labelspacing=0.3, frameon=True, facecolor="white", edgecolor="none", framealpha=0.8)
    if title:
        above.set_title(title, fontsize=9, loc="left")
    return figure


def _frame() -> tuple[Figure, Any, Any, Any]:
    """The plane with room for a projection above and one at the right."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, 4.6), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 2, width_ratios=(4, 1), height_ratios=(1, 4), wspace=0.02, hspace=0.02)
    plane = figure.add_subplot(grid[1, 0])
    above, beside = figure.add_subplot(grid[0, 0], sharex=plane), figure.add_subplot(grid[1, 1], sharey=plane)
    for side in ("top", "right"):
        plane.spines[side].set_visible(True)
    for axes in (above, beside):
        axes.set_axis_off()
    return figure, plane, above, beside


def _limits(spectrum: Spectrum2D, level: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """F2 and F1 around all that stands above the lowest contour."""
    out = []
    for axis, along in ((spectrum.f2, 0), (spectrum.f1, 1)):
        seen = np.max(spectrum.intensity, axis=along)
        places = np.flatnonzero(seen >= level)
        low, high = float(axis[places[0]]), float(axis[places[-1]])
        margin = max(0.15 * (high - low), 4 * float(axis[1] - axis[0]))
        out.append((max(low - margin, float(axis[0])), min(high + margin, float(axis[-1]))))
    return out[0], out[1]


def _draw_lines(plane: Any, spectrum: Spectrum2D, limits: tuple[tuple[float, float], tuple[float, float]]) -> None:
    ends: NDArray[np.float64] = np.array(limits[0])
    centre = spectrum.projection("F1").centroid, spectrum.projection("F2").centroid
    delta = float(spectrum.parameters(*centre)[0])
    for name, f1, style in (("CS", spectrum.cs_line(ends), "-"), ("QIS", spectrum.qis_line(ends, delta), "--")):
        plane.plot(ends, f1, style, color="#8c8c8c", linewidth=0.8, zorder=1, label=name)


def _emptiest_corner(spectrum: Spectrum2D, limits: tuple[tuple[float, float], tuple[float, float]]) -> str:
    """Where a legend covers the least; high shifts are at the left and at the bottom."""
    (low2, high2), (low1, high1) = limits
    f2, f1 = (spectrum.f2 - low2) / (high2 - low2), (spectrum.f1 - low1) / (high1 - low1)
    seen = spectrum.intensity >= 0.02 * float(np.max(spectrum.intensity))
    covered = {}
    for name, rows, columns in (("upper left", f1 < 0.3, f2 > 0.6), ("upper right", f1 < 0.3, f2 < 0.4),
                                ("lower right", f1 > 0.7, f2 < 0.4), ("lower left", f1 > 0.7, f2 > 0.6)):
        covered[name] = int(seen[np.ix_(rows & (f1 >= 0) & (f1 <= 1), columns & (f2 >= 0) & (f2 <= 1))].sum())
    return min(covered, key=covered.__getitem__)


def _draw_projections(above: Any, beside: Any, spectrum: Spectrum2D) -> None:
    second, first = spectrum.projection("F2"), spectrum.projection("F1")
    for place, label in enumerate(spectrum.components):
        colour = COLOURS[place % len(COLOURS)]
        above.fill_between(spectrum.f2, second.components[label], color=colour, alpha=0.28, linewidth=0)
        beside.fill_betweenx(spectrum.f1, first.components[label], color=colour, alpha=0.28, linewidth=0)
    above.plot(spectrum.f2, second.intensity, color=INK, linewidth=0.9)
    beside.plot(first.intensity, spectrum.f1, color=INK, linewidth=0.9)
    above.set_ylim(0, None)
    beside.set_xlim(0, None)
