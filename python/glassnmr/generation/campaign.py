# SPDX-License-Identifier: BSD-3-Clause
"""A campaign: one first-principles calculation per structure, restartable, where one failure stops nothing.

Every structure has a key, the hash of its atoms and of the settings. Its result is `<key>.extxyz`, written under a
temporary name and renamed; a failure leaves `<key>.failed` with the reason. A second run does what is not there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import read, write

Compute = Callable[..., Atoms]


@dataclass(frozen=True)
class Outcome:
    """What became of one structure: its key, `done`, `kept` (from an earlier run) or `failed`, and why."""

    key: str
    state: str
    reason: str = ""


def key_of(atoms: Atoms, method: str, settings: dict[str, Any]) -> str:
    """16 hex digits that name one calculation: species, positions and cell to 1e-6 Å, method and settings."""
    digest = hashlib.sha256()
    digest.update(json.dumps([method, settings], sort_keys=True).encode())
    digest.update(atoms.numbers.astype("<i4").tobytes())
    for lengths in (atoms.positions, atoms.cell.array):
        digest.update((np.round(lengths * 1e6).astype("<i8")).tobytes())
    digest.update(atoms.pbc.tobytes())
    return digest.hexdigest()[:16]


def run(structures: Iterable[Atoms], compute: Compute, folder: Path, *, method: str,
        settings: dict[str, Any] | None = None, jobs: int = 1, retry: bool = False) -> Iterator[Outcome]:
    """Compute every structure that has no result yet; yield one `Outcome` each, as they end.

    Parameters
    ----------
    structures : read as they are needed
    compute : ``compute(atoms, folder, **settings) -> Atoms`` with the tensors as arrays
    folder : holds the results; made when missing
    jobs : calculations at once
    retry : try again what failed before
    """
    settings = settings or {}
    folder.mkdir(parents=True, exist_ok=True)

    def one(atoms: Atoms) -> Outcome:
        key = key_of(atoms, method, settings)
        result, failed = folder / f"{key}.extxyz", folder / f"{key}.failed"
        if result.exists():
            return Outcome(key, "kept")
        if failed.exists() and not retry:
            return Outcome(key, "failed", failed.read_text())
        scratch = folder / key
        scratch.mkdir(exist_ok=True)
        try:
            answer = compute(atoms, scratch, **settings)
            answer.info["key"] = key
            part = folder / f"{key}.part"
            write(part, answer, format="extxyz")
            part.rename(result)
        except Exception as error:  # whatever went wrong with one structure must not stop the others
            reason = f"{type(error).__name__}: {error}"
            failed.write_text(reason)
            return Outcome(key, "failed", reason)
        failed.unlink(missing_ok=True)
        return Outcome(key, "done")

    with ThreadPoolExecutor(jobs) as pool:
        for future in as_completed([pool.submit(one, atoms) for atoms in structures]):
            yield future.result()


def results(structures: Iterable[Atoms], folder: Path, *, method: str,
            settings: dict[str, Any] | None = None) -> Iterator[Atoms]:
    """The finished results of a campaign, in the order of its structures."""
    for atoms in structures:
        file = folder / f"{key_of(atoms, method, settings or {})}.extxyz"
        if file.exists():
            yield read(file, format="extxyz")
