# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr dataset``: tables of DFT tensors from files, and from calculations that it starts itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from glassnmr.cli.base import Group, Session, pass_session
from glassnmr.cli.generate import generate
from glassnmr.cli.options import data_options, only, output

__all__ = ["command"]


@click.group(cls=Group, default="summary", no_args_is_help=True)
def command() -> None:
    """Read, check and generate tables of DFT tensors.

    \b
    Examples:
      glassnmr dataset set.extxyz
      glassnmr dataset build run*/out.magres -o set.extxyz
      glassnmr dataset generate glass 20 80 --seed 1 -o glass.extxyz
    """


@command.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@data_options
@output(help="The table, as .extxyz or .extxyz.gz.")
@pass_session
def build(session: Session, output: Path, **options: Any) -> None:
    """Gather the tensors of FILES (extended xyz, magres, anything ASE reads) into one table.

    Shieldings become sigma in ppm with shielding sign, field gradients V in atomic units; each row keeps its isotope,
    its source and its group.

    \b
    Example (shifts as VASP prints them, made absolute with the core's shielding):
      glassnmr dataset build vasp.extxyz --tensor shift_tensor --kind ms \\
          --sign -1 --offset 837.9 --where "label == 1" -o set.extxyz
    """
    from glassnmr.cli.setup import check_output, read_data

    check_output(output, (".extxyz", ".xyz"), "a dataset")
    data = read_data(only(options), session, one_isotope=False)
    data.write(output)
    click.echo(data.summary())
    session.say(f"wrote {output}")


@command.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@data_options
@pass_session
def summary(session: Session, **options: Any) -> None:
    """Tell what a table, or any files with tensors, hold: rows, structures, groups and ranges of each nucleus.

    \b
    Examples:
      glassnmr dataset summary set.extxyz
      glassnmr dataset set.extxyz
      glassnmr dataset summary --reference-data shielding
    """
    from glassnmr.cli.setup import read_data

    click.echo(read_data(only(options), session, one_isotope=False).summary())


command.add_command(generate)
