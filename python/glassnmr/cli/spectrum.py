# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr spectrum``: from predictions to the spectrum that a measurement is laid over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from glassnmr.cli.base import Command, Session, pass_session
from glassnmr.cli.options import Finite, output, threads_option
from glassnmr.cli.site_columns import Frames, Speed, Width, given_sites, site_options, sites_of

if TYPE_CHECKING:
    from glassnmr.spectra import Spectrum

__all__ = ["Width", "command", "spectrum_of"]


@click.command("spectrum", cls=Command)
@site_options
@click.option("--speed", type=Speed(), default="infinite", help="Of the rotor: 12.5kHz, 5000 (Hz), infinite, static.")
@click.option("--transitions", type=click.Choice(["central", "satellite", "all"]), default="central",
              help="Of a quadrupolar nucleus.")
@click.option("--fold", is_flag=True, help="What leaves the axis comes back on its other side; with --range.")
@click.option("--method", type=click.Choice(["auto", "table", "powder"]), default="auto",
              help="Tables where they serve, or orientation by orientation.")
@click.option("--fwhm", type=Width(), default="1ppm", help="Width of the broadening: 1.5ppm, 100Hz.")
@click.option("--shape", type=click.Choice(["gaussian", "lorentzian"]), default="gaussian", help="Of the broadening.")
@click.option("--range", "span", type=(Finite(), Finite()), metavar="LOW HIGH", help="Ends of the axis, ppm. "
                                                                                     "[default: all lines]")
@click.option("--points", type=click.IntRange(2), default=4096, help="Of the axis, with --range.")
@click.option("--broadening", type=click.Choice(["width", "uncertainty", "both"]), default="width",
              help="Lines as wide as --fwhm, as the model is uncertain (columns std_... of the predictions), or both.")
@click.option("--average", type=Frames(), metavar="N|all", help="Average shifts over N frames of each file, or all of "
              "them, for motion that is fast; without it the frames' spectra are added.")
@click.option("--distribution", type=click.Choice(["czjzek", "extended"]),
              help="Fit a distribution of C_Q and eta to the sites of each component, and tell its parameters.")
@click.option("--measured", type=click.Path(path_type=Path), metavar="FILE",
              help="Draw a measured spectrum (.csdf, .csv) over it.")
@threads_option
@output(multiple=True, help=".csv, .csdf, .png, .svg, .pdf; .spe (SIMPSON), .asc (dmfit), .bruker (a folder); .mrsys, "
                            "the sites for mrsimulator. May be given several times.")
@pass_session
def command(session: Session, files: tuple[Path, ...], given: tuple[dict[str, Any], ...], isotope: str | None,
            label: str | None, reference: tuple[float, float] | None, measured: Path | None, output: tuple[Path, ...],
            speed: float | None, fold: bool, broadening: str, average: int | None, distribution: str | None,
            **options: Any) -> None:
    """Turn predictions (.csv or .extxyz), or sites, into a spectrum under magic-angle spinning or at rest.

    Spin 1/2 needs shifts, and zeta and eta_csa for spinning sidebands; quadrupolar nuclei need shifts, |C_Q| and eta.
    Several FILES or frames are averaged.

    \b
    Examples:
      glassnmr spectrum glass.csv --isotope 29Si --field 9.4 --label site -o si.png -o si.csdf
      glassnmr spectrum glass.csv --isotope 17O --larmor 54.24 --fwhm 200Hz \\
          --measured na2sio3.csdf -o o.png
      glassnmr spectrum glass.csv --isotope 27Al --field 14.1 --speed 12.5kHz --range -200 200 -o al.png
      glassnmr spectrum glass.csv --isotope 17O --field 14.1 --label species --distribution czjzek -o o.png
      glassnmr spectrum --site delta_iso=50,C_Q=4.9,eta=0.2 --isotope 17O --field 14.1 --speed static -o o.csv
    """
    from glassnmr import plots
    from glassnmr.cli.setup import check_output
    from glassnmr.ensembles import uncertain_spectrum
    from glassnmr.site_lists import write_sites
    from glassnmr.spectra import Spectrum
    from glassnmr.spectrum_io import SPECTRUM_SUFFIXES

    for path in output:
        check_output(path, (*SPECTRUM_SUFFIXES, ".mrsys"), "a spectrum")
    over = None if measured is None else Spectrum.load(measured)
    span, points = options.pop("span"), options.pop("points")
    if fold and span is None:
        raise ValueError("--fold needs the window that the lines fold into: give --range LOW HIGH")
    fwhm = options.pop("fwhm")
    nucleus, sites = given_sites(session, files, given, isotope, label=label, reference=reference, average=average,
                                 uncertain=broadening != "width")
    if distribution is not None and "eta" not in sites:
        raise ValueError("--distribution is of C_Q and eta, which these sites do not have")
    made = uncertain_spectrum(nucleus, **sites, broadening=broadening,  # type: ignore[arg-type]
                              spinning_speed=speed, folding=fold, n_threads=options.pop("threads"),
                              axis=None if span is None else (*span, points), **fwhm, **options)
    _tell(session, made)
    if made.metadata["method"] == "lines" and speed is not None:
        session.say("no sidebands: these sites have no anisotropy; models of --target tensor predict zeta and eta_csa")
    if distribution is not None:
        _distributions(distribution, sites)
    for path in output:
        if path.suffix == ".mrsys":
            known = {key: column for key, column in sites.items() if key != "euler" and not key.startswith("std_")}
            write_sites(path, nucleus, known)
        elif over is not None and path.suffix in (".png", ".svg", ".pdf"):
            plots.save_figure(made.plot(over), path)
        else:
            made.save(path)
        session.say(f"wrote {path}")


