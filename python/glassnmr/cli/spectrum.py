# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr spectrum``: from predictions to the spectrum that a measurement is laid over."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from glassnmr.cli.base import Command, Session, pass_session
from glassnmr.cli.options import Finite, output, threads_option

if TYPE_CHECKING:
    from glassnmr.spectra import Spectrum

__all__ = ["command", "spectrum_of"]

SUFFIXES = (".csv", ".csdf", ".png", ".svg", ".pdf")


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


@click.command("spectrum", cls=Command)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--isotope", metavar="NUCLEUS", help="Such as 29Si. [default: the only one of the predictions]")
@click.option("--field", type=Finite(0, above=True), help="Tesla.")
@click.option("--larmor", type=Finite(0, above=True), help="Frequency of 0 ppm in MHz, instead of --field.")
@click.option("--fwhm", type=Width(), default="1ppm", help="Width of the broadening: 1.5ppm, 100Hz.")
@click.option("--shape", type=click.Choice(["gaussian", "lorentzian"]), default="gaussian", help="Of the broadening.")
@click.option("--label", metavar="COLUMN", help="Decompose by a column of the predictions, such as site.")
@click.option("--range", "span", type=(Finite(), Finite()), metavar="LOW HIGH", help="Ends of the axis, ppm. "
                                                                                     "[default: all lines]")
@click.option("--points", type=click.IntRange(2), default=4096, help="Of the axis, with --range.")
@click.option("--reference", type=(Finite(), Finite()), metavar="A B",
              help="delta_iso = A + B sigma_iso, for predictions without shifts or instead of theirs.")
@click.option("--measured", type=click.Path(path_type=Path), metavar="FILE",
              help="Draw a measured spectrum (.csdf, .csv) over it.")
@threads_option
@output(multiple=True, help=".csv, .csdf, .png, .svg or .pdf; may be given several times.")
@pass_session
def command(session: Session, files: tuple[Path, ...], isotope: str | None, label: str | None,
            reference: tuple[float, float] | None, measured: Path | None, output: tuple[Path, ...], **options: Any
            ) -> None:
    """Turn predictions (.csv or .extxyz) into a spectrum under fast magic-angle spinning.

    Spin 1/2 needs shifts; quadrupolar nuclei need shifts, |C_Q| and eta, and give the central transition in second
    order. Several FILES or frames are averaged.

    \b
    Examples:
      glassnmr spectrum glass.csv --isotope 29Si --field 9.4 --label site -o si.png -o si.csdf
      glassnmr spectrum glass.csv --isotope 17O --larmor 54.24 --fwhm 200Hz \\
          --measured na2sio3.csdf -o o.png
    """
    from glassnmr import plots
    from glassnmr.cli.setup import check_output
    from glassnmr.io import read_predictions
    from glassnmr.spectra import Spectrum

    for path in output:
        check_output(path, SUFFIXES, "a spectrum")
    over = None if measured is None else Spectrum.load(measured)
    span, points = options.pop("span"), options.pop("points")
    fwhm = options.pop("fwhm")
    with session.progress("reading", len(files)) as progress:
        tables = []
        for number, path in enumerate(files):
            tables.append(read_predictions(path))
            progress(number + 1)
    made = spectrum_of(tables, isotope, label=label, reference=reference, n_threads=options.pop("threads"),
                       axis=None if span is None else (*span, points), **fwhm, **options)
    _tell(session, made)
    for path in output:
        if over is not None and path.suffix in (".png", ".svg", ".pdf"):
            plots.save_figure(made.plot(over), path)
        else:
            made.save(path)
        session.say(f"wrote {path}")


def spectrum_of(tables: list[dict[str, Any]], isotope: str | None, *, label: str | None = None,
                reference: tuple[float, float] | None = None, **settings: Any) -> Spectrum:
    """The spectrum of one isotope in tables of `read_predictions`; `settings` are those of `mas_spectrum`.

    Raises ValueError where the tables lack the isotope or what its spectrum needs.
    """
    from glassnmr.isotopes import isotope as find_isotope
    from glassnmr.spectra import mas_spectrum

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
    if label is not None:
        if label not in columns:
            raise ValueError(f"the predictions have no column {label!r}, but {', '.join(columns)}")
        sites["labels"] = columns[label].astype(str)
    return mas_spectrum(nucleus, **sites, **settings)


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


def _tell(session: Session, spectrum: Spectrum) -> None:
    from glassnmr.cli.tables import columns

    x, y = spectrum.ppm, spectrum.intensity
    session.say(f"{spectrum.isotope} at {spectrum.field:.4g} T (0 ppm at {spectrum.larmor:.3f} MHz), "
                f"{spectrum.metadata['sites']} sites")
    rows = [["sum", "100.0", f"{x[np.argmax(y)]:.2f}", f"{spectrum.centroid:.2f}"]]
    for label, part in spectrum.components.items():
        mean = float((part * x).sum() / part.sum()) if part.sum() > 0 else float("nan")
        rows.append([label, f"{100 * spectrum.fractions[label]:.1f}", f"{x[np.argmax(part)]:.2f}", f"{mean:.2f}"])
    click.echo(columns(["component", "%", "peak / ppm", "centre / ppm"], rows))
    if spectrum.metadata["outside"] > 0.01:
        session.say(f"{100 * spectrum.metadata['outside']:.1f} % of the intensity lies outside the axis")
