# SPDX-License-Identifier: BSD-3-Clause
"""The Core Scientific Dataset Model: what the parts of a ``.csdf`` file look like, both ways.

A csdf file is JSON whose layout is fixed by Srivastava, Vosegaard, Massiot, Grandinetti, PLOS ONE 15 (2020) e0225953;
it is written and read here as such, so that no further package is needed.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnmr.files import replacing
from glassnmr.version import __version__

__all__ = ["APPLICATION", "count_dimensions", "dimension", "dimension_axis", "dimension_larmor", "read_document",
           "variable_values", "write_document"]

Array = NDArray[np.float64]

APPLICATION = "glassnmr"
"""Where our own notes stand in a file."""
_HERTZ = {"Hz": 1.0, "Bq": 1.0, "1/s": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}


def dimension(ppm: Array, larmor: float, label: str) -> dict[str, Any]:
    """An even axis; `larmor`, the frequency of 0 ppm, in MHz."""
    steps = np.diff(ppm)
    step = (ppm[-1] - ppm[0]) / len(steps)
    if np.ptp(steps) > 1e-6 * step:
        raise ValueError("a csdf file needs an even axis")
    return {"type": "linear", "count": len(ppm), "increment": f"{float(step * larmor)!r} Hz",
            "coordinates_offset": f"{float(ppm[0] * larmor)!r} Hz", "origin_offset": f"{float(larmor * 1e6)!r} Hz",
            "quantity_name": "frequency", "label": label, "reciprocal": {"quantity_name": "time"}}


def write_document(path: str | os.PathLike[str], description: str, dimensions: Sequence[dict[str, Any]],
                   variables: Mapping[str, Array], notes: Mapping[str, Any]) -> None:
    """Dimensions, the fastest first, and variables by name, whose last index is that of the first dimension."""
    document = {
        "csdm": {
            "version": "1.0",
            "description": description,
            "application": {APPLICATION: {"version": __version__, **notes}},
            "dimensions": list(dimensions),
            "dependent_variables": [
                {
                    "type": "internal",
                    "name": name,
                    "numeric_type": "float64",
                    "quantity_type": "scalar",
                    "encoding": "base64",
                    "components": [base64.b64encode(values.astype("<f8").tobytes()).decode("ascii")],
                }
                for name, values in variables.items()
            ],
        }
    }
    with replacing(path) as file:
        json.dump(document, file, indent=1, ensure_ascii=False, allow_nan=False)


def count_dimensions(path: str | os.PathLike[str]) -> int:
    """How many dimensions a file has; 0 where it is no csdf file."""
    try:
        with open(path, encoding="utf-8") as file:
            return len(json.load(file)["csdm"]["dimensions"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def read_document(path: str | os.PathLike[str], n_dimensions: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What stands under ``csdm``, and our own notes."""
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    if not isinstance(content, dict) or "csdm" not in content:
        raise ValueError("this is not a csdf file: the entry csdm is missing")
    data = content["csdm"]
    if len(data["dimensions"]) != n_dimensions:
        words = {1: "one dimension", 2: "two dimensions"}[n_dimensions]
        raise ValueError(f"a spectrum here has {words}, got {len(data['dimensions'])}")
    return data, (data.get("application") or {}).get(APPLICATION) or {}


def dimension_larmor(entry: dict[str, Any]) -> dict[str, float]:
    """The frequency of 0 ppm, where the file tells it."""
    origin = entry.get("origin_offset")
    megahertz = abs(_quantity(origin)[0]) / 1e6 if origin is not None else 0.0
    return {"larmor_MHz": megahertz} if megahertz > 0 else {}


def dimension_axis(entry: dict[str, Any]) -> Array:
    """The axis in ppm."""
    if entry.get("type") != "linear":
        raise ValueError(f"the dimension of a spectrum must be linear, got {entry.get('type')!r}")
    count = int(entry["count"])
    if count < 2:
        raise ValueError(f"a spectrum has at least two points, got {count}")
    step, unit = _quantity(entry["increment"])
    first, _ = _quantity(entry.get("coordinates_offset", f"0 {unit}"))
    index = np.arange(count) - (count // 2 if entry.get("complex_fft") else 0)
    if unit == "ppm":
        return np.asarray(first + index * step)
    origin, _ = _quantity(entry.get("origin_offset", "0 Hz"))
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


def variable_values(variable: dict[str, Any], count: int) -> Array:
    """The real part of a variable, flat."""
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