def spectrum_of(tables: list[dict[str, Any]], isotope: str | None, *, label: str | None = None,
                reference: tuple[float, float] | None = None, **settings: Any) -> Spectrum:
    """The spectrum of one isotope in tables of `read_predictions`; `settings` are those of `mas_spectrum`.

    Raises ValueError where the tables lack the isotope or what its spectrum needs.
    """
    from glassnmr.spectra import mas_spectrum

    nucleus, sites = sites_of(tables, isotope, label=label, reference=reference)
    return mas_spectrum(nucleus, **sites, **settings)


def _tell(session: Session, spectrum: Spectrum) -> None:
    from glassnmr.cli.tables import columns

    x, y = spectrum.ppm, spectrum.intensity
    session.say(f"{spectrum.isotope} at {spectrum.field:.4g} T (0 ppm at {spectrum.larmor:.3f} MHz), "
                f"{spectrum.metadata['sites']} sites, {_made(spectrum)}")
    rows = [["sum", "100.0", f"{_peak(x, y):.2f}", f"{spectrum.centroid:.2f}"]]
    for label, part in spectrum.components.items():
        mean = float((part * x).sum() / part.sum()) if part.sum() > 0 else float("nan")
        rows.append([label, f"{100 * spectrum.fractions[label]:.1f}", f"{_peak(x, part):.2f}", f"{mean:.2f}"])
    click.echo(columns(["component", "%", "peak / ppm", "centre / ppm"], rows))
    if spectrum.metadata["outside"] > 0.01:
        session.say(f"{100 * spectrum.metadata['outside']:.1f} % of the intensity lies outside the axis")


def _peak(x: Any, y: Any) -> float:
    """The place of the highest point, of the parabola through it and its neighbours."""
    k = int(np.argmax(y))
    bend = y[k - 1] - 2 * y[k] + y[k + 1] if 0 < k < len(y) - 1 else 0.0
    return float(x[k] + (0.5 * (y[k - 1] - y[k + 1]) / bend * (x[1] - x[0]) if bend < 0 else 0.0))


def _distributions(kind: str, sites: dict[str, Any]) -> None:
    """The distribution of each component's sites, with standard errors; sigma as dmfit counts it."""
    from glassnmr.cli.tables import columns
    from glassnmr.distributions import fit_czjzek, fit_extended_czjzek

    coupling = np.asarray(sites.get("C_Q", sites.get("abs_C_Q")), dtype=float)
    delta, eta = np.asarray(sites["delta_iso"], dtype=float), np.asarray(sites["eta"], dtype=float)
    labels = np.asarray(sites.get("labels", np.full(len(delta), "all"))).astype(str)
    names = ("sigma_dmfit",) if kind == "czjzek" else ("C_Q", "eta", "epsilon")
    rows = []
    for label in np.unique(labels):
        of = labels == label
        if of.sum() < 10:
            rows.append([label, str(of.sum()), *["" for _ in range(len(names) + 3)]])
            continue
        fit = fit_czjzek if kind == "czjzek" else fit_extended_czjzek
        found = fit(coupling[of], eta[of], delta[of])
        told = [f"{getattr(found.distribution, name):.3f} +- {found.errors[name]:.3f}"
                for name in (*names, "delta_iso", "sigma_delta", "slope")]
        rows.append([label, str(of.sum()), *told])
    units = {"sigma_dmfit": "sigma (dmfit) / MHz", "C_Q": "C_Q / MHz"}
    click.echo("\n" + columns(["distribution", "sites", *(units.get(name, name) for name in names), "delta_iso / ppm",
                               "sigma_delta / ppm", "slope / (ppm/MHz)"], rows))


def _made(spectrum: Spectrum) -> str:
    """Speed and method in a few words."""
    speed = spectrum.metadata["spinning_speed_hz"]
    turns = {"infinite": "infinite speed", 0.0: "at rest"}.get(speed) or f"{speed / 1000:.6g} kHz"
    return f"{turns}, method {spectrum.metadata['method']}"
