# SPDX-License-Identifier: BSD-3-Clause
"""What all descriptors share: the border to structures, rows in one array or in blocks, gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import ArrayLike, DTypeLike, NDArray

from glassnmr import _core
from glassnmr.structure import Structure, as_structure

if TYPE_CHECKING:
    from ase import Atoms

    StructureLike: TypeAlias = Atoms | Structure
    Centres: TypeAlias = str | Sequence[Any] | NDArray[Any] | None

__all__ = ["Descriptor", "Gradient", "neighbours", "select_centres"]


def neighbours(structure: StructureLike, cutoff: float, *, n_threads: int = 0
               ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Neighbours of every atom within a cutoff (THEORY.md eq. (2.1)).

    Parameters
    ----------
    structure : ase.Atoms or Structure; any cell shape, any mix of periodic directions
    cutoff : Å; may be larger than the cell
    n_threads : 0 is the runtime's default

    Returns
    -------
    first : (N + 1,) atom i has the entries first[i] to first[i + 1]
    index : (P,) neighbour j; an image of i itself is one
    vector : (P, 3) Å, from i to that image of j

    Raises
    ------
    ValueError
        Bad structure, a cutoff that is not positive, or two atoms at the same place.

    Examples
    --------
    >>> from ase.build import bulk
    >>> first, index, vector = neighbours(bulk("Cu", "fcc", 3.6), 2.6)
    >>> len(index), vector.shape
    (12, (12, 3))
    """
    s = as_structure(structure)
    first, index, vector = _core.neighbours(s.positions, s.cell, s.pbc.tolist(), cutoff=cutoff, n_threads=n_threads)
    return first.astype(np.int64), index, vector


def select_centres(structure: Structure, centres: Centres) -> NDArray[np.int64]:
    """Indices of the centres that an element, several elements, a mask or indices name; None names all atoms."""
    n = len(structure)
    if centres is None:
        return np.arange(n, dtype=np.int64)
    if isinstance(centres, str):
        centres = [centres]
    if len(centres) and all(isinstance(c, str) for c in centres):
        unknown = [c for c in centres if c not in atomic_numbers]
        if unknown:
            raise ValueError(f"centres must be chemical symbols, a mask or indices, got {unknown[0]!r}")
        wanted = [atomic_numbers[c] for c in centres]
        return np.flatnonzero(np.isin(structure.numbers, wanted)).astype(np.int64)
    array = np.asarray(centres)
    if array.ndim != 1 or array.dtype.kind not in "biu" and array.size:
        raise ValueError(f"centres must be a symbol, a mask of {n} booleans or a list of indices, "
                         f"got an array of {array.dtype} with shape {array.shape}")
    if array.dtype.kind == "b":
        if len(array) != n:
            raise ValueError(f"a mask of centres must have one entry for each of the {n} atoms, got {len(array)}")
        return np.flatnonzero(array).astype(np.int64)
    outside = array[(array < 0) | (array >= n)]
    if len(outside):
        raise ValueError(f"centres must lie in 0..{n - 1}, got {outside[0]}")
    return np.ascontiguousarray(array, dtype=np.int64)


class Gradient(NamedTuple):
    """Derivatives of a number L by a structure."""

    positions: NDArray[np.float64]
    """(N, 3) dL/dr, per Å"""
    strain: NDArray[np.float64]
    """(3, 3) dL/dstrain of a deformation r -> r (1 + strain) of positions and cell (rows): the virial"""

    def cell(self, cell: ArrayLike) -> NDArray[np.float64]:
        """(3, 3) dL/dcell, per Å, at fixed fractional coordinates: cell^-T dL/dstrain; the cell must be invertible."""
        solved: NDArray[np.float64] = np.linalg.solve(np.asarray(cell, dtype=float).T, self.strain)
        return solved


