# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr dataset``: tables of DFT tensors from files, and from calculations that it starts itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnmr.cli.base import Group, Session, pass_session
from glassnmr.cli.generate import generate
from glassnmr.cli.options import Finite, data_options, only, output, threads_option

if TYPE_CHECKING:
    from glassnmr.dataset import Dataset

__all__ = ["command"]

TABLES = (".extxyz", ".xyz", ".h5", ".hdf5")


@click.group(cls=Group, default="summary", no_args_is_help=True)
def command() -> None:
    """Read, check and generate tables of DFT tensors.

    \b
    Examples:
      glassnmr dataset set.extxyz
      glassnmr dataset build run*/OUTCAR out*.magres -o set.h5 --group-by duplicates
      glassnmr dataset split set.h5 --parts 0.8 0.2 -o train.h5 -o test.h5
      glassnmr dataset generate glass 20 80 --seed 1 -o glass.extxyz
    """


grouping = click.option("--group-by", type=click.Choice(["file", "composition", "structure", "duplicates"]),
                        help="Make groups anew: near-duplicate structures found by their environments, and more.")
tolerance_option = click.option("--tolerance", type=Finite(0, above=True), default=0.05,
                                help="Of --group-by duplicates: distance of structures taken for one.")


@command.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@data_options
@grouping
@tolerance_option
@click.option("--join", is_flag=True,
              help="Put tensors of one structure from several runs (shifts, field gradients) into one row an atom.")
@click.option("--symmetry", is_flag=True, help="Add the symmetry images of every tensor (spglib).")
@click.option("--symmetry-tolerance", type=Finite(0, above=True), default=1e-3, help="Of spglib, Å.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE",
              help="Put a label on every structure: temperature=300.")
@click.option("--strict", is_flag=True, help="End at the first file that cannot be read; else it is told and left out.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE",
              help="Draw the distributions of every nucleus, as .png, .svg or .pdf.")
@threads_option
@output(help="The table, as .extxyz, .extxyz.gz, .h5, or .magres of one structure.")
@pass_session
def build(session: Session, output: Path, group_by: str | None, tolerance: float, join: bool, symmetry: bool,
          symmetry_tolerance: float, labels: tuple[str, ...], strict: bool, plot: Path | None, threads: int,
          **options: Any) -> None:
    """Gather the tensors of FILES into one table, with its checks.

    FILES are OUTCARs of VASP (LCHIMAG, LEFG), .magres and .castep of CASTEP, outputs of gipaw.x (its pw.x output
    beside it), ABINIT, CP2K and PySCF, extended xyz, tables made before. Shieldings become sigma in ppm with shielding
    sign, field gradients V in atomic units; each row keeps its isotope, its source and its group, each structure its
    composition, the code that computed it and which terms its shieldings hold.

    \b
    Examples:
      glassnmr dataset build run*/OUTCAR.gz out*.magres -o set.h5 --join --group-by duplicates --plot set.png
      glassnmr dataset build vasp.extxyz --tensor shift_tensor --kind ms \\
          --sign -1 --offset 837.9 --where "label == 1" -o set.extxyz
    """
    from glassnmr.cli.setup import check_output, read_data
    from glassnmr.grouping import composition, regroup

    check_output(output, (*TABLES, ".magres"), "a dataset")
    if plot is not None:
        check_output(plot, (".png", ".svg", ".pdf"), "a figure")
    told = dict(_label(word) for word in labels)
    settings = only(options)
    skipped: list[str] = []
    data = read_data(settings, session, one_isotope=False, skip=None if strict or len(settings.files) < 2 else
                     lambda sentence: _skip(session, skipped, sentence))
    if join:
        from glassnmr.joining import join_runs

        data = join_runs(data)
    for atoms in data.structures:
        atoms.info.setdefault("composition", composition(atoms))
        atoms.info.update(told)
    if symmetry:
        from glassnmr.symmetry import expand

        data = expand(data, symmetry_tolerance)
    if group_by is not None:
        with session.progress("comparing structures") as progress:
            data = regroup(data, group_by, tolerance=tolerance, n_threads=threads, progress=progress)
    data.write(output)
    if plot is not None:
        _draw(data, plot, session)
    click.echo(data.summary())
    _findings(data, session)
    session.say(f"wrote {output}")


