# SPDX-License-Identifier: BSD-3-Clause
"""Programs that compute: each in its own process, with a log, a time limit and no way to take us with it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["Stopped", "run_program", "stopping"]

_live: dict[subprocess.Popen[bytes], Path] = {}
_stopped: set[subprocess.Popen[bytes]] = set()
_closed: Counter[Path] = Counter()  # folders that are being left: nothing starts in them
_guard = threading.Lock()


class Stopped(Exception):
    """The program was ended because the campaign is being left; not a failure of the calculation."""


def run_program(command: Sequence[str | os.PathLike[str]], folder: Path, *, log: Path, timeout: float | None = None,
                threads: int = 1) -> int:
    """Run a command in `folder`, all it prints going to `log`; returns its exit status.

    Raises
    ------
    TimeoutError after `timeout` seconds (the program and its children are killed), `Stopped` under `stopping`.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with log.open("wb") as output:
        with _guard:  # started and known in one step, so that `stopping` misses none
            if any(where == folder or where in folder.parents for where in _closed):
                raise Stopped
            process = subprocess.Popen(list(command), cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=output, env=environment, start_new_session=True)
            _live[process] = folder
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{Path(command[0]).name} was ended after {timeout:g} s; see {log}") from error
        finally:
            _kill(process)
            with _guard:
                del _live[process]
                stopped = process in _stopped
                _stopped.discard(process)
    if stopped:
        raise Stopped
    return status


@contextmanager
def stopping(folder: Path) -> Iterator[None]:
    """End every program that runs in `folder` or below it, and let none start there within the block."""
    with _guard:
        _closed[folder] += 1
        ours = [process for process, where in _live.items() if where == folder or folder in where.parents]
        _stopped.update(ours)
    try:
        for process in ours:
            _kill(process)
        yield
    finally:
        with _guard:
            _closed[folder] -= 1
            if not _closed[folder]:
                del _closed[folder]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole group of a process that still runs, and wait for it."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
