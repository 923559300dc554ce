# SPDX-License-Identifier: BSD-3-Clause
"""Two-dimensional spectra on disk: the Core Scientific Dataset Model, columns, pictures."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np

from glassnmr.csdf import dimension, dimension_axis, read_document, variable_values, write_document
from glassnmr.files import replacing
from glassnmr.isotopes import isotope as find_isotope
from glassnmr.mqmas import Spectrum2D
from glassnmr.transitions import MQScale

__all__ = ["SPECTRUM_2D_SUFFIXES", "read_spectrum_2d", "write_spectrum_2d"]

_PICTURES = (".png", ".svg", ".pdf")
SPECTRUM_2D_SUFFIXES = (".csv", ".csdf", *_PICTURES)


def write_spectrum_2d(path: str | os.PathLike[str], spectrum: Spectrum2D) -> None:
    """Write by suffix, one of `SPECTRUM_2D_SUFFIXES`; the file appears whole or not at all.

    .csv holds one line a point: f1, f2, intensity and the components.
    """
    kind = Path(path).suffix.lower()
    if kind == ".csdf":
        notes = {"isotope": spectrum.isotope, "field": spectrum.field, "fractions": dict(spectrum.fractions),
                 "scale": spectrum.scale._asdict(), "metadata": dict(spectrum.metadata)}
        axes = [dimension(spectrum.f2, spectrum.larmor, f"{spectrum.isotope} F2, MAS"),
                dimension(spectrum.f1, spectrum.larmor, f"{spectrum.isotope} F1, isotropic")]
        write_document(path, f"{spectrum.isotope} multiple-quantum MAS spectrum at {spectrum.field:.6g} T, per ppm^2",
                       axes, {"intensity": spectrum.intensity, **spectrum.components}, notes)
    elif kind == ".csv":
        _write_columns(path, spectrum)
    elif kind in _PICTURES:
        from glassnmr.plots import save_figure

        save_figure(spectrum.plot(), path)
    else:
        raise ValueError(f"a two-dimensional spectrum is written as {', '.join(SPECTRUM_2D_SUFFIXES)}, got {path}")


def _write_columns(path: str | os.PathLike[str], spectrum: Spectrum2D) -> None:
    f1, f2 = (grid.ravel() for grid in np.meshgrid(spectrum.f1, spectrum.f2, indexing="ij"))
    with replacing(path) as file:
        file.write(f"# sheared spectrum: F1 and F2 in ppm, intensity per ppm^2\n# isotope: {spectrum.isotope}\n"
                   f"# field_tesla: {spectrum.field:.10g}\n"
                   f"# s: {spectrum.scale.s:.10g}\n# q: {spectrum.scale.q:.10g}\n")
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["f1_ppm", "f2_ppm", "intensity", *(" ".join(label.split()) for label in spectrum.components)])
        columns = [f1, f2, spectrum.intensity.ravel(), *(values.ravel() for values in spectrum.components.values())]
        table.writerows([f"{value:.8g}" for value in row] for row in zip(*columns, strict=True))


def read_spectrum_2d(path: str | os.PathLike[str]) -> Spectrum2D:
    """Read a .csdf file that `write_spectrum_2d` wrote."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        data, ours = read_document(path, 2)
        f2, f1 = (dimension_axis(entry) for entry in data["dimensions"])
        planes = {str(variable.get("name", "")): variable_values(variable, len(f1) * len(f2)).reshape(len(f1), len(f2))
                  for variable in data["dependent_variables"]}
        return Spectrum2D(f1, f2, planes.pop("intensity"), find_isotope(ours["isotope"]).symbol, float(ours["field"]),
                          MQScale(**ours["scale"]), planes, ours["fractions"], ours["metadata"])
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a two-dimensional spectrum of glassnmr: {error}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
