# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of a table of training data and of a calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from glassnmr.derived import can_derive
from glassnmr.isotopes import isotope
from glassnmr.plots import COLOURS, INK, nucleus_text, styled
from glassnmr.table import Dataset
from glassnmr.training import row_labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from glassnmr.calibration import Calibration

__all__ = ["calibration_figure", "dataset_figure"]

_PANELS = (("sigma_iso", r"$\sigma_\mathrm{iso}$ / ppm"), ("span", r"$\Omega$ / ppm"),
           ("C_Q", r"$C_Q$ / MHz"), ("eta", r"$\eta_Q$"))  # fmt: skip
_MOST_SITES = 6


@styled
def dataset_figure(dataset: Dataset) -> Figure:
    """One row a nucleus, one column a quantity: histograms stacked by kind of site, the rows counted at the left."""
    from matplotlib.figure import Figure

    nuclei = [name for name in sorted(set(dataset.isotope.tolist()), key=_by_element) if name]
    rows = [(name, _quantities(dataset.select(isotope=name))) for name in nuclei]
    rows = [(name, found) for name, found in rows if found]
    if not rows:
        raise ValueError("the dataset holds no quantity of a known isotope to draw")
    columns = [quantity for quantity, _ in _PANELS if any(quantity in found for _, found in rows)]
    figure = Figure(figsize=(2.6 * len(columns) + 0.6, 1.9 * len(rows) + 0.4), layout="constrained")
    grid = figure.subplots(len(rows), len(columns), squeeze=False)
    for axes, (name, found) in zip(grid, rows, strict=True):
        for panel, quantity in zip(axes, columns, strict=True):
            panel.set_yticks([])
            panel.spines["left"].set_visible(False)
            if quantity in found:
                _histogram(panel, *found[quantity])
                panel.set_xlabel(dict(_PANELS)[quantity])
            else:
                panel.spines["bottom"].set_visible(False)
                panel.set_xticks([])
        axes[0].set_ylabel(f"{nucleus_text(name)}  ({int((dataset.isotope == name).sum())})", color=INK)
    return figure


def _by_element(symbol: str) -> tuple[str, str]:
    return symbol.lstrip("0123456789"), symbol


def _quantities(part: Dataset) -> dict[str, tuple[NDArray[np.float64], NDArray[np.str_]]]:
    """Values and sites of the rows of one nucleus that have a quantity."""
    found = {}
    nucleus = isotope(str(part.isotope[0]))
    sites = row_labels(part, "site")
    for name, _ in _PANELS:
        gradient = name in ("C_Q", "eta")
        if gradient and nucleus.quadrupole == 0:
            continue
        has = part.has(name)
        if can_derive(name, part.tensors):
            has = has | part.has("efg" if gradient else "ms")
        if has.any():
            found[name] = (part.select(mask=has).target(name), sites[has])
    return found


def _histogram(axes: Any, values: NDArray[np.float64], sites: NDArray[np.str_]) -> None:
    kinds, counts = np.unique(sites, return_counts=True)
    shown = kinds[np.argsort(-counts)][:_MOST_SITES].tolist()
    shares = [values[sites == kind] for kind in shown]
    rest = values[~np.isin(sites, shown)]
    labels = list(shown)
    if len(rest):
        shares.append(rest)
        labels.append("other")
    low, high = float(values.min()), float(values.max())
    pad = 0.02 * (high - low) if high - low > 1e-6 * max(abs(low), abs(high), 1e-3) else 0.5
    bins = np.linspace(low - pad, high + pad, 41)
    colours = [COLOURS[k % len(COLOURS)] for k in range(len(shares))]
    axes.hist(shares, bins=bins, stacked=True, color=colours, label=labels, linewidth=0)
    if len(labels) > 1:
        axes.legend(fontsize=6.5, handlelength=0.8, labelspacing=0.2)


@styled
def calibration_figure(found: Calibration, title: str | None = None) -> Figure:
    """Measured against computed with the fitted line, its 95 % band of prediction and the residuals below."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 4.4), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    pad = 0.04 * float(np.ptp(found.x))
    x = np.linspace(found.x.min() - pad, found.x.max() + pad, 200)
    line, half = found.predict(x), found.prediction_error(x, 0.95)
    top.fill_between(x, line - half, line + half, color=COLOURS[0], alpha=0.15, linewidth=0, label="95 % of new points")
    top.plot(x, line, color=COLOURS[0], label=f"fit of {found.n} points")
    kept, left = found.used, ~found.used
    top.plot(found.x[kept], found.y[kept], "o", color=INK, markersize=3)
    bottom.axhline(0, color=COLOURS[0], linewidth=0.8)
    residual = found.y - found.predict(found.x)
    bottom.plot(found.x[kept], residual[kept], "o", color=INK, markersize=3)
    if left.any():
        top.plot(found.x[left], found.y[left], "x", color=COLOURS[1], markersize=5, label="left out")
        bottom.plot(found.x[left], residual[left], "x", color=COLOURS[1], markersize=5)
    top.legend(loc="upper left" if found.b > 0 else "upper right", fontsize=8)
    # room for the legend above the points
    low, high = top.get_ylim()
    top.set_ylim(low, high + 0.22 * (high - low))
    top.set_ylabel(found.y_label)
    bottom.set_ylabel("residual")
    bottom.set_xlabel(found.x_label)
    top.set_title(title or found.equation(), fontsize=9)
    return figure
