# SPDX-License-Identifier: BSD-3-Clause
"""The one table of NMR-active nuclei: spin, gyromagnetic ratio, reference frequency, quadrupole moment, abundance.

The numbers stand in ``data/isotopes.csv`` with the source of each column.
"""

from __future__ import annotations

import csv
import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib import resources
from types import MappingProxyType

__all__ = ["Isotope", "default_isotope", "isotope", "isotopes"]

_XI_FIELD = 0.02348731439404777
"""Tesla per MHz of the protons of TMS: nu_ref = (Xi / 100) B_0 / _XI_FIELD."""


@dataclass(frozen=True)
class Isotope:
    """One nucleus.

    symbol: ``"29Si"``; element; mass_number; spin I; gamma: gyromagnetic ratio in rad/(s T), with sign; xi: frequency
    of the reference compound in per cent of the protons of TMS (IUPAC); quadrupole: Q in barn; abundance: natural, in
    per cent.
    """

    symbol: str
    element: str
    mass_number: int
    spin: float
    gamma: float
    xi: float
    quadrupole: float
    abundance: float

    @property
    def is_half_integer_quadrupolar(self) -> bool:
        """True for I = 3/2, 5/2, 7/2, 9/2: the nuclei that have a central transition."""
        return self.spin > 1 and int(2 * self.spin) % 2 == 1

    def larmor_frequency(self, field: float) -> float:
        """nu_0 = \\|gamma\\| B_0 / 2 pi in MHz of the bare nucleus in a field of so many tesla."""
        return abs(self.gamma) * _checked_field(field) / (2e6 * math.pi)

    def reference_frequency(self, field: float) -> float:
        """nu_ref in MHz: where the reference compound, 0 ppm, resonates in a field of so many tesla."""
        return self.xi / 100 * _checked_field(field) / _XI_FIELD

    def field(self, larmor: float) -> float:
        """The field in tesla where the reference compound is at so many MHz; inverse of `reference_frequency`."""
        if not (math.isfinite(larmor) and larmor > 0):
            raise ValueError(f"larmor must be a positive frequency in MHz, got {larmor}")
        return larmor * _XI_FIELD / (self.xi / 100)

    def __str__(self) -> str:
        return self.symbol


def isotopes() -> Mapping[str, Isotope]:
    """All nuclei of the table by symbol, ordered by mass number."""
    return _table()[0]


def isotope(symbol: str | Isotope) -> Isotope:
    """The nucleus named ``"29Si"``, ``"Si29"`` or ``"Si-29"``; ValueError with the nearest names if there is none."""
    if isinstance(symbol, Isotope):
        return symbol
    table, _ = _table()
    name = _normalised(symbol)
    if name in table:
        return table[name]
    element = re.sub(r"[^A-Za-z]", "", name)
    near = [known.symbol for known in table.values() if known.element == element]
    near = near or difflib.get_close_matches(name, table, n=4, cutoff=0.5)
    hint = f"; near it: {', '.join(near)}" if near else ""
    raise ValueError(f"isotope must be one of the {len(table)} of the table, such as '29Si', got {symbol!r}{hint}")


def default_isotope(element: str) -> Isotope:
    """The nucleus usually measured of an element: ``"Si"`` gives 29Si; ValueError if the table has none."""
    _, defaults = _table()
    try:
        return defaults[element]
    except (KeyError, TypeError):
        near = difflib.get_close_matches(str(element).capitalize(), defaults, n=3, cutoff=0.5)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise ValueError(f"element must be one with an NMR nucleus in the table, got {element!r}{hint}") from None


def _normalised(symbol: str) -> str:
    match = re.fullmatch(r"\s*(?:(\d+)[-_ ]?([A-Za-z]{1,2})|([A-Za-z]{1,2})[-_ ]?(\d+))\s*", str(symbol))
    if not match:
        return str(symbol).strip()
    mass, element = match.group(1) or match.group(4), match.group(2) or match.group(3)
    return f"{int(mass)}{element.capitalize()}"


def _checked_field(field: float) -> float:
    if not (math.isfinite(field) and field > 0):
        raise ValueError(f"field must be a positive number of tesla, got {field}")
    return float(field)


@cache
def _table() -> tuple[Mapping[str, Isotope], Mapping[str, Isotope]]:
    text = resources.files("glassnmr").joinpath("data/isotopes.csv").read_text(encoding="utf-8")
    table: dict[str, Isotope] = {}
    defaults: dict[str, Isotope] = {}
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        symbol = row["symbol"]
        element = symbol.lstrip("0123456789")
        entry = Isotope(
            symbol=symbol,
            element=element,
            mass_number=int(symbol.removesuffix(element)),
            spin=float(Fraction(row["spin"])),
            gamma=float(row["gamma"]) * 1e7,
            xi=float(row["xi"]),
            quadrupole=float(row["quadrupole"]),
            abundance=float(row["abundance"]),
        )
        table[symbol] = entry
        if row["default"] == "1":
            defaults[element] = entry
    return MappingProxyType(table), MappingProxyType(defaults)
