# SPDX-License-Identifier: BSD-3-Clause
"""Descriptors of atomic environments: from structures to feature rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import ArrayLike, DTypeLike, NDArray

from glassnmr import _core
from glassnmr.structure import Structure, as_structure

if TYPE_CHECKING:
    from ase import Atoms

    StructureLike: TypeAlias = Atoms | Structure
    Centres: TypeAlias = str | Sequence[Any] | NDArray[Any] | None

__all__ = ["SphericalBesselSOAP", "former_mixing", "neighbours", "select_centres"]


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


NETWORK_FORMERS = ("B", "Al", "Si", "P", "Ge")
"""Elements that build the network of an oxide glass."""


def former_mixing(species: Sequence[str], weight: float = 2.0) -> NDArray[np.float64]:
    """Mixing matrix for oxide glasses, eq. (5.3): O, each network former, and all other elements together.

    Parameters
    ----------
    species : elements, as for the descriptor
    weight : of the network formers (B, Al, Si, P, Ge); on 1 068 sites of 326 silicates 2 was the best of 1, 2, 3, 4

    Returns
    -------
    (channels, species): a row for O if it is there, one for each former, one for the others if there are any

    Examples
    --------
    >>> former_mixing(["Na", "O", "Si", "Ca"])
    array([[0., 1., 0., 0.],
           [0., 0., 2., 0.],
           [1., 0., 0., 1.]])
    """
    if not (weight > 0 and np.isfinite(weight)):
        raise ValueError(f"weight must be positive and finite, got {weight}")
    alone = [s for s in ("O", *NETWORK_FORMERS) if s in species]
    rows = [[(1.0 if s == "O" else weight) if t == s else 0.0 for t in species] for s in alone]
    if set(species) - set(alone):
        rows.append([0.0 if t in alone else 1.0 for t in species])
    return np.array(rows)


class SphericalBesselSOAP:
    """Smooth overlap of atomic positions in a spherical-Bessel basis (THEORY.md sections 3 to 6).

    Parameters
    ----------
    species : elements, in the order of the channels; a structure with another element is an error
    cutoff : r_c, Å
    n_max : radial functions for each l
    l_max : largest l, inclusive
    sigma : width of the smeared atoms, Å; 0 means points (`basis="bessel"` only)
    basis : "bessel", "bessel-truncated" or "kocer", eq. (3.4), (3.5), (3.8)
    body : parts of a row: 2 (radial), 3 (power spectrum)
    weights : factor of each part in `body`
    normalise : scale the 3-body part of each row to unit length (times its weight)
    angular_filter : a of the factor 1 / (1 + a [l (l + 1)]^2), eq. (6.4)
    radial_scaling : (r_0, m) of the weight 1 / (1 + (r / r_0)^m) of a neighbour, eq. (3.9); None for none
    mixing : (channels, species) matrix that compresses the species channels, eq. (5.3); None for none

    Raises
    ------
    ValueError
        A parameter outside its range; the message names it.

    Notes
    -----
    Rows are ordered as `feature_index` tells: 2-body (channel, n), then 3-body for channels s1 <= s2, l, n1, n2. The
    dot product of two 3-body rows equals that of the full symmetric arrays. Source: E. Kocer, J. K. Mason, H. Erturk,
    AIP Adv. 10 (2020) 015021; R. Jinnouchi et al., Phys. Rev. B 100 (2019) 014105.

    Examples
    --------
    >>> from ase.build import bulk
    >>> soap = SphericalBesselSOAP(["Si"], cutoff=5.0)
    >>> soap.transform(bulk("Si")).shape
    (2, 188)
    """

    def __init__(self, species: Sequence[str], cutoff: float, n_max: int = 8, l_max: int = 4, sigma: float = 0.4,
                 basis: str = "bessel", *, body: Sequence[int] = (2, 3), weights: Sequence[float] | None = None,
                 normalise: bool = False, angular_filter: float = 0.0,
                 radial_scaling: tuple[float, float] | None = None, mixing: ArrayLike | None = None) -> None:
        self.species = tuple([species] if isinstance(species, str) else species)
        self.cutoff, self.sigma = float(cutoff), float(sigma)
        self.n_max, self.l_max, self.basis = n_max, l_max, basis
        self.body = tuple(body)
        self.weights = tuple(1.0 for _ in self.body) if weights is None else tuple(float(w) for w in weights)
        self.normalise, self.angular_filter = bool(normalise), float(angular_filter)
        self.radial_scaling = None if radial_scaling is None else (float(radial_scaling[0]), float(radial_scaling[1]))
        self.mixing = None if mixing is None else np.array(mixing, dtype=np.float64)
        self._check()
        by_body = dict(zip(self.body, self.weights, strict=True))
        self._core = _core.Soap(
            len(self.species), cutoff=self.cutoff, n_max=n_max, l_max=l_max, sigma=self.sigma, basis=basis,
            scaling=self.radial_scaling or (0.0, 0.0), body=(2 in self.body, 3 in self.body),
            mixing=np.empty((0, 0)) if self.mixing is None else self.mixing,
            weights=(by_body.get(2, 1.0), by_body.get(3, 1.0)), angular_filter=self.angular_filter,
            normalise=self.normalise)
        self._channel = np.full(len(atomic_numbers), -1, dtype=np.int32)
        for channel, symbol in enumerate(self.species):
            self._channel[atomic_numbers[symbol]] = channel

    def _check(self) -> None:
        for symbol in self.species:
            if atomic_numbers.get(symbol, 0) < 1:
                raise ValueError(f"species must be chemical symbols, got {symbol!r}")
        if len(set(self.species)) != len(self.species) or not self.species:
            raise ValueError(f"species must name each element once, got {', '.join(self.species) or 'none'}")
        for name, value, least in (("n_max", self.n_max, 1), ("l_max", self.l_max, 0)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
        if not self.body or set(self.body) - {2, 3} or len(set(self.body)) != len(self.body):
            raise ValueError(f"body must be (2,), (3,) or (2, 3), got {self.body}")
        if len(self.weights) != len(self.body):
            raise ValueError(f"weights must have one entry for each of body {self.body}, got {len(self.weights)}")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments, by name."""
        del deep
        names = ("species", "cutoff", "n_max", "l_max", "sigma", "basis", "body", "weights", "normalise",
                 "angular_filter", "radial_scaling", "mixing")
        return {name: getattr(self, name) for name in names}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.get_params())

    def __repr__(self) -> str:
        return f"SphericalBesselSOAP({', '.join(f'{k}={v!r}' for k, v in self.get_params().items())})"

    @property
    def n_features(self) -> int:
        """Length of a row."""
        return int(self._core.n_features)

    def feature_index(self) -> NDArray[Any]:
        """What each feature is made of: structured array (n_features,) with body, s1, n1, s2, n2, l.

        n counts from 0, s is the place in `species` (the channel, with `mixing`); -1 where a field has no meaning.
        """
        return self._core.feature_index()

    def _arrays(self, structure: StructureLike) -> tuple[Structure, tuple[Any, Any, Any, Any]]:
        s = as_structure(structure, self.species)
        return s, (s.positions, s.cell, s.pbc.tolist(), self._channel[s.numbers])

    def coefficients(self, structure: StructureLike, centres: Centres = None, *, n_threads: int = 0
                     ) -> NDArray[np.float64]:
        """Density coefficients c_nlm of each species, eq. (5.2).

        Returns
        -------
        (N_centres, S, n_max, (l_max + 1)^2), species in the order given (channels, with `mixing`), lm = l^2 + l + m
        """
        s, arrays = self._arrays(structure)
        return self._core.coefficients(*arrays, select_centres(s, centres), n_threads=n_threads)

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
            which.append(select_centres(s, c))
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
            which = select_centres(s, centres)
            for start in range(0, len(which), size):
                part = which[start:start + size]
                rows = buffer[:len(part)]
                self._core.transform(*a, part, rows, n_threads=n_threads)
                yield number, part, rows


def _rebuild(kind: type[SphericalBesselSOAP], params: dict[str, Any]) -> SphericalBesselSOAP:
    return kind(**params)
