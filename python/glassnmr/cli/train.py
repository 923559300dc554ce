# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr train``: from DFT tensors to a model file, with its honest error inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from glassnmr.cli.base import Command, Session, pass_session
from glassnmr.cli.options import Finite, config_option, data_options, model_options, only, output, write_config
from glassnmr.cli.tables import reference_line

__all__ = ["command"]


@click.command("train", cls=Command)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@data_options
@model_options
@click.option("--reference", type=(Finite(), Finite()), metavar="A B",
              help="Shifts are delta_iso = A + B sigma_iso, fitted on crystals of known shift. [default: none; with "
                   "--reference-data shielding the one that belongs to it]")
@config_option
@click.option("--write-config", "write_config_to", type=click.Path(path_type=Path), metavar="FILE",
              help="Write all options of this run as TOML, to repeat it with --config.")
@output(help="The model, as .gnmr.")
@pass_session
def command(session: Session, reference: tuple[float, float] | None, write_config_to: Path | None, output: Path,
            **options: Any) -> None:
    """Train a model of one kind of nucleus on the tensors in FILES and save it with its validated error.

    The error is that of nested cross validation: no group of structures is in training and test, and kappa and lambda
    are chosen inside. The model itself learns from all rows.

    \b
    Examples:
      glassnmr train --reference-data shielding --isotope 29Si --cutoff 3.3 -o si.gnmr
      glassnmr train vasp.extxyz --isotope 29Si --tensor shift_tensor --kind ms --sign -1 \\
          --offset 837.9 --where "label == 1" --cutoff 6 --radial-scaling 2.5 4 \\
          --mixing formers -o si.gnmr
      glassnmr train gipaw.magres --isotope 27Al --target tensor -o al.gnmr
    """
    from glassnmr.cli.setup import check_output, reference_of, validated
    from glassnmr.cli.tensors import train_tensors, wants_tensor
    from glassnmr.training import train

    settings = only(options)
    check_output(output, (".gnmr",), "a model")
    if write_config_to is not None:
        check_output(write_config_to, (".toml",), "a configuration")
    if wants_tensor(settings):
        train_tensors(settings, session, reference, output)
        if write_config_to is not None:
            write_config(write_config_to, settings, reference=reference)
            session.say(f"wrote {write_config_to}")
        return
    found, descriptor, regressor = validated(settings, session)
    chosen = reference_of(settings, reference, str(found.dataset.isotope[0]), found.targets)
    with session.progress("training") as progress:
        model = train(found, descriptor, regressor, reference=chosen, provenance={"seed": settings.seed},
                      progress=progress)
    model.save(output)
    _tell(session, found, model)
    if write_config_to is not None:
        write_config(write_config_to, settings, reference=chosen)
        session.say(f"wrote {write_config_to}")
    session.say(f"wrote {output}")


def _tell(session: Session, found: Any, model: Any) -> None:
    from glassnmr.cli.tables import error_table

    click.echo(error_table({target: found.errors(target) for target in found.targets}, "target"))
    session.say(f"{model.isotope}: {len(found.dataset)} rows, {model.n_landmarks} landmarks of "
                f"{model.descriptor.n_features} features, kappa "
                f"{', '.join(format(term['kappa'], '.4g') for term in model.kernel)}, "
                f"lambda {model.provenance['regressor']['lam']:.1g}")
    if model.reference is not None:
        session.say(reference_line(*model.reference))
    elif "sigma_iso" in model.targets:
        session.say("no shift reference: the model gives shieldings, no shifts (see --reference)")
