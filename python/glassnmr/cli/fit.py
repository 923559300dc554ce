# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr fit``: models laid over a measurement, fitted to it and scored against it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnmr.cli.base import Command, Session, pass_session
from glassnmr.cli.options import Finite, output, threads_option
from glassnmr.cli.site_columns import SiteType, Speed, Width

if TYPE_CHECKING:
    from glassnmr.fitting import SpectrumFit
    from glassnmr.spectra import Spectrum

__all__ = ["command"]

SHARED = click.Choice(["common", "each", "none"])


@click.command("fit", cls=Command)
@click.argument("measured", type=click.Path(path_type=Path))
@click.argument("models", nargs=-1, type=click.Path(path_type=Path))
@click.option("--site", "sites", type=SiteType("sigma_dmfit", "epsilon"), multiple=True, metavar="NAME=NUMBER,...",
              help="Refine a site instead of fitting models: delta_iso (ppm), C_Q (MHz), eta, zeta (of the shielding, "
                   "ppm), eta_csa, alpha, beta, gamma (degrees; kept), weight, label; sigma_dmfit (MHz) makes it a "
                   "Czjzek distribution, epsilon beside C_Q and eta an extended one; may be given several times.")
@click.option("--hold", multiple=True, metavar="NAME", help="Keep the start value: eta, or 'eta BO' of one site.")
@click.option("--isotope", metavar="NUCLEUS", help="Such as 29Si. [default: what the files tell]")
@click.option("--field", type=Finite(0, above=True), help="Tesla. [default: what the files tell]")
@click.option("--larmor", type=Finite(0, above=True), help="Frequency of 0 ppm in MHz, instead of --field.")
@click.option("--label", metavar="COLUMN", help="Components of models that are predictions: a column of theirs.")
@click.option("--speed", type=Speed(), default="infinite",
              help="Of the rotor, for --site and predictions: 12.5kHz, 5000 (Hz), infinite, static.")
@click.option("--fwhm", type=Width(), default="0.5ppm", help="Broadening of predictions before the fit broadens them.")
@click.option("--reference", type=(Finite(), Finite()), metavar="A B",
              help="delta_iso = A + B sigma_iso of predictions without shifts.")
@click.option("--range", "window", type=(Finite(), Finite()), metavar="LOW HIGH",
              help="What is fitted, ppm. [default: all of the measurement]")
@click.option("--axis-offset", type=Finite(), default=0.0, help="Added to the axis of the measurement, ppm.")
@click.option("--sign", type=click.Choice(["auto", "keep", "flip"]), default="auto",
              help="Of the measurement: auto turns it over where its signal is negative.")
@click.option("--shift", type=SHARED, default="common", help="Of the models' axis, a reference that is off.")
@click.option("--width", type=SHARED, default="common", help="Gaussian broadening that is fitted.")
@click.option("--lorentzian", type=SHARED, default="none", help="Lorentzian broadening that is fitted.")
@click.option("--populations", type=click.Choice(["fit", "keep"]), default="fit", help="Shares of the components.")
@click.option("--baseline", type=click.IntRange(-1, 3), default=-1, help="Degree of a polynomial below; -1 is none.")
@click.option("--noise", type=Finite(0), help="Standard deviation of the measurement. [default: from its quiet part]")
@click.option("--max-shift", type=Finite(0, above=True), help="Largest shift, ppm. [default: an eighth of the range]")
@click.option("--max-width", type=Finite(0, above=True), help="Largest width, ppm. [default: a quarter of the range]")
@threads_option
@output(multiple=True, required=False, help="Of the best: .csv curves, .json figures, .png, .svg or .pdf; may be given "
                                            "several times.")
