# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr tune``: good parameters of descriptor and regressor, their map, and the honest error of the search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from glassnmr.cli.base import Command, Session, pass_session
from glassnmr.cli.options import Settings, config_option, data_options, model_options, only, write_config

if TYPE_CHECKING:
    from glassnmr.training import Validation
    from glassnmr.tuning import Search

__all__ = ["command"]

PICTURES = (".png", ".svg", ".pdf")
WHOLE = ("n-max", "l-max", "landmarks")
DEFAULT = {"cutoff": (4.5, 5.0, 5.5, 6.0, 6.5, 7.0), "sigma": (0.2, 0.25, 0.3, 0.35, 0.4), "n-max": (6, 8, 10, 12),
           "l-max": (3, 4, 5, 6), "two-body": (0.3, 1.0, 3.0, 10.0)}
_FIELDS = {"cutoff": "cutoff", "sigma": "sigma", "n-max": "n_max", "l-max": "l_max", "landmarks": "n_landmarks",
           "robust": "robust", "shared": "shared", "angular-filter": "angular_filter"}
"""Names that are those of an option; two-body, scaling-radius and scaling-power are parts of one."""
NAMES = (*_FIELDS, "two-body", "scaling-radius", "scaling-power")


@click.command("tune", cls=Command)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@data_options
@model_options
@click.option("--search", "searches", multiple=True, metavar="NAME=V,V,...",
              help=f"Values to try for one of {', '.join(NAMES)}; two-body is the factor of the 2-body part. May be "
                   "given several times. [default: a grid over cutoff, sigma, n-max, l-max and two-body]")
@click.option("--trials", type=click.IntRange(1), default=40, help="At most so many sets of parameters.")
@click.option("--nested/--not-nested", default=False,
              help="Also search in each fold without its rows: the honest error, at the cost of as many searches.")
@click.option("--journal", type=click.Path(path_type=Path), metavar="FILE",
              help="Keep every trial; after a kill the same command goes on from there.")
@config_option
@click.option("-o", "--output", "outputs", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
              help="The best options as .toml for --config of train; all trials as .csv; the map of lambda and kappa "
                   "of the best as .png, .svg, .pdf; with --nested a report as .html.")
@pass_session
def command(session: Session, searches: tuple[str, ...], trials: int, nested: bool, journal: Path | None,
            outputs: tuple[Path, ...], **options: Any) -> None:
    """Search for the options of train and validate with the least error on the tensors in FILES.

    From coarse to fine; every trial goes over all kappa and lambda with all groups left out in closed form. The error
    of the best of many trials is too good to be true: --nested tells the honest one.

    \b
    Examples:
      glassnmr tune set.extxyz --isotope 29Si --trials 30 --journal search.jsonl \\
          -o best.toml -o trials.csv -o map.png
      glassnmr train set.extxyz --config best.toml -o si.gnmr
    """
    from glassnmr.cli.setup import check_output

    settings = only(options)
    for path in outputs:
        check_output(path, (".toml", ".csv", ".html", *PICTURES), "a search")
        if path.suffix == ".html" and not nested:
            raise ValueError(f"{path}: a report is of the nested search, give --nested, too")
    if journal is not None and not journal.parent.is_dir():
        raise FileNotFoundError(f"cannot write {journal}: there is no folder {journal.parent}")
    space = dict(_parsed(text) for text in searches) or {name: list(values) for name, values in DEFAULT.items()}
    if len(searches) != len(space) and searches:
        raise ValueError("--search names a parameter twice")
    found, honest, targets = _run(session, settings, space, trials, nested, journal)
    _tell(session, found["all"], honest)
    for path in outputs:
        _write(path, session, settings, found, honest, targets)


def _parsed(text: str) -> tuple[str, list[float]]:
    name, _, values = text.partition("=")
    name = name.strip().replace("_", "-")
    if name not in NAMES:
        raise ValueError(f"--search: {name!r} is none of {', '.join(NAMES)}")
    try:
        numbers = [float(word) for word in values.split(",")]
    except ValueError:
        raise ValueError(f"--search must look like cutoff=5,6,7, got {text!r}") from None
    if name in WHOLE:
        if any(number != int(number) for number in numbers if np.isfinite(number)):
            raise ValueError(f"--search {name} takes whole numbers, got {values!r}")
        return name, [int(number) if np.isfinite(number) else number for number in numbers]
    return name, numbers


