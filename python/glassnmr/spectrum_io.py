# SPDX-License-Identifier: BSD-3-Clause
"""Spectra on disk: CSV with its units in the header, and the Core Scientific Dataset Model (``.csdf``).

A csdf file is JSON whose layout is fixed by Srivastava, Vosegaard, Massiot, Grandinetti, PLOS ONE 15 (2020) e0225953;
it is written and read here as such, so that no further package is needed.
"""

from __future__ import annotations

import base64
import binascii
import csv
import json
import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnmr.files import replacing
from glassnmr.isotopes import isotope as find_isotope
from glassnmr.spectra import Spectrum
from glassnmr.version import __version__

__all__ = ["load_spectrum", "read_spectrum", "write_spectrum"]

Array = NDArray[np.float64]

_PICTURES = (".png", ".svg", ".pdf")
_COLUMNS = (".csv", ".txt", ".dat", ".tsv")
_HERTZ = {"Hz": 1.0, "Bq": 1.0, "1/s": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}
_APPLICATION = "glassnmr"


def write_spectrum(path: str | os.PathLike[str], spectrum: Spectrum) -> None:
    """Write by suffix: .csv, .csdf, or a picture as .png, .svg, .pdf; the file appears whole or not at all."""
    kind = Path(path).suffix.lower()
    if kind == ".csv":
        _write_csv(path, spectrum)
    elif kind == ".csdf":
        _write_csdf(path, spectrum)
    elif kind in _PICTURES:
        from glassnmr.plots import save_figure

        save_figure(spectrum.plot(), path)
    else:
        raise ValueError(f"a spectrum is written as .csv, .csdf, .png, .svg or .pdf, got {path}")


def load_spectrum(path: str | os.PathLike[str]) -> Spectrum:
    """Read by suffix: .csdf (one dimension; the real part of complex data), or columns of ppm and intensity."""
    kind = Path(path).suffix.lower()
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        if kind in (".csdf", ".csdfe"):
            return _read_csdf(path)
        if kind in _COLUMNS:
            return _read_columns(path)
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a spectrum that can be read: {_short(error)}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    raise ValueError(f"a spectrum is read from .csdf, .csv or .txt, got {path}")


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


def _read_columns(path: str | os.PathLike[str]) -> Spectrum:
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
    steps = np.diff(spectrum.ppm)
    step = (spectrum.ppm[-1] - spectrum.ppm[0]) / len(steps)
    if np.ptp(steps) > 1e-6 * step:
        raise ValueError("a csdf file needs an even axis")
    columns = {"intensity": spectrum.intensity, **spectrum.components}
    notes = {"isotope": spectrum.isotope, "field": spectrum.field, "fractions": dict(spectrum.fractions)}
    document = {
        "csdm": {
            "version": "1.0",
            "description": f"{spectrum.isotope} MAS spectrum at {spectrum.field:.6g} T, intensity per ppm",
            "application": {_APPLICATION: {"version": __version__, **notes, "metadata": dict(spectrum.metadata)}},
            "dimensions": [
                {
                    "type": "linear",
                    "count": len(spectrum.ppm),
                    "increment": f"{float(step * larmor)!r} Hz",
                    "coordinates_offset": f"{float(spectrum.ppm[0] * larmor)!r} Hz",
                    "origin_offset": f"{float(larmor * 1e6)!r} Hz",
                    "quantity_name": "frequency",
                    "label": f"{spectrum.isotope} chemical shift",
                    "reciprocal": {"quantity_name": "time"},
                }
            ],
            "dependent_variables": [
                {
                    "type": "internal",
                    "name": name,
                    "numeric_type": "float64",
                    "quantity_type": "scalar",
                    "encoding": "base64",
                    "components": [base64.b64encode(values.astype("<f8").tobytes()).decode("ascii")],
                }
                for name, values in columns.items()
            ],
        }
    }
    with replacing(path) as file:
        json.dump(document, file, indent=1, ensure_ascii=False, allow_nan=False)


def _read_csdf(path: str | os.PathLike[str]) -> Spectrum:
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    if not isinstance(content, dict) or "csdm" not in content:
        raise ValueError("this is not a csdf file: the entry csdm is missing")
    data = content["csdm"]
    if len(data["dimensions"]) != 1:
        raise ValueError(f"a spectrum has one dimension, got {len(data['dimensions'])}")
    ppm = _csdf_axis(data["dimensions"][0])
    variables = data["dependent_variables"]
    columns = [_csdf_values(variable, len(ppm)) for variable in variables]
    ours = (data.get("application") or {}).get(_APPLICATION) or {}
    names = [str(variable.get("name", "")) for variable in variables[1:]] if ours else []
    symbol = ours.get("isotope", "")
    return Spectrum(
        ppm=ppm,
        intensity=columns[0],
        isotope=find_isotope(symbol).symbol if symbol else "",
        field=float(ours["field"]) if ours.get("field") else None,
        components=dict(zip(names, columns[1:], strict=False)),
        fractions=ours.get("fractions") or {},
        metadata=ours.get("metadata") or {},
    )


def _csdf_axis(dimension: dict[str, Any]) -> Array:
    if dimension.get("type") != "linear":
        raise ValueError(f"the dimension of a spectrum must be linear, got {dimension.get('type')!r}")
    count = int(dimension["count"])
    if count < 2:
        raise ValueError(f"a spectrum has at least two points, got {count}")
    step, unit = _quantity(dimension["increment"])
    first, _ = _quantity(dimension.get("coordinates_offset", f"0 {unit}"))
    index = np.arange(count) - (count // 2 if dimension.get("complex_fft") else 0)
    if unit == "ppm":
        return np.asarray(first + index * step)
    origin, _ = _quantity(dimension.get("origin_offset", "0 Hz"))
    if not origin:
        raise ValueError("the axis is in Hz and origin_offset, which would make it ppm, is missing")
    return np.asarray((first + index * step) / abs(origin) * 1e6)


def _quantity(text: Any) -> tuple[float, str]:
    """A csdf quantity such as ``"4.9 kHz"`` in Hz, or in ppm."""
    match = re.fullmatch(r"\s*([-+0-9.eE]+)\s*(\S*)\s*", str(text))
    try:
        value = float(match.group(1)) if match else math.nan
    except ValueError:
        value = math.nan
    unit = match.group(2) if match else ""
    if math.isfinite(value) and unit == "ppm":
        return value, unit
    if not math.isfinite(value) or unit not in _HERTZ:
        raise ValueError(f"a frequency in Hz, kHz, MHz, GHz or ppm was expected, got {text!r}")
    return value * _HERTZ[unit], "Hz"


def _csdf_values(variable: dict[str, Any], count: int) -> Array:
    if variable.get("type", "internal") != "internal":
        raise ValueError("the data lie in another file; save the spectrum with its data inside")
    if len(variable["components"]) != 1:
        raise ValueError(f"a spectrum has one component, got {len(variable['components'])}")
    values, kind = variable["components"][0], np.dtype(str(variable["numeric_type"])).newbyteorder("<")
    if variable.get("encoding", "base64") == "base64":
        try:
            array = np.frombuffer(base64.b64decode(values, validate=True), dtype=kind)
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"the base64 data are damaged: {error}") from None
    elif kind.kind == "c":
        pairs = np.array(values, dtype=float)
        array = pairs[0::2] + 1j * pairs[1::2]
    else:
        array = np.array(values, dtype=kind)
    if array.shape != (count,):
        raise ValueError(f"the axis has {count} points, the data {array.size}")
    return np.asarray(array.real, dtype=float)
