# SPDX-License-Identifier: BSD-3-Clause
"""Behler-Parrinello symmetry functions, and Chebyshev expansions of radial and angular distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.descriptors.base import Descriptor

__all__ = ["BehlerParrinello", "ChebyshevARDF"]

KINDS = ("shifted", "centred")


class TripletDescriptor(Descriptor):
    """What both share: a part of functions of one neighbour, a part of functions of two, and their channels."""

    def _set_common(self, angular_cutoff: float | None, channels: str | ArrayLike, weights: Sequence[float]) -> None:
        if not (self.cutoff > 0 and np.isfinite(self.cutoff)):
            raise ValueError(f"cutoff must be positive and finite, got {self.cutoff}")
        self.angular_cutoff = self.cutoff if angular_cutoff is None else float(angular_cutoff)
        if not self.angular_cutoff > 0:
            raise ValueError(f"angular_cutoff must be positive and at most the cutoff, got {angular_cutoff}")
        self.channels = _channels(channels, self.species)
        self.weights = tuple(float(w) for w in weights)
        if len(self.weights) != 2:
            raise ValueError(f"weights must be two, of the radial and the angular part, got {len(self.weights)}")

    def _common(self) -> dict[str, Any]:
        matrix = np.empty((0, 0)) if self.channels == "elements" else np.array(self.channels)
        return {"n_species": len(self.species), "cutoff": self.cutoff, "angular_cutoff": self.angular_cutoff,
                "channels": matrix, "weights": self.weights}

    def _places(self, n_two: int, n_three: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """(body, s1, s2) of each feature, and the number of its function among those of its body."""
        if self.channels == "elements":
            single = [(2, s, -1) for s in range(len(self.species))]
            pairs = [(3, s, t) for s in range(len(self.species)) for t in range(s, len(self.species))]
        else:
            single = [(2, a, -1) for a in range(len(self.channels))]
            pairs = [(3, a, a) for a in range(len(self.channels))]
        where = np.repeat(np.array(single + pairs), [n_two] * len(single) + [n_three] * len(pairs), axis=0)
        number = np.concatenate([np.tile(np.arange(n_two), len(single)), np.tile(np.arange(n_three), len(pairs))])
        return where, number


class BehlerParrinello(TripletDescriptor):
    """Atom-centred symmetry functions G2, G4 and G5 (THEORY.md section 6.2).

    G2 = sum_j exp(-eta (r_ij - r_s)^2) f_c(r_ij); G4 = 2^(1 - zeta) sum_{j<k} (1 + lambda cos theta_jik)^zeta times
    the Gaussians and cutoffs of the sides r_ij, r_ik and r_jk; G5 is G4 without the side r_jk.

    Parameters
    ----------
    species : elements; a structure with another element is an error
    cutoff : r_c, Å
    g2 : (n, 2) of eta (1/Å^2), r_s (Å), or a number of functions for `radial_grid`
    g4, g5 : (n, 3) or (n, 4) of eta (1/Å^2), zeta (whole), lambda (-1 ... 1), r_s (Å, 0 if left out), or a number of
        Gaussians for `angular_grid`, each with lambda = -1, 1 and zeta = 1, 2, 4, 16
    angular_cutoff : of the sides of triplets, Å, at most `cutoff`, which it is by default
    channels : "elements" (G2 for each element, G4 and G5 for each pair of elements), "atomic-numbers" (weights Z_j
        and Z_j Z_k, one channel), or a (channels, species) matrix of weights, eq. (6.36)
    weights : factors of the radial and the angular part

    Raises
    ------
    ValueError
        A parameter outside its range; the message names it.

    Notes
    -----
    Rows hold the radial part (element, then G2 in the order given), then the angular part (pair of elements, then G4,
    then G5), as `feature_index` tells. Source: J. Behler, M. Parrinello, Phys. Rev. Lett. 98 (2007) 146401; J. Behler,
    J. Chem. Phys. 134 (2011) 074106; M. Gastegger et al., J. Chem. Phys. 148 (2018) 241709 (weights, grids).

    Examples
    --------
    >>> from ase.build import bulk
    >>> functions = BehlerParrinello(["Si"], cutoff=5.0)
    >>> functions.transform(bulk("Si")).shape
    (2, 34)
    >>> few = BehlerParrinello(["Na", "O", "Si"], cutoff=6.0, g2=[[0.5, 0.0], [4.0, 2.0]], g4=1, angular_cutoff=4.0,
    ...                        channels="atomic-numbers")
    >>> few.n_features
    10
    """

    _core: _core.BehlerParrinello

    def __init__(self, species: Sequence[str], cutoff: float, g2: int | ArrayLike = 10, g4: int | ArrayLike = 3,
                 g5: int | ArrayLike = 0, *, angular_cutoff: float | None = None,
                 channels: str | ArrayLike = "elements", weights: Sequence[float] = (1.0, 1.0)) -> None:
        super().__init__(species, cutoff)
        self._set_common(angular_cutoff, channels, weights)
        self.g2 = _functions("g2", self.radial_grid(self.cutoff, g2) if _is_count("g2", g2) else g2, (2,))
        self.g4, self.g5 = (
            _functions(name, self.angular_grid(self.angular_cutoff, g) if _is_count(name, g) else g, (3, 4))
            for name, g in (("g4", g4), ("g5", g5)))
        self._core = _core.BehlerParrinello(
            **self._common(), g2=np.reshape(self.g2, (-1, 2)), g4=np.reshape(self.g4, (-1, 4)),
            g5=np.reshape(self.g5, (-1, 4)))

    @staticmethod
    def radial_grid(cutoff: float, n: Any, kind: str = "shifted") -> NDArray[np.float64]:
        """(n, 2) of eta, r_s for Gaussians on a grid R_k of equal steps D from min(1 Å, r_c / 4) to r_c - D.

        Parameters
        ----------
        cutoff : r_c, Å
        n : number of functions
        kind : "shifted" (r_s = R_k, eta = 1 / (2 D^2)) or "centred" (r_s = 0, eta = 1 / (2 R_k^2)), eq. (6.37)

        Examples
        --------
        >>> BehlerParrinello.radial_grid(5.0, 2, "centred")
        array([[0.5       , 0.        ],
               [0.05555556, 0.        ]])
        """
        if kind not in KINDS:
            raise ValueError(f"kind must be {' or '.join(KINDS)}, got {kind!r}")
        if not (cutoff > 0 and np.isfinite(cutoff)):
            raise ValueError(f"cutoff must be positive and finite, got {cutoff}")
        if not _is_count("n", n):
            raise ValueError(f"n must be a whole number, got {n!r}")
        start = min(1.0, cutoff / 4)
        step = (cutoff - start) / max(n, 1)
        places = start + step * np.arange(n)
        if kind == "shifted":
            return np.column_stack([np.full(n, 0.5 / step**2), places])
        return np.column_stack([0.5 / places**2, np.zeros(n)])

    @staticmethod
    def angular_grid(cutoff: float, n: Any, kind: str = "centred", *, zetas: Sequence[int] = (1, 2, 4, 16),
                     lambdas: Sequence[float] = (-1.0, 1.0)) -> NDArray[np.float64]:
        """(n * lambdas * zetas, 4) of eta, zeta, lambda, r_s: each Gaussian of `radial_grid` with each angle function.

        Examples
        --------
        >>> BehlerParrinello.angular_grid(5.0, 3).shape
        (24, 4)
        """
        sides = BehlerParrinello.radial_grid(cutoff, n, kind)
        return np.array([(eta, zeta, turn, shift) for eta, shift in sides for turn in lambdas for zeta in zetas],
                        dtype=np.float64).reshape(-1, 4)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments, by name; grids and names of channels as the numbers that they stand for."""
        del deep
        names = ("species", "cutoff", "g2", "g4", "g5", "angular_cutoff", "channels", "weights")
        return {name: getattr(self, name) for name in names}

    def feature_index(self) -> NDArray[Any]:
        """What each feature is made of: structured array (n_features,).

        Fields: body (2, 3), s1, s2 (places in `species`, or the channel; -1 where there is none), kind ("G2", "G4",
        "G5"), eta, r_s, zeta, lambda (0 for G2).
        """
        where, number = self._places(len(self.g2), len(self.g4) + len(self.g5))
        functions = {2: [("G2", eta, shift, 0.0, 0.0) for eta, shift in self.g2],
                     3: [(kind, eta, shift, zeta, turn) for kind, table in (("G4", self.g4), ("G5", self.g5))
                         for eta, zeta, turn, shift in table]}
        return np.array([(*map(int, w), *functions[int(w[0])][k]) for w, k in zip(where, number, strict=True)],
                        dtype=[("body", np.int32), ("s1", np.int32), ("s2", np.int32), ("kind", "U2"),
                               ("eta", np.float64), ("r_s", np.float64), ("zeta", np.float64), ("lambda", np.float64)])


