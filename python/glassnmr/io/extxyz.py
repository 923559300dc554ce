# SPDX-License-Identifier: BSD-3-Clause
"""Extended xyz: frames read one at a time with every column kept under its own name, written to the last bit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice, takewhile
from typing import IO, Any

import ase
import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from glassnmr.io.text import table

__all__ = ["read_extxyz", "write_extxyz_frame"]

_PLAIN = "species:S:1:pos:R:3"
_LOGICAL = {"T": True, "F": False, "True": True, "False": False, "1": True, "0": False}


def read_extxyz(
    file: IO[str], name: str, wanted: Callable[[int], bool] | None = None
) -> Iterator[ase.Atoms | None]:
    """Yield the frames of an open (extended) xyz file; `name` is the file's name in messages.

    None stands for frames that `wanted` declines, whose lines are passed over unread.
    """
    frame = 0
    while line := file.readline():
        if not line.strip():
            continue
        where = f"{name}, frame {frame}"
        if wanted is not None and not wanted(frame):
            count = _count(line, where)
            if sum(1 for _ in islice(file, count + 1)) != count + 1:
                raise ValueError(f"{where}: {count} atoms are promised, the file ends before")
            yield None
        else:
            yield _read_frame(file, line, where)
        frame += 1
    if frame == 0:
        raise ValueError(f"{name} is empty")


def _count(first: str, where: str) -> int:
    try:
        count = int(first)
    except ValueError:
        raise ValueError(f"{where}: expected a number of atoms, got {_short(first)!r}") from None
    if not 0 < count < 10**12:
        raise ValueError(f"{where}: the number of atoms must be positive, got {count}")
    return count


def _read_frame(file: IO[str], first: str, where: str) -> ase.Atoms:
    count = _count(first, where)
    comment = file.readline()
    lines = list(takewhile(str.strip, islice(file, count)))
    if len(lines) != count:
        raise ValueError(f"{where}: {count} atoms are promised, the file has {len(lines)}")
    info = _comment(comment, where)
    columns = _properties(info.pop("Properties", None), where)
    return _atoms(_columns(lines, columns, where), info, where)


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= 40 else text[:37] + "..."


def _comment(line: str, where: str) -> dict[str, Any]:
    if "=" not in line:
        return {}
    from ase.io.extxyz import key_val_str_to_dict  # heavy: not before it is needed

    try:
        info = key_val_str_to_dict(line)
    except Exception as error:
        raise ValueError(f"{where}: the comment line cannot be read ({error})") from error
    return {{"lattice": "Lattice", "properties": "Properties"}.get(key.lower(), key): v for key, v in info.items()}


def _properties(text: Any, where: str) -> list[tuple[str, str, int]]:
    """The columns: (name, kind of R I S L, count)."""
    if text is None:
        return [("species", "S", 1), ("pos", "R", 3)]
    parts = str(text).split(":")
    columns = []
    for start in range(0, len(parts), 3):
        triple = parts[start : start + 3]
        count = triple[2] if len(triple) == 3 and triple[2].isdecimal() else ""
        if not 0 < len(count) < 5 or triple[1] not in "RISL" or int(count) < 1:
            raise ValueError(f"{where}: Properties={text} is not a list of name:R|I|S|L:count like {_PLAIN}")
        columns.append((triple[0], triple[1], int(triple[2])))
    names = [column[0] for column in columns]
    if len(set(names)) != len(names):
        raise ValueError(f"{where}: Properties={text} names a column twice")
    return columns


def _columns(lines: list[str], columns: list[tuple[str, str, int]], where: str) -> dict[str, NDArray[Any]]:
    """Split the atom lines into the named arrays."""
    kinds = [kind for _, kind, count in columns for _ in range(count)]
    quick = table(lines, kinds) if "L" not in kinds else None
    if quick is not None:
        return _named(columns, quick)
    width = len(kinds)
    rows = [line.split() for line in lines]
    # a plain xyz file may carry columns that nothing describes
    plain = columns == [("species", "S", 1), ("pos", "R", 3)]
    for index, row in enumerate(rows):
        if len(row) != width:
            if plain and len(row) > width:
                rows[index] = row[:width]
                continue
            raise ValueError(f"{where}: atom {index} has {len(row)} columns instead of {width}")
    arrays: dict[str, NDArray[Any]] = {}
    words = list(zip(*rows, strict=True))
    start = 0
    for label, kind, count in columns:
        texts = words[start : start + count]
        start += count
        try:
            array = np.array([_convert(text, kind) for text in texts]).T
        except (ValueError, KeyError, OverflowError) as error:
            raise ValueError(f"{where}: column {label} holds something else than {_KINDS[kind]} ({error})") from None
        arrays[label] = np.ascontiguousarray(array[:, 0] if count == 1 else array)
    return arrays


def _named(columns: list[tuple[str, str, int]], parsed: list[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    arrays, start = {}, 0
    for label, _, count in columns:
        arrays[label] = parsed[start] if count == 1 else np.stack(parsed[start : start + count], axis=1)
        start += count
    return arrays


_KINDS = {"R": "real numbers", "I": "integers", "S": "words", "L": "T or F"}


def _convert(texts: tuple[str, ...], kind: str) -> NDArray[Any]:
    if kind == "R":
        return np.array(list(map(float, texts)))
    if kind == "I":
        return np.array(list(map(int, texts)))
    if kind == "L":
        return np.array([_LOGICAL[text] for text in texts])
    return np.array(texts)


def _atoms(arrays: dict[str, NDArray[Any]], info: dict[str, Any], where: str) -> ase.Atoms:
    lattice = info.pop("Lattice", None)
    if lattice is not None and np.size(lattice) != 9:
        raise ValueError(f"{where}: Lattice must hold nine numbers")
    # the parser of the comment line fills the 3x3 entries that it knows by columns
    cell = None
    if lattice is not None:
        cell = np.asarray(lattice, dtype=float)
        cell = cell.T if cell.ndim == 2 else cell.reshape(3, 3)
    pbc = info.pop("pbc", lattice is not None)
    if np.shape(pbc) not in ((), (3,)):
        raise ValueError(f"{where}: pbc must hold one or three of T and F")
    positions = arrays.pop("pos", arrays.pop("positions", None))
    if positions is None or positions.ndim != 2 or positions.shape[1] != 3:
        raise ValueError(f"{where}: there is no column pos:R:3")
    numbers = _numbers(arrays, where)
    atoms = ase.Atoms(numbers=numbers, positions=positions, cell=cell, pbc=np.asarray(pbc, dtype=bool))
    for label, array in arrays.items():
        atoms.set_array(label, array)
    atoms.info.update(info)
    return atoms


def _numbers(arrays: dict[str, NDArray[Any]], where: str) -> NDArray[np.int64]:
    symbols = arrays.pop("species", arrays.pop("element", None))
    if symbols is not None and symbols.dtype.kind == "U":
        arrays.pop("Z", None)
        names, inverse = np.unique(symbols, return_inverse=True)
        unknown = [str(name) for name in names if name not in atomic_numbers]
        if unknown and not all(text.isdigit() for text in unknown):
            raise ValueError(f"{where}: {unknown[0]!r} is not an element")
        table = [atomic_numbers[name] if name in atomic_numbers else int(name) for name in names.tolist()]
        return np.array(table, dtype=np.int64)[inverse.reshape(-1)]
    numbers = symbols if symbols is not None else arrays.pop("Z", arrays.pop("numbers", None))
    if numbers is None or numbers.dtype.kind != "i":
        raise ValueError(f"{where}: there is no column species:S:1")
    return np.asarray(numbers, dtype=np.int64)


def write_extxyz_frame(
    file: IO[str],
    atoms: ase.Atoms,
    arrays: Mapping[str, NDArray[Any]] | None = None,
    info: Mapping[str, Any] | None = None,
) -> None:
    """Write one frame so that reading it gives the same bits.

    `arrays` are per-atom columns, (N,) or (N, k) or (N, 3, 3); words must be without blanks, an empty one is written as
    ``-``. `info` goes to the comment line. What `atoms` itself carries beyond elements and positions is left out.
    """
    columns: list[tuple[str, str, NDArray[Any]]] = [
        ("species", "S", np.array(atoms.get_chemical_symbols(), dtype=str)),
        ("pos", "R", np.asarray(atoms.positions, dtype=float)),
    ]
    for label, values in (arrays or {}).items():
        array = np.asarray(values)
        if len(array) != len(atoms):
            raise ValueError(f"array {label} must have {len(atoms)} rows, got {len(array)}")
        columns.append((label, _kind(array, label), array))
    texts: list[list[str]] = []
    properties = []
    for label, kind, array in columns:
        flat = array.reshape(len(atoms), -1)
        properties.append(f"{label}:{kind}:{flat.shape[1]}")
        texts.extend(_format(column, kind) for column in flat.T)
    comment = [f"Properties={':'.join(properties)}"]
    if atoms.cell.any():
        comment.insert(0, f'Lattice="{" ".join(map(repr, np.asarray(atoms.cell).ravel().tolist()))}"')
    comment.extend(_entry(key, value) for key, value in (info or {}).items())
    comment.append(f'pbc="{" ".join("TF"[not periodic] for periodic in atoms.pbc)}"')
    file.write(f"{len(atoms)}\n{' '.join(comment)}\n")
    file.writelines(" ".join(row) + "\n" for row in zip(*texts, strict=True))


def _kind(array: NDArray[Any], label: str) -> str:
    kind = {"f": "R", "i": "I", "u": "I", "U": "S", "b": "L"}.get(array.dtype.kind)
    if kind is None:
        raise ValueError(f"array {label} has the type {array.dtype}, which extended xyz cannot hold")
    return kind


def _format(column: NDArray[Any], kind: str) -> list[str]:
    if kind == "R":
        return list(map(repr, column.astype(float).tolist()))
    if kind == "I":
        return list(map(str, column.tolist()))
    if kind == "L":
        return ["T" if value else "F" for value in column.tolist()]
    return ["_".join(text.split()) or "-" for text in column.tolist()]


def _entry(key: str, value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return f"{key}={'T' if value else 'F'}"
    if isinstance(value, (int, float, np.integer, np.floating)):
        return f"{key}={value.item() if isinstance(value, np.generic) else value!r}"
    key = "_".join(key.split())
    text = " ".join(str(value).splitlines())
    entry = _quoted(key, text)
    from ase.io.extxyz import key_val_str_to_dict  # heavy: not before it is needed

    # a word that reads like a number or T must come back as a word
    read = key_val_str_to_dict(entry)[key]
    return entry if isinstance(read, str) and read == text else _quoted(key, f"_JSON {json.dumps(text)}")


def _quoted(key: str, text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'{key}="{escaped}"'
