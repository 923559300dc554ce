# SPDX-License-Identifier: BSD-3-Clause
"""A campaign: one first-principles calculation per structure, restartable, where one failure stops nothing.

Every calculation has a key, the hash of its atoms, method and settings. Its result is `<key>.extxyz`, which appears
whole or not at all; a failure leaves `<key>.failed` with the reason. A second run does what is not there. Two processes
may share a folder: a calculation that one of them has in hand is left alone by the other.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import read, write

from glassnmr.files import replacing, replacing_path
from glassnmr.generation.programs import Stopped, stopping

try:
    import fcntl
except ImportError:  # not on Windows: there, one process a folder
    fcntl = None  # type: ignore[assignment]

__all__ = ["Outcome", "key_of", "results", "run"]

Compute = Callable[..., Atoms]


@dataclass(frozen=True)
class Outcome:
    """What became of one structure.

    state : ``"done"``, ``"kept"`` (found from an earlier run), ``"failed"``, ``"busy"`` (another process has it) or
        ``"stopped"`` (cut off because the campaign was left)
    reason : why it failed, one line
    index : place of the structure in what was given, from 0
    """

    key: str
    state: str
    reason: str = ""
    index: int = 0


def key_of(atoms: Atoms, method: str, settings: dict[str, Any] | None = None) -> str:
    """16 hex digits that name one calculation: species, positions and cell to 1e-6 Å, method and settings."""
    digest = hashlib.sha256()
    digest.update(json.dumps([method, settings or {}], sort_keys=True).encode())
    digest.update(atoms.numbers.astype("<i4").tobytes())
    for lengths in (atoms.positions, atoms.cell.array):
        digest.update((np.round(lengths * 1e6).astype("<i8")).tobytes())
    digest.update(atoms.pbc.tobytes())
    return digest.hexdigest()[:16]


def run(structures: Iterable[Atoms], compute: Compute, folder: str | os.PathLike[str], *, method: str,
        settings: dict[str, Any] | None = None, jobs: int = 1, retry: bool = False,
        timeout: float | None = None) -> Iterator[Outcome]:
    """Compute every structure that has no result yet; yield one `Outcome` each, as they end.

    Parameters
    ----------
    structures : read as they are needed
    compute : ``compute(atoms, folder, timeout=seconds, **settings) -> Atoms`` with the tensors as arrays
    folder : holds the results; made when missing
    jobs : calculations at once
    retry : try again what failed before
    timeout : seconds that one calculation may take

    Leaving the iteration early, or Ctrl-C, ends the calculations in hand; what is done stays done.
    """
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}")
    if timeout is not None and not timeout > 0:
        raise ValueError(f"timeout must be positive, in seconds, got {timeout}")
    where = Path(folder).resolve()
    where.mkdir(parents=True, exist_ok=True)
    return _run(structures, _Calculation(compute, where, method, settings or {}, retry, timeout), jobs)


def _run(structures: Iterable[Atoms], one: _Calculation, jobs: int) -> Iterator[Outcome]:
    queue = enumerate(structures)
    pool = ThreadPoolExecutor(jobs)
    try:
        running: set[Future[Outcome]] = set()
        while True:
            running |= {pool.submit(one, index, atoms) for index, atoms in islice(queue, jobs - len(running))}
            if not running:
                return
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            yield from sorted((future.result() for future in ended), key=lambda outcome: outcome.index)
    finally:
        with stopping(one.folder):
            pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class _Calculation:
    compute: Compute
    folder: Path
    method: str
    settings: dict[str, Any]
    retry: bool
    timeout: float | None

    def __call__(self, index: int, atoms: Atoms) -> Outcome:
        key = key_of(atoms, self.method, self.settings)
        failed = self.folder / f"{key}.failed"
        if _finished(self.folder, key) is not None:
            return Outcome(key, "kept", index=index)
        if failed.exists() and not self.retry:
            return Outcome(key, "failed", failed.read_text(), index)
        with _lock(self.folder / key) as ours:
            if not ours:
                return Outcome(key, "busy", "another process has it in hand", index)
            if _finished(self.folder, key) is not None:
                return Outcome(key, "kept", index=index)
            return self._compute(key, index, atoms, failed)

    def _compute(self, key: str, index: int, atoms: Atoms, failed: Path) -> Outcome:
        try:
            answer = self.compute(atoms, self.folder / key, timeout=self.timeout, **self.settings)
            answer.info["key"] = key
            with replacing_path(self.folder / f"{key}.extxyz") as part:
                write(part, answer, format="extxyz")
        except Stopped:
            return Outcome(key, "stopped", "the campaign was left", index)
        except Exception as error:  # whatever went wrong with one structure must not stop the others
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            with replacing(failed) as file:
                file.write(reason)
            return Outcome(key, "failed", reason, index)
        failed.unlink(missing_ok=True)
        return Outcome(key, "done", index=index)


@contextmanager
def _lock(scratch: Path) -> Iterator[bool]:
    """Make the scratch folder of one calculation and hold it; False when another process does."""
    scratch.mkdir(exist_ok=True)
    with (scratch / "lock").open("w") as handle:
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
        yield True


def _finished(folder: Path, key: str) -> Atoms | None:
    """The result of a key; None when there is none or the file is damaged."""
    file = folder / f"{key}.extxyz"
    if not file.exists():
        return None
    try:
        result = read(file, format="extxyz")
    except Exception:  # a damaged text file makes the reader fail in many ways; all mean: compute it again
        return None
    return result if isinstance(result, Atoms) and result.info.get("key") == key else None


def results(structures: Iterable[Atoms], folder: str | os.PathLike[str], *, method: str,
            settings: dict[str, Any] | None = None) -> Iterator[Atoms]:
    """The finished results of a campaign, in the order of its structures; what has no result is left out.

    `info` of the structures, such as a group, wins over what was known when they were computed.
    """
    for atoms in structures:
        result = _finished(Path(folder), key_of(atoms, method, settings))
        if result is not None:
            result.info.update(atoms.info)
            yield result
