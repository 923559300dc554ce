# SPDX-License-Identifier: BSD-3-Clause
"""Spectra on disk: CSV with its units in the header, the Core Scientific Dataset Model (``.csdf``), and others'.

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
from glassnmr.spectrum_text import (
    is_dmfit,
    needs_larmor,
    read_dmfit,
    read_simpson,
    write_dmfit,
    write_simpson,
)
from glassnmr.version import __version__

__all__ = ["SPECTRUM_SUFFIXES", "is_spectrum_file", "load_spectrum", "read_spectrum", "write_spectrum"]

Array = NDArray[np.float64]

_PICTURES = (".png", ".svg", ".pdf")
_COLUMNS = (".csv", ".txt", ".dat", ".tsv", ".xy")
_DMFIT = (".asc", ".hz", ".ppm")
SPECTRUM_SUFFIXES = (".csv", ".csdf", ".spe", ".asc", ".bruker", *_PICTURES)
"""What a spectrum can be written as: columns, CSDM, SIMPSON, dmfit, a Bruker data set, pictures."""
_HERTZ = {"Hz": 1.0, "Bq": 1.0, "1/s": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}
_APPLICATION = "glassnmr"


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
        metadata=ours.get("metadata") or _csdf_larmor(data["dimensions"][0]),
    )


def _csdf_larmor(dimension: dict[str, Any]) -> dict[str, float]:
    """The frequency of 0 ppm, where the file tells it."""
    origin = dimension.get("origin_offset")
    megahertz = abs(_quantity(origin)[0]) / 1e6 if origin is not None else 0.0
    return {"larmor_MHz": megahertz} if megahertz > 0 else {}


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