class ChebyshevARDF(TripletDescriptor):
    """Radial and angular distribution functions about an atom in Chebyshev polynomials (THEORY.md section 6.3).

    R_a = sum_j w_j T_a(2 r_ij / r_c - 1) f_c(r_ij) and A_a = sum_{j<k} w_j w_k T_a(cos theta_jik) f_c(r_ij) f_c(r_ik),
    T_a the polynomials of the first kind, once with w = 1 and once with a signed weight for each element.

    Parameters
    ----------
    species : elements; a structure with another element is an error
    cutoff : r_c, Å
    n_radial : polynomials of the distance, T_0 ... T_{n_radial - 1}
    n_angular : polynomials of the cosine
    angular_cutoff : of the sides of triplets, Å, at most `cutoff`, which it is by default
    channels : "signed" (w = 1, then w = ... -2, -1, 1, 2 ... in the order of the species, with 0 for an odd number),
        "elements" (each element, each pair of elements), "atomic-numbers", or a (channels, species) matrix of w
    weights : factors of the radial and the angular part

    Raises
    ------
    ValueError
        A parameter outside its range; the message names it.

    Notes
    -----
    Rows hold the radial part (channel, then a), then the angular part (channel or pair of elements, then a). The length
    of a "signed" row does not depend on the number of elements. Source: N. Artrith, A. Urban, G. Ceder, Phys. Rev. B
    96 (2017) 014112.

    Examples
    --------
    >>> from ase.build import bulk
    >>> ChebyshevARDF(["Na", "O", "Si"], cutoff=6.0).n_features
    40
    >>> ChebyshevARDF(["Si"], cutoff=5.0, n_radial=8, n_angular=6).transform(bulk("Si")).shape
    (2, 14)
    """

    _core: _core.ChebyshevArdf

    def __init__(self, species: Sequence[str], cutoff: float, n_radial: int = 10, n_angular: int = 10, *,
                 angular_cutoff: float | None = None, channels: str | ArrayLike = "signed",
                 weights: Sequence[float] = (1.0, 1.0)) -> None:
        super().__init__(species, cutoff)
        self._set_common(angular_cutoff, channels, weights)
        for name, value in (("n_radial", n_radial), ("n_angular", n_angular)):
            if not _is_count(name, value):
                raise ValueError(f"{name} must be a whole number, got {value!r}")
        self.n_radial, self.n_angular = n_radial, n_angular
        self._core = _core.ChebyshevArdf(**self._common(), n_radial=n_radial, n_angular=n_angular)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments, by name; names of channels as the numbers that they stand for."""
        del deep
        names = ("species", "cutoff", "n_radial", "n_angular", "angular_cutoff", "channels", "weights")
        return {name: getattr(self, name) for name in names}

    def feature_index(self) -> NDArray[Any]:
        """What each feature is made of: structured array (n_features,).

        Fields: body (2, 3), s1, s2 (places in `species`, or the channel; -1 where there is none), order (of T).
        """
        where, number = self._places(self.n_radial, self.n_angular)
        return np.array([(*map(int, w), int(k)) for w, k in zip(where, number, strict=True)],
                        dtype=[("body", np.int32), ("s1", np.int32), ("s2", np.int32), ("order", np.int32)])


def _is_count(name: str, value: Any) -> bool:
    """Whether a number of functions was given; a ValueError for one below 0."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        return False
    if value < 0:
        raise ValueError(f"{name} must not be negative, got {value}")
    return True


