# SPDX-License-Identifier: BSD-3-Clause
"""Sites for other programs: spin systems of mrsimulator (.mrsys), or a table (.csv)."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from glassnmr.files import replacing
from glassnmr.isotopes import Isotope
from glassnmr.isotopes import isotope as find_isotope

__all__ = ["SITE_SUFFIXES", "write_sites"]

SITE_SUFFIXES = (".mrsys", ".csv")
_UNITS = {"delta_iso": "ppm", "C_Q": "MHz", "abs_C_Q": "MHz", "eta": "1", "zeta": "ppm", "eta_csa": "1",
          "weights": "1"}


def write_sites(path: str | os.PathLike[str], isotope: str | Isotope, columns: Mapping[str, ArrayLike]) -> int:
    """Write sites by suffix; return how many.

    Parameters
    ----------
    path : .mrsys, which mrsimulator's ``Simulator.load_spin_systems`` reads, or .csv
    isotope : such as "17O"
    columns : (n,) each: delta_iso (ppm) and, where known, C_Q or abs_C_Q (MHz), eta, zeta (ppm, shielding sign),
        eta_csa, weights, labels

    Raises
    ------
    ValueError
        Unknown or missing columns, lengths that differ, numbers that are not finite.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_sites(f"{folder}/o.mrsys", "17O", {"delta_iso": [50.0], "C_Q": [4.9], "eta": [0.2]})
    1
    """
    kind = Path(path).suffix.lower()
    if kind not in SITE_SUFFIXES:
        raise ValueError(f"sites are written as {' or '.join(SITE_SUFFIXES)}, got {path}")
    nucleus = find_isotope(isotope)
    table = _checked(columns)
    n = len(table["delta_iso"])
    with replacing(path) as file:
        if kind == ".csv":
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["isotope", *table])
            writer.writerows([nucleus.symbol, *(value if isinstance(value, str) else f"{value:.10g}" for value in row)]
                             for row in zip(*(column.tolist() for column in table.values()), strict=True))
        else:
            file.write("[\n")
            for k in range(n):
                json.dump(_system(nucleus.symbol, {name: column[k] for name, column in table.items()}, n, table), file,
                          allow_nan=False)
                file.write(",\n" if k < n - 1 else "\n")
            file.write("]\n")
    return n


def _checked(columns: Mapping[str, ArrayLike]) -> dict[str, Any]:
    unknown = [name for name in columns if name not in (*_UNITS, "labels")]
    if unknown:
        raise ValueError(f"columns of sites are {', '.join(_UNITS)} and labels, got {unknown[0]!r}")
    if "delta_iso" not in columns:
        raise ValueError("sites need delta_iso")
    table: dict[str, Any] = {}
    for name, values in columns.items():
        column = np.atleast_1d(np.asarray(values)).astype(str if name == "labels" else float)
        if column.ndim != 1 or table and len(column) != len(table["delta_iso" if "delta_iso" in table else
                                                                  next(iter(table))]):
            raise ValueError(f"{name} must have one value a site, got shape {column.shape}")
        if name != "labels" and not np.all(np.isfinite(column)):
            raise ValueError(f"{name} must be finite, got nan or inf")
        table[name] = column
    if "weights" in table and (np.any(table["weights"] < 0) or not table["weights"].sum() > 0):
        raise ValueError("weights must not be negative, with a positive sum")
    return table


def _system(symbol: str, site: dict[str, Any], n: int, table: dict[str, Any]) -> dict[str, Any]:
    """One spin system of one site, in the units that mrsimulator reads."""
    entry: dict[str, Any] = {"isotope": symbol, "isotropic_chemical_shift": f"{float(site['delta_iso'])!r} ppm"}
    coupling = site.get("C_Q", site.get("abs_C_Q"))
    if coupling is not None:
        entry["quadrupolar"] = {"Cq": f"{float(coupling) * 1e6!r} Hz", "eta": float(site.get("eta", 0.0))}
    if "zeta" in site:
        entry["shielding_symmetric"] = {"zeta": f"{float(site['zeta'])!r} ppm", "eta": float(site.get("eta_csa", 0.0))}
    share = float(site["weights"]) / float(table["weights"].sum()) if "weights" in site else 1 / n
    system: dict[str, Any] = {"sites": [entry], "abundance": f"{100 * share!r} %"}
    if "labels" in site:
        system["label"] = str(site["labels"])
    return system
