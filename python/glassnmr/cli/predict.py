# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr predict``: structures and models in, NMR parameters of every atom out, frame by frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from glassnmr.cli.base import Command, Session, pass_session
from glassnmr.cli.options import index_option, output, threads_option, types_option

if TYPE_CHECKING:
    import ase

    from glassnmr.io import Prediction
    from glassnmr.model import NMRModel
    from glassnmr.tensor_model import TensorModel

__all__ = ["command", "predict_files"]


@click.command("predict", cls=Command)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-m", "--model", "models", multiple=True, required=True, type=click.Path(path_type=Path), metavar="FILE",
              help="A *.gnmr file; several are joined atom by atom.")
@types_option
@index_option
@click.option("--label", "labels", multiple=True, metavar="ARRAY",
              help="Carry a per-atom array along; site (Q4, Q3, BO, NBO), coordination, qn, 'qn(mAl)', oxygen and "
                   "species (Si-O-Al) are counted from bonds where a file has none.")
@click.option("--topology", type=click.Path(path_type=Path), metavar="FILE",
              help="Structure file that names the atoms of XTC, DCD and NetCDF trajectories.")
@click.option("--resume", is_flag=True, help="Go on where a run ended: the .h5 file keeps its whole frames.")
@threads_option
@output(help="Predictions, as .csv, .extxyz, .parquet, .h5, .json (chemiscope) or .magres.")
@pass_session
def command(session: Session, files: tuple[Path, ...], models: tuple[Path, ...], types: str | None, index: str | None,
            labels: tuple[str, ...], topology: Path | None, resume: bool, threads: int, output: Path) -> None:
    """Predict the NMR parameters of every atom of the structures in FILES.

    Frames are read, predicted and written one at a time, whatever the length of a trajectory. An .h5 file grows frame
    by frame and can be taken up again; the other files appear whole at the end.

    \b
    Example:
      glassnmr predict md.lammpstrj --types O,Si,Na --index ::10 \\
          --model si.gnmr --model o.gnmr --label site -o md.csv
    """
    from glassnmr.cli.setup import check_output
    from glassnmr.tensor_model import load_model

    check_output(output, (".csv", ".extxyz", ".xyz", ".parquet", ".h5", ".hdf5", ".json", ".magres"), "a prediction")
    if resume and output.suffix not in (".h5", ".hdf5"):
        raise ValueError(f"--resume takes up .h5 files only, got {output}")
    loaded = [load_model(path) for path in models]
    with session.progress("frames") as progress:
        rows = predict_files(files, loaded, output, types=types, index=index, labels=labels, n_threads=threads,
                             progress=progress, topology=topology, resume=resume)
    for model, path in zip(loaded, models, strict=True):
        if "sigma_iso" in model.targets and model.reference is None:
            session.say(f"{path} has no shift reference: {output} holds shieldings of {model.isotope}, no shifts")
    session.say(f"wrote {rows} rows to {output}")


def predict_files(files: Sequence[Path], models: Sequence[NMRModel | TensorModel], output: Path, *,
                  types: str | None = None, index: str | None = None, labels: Sequence[str] = (), n_threads: int = 0,
                  progress: Callable[[int], None] | None = None, topology: Path | None = None,
                  resume: bool = False) -> int:
    """Stream the frames of all files through all models into one file of predictions; returns the rows written."""
    from glassnmr.io import frames_done, read_frames, write_predictions

    done = frames_done(output) if resume else 0
    numbered = enumerate(atoms for path in files for atoms in read_frames(path, types, index, topology=topology))
    rest = islice(numbered, done, None)
    waiting: deque[ase.Atoms] = deque()
    return write_predictions(output, _drain(waiting), _predict(rest, models, waiting, labels, n_threads, progress),
                             labels=labels, resume=resume)


def _predict(frames: Iterable[tuple[int, ase.Atoms]], models: Sequence[NMRModel | TensorModel],
             waiting: deque[ase.Atoms], labels: Sequence[str], n_threads: int,
             progress: Callable[[int], None] | None) -> Iterator[Prediction]:
    """The predictions frame by frame; each frame is handed over in `waiting` just before they are."""
    from glassnmr.sites import is_kind, site_labels

    for number, atoms in frames:
        for label in labels:
            if label not in atoms.arrays and is_kind(label):
                atoms.set_array(label, site_labels(atoms, kind=label))
        waiting.append(atoms)
        for model in models:
            yield model.predict_frame(atoms, frame=number, n_threads=n_threads)
        if progress is not None:
            progress(number + 1)


def _drain(waiting: deque[ase.Atoms]) -> Iterator[ase.Atoms]:
    while waiting:
        yield waiting.popleft()
