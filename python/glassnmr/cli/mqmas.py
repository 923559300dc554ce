# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr mqmas``: from predictions to a sheared two-dimensional spectrum."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from glassnmr.cli.base import Command, Session, pass_session
from glassnmr.cli.options import Finite, output, threads_option
from glassnmr.cli.site_columns import Width, given_sites, site_options

if TYPE_CHECKING:
    from glassnmr.mqmas import Spectrum2D

__all__ = ["command"]


@click.command("mqmas", cls=Command)
@site_options
@click.option("--order", type=click.IntRange(3), default=3, help="Of the coherence: 3, 5 for spins of 5/2 and more ...")
@click.option("--scale", type=click.Choice(["delta", "amoureux"]), default="delta", help="Of F1.")
@click.option("--efficiency", type=click.Path(path_type=Path), metavar="FILE",
              help="Two columns, P_Q in MHz and relative excitation.")
@click.option("--nutation", type=Finite(0, above=True), metavar="kHz",
              help="Excitation and conversion by two pulses of this nutation frequency, at their best lengths.")
@click.option("--fwhm", type=Width(), default="1ppm", help="Width of the broadening in F2: 1.5ppm, 100Hz.")
@click.option("--fwhm1", type=Width(), help="In F1. [default: that of F2]")
@click.option("--shape", type=click.Choice(["gaussian", "lorentzian"]), default="gaussian", help="Of the broadening.")
@click.option("--range1", type=(Finite(), Finite()), metavar="LOW HIGH", help="Ends of F1, ppm. [default: all lines]")
@click.option("--range2", type=(Finite(), Finite()), metavar="LOW HIGH", help="Ends of F2, ppm. [default: all lines]")
@click.option("--points", type=(click.IntRange(2), click.IntRange(2)), default=(512, 1024), metavar="N1 N2",
              help="Of F1 and F2, with their ranges.")
@click.option("--contours", type=click.IntRange(2, 200), default=12, help="In pictures.")
@click.option("--lowest", type=Finite(0, above=True), default=0.03, help="Lowest contour, share of the highest point.")
@threads_option
@output(multiple=True, help=".png, .svg, .pdf, .csdf or .csv; may be given several times.")
@pass_session
def command(session: Session, files: tuple[Path, ...], given: tuple[dict[str, Any], ...], isotope: str | None,
            label: str | None, reference: tuple[float, float] | None, efficiency: Path | None, nutation: float | None,
            output: tuple[Path, ...], contours: int, lowest: float, **options: Any) -> None:
    """Turn predictions (.csv or .extxyz), or sites, into a sheared 3QMAS, 5QMAS ... spectrum.

    Sites need shifts, |C_Q| and eta. Pictures show contours, projections, the CS and the QIS line. On the scale
    "delta", delta_iso = (17 F1 + 10 F2) / 27 with F2 the centre of gravity of a ridge.

    \b
    Examples:
      glassnmr mqmas glass.csv --isotope 17O --field 14.1 --label site -o o.png -o o.csdf
      glassnmr mqmas glass.csv --isotope 27Al --field 18.8 --order 5 --scale amoureux --fwhm 150Hz -o al.pdf
      glassnmr mqmas --site delta_iso=65,C_Q=6,eta=0.3 --site delta_iso=8,C_Q=4,eta=0.5 \\
          --isotope 27Al --field 14.1 --nutation 100 -o sites.png
    """
    from glassnmr import plots
    from glassnmr.cli.setup import check_output
    from glassnmr.mqmas import mqmas_spectrum
    from glassnmr.mqmas_io import SPECTRUM_2D_SUFFIXES

    for path in output:
        check_output(path, SPECTRUM_2D_SUFFIXES, "a two-dimensional spectrum")
    if not lowest < 1:
        raise ValueError(f"--lowest must lie below 1, got {lowest:g}")
    nucleus, sites = given_sites(session, files, given, isotope, label=label, reference=reference)
    sites = {name: column for name, column in sites.items() if name not in ("zeta", "eta_csa", "euler")}
    curve = _efficiency(nucleus, options["order"], efficiency, nutation)
    spans, points = (options.pop("range1"), options.pop("range2")), options.pop("points")
    axes: dict[str, Any] = {f"axis_f{k + 1}": None if span is None else (*span, points[k])
                            for k, span in enumerate(spans)}
    made = mqmas_spectrum(nucleus, **sites, **axes, efficiency=curve, n_threads=options.pop("threads"),
                          **_widths(options.pop("fwhm"), options.pop("fwhm1")), **options)
    _tell(session, made)
    for path in output:
        if path.suffix in (".png", ".svg", ".pdf"):
            plots.save_figure(made.plot(levels=contours, lowest=lowest), path)
        else:
            made.save(path)
        session.say(f"wrote {path}")