def _functions(name: str, given: Any, columns: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    """Rows of numbers, r_s = 0 where it is left out."""
    try:
        table = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        table = np.empty(())
    if table.shape[:1] == (0,):
        return ()
    if table.ndim != 2 or table.shape[1] not in columns:
        wanted = " or ".join(str(n) for n in columns)
        raise ValueError(f"{name} must be a number of functions or a table of {wanted} columns, got {given!r}")
    rows = np.hstack([table, np.zeros((len(table), columns[-1] - table.shape[1]))])
    return tuple(tuple(map(float, row)) for row in rows)


def _channels(given: str | ArrayLike, species: tuple[str, ...]) -> str | tuple[tuple[float, ...], ...]:
    """"elements", or the rows of a (channels, species) matrix."""
    n = len(species)
    if isinstance(given, str):
        if given == "elements":
            return given
        if given == "atomic-numbers":
            return (tuple(float(atomic_numbers[s]) for s in species),)
        if given == "signed":
            spins = [float(k) for k in range(-(n // 2), n // 2 + 1) if k != 0 or n % 2]
            ones = (1.0,) * n
            return (ones, tuple(spins)) if n > 1 else (ones,)
        raise ValueError(f"channels must be elements, atomic-numbers, signed or a matrix, got {given!r}")
    matrix = np.array(given, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != n or len(matrix) == 0:
        raise ValueError(f"channels must be a matrix of one column for each of the {n} species, got {matrix.shape}")
    return tuple(tuple(map(float, row)) for row in matrix)
