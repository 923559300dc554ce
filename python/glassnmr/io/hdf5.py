# SPDX-License-Identifier: BSD-3-Clause
"""Tables of training data in one HDF5 file: flat arrays for all atoms and all rows, the same bits on the way back."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ase
import numpy as np
from numpy.typing import NDArray

from glassnmr.files import replacing_path
from glassnmr.io.magres import PARTS

if TYPE_CHECKING:
    from glassnmr.table import Dataset

__all__ = ["check_sizes", "h5py_library", "is_hdf5", "read_hdf5", "tell", "told", "write_hdf5"]

_FORMAT, _VERSION = "glassnmr-dataset", 2
_MAGIC = b"\x89HDF\r\n\x1a\n"
_PACKING = 1100  # how much zlib packs at most
_COLUMNS = ("element", "isotope", "source", "group")


def h5py_library() -> Any:
    """The module h5py; ImportError with the way to get it."""
    try:
        import h5py
    except ImportError:
        raise ImportError("HDF5 files need h5py: pip install 'glassnmr[hdf5]'") from None
    return h5py


def is_hdf5(path: str | os.PathLike[str]) -> bool:
    """True when a file begins as HDF5 does."""
    try:
        with open(path, "rb") as file:
            return file.read(8) == _MAGIC
    except OSError:
        return False


def tell(owner: Any, **texts: str) -> None:
    """Put texts into attributes, in fixed length: for those of any length the library may search for ever in a damaged
    file.
    """
    owner.attrs.update({key: np.bytes_(text.encode()) for key, text in texts.items()})


def told(owner: Any, key: str) -> str:
    """What `tell` put there; empty where there is nothing of that kind."""
    if key not in owner.attrs or owner.attrs.get_id(key).dtype.kind != "S":
        return ""
    return bytes(owner.attrs[key]).decode("utf-8", "replace")


def check_sizes(file: Any, path: str | os.PathLike[str], whole: bool = False) -> None:
    """ValueError where an open HDF5 file speaks of more numbers than it can hold, before any is read.

    Of a file that was written as a `whole` every piece must be there; one that grows may lack the last ones.
    """
    h5py = h5py_library()
    most = os.path.getsize(path)

    def check(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        stored, wanted = item.id.get_storage_size(), item.size * item.dtype.itemsize
        room = _PACKING * (stored + (math.prod(item.chunks) * item.dtype.itemsize if item.chunks else 0))
        lacks = whole and (_lacks(item) if item.chunks else wanted > stored)
        if stored > most or wanted > room or lacks:
            raise ValueError(f"{path} is damaged: {name} has the shape {item.shape} and {stored} bytes")

    file.visititems(check)


def _lacks(item: Any) -> bool:
    """Whether an array in chunks has less of them than its shape takes, or some larger than itself."""
    pairs = list(zip(item.shape, item.chunks, strict=True))
    return any(size > length for length, size in pairs) or \
        math.prod(-(-length // size) for length, size in pairs) > item.id.get_num_chunks()


def write_hdf5(dataset: Dataset, path: str | os.PathLike[str]) -> None:
    """Write a table whole or not at all.

    Groups ``structures`` (numbers, positions, cell, pbc, offset, and labels and info as
    lines of JSON in bytes) and ``rows`` (structure,
    centre, element, isotope, source, group, ``tensors/ms`` in ppm, ``tensors/efg`` in a.u., ``scalars/...``).
    """
    h5py = h5py_library()
    if len(dataset) == 0:
        raise ValueError("the dataset has no rows to write")
    with replacing_path(path) as temporary, h5py.File(temporary, "w") as file:
        tell(file, format=_FORMAT, notes=json.dumps(list(dataset.notes)))
        file.attrs["version"] = _VERSION
        _write_structures(file.create_group("structures"), dataset.structures)
        rows = file.create_group("rows")
        rows["structure"], rows["centre"] = dataset.structure, dataset.centre
        for name in _COLUMNS:
            # of fixed length: the library may search for ever for words of any length in a damaged file
            words = np.char.encode(getattr(dataset, name), "utf-8")
            rows.create_dataset(name, data=words, compression="gzip", shuffle=True)
        for kind, columns in (("tensors", dataset.tensors), ("scalars", dataset.scalars)):
            group = rows.create_group(kind)
            for name, column in columns.items():
                group.create_dataset(name, data=column, compression="gzip", shuffle=True)


def _write_structures(group: Any, structures: list[ase.Atoms]) -> None:
    sizes = [len(atoms) for atoms in structures]
    group["offset"] = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    group.create_dataset("numbers", data=np.concatenate([atoms.numbers for atoms in structures]).astype(np.int16),
                         compression="gzip", shuffle=True)  # fmt: skip
    group.create_dataset("positions", data=np.concatenate([atoms.positions for atoms in structures]),
                         compression="gzip", shuffle=True)  # fmt: skip
    group["cell"] = np.array([atoms.cell.array for atoms in structures])
    group["pbc"] = np.array([atoms.pbc for atoms in structures])
    texts = [json.dumps({"info": {key: _plain(value) for key, value in atoms.info.items()}, "arrays": _labels(atoms)},
                        ensure_ascii=False) for atoms in structures]  # fmt: skip
    group.create_dataset("labels", data=np.frombuffer("\n".join(texts).encode(), np.uint8), compression="gzip")


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _labels(atoms: ase.Atoms) -> dict[str, Any]:
    return {key: array.tolist() for key, array in atoms.arrays.items() if key in PARTS
            or (key not in ("numbers", "positions") and array.ndim == 1 and array.dtype.kind in "iufbU")}  # fmt: skip


def read_hdf5(path: str | os.PathLike[str]) -> Dataset:
    """Read what `write_hdf5` wrote. ValueError for a file that is damaged, foreign or of a later version."""
    h5py = h5py_library()
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with h5py.File(path, "r") as file:
            if told(file, "format") != _FORMAT:
                raise ValueError(f"{path} is an HDF5 file, but no table of glassnmr")
            if file.attrs.get("version") != _VERSION:
                raise ValueError(f"{path} has the version {file.attrs.get('version')}, this program knows {_VERSION}")
            check_sizes(file, path, whole=True)
            return _read(file, str(path))
    except (OSError, RuntimeError, KeyError, TypeError, IndexError, json.JSONDecodeError) as error:
        detail = " ".join(str(error).split())[:150]
        raise ValueError(f"{path} is damaged or cut off ({type(error).__name__}: {detail})") from error


def _read(file: Any, name: str) -> Dataset:
    from glassnmr.table import Dataset  # which imports this package

    rows = file["rows"]
    columns = {key: _texts(rows[key]) for key in _COLUMNS}
    return Dataset(
        structures=_read_structures(file["structures"], name),
        structure=rows["structure"][...].astype(np.int64),
        centre=rows["centre"][...].astype(np.int64),
        tensors={key: rows["tensors"][key][...] for key in ("ms", "efg") if key in rows["tensors"]},
        scalars={key: rows["scalars"][key][...] for key in rows["scalars"]},
        notes=tuple(json.loads(told(file, "notes"))),
        **columns,
    )


def _texts(column: Any) -> NDArray[np.str_]:
    return np.char.decode(column[...], "utf-8")


def _read_structures(group: Any, name: str) -> list[ase.Atoms]:
    offset = group["offset"][...]
    numbers, positions = group["numbers"][...], group["positions"][...]
    cells, pbc = group["cell"][...], group["pbc"][...]
    labels = bytes(group["labels"][...].astype(np.uint8)).decode("utf-8").split("\n")
    if len(offset) != len(labels) + 1 or (np.diff(offset) < 1).any() or offset[0] != 0 or offset[-1] != len(numbers):
        raise ValueError(f"{name} is damaged: its structures do not add up")
    structures = []
    for k, text in enumerate(labels):
        part = slice(int(offset[k]), int(offset[k + 1]))
        atoms = ase.Atoms(numbers[part], positions[part], cell=cells[k], pbc=pbc[k])
        told = json.loads(text)
        for key, values in told["arrays"].items():
            atoms.set_array(key, np.array(values))
        atoms.info.update(told["info"])
        structures.append(atoms)
    return structures
