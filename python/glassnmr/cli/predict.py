# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr predict``: structures and models in, NMR parameters of every atom out, frame by frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
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
    from glassnmr.workers import PredictedFrame

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
@click.option("--jobs", type=click.IntRange(0), default=1,
              help="Frames at once, on threads or, with --dask local, processes; 0 is one for each processor.")
@click.option("--dask", metavar="WHERE",
              help="Spread the frames over Dask: local, the address of a scheduler (tcp://host:8786) or its file "
                   "(.json). A worker that dies loses nothing.")
@threads_option
@output(help="Predictions, as .csv, .extxyz, .parquet, .h5, .json (chemiscope) or .magres.")
@pass_session
def command(session: Session, files: tuple[Path, ...], models: tuple[Path, ...], types: str | None, index: str | None,
            labels: tuple[str, ...], topology: Path | None, resume: bool, jobs: int, dask: str | None, threads: int,
            output: Path) -> None:
    """Predict the NMR parameters of every atom of the structures in FILES.

    Frames are read, predicted and written one at a time, or a few with --jobs and --dask, whatever the length of a
    trajectory; results do not depend on who does the work. An .h5 file grows frame by frame and can be taken up again;
    the other files appear whole at the end.

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
                             progress=progress, topology=topology, resume=resume, jobs=jobs, dask=dask)
    for model, path in zip(loaded, models, strict=True):
        if "sigma_iso" in model.targets and model.reference is None:
            session.say(f"{path} has no shift reference: {output} holds shieldings of {model.isotope}, no shifts")
    session.say(f"wrote {rows} rows to {output}")


def predict_files(files: Sequence[Path], models: Sequence[NMRModel | TensorModel], output: Path, *,
                  types: str | None = None, index: str | None = None, labels: Sequence[str] = (), n_threads: int = 0,
                  progress: Callable[[int], None] | None = None, topology: Path | None = None,
                  resume: bool = False, jobs: int = 1, dask: str | None = None) -> int:
    """Stream the frames of all files through all models into one file of predictions; returns the rows written."""
    from glassnmr.io import frames_done, read_frames, write_predictions
    from glassnmr.workers import predict_frames

    done = frames_done(output) if resume else 0
    frames = (atoms for path in files for atoms in read_frames(path, types, index, topology=topology))
    results = predict_frames(islice(frames, done, None), models, first=done, jobs=jobs, dask=dask, labels=labels,
                             n_threads=n_threads, progress=progress)
    waiting: deque[ase.Atoms] = deque()
    with closing(results):
        return write_predictions(output, _drain(waiting), _said(results, waiting), labels=labels, resume=resume)


def _said(results: Iterator[PredictedFrame], waiting: deque[ase.Atoms]) -> Iterator[Prediction]:
    """The predictions frame by frame; each frame is handed over in `waiting` just before they are."""
    for frame in results:
        waiting.append(frame.atoms)
        yield from frame.predictions


def _drain(waiting: deque[ase.Atoms]) -> Iterator[ase.Atoms]:
    while waiting:
        yield waiting.popleft()
