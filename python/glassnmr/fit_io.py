# SPDX-License-Identifier: BSD-3-Clause
"""A fit on disk: its curves as CSV, its figures as JSON, its picture."""

from __future__ import annotations

import csv
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnmr.files import replacing
from glassnmr.version import __version__

if TYPE_CHECKING:
    from glassnmr.fitting import SpectrumFit

__all__ = ["FIT_SUFFIXES", "fit_summary", "write_fit"]

FIT_SUFFIXES = (".csv", ".json", ".png", ".svg", ".pdf")


def write_fit(path: str | os.PathLike[str], fit: SpectrumFit) -> None:
    """Write by suffix: .csv (curves, the figures above them), .json (figures), or a picture; whole or not at all."""
    kind = Path(path).suffix.lower()
    if kind not in FIT_SUFFIXES:
        raise ValueError(f"a fit is written as {', '.join(FIT_SUFFIXES)}, got {path}")
    if kind == ".csv":
        _write_csv(path, fit)
    elif kind == ".json":
        with replacing(path) as file:
            json.dump(fit_summary(fit), file, indent=1, ensure_ascii=False, allow_nan=False)
            file.write("\n")
    else:
        from glassnmr.plots import save_figure

        save_figure(fit.plot(), path)


def fit_summary(fit: SpectrumFit) -> dict[str, Any]:
    """All figures of a fit as plain values; what is infinite is None."""
    def pair(value: float, error: float) -> dict[str, float | None]:
        return {"value": _finite(value), "error": _finite(error)}

    return {
        "program": f"glassnmr {__version__}", "isotope": fit.isotope, "field_tesla": fit.field,
        "window_ppm": [float(fit.ppm[0]), float(fit.ppm[-1])], "points": len(fit.ppm),
        "parameters": {name: pair(*estimate) for name, estimate in fit.parameters.items()},
        "populations": {label: pair(*share) for label, share in fit.populations.items()},
        "at_bounds": list(fit.at_bounds), "chi2": _finite(fit.chi2), "noise": fit.noise,
        "normalised_residual": fit.normalised_residual,
        "correlation": {"names": list(fit.names), "matrix": np.round(fit.correlation, 6).tolist()},
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _write_csv(path: str | os.PathLike[str], fit: SpectrumFit) -> None:
    columns = {"ppm": fit.ppm, "measured": fit.observed, "calculated": fit.calculated, "residual": fit.residual,
               "baseline": fit.baseline, **fit.components}
    with replacing(path) as file:
        file.write(f"# fit of a spectrum, {fit.isotope or 'unknown isotope'}; shifts and widths in ppm\n")
        for name, (value, error) in fit.parameters.items():
            file.write(f"# {name}: {value:.8g} +- {error:.2g}\n")
        for label, (value, error) in fit.populations.items():
            file.write(f"# population {label}: {value:.6g} +- {error:.2g}\n")
        file.write(f"# chi2: {fit.chi2:.6g}\n# normalised_residual: {fit.normalised_residual:.6g}\n")
        file.write(f"# noise: {fit.noise:.6g}\n")
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows([[f"{value:.10g}" for value in row] for row in np.column_stack(list(columns.values()))])
