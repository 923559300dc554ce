# SPDX-License-Identifier: BSD-3-Clause
"""Text files, compressed or not, read line by line with errors that name the file."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["head", "one_sentence", "open_text", "stem", "suffix", "table"]



def _open_zstd(path: Path, mode: str) -> IO[bytes]:
    try:
        from zstandard import ZstdDecompressor
    except ImportError:
        raise ImportError(f"{path} is compressed by zstd, which needs zstandard: pip install zstandard") from None
    del mode
    return io.BufferedReader(ZstdDecompressor().stream_reader(open(path, "rb"), read_across_frames=True))


_ZSTD = b"\x28\xb5\x2f\xfd"
_MAGIC: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    _ZSTD: _open_zstd,
}
_LONGEST = 24
_SENTENCE = 600
_DTYPES = {"R": "f8", "I": "i8", "S": f"U{_LONGEST}"}
_PACKED = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00", ".zst": _ZSTD}


@contextmanager
def open_text(path: str | os.PathLike[str]) -> Iterator[IO[str]]:
    """Open a text file for reading; gzip, bzip2, xz and zstd are recognised by content.

    Raises FileNotFoundError, IsADirectoryError or PermissionError with one sentence, ValueError for a file that is
    empty, not packed as its name says, damaged, cut off, or not text.
    """
    path = Path(path)
    opener = _opener(path)
    try:
        with opener(path, "rb") as raw:
            if b"\0" in raw.read(4096):
                raise ValueError(f"{path} is not a text file")
        # opened anew, as not every kind of stream goes back
        # comments of older codes may be in any encoding; what matters is ASCII
        with (
            opener(path, "rb") as raw,
            io.TextIOWrapper(cast(IO[bytes], raw), encoding="utf-8-sig", errors="replace") as text,
        ):
            yield text
    except EOFError as error:
        raise ValueError(f"{path} is cut off: its compressed data end early") from error
    except _packing_errors() as error:
        raise ValueError(f"{path} is damaged: its compressed data cannot be read ({error})") from error


def _packing_errors() -> tuple[type[Exception], ...]:
    """What damaged compressed data raise; that of zstandard as far as it has been loaded."""
    loaded = sys.modules.get("zstandard")
    known: tuple[type[Exception], ...] = (gzip.BadGzipFile, zlib.error, lzma.LZMAError)
    return (*known, loaded.ZstdError) if loaded is not None else known


def _opener(path: Path) -> Callable[..., Any]:
    if path.is_dir():
        raise IsADirectoryError(f"cannot read {path}: it is a folder")
    try:
        with open(path, "rb") as file:
            start = file.read(6)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"there is no file {path}") from error
    except PermissionError as error:
        raise PermissionError(f"cannot read {path}: permission denied") from error
    if not start:
        raise ValueError(f"{path} is empty")
    wanted = _PACKED.get(path.suffix.lower())
    if wanted is not None and not start.startswith(wanted):
        raise ValueError(f"{path} is named {path.suffix} but is not compressed that way")
    for magic, opener in _MAGIC.items():
        if start.startswith(magic):
            return opener
    return open


def head(path: str | os.PathLike[str], size: int = 65536) -> str:
    """The first `size` characters of a text file."""
    with open_text(path) as file:
        text = file.read(size)
    if not text.strip():
        raise ValueError(f"{path} is empty")
    return text


def suffix(path: str | os.PathLike[str]) -> str:
    """The last suffix in lower case, one of compression set aside: ``.extxyz`` for ``a.extxyz.gz``."""
    path = Path(path)
    return Path(path.stem if path.suffix.lower() in _PACKED else path.name).suffix.lower()


def table(lines: list[str], kinds: list[str]) -> list[NDArray[Any]] | None:
    """The columns of lines of words, by numpy's parser in C; None where it cannot, for a slower one that says why.

    `kinds` has one letter a column: R real, I integer, S word.
    """
    dtype = np.dtype([(str(number), _DTYPES[kind]) for number, kind in enumerate(kinds)])
    try:
        with warnings.catch_warnings():
            # older numpy reads 1.5 as the integer 1 and only warns
            warnings.simplefilter("error")
            rows = np.loadtxt(lines, dtype=dtype, comments=None, ndmin=1)
    except (ValueError, OverflowError, Warning):
        return None
    columns = [np.ascontiguousarray(rows[str(number)]) for number in range(len(kinds))]
    cut = any(kind == "S" and np.char.str_len(c).max() == _LONGEST for kind, c in zip(kinds, columns, strict=True))
    return None if cut or len(rows) != len(lines) else columns


def one_sentence(error: Exception) -> str:
    """The message of an error on one line of bearable length, whatever a damaged file had in it."""
    text = "".join(c if c.isprintable() else " " for c in str(error))
    text = " ".join(text.split())
    return text if len(text) <= _SENTENCE else text[: _SENTENCE // 2] + " ... " + text[-_SENTENCE // 2 :]


def stem(path: str | os.PathLike[str]) -> str:
    """The file's name without its suffix and one of compression: ``a.b`` for ``a.b.extxyz.gz``."""
    path = Path(path)
    return Path(path.stem if path.suffix.lower() in _PACKED else path.name).stem
