# SPDX-License-Identifier: BSD-3-Clause
"""Every figure of the package. matplotlib is imported on use; nothing touches its global state or opens a window."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from glassnmr.files import replacing_path
from glassnmr.isotopes import isotope as find_isotope

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

    from glassnmr.comparison import Compared
    from glassnmr.spectra import Spectrum
    from glassnmr.validation import Curve

__all__ = ["Parity", "comparison", "curve", "overview", "parity", "plot_spectrum", "quantity_text",
           "save_figure", "shift_label", "unit_text"]

P = ParamSpec("P")
R = TypeVar("R")

STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f3c8d", "#8c8c8c")
INK = "#1a1a1a"


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function that draws in the style of the package."""

    @functools.wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            from matplotlib import rc_context
        except ImportError:
            raise ImportError("figures need matplotlib: pip install matplotlib") from None
        style: Any = STYLE
        with rc_context(style):
            return function(*args, **kwargs)

    return inside


@styled
def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure by suffix, whole or not at all; .svg and .pdf keep their text as text."""
    with replacing_path(path) as temporary:
        figure.savefig(temporary)


def nucleus_text(symbol: str) -> str:
    """``"29Si"`` as matplotlib sets it, with the mass number raised."""
    nucleus = find_isotope(symbol)
    return rf"$^{{{nucleus.mass_number}}}${nucleus.element}"


def shift_label(isotope: str) -> str:
    """What the axis of a spectrum says; lines of quadrupolar nuclei lie beside their chemical shifts."""
    if not isotope:
        return "shift / ppm"
    kind = "chemical shift" if find_isotope(isotope).spin == 0.5 else "shift"
    return f"{nucleus_text(isotope)} {kind} / ppm"


@styled
def plot_spectrum(spectrum: Spectrum, measured: Spectrum | None = None, title: str | None = None, *,
                  stacked: bool = True) -> Figure:
    """The spectrum with its components under the sum, ppm falling to the right; a measurement is scaled to it.

    Components are stacked upon each other, so that they fill the sum, or else all stand on the baseline. The measured
    spectrum is scaled to the simulated one by least squares over the common range.
    """
    figure, axes = _figure(5.2, 3.3)
    _draw_spectrum(axes, spectrum, measured, title, stacked)
    return figure


def _draw_spectrum(axes: Any, spectrum: Spectrum, measured: Spectrum | None, title: str | None, stacked: bool = False
                   ) -> None:
    x, top, highest = spectrum.ppm, float(np.max(spectrum.intensity)) or 1.0, 1.0
    low, high = _shown(spectrum)
    lower = np.zeros(len(x))
    for colour, (label, values) in zip(_colours(len(spectrum.components)), spectrum.components.items(), strict=True):
        share = spectrum.fractions.get(label)
        text = label if share is None else f"{label}  {100 * share:.1f} %"
        upper = lower + values / top
        axes.fill_between(x, lower, upper, color=colour, alpha=0.4 if stacked else 0.28, linewidth=0, label=text)
        axes.plot(x, upper, color=colour, linewidth=0.8)
        if stacked:
            lower = upper
    if measured is not None:
        y = np.interp(x, measured.ppm, measured.intensity, left=0, right=0)
        norm = float(y @ y)
        factor = float(spectrum.intensity @ y) / norm if norm > 0 else 1.0
        scaled = factor * measured.intensity / top
        highest = max(highest, float(np.max(scaled[(measured.ppm >= low) & (measured.ppm <= high)], initial=0)))
        axes.plot(measured.ppm, scaled, color="#8c8c8c", linewidth=1.0, label="measured")
    named = bool(spectrum.components) or measured is not None
    axes.plot(
        x, spectrum.intensity / top, color=INK, label=("sum" if spectrum.components else "model") if named else None
    )
    axes.set_xlim(high, low)
    axes.set_ylim(-0.03 if measured is None else None, 1.06 * highest)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(shift_label(spectrum.isotope))
    axes.minorticks_on()
    if named:
        side = _emptier_side(spectrum, low, high)
        axes.legend(loc=f"upper {side}", handlelength=1.2, borderaxespad=0.2)
    if title:
        axes.set_title(title, fontsize=9, loc="left")


@styled
def parity(y: ArrayLike, prediction: ArrayLike, *, quantity: str = "value", unit: str = "",
           labels: ArrayLike | None = None, title: str | None = None) -> Figure:
    """Prediction against reference on equal axes, with MAE, RMSE and R2; `labels` (n,) colour the points."""
    from glassnmr.validation import metrics

    known, guess = np.asarray(y, dtype=float).reshape(-1), np.asarray(prediction, dtype=float).reshape(-1)
    found = metrics(known, guess)
    kinds = np.full(len(known), "") if labels is None else np.asarray(labels).astype(str)
    if kinds.shape != known.shape:
        raise ValueError(f"labels must have shape {known.shape}, got {kinds.shape}")
    figure, axes = _figure(3.6, 3.5)
    _draw_parity(axes, known, guess, kinds, found, quantity, unit, labels is not None)
    if title:
        axes.set_title(title, fontsize=9, loc="left")
    return figure


def _draw_parity(axes: Any, known: Any, guess: Any, kinds: Any, found: dict[str, float], quantity: str, unit: str,
                 named: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    low, high = float(min(known.min(), guess.min())), float(max(known.max(), guess.max()))
    margin = 0.05 * (high - low) or 1.0
    limits = (low - margin, high + margin)
    axes.plot(limits, limits, color="#8c8c8c", linewidth=0.8, zorder=1)
    names, counts = np.unique(kinds, return_counts=True)
    for colour, name, count in zip(_colours(len(names)), names, counts, strict=True):
        of, above = kinds == name, 2 + 1 / count  # the rare ones on top
        axes.scatter(known[of], guess[of], s=9, color=colour, alpha=0.6, linewidths=0, label=name or None, zorder=above)
    suffix = f" {unit}" if unit else ""
    text = (f"MAE {found['MAE']:#.3g}{suffix}\nRMSE {found['RMSE']:#.3g}{suffix}\n$R^2$ {found['R2']:.3f}\n"
            f"$n$ = {len(known)}")
    axes.text(0.04, 0.97, text, transform=axes.transAxes, va="top", zorder=4,
              bbox={"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.75})
    for axis in (axes.xaxis, axes.yaxis):  # the same ticks on both
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set(xlim=limits, ylim=limits, aspect="equal", xlabel=f"{quantity}, reference{unit and f' / {unit}'}",
             ylabel=f"{quantity}, predicted{unit and f' / {unit}'}")
    if named:
        legend = axes.legend(loc="lower right", handletextpad=0.2, borderaxespad=0.2, markerscale=1.4)
        for handle in legend.legend_handles:
            handle.set_alpha(1)


@styled
def curve(result: Curve | dict[str, Curve], *, unit: str = "", title: str | None = None) -> Figure:
    """Error of left-out groups against training rows or landmarks; several curves by name share the axes.

    The line is the mean over folds, the band of up to two curves one standard deviation, not below the best fold.
    """
    curves = result if isinstance(result, dict) else {"": result}
    if not curves:
        raise ValueError("there must be at least one curve to plot")
    figure, axes = _figure(4.2, 3.1)
    for colour, (name, one) in zip(_colours(len(curves)), curves.items(), strict=True):
        mean, spread = one.mae.mean(axis=0), one.mae.std(axis=0)
        lower = np.maximum(mean - spread, one.mae.min(axis=0))  # above 0 for a logarithmic axis
        if len(curves) <= 2:  # more bands hide each other
            axes.fill_between(one.size, lower, mean + spread, color=colour, alpha=0.18, linewidth=0)
        axes.plot(one.size, mean, "o-", color=colour, markersize=3.5, label=name or None)
    axes.set_xscale("log")
    positive = all((one.mae > 0).all() for one in curves.values())
    if positive and max(c.mae.max() for c in curves.values()) > 3 * min(c.mae.min() for c in curves.values()):
        axes.set_yscale("log")
        _plain_log(axes.yaxis)
    over = {one.over for one in curves.values()}
    if len(curves) <= 2:
        axes.annotate("band: standard deviation over folds", (1, 1), xycoords="axes fraction", fontsize=7, ha="right",
                      va="bottom")
    axes.set_xlabel(" or ".join(sorted("training rows" if name == "rows" else name for name in over)))
    axes.set_ylabel(f"mean absolute error{unit and f' / {unit}'}")
    ticks = np.unique(np.concatenate([one.size for one in curves.values()]))
    if len(ticks) <= 8:
        axes.set_xticks(ticks, [str(int(tick)) for tick in ticks])
        axes.minorticks_off()
    if len(curves) > 1:
        axes.legend(borderaxespad=0.2)
    if title:
        axes.set_title(title, fontsize=9, loc="left")
    return figure


@styled
def comparison(found: Sequence[Compared], target: str, *, unit: str = ""
               ) -> Figure:
    """Error of left-out groups against training rows, number of features and time of a row, one colour a candidate."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = {one.name: one.curves[target] for one in found if target in one.curves}
    panels = ["features", "µs for a row"]
    figure = Figure(figsize=(2.9 * (len(panels) + bool(curves)), 2.9), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(panels) + bool(curves), squeeze=False)[0]
    colours = _colours(len(found))
    for colour, one in zip(colours, found, strict=True):
        error = one.errors(target)["MAE"]
        if one.name in curves:
            mae = curves[one.name].mae
            axes[0].plot(curves[one.name].size, mae.mean(axis=0), "o-", color=colour, markersize=3.5)
        for panel, value in zip(axes[-2:], (one.n_features, one.row_time), strict=True):
            panel.plot(value, error, "o", color=colour, markersize=6, label=one.name)
    for panel, name in zip(axes, (["training rows"] if curves else []) + panels, strict=True):
        low, high = panel.dataLim.intervalx
        panel.set_xlabel(name)
        if high > 4 * low:
            panel.set_xscale("log")
            _plain_log(panel.xaxis)
        else:
            panel.set_xlim(0, 1.1 * high)
    for panel in axes[-2:]:
        panel.set_ylim(0, 1.1 * panel.dataLim.intervaly[1])
    if curves:
        axes[0].set_yscale("log")
        _plain_log(axes[0].yaxis)
    axes[0].set_ylabel(f"mean absolute error{unit and f' / {unit}'}")
    axes[0].set_title(target, fontsize=9, loc="left")
    figure.legend(*axes[-1].get_legend_handles_labels(), loc="outside lower center", ncols=min(len(found), 5))
    return figure


