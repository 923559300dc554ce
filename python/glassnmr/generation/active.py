# SPDX-License-Identifier: BSD-3-Clause
"""Which frames to compute next: those whose environments the model knows least, THEORY.md eq. (14.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from glassnmr import _core
from glassnmr.model import NMRModel
from glassnmr.structure import as_structure

__all__ = ["Choice", "choose"]

_JITTER = 1e-10  # of the kernel's diagonal: what rounding leaves of a residual


@dataclass(frozen=True)
class Choice:
    """One frame that was chosen.

    frame : its place among the frames given; residual : mean of the residuals of its least known environments when it
    was chosen, as a part of the kernel's diagonal, in [0, 1]; first : the same before any frame was chosen; atoms :
    those environments, least known first
    """

    frame: int
    residual: float
    first: float
    atoms: tuple[int, ...]


def choose(model: NMRModel, frames: Iterable[Atoms], count: int, *, keep: int = 8, n_threads: int = 0,
           progress: Callable[[int], None] | None = None) -> list[Choice]:  # fmt: skip
    """Choose `count` frames, one after the other, each as if the ones before were already learnt.

    The residual of an environment is what an incomplete Cholesky factor on the model's landmarks leaves of its kernel,
    eq. (14.5): 0 for one like a landmark, 1 for one like none. After a frame is chosen its environments join the
    landmarks, so that two frames that are new in the same way are not both taken.

    Parameters
    ----------
    frames : read once; of each only `keep` environments stay in memory
    count : at least 1; fewer come back when there are fewer frames
    keep : environments of a frame that speak for it, its least known ones

    Raises
    ------
    ValueError
        No frame, a frame with an element outside the model's species, counts below 1.

    Examples
    --------
    >>> from glassnmr import LSSVR, SphericalBesselSOAP
    >>> from glassnmr.data.reference import load
    >>> data = load("shielding", "29Si")
    >>> soap = SphericalBesselSOAP(["O", "Si", "Na"], 3.3, n_max=4, l_max=2)
    >>> model = NMRModel.fit(data.select(mask=data.structure < 5), soap, LSSVR(n_landmarks=20, lam=1e-3))
    >>> [choice.frame < 8 for choice in choose(model, data.structures[5:13], 2)]
    [True, True]
    """
    if count < 1 or keep < 1:
        raise ValueError(f"count and keep must be at least 1, got {count} and {keep}")
    kernel = _kernel(model)
    landmarks = model.landmarks
    inner = _core.kernel_matrix(kernel, landmarks, None, n_threads=n_threads)
    root = np.linalg.cholesky(inner + _JITTER * np.trace(inner) / len(inner) * np.eye(len(inner)))
    rows: list[NDArray[np.float64]] = []
    factors: list[NDArray[np.float64]] = []
    left: list[NDArray[np.float64]] = []
    atoms_of: list[NDArray[np.int64]] = []
    for number, atoms in enumerate(frames):
        structure = as_structure(atoms, model.descriptor.species, name=f"frame {number}")
        centres = np.flatnonzero(structure.numbers == atomic_numbers[model.centre])
        x = np.asarray(model.descriptor.transform([structure], [centres], n_threads=n_threads), dtype=float)
        phi = np.zeros((0, len(root)))
        if len(x):
            cross = _core.kernel_matrix(kernel, landmarks, x, n_threads=n_threads)
            phi = np.asarray(solve_triangular(root, cross, lower=True).T, dtype=float)
        diagonal = np.asarray(_core.kernel_diagonal(kernel, x, n_threads=n_threads)) if len(x) else np.zeros(0)
        part = np.maximum(diagonal - (phi**2).sum(axis=1), 0) / np.where(diagonal > 0, diagonal, 1)
        worst = np.argsort(-part, kind="stable")[:keep]
        rows.append(x[worst])
        factors.append(phi[worst])
        left.append(part[worst])
        atoms_of.append(centres[worst])
        if progress is not None:
            progress(number + 1)
    if not rows:
        raise ValueError("there is no frame to choose from")
    return _greedy(kernel, rows, factors, left, atoms_of, count, n_threads)


def _kernel(model: NMRModel) -> _core.Kernel:
    """The kernel of a model for use outside it."""
    terms = model.kernel
    parts = [_core.Kernel(term["kernel"], kappa=term["kappa"], degree=term["degree"], offset=term["offset"])
             for term in terms]  # fmt: skip
    whole = len(terms) == 1 and terms[0]["first"] == 0 and terms[0]["last"] == model.descriptor.n_features
    if whole and terms[0]["relevance"] == 1:
        return parts[0]
    return _core.Kernel.sum(parts, widths=[term["last"] - term["first"] for term in terms],
                            relevance=[term["relevance"] for term in terms])  # fmt: skip


def _greedy(kernel: _core.Kernel, rows: list[NDArray[np.float64]], factors: list[NDArray[np.float64]],
            left: list[NDArray[np.float64]], atoms_of: list[NDArray[np.int64]], count: int, n_threads: int
            ) -> list[Choice]:  # fmt: skip
    sizes = [len(part) for part in left]
    owner = np.repeat(np.arange(len(rows)), sizes)
    x, phi = np.concatenate(rows), np.concatenate(factors)
    residual = np.concatenate(left)
    first = np.array([part.mean() if len(part) else 0.0 for part in left])
    diagonal = np.asarray(_core.kernel_diagonal(kernel, x, n_threads=n_threads)) if len(x) else np.zeros(0)
    free = np.array([size > 0 for size in sizes])
    chosen = []
    for _ in range(min(count, int(free.sum()))):
        mean = np.bincount(owner, residual, len(rows)) / np.maximum(sizes, 1)
        frame = int(np.argmax(np.where(free, mean, -1)))
        free[frame] = False
        chosen.append(Choice(frame, float(mean[frame]), float(first[frame]), tuple(atoms_of[frame].tolist())))
        for pivot in np.flatnonzero(owner == frame).tolist():
            rest = residual[pivot] * diagonal[pivot]
            if residual[pivot] <= _JITTER:
                continue
            column = np.asarray(_core.kernel_matrix(kernel, x, x[pivot : pivot + 1], n_threads=n_threads))[:, 0]
            column = (column - phi @ phi[pivot]) / np.sqrt(rest)
            phi = np.column_stack([phi, column])
            residual = np.maximum(residual - column**2 / np.where(diagonal > 0, diagonal, 1), 0)
    return chosen
