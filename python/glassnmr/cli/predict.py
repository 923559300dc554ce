# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr predict``: structures and models in, NMR parameters of every atom out, frame by frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from glassnmr.cli.base import Command, Session, pass_session
from glassnmr.cli.options import index_option, output, threads_option, types_option

if TYPE_CHECKING:
    import ase

    from glassnmr.io import Prediction
    from glassnmr.model import NMRModel

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
@threads_option
@output(help="Predictions, as .csv or .extxyz, either with .gz.")
@pass_session
def command(session: Session, files: tuple[Path, ...], models: tuple[Path, ...], types: str | None, index: str | None,
            labels: tuple[str, ...], threads: int, output: Path) -> None:
    """Predict the NMR parameters of every atom of the structures in FILES.

    Frames are read, predicted and written one at a time, whatever the length of a trajectory.

    \b
    Example:
      glassnmr predict md.lammpstrj --types O,Si,Na --index ::10 \\
          --model si.gnmr --model o.gnmr --label site -o md.csv
    """
    from glassnmr.cli.setup import check_output
    from glassnmr.model import NMRModel

    check_output(output, (".csv", ".extxyz", ".xyz"), "a prediction")
    loaded = [NMRModel.load(path) for path in models]
    with session.progress("frames") as progress:
        rows = predict_files(files, loaded, output, types=types, index=index, labels=labels, n_threads=threads,
                             progress=progress)
    for model, path in zip(loaded, models, strict=True):
        if "sigma_iso" in model.targets and model.reference is None:
            session.say(f"{path} has no shift reference: {output} holds shieldings of {model.isotope}, no shifts")
    session.say(f"wrote {rows} rows to {output}")


def predict_files(files: Sequence[Path], models: Sequence[NMRModel], output: Path, *, types: str | None = None,
                  index: str | None = None, labels: Sequence[str] = (), n_threads: int = 0,
                  progress: Callable[[int], None] | None = None) -> int:
    """Stream the frames of all files through all models into one file of predictions; returns the rows written."""
    from glassnmr.io import read_frames, write_predictions

    frames = (atoms for path in files for atoms in read_frames(path, types, index))
    waiting: deque[ase.Atoms] = deque()
    return write_predictions(output, _drain(waiting), _predict(frames, models, waiting, labels, n_threads, progress),
                             labels=labels)


def _predict(frames: Iterable[ase.Atoms], models: Sequence[NMRModel], waiting: deque[ase.Atoms],
             labels: Sequence[str], n_threads: int, progress: Callable[[int], None] | None) -> Iterator[Prediction]:
    """The predictions frame by frame; each frame is handed over in `waiting` just before they are."""
    from glassnmr.sites import is_kind, site_labels

    for number, atoms in enumerate(frames):
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