class Descriptor(ABC):
    """From structures to feature rows; immutable. Subclasses give the settings and make `_core`."""

    species: tuple[str, ...]
    cutoff: float
    _core: _core.Descriptor

    def __init__(self, species: Sequence[str], cutoff: float) -> None:
        self.species = tuple([species] if isinstance(species, str) else species)
        self.cutoff = float(cutoff)
        for symbol in self.species:
            if atomic_numbers.get(symbol, 0) < 1:
                raise ValueError(f"species must be chemical symbols, got {symbol!r}")
        if len(set(self.species)) != len(self.species) or not self.species:
            raise ValueError(f"species must name each element once, got {', '.join(self.species) or 'none'}")
        self._channel = np.full(len(atomic_numbers), -1, dtype=np.int32)
        for channel, symbol in enumerate(self.species):
            self._channel[atomic_numbers[symbol]] = channel

    @abstractmethod
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments, by name."""

    @abstractmethod
    def feature_index(self) -> NDArray[Any]:
        """What each feature is made of: structured array (n_features,)."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.get_params())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_params().items())})"

    @property
    def n_features(self) -> int:
        """Length of a row."""
        return int(self._core.n_features)

    def _arrays(self, structure: StructureLike) -> tuple[Structure, tuple[Any, Any, Any, Any]]:
        s = as_structure(structure, self.species)
        return s, (s.positions, s.cell, s.pbc.tolist(), self._channel[s.numbers])

    def _chosen(self, structure: Structure, centres: Centres) -> NDArray[np.int64]:
        """Indices of the centres; None names all that the descriptor has rows for."""
        return select_centres(structure, centres)

    def transform(self, structures: StructureLike | Iterable[StructureLike], centres: Centres = None, *,
                  out: NDArray[Any] | None = None, dtype: DTypeLike = np.float64, n_threads: int = 0) -> NDArray[Any]:
        """Feature rows of the centres of one structure or of many, one after the other.

        Parameters
        ----------
        structures : one structure, or an iterable of them
        centres : element(s), a mask, or indices; None for all atoms. With several structures a mask or indices are
            given as one list or array for each structure.
        out : C-ordered (N_centres, n_features) float64 or float32 array to write into
        dtype : of a new array: float64 or float32
        n_threads : 0 is the runtime's default; the result has the same bits for any number

        Returns
        -------
        (N_centres, n_features)

        Raises
        ------
        ValueError
            Bad structure, an element outside `species`, coinciding atoms, or `out` of another shape.
        """
        single = isinstance(structures, Structure) or hasattr(structures, "get_positions")
        items = [structures] if single else list(structures)  # type: ignore[arg-type]
        chosen: list[Centres] = [centres] * len(items)
        if not single and centres is not None and not isinstance(centres, str) and \
                not all(isinstance(c, str) for c in centres):
            if len(centres) != len(items):
                raise ValueError(f"centres must have one entry for each of the {len(items)} structures, "
                                 f"got {len(centres)}")
            chosen = list(centres)
        arrays, which = [], []
        for item, c in zip(items, chosen, strict=True):
            s, a = self._arrays(item)  # type: ignore[arg-type]
            arrays.append(a)
            which.append(self._chosen(s, c))
        n_rows = sum(len(w) for w in which)
        if out is None:
            if np.dtype(dtype) not in (np.float64, np.float32):
                raise ValueError(f"dtype must be float64 or float32, got {np.dtype(dtype)}")
            out = np.empty((n_rows, self.n_features), dtype=dtype)
        elif out.shape != (n_rows, self.n_features) or out.dtype not in (np.float64, np.float32) \
                or not out.flags.c_contiguous or not out.flags.writeable:
            raise ValueError(f"out must be a writeable C-ordered float64 or float32 array of shape "
                             f"({n_rows}, {self.n_features}), got {out.dtype} {out.shape}")
        start = 0
        for a, w in zip(arrays, which, strict=True):
            self._core.transform(*a, w, out[start:start + len(w)], n_threads=n_threads)
            start += len(w)
        return out

    def blocks(self, structures: Iterable[StructureLike], centres: str | Sequence[str] | None = None, *,
               size: int = 1024, dtype: DTypeLike = np.float64, n_threads: int = 0
               ) -> Iterator[tuple[int, NDArray[np.int64], NDArray[Any]]]:
        """Rows as a stream of bounded memory: (structure number, centre indices, rows) of at most `size` centres.

        The rows are valid until the next step: their memory is used again.
        """
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size}")
        buffer = np.empty((size, self.n_features), dtype=dtype)
        for number, item in enumerate(structures):
            s, a = self._arrays(item)
            which = self._chosen(s, centres)
            for start in range(0, len(which), size):
                part = which[start:start + size]
                rows = buffer[:len(part)]
                self._core.transform(*a, part, rows, n_threads=n_threads)
                yield number, part, rows

    def gradient(self, structure: StructureLike, dl_drows: ArrayLike, centres: Centres = None, *, n_threads: int = 0
                 ) -> Gradient:
        """Derivatives by the atoms of a number L whose derivatives by the rows are known, eq. (6.10), (6.11).

        At the cost of about two forward calls, and without storing anything for each pair of atoms.

        Parameters
        ----------
        structure : as for `transform`
        dl_drows : (N_centres, n_features) dL/dX
        centres : as for `transform`
        n_threads : 0 is the runtime's default; the result has the same bits for any number

        Returns
        -------
        Gradient : dL/dpositions (N, 3) and dL/dstrain (3, 3)

        Raises
        ------
        ValueError
            As `transform`, or `dl_drows` of another shape or not finite.

        Examples
        --------
        >>> import numpy as np
        >>> from ase.build import bulk
        >>> from glassnmr.descriptors import SphericalBesselSOAP
        >>> silicon, soap = bulk("Si"), SphericalBesselSOAP(["Si"], cutoff=5.0)
        >>> found = soap.gradient(silicon, np.ones((2, soap.n_features)))  # of the sum of all features
        >>> found.positions.shape, found.strain.shape
        ((2, 3), (3, 3))
        """
        s, arrays = self._arrays(structure)
        which = self._chosen(s, centres)
        given = self._row_gradients(dl_drows, len(which))
        return Gradient(*self._core.gradient(*arrays, which, given, n_threads=n_threads))

    def _row_gradients(self, given: ArrayLike, n: int) -> NDArray[np.float64]:
        """dL/dX as a finite (n, n_features) array, or a ValueError that says what is wrong with it."""
        array = np.ascontiguousarray(given, dtype=np.float64)
        if array.shape != (n, self.n_features):
            raise ValueError(f"dl_drows must have shape ({n}, {self.n_features}), got {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError("dl_drows must be finite")
        return array

    def jacobian(self, structure: StructureLike, centres: Centres = None, *, limit: float = 2**30, n_threads: int = 0
                 ) -> NDArray[np.float64]:
        """All derivatives drow/dposition of a small system; `gradient` is the way for large ones.

        Parameters
        ----------
        limit : bytes that the result may take

        Returns
        -------
        (N_centres, n_features, N, 3), per Å

        Raises
        ------
        ValueError
            As `transform`, or when the result would be larger than `limit`.
        """
        s, arrays = self._arrays(structure)
        which = self._chosen(s, centres)
        size = 24.0 * len(which) * self.n_features * len(s)
        if size > limit:
            raise ValueError(f"a Jacobian of {len(which)} x {self.n_features} x {len(s)} x 3 would take "
                             f"{size / 2**30:.3g} GiB, more than the limit of {limit / 2**30:.3g} GiB: use gradient()")
        return self._core.jacobian(*arrays, which, n_threads=n_threads)


def _rebuild(kind: type[Descriptor], params: dict[str, Any]) -> Descriptor:
    return kind(**params)
