# SPDX-License-Identifier: BSD-3-Clause
"""Spectra on disk: CSV with its units in the header, the Core Scientific Dataset Model (``.csdf``), and others'."""

from __future__ import annotations

import csv
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnmr.csdf import dimension, dimension_axis, dimension_larmor, read_document, variable_values, write_document
from glassnmr.files import replacing
from glassnmr.isotopes import isotope as find_isotope
from glassnmr.spectra import Spectrum
from glassnmr.spectrum_text import (
    is_dmfit,
    needs_larmor,
    read_dmfit,
    read_simpson,
    write_dmfit,
    write_simpson,
)

__all__ = ["SPECTRUM_SUFFIXES", "is_spectrum_file", "load_spectrum", "read_spectrum", "write_spectrum"]

Array = NDArray[np.float64]

_PICTURES = (".png", ".svg", ".pdf")
_COLUMNS = (".csv", ".txt", ".dat", ".tsv", ".xy")
_DMFIT = (".asc", ".hz", ".ppm")
SPECTRUM_SUFFIXES = (".csv", ".csdf", ".spe", ".asc", ".bruker", *_PICTURES)
"""What a spectrum can be written as: columns, CSDM, SIMPSON, dmfit, a Bruker data set, pictures."""


def write_spectrum(path: str | os.PathLike[str], spectrum: Spectrum) -> None:
    """Write by suffix, one of `SPECTRUM_SUFFIXES`; the file appears whole or not at all.

    Components go into .csv and .csdf and pictures; SIMPSON's .spe, dmfit's .asc and Bruker data sets take the sum.
    """
    kind = Path(path).suffix.lower()
    if kind == ".csv":
        _write_csv(path, spectrum)
    elif kind == ".csdf":
        _write_csdf(path, spectrum)
    elif kind == ".spe":
        write_simpson(path, spectrum)
    elif kind == ".asc":
        write_dmfit(path, spectrum)
    elif kind == ".bruker":
        from glassnmr.spectrum_bruker import write_bruker

        write_bruker(path, spectrum)
    elif kind in _PICTURES:
        from glassnmr.plots import save_figure

        save_figure(spectrum.plot(), path)
    else:
        raise ValueError(f"a spectrum is written as {', '.join(SPECTRUM_SUFFIXES)}, got {path}")


def load_spectrum(path: str | os.PathLike[str], *, larmor: float | None = None) -> Spectrum:
    """Read by suffix: .csdf (one dimension; the real part of complex data), SIMPSON's .spe, dmfit's .asc, .hz and .ppm,
    a Bruker folder or ``1r``, or columns of ppm and intensity.

    A first column whose heading names Hz or kHz, and files in Hz that do not tell their frequency, need `larmor`, the
    frequency of 0 ppm in MHz.
    """
    from glassnmr.spectrum_bruker import is_bruker, read_bruker

    kind = Path(path).suffix.lower()
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        if is_bruker(path):
            return read_bruker(path)
        if kind in (".csdf", ".csdfe"):
            return _read_csdf(path)
        if kind == ".spe":
            return read_simpson(path, larmor)
        if kind in _DMFIT or kind in _COLUMNS and _begins_as_dmfit(path):
            return read_dmfit(path, larmor, "ppm" if kind == ".ppm" else "Hz")
        if kind in _COLUMNS:
            return _read_columns(path, larmor)
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a spectrum that can be read: {_short(error)}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}" if str(path) not in str(error) else str(error)) from None
    raise ValueError(f"a spectrum is read from .csdf, .csv, .txt, .spe, .asc or a Bruker folder, got {path}")


