# SPDX-License-Identifier: BSD-3-Clause
"""Predictions on disk: CSV, one line an atom, or extended xyz with per-atom arrays; written frame by frame."""

from __future__ import annotations

import csv
import heapq
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import IO, Any

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.files import replacing
from glassnmr.io.elements import TENSORS, folded, unfolded
from glassnmr.io.extxyz import read_extxyz, write_extxyz_frame
from glassnmr.io.prediction_files import (
    Columns,
    frames_done,
    read_hdf5_predictions,
    read_parquet,
    write_chemiscope,
    write_hdf5_predictions,
    write_magres_frames,
    write_parquet,
)
from glassnmr.io.text import one_sentence, open_text, suffix

__all__ = ["Prediction", "frames_done", "merge_predictions", "read_predictions", "write_predictions"]

_FIXED = ("frame", "atom", "element", "isotope", "x", "y", "z")
_XYZ = (".extxyz", ".xyz", ".exyz")
_HDF5 = (".h5", ".hdf5")
_WRITTEN = (".csv", *_XYZ, *_HDF5, ".parquet", ".json", ".magres")
_READ = (".csv", *_XYZ, *_HDF5, ".parquet")
_CHUNK = 65536


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one model says about one frame, or about a block of its atoms.

    frame: its place among the frames given; atoms (n,): indices of the atoms; values: target -> (n,), for example
    ``sigma_iso`` in ppm or ``abs_C_Q`` in MHz; isotope: ``"29Si"``, or ``""``.
    """

    frame: int
    atoms: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    isotope: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "atoms", np.asarray(self.atoms, dtype=np.int64).reshape(-1))
        values = {name: np.asarray(column, dtype=np.float64) for name, column in self.values.items()}
        for name, column in values.items():
            if column.shape != self.atoms.shape:
                raise ValueError(f"{name} must have one value per atom, {len(self.atoms)}, got shape {column.shape}")
        object.__setattr__(self, "values", values)


@dataclass(frozen=True)
class _Rows:
    """All predictions of one frame, one row an atom, by rising atom index."""

    atoms: NDArray[np.int64]
    isotope: NDArray[np.str_]
    values: dict[str, NDArray[np.float64]]


def merge_predictions(*streams: Iterable[Prediction]) -> Iterator[Prediction]:
    """Run several models' predictions side by side, so that all of a frame follow one another; nothing is gathered."""
    return heapq.merge(*streams, key=lambda prediction: prediction.frame)


def write_predictions(
    path: str | os.PathLike[str],
    frames: Iterable[ase.Atoms],
    predictions: Iterable[Prediction],
    *,
    labels: Sequence[str] = (),
    resume: bool = False,
) -> int:
    """Write predictions by the suffix of `path`; return the rows written.

    ``.csv`` and ``.extxyz``, either with ``.gz``; ``.parquet``; ``.json`` for chemiscope, with ``.gz`` too;
    ``.magres``, one file a frame; ``.h5``, which grows by whole frames while the run goes on. All others appear whole
    at the end.

    `frames` are the structures that were predicted, in the same order; both are consumed side by side and one frame is
    held at a time. `predictions` come by rising frame; those of several models (`merge_predictions`) are joined by
    frame and atom. The columns are the targets met in the first frame predicted; a later one outside them is an error.
    `labels` names per-atom arrays of the frames to be written beside them. `resume` takes up an ``.h5`` file that a run
    left: `frames` and `predictions` then begin with frame number `frames_done(path)`.

    Raises ValueError for atoms or frames that are not there, values that are not finite, and a target that is given
    twice for an atom.
    """
    kind = suffix(path)
    if kind not in _WRITTEN:
        raise ValueError(f"predictions are written as .csv, .extxyz, .h5, .parquet, .json or .magres, got {path}")
    if resume and kind not in _HDF5:
        raise ValueError(f"only .h5 files of predictions can be taken up again, got {path}")
    if kind == ".csv" or kind in _XYZ:
        write = _write_csv if kind == ".csv" else _write_xyz
        with replacing(path) as file:
            return write(file, _joined(frames, predictions, every_frame=kind != ".csv"), tuple(labels))
    if kind in _HDF5:
        start = frames_done(path) if resume else 0
        return write_hdf5_predictions(path, _as_columns(frames, predictions, tuple(labels), start), resume)
    writers = {".parquet": write_parquet, ".json": write_chemiscope, ".magres": write_magres_frames}
    return writers[kind](path, _as_columns(frames, predictions, tuple(labels)))


