# SPDX-License-Identifier: BSD-3-Clause
"""Sites of one isotope from predictions or from the command line, and the options that spectra share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import numpy as np

from glassnmr.cli.base import Session
from glassnmr.cli.options import Finite

if TYPE_CHECKING:
    from glassnmr.isotopes import Isotope

__all__ = ["Frames", "SiteType", "Speed", "Width", "given_sites", "site_options", "sites_of"]

F = TypeVar("F", bound=Callable[..., Any])

ANGLES = ("alpha", "beta", "gamma")
SITE_KEYS = ("delta_iso", "C_Q", "eta", "zeta", "eta_csa", *ANGLES, "weight", "label")


class Width(click.ParamType):
    """A width with its unit: ``100Hz``, ``0.5kHz`` or ``1.2ppm``; a bare number is ppm."""

    name = "width"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """``{"fwhm_hz": ...}`` or ``{"fwhm_ppm": ...}``."""
        if isinstance(value, dict):
            return value
        match = re.fullmatch(r"\s*([-+.\deE]+)\s*(ppm|hz|khz|)\s*", str(value), re.IGNORECASE)
        if match is None:
            self.fail(f"expected a width like 1.5ppm or 100Hz, got {value!r}", param, ctx)
        number, unit = Finite(0).convert(match.group(1), param, ctx), match.group(2).lower()
        return {"fwhm_ppm": number} if unit in ("", "ppm") else {"fwhm_hz": number * (1000 if unit == "khz" else 1)}


class Speed(click.ParamType):
    """A spinning speed: ``12.5kHz``, ``5000`` (Hz), ``infinite`` or ``static``."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """Hz, 0 for static, None for infinite."""
        if value is None or value == "infinite":
            return None
        if value == "static":
            return 0.0
        match = re.fullmatch(r"\s*([-+.\deE]+)\s*(hz|khz|)\s*", str(value), re.IGNORECASE)
        if match is None:
            self.fail(f"expected a speed like 12.5kHz, 'infinite' or 'static', got {value!r}", param, ctx)
        return Finite(0).convert(match.group(1), param, ctx) * (1000 if match.group(2).lower() == "khz" else 1)


class Frames(click.ParamType):
    """A number of frames, or ``all``."""

    name = "frames"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, 0 for all."""
        if value == "all":
            return 0
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = 0
        if number < 1:
            self.fail(f"expected a number of frames of at least 1, or 'all', got {value!r}", param, ctx)
        return number