def settings_with(settings: Settings, parameters: Mapping[str, float]) -> Settings:
    """The settings with the values of a trial."""
    changed: dict[str, Any] = {_FIELDS[name]: value for name, value in parameters.items() if name in _FIELDS}
    if "two-body" in parameters:
        changed["body_weights"] = (parameters["two-body"], settings.body_weights[1])
    if {"scaling-radius", "scaling-power"} & set(parameters):
        r, m = settings.radial_scaling or (2.5, 4.0)
        changed["radial_scaling"] = (parameters.get("scaling-radius", r), parameters.get("scaling-power", m))
    return replace(settings, **changed)


def _start(settings: Settings, space: Mapping[str, list[float]]) -> dict[str, float]:
    """The values of the options, to begin with."""
    r, m = settings.radial_scaling or (2.5, 4.0)
    values = {name: getattr(settings, field) for name, field in _FIELDS.items()}
    values |= {"two-body": settings.body_weights[0], "scaling-radius": r, "scaling-power": m}
    return {name: float(values[name]) for name in space}


def _run(session: Session, settings: Settings, space: dict[str, list[float]], trials: int, nested: bool,
         journal: Path | None) -> tuple[dict[str, Search], Validation | None, tuple[str, ...]]:
    """The search over all rows as "all", and the nested ones as "fold 1", ... with their validation; the targets."""
    from glassnmr.cli.setup import descriptor_of, read_data, regressor_of, targets_of
    from glassnmr.tuning import nested_tune, tune

    data = read_data(settings, session)

    def build(parameters: Mapping[str, float]) -> Any:
        one = settings_with(settings, {name.replace("_", "-"): value for name, value in parameters.items()})
        return descriptor_of(one, data), regressor_of(one)

    first = {name: values[0] for name, values in space.items()}
    for name, values in space.items() if settings.reduce is None else ():
        for value in values:  # a wrong one is told before the work begins
            build({**first, name: value})
    targets = targets_of(settings, data)
    common: dict[str, Any] = {
        "start": {name.replace("-", "_"): value for name, value in _start(settings, space).items()},
        "targets": targets, "n_trials": trials, "n_threads": settings.threads,
        "kappas": None if settings.kappa == "auto" else [1.0],
        "lams": None if settings.lam == "auto" else [float(settings.lam)]}
    grid = {name.replace("-", "_"): values for name, values in space.items()}
    with session.progress("searching", trials) as progress:
        found = {"all": tune(data, build, grid, journal=journal, progress=progress, **common)}
    if not nested:
        return found, None, targets
    inner = None if journal is None else journal.with_name(journal.name + ".nested")
    with session.progress("searching without each fold", trials * settings.folds) as progress:
        honest, folds = nested_tune(data, build, grid, n_splits=settings.folds, seed=settings.seed, journal=inner,
                                    progress=progress, **common)
    return found | {f"fold {k + 1}": search for k, search in enumerate(folds)}, honest, targets


def _tell(session: Session, search: Search, honest: Validation | None) -> None:
    """The ten best trials, and the honest error."""
    from glassnmr.cli.tables import columns, error_table

    names = list(search.best.parameters)
    best = sorted(search.trials, key=lambda trial: trial.error)[:10]
    click.echo(columns([*names, "error", "kappa", "lambda"],
                       [[*(f"{trial.parameters[name]:g}" for name in names), f"{trial.error:.3f}",
                         " ".join(f"{value:.3g}" for value in np.atleast_1d(trial.kappa)), f"{trial.lam:.1g}"]
                        for trial in best]))
    session.say(f"{len(search.trials)} trials; errors are the best of many, with groups left out")
    if honest is not None:
        click.echo("\n" + error_table({target: honest.errors(target) for target in honest.targets}, "searched without"))


def _write(path: Path, session: Session, settings: Settings, found: Mapping[str, Search], honest: Validation | None,
           targets: tuple[str, ...]) -> None:
    best = found["all"].best
    if path.suffix == ".toml":
        named = {name.replace("_", "-"): value for name, value in best.parameters.items()}
        write_config(path, settings_with(settings, named))
    elif path.suffix == ".csv":
        from glassnmr.tuning import write_trials

        write_trials(path, found)
    elif path.suffix == ".html":
        from glassnmr.report import Report, write_report

        assert honest is not None
        told = {where: f"{search.best.parameters}, error inside {search.best.error:.3f}"
                for where, search in found.items()}
        write_report(path, Report(honest, settings=told, title=f"Search for {', '.join(honest.targets)}"))
    else:
        from glassnmr import plots
        from glassnmr.validation_plots import parameter_map

        unit = plots.unit_text(targets[0]) if len(targets) == 1 else ""  # several are in units of their deviation
        plots.save_figure(parameter_map(best.choices, unit=unit), path)
    session.say(f"wrote {path}")
