# SPDX-License-Identifier: BSD-3-Clause
"""A validation of whole tensors on one page: HTML that needs no other file, its figures, and the rows as CSV."""

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
from glassnmr.folds import group_numbers
from glassnmr.io.elements import AXES
from glassnmr.report import COVERAGE_LEVELS, WORST, structure_names
from glassnmr.report_page import ReportPage, table_text
from glassnmr.tensor_errors import RANGES, tensor_coverage
from glassnmr.tensor_model import derived_values
from glassnmr.tensor_training import TensorValidation
from glassnmr.uncertainty import left_out_half_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["TensorReport", "write_tensor_report", "write_tensor_rows"]

Floats = NDArray[np.float64]
_ANGLES = ("alpha", "beta", "gamma")
_UNITS = {"ms": "ppm", "efg": "a.u."}


@dataclass(frozen=True, eq=False)
class TensorReport:
    """What goes into a report beside the validation itself."""

    validation: TensorValidation
    labels: NDArray[np.str_] | None = None
    """(R,) kind of each row, as `glassnmr.training.row_labels` gives it"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """told at the end of the page"""
    title: str = "Validation of tensors"


def write_tensor_report(path: str | os.PathLike[str], report: TensorReport) -> list[Path]:
    """Write `path` (.html), its figures as PNG and SVG and its rows as CSV beside it; all files written, the page last.

    Raises
    ------
    ValueError
        A path that does not end in .html.
    """
    page = ReportPage(path, report.title)
    write_tensor_rows(page.beside(".csv"), report.validation, report.labels)
    page.add(_summary(report))
    for heading, figures in (("Left-out rows against their reference", tensor_parity(report.validation, report.labels)),
                             ("Intervals", _interval_figures(report.validation))):
        page.add(f"<h2>{heading}</h2>")
        for name, figure in figures.items():
            page.add_figure(name, figure, _CAPTIONS.get(name.split("-")[0], "") + name.split("-", 1)[-1])
    page.add(_worst(report))
    return page.write(report.settings)


_CAPTIONS = {"intervals": "Calibration, each fold by the others; band: ± 2 %: ",
             "deviation": "Errors against the deviation that the model gave: "}


def tensor_parity(found: TensorValidation, labels: NDArray[np.str_] | None = None) -> dict[str, Figure]:
    """Parity of each derived value and, as "element", of the nine elements."""
    isotope, figures = _isotope(found), {}
    for name, (known, guess) in _derived(found).items():
        figures[name] = plots.parity(known, guess, quantity=plots.quantity_text(name, isotope),
                                     unit=plots.unit_text(name), labels=labels)
    on = np.where(np.eye(3, dtype=bool).reshape(-1), "diagonal", "off the diagonal")
    figures["element"] = plots.parity(
        found.y.reshape(-1), found.prediction.reshape(-1), labels=np.tile(on, len(found.y)), unit=_UNITS[found.kind],
        quantity=f"{plots.nucleus_text(isotope)} {found.kind} elements")
    return figures


def _interval_figures(found: TensorValidation) -> dict[str, Figure]:
    errors, deviations = found.derived()
    group, figures = group_numbers(found.dataset.group, len(found.dataset)), {}
    names = [name for name in ("sigma_iso", "span", "C_Q", "eta", f"{found.kind}_ii") if name in errors]
    for name in names:
        held = [tensor_coverage({name: errors[name]}, deviations, found.fold, group, level)[name]
                for level in COVERAGE_LEVELS]
        figures[f"intervals-{name}"] = validation_plots.coverage_plot(
            COVERAGE_LEVELS, [one["rows"] for one in held], [one["groups"] for one in held])
    for name in names[:2]:
        figures[f"deviation-{name}"] = validation_plots.error_against_deviation(
            errors[name], deviations[name], _widths(found)[name], unit=plots.unit_text(name))
    return figures


def _isotope(found: TensorValidation) -> str:
    return str(found.dataset.isotope[0])


def _derived(found: TensorValidation) -> dict[str, tuple[Floats, Floats]]:
    """Known and predicted (R,) by name, without the angles of axes."""
    both = [derived_values(t, found.kind, _isotope(found)) for t in (found.y, found.prediction)]
    return {name: (both[0][name], both[1][name]) for name in both[0] if name not in _ANGLES}


def _widths(found: TensorValidation, level: float = 0.9) -> dict[str, Floats]:
    """Half widths (R,) of what has one number a row, each fold calibrated on the others."""
    errors, deviations = found.derived()
    return {name: np.minimum(left_out_half_width(error, deviations[name], found.fold, level),
                             RANGES.get(name, np.inf)) for name, error in errors.items() if error.ndim == 1}


def _summary(report: TensorReport) -> str:
    found = report.validation
    masks = {"all": np.ones(len(found.dataset), dtype=bool)}
    if report.labels is not None:
        masks |= {str(name): report.labels == name for name in np.unique(report.labels)}
    rows = [[name, kind, *(f"{e[key]:.4g}" for key in ("MAE", "RMSE", "median", "max", "R2")), f"{e['n']:.0f}"]
            for kind, mask in masks.items() for name, e in found.errors(mask).items()]
    units = {"element": _UNITS[found.kind]} | {name: plots.unit_text(name) for name in _derived(found)}
    data = found.dataset
    text = [f"<p>{_isotope(found)} {found.kind}: {len(data)} tensors of {len(data.structures)} structures in "
            f"{len(np.unique(data.group))} groups. Every tensor is predicted by models that never saw its group, in "
            f"{len(found.chosen)} folds; kappa and lambda are chosen without it, too. "
            + html.escape(", ".join(f"{name} in {unit}" for name, unit in units.items() if unit)) + ".</p>",
            table_text(["quantity", "rows of", "MAE", "RMSE", "median", "max", "R2", "rows"], rows)]
    held = found.coverage()
    text.append("<p>90 % intervals, each fold calibrated on the others: share of the left-out values that they hold, "
                "mean share within groups, and mean half width; _ii and _ij are elements on and off the diagonal, "
                "axis_x and axis_z angles by which principal axes are off, in radians.</p>")
    text.append(table_text(["quantity", "of all", "by group", "half width"],
                           [[name, f"{100 * one['rows']:.1f} %", f"{100 * one['groups']:.1f} %",
                             f"{one['half width']:.4g}"] for name, one in held.items()]))
    return "\n".join(text)


def _worst(report: TensorReport) -> str:
    found = report.validation
    data, names, derived = found.dataset, structure_names(report.validation.dataset), _derived(found)
    off = np.abs(found.prediction - found.y).reshape(len(found.y), 9).mean(axis=1)
    told = [name for name in ("sigma_iso", "span", "C_Q", "eta") if name in derived]
    rows = []
    for k in np.argsort(-off, kind="stable")[:WORST]:
        atoms = data.structures[data.structure[k]]
        label = "" if report.labels is None else str(report.labels[k])
        values = [f"{derived[name][0][k]:.4g} → {derived[name][1][k]:.4g}" for name in told]
        rows.append([names[data.structure[k]], str(atoms.get_chemical_formula(empirical=True)), str(data.centre[k]),
                     str(data.group[k]), label, f"{off[k]:.4g}", *values, f"{found.novelty[k]:.2g}"])
    head = ["structure", "formula", "atom", "group", "kind", "mean error of the elements",
            *(f"{name}, reference → predicted" for name in told), "novelty"]
    return "<h2>Worst cases</h2>" + table_text(head, rows)


def write_tensor_rows(path: str | os.PathLike[str], found: TensorValidation, labels: NDArray[np.str_] | None = None
                      ) -> None:
    """Every left-out row as CSV: where it is, its fold, and reference, prediction and 90 % half width of all values."""
    data, names, widths = found.dataset, structure_names(found.dataset), _widths(found)
    head = ["structure", "atom", "element", "isotope", "group", "fold"] + (["label"] if labels is not None else [])
    columns = []
    for name, (known, guess) in _derived(found).items():
        head += [name, f"{name}_predicted", f"{name}_half90"]
        columns += [known, guess, widths[name]]
    for k, axes in enumerate(AXES):
        head += [f"{found.kind}_{axes}", f"{found.kind}_{axes}_predicted"]
        columns += [found.y.reshape(-1, 9)[:, k], found.prediction.reshape(-1, 9)[:, k]]
    for name in ("axis_x", "axis_z"):
        head += [f"{name}_error", f"{name}_half90"]
        columns += [found.derived()[0][name], widths[name]]
    head.append("novelty")
    columns.append(found.novelty)
    with replacing(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        for k in range(len(data)):
            row = [names[data.structure[k]], int(data.centre[k]), data.element[k], data.isotope[k], data.group[k],
                   int(found.fold[k])] + ([labels[k]] if labels is not None else [])
            writer.writerow(row + [f"{column[k]:.10g}" for column in columns])
