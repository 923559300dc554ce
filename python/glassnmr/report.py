# SPDX-License-Identifier: BSD-3-Clause
"""A validation on one page: HTML that needs no other file, its figures, and the rows as CSV."""

from __future__ import annotations

import csv
import html
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from glassnmr import plots, validation_plots
from glassnmr.files import replacing
from glassnmr.label_noise import find_twins
from glassnmr.report_page import ReportPage, table_text
from glassnmr.training import Validation
from glassnmr.validation import Curve, metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from glassnmr.table import Dataset

__all__ = ["Report", "write_report", "write_rows"]

WORST = 25
"""Rows of the table of the worst cases."""
COVERAGE_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, eq=False)
class Report:
    """What goes into a report beside the validation itself."""

    validation: Validation
    labels: NDArray[np.str_] | None = None
    """(R,) kind of each row, as `row_labels` gives it"""
    learning: Mapping[str, Curve] = field(default_factory=dict)
    """learning curve of each target"""
    landmarks: Mapping[str, Mapping[str, Curve]] = field(default_factory=dict)
    """for each target the landmark curve of each method"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """told at the end of the page"""
    title: str = "Validation"


def write_report(path: str | os.PathLike[str], report: Report) -> list[Path]:
    """Write `path` (.html), its figures as PNG and SVG and its rows as CSV beside it; all files written, the page last.

    Raises
    ------
    ValueError
        A path that does not end in .html.
    """
    page = ReportPage(path, report.title)
    write_rows(page.beside(".csv"), report.validation, report.labels)
    page.add(_summary(report))
    for target in report.validation.targets:
        several = len(report.validation.targets) > 1
        page.add(f"<h2>{html.escape(target)}</h2>" if several else "")
        for name, (caption, figure) in _figures(report, target).items():
            page.add_figure(f"{target}-{name}" if several else name, figure, caption)
        page.add(_noise(report.validation, target), _worst(report, target))
    return page.write(report.settings)


def _figures(report: Report, target: str) -> dict[str, tuple[str, Figure]]:
    """Caption and figure by name, in the order of the page."""
    found, labels, unit = report.validation, report.labels, plots.unit_text(target)
    known, guess = found.values(target)
    quantity = plots.quantity_text(target, str(found.dataset.isotope[0]))
    figures = {
        "parity": ("Left-out rows against their reference.",
                   plots.parity(known, guess, quantity=quantity, unit=unit, labels=labels)),
        "residuals": ("Residuals by kind; box: quartiles and median.",
                      validation_plots.residuals_by_label(guess - known, labels, quantity=quantity, unit=unit)),
        "distributions": ("Distribution of reference and prediction.",
                          validation_plots.distributions(known, guess, labels, quantity=quantity, unit=unit)),
    }
    if target in report.learning:
        figures["learning"] = ("Error against the number of rows trained on; band: spread over folds.",
                               plots.curve(report.learning[target], unit=unit))
    if target in report.landmarks:
        curves = dict(report.landmarks[target])
        figures["landmarks"] = ("Error against the number of landmarks, for each way to choose them.",
                                plots.curve(curves, unit=unit))
    if len({(c.kappa, c.lam) for c in found.result.choices if c.fold == 0}) > 1:
        pooled = len(found.targets) > 1  # then the errors are in units of each target's deviation
        figures["parameters"] = ("Choice of lambda and kappa inside the folds.",
                                 validation_plots.parameter_map(found.result.choices, unit="" if pooled else unit))
    deviation, width = found.deviation(target), found.half_width(target)
    if deviation is not None and width is not None:
        held = [found.coverage(target, level) for level in COVERAGE_LEVELS]
        rows, groups = ([one[key] for one in held if one is not None] for key in ("rows", "groups"))
        figures["intervals"] = ("Calibration of intervals, each fold by the others; band: ± 2 %.",
                                validation_plots.coverage_plot(COVERAGE_LEVELS, rows, groups))
        figures["deviation"] = ("Errors against the deviation that the model gave.",
                                validation_plots.error_against_deviation(guess - known, deviation, width, unit=unit))
    return figures


def _summary(report: Report) -> str:
    """Errors of every target, over all rows and by kind, and the coverage of its intervals."""
    found = report.validation
    rows = []
    for target in found.targets:
        masks = {"all": np.ones(len(found.dataset), dtype=bool)}
        if report.labels is not None:
            masks |= {str(name): report.labels == name for name in np.unique(report.labels)}
        for name, mask in masks.items():
            e = found.errors(target, mask)
            rows.append([target, name, *(f"{e[key]:.3f}" for key in ("MAE", "RMSE", "median", "max", "R2")),
                         f"{e['n']:.0f}"])
    unit = ", ".join(f"{t} in {plots.unit_text(t)}" for t in found.targets if plots.unit_text(t))
    text = [f"<p>{found.dataset.isotope[0]}: {len(found.dataset)} rows of {len(found.dataset.structures)} structures "
            f"in {len(np.unique(found.dataset.group))} groups. Every row is predicted by a model that never saw its "
            f"group, in {len(found.result.kappa)} folds; kappa and lambda are chosen without it, too."
            + (f" {html.escape(unit)}." if unit else "") + "</p>",
            table_text(["target", "rows of", "MAE", "RMSE", "median", "max", "R2", "rows"], rows)]
    for target in found.targets:
        held = found.coverage(target)
        if held is not None:
            text.append(f"<p>90 % intervals of {html.escape(target)}, each fold calibrated on the others, hold "
                        f"{100 * held['rows']:.1f} % of the left-out rows and on average {100 * held['groups']:.1f} % "
                        "of the rows of a group.</p>")
    return "\n".join(text)


def _noise(found: Validation, target: str) -> str:
    """What of the error belongs to whole structures, and what twins say of the labels."""
    known, guess = found.values(target)
    owner, unit = found.dataset.structure, plots.unit_text(target)
    residual = guess - known
    middle = np.array([np.median(residual[owner == k]) for k in range(len(found.dataset.structures))])[owner]
    shared = np.bincount(owner)[owner] > 1
    text = ""
    if shared.sum() > 1:
        text = (f"<p>In structures with several rows the mean absolute error is {np.abs(residual[shared]).mean():.2f} "
                f"{unit}; {np.abs(residual - middle)[shared].mean():.2f} {unit} without the median error of each "
                "structure: the rest is the same for all rows of a structure.</p>")
    twins = find_twins(found.features, known, owner)
    if twins.n_rows:
        text += (f"<p>{twins.n_rows} rows have a twin, an environment that is the same within 1 % of the median "
                 f"distance, in another structure. The references of twins differ by {twins.difference.mean():.2f} "
                 f"{unit} on average, by up to {twins.difference.max():.2f}: on these rows no function of the "
                 f"environment can have a mean absolute error below {twins.floor:.2f} {unit}; "
                 f"here it is {_twin_error(residual, twins.pairs):.2f}.</p>")
    return text and f"<h3>Noise of the references</h3>{text}"


def _twin_error(residual: NDArray[np.float64], pairs: NDArray[np.int64]) -> float:
    return metrics(np.zeros(len(np.unique(pairs))), residual[np.unique(pairs)])["MAE"]


def _worst(report: Report, target: str) -> str:
    found = report.validation
    known, guess = found.values(target)
    width = found.half_width(target)
    data, names = found.dataset, structure_names(found.dataset)
    rows = []
    for k in np.argsort(-np.abs(guess - known), kind="stable")[:WORST]:
        label = "" if report.labels is None else str(report.labels[k])
        atoms = data.structures[data.structure[k]]
        rows.append([names[data.structure[k]], str(atoms.get_chemical_formula(empirical=True)), str(data.centre[k]),
                     str(data.group[k]), label, f"{known[k]:.2f}", f"{guess[k]:.2f}", f"{guess[k] - known[k]:+.2f}",
                     "" if width is None else f"± {width[k]:.2f}"])
    head = ["structure", "formula", "atom", "group", "kind", "reference", "predicted", "error", "90 % interval"]
    return "<h3>Worst cases</h3>" + table_text(head, rows)


def structure_names(data: Dataset) -> list[str]:
    """The name of each structure, or its number."""
    return [str(atoms.info.get("name", k)) for k, atoms in enumerate(data.structures)]


def write_rows(path: str | os.PathLike[str], found: Validation, labels: NDArray[np.str_] | None = None) -> None:
    """Every left-out row as CSV: where it is, its fold, and for each target reference, prediction and 90 % half width.
    """
    data, names = found.dataset, structure_names(found.dataset)
    head = ["structure", "atom", "element", "isotope", "group", "fold"] + (["label"] if labels is not None else [])
    columns = []
    for target in found.targets:
        known, guess = found.values(target)
        width = found.half_width(target)
        head += [target, f"{target}_predicted"] + ([] if width is None else [f"{target}_half90"])
        columns += [known, guess] + ([] if width is None else [width])
    if found.result.novelty is not None:
        head.append("novelty")
        columns.append(found.result.novelty)
    with replacing(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        for k in range(len(data)):
            row = [names[data.structure[k]], int(data.centre[k]), data.element[k], data.isotope[k], data.group[k],
                   int(found.result.fold[k])] + ([labels[k]] if labels is not None else [])
            writer.writerow(row + [f"{column[k]:.10g}" for column in columns])
