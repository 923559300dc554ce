# SPDX-License-Identifier: BSD-3-Clause
"""Figures as plain aligned columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glassnmr.cli.options import Settings

__all__ = ["columns", "error_table", "reference_line", "settings_told"]


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of aligned columns, the first to the left, the others to the right."""
    table = [list(head), *(list(row) for row in rows)]
    width = [max(len(row[c]) for row in table) for c in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width[c]) if c == 0 else cell.rjust(width[c]) for c, cell in enumerate(row))
                     for row in table)


def reference_line(a: float, b: float) -> str:
    """The line from shieldings to shifts."""
    return f"delta_iso = {a:.2f} {'-' if b < 0 else '+'} {abs(b):.4f} sigma_iso (ppm)"


def settings_told(settings: Settings) -> dict[str, Any]:
    """Settings by name, for the end of a report; without those that were not given."""
    told = {name: value for name, value in asdict(settings).items() if value not in (None, ())}
    return told | {"files": " ".join(map(str, settings.files)) or settings.reference_data}


def error_table(errors: Mapping[str, Mapping[str, float]], head: str) -> str:
    """MAE, RMSE, median and largest absolute error, R2 and number of rows, one line a name."""
    from glassnmr.plots import unit_text

    names = ("MAE", "RMSE", "median", "max")
    return columns([head, *names, "R2", "rows"],
                   [[f"{name} / {unit_text(name)}" if unit_text(name) else name, *(f"{e[key]:.3f}" for key in names),
                     f"{e['R2']:.3f}", f"{e['n']:.0f}"] for name, e in errors.items()])
