# SPDX-License-Identifier: BSD-3-Clause
"""Figures of a validation: residuals by label, distributions, the map of parameters, intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr.plots import COLOURS, INK, _colours, _figure, _plain_log, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from glassnmr.validation import Choice

__all__ = ["coverage_plot", "distributions", "error_against_deviation", "parameter_map", "residuals_by_label"]

_MOST_LABELS = 8
_GREY = "#8c8c8c"


def _kinds(labels: ArrayLike | None, n: int) -> tuple[list[str], NDArray[np.str_]]:
    """Names of the most frequent labels, sorted, and the label (n,) of each row; the rare ones are "other"."""
    if labels is None:
        return ["all"], np.full(n, "all")
    kinds = np.asarray(labels).astype(str)
    if kinds.shape != (n,):
        raise ValueError(f"labels must have shape ({n},), got {kinds.shape}")
    names, counts = np.unique(kinds, return_counts=True)
    if len(names) > _MOST_LABELS:
        kept = names[np.argsort(-counts, kind="stable")[:_MOST_LABELS - 1]]
        kinds = np.where(np.isin(kinds, kept), kinds, "other")
        return [*sorted(kept.tolist()), "other"], kinds
    return names.tolist(), kinds


@styled
def residuals_by_label(residual: ArrayLike, labels: ArrayLike | None = None, *, quantity: str = "value", unit: str = ""
                       ) -> Figure:
    """Predicted minus reference for every label: all points, quartiles as a box, the mean absolute error above."""
    errors = np.asarray(residual, dtype=np.float64)
    names, kinds = _kinds(labels, len(errors))
    figure, axes = _figure(max(3.2, 0.7 * len(names) + 1.4), 3.1)
    axes.axhline(0, color=_GREY, linewidth=0.8, zorder=1)
    rng = np.random.default_rng(0)
    for place, (colour, name) in enumerate(zip(_colours(len(names)), names, strict=True)):
        some = errors[kinds == name]
        low, middle, high = np.quantile(some, [0.25, 0.5, 0.75])
        axes.scatter(place + rng.uniform(-0.3, 0.3, len(some)), some, s=5, color=colour, alpha=0.45, linewidths=0,
                     zorder=2, rasterized=len(some) > 3000)
        axes.bar(place, high - low, 0.72, low, facecolor="none", edgecolor=INK, linewidth=0.8, zorder=3)
        axes.plot([place - 0.36, place + 0.36], [middle, middle], color=INK, linewidth=1.4, zorder=3)
        axes.annotate(f"{np.abs(some).mean():.2f}", (place, 1.0), (0, 6), xycoords=("data", "axes fraction"),
                      textcoords="offset points", ha="center", va="bottom", fontsize=7.5)
    axes.annotate("MAE", (0, 1.0), (-2, 6), xycoords="axes fraction", textcoords="offset points", ha="right",
                  va="bottom", fontsize=7.5)
    axes.set_xticks(range(len(names)), [f"{name}\n{int((kinds == name).sum())}" for name in names])
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_ylabel(f"{quantity}, predicted − reference{unit and f' / {unit}'}")
    return figure


@styled
def distributions(y: ArrayLike, prediction: ArrayLike, labels: ArrayLike | None = None, *, quantity: str = "value",
                  unit: str = "") -> Figure:
    """Distribution of the reference (filled) and of the prediction (line) over all rows and for each label."""
    known, guess = np.asarray(y, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    names, kinds = _kinds(labels, len(known))
    figure, axes = _figure(4.6, 3.1)
    both = np.concatenate([known, guess])
    edges = np.histogram_bin_edges(both, bins=min(80, max(10, int(np.sqrt(len(known)) * 1.6))))
    for colour, name in zip(_colours(len(names)), names, strict=True):
        of = kinds == name
        axes.hist(known[of], edges, color=colour, alpha=0.35, label=name if len(names) > 1 else "reference")
        axes.hist(guess[of], edges, histtype="step", color=colour, linewidth=1.1,
                  label=None if len(names) > 1 else "prediction")
    axes.set_xlabel(f"{quantity}{unit and f' / {unit}'}")
    axes.set_ylabel("rows")
    axes.set_title("filled: reference, line: prediction", fontsize=7.5, loc="right")
    axes.legend(handlelength=1.2, borderaxespad=0.2)
    return figure


@styled
def parameter_map(choices: Sequence[Choice], *, unit: str = "") -> Figure:
    """Error of left-out groups over lambda and kappa, the mean over folds, with what each fold chose, and kept."""
    if not choices:
        raise ValueError("there must be at least one choice to plot")
    folds = sorted({choice.fold for choice in choices})
    lams = sorted({choice.lam for choice in choices})
    tables = [[c for c in choices if c.fold == fold] for fold in folds]
    # "auto" differs a little in each fold; (folds, kappas, bodies)
    kappas = np.array([sorted({tuple(np.atleast_1d(c.kappa).tolist()) for c in table}) for table in tables])
    error = np.empty((len(folds), kappas.shape[1], len(lams)))
    chosen: dict[tuple[int, int], int] = {}
    kept: set[tuple[int, int]] = set()
    for k, table in enumerate(tables):
        rows = {tuple(kappa): i for i, kappa in enumerate(kappas[k].tolist())}
        for c in table:
            i, j = rows[tuple(np.atleast_1d(c.kappa).tolist())], lams.index(c.lam)
            error[k, i, j] = c.error
            if c.chosen:
                chosen[i, j] = chosen.get((i, j), 0) + 1
            if c.kept:
                kept.add((i, j))
    mean = error.mean(axis=0)
    figure, axes = _figure(max(3.4, 0.42 * len(lams) + 1.6), max(2.0, 0.36 * len(kappas[0]) + 1.3))
    from matplotlib.colors import LogNorm

    low, high = float(mean[mean > 0].min(initial=np.inf)), float(mean.max())
    norm = LogNorm(low, min(high, 4 * low)) if np.isfinite(low) and high > low else None
    image = axes.imshow(mean, cmap="viridis_r", norm=norm, aspect="auto", origin="lower")
    for i in range(mean.shape[0]):
        for j in range(mean.shape[1]):
            dark = image.norm(mean[i, j]) > 0.5
            axes.text(j, i, f"{mean[i, j]:#.3g}".rstrip("."), ha="center", va="center", fontsize=6,
                      color="white" if dark else INK)
    several = len(folds) > 1
    for (i, j), count in chosen.items():
        axes.plot(j, i, "s", markersize=21, markerfacecolor="none", markeredgecolor=COLOURS[1], markeredgewidth=1.4)
        if several:
            axes.annotate(f"{count}×", (j, i), (9, 6.5), textcoords="offset points", ha="right", va="center",
                          fontsize=5.5, color=COLOURS[1])
    for i, j in kept:
        axes.plot(j - 0.36, i + 0.32, "o", markersize=2.2, color=COLOURS[1], markeredgewidth=0)
    axes.set_xticks(range(len(lams)), [f"{lam:.0e}".replace("e-0", "e-").replace("e+00", "") for lam in lams])
    middle = np.exp(np.log(kappas).mean(axis=0))
    axes.set_yticks(range(len(mean)), [", ".join(f"{value:.2g}" for value in row) for row in middle])
    axes.set_xlabel(r"$\lambda$")
    axes.set_ylabel(r"$\kappa$")
    axes.tick_params(length=0)
    told = "squares: chosen by so many folds" if several else "square: chosen"
    if kept:
        told += "; dots: kept by some" if several else "; dots: kept"
    axes.set_title(f"error of groups left out inside{unit and f' / {unit}'}; {told}", fontsize=7, loc="left")
    return figure


@styled
def coverage_plot(levels: ArrayLike, rows: ArrayLike, groups: ArrayLike) -> Figure:
    """Share of left-out rows, and mean share within groups, inside intervals against the share that was asked for."""
    wanted = np.asarray(levels, dtype=np.float64)
    figure, axes = _figure(3.3, 3.1)
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=0.8)
    axes.fill_between([0, 1], [-0.02, 0.98], [0.02, 1.02], color=_GREY, alpha=0.2, linewidth=0)
    for colour, name, held in ((COLOURS[0], "rows", rows), (COLOURS[1], "mean within groups", groups)):
        axes.plot(wanted, np.asarray(held, dtype=np.float64), "o-", color=colour, markersize=3, label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="share asked for",
             ylabel="share of left-out values inside")
    axes.legend(loc="lower right", borderaxespad=0.2)
    return figure


@styled
def error_against_deviation(residual: ArrayLike, deviation: ArrayLike, half_width: ArrayLike, *, unit: str = ""
                            ) -> Figure:
    """|residual| against the deviation of the model, with the calibrated 90 % interval as a line, a band over folds.

    Both axes are logarithmic; errors below a thousandth of the largest are drawn there.
    """
    error, sigma = np.abs(np.asarray(residual, dtype=float)), np.asarray(deviation, dtype=float)
    figure, axes = _figure(3.6, 3.1)
    floor = 1e-3 * error.max(initial=0.0) or 1e-3
    axes.scatter(sigma, np.maximum(error, floor), s=6, color=COLOURS[0], alpha=0.45, linewidths=0,
                 rasterized=len(error) > 3000)
    width = np.asarray(half_width, dtype=float)
    power = 1.0
    if sigma.min() > 0 and width.min() > 0 and sigma.max() > (1 + 1e-9) * sigma.min():
        # Calibration may temper the growth, by quarters; folds differ in their factors.
        power = round(4 * float(np.polyfit(np.log(sigma), np.log(width), 1)[0])) / 4
    factor = width / np.where(sigma > 0, sigma, 1) ** power  # about one for each fold
    along = np.geomspace(sigma.min(), sigma.max(), 100) if sigma.min() > 0 else np.linspace(0, sigma.max(), 100)
    line = along**power
    axes.fill_between(along, factor.min() * line, factor.max() * line, color=COLOURS[1], alpha=0.2, linewidth=0)
    axes.plot(along, np.median(factor) * line, color=COLOURS[1], label="90 % interval")
    axes.set_yscale("log")
    _plain_log(axes.yaxis)
    axes.set_xlabel(f"deviation before calibration{unit and f' / {unit}'}")
    axes.set_ylabel(f"|predicted − reference|{unit and f' / {unit}'}")
    if sigma.max() > 5 * sigma.min() > 0:
        axes.set_xscale("log")
        _plain_log(axes.xaxis)
    axes.legend(loc="upper left", borderaxespad=0.2)
    return figure