def _skip(session: Session, skipped: list[str], sentence: str) -> None:
    skipped.append(sentence)
    session.say(f"left out: {sentence}")


def _label(word: str) -> tuple[str, Any]:
    name, equals, value = word.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise ValueError(f"--label must be like temperature=300, got {word!r}")
    if name.strip() in ("name", "source", "group"):
        raise ValueError(f"--label cannot set {name.strip()}, which is a column of the table")
    try:
        number = float(value)
    except ValueError:
        return name.strip(), value.strip()
    return name.strip(), int(number) if number.is_integer() else number


def _draw(data: Dataset, plot: Path, session: Session) -> None:
    from glassnmr.dataset_plots import dataset_figure
    from glassnmr.plots import save_figure

    save_figure(dataset_figure(data), plot)
    session.say(f"wrote {plot}")


def _findings(data: Dataset, session: Session, most: int = 10) -> int:
    """Tell what looks wrong; returns how many things."""
    from glassnmr.checks import check_dataset

    found = check_dataset(data)
    for finding in found[:most]:
        session.say(f"check: {finding}")
    if len(found) > most:
        session.say(f"check: {len(found) - most} findings more; glassnmr dataset check lists all")
    return len(found)


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


@command.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@data_options
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE",
              help="Draw the distributions of every nucleus, as .png, .svg or .pdf.")
@pass_session
def info(session: Session, plot: Path | None, **options: Any) -> None:
    """Tell a table at length: ranges, kinds of site, compositions, codes and terms, files.

    \b
    Example:
      glassnmr dataset info set.h5 --plot set.png
    """
    from glassnmr.cli.setup import check_output, read_data

    if plot is not None:
        check_output(plot, (".png", ".svg", ".pdf"), "a figure")
    data = read_data(only(options), session, one_isotope=False)
    click.echo(data.summary())
    click.echo(_tables(data))
    if plot is not None:
        _draw(data, plot, session)


def _tables(data: Dataset) -> str:
    """Quantities by nucleus and site; compositions; codes."""
    import numpy as np

    from glassnmr.cli.tables import columns
    from glassnmr.grouping import composition
    from glassnmr.training import row_labels

    rows = []
    for isotope in sorted(set(data.isotope.tolist())):
        part = data.select(isotope=isotope)
        sites = row_labels(part, "site")
        for name, unit in (("sigma_iso", "ppm"), ("span", "ppm"), ("C_Q", "MHz"), ("eta", "")):
            try:
                values = part.target(name)
            except ValueError:  # this nucleus, or some of its rows, have no such quantity
                continue
            for site in ["", *sorted(set(sites.tolist()))]:
                some = values[sites == site] if site else values
                head = f"  {site}" if site else f"{isotope} {name}" + (f" / {unit}" if unit else "")
                figures = (some.mean(), some.std(), some.min(), np.median(some), some.max())
                rows.append([head, str(len(some)), *(f"{x:.3f}" for x in figures)])
    text = "\n" + columns(["quantity", "rows", "mean", "std", "min", "median", "max"], rows) if rows else ""
    for title, told in (
        ("composition", [str(atoms.info.get("composition", composition(atoms))) for atoms in data.structures]),
        ("computed by", [" ".join(str(atoms.info.get(key, "")) for key in ("calc_code", "calc_code_version")).strip()
                         or "not told" for atoms in data.structures]),
        ("terms of the shieldings", [str(atoms.info.get("ms_terms", "not told")) for atoms in data.structures]),
        ("temperature / K", [str(atoms.info.get("temperature", "not told")) for atoms in data.structures]),
    ):
        kinds, counts = np.unique(told, return_counts=True)
        order = np.argsort(-counts)[:12]
        more = f", {len(kinds) - 12} others" if len(kinds) > 12 else ""
        text += f"\n{title}: " + ", ".join(f"{kinds[k]} ({counts[k]})" for k in order) + more
    return text


