# SPDX-License-Identifier: BSD-3-Clause
"""Processed spectra of Bruker's TopSpin: the binary ``1r`` and the parameters beside it.

A data set is ``NAME/EXPNO/pdata/PROCNO/`` with ``1r`` (integers of 4 bytes, or floats of 8) and ``procs``; the point k,
from the left, lies at OFFSET - k SW_p / (SF SI) ppm and has the value 2^NC_proc times its number.
"""

from __future__ import annotations

import math
import os
import re
import secrets
import shutil
from pathlib import Path

import numpy as np

from glassnmr.isotopes import isotope as find_isotope
from glassnmr.spectra import Spectrum
from glassnmr.spectrum_text import even_hertz

__all__ = ["is_bruker", "read_bruker", "write_bruker"]

_HEAD = "##TITLE= Parameter file, glassnmr\n##JCAMPDX= 5.0\n##DATATYPE= Parameter Values\n##ORIGIN= glassnmr"
_HEIGHT = 2**29  # TopSpin's integers go up to about this


def is_bruker(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a ``1r`` file or a folder, of any level, of a data set."""
    path = Path(path)
    return path.name == "1r" or path.is_dir()


def read_bruker(path: str | os.PathLike[str]) -> Spectrum:
    """Read a processed one-dimensional spectrum: ``1r`` itself, or a folder that holds one data set."""
    binary = _binary(Path(path))
    if not (binary.parent / "procs").is_file():
        raise ValueError(f"there is no procs beside {binary}")
    procs = _parameters(binary.parent / "procs")
    count = int(_number(procs, "SI"))
    big = int(_number(procs, "BYTORDP", 0)) == 1
    kind = np.dtype("f8" if int(_number(procs, "DTYPP", 0)) == 2 else "i4").newbyteorder(">" if big else "<")
    raw = binary.read_bytes()
    if count < 2 or len(raw) != count * kind.itemsize:
        raise ValueError(f"SI announces {count} points of {kind.itemsize} bytes, 1r has {len(raw)} bytes")
    values = np.frombuffer(raw, dtype=kind).astype(float)
    if kind.kind == "i":
        values = values * 2.0 ** _number(procs, "NC_proc", 0)
    larmor, width = _number(procs, "SF"), _number(procs, "SW_p")
    if not (larmor > 0 and width > 0):
        raise ValueError(f"SF and SW_p must be positive, got {larmor} and {width}")
    ppm = _number(procs, "OFFSET") - np.arange(count, dtype=np.float64) * width / (count * larmor)
    nucleus = _nucleus(binary, procs)
    isotope = find_isotope(nucleus) if nucleus else None
    return Spectrum(ppm, values, isotope.symbol if isotope else "", isotope.field(larmor) if isotope else None,
                    metadata={"larmor_MHz": larmor})


def _binary(path: Path) -> Path:
    if path.name == "1r" and path.is_file():
        return path
    found = sorted(path.glob("1r")) or sorted(path.glob("pdata/*/1r")) or sorted(path.glob("*/pdata/*/1r")) or \
        sorted(path.glob("*/1r"))
    if not found:
        other = "; process the fid in TopSpin first" if list(path.glob("fid")) or list(path.glob("*/fid")) else ""
        raise ValueError(f"{path} holds no processed Bruker spectrum, 1r{other}")
    if len(found) > 1:
        raise ValueError(f"{path} holds {len(found)} spectra: name one of them, such as {found[0].parent}")
    return found[0]


def _parameters(path: Path) -> dict[str, str]:
    """Entries ``##$NAME= value`` of a JCAMP file."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return {key: value.strip() for key, value in re.findall(r"^##\$(\w+)=\s*([^\n]*)", text, re.MULTILINE)}


def _number(parameters: dict[str, str], key: str, default: float | None = None) -> float:
    text = parameters.get(key)
    if text is None and default is not None:
        return default
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"the entry {key} of procs must be a number, got {text!r}")
    return value


def _nucleus(binary: Path, procs: dict[str, str]) -> str:
    names = [procs.get("AXNUC", "")]
    for folder in (binary.parent, *binary.parents[1:4]):
        if (folder / "acqus").is_file():
            names.append(_parameters(folder / "acqus").get("NUC1", ""))
            break
    for name in names:
        try:
            return find_isotope(name.strip("<> ")).symbol
        except ValueError:
            continue
    return ""


def write_bruker(path: str | os.PathLike[str], spectrum: Spectrum) -> None:
    """Write the sum as a data set ``PATH/1/pdata/1/``, which must not be there yet; it appears whole or not at all."""
    larmor, first, step = even_hertz(spectrum, "Bruker data set")
    target = Path(path)
    if target.exists():
        raise FileExistsError(f"cannot write {path}: it is there already")
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {target.parent}")
    count = len(spectrum.ppm)
    exponent = math.ceil(math.log2(max(float(np.max(np.abs(spectrum.intensity))), 1e-300) / _HEIGHT))
    integers = np.round(spectrum.intensity[::-1] / 2.0**exponent).astype("<i4")
    nucleus, last = find_isotope(spectrum.isotope).symbol, float(spectrum.ppm[-1])
    centre = first + step * (count - 1) / 2
    procs = {"AXNUC": f"<{nucleus}>", "AXUNIT": "<>", "BYTORDP": 0, "DTYPP": 0, "NC_proc": exponent,
             "OFFSET": f"{last:.10g}", "PPARMOD": 0, "SF": f"{larmor:.10g}", "SI": count, "STSI": count, "STSR": 0,
             "SW_p": f"{step * count:.10g}", "XDIM": count,
             "YMAX_p": int(integers.max()), "YMIN_p": int(integers.min())}
    acqus = {"BF1": f"{larmor:.10g}", "BYTORDA": 0, "DTYPA": 0, "NS": 1, "NUC1": f"<{nucleus}>", "O1": f"{centre:.10g}",
             "PARMODE": 0, "PULPROG": "<simulated>", "SFO1": f"{larmor + centre * 1e-6:.12g}",
             "SW": f"{step * count / larmor:.10g}", "SW_h": f"{step * count:.10g}", "TD": 2 * count}
    temporary = target.absolute().parent / f".{secrets.token_hex(6)}-{target.name[-200:]}"
    try:
        inner = temporary / "1" / "pdata" / "1"
        inner.mkdir(parents=True)
        for name, folder, table in (("procs", inner, procs), ("acqus", temporary / "1", acqus)):
            lines = [_HEAD, *(f"##${key}= {value}" for key, value in table.items()), "##END=", ""]
            text = "\n".join(lines)
            (folder / name).write_text(text, encoding="utf-8")
            (folder / name[:-1]).write_text(text, encoding="utf-8")
        (inner / "1r").write_bytes(integers.tobytes())
        (inner / "title").write_text(f"{nucleus} at {spectrum.field:.6g} T, simulated by glassnmr\n", encoding="utf-8")
        os.replace(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