@pass_session
def command(session: Session, measured: Path, models: tuple[Path, ...], sites: tuple[dict[str, Any], ...],
            hold: tuple[str, ...], output: tuple[Path, ...], **options: Any) -> None:
    """Lay MODELS over the spectrum in MEASURED, fit them and score them against it.

    MEASURED is .csdf, columns (.csv, .txt), a dmfit or SIMPSON file, or a Bruker folder. MODELS are spectra or
    predictions (.csv, .extxyz); each is fitted in the same way: shift of its axis, scale, broadening, populations of
    its components. The best by chi squared comes first. With --site the parameters of a few sites are refined instead.

    \b
    Examples:
      glassnmr fit measured.csdf glass.csv --isotope 29Si --field 9.4 --label qn -o fit.png
      glassnmr fit na2sio3.csdf --isotope 17O --larmor 54.24 --range -50 120 \\
          --site delta_iso=60,C_Q=4.2,eta=0.5,label=BO \\
          --site delta_iso=40,C_Q=2.4,eta=0.5,label=NBO
      glassnmr fit al.csdf --isotope 27Al --width each --site delta_iso=65,sigma_dmfit=3,label=AlO4 \\
          --site delta_iso=35,sigma_dmfit=3,label=AlO5
      glassnmr fit phosphate.csdf --isotope 31P --speed 6kHz --lorentzian common \\
          --site delta_iso=0,zeta=80,eta_csa=0.5 -o p.png
    """
    from glassnmr.cli.setup import check_output
    from glassnmr.experiment import read_measurement
    from glassnmr.fit_io import FIT_SUFFIXES

    for path in output:
        check_output(path, FIT_SUFFIXES, "a fit")
    if bool(models) == bool(sites):
        raise ValueError("give models (spectra or predictions) or --site, and not both" if models
                         else "there is nothing to fit: give models (spectra or predictions), or --site")
    if hold and not sites:
        raise ValueError("--hold keeps parameters of a --site: give that, too")
    place = {key: options.pop(key) for key in ("isotope", "field", "larmor")}
    data = read_measurement(measured, **place, reference=options.pop("axis_offset"), sign=options.pop("sign"))
    common = {key: options[key] for key in ("window", "width", "lorentzian", "baseline", "noise", "max_shift",
                                            "max_width")}
    if sites:
        fits = {"sites": _refined(data, sites, hold, common, options)}
    else:
        fits = _ranked(session, data, models, common, options)
    _tell(session, data, fits)
    best = next(iter(fits.values()))
    for path in output:
        best.save(path)
        session.say(f"wrote {path}")


def _refined(data: Spectrum, sites: tuple[dict[str, Any], ...], hold: tuple[str, ...], common: dict[str, Any],
             options: dict[str, Any]) -> SpectrumFit:
    import math

    from glassnmr.cli.site_columns import ANGLES
    from glassnmr.site_fit import fit_sites

    if not data.isotope or data.field is None:
        raise ValueError("--site needs the nucleus and the field: give --isotope and --field or --larmor")
    if options["shift"] != "common" or options["populations"] != "fit":
        raise ValueError("--shift and --populations are of models; the shifts and shares of a --site are always fitted")
    named: dict[str, dict[str, Any]] = {}
    for number, site in enumerate(sites, 1):
        label = str(site.get("label", number))
        if label in named:
            raise ValueError(f"two sites have the label {label!r}")
        named[label] = {key: value for key, value in site.items() if key not in ("label", *ANGLES)}
        if set(site) & set(ANGLES):
            named[label]["euler"] = [math.radians(site.get(key, 0.0)) for key in ANGLES]
    return fit_sites(data, data.isotope, named, hold=hold, n_threads=options["threads"],
                     spinning_speed=options["speed"], **common)


def _ranked(session: Session, data: Spectrum, paths: tuple[Path, ...], common: dict[str, Any],
            options: dict[str, Any]) -> dict[str, SpectrumFit]:
    from glassnmr.fitting import rank_models

    with session.progress("models", 2 * len(paths)) as progress:
        models: dict[str, Spectrum] = {}
        for number, path in enumerate(paths):
            name = path.stem if path.stem not in models and len({p.stem for p in paths}) == len(paths) else str(path)
            if name in models:
                raise ValueError(f"{path} is given twice")
            models[name] = _model(path, data, options)
            progress(number + 1, 2 * len(paths))
        return rank_models(data, models, shift=options["shift"], populations=options["populations"] == "fit",
                           progress=lambda done, _: progress(len(paths) + done, 2 * len(paths)), **common)