def is_spectrum_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is meant as a spectrum, and not as predictions of atoms."""
    kind = Path(path).suffix.lower()
    if kind != ".csv" or not Path(path).is_file():
        return kind in (".csdf", ".csdfe", ".spe", *_DMFIT, *_COLUMNS) and kind != ".csv" or Path(path).is_dir() or \
            Path(path).name == "1r"
    with open(path, encoding="utf-8", errors="replace") as file:
        return not {"frame", "atom", "element"} <= set(file.readline(4096).strip().split(","))


def _begins_as_dmfit(path: str | os.PathLike[str]) -> bool:
    with open(path, encoding="utf-8") as file:
        return is_dmfit(file.read(2048))


def read_spectrum(path: str | os.PathLike[str]) -> tuple[Array, Array]:
    """ppm, rising, and intensity of a spectrum in a file."""
    spectrum = load_spectrum(path)
    return spectrum.ppm, spectrum.intensity


def _short(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"no entry {text}" if isinstance(error, KeyError) else text


# ---------------------------------------------------------------------------------------------------------------- CSV


def _write_csv(path: str | os.PathLike[str], spectrum: Spectrum) -> None:
    header: dict[str, Any] = {"isotope": spectrum.isotope or None, "field_tesla": spectrum.field}
    header.update({f"fraction {label}": share for label, share in spectrum.fractions.items()})
    header.update(spectrum.metadata)
    with replacing(path) as file:
        file.write("# spectrum: chemical shift in ppm, intensity per ppm\n")
        for name, value in header.items():
            if value is not None:
                file.write(f"# {_one_line(name)}: {_one_line(value)}\n")
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["ppm", "intensity", *map(_one_line, spectrum.components)])
        columns = np.column_stack([spectrum.ppm, spectrum.intensity, *spectrum.components.values()])
        table.writerows([[f"{value:.10g}" for value in row] for row in columns])


def _one_line(value: Any) -> str:
    return " ".join(str(value).split())


def _read_columns(path: str | os.PathLike[str], larmor: float | None = None) -> Spectrum:
    notes: dict[str, str] = {}
    names: list[str] = []
    rows: list[list[float]] = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.lstrip().startswith(("#", "%", ";")):
                name, colon, value = line.lstrip("#%; \t").partition(": ")
                if colon:
                    notes[name.strip()] = value.strip()
                continue
            if not line.strip():
                continue
            cells = next(csv.reader([line])) if "," in line else line.split()
            try:
                rows.append([float(cell) for cell in cells])
            except ValueError:
                if rows or names:
                    raise ValueError(
                        f"line {number} holds something else than numbers: {line.strip()[:60]!r}"
                    ) from None
                names = [cell.strip() for cell in cells]
                continue
            if len(rows[-1]) < 2 or len(rows[-1]) != len(rows[0]):
                raise ValueError(f"line {number} has {len(rows[-1])} column(s), expected {max(2, len(rows[0]))}")
    if len(rows) < 2:
        raise ValueError("there are no two lines of ppm and intensity")
    data = np.array(rows)
    in_hertz = re.search(r"\b(k?)Hz\b", names[0], re.IGNORECASE) if names else None
    if in_hertz is not None:
        data[:, 0] *= (1000 if in_hertz[1] else 1) / needs_larmor(larmor)
    labels = names[2:] if len(names) == data.shape[1] and names[0] == "ppm" else []
    fractions = {label: float(notes[f"fraction {label}"]) for label in labels if f"fraction {label}" in notes}
    field = notes.pop("field_tesla", None)
    symbol = notes.pop("isotope", "")
    return Spectrum(
        ppm=data[:, 0],
        intensity=data[:, 1],
        isotope=find_isotope(symbol).symbol if symbol else "",
        field=float(field) if field else None,
        components={label: data[:, 2 + place] for place, label in enumerate(labels)},
        fractions=fractions,
        metadata={key: _value(text) for key, text in notes.items() if not key.startswith(("fraction ", "spectrum"))},
    )


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


# --------------------------------------------------------------------------------------------------------------- csdf


def _write_csdf(path: str | os.PathLike[str], spectrum: Spectrum) -> None:
    larmor = spectrum.larmor
    if larmor is None:
        raise ValueError("a csdf file needs the isotope and the field of the spectrum; save it as .csv, or give them")
    notes = {"isotope": spectrum.isotope, "field": spectrum.field, "fractions": dict(spectrum.fractions),
             "metadata": dict(spectrum.metadata)}
    write_document(path, f"{spectrum.isotope} MAS spectrum at {spectrum.field:.6g} T, intensity per ppm",
                   [dimension(spectrum.ppm, larmor, f"{spectrum.isotope} chemical shift")],
                   {"intensity": spectrum.intensity, **spectrum.components}, notes)


def _read_csdf(path: str | os.PathLike[str]) -> Spectrum:
    data, ours = read_document(path, 1)
    ppm = dimension_axis(data["dimensions"][0])
    variables = data["dependent_variables"]
    columns = [variable_values(variable, len(ppm)) for variable in variables]
    names = [str(variable.get("name", "")) for variable in variables[1:]] if ours else []
    symbol = ours.get("isotope", "")
    return Spectrum(
        ppm=ppm,
        intensity=columns[0],
        isotope=find_isotope(symbol).symbol if symbol else "",
        field=float(ours["field"]) if ours.get("field") else None,
        components=dict(zip(names, columns[1:], strict=False)),
        fractions=ours.get("fractions") or {},
        metadata=ours.get("metadata") or dimension_larmor(data["dimensions"][0]),
    )
