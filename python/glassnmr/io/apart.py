# SPDX-License-Identifier: BSD-3-Clause
"""Frames of binary trajectories, read by their libraries in a process of its own.

Libraries in C follow a damaged file beyond their arrays. Here that ends a process that only reads: the program gets
one sentence. The frames come through a pipe, one at a time, and the process may take a bounded memory (on Linux). It
serves many files in turn and ends with the program.
"""

from __future__ import annotations

import atexit
import json
import os
import struct
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from glassnmr.io.blocks import finite

__all__ = ["Frame", "frames_apart", "serve"]

Frame = tuple[NDArray[np.float64], "NDArray[np.float64] | None", "float | None"]
"""Positions (N, 3) in Å, cell (3, 3) in Å or None, time or None."""

_HEAD = struct.Struct("<cq")  # what comes, and how many atoms or bytes it has
_MORE = struct.Struct("<??10d")  # is there a cell, a time; the cell by rows, the time
_PATIENCE = 120.0  # s for one frame
_ROOM = 2**30  # bytes beside eight times the file's
_MISSING = "ImportError: "
_BROKEN = (ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError,
           TypeError, ValueError)  # fmt: skip


class _Reader:
    """A process that reads files on request."""

    def __init__(self) -> None:
        # as this program, whatever its module path has become; no library may print into the pipe
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        code = "from glassnmr.io.apart import serve; serve()"
        self.process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env=environment)  # fmt: skip

    def ask(self, path: Path, n_atoms: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([str(path.resolve()), n_atoms]).encode() + b"\n")
        self.process.stdin.flush()

    def bytes(self, count: int) -> bytes:
        assert self.process.stdout is not None
        found = self.process.stdout.read(count)
        if len(found) != count:
            raise EOFError
        return found

    def close(self) -> None:
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was still to be written
                    continue
        self.process.wait()


_idle: list[_Reader] = []
if hasattr(os, "register_at_fork"):  # a child would talk to its parent's
    os.register_at_fork(after_in_child=_idle.clear)


def _take() -> _Reader:
    try:
        return _idle.pop()
    except IndexError:
        return _Reader()


@atexit.register
def _close() -> None:
    while _idle:
        _idle.pop().close()


def frames_apart(path: Path, n_atoms: int) -> Iterator[Frame]:
    """The frames of an XTC, DCD or NetCDF file of `n_atoms` atoms.

    Raises
    ------
    ImportError where the library is missing; ValueError, one sentence, for a file that it cannot read, on which it ends
    or takes more than two minutes for a frame.
    """
    reader = _take()
    try:
        try:
            reader.ask(path, n_atoms)
        except OSError:  # it has been ended from outside meanwhile
            reader.close()
            reader = _Reader()
            reader.ask(path, n_atoms)
        while (frame := _next(reader)) is not None:
            yield frame
    except BaseException as error:
        if not isinstance(error, _Refused):
            reader.close()
            raise
        _idle.append(reader)
        if error.args[0].startswith(_MISSING):
            raise ImportError(error.args[0].removeprefix(_MISSING)) from None
        raise ValueError(error.args[0]) from None
    _idle.append(reader)


class _Refused(Exception):
    """What the other process said of a file."""


def _next(reader: _Reader) -> Frame | None:
    late = threading.Event()

    def stop() -> None:
        late.set()
        reader.process.kill()

    timer = threading.Timer(_PATIENCE, stop)
    timer.daemon = True
    timer.start()
    try:
        kind, count = _HEAD.unpack(reader.bytes(_HEAD.size))
        if kind == b"E":
            raise _Refused(reader.bytes(count).decode("utf-8", "replace"))
        if kind == b"D":
            return None
        if kind != b"F":
            raise EOFError
        has_cell, has_time, *numbers = _MORE.unpack(reader.bytes(_MORE.size))
        places = np.frombuffer(reader.bytes(24 * count)).reshape(-1, 3).copy()
    except EOFError:
        how = f"takes more than {_PATIENCE:.0f} s for it" if late.is_set() else "ended on it"
        raise ValueError(f"the library that reads it {how}: the file is damaged") from None
    finally:
        timer.cancel()
    return places, np.array(numbers[:9]).reshape(3, 3) if has_cell else None, numbers[9] if has_time else None


# ---- the other process


def serve() -> None:
    """Answer requests from the standard input until it ends."""
    from glassnmr.io.trajectory import LIBRARIES, library

    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints does not go into the pipe
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        name, n_atoms = json.loads(line)
        path = Path(name)
        try:
            module = library(path.suffix.lower())  # which takes memory of its own
            _bound_memory(path)
            _answer(out, LIBRARIES[path.suffix.lower()][1](module, path, n_atoms), n_atoms)
            out.write(_HEAD.pack(b"D", 0))
        except ImportError as error:
            _say(out, f"{_MISSING}{error}")
        except _BROKEN as error:
            _say(out, " ".join(str(error).split())[:200] or type(error).__name__)
        out.flush()


def _bound_memory(path: Path) -> None:
    """Room for what a file may need: headers of damaged ones make libraries ask for all there is."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        return
    import resource

    now = int(pages.read_text().split()[0]) * resource.getpagesize()
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = now + _ROOM + 8 * path.stat().st_size
    resource.setrlimit(resource.RLIMIT_AS, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


def _answer(out: IO[bytes], frames: Iterator[Frame], n_atoms: int) -> None:
    for places, cell, time in frames:
        numbers = [*(np.zeros(9) if cell is None else cell.ravel()), 0.0 if time is None else time]
        data = np.ascontiguousarray(places, dtype=np.float64)
        if data.shape != (n_atoms, 3):
            raise ValueError(f"it has {len(data)} atoms, the topology {n_atoms}")
        finite(data, "positions")
        if cell is not None:
            finite(cell, "the cell")
        out.write(_HEAD.pack(b"F", n_atoms) + _MORE.pack(cell is not None, time is not None, *numbers))
        out.write(data.tobytes())
        out.flush()


def _say(out: IO[bytes], text: str) -> None:
    data = text.encode("utf-8", "replace")
    out.write(_HEAD.pack(b"E", len(data)) + data)