def _model(path: Path, data: Spectrum, options: dict[str, Any]) -> Spectrum:
    """A spectrum as it is, or the spectrum of predictions at the measurement's nucleus and field."""
    from glassnmr.cli.spectrum import spectrum_of
    from glassnmr.io import read_predictions
    from glassnmr.spectrum_io import is_spectrum_file, load_spectrum

    if is_spectrum_file(path):
        made = load_spectrum(path)
        if options["label"] is not None and not made.components:
            raise ValueError(f"{path} is a spectrum without components, so --label has no meaning")
        if data.isotope and made.isotope and data.isotope != made.isotope:
            raise ValueError(f"{path} is of {made.isotope}, the measurement of {data.isotope}")
        return made
    table = read_predictions(path)
    if data.field is None:
        raise ValueError(f"{path} holds predictions: their spectrum needs --isotope, and --field or --larmor")
    return spectrum_of([table], data.isotope or None, label=options["label"], reference=options["reference"],
                       field=data.field, spinning_speed=options["speed"], n_threads=options["threads"],
                       **options["fwhm"])


def _tell(session: Session, data: Spectrum, fits: dict[str, SpectrumFit]) -> None:
    from glassnmr.cli.tables import columns

    best_name, best = next(iter(fits.items()))
    where = f" at {data.field:.4g} T" if data.field is not None else ""
    session.say(f"{data.isotope or 'unknown nucleus'}{where}, {len(best.ppm)} points from {best.ppm[0]:.4g} to "
                f"{best.ppm[-1]:.4g} ppm{', turned over' if data.metadata['turned_over'] else ''}; "
                f"noise {best.noise:.3g}, {best.noise / max(abs(best.observed)):.2%} of the highest point")
    if len(fits) > 1:
        rows = [[name, f"{fit.chi2:.3f}", f"{100 * fit.normalised_residual:.2f}", _pair(fit, "shift"),
                 _pair(fit, "fwhm")] for name, fit in fits.items()]
        click.echo(columns(["model", "chi2", "residual / %", "shift / ppm", "fwhm / ppm"], rows) + "\n")
    units = {"shift": "ppm", "fwhm": "ppm", "lorentzian": "ppm", "delta_iso": "ppm", "C_Q": "MHz", "abs_C_Q": "MHz",
             "zeta": "ppm", "sigma_dmfit": "MHz"}
    rows = [[f"{name} / {units[name.split(' ')[0]]}" if name.split(" ")[0] in units else name, _number(*estimate),
             f"{estimate.error:.2g}"] for name, estimate in best.parameters.items()]
    if len(best.populations) > 1:
        rows += [[f"{label} / %", _number(100 * share.value, 100 * share.error), f"{100 * share.error:.2g}"]
                 for label, share in best.populations.items()]
    click.echo(columns([best_name, "value", "error"], rows))
    click.echo(f"chi2 {best.chi2:.3f}, residual {100 * best.normalised_residual:.2f} % of the measurement")
    if best.at_bounds:
        session.say(f"at the end of their range: {', '.join(best.at_bounds)}")


def _pair(fit: SpectrumFit, name: str) -> str:
    return f"{fit.parameters[name].value:.3f}" if name in fit.parameters else ""


def _number(value: float, error: float) -> str:
    """A value with two digits of its error."""
    import math

    if not (error > 0 and math.isfinite(error)) or abs(value) >= 1e6:
        return f"{value:.6g}"
    return f"{value:.{min(max(1 - math.floor(math.log10(error)), 0), 8)}f}"
