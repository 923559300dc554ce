# SPDX-License-Identifier: BSD-3-Clause
"""The figure of a fit: measurement, model, components and residual."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from glassnmr.plots import COLOURS, INK, _colours, _emptier_side, shift_label, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from glassnmr.fitting import SpectrumFit

__all__ = ["plot_fit"]

_HEIGHTS = (3.6, 1.0)  # of the two panels


@styled
def plot_fit(fit: SpectrumFit, title: str | None = None) -> Figure:
    """Measurement and model with its components stacked under their sum, the residual below; ppm falls to the right."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.0), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=_HEIGHTS)
    x, top = fit.ppm, float(np.max(np.abs(fit.observed))) or 1.0
    lower = fit.baseline / top
    for colour, (label, values) in zip(_colours(len(fit.components)), fit.components.items(), strict=True):
        share = fit.populations[label]
        error = f" ± {100 * share.error:.1f}" if share.error >= 5e-4 else ""
        text = f"{label}  {100 * share.value:.1f}{error} %" if len(fit.components) > 1 else None
        axes.fill_between(x, lower, lower + values / top, color=colour, alpha=0.35, linewidth=0, label=text)
        lower = lower + values / top
    axes.plot(x, fit.observed / top, color="#8c8c8c", linewidth=1.6, label="measured")
    axes.plot(x, fit.calculated / top, color=INK, linewidth=0.9, label="model")
    below.axhline(0, color="#8c8c8c", linewidth=0.6)
    if fit.noise > 0:
        below.axhspan(-fit.noise / top, fit.noise / top, color="#8c8c8c", alpha=0.25, linewidth=0)
    below.plot(x, fit.residual / top, color=COLOURS[1], linewidth=0.8)
    axes.set_xlim(float(x[-1]), float(x[0]))
    axes.set_ylim(min(-0.05, 1.1 * float(np.min(fit.observed / top))), 1.08)
    reach = 1.25 * max(float(np.max(np.abs(fit.residual))) / top, 0.02)
    below.set_ylim(-reach, reach)
    for one in (axes, below):
        one.set_yticks([])
        one.spines["left"].set_visible(False)
        one.minorticks_on()
        one.tick_params(axis="y", which="both", left=False)
    axes.tick_params(labelbottom=False)
    below.set_xlabel(shift_label(fit.isotope))
    low, high = axes.get_ylim()
    larger = (high - low) / _HEIGHTS[0] / (2 * reach)
    below.set_title(f"residual, {larger:.2g} times as high: {100 * fit.normalised_residual:.1f} % of the measurement",
                    fontsize=7, loc="right", pad=1)
    side = "left" if _emptier_side(fit.spectrum(), float(x[0]), float(x[-1])) == "left" else "right"
    axes.legend(loc=f"upper {side}", handlelength=1.2, borderaxespad=0.2, fontsize=8)
    if title:
        axes.set_title(title, fontsize=9, loc="left")
    return figure