class SiteType(click.ParamType):
    """``delta_iso=50,C_Q=4.9,eta=0.2``: one site; zeta of the shielding in ppm, alpha, beta, gamma in degrees."""

    name = "name=number,..."

    def __init__(self, *more: str) -> None:
        self.keys = (*SITE_KEYS, *more)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The values by name."""
        if isinstance(value, dict):
            return value
        site: dict[str, Any] = {}
        for part in str(value).split(","):
            key, equals, text = (word.strip() for word in part.partition("="))
            if not equals or key not in self.keys or key in site:
                self.fail(f"expected name=number with each of {', '.join(self.keys)} at most once, got {part!r}",
                          param, ctx)
            site[key] = text if key == "label" else Finite().convert(text, param, ctx)
        if "delta_iso" not in site:
            self.fail(f"a site needs delta_iso, got {value!r}", param, ctx)
        return site


def site_options(command: F) -> F:
    """FILES, --site, --isotope, --field, --larmor, --label, --reference."""
    for option in reversed((
        click.argument("files", nargs=-1, type=click.Path(path_type=Path)),
        click.option("--site", "given", type=SiteType(), multiple=True, metavar="NAME=NUMBER,...",
                     help="A site instead of FILES: delta_iso (ppm), C_Q (MHz), eta, zeta (of the shielding, ppm), "
                          "eta_csa, alpha, beta, gamma (degrees), weight, label; may be given several times."),
        click.option("--isotope", metavar="NUCLEUS", help="Such as 29Si. [default: the only one of the predictions]"),
        click.option("--field", type=Finite(0, above=True), help="Tesla."),
        click.option("--larmor", type=Finite(0, above=True), help="Frequency of 0 ppm in MHz, instead of --field."),
        click.option("--label", metavar="COLUMN", help="Decompose by a column of the predictions, such as site."),
        click.option("--reference", type=(Finite(), Finite()), metavar="A B",
                     help="delta_iso = A + B sigma_iso, for predictions without shifts or instead of theirs."),
    )):
        command = option(command)
    return command


def given_sites(session: Session, files: tuple[Path, ...], given: tuple[dict[str, Any], ...], isotope: str | None, *,
                label: str | None, reference: tuple[float, float] | None, average: int | None = None,
                uncertain: bool = False) -> tuple[Isotope, dict[str, Any]]:
    """The nucleus and its sites as arguments of `mas_spectrum`, from `site_options`.

    `average` frames of each file become one, 0 for all; `uncertain` adds what the model says of its errors.
    """
    from glassnmr.ensembles import average_predictions
    from glassnmr.io import read_predictions
    from glassnmr.isotopes import isotope as find_isotope

    if bool(files) == bool(given):
        raise ValueError("give files of predictions, or sites with --site" + (", not both" if files else ""))
    if given:
        if isotope is None:
            raise ValueError("sites given with --site need --isotope")
        if label is not None or reference is not None:
            raise ValueError("--label and --reference belong to files of predictions, not to --site")
        if average is not None or uncertain:
            raise ValueError("--average and --broadening belong to files of predictions, not to --site")
        return find_isotope(isotope), _columns_of(given)
    with session.progress("reading", len(files)) as progress:
        tables = []
        for number, path in enumerate(files):
            tables.append(read_predictions(path))
            if average is not None:
                try:
                    tables[-1] = average_predictions(_of(tables[-1], isotope), average or None)
                except ValueError as error:
                    raise ValueError(f"{path}: {error}") from None
            progress(number + 1)
    return sites_of(tables, isotope, label=label, reference=reference, uncertain=uncertain)


def _columns_of(given: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Sites as columns; a number that one of them lacks is that of nothing: no coupling, no anisotropy, weight 1."""
    keys = {key for site in given for key in site}
    sites: dict[str, Any] = {"delta_iso": [site["delta_iso"] for site in given]}
    if keys & {"C_Q", "eta"}:
        sites |= {name: [site.get(name, 0.0) for site in given] for name in ("C_Q", "eta")}
    if keys & {"zeta", "eta_csa", *ANGLES}:
        sites |= {name: [site.get(name, 0.0) for site in given] for name in ("zeta", "eta_csa")}
    if keys & set(ANGLES):
        sites["euler"] = [[math.radians(site.get(name, 0.0)) for name in ANGLES] for site in given]
    if "weight" in keys:
        sites["weights"] = [site.get("weight", 1.0) for site in given]
    if "label" in keys:
        sites["labels"] = [site.get("label", "others") for site in given]
    return sites


def _of(table: dict[str, Any], isotope: str | None) -> dict[str, Any]:
    """The rows of one isotope, with the columns that they know."""
    from glassnmr.isotopes import isotope as find_isotope

    if isotope is None:
        return table
    nucleus = find_isotope(isotope)
    rows = (table["isotope"] == nucleus.symbol) | ((table["isotope"] == "") & (table["element"] == nucleus.element))
    some = {name: column[rows] for name, column in table.items()}
    return {name: column for name, column in some.items() if column.dtype.kind != "f" or np.isfinite(column).any()}