def _as_columns(
    frames: Iterable[ase.Atoms], predictions: Iterable[Prediction], labels: tuple[str, ...], start: int = 0
) -> Iterator[tuple[int, ase.Atoms, Columns, tuple[str, ...]]]:
    """Frames with their columns, the same ones in each; targets that a frame lacks are NaN."""
    targets: tuple[str, ...] | None = None
    for frame, atoms, rows in _joined(frames, predictions, every_frame=False, start=start):
        targets = _targets(targets, rows, labels, frame)
        n = len(rows.atoms)
        columns: Columns = {
            "frame": np.full(n, frame, dtype=np.int64),
            "atom": rows.atoms,
            "element": np.array(atoms.get_chemical_symbols(), dtype="U3")[rows.atoms],
            "isotope": rows.isotope,
        }
        columns |= {axis: atoms.positions[rows.atoms, number] for number, axis in enumerate("xyz")}
        columns |= {name: rows.values.get(name, np.full(n, np.nan)) for name in targets}
        columns |= {name: _label(atoms, name, frame)[rows.atoms] for name in labels}
        yield frame, atoms, columns, targets


def _joined(
    frames: Iterable[ase.Atoms], predictions: Iterable[Prediction], every_frame: bool, start: int = 0
) -> Iterator[tuple[int, ase.Atoms, _Rows]]:
    """Frames with their rows; those without predictions only if `every_frame`."""
    nothing = _Rows(np.zeros(0, np.int64), np.zeros(0, "U1"), {})
    position = start - 1
    structures = iter(frames)
    for frame, group in groupby(predictions, key=lambda prediction: prediction.frame):
        if frame <= position:
            raise ValueError(f"predictions must come by rising frame, got {frame} after {position}")
        while position < frame:
            atoms = next(structures, None)
            if atoms is None:
                raise ValueError(f"there is a prediction for frame {frame}, but only {position + 1} frame(s)")
            position += 1
            if every_frame and position < frame:
                yield position, atoms, nothing
        assert atoms is not None
        yield frame, atoms, _rows(list(group), len(atoms))
    if every_frame:
        for atoms in structures:
            position += 1
            yield position, atoms, nothing


def _rows(predictions: list[Prediction], n_atoms: int) -> _Rows:
    """Join the predictions of one frame by atom."""
    frame = predictions[0].frame
    isotope = np.full(n_atoms, "", dtype="U8")
    used = np.zeros(n_atoms, dtype=bool)
    values: dict[str, NDArray[np.float64]] = {}
    for prediction in predictions:
        atoms = prediction.atoms
        if len(atoms) and not (atoms.min() >= 0 and atoms.max() < n_atoms):
            raise ValueError(f"frame {frame}: a prediction names atom {atoms.max()}, the frame has {n_atoms} atoms")
        if len(np.unique(atoms)) != len(atoms):
            raise ValueError(f"frame {frame}: a prediction names an atom twice")
        clash = atoms[(isotope[atoms] != "") & (isotope[atoms] != prediction.isotope) & (prediction.isotope != "")]
        if len(clash):
            both = f"{isotope[clash[0]]} and {prediction.isotope}"
            raise ValueError(f"frame {frame}: atom {clash[0]} is predicted as {both}")
        if prediction.isotope:
            isotope[atoms] = prediction.isotope
        used[atoms] = True
        for name, column in prediction.values.items():
            if not np.isfinite(column).all():
                atom = atoms[np.flatnonzero(~np.isfinite(column))[0]]
                raise ValueError(f"frame {frame}: {name} of atom {atom} is not finite")
            whole = values.setdefault(name, np.full(n_atoms, np.nan))
            if np.isfinite(whole[atoms]).any():
                raise ValueError(
                    f"frame {frame}: {name} of atom {atoms[np.isfinite(whole[atoms])][0]} is predicted twice"
                )
            whole[atoms] = column
    chosen = np.flatnonzero(used)
    return _Rows(chosen, isotope[chosen], {name: whole[chosen] for name, whole in values.items()})


def _targets(known: tuple[str, ...] | None, rows: _Rows, labels: tuple[str, ...], frame: int) -> tuple[str, ...]:
    """The columns of values: those of the first frame predicted."""
    names = tuple(rows.values)
    reserved = [name for name in (*names, *labels) if name in _FIXED or (name in names and name in labels)]
    if reserved or len(set(labels)) != len(labels):
        raise ValueError(f"the columns of the predictions would not be unique: {', '.join((*_FIXED, *names, *labels))}")
    if known is None:
        return names
    foreign = [name for name in names if name not in known]
    if foreign:
        raise ValueError(f"frame {frame} brings the target {foreign[0]}, the first frame has {', '.join(known)}")
    return known