def _widths(second: dict[str, float], first: dict[str, float] | None) -> dict[str, Any]:
    """fwhm_ppm or fwhm_hz of mqmas_spectrum, from those of F2 and F1."""
    first = second if first is None else first
    if first.keys() != second.keys():
        raise ValueError("--fwhm and --fwhm1 must have the same unit, Hz or ppm")
    return {name: (first[name], second[name]) for name in second}


def _efficiency(nucleus: Any, order: int, file: Path | None, nutation: float | None) -> Any:
    """The curve over P_Q that was asked for, or None."""
    if file is not None and nutation is not None:
        raise ValueError("give --efficiency or --nutation, not both")
    if nutation is not None:
        from glassnmr.excitation import mq_efficiency

        return mq_efficiency(nucleus, order=order, nutation_hz=nutation * 1000)
    if file is None:
        return None
    try:
        with open(file, encoding="utf-8") as lines:
            rows = [line.replace(",", " ").split() for line in lines if line.strip() and line.lstrip()[0] not in "#%;"]
        table = np.array([[float(word) for word in row[:2]] for row in rows])
    except (UnicodeDecodeError, ValueError):
        table = np.empty((0, 2))
    if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] != 2:
        raise ValueError(f"{file} does not hold two columns of numbers, P_Q in MHz and relative excitation")
    return table[:, 0], table[:, 1]


def _tell(session: Session, spectrum: Spectrum2D) -> None:
    from glassnmr.cli.tables import columns

    slope, q = "" if spectrum.scale.s == 1 else f"{spectrum.scale.s:.4g} ", spectrum.scale.q
    session.say(f"{spectrum.isotope} at {spectrum.field:.4g} T (0 ppm at {spectrum.larmor:.3f} MHz), "
                f"{spectrum.metadata['sites']} sites, {spectrum.metadata['order']}Q, "
                f"F1 = {slope}delta_iso {'-' if q < 0 else '+'} {abs(q):.4g} delta_QIS")
    first, second = spectrum.projection("F1"), spectrum.projection("F2")
    parts: dict[str, tuple[Any, Any]] = {"sum": (first.intensity, second.intensity)}
    parts |= {label: (first.components[label], second.components[label]) for label in spectrum.components}
    rows: list[list[str]] = []
    for label, (one, two) in parts.items():
        share = 1.0 if label == "sum" and not rows else spectrum.fractions[label]
        if not (one.sum() > 0 and two.sum() > 0):
            rows.append([label, f"{100 * share:.1f}", "-", "-", "-", "-"])
            continue
        f1, f2 = float(one @ spectrum.f1 / one.sum()), float(two @ spectrum.f2 / two.sum())
        delta, product = spectrum.parameters(f1, f2)
        rows.append([label, f"{100 * share:.1f}", f"{f1:.2f}", f"{f2:.2f}", f"{float(delta):.2f}",
                     f"{float(product):.2f}"])
    click.echo(columns(["component", "%", "F1 / ppm", "F2 / ppm", "delta_iso / ppm", "P_Q / MHz"], rows))
    if spectrum.metadata["outside"] > 0.01:
        session.say(f"{100 * spectrum.metadata['outside']:.1f} % of the intensity lies outside the axes")
