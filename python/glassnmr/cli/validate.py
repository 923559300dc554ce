# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr validate``: the honest error of a model, by label, as a plot, against landmarks or training size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from glassnmr.cli.base import Command, Session, pass_session
from glassnmr.cli.options import config_option, data_options, model_options, only, sizes_of

if TYPE_CHECKING:
    from glassnmr.cli.options import Settings
    from glassnmr.training import Validation
    from glassnmr.validation import Curve

__all__ = ["command"]

PICTURES = (".png", ".svg", ".pdf")
METHODS = ("icd", "rpcholesky", "fps", "entropy", "kmeans", "random")


@click.command("validate", cls=Command)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@data_options
@model_options
@click.option("--by", metavar="LABEL",
              help="Errors for each value of a label: site, element, or an array of the files.")
@click.option("--curve", type=click.Choice(["landmarks", "landmark-methods", "training-size"]),
              help="Print the error against the number of landmarks, for the method of this run or for all of them, or "
                   "of training rows.")
@click.option("--sizes", metavar="N,N,...", help="Points of the curve. [default: about halving from all]")
@config_option
@click.option("-o", "--output", "outputs", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
              help="A report on one page as .html, its figures (.png, .svg) and rows (.csv) beside it; predictions of "
                   "left-out rows as .csv; parity, or the curve, as .png, .svg, .pdf.")
@pass_session
def command(session: Session, by: str | None, curve: str | None, sizes: str | None, outputs: tuple[Path, ...],
            **options: Any) -> None:
    """Measure the error of a model on the tensors in FILES by nested cross validation in groups.

    Every row is predicted by a model that never saw its group; kappa and lambda are chosen without it, too. The figures
    are those of glassnmr.training.validate with the same settings and seed. A report adds the learning curve and curves
    over landmarks, which takes longer.

    \b
    Examples:
      glassnmr validate --reference-data efg-17O --by site -o parity.png -o rows.csv
      glassnmr validate set.extxyz --isotope 29Si --by site -o report.html
      glassnmr validate set.extxyz --isotope 29Si --curve landmark-methods -o curves.png
      glassnmr validate gipaw.magres --isotope 27Al --target tensor -o report.html
    """
    from glassnmr.cli.setup import check_output, validated
    from glassnmr.cli.tables import error_table
    from glassnmr.cli.tensors import validate_tensors, wants_tensor
    from glassnmr.training import row_labels

    settings = only(options)
    for path in outputs:
        check_output(path, (".csv", ".html", *PICTURES), "a validation")
    points = _points(sizes, curve)
    if wants_tensor(settings):
        if curve is not None:
            raise ValueError("--curve is of scalars: leave it out with --target tensor")
        validate_tensors(settings, session, by, outputs)
        return
    found, _, regressor = validated(settings, session)
    labels = None if by is None else row_labels(found.dataset, by)
    if labels is not None and np.char.isnumeric(labels).all():
        labels = np.char.add(f"{by} ", labels)
    table = {target: found.errors(target) for target in found.targets}
    if labels is not None:
        table |= {f"{target} {label}": found.errors(target, labels == label)
                  for target in found.targets for label in np.unique(labels)}
    click.echo(error_table(table, "target"))
    session.say(f"{found.dataset.isotope[0]}: {len(found.dataset)} rows, {settings.folds} folds of "
                f"{len(np.unique(found.dataset.group))} groups; kappa {_range(found.result.kappa)}, "
                f"lambda {_range(found.result.lam)}")
    _tell_coverage(session, found)
    curves: dict[str, dict[str, Curve]] = {}
    if curve == "landmark-methods":
        curves = _methods(session, settings, found, _final(found, regressor), points)
    elif curve is not None:
        one = _curves(session, settings, found, _final(found, regressor), curve, points)
        curves = {target: {"": one[target]} for target in one}
    for target, several in curves.items():
        for method, one_curve in several.items():
            click.echo("\n" + _curve_table(f"{target} {method}".strip(), one_curve))
    for path in outputs:
        if path.suffix == ".html":
            written = _report(path, session, settings, found, regressor, labels)
            session.say(f"wrote {path} and {len(written) - 1} files beside it")
            continue
        _write(path, found, labels, curves)
        session.say(f"wrote {path}")


def _tell_coverage(session: Session, found: Validation) -> None:
    for target in found.targets:
        held = found.coverage(target)
        if held is not None:
            session.say(f"90 % intervals of {target} hold {100 * held['rows']:.1f} % of the left-out rows, "
                        f"{100 * held['groups']:.1f} % by group")