def _label(atoms: ase.Atoms, name: str, frame: int) -> NDArray[Any]:
    if name not in atoms.arrays or atoms.arrays[name].ndim != 1:
        there = ", ".join(key for key, array in atoms.arrays.items() if array.ndim == 1)
        raise ValueError(f"frame {frame} has no per-atom label {name!r}, it has {there}")
    array: NDArray[Any] = atoms.arrays[name]
    return array


def _write_csv(file: IO[str], joined: Iterator[tuple[int, ase.Atoms, _Rows]], labels: tuple[str, ...]) -> int:
    writer = csv.writer(file, lineterminator="\n")
    targets: tuple[str, ...] | None = None
    count = 0
    for frame, atoms, rows in joined:
        known, targets = targets, _targets(targets, rows, labels, frame)
        if known is None:
            writer.writerow([*_FIXED, *targets, *labels])
        n = len(rows.atoms)
        symbols = np.array(atoms.get_chemical_symbols())[rows.atoms]
        columns: list[list[Any]] = [[frame] * n, rows.atoms.tolist(), symbols.tolist(), rows.isotope.tolist()]
        columns += [_numbers(atoms.positions[rows.atoms, axis]) for axis in range(3)]
        columns += [_numbers(rows.values[name]) if name in rows.values else [""] * n for name in targets]
        columns += [_label(atoms, name, frame)[rows.atoms].tolist() for name in labels]
        writer.writerows(zip(*columns, strict=True))
        count += n
    if targets is None:
        raise ValueError("there are no predictions to write")
    return count


def _numbers(column: NDArray[np.float64]) -> list[str]:
    return ["" if value != value else f"{value:.10g}" for value in column.tolist()]


def _write_xyz(file: IO[str], joined: Iterator[tuple[int, ase.Atoms, _Rows]], labels: tuple[str, ...]) -> int:
    targets: tuple[str, ...] | None = None
    waiting: list[ase.Atoms] = []
    count = 0
    for frame, atoms, rows in joined:
        if targets is None and not rows.values:
            waiting.append(atoms)
            continue
        targets = _targets(targets, rows, labels, frame)
        for place, early in enumerate(waiting, start=frame - len(waiting)):
            _write_xyz_frame(file, place, early, None, targets, labels)
        waiting.clear()
        _write_xyz_frame(file, frame, atoms, rows, targets, labels)
        count += len(rows.atoms)
    if targets is None:
        raise ValueError("there are no predictions to write")
    return count


def _write_xyz_frame(
    file: IO[str], frame: int, atoms: ase.Atoms, rows: _Rows | None, targets: tuple[str, ...], labels: tuple[str, ...]
) -> None:
    arrays: dict[str, NDArray[Any]] = {"isotope": np.full(len(atoms), "", dtype="U8")}
    for name in targets:
        arrays[name] = np.full(len(atoms), np.nan)
    if rows is not None:
        arrays["isotope"][rows.atoms] = rows.isotope
        for name, column in rows.values.items():
            arrays[name][rows.atoms] = column
    arrays = folded(arrays)
    info = {"frame": frame, "predicted": " ".join(name for name in (*targets, *TENSORS) if name in arrays)}
    arrays.update({name: _label(atoms, name, frame) for name in labels})
    write_extxyz_frame(file, atoms, arrays, info)