def sites_of(tables: list[dict[str, Any]], isotope: str | None, *, label: str | None = None,
             reference: tuple[float, float] | None = None, uncertain: bool = False) -> tuple[Isotope, dict[str, Any]]:
    """The nucleus and its sites in tables of `read_predictions`, as arguments of `mas_spectrum`.

    `uncertain` adds std_delta_iso, std_C_Q and std_eta, as `uncertain_spectrum` takes them, and needs at least one.
    Raises ValueError where the tables lack the isotope or what its spectrum needs.
    """
    from glassnmr.isotopes import isotope as find_isotope

    present = sorted({str(name) for table in tables for name in table["isotope"] if name})
    if isotope is None and len(present) != 1:
        raise ValueError(f"the predictions hold {', '.join(present) or 'no isotope'}: choose one with --isotope")
    nucleus = find_isotope(isotope or present[0])
    parts = []
    for table in tables:
        rows = (table["isotope"] == nucleus.symbol) | ((table["isotope"] == "") & (table["element"] == nucleus.element))
        parts.append({name: column[rows] for name, column in table.items()})
    columns = {name: np.concatenate([part[name] for part in parts])
               for name in parts[0] if all(name in part for part in parts)}
    if len(columns["atom"]) == 0:
        raise ValueError(f"the predictions hold no {nucleus}, only {', '.join(present) or 'atoms without isotope'}")
    sites: dict[str, Any] = {"delta_iso": _shifts(columns, nucleus.symbol, reference)}
    if nucleus.spin > 0.5:
        coupling = "abs_C_Q" if _known(columns, "abs_C_Q") else "C_Q"
        lacking = [name for name in (coupling, "eta") if not _known(columns, name)]
        if lacking:
            raise ValueError(f"{nucleus} is quadrupolar: its spectrum needs shifts, |C_Q| and eta, and the predictions "
                             f"have no {' and no '.join(lacking)}; predict with a model of them, too")
        sites |= {coupling: columns[coupling], "eta": np.clip(columns["eta"], 0, 1)}
    elif _known(columns, "zeta"):  # beside a coupling it needs an orientation, which predictions do not hold
        sites["zeta"] = columns["zeta"]
        if _known(columns, "eta_csa"):
            sites["eta_csa"] = np.clip(columns["eta_csa"], 0, 1)
    if uncertain:
        sites |= _uncertainties(columns, nucleus.symbol, reference)
    if label is not None:
        if label not in columns:
            raise ValueError(f"the predictions have no column {label!r}; glassnmr predict --label {label} writes it; "
                             f"they have {', '.join(columns)}")
        sites["labels"] = columns[label].astype(str)
    return nucleus, sites


def _uncertainties(columns: dict[str, Any], symbol: str, reference: tuple[float, float] | None) -> dict[str, Any]:
    """The standard deviations that the predictions tell, as arguments of `uncertain_spectrum`."""
    found: dict[str, Any] = {}
    if _known(columns, "std_delta_iso") and reference is None:
        found["std_delta_iso"] = columns["std_delta_iso"]
    elif _known(columns, "std_sigma_iso"):
        slope = -1.0 if reference is None else reference[1]
        if reference is None and _known(columns, "sigma_iso") and np.ptp(columns["sigma_iso"]) > 0:
            slope = float(np.polyfit(columns["sigma_iso"], columns["delta_iso"], 1)[0])
        found["std_delta_iso"] = abs(slope) * columns["std_sigma_iso"]
    for name, told in (("std_C_Q", ("std_abs_C_Q", "std_C_Q")), ("std_eta", ("std_eta",))):
        for key in told:
            if _known(columns, key):
                found[name] = columns[key]
    if not found:
        raise ValueError(f"--broadening takes uncertainties, and the predictions of {symbol} hold none (std_...)")
    return found


def _known(columns: dict[str, Any], name: str) -> bool:
    return name in columns and bool(np.isfinite(columns[name]).any())


def _shifts(columns: dict[str, Any], symbol: str, reference: tuple[float, float] | None) -> Any:
    if reference is not None:
        if not _known(columns, "sigma_iso"):
            raise ValueError(f"--reference turns sigma_iso into shifts, and the predictions of {symbol} have none")
        return reference[0] + reference[1] * columns["sigma_iso"]
    if not _known(columns, "delta_iso"):
        raise ValueError(f"the predictions hold no shifts of {symbol}: give --reference A B of delta_iso = A + B "
                         "sigma_iso, or predict with a model that has one")
    return columns["delta_iso"]
