# SPDX-License-Identifier: BSD-3-Clause
"""Spectra as the texts of SIMPSON (.spe) and dmfit (.asc, .hz, .ppm).

dmfit's layouts are those of its help page "File format used by the dmfit program" (CEMHTI Orléans): ASCII lines of Hz
and intensity below ``ti:`` and ``##freq``; and a SIMPSON header with X0, the Hz of the first point, SF in MHz, and
points of falling frequency. SIMPSON itself has no X0: its points rise from REF - SW/2 in steps of SW/NP.
"""

from __future__ import annotations

import math
import os

import numpy as np
from numpy.typing import NDArray

from glassnmr.files import replacing
from glassnmr.spectra import Spectrum

__all__ = ["even_hertz", "is_dmfit", "needs_larmor", "read_dmfit", "read_simpson", "write_dmfit", "write_simpson"]

Array = NDArray[np.float64]


def even_hertz(spectrum: Spectrum, kind: str) -> tuple[float, float, float]:
    """Frequency of 0 ppm (MHz), first point and step (Hz) of a spectrum on an even axis, for files of this kind."""
    larmor = spectrum.larmor
    if larmor is None:
        raise ValueError(f"a {kind} needs the isotope and the field of the spectrum; save it as .csv, or give them")
    steps = np.diff(spectrum.ppm)
    step = float(spectrum.ppm[-1] - spectrum.ppm[0]) / len(steps)
    if np.ptp(steps) > 1e-6 * step:
        raise ValueError(f"a {kind} needs an even axis")
    return larmor, float(spectrum.ppm[0]) * larmor, step * larmor


def needs_larmor(larmor: float | None, told: float | None = None) -> float:
    """The frequency of 0 ppm in MHz: as given, or else as the file tells it."""
    found = larmor if larmor is not None else told
    if found is None:
        raise ValueError("the axis is in Hz and the file does not tell the frequency of 0 ppm: give larmor, in MHz")
    if not (math.isfinite(found) and found > 0):
        raise ValueError(f"the frequency of 0 ppm must be a positive number of MHz, got {found}")
    return float(found)


def write_simpson(path: str | os.PathLike[str], spectrum: Spectrum) -> None:
    """Write the sum as SIMPSON text with dmfit's X0 and SF, from high to low frequency."""
    larmor, first, step = even_hertz(spectrum, "SIMPSON file")
    count = len(spectrum.ppm)
    with replacing(path) as file:
        file.write(f"SIMP\nNP={count}\nX0={first + step * (count - 1):.10g}\nSW={step * count:.10g}\nSF={larmor:.10g}\n"
                   "TYPE=SPE\nDATA\n")
        file.writelines(f"{value:.9g} 0\n" for value in spectrum.intensity[::-1].tolist())
        file.write("END\n")


def read_simpson(path: str | os.PathLike[str], larmor: float | None = None) -> Spectrum:
    """Read a one-dimensional spectrum from SIMPSON text; `larmor` in MHz where the file has no SF."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    if not lines or lines[0].strip() != "SIMP":
        raise ValueError("this is not a SIMPSON file: its first line must be SIMP")
    begin = next((k for k, line in enumerate(lines) if line.strip() == "DATA"), None)
    if begin is None:
        raise ValueError("the line DATA of a SIMPSON file is missing")
    header = {key.strip().upper(): value.strip()
              for key, equals, value in (line.partition("=") for line in lines[1:begin]) if equals}
    if header.get("TYPE", "SPE").upper() != "SPE":
        raise ValueError(f"TYPE must be SPE, a spectrum, got {header['TYPE']}; transform the fid first")
    if "NI" in header:
        raise ValueError("a spectrum has one dimension, this file has two (NI)")
    if "FORMAT" in header:
        raise ValueError(f"SIMPSON files are read as text, this one has FORMAT={header['FORMAT']}")
    count, width = int(_number(header, "NP")), _number(header, "SW")
    if not width > 0:
        raise ValueError(f"SW must be positive, got {width}")
    end = next((k for k, line in enumerate(lines) if line.strip() == "END"), len(lines))
    words = " ".join(lines[begin + 1 : end]).split()
    if len(words) != 2 * count:
        raise ValueError(f"NP announces {count} points of two numbers, the file has {len(words)} numbers")
    values = np.array(words, dtype=float)[0::2]
    told = _number(header, "SF") if "SF" in header else None
    frequency = needs_larmor(larmor, told)
    step = np.arange(count, dtype=np.float64) * (width / count)
    hertz = _number(header, "X0") - step if "X0" in header else (
        _number(header, "REF") if "REF" in header else 0.0) - width / 2 + step
    return Spectrum(hertz / frequency, values, metadata={"larmor_MHz": frequency})


def _number(header: dict[str, str], key: str) -> float:
    try:
        value = float(header[key])
    except KeyError:
        raise ValueError(f"the entry {key} of a SIMPSON file is missing") from None
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{key} must be a finite number, got {header[key]!r}")
    return value


def is_dmfit(text: str) -> bool:
    """Whether the beginning of a text is that of a dmfit file."""
    lines = [line.strip().lower() for line in text.splitlines()[:8]]
    return any(line.startswith(("ti:", "##freq")) for line in lines)


def write_dmfit(path: str | os.PathLike[str], spectrum: Spectrum) -> None:
    """Write the sum as dmfit's ASCII: title, frequency in MHz, lines of Hz and intensity."""
    larmor, first, step = even_hertz(spectrum, "dmfit file")
    with replacing(path) as file:
        file.write(f"ti: {spectrum.isotope} spectrum at {spectrum.field:.6g} T by glassnmr\n##freq {larmor:.10g}\n")
        file.writelines(f"{first + step * k:.10g} {value:.9g}\n" for k, value in enumerate(spectrum.intensity.tolist()))


def read_dmfit(path: str | os.PathLike[str], larmor: float | None = None, unit: str = "Hz") -> Spectrum:
    """Read dmfit's ASCII; `unit` of its first column is ``"Hz"`` or ``"ppm"``."""
    told, rows = None, []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = line.replace(",", " ").split()
            if words and words[0].lower() == "##freq":
                told = float(words[1]) if len(words) > 1 else None
            elif words and not words[0].startswith(("#", "ti:", "Ti:", "TI:")):
                try:
                    rows.append((float(words[0]), float(words[1])))
                except (ValueError, IndexError):
                    raise ValueError(f"line {number} is no pair of numbers: {line.strip()[:60]!r}") from None
    if len(rows) < 2:
        raise ValueError("there are no two lines of frequency and intensity")
    x, y = np.array(rows).T
    if unit == "ppm":
        return Spectrum(x, y, metadata={"larmor_MHz": told} if told else {})
    frequency = needs_larmor(larmor, told)
    return Spectrum(x / frequency, y, metadata={"larmor_MHz": frequency})
