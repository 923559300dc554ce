# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr compare``: descriptors and learners on the same data and folds, as a table and as plots."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnmr.cli.base import Command, Session, pass_session
from glassnmr.cli.options import config_option, data_options, model_options, only

if TYPE_CHECKING:
    from glassnmr.cli.options import Settings
    from glassnmr.comparison import Compared

__all__ = ["command"]

PICTURES = (".png", ".svg", ".pdf")


@click.command("compare", cls=Command)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@data_options
@model_options
@click.option("--with", "variants", multiple=True, metavar="'NAME: OPTION=VALUE ...'",
              help="A candidate: options above that differ for it, without dashes; may be given several times. "
                   "[default: soap, behler-parrinello and ardf]")
@click.option("--sizes", metavar="N,N,...", help="Training rows of the learning curve. [default: about halving]")
@click.option("--curve/--no-curve", default=True, help="Whether to make the learning curves.")
@config_option
@click.option("-o", "--output", "outputs", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
              help="The table as .csv; error against training size, features and time as .png, .svg, .pdf.")
@pass_session
def command(session: Session, variants: tuple[str, ...], sizes: str | None, curve: bool, outputs: tuple[Path, ...],
            **options: Any) -> None:
    """Compare descriptors and learners on the tensors in FILES, in the same folds.

    Every candidate is validated as by `glassnmr validate`: no group in training and test, kappa and lambda chosen
    inside. Times are of the processor: for one row of features, and for the whole validation.

    \b
    Examples:
      glassnmr compare --reference-data efg-17O --cutoff 4.5 -o compare.png
      glassnmr compare set.extxyz --isotope 29Si --with "all pairs:" --with "mu1nu1: compression=mu1nu1" \\
          --with "60 axes: reduce=pca:60" --with "exact: regressor=krr" -o compare.csv
    """
    from glassnmr.cli.options import sizes_of
    from glassnmr.cli.setup import check_output, descriptor_of, read_data, regressor_of, targets_of
    from glassnmr.comparison import compare

    settings = only(options)
    if "tensor" in settings.targets:
        raise ValueError("compare compares scalars: of tensors run glassnmr validate --target tensor with each set of "
                         "options; the same --seed gives the same folds")
    for path in outputs:
        check_output(path, (".csv", *PICTURES), "a comparison")
    chosen = {name: _changed(settings, name, words) for name, words in _named(variants or DEFAULT).items()}
    points = None if sizes is None else sizes_of(sizes)
    data = read_data(settings, session)
    candidates = {name: (descriptor_of(one, data), regressor_of(one)) for name, one in chosen.items()}
    targets = targets_of(settings, data)
    with session.progress("comparing") as progress:
        found = compare(data, candidates, targets=targets, sizes=points, curve=curve,
                        kappas=None if settings.kappa == "auto" else [1.0],
                        lams=None if settings.lam == "auto" else [float(settings.lam)], n_splits=settings.folds,
                        seed=settings.seed, n_threads=settings.threads, progress=progress)
    for target in targets:
        click.echo(_table(found, target))
        if curve:
            click.echo("\n" + _curve_table(found, target))
    session.say(f"{data.isotope[0]}: {len(data)} rows, {settings.folds} folds by group")
    for path in outputs:
        _write(path, found, targets)
        session.say(f"wrote {path}")


DEFAULT = ("SOAP: descriptor=soap", "BPSF: descriptor=behler-parrinello", "ARDF: descriptor=ardf")


def _named(variants: tuple[str, ...]) -> dict[str, list[str]]:
    """Words of each candidate by its name."""
    named: dict[str, list[str]] = {}
    for text in variants:
        name, colon, rest = text.partition(":")
        if not colon or not name.strip() or "=" in name:
            raise ValueError(f"--with must be 'NAME: OPTION=VALUE ...', got {text!r}")
        if name.strip() in named:
            raise ValueError(f"--with names two candidates {name.strip()!r}")
        named[name.strip()] = rest.split()
    return named


def _changed(settings: Settings, name: str, words: list[str]) -> Settings:
    """The settings with what a candidate says otherwise; its words are parsed as the options that they are."""
    parser = model_options(lambda: None)
    known = click.Command(name, params=list(reversed(getattr(parser, "__click_params__"))))  # noqa: B009
    numbers = {option.lstrip("-"): parameter.nargs for parameter in known.params for option in parameter.opts}
    arguments: list[str] = []
    for word in words:
        key, equals, value = word.partition("=")
        arguments.append(f"--{key}")
        if equals:
            arguments += value.split(",") if numbers.get(key, 1) > 1 else [value]
    try:
        context = known.make_context(name, arguments)
    except click.UsageError as error:
        raise ValueError(f"--with '{name}: {' '.join(words)}': {error.format_message()}") from None
    given = {key: value for key, value in context.params.items()
             if context.get_parameter_source(key) in (click.core.ParameterSource.COMMANDLINE,
                                                      click.core.ParameterSource.DEFAULT_MAP)}
    return dataclasses.replace(settings, **given)


def _table(found: list[Compared], target: str) -> str:
    from glassnmr.cli.tables import columns

    names = ("MAE", "RMSE", "median")
    rows = []
    for one in found:
        errors = one.errors(target)
        rows.append([one.name, str(one.n_features), *(f"{errors[key]:.3f}" for key in names), f"{errors['R2']:.3f}",
                     f"{one.row_time:.1f}", f"{one.learn_time:.1f}"])
    return columns([target, "features", *names, "R2", "us/row", "s/validation"], rows)


def _curve_table(found: list[Compared], target: str) -> str:
    from glassnmr.cli.tables import columns

    size = found[0].curves[target].size
    return columns([f"{target}: MAE with rows", *(str(n) for n in size)],
                   [[one.name, *(f"{mae:.3f}" for mae in one.curves[target].mae.mean(axis=0))] for one in found])


def _write(path: Path, found: list[Compared], targets: tuple[str, ...]) -> None:
    if path.suffix == ".csv":
        _write_table(path, found, targets)
        return
    from glassnmr import plots

    for target in targets:
        figure = plots.comparison(found, target, unit=plots.unit_text(target))
        plots.save_figure(figure, path if len(targets) == 1 else path.with_stem(f"{path.stem}-{target}"))


def _write_table(path: Path, found: list[Compared], targets: tuple[str, ...]) -> None:
    from glassnmr.files import replacing

    with replacing(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["candidate", "target", "training_rows", "features", "MAE", "RMSE", "row_us", "validation_s"])
        for one in found:
            for target in targets:
                errors = one.errors(target)
                writer.writerow([one.name, target, "all but a fold", one.n_features, f"{errors['MAE']:.6g}",
                                 f"{errors['RMSE']:.6g}", f"{one.row_time:.4g}", f"{one.learn_time:.4g}"])
                for k, size in enumerate(one.curves[target].size if target in one.curves else ()):
                    curve = one.curves[target]
                    writer.writerow([one.name, target, int(size), one.n_features, f"{curve.mae[:, k].mean():.6g}",
                                     f"{curve.rmse[:, k].mean():.6g}", "", ""])
