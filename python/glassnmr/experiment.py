# SPDX-License-Identifier: BSD-3-Clause
"""A measurement made ready to be laid over: axis, reference, sign of the phase, isotope and field."""

from __future__ import annotations

import dataclasses
import math
import os
from typing import Literal

import numpy as np

from glassnmr.isotopes import isotope as find_isotope
from glassnmr.spectra import Spectrum

__all__ = ["as_measured", "read_measurement"]

NOMINAL = 0.01
"""Share by which a field may differ from that of a file: 9.4 T are 9.398 T."""

Sign = Literal["auto", "keep", "flip"]


def read_measurement(path: str | os.PathLike[str], *, isotope: str | None = None, field: float | None = None,
                     larmor: float | None = None, reference: float = 0.0, sign: Sign = "auto") -> Spectrum:
    """A measured spectrum from any file that `glassnmr.spectrum_io.load_spectrum` reads, ready for `fit_spectrum`.

    See `as_measured` for the other arguments; `larmor`, in MHz, also turns an axis in Hz without its own into ppm.
    """
    from glassnmr.spectrum_io import load_spectrum

    return as_measured(load_spectrum(path, larmor=larmor), isotope=isotope, field=field, larmor=larmor,
                       reference=reference, sign=sign)


def as_measured(spectrum: Spectrum, *, isotope: str | None = None, field: float | None = None,
                larmor: float | None = None, reference: float = 0.0, sign: Sign = "auto") -> Spectrum:
    """A measurement with its nucleus and field, shifted to its reference, its signal pointing up.

    Parameters
    ----------
    spectrum : axes that fall are turned round when a `Spectrum` is made
    isotope : such as "29Si", where the file does not tell
    field, larmor : tesla, or the frequency of 0 ppm in MHz; by default what the file tells
    reference : ppm that are added to the axis
    sign : "flip" turns the intensity over, "keep" leaves it, "auto" turns it over where its large values are negative

    Raises
    ------
    ValueError
        Field and frequency together, a frequency without a nucleus, one that is more than 1 % off what the file tells,
        or an argument out of range.

    Examples
    --------
    >>> raw = Spectrum(np.array([10.0, 5.0, 0.0, -5.0]), np.array([0.1, -7.0, 0.0, -0.1]))
    >>> spectrum = as_measured(raw, isotope="29Si", field=9.4, reference=1.0)
    >>> spectrum.ppm.tolist(), spectrum.intensity.tolist()
    ([-4.0, 1.0, 6.0, 11.0], [0.1, -0.0, 7.0, -0.1])
    """
    if sign not in ("auto", "keep", "flip"):
        raise ValueError(f"sign must be 'auto', 'keep' or 'flip', got {sign!r}")
    if not math.isfinite(reference):
        raise ValueError(f"reference must be a finite number of ppm, got {reference}")
    if field is not None and larmor is not None:
        raise ValueError("give either field, in tesla, or larmor, the frequency of 0 ppm in MHz")
    nucleus = find_isotope(isotope) if isotope else find_isotope(spectrum.isotope) if spectrum.isotope else None
    told = spectrum.metadata.get("larmor_MHz")
    if field is None and spectrum.field is None and larmor is None and isinstance(told, float):
        larmor = told if nucleus is not None else None
    if larmor is not None and nucleus is None:
        raise ValueError("larmor, the frequency of 0 ppm, gives the field only with the isotope")
    if larmor is not None and nucleus is not None:
        field = nucleus.field(larmor)
    if field is not None and nucleus is not None:
        given = nucleus.larmor_frequency(field)  # refuses what is no field
        known = told if isinstance(told, float) else spectrum.larmor
        if known is not None and abs(given / known - 1) > NOMINAL:
            raise ValueError(f"the measurement says that it was made at {known:.2f} MHz, {nucleus.field(known):.2f} T "
                             f"for {nucleus.symbol}; got {given:.2f} MHz, {field:.2f} T")
    y = spectrum.intensity
    centred = y - np.median(y)
    turned = sign == "flip" or sign == "auto" and float(np.sum(centred**3)) < 0
    return dataclasses.replace(
        spectrum, ppm=spectrum.ppm + reference, intensity=-y if turned else y,
        isotope=nucleus.symbol if nucleus else "", field=field if field is not None else spectrum.field,
        components={label: -values if turned else values for label, values in spectrum.components.items()},
        metadata={**spectrum.metadata, "reference_ppm": reference, "turned_over": turned})
