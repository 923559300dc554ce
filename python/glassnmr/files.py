# SPDX-License-Identifier: BSD-3-Clause
"""Files that appear whole or not at all: written under a temporary name beside the target, then renamed."""

from __future__ import annotations

import gzip
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

__all__ = ["replacing", "replacing_path"]


@contextmanager
def replacing(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open `path` for writing; the old file stays until the block ends well, and stays for good if it does not.

    `mode` is ``"w"`` (text, UTF-8) or ``"wb"``. Text whose name ends in ``.gz`` is compressed. A pipe or a device
    such as ``/dev/stdout`` is written directly.
    """
    if mode not in ("w", "wb"):
        raise ValueError(f"mode must be 'w' or 'wb', got {mode!r}")
    with replacing_path(path) as temporary, _open(temporary, mode, Path(path).suffix == ".gz") as file:
        yield file


@contextmanager
def replacing_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary name beside `path`, with the same suffixes, that becomes `path` when the block ends well."""
    target = _target(path)
    if target.exists() and not target.is_file():
        yield target
        return
    temporary = _reserve(target)
    try:
        yield temporary
        if not temporary.exists():
            raise FileNotFoundError(f"nothing was written for {path}")
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _target(path: str | os.PathLike[str]) -> Path:
    """The file to be written, links followed, after checks that tell in one sentence why it cannot be."""
    if not os.fspath(path):
        raise ValueError("the name of the file to write is empty")
    target = Path(os.path.realpath(path)) if Path(path).is_symlink() and Path(path).is_file() else Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {target.parent}")
    return target


def _reserve(target: Path) -> Path:
    """Create an empty file under a fresh name, with the permissions that a plain `open` would give."""
    # the name stays within the 255 bytes of file systems however long the target's is; suffixes are at its end
    temporary = target.with_name(f".{secrets.token_hex(6)}-{target.name[-200:]}")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except PermissionError as error:
        raise PermissionError(f"cannot write {target}: the folder {target.parent} is not writable") from error
    return temporary


@contextmanager
def _open(path: Path, mode: str, compress: bool) -> Iterator[IO[Any]]:
    with open(path, "wb") as raw:
        if mode == "wb":
            yield raw
        elif compress:
            # no name and no time inside, so that the same content gives the same bytes
            with (
                gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as packed,
                io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as text,
            ):
                yield text
        else:
            plain = io.TextIOWrapper(raw, encoding="utf-8", newline="\n")
            yield plain
            plain.detach()
        if path.is_file():
            raw.flush()
            os.fsync(raw.fileno())
