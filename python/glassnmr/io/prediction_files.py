# SPDX-License-Identifier: BSD-3-Clause
"""Predictions beside CSV and extended xyz: HDF5 that grows by whole frames, Parquet, chemiscope JSON, magres."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.files import replacing, replacing_path
from glassnmr.io.elements import TENSORS, tensor_of
from glassnmr.io.hdf5 import check_sizes, h5py_library, tell, told
from glassnmr.io.magres import write_magres
from glassnmr.version import __version__

__all__ = ["Columns", "frames_done", "left_open", "open_hdf5", "read_hdf5_predictions", "read_parquet",
           "write_chemiscope", "write_hdf5_predictions", "write_magres_frames", "write_parquet"]  # fmt: skip

Columns = dict[str, NDArray[Any]]
"""The columns of one frame, one row a predicted atom: frame, atom, element, isotope, x, y, z, targets, labels."""

Frames = Iterator[tuple[int, ase.Atoms, Columns, tuple[str, ...]]]
"""Number, structure, columns and names of the targets, frame by frame."""

_FORMAT = "glassnmr-predictions"
_CHUNK = 16384
_WORD = 24
_PATIENCE = 10.0  # s
UNITS = {"sigma_iso": "ppm", "delta_iso": "ppm", "span": "ppm", "zeta": "ppm", "C_Q": "MHz", "abs_C_Q": "MHz",
         "P_Q": "MHz", "V_zz": "a.u."}  # fmt: skip


# ---- HDF5


def frames_done(path: str | os.PathLike[str]) -> int:
    """The number of frames that an HDF5 file of predictions has passed; 0 where there is no file."""
    if not Path(path).exists():
        return 0
    with _opened(path) as file:
        return int(file["frames/number"][-1]) + 1 if len(file["frames/number"]) else 0


def open_hdf5(path: str | os.PathLike[str]) -> Any:
    """Any HDF5 file for reading, also what a killed run left open; ValueError in one sentence for a damaged one."""
    h5py = h5py_library()
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        return _as_it_grows(h5py, path) if left_open(path) else h5py.File(path, "r")
    except OSError as error:
        detail = " ".join(str(error).split())[:150]
        raise ValueError(f"{path} is no HDF5 file, or is damaged ({detail})") from error


def _opened(path: str | os.PathLike[str]) -> Any:
    """The same for a file of predictions."""
    file = open_hdf5(path)
    if told(file, "format") != _FORMAT or "rows" not in file or "frames" not in file:
        file.close()
        raise ValueError(f"{path} is an HDF5 file, but none of predictions")
    try:
        check_sizes(file, path)
    except BaseException:
        file.close()
        raise
    return file


def _as_it_grows(h5py: Any, path: str | os.PathLike[str]) -> Any:
    """Open what has a writer. Of a damaged superblock the library would hope for hours that the writer mends it."""
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if "checksum" in str(error):
            raise
    return h5py.File(path, "r", libver="latest", swmr=True)


def left_open(path: str | os.PathLike[str]) -> bool:
    """True when the superblock says that a writer has the file, or had it when it was killed.

    Bytes of version 3: 8 version, 11 consistency flags, 28 to 36 the end of the file.
    """
    with open(path, "rb") as file:
        block = file.read(48)
    if len(block) < 48 or block[8] != 3 or not block[11] & 0b101:
        return False
    if os.path.getsize(path) < int.from_bytes(block[28:36], "little"):
        raise OSError("it is cut off")
    return True


def write_hdf5_predictions(path: str | os.PathLike[str], frames: Frames, resume: bool = False) -> int:
    """Append frame by frame; return the rows written now.

    A frame counts once its entry in ``frames`` is there, which comes last: whatever ends the run, a reader sees whole
    frames only. With `resume` the frames must be those that follow the ones in the file. Without it, the file is begun
    anew beside the old one and takes its name with its first frame.

    Groups: ``rows`` (frame, atom, number, isotope, x, y, z in Å, targets, labels) and ``frames`` (number, end).
    """
    h5py = h5py_library()
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder")
    file: Any = None
    count = 0
    try:
        for number, _, columns, targets in frames:
            if file is None:
                file = _begin(h5py, target, columns, targets, resume)
            _append(file, columns, number, str(path))
            count += len(columns["atom"])
    finally:
        if file is not None:
            file.close()
    if file is None and not (resume and target.exists()):
        raise ValueError("there are no predictions to write")
    return count


def _begin(h5py: Any, target: Path, columns: Columns, targets: tuple[str, ...], resume: bool) -> Any:
    with replacing_path(target) as temporary, h5py.File(temporary, "w", libver="latest") as file:
        tell(file, format=_FORMAT, targets=" ".join(targets), columns=json.dumps(list(columns)),
             program=f"glassnmr {__version__}")  # fmt: skip
        file.attrs["version"] = 1
        rows, index = file.create_group("rows"), file.create_group("frames")
        for name, column in columns.items():
            dtype = f"S{_WORD}" if column.dtype.kind == "U" else column.dtype
            rows.create_dataset(name, shape=(0,), maxshape=(None,), chunks=(_CHUNK,), dtype=dtype)
            if name in UNITS:
                tell(rows[name], unit=UNITS[name])
        for name in ("number", "end"):
            index.create_dataset(name, shape=(0,), maxshape=(None,), chunks=(1024,), dtype=np.int64)
        if resume and target.exists():
            _copy(file, target, targets)
    file = _for_writing(h5py, target)
    file.swmr_mode = True
    return file


def _for_writing(h5py: Any, target: Path) -> Any:
    """Open for appending; a reader that happens to look in just then locks the file for a moment."""
    last = time.monotonic() + _PATIENCE
    while True:
        try:
            return h5py.File(target, "r+", libver="latest")
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            if time.monotonic() > last:
                raise OSError(f"{target} cannot be written to: another program keeps it open") from error
            time.sleep(0.02)


def _copy(file: Any, source: Path, targets: tuple[str, ...]) -> None:
    """The whole frames of the file that is taken up again."""
    with _opened(source) as old:
        if told(old, "targets").split() != list(targets) or set(old["rows"]) != set(file["rows"]):
            raise ValueError(f"{source} holds other columns than this run: {', '.join(sorted(old['rows']))}")
        n_frames = min(len(old["frames/number"]), len(old["frames/end"]))
        n_rows = int(old["frames/end"][n_frames - 1]) if n_frames else 0
        for group, count in (("rows", n_rows), ("frames", n_frames)):
            for name in file[group]:
                file[group][name].resize((count,))
                for start in range(0, count, 2**20):
                    part = slice(start, min(start + 2**20, count))
                    file[group][name][part] = old[group][name][part]


def _append(file: Any, columns: Columns, number: int, name: str) -> None:
    rows, index = file["rows"], file["frames"]
    if set(columns) != set(rows):
        raise ValueError(f"frame {number} brings other columns than {name} has: {', '.join(columns)}")
    last = len(index["number"])
    start = int(index["end"][last - 1]) if last else 0
    end = start + len(columns["atom"])
    for key, column in columns.items():
        data = np.char.encode(column, "utf-8") if column.dtype.kind == "U" else column
        if data.dtype.kind == "S" and data.dtype.itemsize > _WORD and np.char.str_len(data).max(initial=0) > _WORD:
            raise ValueError(f"label {key} of frame {number} is longer than {_WORD} bytes, which {name} cannot hold")
        rows[key].resize((end,))
        rows[key][start:end] = data
        rows[key].flush()
    for key, value in (("end", end), ("number", number)):
        index[key].resize((last + 1,))
        index[key][last] = value
        index[key].flush()


def read_hdf5_predictions(path: str | os.PathLike[str]) -> Columns:
    """The columns of all whole frames."""
    try:
        with _opened(path) as file:
            n_frames = min(len(file["frames/number"]), len(file["frames/end"]))
            count = int(file["frames/end"][n_frames - 1]) if n_frames else 0
            if count == 0:
                raise ValueError(f"{path} holds no predictions")
            found = {}
            for name in file["rows"]:
                column = file["rows"][name][:count]
                found[name] = np.char.decode(column, "utf-8") if column.dtype.kind == "S" else column
            order = json.loads(told(file, "columns"))
            return {name: found[name] for name in order}
    except (OSError, RuntimeError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is damaged ({type(error).__name__}: {' '.join(str(error).split())[:150]})") from error


# ---- Parquet


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError("Parquet files need pyarrow: pip install 'glassnmr[parquet]'") from None
    return pyarrow


def write_parquet(path: str | os.PathLike[str], frames: Frames) -> int:
    """Write one row an atom, a row group for some frames, whole or not at all; return the rows."""
    pyarrow = _pyarrow()
    count, waiting, held = 0, [], 0
    writer: Any = None
    with replacing_path(path) as temporary:
        try:
            for _, _, columns, targets in frames:
                table = pyarrow.table({name: _arrow(pyarrow, column) for name, column in columns.items()})
                if writer is None:
                    meta = {b"format": _FORMAT.encode(), b"targets": " ".join(targets).encode()}
                    schema = table.schema.with_metadata(meta)
                    writer = pyarrow.parquet.ParquetWriter(temporary, schema, compression="zstd")
                waiting.append(table.cast(schema))
                held += len(table)
                count += len(table)
                if held >= 4 * _CHUNK:
                    writer.write_table(pyarrow.concat_tables(waiting))
                    waiting, held = [], 0
            if writer is None:
                raise ValueError("there are no predictions to write")
            if waiting:
                writer.write_table(pyarrow.concat_tables(waiting))
        finally:
            if writer is not None:
                writer.close()
    return count


def _arrow(pyarrow: Any, column: NDArray[Any]) -> Any:
    """NaN in a target means that an atom has none: null."""
    if column.dtype.kind == "f":
        return pyarrow.array(column, mask=np.isnan(column))
    return pyarrow.array(column.tolist() if column.dtype.kind == "U" else column)


def read_parquet(path: str | os.PathLike[str]) -> Columns:
    """The columns of a Parquet file of predictions."""
    pyarrow = _pyarrow()
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise ValueError(f"{path} is no Parquet file, or is damaged ({' '.join(str(error).split())[:120]})") from error
    missing = [name for name in ("frame", "atom", "element") if name not in table.column_names]
    if missing:
        raise ValueError(f"{path} is not a file of predictions: it has no column {missing[0]}")
    found: Columns = {}
    for name in table.column_names:
        values = table[name].to_pylist()
        if pyarrow.types.is_floating(table[name].type):
            found[name] = np.array([np.nan if value is None else value for value in values], dtype=float)
        else:
            found[name] = np.array(values)
    if len(found["atom"]) == 0:
        raise ValueError(f"{path} holds no predictions")
    return found


# ---- chemiscope


def write_chemiscope(path: str | os.PathLike[str], frames: Frames) -> int:
    """Write structures and properties of the predicted atoms as one JSON file for chemiscope.org; return the rows.

    An atom without a target has null there. Structures go to the file one by one, the properties are gathered.
    """
    environments: list[dict[str, Any]] = []
    properties: dict[str, list[Any]] = {}
    with replacing(path) as file:
        name = json.dumps(Path(path).name.split(".")[0])
        file.write('{"meta": {"name": ' + name + ', "description": "predicted by glassnmr"},\n"structures": [')
        for place, (_, atoms, columns, targets) in enumerate(frames):
            file.write((",\n" if place else "\n") + json.dumps(_structure(atoms)))
            environments += [{"structure": place, "center": atom, "cutoff": 3.5} for atom in columns["atom"].tolist()]
            shown = [key for key in columns if key not in ("atom", "x", "y", "z")]
            for key in shown:
                kind = columns[key].dtype.kind
                values = columns[key].tolist()
                properties.setdefault(key, []).extend(None if kind == "f" and v != v else v for v in values)
            last = targets
        if not environments:
            raise ValueError("there are no predictions to write")
        told = {key: {"target": "atom", "values": v, "units": UNITS.get(key, "")} for key, v in properties.items()}
        file.write("],\n" + f'"environments": {json.dumps(environments)},\n"properties": {json.dumps(told)},\n')
        axes = [key for key in (*last, "frame") if key in told][:2]
        shown_on = {"map": dict(zip(("x", "y"), ({"property": key} for key in axes), strict=False))}
        file.write(f'"settings": {json.dumps(shown_on)}' + "}\n")
    return len(environments)


def _structure(atoms: ase.Atoms) -> dict[str, Any]:
    told: dict[str, Any] = {"size": len(atoms), "names": atoms.get_chemical_symbols()}
    told |= {axis: np.round(atoms.positions[:, k], 6).tolist() for k, axis in enumerate("xyz")}
    if atoms.pbc.any():
        told["cell"] = np.round(atoms.cell.array, 6).ravel().tolist()
    return told


# ---- magres


def write_magres_frames(path: str | os.PathLike[str], frames: Frames) -> int:
    """Write one magres file a frame, each whole: `path`, then for more than one frame its name with the frame's number.

    ``ms`` and ``efg`` are the predicted tensors; from a model of scalars ``ms`` is the isotropic shielding times the
    unit tensor: scalars tell no axes. Returns the rows.
    """
    target = Path(path)
    count = 0
    first: tuple[int, ase.Atoms, dict[str, NDArray[np.float64]]] | None = None
    for place, (number, atoms, columns, _) in enumerate(frames):
        tensors = _tensors(atoms, columns)
        known = int(np.any([np.isfinite(tensor[:, 0, 0]) for tensor in tensors.values()], axis=0).sum())
        if place == 0:
            first = (number, atoms, tensors)
        else:
            if place == 1 and first is not None:
                _magres(target.with_stem(f"{target.stem}-{first[0]:06d}"), first[1], first[2])
            _magres(target.with_stem(f"{target.stem}-{number:06d}"), atoms, tensors)
            first = None
        count += known
    if first is not None:
        _magres(target, first[1], first[2])
    if count == 0:
        raise ValueError("there are no predictions to write")
    return count


def _tensors(atoms: ase.Atoms, columns: Columns) -> dict[str, NDArray[np.float64]]:
    """Tensors (N, 3, 3) of all atoms, NaN where there is no prediction."""
    found = {kind: tensor_of(columns, kind) for kind in TENSORS}
    if "sigma_iso" in columns:
        spherical = columns["sigma_iso"][:, None, None] * np.eye(3)
        whole = found["ms"]
        found["ms"] = spherical if whole is None else np.where(np.isfinite(whole), whole, spherical)
    known = {kind: tensor for kind, tensor in found.items() if tensor is not None}
    if not known:
        raise ValueError(f"magres holds shieldings: the models give {', '.join(_targets(columns))}, not sigma_iso")
    out = {}
    for kind, tensor in known.items():
        out[kind] = np.full((len(atoms), 3, 3), np.nan)
        out[kind][columns["atom"]] = tensor
    return out


def _targets(columns: Columns) -> list[str]:
    return [name for name in columns if name not in ("frame", "atom", "element", "isotope", "x", "y", "z")]


def _magres(path: Path, atoms: ase.Atoms, tensors: dict[str, NDArray[np.float64]]) -> None:
    with replacing(path) as file:
        write_magres(file, atoms, tensors, "predictions")

