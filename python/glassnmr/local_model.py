# SPDX-License-Identifier: BSD-3-Clause
"""What models of scalars and of tensors have in common: their file, their centres, frame after frame."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import ArrayLike, NDArray

from glassnmr.descriptors import Descriptor, from_core
from glassnmr.descriptors.base import Gradient
from glassnmr.structure import as_structure

if TYPE_CHECKING:
    import ase

    from glassnmr.io.predictions import Prediction

__all__ = ["LocalModel", "checked_model_path", "checked_slopes"]

M = TypeVar("M", bound="LocalModel")


class LocalModel:
    """A model whose predictions for an atom depend on what lies within a cutoff; immutable."""

    _core: Any
    _kind: ClassVar[Any]
    """Class of the core's model"""

    def __init__(self, core: Any) -> None:
        self._core = core
        self._descriptor = from_core(core.descriptor, core.species)

    @classmethod
    def load(cls: type[M], path: str | os.PathLike[str]) -> M:
        """Read a `*.gnmr` file; ValueError says why a file is not one, FileNotFoundError that it is not there."""
        return cls(cls._kind.load(checked_model_path(path)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one `*.gnmr` file, whole or not at all."""
        folder = os.path.dirname(os.fspath(path)) or "."
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"no such folder: {folder}")
        self._core.save(os.fspath(path))

    @property
    def isotope(self) -> str:
        """Of the centres, as "29Si"."""
        return str(self._core.isotope)

    @property
    def centre(self) -> str:
        """Element of the centres."""
        return str(self._core.centre)

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of the rows, as it was trained."""
        return self._descriptor

    @property
    def provenance(self) -> dict[str, Any]:
        """What the model was made of: data, settings, validation, versions."""
        try:
            story = json.loads(self._core.provenance)
        except ValueError:
            return {"text": self._core.provenance}
        return story if isinstance(story, dict) else {"text": story}

    def _arrays(self, atoms: ase.Atoms, centres: ArrayLike | None = None, name: str = "atoms") -> tuple[Any, ...]:
        """Positions, cell, periodic directions, species and centres, as the core takes them."""
        s = as_structure(atoms, self._descriptor.species, name=name)
        which = np.flatnonzero(s.numbers == atomic_numbers[self.centre]) if centres is None else np.asarray(centres)
        return (s.positions, s.cell, s.pbc.tolist(), self._descriptor._channel[s.numbers], which.astype(np.int64))

    def _pulled(self, arrays: tuple[Any, ...], slopes: NDArray[np.float64], n_threads: int) -> Gradient:
        """Derivatives by atoms and strain from (n, values) those by the predictions, eq. (10.4)."""
        return Gradient(*self._core.gradient(*arrays, slopes, n_threads=n_threads))

    @staticmethod
    def _stream(frames: Iterable[ase.Atoms], predict: Callable[[ase.Atoms, int], Prediction],
                progress: Callable[[int, int], None] | None) -> Iterator[Prediction]:
        """What `predict` gives for each frame and its number; progress is called with (frames done, atoms done)."""
        atoms_done = 0
        for number, atoms in enumerate(frames):
            yield predict(atoms, number)
            atoms_done += len(atoms)
            if progress is not None:
                progress(number + 1, atoms_done)


def checked_slopes(given: ArrayLike, shape: tuple[int, ...], name: str) -> NDArray[np.float64]:
    """Derivatives of the wanted shape, all finite; ValueError otherwise."""
    found = np.asarray(given, dtype=np.float64)
    if found.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {found.shape}")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite")
    return found


def checked_model_path(path: str | os.PathLike[str]) -> str:
    """The name of a file that is there; FileNotFoundError or ValueError otherwise."""
    name = os.fspath(path)
    if not os.path.exists(name):
        raise FileNotFoundError(f"no such model file: {name}")
    if os.path.isdir(name):
        raise ValueError(f"{name} is a folder, a model file was wanted")
    return name
