# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr calibrate``: computed shieldings, shifts or couplings against measured crystals, kept in a model."""

from __future__ import annotations

from pathlib import Path

import click

from glassnmr.cli.base import Command, Session, pass_session
from glassnmr.cli.options import Finite

__all__ = ["command"]


@click.command("calibrate", cls=Command)
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--computed", required=True, metavar="COLUMN", help="Heading of the computed values.")
@click.option("--measured", required=True, metavar="COLUMN", help="Heading of the measured values.")
@click.option("--absolute", is_flag=True, help="Compare absolute values, as of couplings without a measured sign.")
@click.option("--slope", type=Finite(), help="Fix the slope, -1 with few crystals; fitted by default.")
@click.option("--robust", is_flag=True, help="Leave out crystals more than four robust deviations off the line.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE",
              help="Draw points, line, 95 % band and residuals, as .png, .svg or .pdf.")
@click.option("--model", type=click.Path(path_type=Path), metavar="FILE",
              help="Put the line into this *.gnmr file as its shift reference, to be written with -o.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="The calibrated model, as .gnmr.")
@pass_session
def command(session: Session, table: Path, computed: str, measured: str, absolute: bool, slope: float | None,
            robust: bool, plot: Path | None, model: Path | None, output: Path | None) -> None:
    """Fit measured = a + b computed through the crystals of TABLE, a CSV file, and tell the errors.

    With --model, delta_iso = a + b sigma_iso becomes the shift reference of a trained model; the points and the errors
    go into the model's provenance.

    \b
    Example:
      glassnmr calibrate crystals.csv --computed sigma_iso --measured delta_iso \\
          --plot line.png --model si.gnmr -o si-calibrated.gnmr
    """
    from glassnmr.calibration import calibrate, read_columns
    from glassnmr.cli.setup import check_output
    from glassnmr.model import NMRModel

    if (model is None) != (output is None):
        raise ValueError("--model and -o belong together: the model to calibrate and the file to write it to")
    if plot is not None:
        check_output(plot, (".png", ".svg", ".pdf"), "a figure")
    trained = None
    if model is not None and output is not None:
        check_output(output, (".gnmr",), "a model")
        trained = NMRModel.load(model)
        if "sigma_iso" not in trained.targets:
            raise ValueError(f"{model} predicts {', '.join(trained.targets)}: a shift reference needs sigma_iso")
        if absolute:
            raise ValueError("--absolute is for couplings: a shift reference keeps signs")
    names, numbers = read_columns(table, [computed, measured], absolute=absolute)
    found = calibrate(numbers[:, 0], numbers[:, 1], slope=slope, robust=robust, names=names,
                      x_label=computed.strip(), y_label=measured.strip())
    click.echo(f"{measured.strip()} = a + b {computed.strip()}, {found.n} points")
    click.echo(f"  a = {found.a:.4f} ± {found.a_error:.4f}")
    click.echo(f"  b = {found.b:.5f}" + (" (fixed)" if found.fixed_slope else f" ± {found.b_error:.5f}"))
    click.echo(f"  residuals: rms {found.rms:.3f}, mean absolute {found.mae:.3f}, largest {found.largest:.3f},"
               f" R2 {found.r2:.4f}")
    for place in (~found.used).nonzero()[0].tolist():
        click.echo(f"  left out: {found.names[place]}, computed {found.x[place]:g}, measured {found.y[place]:g}")
    if plot is not None:
        from glassnmr.dataset_plots import calibration_figure
        from glassnmr.plots import save_figure

        save_figure(calibration_figure(found), plot)
        session.say(f"wrote {plot}")
    if trained is not None and output is not None:
        story = {**found.story(), "table": table.name, "computed": computed, "measured": measured}
        trained.with_reference((found.a, found.b), story).save(output)
        session.say(f"wrote {output}")