def read_predictions(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Read predictions from CSV, extended xyz, HDF5 or Parquet into columns of equal length, one row a predicted atom.

    Of an HDF5 file that a run still writes, or was killed over, the whole frames are read.

    Always ``frame``, ``atom`` (int), ``element``, ``isotope`` (str), ``x``, ``y``, ``z`` (Å), then the targets as
    float64 with NaN where an atom has none, then labels (int, float or str as they are). Raises FileNotFoundError, or
    ValueError with one sentence that names the line.
    """
    kind = suffix(path)
    if kind not in _READ:
        raise ValueError(f"predictions are read from .csv, .extxyz, .h5 or .parquet, got {path}")
    if kind in _HDF5:
        return read_hdf5_predictions(path)
    if kind == ".parquet":
        return read_parquet(path)
    try:
        with open_text(path) as file:
            return _read_csv(file, str(path)) if kind == ".csv" else _read_xyz(file, str(path))
    except ValueError as error:
        raise ValueError(one_sentence(error)) from error


def _read_csv(file: IO[str], name: str) -> dict[str, NDArray[Any]]:
    reader = csv.reader(file)
    header = next(reader, [])
    if not {"frame", "atom", "element"} <= set(header):
        raise ValueError(f"{name} is not a file of predictions: its first line must name frame, atom, element, ...")
    if len(set(header)) != len(header):
        raise ValueError(f"{name} names a column twice")
    chunks: list[list[NDArray[Any]]] = []
    rows: list[list[str]] = []
    for row in _csv_rows(reader, name):
        if len(row) != len(header):
            raise ValueError(f"{name}, line {reader.line_num}: expected {len(header)} columns, got {len(row)}")
        rows.append(row)
        if len(rows) == _CHUNK:
            chunks.append(_typed(header, rows, name))
            rows = []
    if rows:
        chunks.append(_typed(header, rows, name))
    if not chunks:
        raise ValueError(f"{name} holds no predictions, only its first line")
    columns = zip(*chunks, strict=True)
    return dict(zip(header, map(_concatenate, columns), strict=True))


def _csv_rows(reader: Iterator[list[str]], name: str) -> Iterator[list[str]]:
    try:
        yield from (row for row in reader if row)
    except csv.Error as error:
        raise ValueError(f"{name} is not a CSV file ({error})") from error


def _typed(header: list[str], rows: list[list[str]], name: str) -> list[NDArray[Any]]:
    columns = []
    for label, texts in zip(header, zip(*rows, strict=True), strict=True):
        try:
            columns.append(_column(label, texts))
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{name}: column {label} holds something else than finite numbers ({error})") from None
    return columns


def _column(label: str, texts: tuple[str, ...]) -> NDArray[Any]:
    if label in ("frame", "atom"):
        return np.array(list(map(int, texts)), dtype=np.int64)
    if label in ("element", "isotope"):
        return np.array(texts)
    if label in ("x", "y", "z"):
        return _finite(np.array(list(map(float, texts))))
    if _is_target(label):
        return _finite(np.array([float(text) if text else np.nan for text in texts]), allow_nan=True)
    for kind in (np.int64, np.float64):
        try:
            return np.array(texts, dtype=kind)
        except (ValueError, OverflowError):
            continue
    return np.array(texts)


def _finite(column: NDArray[np.float64], allow_nan: bool = False) -> NDArray[np.float64]:
    bad = column[np.isinf(column) if allow_nan else ~np.isfinite(column)]
    if len(bad):
        raise ValueError(f"got {bad[0]}")
    return column


def _is_target(name: str) -> bool:
    return name in _TARGETS or name.startswith(("sigma", "delta", "std_", "half90_", "unlike_", "ms_", "efg_"))


_TARGETS = frozenset({"C_Q", "abs_C_Q", "P_Q", "eta", "V_zz", "span", "skew", "zeta", "eta_csa", "alpha", "beta",
                      "gamma"})


def _concatenate(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    if len({part.dtype.kind for part in parts}) > 1:  # a label that is a number in one chunk only
        parts = [part.astype(str) for part in parts]
    return np.concatenate(parts)


def _read_xyz(file: IO[str], name: str) -> dict[str, NDArray[Any]]:
    parts: list[dict[str, NDArray[Any]]] = []
    for place, atoms in enumerate(read_extxyz(file, name)):
        assert atoms is not None
        named = str(atoms.info.get("predicted", "")).split()
        targets = [key for key in (named or atoms.arrays) if named or _is_target(key)]
        lost = [key for key in targets if key not in atoms.arrays]
        if lost or not targets:
            what = f"no array {lost[0]}" if lost else "no predicted arrays"
            raise ValueError(f"{name}, frame {place}: there is {what}")
        values = unfolded({key: np.asarray(atoms.arrays[key], dtype=float) for key in targets})
        values = {key: column for key, column in values.items() if column.ndim == 1}
        rows = np.flatnonzero(np.any([np.isfinite(column) for column in values.values()], axis=0))
        isotope = np.char.replace(atoms.arrays.get("isotope", np.full(len(atoms), "")).astype(str), "-", "")
        part: dict[str, NDArray[Any]] = {
            "frame": np.full(len(rows), atoms.info.get("frame", place), dtype=np.int64),
            "atom": rows,
            "element": np.array(atoms.get_chemical_symbols())[rows],
            "isotope": isotope[rows],
        }
        part.update({axis: atoms.positions[rows, number] for number, axis in enumerate("xyz")})
        part.update({key: column[rows] for key, column in values.items()})
        for key, array in atoms.arrays.items():
            if key not in (*part, *targets, "numbers", "positions", "isotope") and array.ndim == 1:
                part[key] = array[rows]
        if parts and set(part) != set(parts[0]):
            raise ValueError(f"{name}, frame {place}: its columns differ from those of the frames before")
        parts.append(part)
    if not any(len(part["atom"]) for part in parts):
        raise ValueError(f"{name} holds no predictions")
    return {key: _concatenate([part[key] for part in parts]) for key in parts[0]}
