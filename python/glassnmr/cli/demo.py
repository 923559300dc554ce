# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr demo``: the whole chain on the shipped data, its figures told as they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from glassnmr.cli.base import Command, Session, pass_session
from glassnmr.cli.options import threads_option

if TYPE_CHECKING:
    from glassnmr.demo import Demo

__all__ = ["command", "report"]


@click.command("demo", cls=Command)
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), default=Path("glassnmr-demo"),
              metavar="FOLDER", help="Where the files go; made when missing.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the folds.")
@threads_option
@pass_session
def command(session: Session, folder: Path, seed: int, threads: int) -> None:
    """Run the whole chain on the shipped data: train, validate, predict a glass of 3000 atoms, draw its spectra.

    Models of the 29Si and 17O shieldings and of whole 17O field gradients learn from the shipped DFT tensors; their
    errors are of structures that they have not seen. The glass is of no training set. Models, predictions, spectra
    (.csv, .csdf) and pictures go into FOLDER.

    \b
    Example:
      glassnmr demo -o glassnmr-demo
    """
    from glassnmr.demo import run

    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"cannot write into {folder}: it is not a folder")
    with session.progress("demo") as progress:
        demo = run(folder, progress=progress, seed=seed, n_threads=threads)
    click.echo(report(demo))
    session.say(f"wrote {len(demo.files)} files to {folder}, {demo.files[-1]} shows them at a glance")


def report(demo: Demo) -> str:
    """The figures of a demo: errors by site, the glass, the lines of its spectra, seconds."""
    import numpy as np

    from glassnmr.cli.tables import columns, error_table

    errors: dict[str, dict[str, float]] = {}
    for rows in demo.left_out:
        errors[f"{rows.isotope} {rows.target}{f' / {rows.unit}' if rows.unit else ''}"] = rows.errors()
        for site, count in zip(*np.unique(rows.sites, return_counts=True), strict=True):
            if count >= 5:
                errors[f"  {rows.isotope} {rows.target} {site}"] = rows.errors(site)
    lines = ["Errors of cross validation, no structure in training and test:", error_table(errors, "quantity"), ""]
    lines[2:2] = [f"{head} is not learnt from {found['n']:.0f} rows: their mean predicts it as well (R2 below 0)."
                  for head, found in errors.items() if not head.startswith(" ") and found["R2"] < 0]
    sites, counts = np.unique(demo.sites, return_counts=True)
    kinds = ", ".join(f"{site} {count}" for site, count in zip(sites, counts, strict=True))
    lines += [f"Glass of {len(demo.sites)} atoms, predicted in {demo.seconds['predict the glass']:.1f} s: {kinds}", ""]
    table = []
    for isotope, spectrum in demo.spectra.items():
        for label, part in spectrum.components.items():
            centre = float((part * spectrum.ppm).sum() / part.sum())
            table.append([f"{isotope} {label}", f"{100 * spectrum.fractions[label]:.1f}",
                          f"{spectrum.ppm[np.argmax(part)]:.1f}", f"{centre:.1f}"])
    lines += [f"Spectra at {next(iter(demo.spectra.values())).field} T:",
              columns(["component", "%", "peak / ppm", "centre / ppm"], table), "",
              "Seconds: " + ", ".join(f"{text} {seconds:.1f}" for text, seconds in demo.seconds.items())]
    return "\n".join(lines)