def _report(path: Path, session: Session, settings: Settings, found: Validation, regressor: Any, labels: Any
            ) -> list[Path]:
    """The page with all curves."""
    from glassnmr.cli.tables import settings_told
    from glassnmr.learning import LSSVR
    from glassnmr.report import Report, write_report

    final = _final(found, regressor)
    learning = _curves(session, settings, found, final, "training-size", None)
    landmarks = _methods(session, settings, found, final, None) if isinstance(regressor, LSSVR) else {}
    told = settings_told(settings)
    title = f"Validation of {found.dataset.isotope[0]} {', '.join(found.targets)}"
    return write_report(path, Report(found, labels, learning, landmarks, told, title))


def _methods(session: Session, settings: Settings, found: Validation, final: dict[str, Any], points: list[int] | None
             ) -> dict[str, dict[str, Curve]]:
    """For each target the curve over landmarks of each way to choose them."""
    curves: dict[str, dict[str, Curve]] = {target: {} for target in final}
    for method in METHODS:
        some = {target: type(one)(**{**one.get_params(), "landmarks": method}) if hasattr(one, "landmarks") else one
                for target, one in final.items()}
        for target, curve in _curves(session, settings, found, some, "landmarks", points).items():
            curves[target][method] = curve
    return curves


def _points(sizes: str | None, curve: str | None) -> list[int] | None:
    if sizes is None:
        return None
    if curve is None:
        raise ValueError("--sizes are the points of a --curve: give that, too")
    return sizes_of(sizes)


def _range(values: Sequence[float | tuple[float, ...]]) -> str:
    low, high = float(np.min(values)), float(np.max(values))
    return f"{low:.2g}" if low == high else f"{low:.2g} to {high:.2g}"


def _final(found: Validation, regressor: Any) -> dict[str, Any]:
    """For each target the regressor with the kappa and lambda that suit all rows."""
    from glassnmr.choices import chosen_parameters
    from glassnmr.validation import choose_parameters

    final = {}
    for target in found.targets:
        choices = choose_parameters(regressor, found.features, found.values(target)[0], found.dataset.group,
                                    kappas=found.kappas, lams=found.lams, batches=found.dataset.structure)[2]
        final[target] = type(regressor)(**{**regressor.get_params(), **chosen_parameters(choices)})
    return final


def _curves(session: Session, settings: Settings, found: Validation, final: dict[str, Any], over: str,
            points: list[int] | None) -> dict[str, Curve]:
    """Error curves of each target."""
    from glassnmr.validation import landmark_curve, learning_curve

    function: Any = landmark_curve if over == "landmarks" else learning_curve
    curves = {}
    for target, estimator in final.items():
        how = f" by {estimator.landmarks}" if over == "landmarks" and hasattr(estimator, "landmarks") else ""
        with session.progress(f"{target} over {over}{how}") as progress:
            curves[target] = function(estimator, found.features, found.values(target)[0], found.dataset.group, points,
                                      n_splits=settings.folds, seed=settings.seed,
                                      batches=found.dataset.structure, progress=progress)
    return curves


def _curve_table(target: str, curve: Curve) -> str:
    from glassnmr.cli.tables import columns

    head = [f"{target}: {curve.over}", "MAE", "+-", "RMSE"] + (["residual trace"] if curve.residual is not None else [])
    rows = []
    for k, size in enumerate(curve.size.tolist()):
        row = [str(size), f"{curve.mae[:, k].mean():.3f}", f"{curve.mae[:, k].std():.3f}",
               f"{curve.rmse[:, k].mean():.3f}"]
        rows.append(row + ([f"{curve.residual[:, k].mean():.2e}"] if curve.residual is not None else []))
    return columns(head, rows)


def _write(path: Path, found: Validation, labels: Any, curves: dict[str, dict[str, Curve]]) -> None:
    from glassnmr.report import write_rows

    if path.suffix == ".csv":
        write_rows(path, found, labels)
        return
    from glassnmr import plots

    for target in found.targets:
        quantity, unit = plots.quantity_text(target, str(found.dataset.isotope[0])), plots.unit_text(target)
        name = path if len(found.targets) == 1 else path.with_stem(f"{path.stem}-{target}")
        if curves:
            figure = plots.curve(curves[target], unit=unit, title=quantity)
        else:
            known, guess = found.values(target)
            figure = plots.parity(known, guess, quantity=quantity, unit=unit, labels=labels)
        plots.save_figure(figure, name)
