# SPDX-License-Identifier: BSD-3-Clause
"""Spherical-Bessel SOAP, and the mixing of its species."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.descriptors.base import Descriptor, select_centres

if TYPE_CHECKING:
    from glassnmr.descriptors.base import Centres, StructureLike

__all__ = ["SphericalBesselSOAP", "former_mixing", "valence_mixing"]

NETWORK_FORMERS = ("B", "Al", "Si", "P", "Ge")
"""Elements that build the network of an oxide glass."""

ANIONS = ("O", "F", "S", "Cl", "N")

VALENCES = {symbol: valence for valence, symbols in {
    1: "H Li Na K Rb Cs Ag Tl", 2: "Be Mg Ca Sr Ba Zn Cd Pb Sn Mn Fe Co Ni Cu",
    3: "Sc Y La Ce Pr Nd Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Ga In Bi Sb Cr V", 4: "Ti Zr Hf Th Te", 5: "Nb Ta As",
    6: "Mo W U"}.items() for symbol in symbols.split()}
"""Usual charges of cations in oxide glasses, beside the network formers."""


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


def valence_mixing(species: Sequence[str], weight: float = 0.35) -> NDArray[np.float64]:
    """Mixing matrix that keeps all elements apart, eq. (5.3): cations count by their charge, the network fully.

    Parameters
    ----------
    species : elements, as for the descriptor
    weight : of a charge of one; anions and network formers (B, Al, Si, P, Ge) have 1. On 326 silicates 0.25 to 0.35 was
        better than 1 for all, by 0.03 ppm of 1.72

    Returns
    -------
    (species, species), diagonal

    Raises
    ------
    ValueError
        An element of unknown charge, a weight that is not positive.

    Examples
    --------
    >>> valence_mixing(["O", "Si", "Na", "Ca"]).diagonal()
    array([1.  , 1.  , 0.35, 0.7 ])
    """
    if not (weight > 0 and np.isfinite(weight)):
        raise ValueError(f"weight must be positive and finite, got {weight}")
    unknown = [s for s in species if s not in (*ANIONS, *NETWORK_FORMERS, *VALENCES)]
    if unknown:
        raise ValueError(f"the charge of {unknown[0]} in an oxide is not known: give a mixing matrix")
    return np.diag([weight * VALENCES[s] if s in VALENCES else 1.0 for s in species])


class SphericalBesselSOAP(Descriptor):
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
    compression : products of channels in the power spectrum: "none" (all pairs), "crossover" (each channel with
        itself), "mu1nu1" (each with the sum of all channels, eq. (6.8)); `mixing` with one row is "mu2"
    remove_self : leave out the products of a neighbour with itself, eq. (6.7)

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

    _core: _core.Soap

    def __init__(self, species: Sequence[str], cutoff: float, n_max: int = 8, l_max: int = 4, sigma: float = 0.4,
                 basis: str = "bessel", *, body: Sequence[int] = (2, 3), weights: Sequence[float] | None = None,
                 normalise: bool = False, angular_filter: float = 0.0,
                 radial_scaling: tuple[float, float] | None = None, mixing: ArrayLike | None = None,
                 compression: str = "none", remove_self: bool = False) -> None:
        super().__init__(species, cutoff)
        self.sigma = float(sigma)
        self.n_max, self.l_max, self.basis = n_max, l_max, basis
        self.body = tuple(body)
        self.weights = tuple(1.0 for _ in self.body) if weights is None else tuple(float(w) for w in weights)
        self.normalise, self.angular_filter = bool(normalise), float(angular_filter)
        self.radial_scaling = None if radial_scaling is None else (float(radial_scaling[0]), float(radial_scaling[1]))
        self.mixing = None if mixing is None else np.array(mixing, dtype=np.float64)
        self.compression, self.remove_self = compression, bool(remove_self)
        self._check()
        by_body = dict(zip(self.body, self.weights, strict=True))
        self._core = _core.Soap(
            len(self.species), cutoff=self.cutoff, n_max=n_max, l_max=l_max, sigma=self.sigma, basis=basis,
            scaling=self.radial_scaling or (0.0, 0.0), body=(2 in self.body, 3 in self.body),
            mixing=np.empty((0, 0)) if self.mixing is None else self.mixing,
            weights=(by_body.get(2, 1.0), by_body.get(3, 1.0)), angular_filter=self.angular_filter,
            normalise=self.normalise, compression=compression, remove_self=self.remove_self)

    def _check(self) -> None:
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
                 "angular_filter", "radial_scaling", "mixing", "compression", "remove_self")
        return {name: getattr(self, name) for name in names}

    def feature_index(self) -> NDArray[Any]:
        """What each feature is made of: structured array (n_features,) with body, s1, n1, s2, n2, l.

        n counts from 0, s is the place in `species` (the channel, with `mixing`); -1 where a field has no meaning, or
        for the sum of all channels.
        """
        return self._core.feature_index()

    def coefficients(self, structure: StructureLike, centres: Centres = None, *, n_threads: int = 0
                     ) -> NDArray[np.float64]:
        """Density coefficients c_nlm of each species, eq. (5.2).

        Returns
        -------
        (N_centres, S, n_max, (l_max + 1)^2), species in the order given (channels, with `mixing`), lm = l^2 + l + m
        """
        s, arrays = self._arrays(structure)
        return self._core.coefficients(*arrays, select_centres(s, centres), n_threads=n_threads)

    def mixing_gradient(self, structure: StructureLike, dl_drows: ArrayLike, centres: Centres = None, *,
                        n_threads: int = 0) -> NDArray[np.float64]:
        """dL/dmixing (channels, species) of a number L whose derivatives by the rows are known, eq. (6.14).

        Raises
        ------
        ValueError
            A descriptor without `mixing` or with `remove_self`, or as `gradient`.
        """
        s, arrays = self._arrays(structure)
        which = select_centres(s, centres)
        given = self._row_gradients(dl_drows, len(which))
        return self._core.mixing_gradient(*arrays, which, given, n_threads=n_threads)