def _plain_log(axis: Any) -> None:
    """Ticks 1, 2, 5 of each decade as plain numbers, also where an axis is shorter than a decade."""
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    low, high = sorted(axis.get_view_interval())
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high > 4 * low else (1, 1.5, 2, 3, 4, 5, 6, 7, 8)))
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_formatter(NullFormatter())


class Parity(NamedTuple):
    """What one parity panel of an overview shows."""

    known: ArrayLike
    guess: ArrayLike
    labels: ArrayLike
    quantity: str
    unit: str


@styled
def overview(parities: Sequence[Parity], spectra: Sequence[Spectrum], title: str | None = None) -> Figure:
    """Parity panels above the spectra that their models lead to."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from glassnmr.validation import metrics

    figure = Figure(figsize=(max(8.4, 2.6 * len(parities)), 5.4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = np.asarray(figure.subfigures(2, 1, height_ratios=(1, 1.05))).ravel()
    for axes, panel in zip(above.subplots(1, len(parities), squeeze=False)[0], parities, strict=True):
        known, guess = np.asarray(panel.known, dtype=float), np.asarray(panel.guess, dtype=float)
        _draw_parity(axes, known, guess, np.asarray(panel.labels).astype(str), metrics(known, guess), panel.quantity,
                     panel.unit, True)
    for axes, spectrum in zip(below.subplots(1, len(spectra), squeeze=False)[0], spectra, strict=True):
        _draw_spectrum(axes, spectrum, None, None)
    if title:
        below.suptitle(title, fontsize=9)
    return figure


def quantity_text(target: str, isotope: str) -> str:
    """The name of a target as an axis shows it: ``"sigma_iso"`` of ``"29Si"`` as a Greek letter with its nucleus."""
    signs = {"zeta": r"$\zeta$", "eta_csa": r"$\eta_\mathrm{CSA}$", "span": r"$\Omega$", "skew": r"$\kappa$",
             "sigma_iso": r"$\sigma_{\mathrm{iso}}$", "delta_iso": r"$\delta_{\mathrm{iso}}$", "eta": r"$\eta$",
             "C_Q": r"$C_\mathrm{Q}$", "abs_C_Q": r"$|C_\mathrm{Q}|$", "V_zz": r"$V_{zz}$", "P_Q": r"$P_\mathrm{Q}$"}
    return f"{signs.get(target, target)}({nucleus_text(isotope)})"


def unit_text(target: str) -> str:
    """The unit of a target as an axis shows it, empty for pure numbers."""
    from glassnmr.model import TARGET_UNITS

    unit = TARGET_UNITS.get(target, "")
    return {"1": "", "au": "a.u."}.get(unit, unit)


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    """An empty figure of this size in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _colours(n: int) -> list[str]:
    return [COLOURS[place % len(COLOURS)] for place in range(n)]


def _shown(spectrum: Spectrum) -> tuple[float, float]:
    """The part of the axis with all but 4e-4 of the intensity, with margins, or all of it if that is little less."""
    x = spectrum.ppm
    below = np.cumsum(np.maximum(spectrum.intensity, 0))
    if not below[-1] > 0:
        return float(x[0]), float(x[-1])
    below /= below[-1]
    low, high = float(np.interp(2e-4, below, x)), float(np.interp(1 - 2e-4, below, x))
    margin = 0.12 * (high - low)
    return max(low - margin, float(x[0])), min(high + margin, float(x[-1]))


def _emptier_side(spectrum: Spectrum, low: float, high: float) -> str:
    """Where a legend covers less: the left of the figure holds the high shifts."""
    third = (high - low) / 3
    left = spectrum.intensity[(spectrum.ppm > high - third) & (spectrum.ppm <= high)]
    right = spectrum.intensity[(spectrum.ppm < low + third) & (spectrum.ppm >= low)]
    return "left" if np.max(left, initial=0) <= np.max(right, initial=0) else "right"