@command.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@data_options
@click.option("--strict", is_flag=True, help="End with status 1 when anything is found.")
@pass_session
def check(session: Session, strict: bool, **options: Any) -> None:
    """List what looks wrong: contacts too short, odd coordination, values far off, structures that are the same.

    \b
    Example:
      glassnmr dataset check set.h5
    """
    from glassnmr.checks import check_dataset
    from glassnmr.cli.setup import read_data
    from glassnmr.grouping import regroup

    data = read_data(only(options), session, one_isotope=False)
    found = [str(finding) for finding in check_dataset(data)]
    joined = regroup(data, "duplicates")
    before, after = len(set(data.group.tolist())), len(set(joined.group.tolist()))
    if after < before:
        found.append(f"{before} groups hold near-duplicates of one another: {after} are left when they are joined"
                     " (dataset build --group-by duplicates)")
    for line in found:
        click.echo(line)
    click.echo(f"{len(found)} finding{'' if len(found) == 1 else 's'} in {len(data)} rows of"
               f" {len(data.structures)} structures")
    if strict and found:
        raise click.exceptions.Exit(1)


@command.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@data_options
@click.option("--parts", required=True, metavar="SHARES",
              help="Shares of the rows, one an output: 0.8,0.1,0.1; they are made to add up to 1.")
@grouping
@tolerance_option
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the order in which groups are dealt.")
@output(multiple=True, help="A part, as .extxyz or .h5; once a share.")
@pass_session
def split(session: Session, parts: str, group_by: str | None, tolerance: float, seed: int, output: tuple[Path, ...],
          **options: Any) -> None:
    """Deal the groups of a table into parts; no group is in two of them.

    \b
    Example:
      glassnmr dataset split set.h5 --parts 0.8,0.2 -o train.h5 -o test.h5
    """
    from glassnmr.cli.setup import check_output, read_data
    from glassnmr.grouping import deal_groups, regroup

    shares = _shares(parts)
    if len(shares) != len(output):
        raise ValueError(f"--parts gives {len(shares)} shares for {len(output)} outputs (-o)")
    if len(set(output)) != len(output):
        raise ValueError("every part needs a file of its own, a name is given twice")
    for path in output:
        check_output(path, TABLES, "a dataset")
    data = read_data(only(options), session, one_isotope=False)
    if group_by is not None:
        data = regroup(data, group_by, tolerance=tolerance)
    for path, rows in zip(output, deal_groups(data.group, shares, seed), strict=True):
        part = data.select(mask=rows)
        part.write(path)
        groups = len(set(part.group.tolist()))
        click.echo(f"{path}: {len(part)} rows, {groups} groups, {len(part.structures)} structures")


def _shares(text: str) -> list[float]:
    try:
        shares = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise ValueError(f"--parts must be numbers like 0.8,0.2, got {text!r}") from None
    if len(shares) < 2 or not all(0 < share < float("inf") for share in shares):
        raise ValueError(f"--parts must be two positive numbers or more, got {text!r}")
    return [share / sum(shares) for share in shares]


@command.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@data_options
@grouping
@tolerance_option
@output(help="The table, as .extxyz, .extxyz.gz or .h5.")
@pass_session
def merge(session: Session, group_by: str | None, tolerance: float, output: Path, **options: Any) -> None:
    """Put tables together; the tensors that some lack stay empty. Structures that are the same are told.

    \b
    Example:
      glassnmr dataset merge a.h5 b.extxyz -o all.h5 --group-by duplicates
    """
    from glassnmr.cli.setup import check_output, read_data
    from glassnmr.grouping import regroup

    check_output(output, TABLES, "a dataset")
    data = read_data(only(options), session, one_isotope=False)
    joined = regroup(data, "duplicates", tolerance=tolerance)
    before, after = len(set(data.group.tolist())), len(set(joined.group.tolist()))
    if group_by is not None:
        data = joined if group_by == "duplicates" else regroup(data, group_by)
    elif after < before:
        session.say(f"{before} groups hold near-duplicates of one another: --group-by duplicates leaves {after}")
    data.write(output)
    click.echo(data.summary())
    session.say(f"wrote {output}")


command.add_command(generate)
