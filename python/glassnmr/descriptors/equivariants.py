# SPDX-License-Identifier: BSD-3-Clause
"""Equivariants (lambda-SOAP): features that turn with the environment as a scalar, a vector or a tensor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.descriptors.base import Descriptor

if TYPE_CHECKING:
    from glassnmr.descriptors.base import Centres, StructureLike

__all__ = ["EquivariantSOAP"]


class EquivariantSOAP(Descriptor):
    """Features with 2 lam + 1 components that turn as the real harmonics Y_lam (THEORY.md section 6.4).

    A row holds the components m = -lam .. lam one after the other, each of `n_equivariants` features; `equivariants`
    gives them as (N, 2 lam + 1, n_equivariants). sigma_iso is (lam, parity) = (0, +1), the symmetric part of a
    shielding and the field gradient (2, +1), forces (1, +1), the antisymmetric part of a shielding (1, -1).

    Parameters
    ----------
    species, cutoff, n_max, l_max, sigma, basis, radial_scaling, mixing : as in SphericalBesselSOAP
    lam : 0, 1, 2 (up to 4)
    parity : +1 for features that change under inversion as Y_lam does, -1 for those with the other sign: axial vectors
    body : parts: 2 (the coefficients c_nlm themselves; parity +1 only), 3 (coupled pairs)
    weights : factor of each part in `body`
    compression : "none", "crossover" or "mu1nu1", as in SphericalBesselSOAP
    pairs : (l1, l2) with l1 <= l2 to keep; None keeps all

    Raises
    ------
    ValueError
        A parameter outside its range; the message names it.

    Notes
    -----
    The dot product of two 3-body rows, summed over components, equals that of all pairs of channels and all l1, l2.
    Source: A. Grisafi, D. M. Wilkins, G. Csányi, M. Ceriotti, Phys. Rev. Lett. 120 (2018) 036002.

    Examples
    --------
    >>> from ase.build import bulk
    >>> tensor = EquivariantSOAP(["Zn", "S"], cutoff=5.0, n_max=4, l_max=3, lam=2, compression="mu1nu1")
    >>> found = tensor.equivariants(bulk("ZnS", "zincblende", 5.41))
    >>> found.shape, bool(abs(found).max() < 1e-12)  # no anisotropy on a tetrahedral site
    ((2, 5, 232), True)
    """

    _core: _core.Equivariants

    def __init__(self, species: Sequence[str], cutoff: float, n_max: int = 8, l_max: int = 4, sigma: float = 0.4,
                 lam: int = 2, parity: int = 1, basis: str = "bessel", *, body: Sequence[int] = (2, 3),
                 weights: Sequence[float] | None = None, radial_scaling: tuple[float, float] | None = None,
                 mixing: ArrayLike | None = None, compression: str = "none",
                 pairs: Iterable[tuple[int, int]] | None = None) -> None:
        super().__init__(species, cutoff)
        self.sigma = float(sigma)
        self.n_max, self.l_max, self.basis, self.lam, self.parity = n_max, l_max, basis, lam, parity
        self.body = tuple(body)
        self.weights = tuple(1.0 for _ in self.body) if weights is None else tuple(float(w) for w in weights)
        self.radial_scaling = None if radial_scaling is None else (float(radial_scaling[0]), float(radial_scaling[1]))
        self.mixing = None if mixing is None else np.array(mixing, dtype=np.float64)
        self.compression = compression
        self.pairs = None if pairs is None else tuple((int(a), int(b)) for a, b in pairs)
        self._check()
        by_body = dict(zip(self.body, self.weights, strict=True))
        self._core = _core.Equivariants(
            len(self.species), cutoff=self.cutoff, n_max=n_max, l_max=l_max, sigma=self.sigma, lam=lam, parity=parity,
            basis=basis, scaling=self.radial_scaling or (0.0, 0.0), body=(2 in self.body, 3 in self.body),
            mixing=np.empty((0, 0)) if self.mixing is None else self.mixing,
            weights=(by_body.get(2, 1.0), by_body.get(3, 1.0)), compression=compression, pairs=list(self.pairs or ()))

    def _check(self) -> None:
        for name, value, least in (("n_max", self.n_max, 1), ("l_max", self.l_max, 0), ("lam", self.lam, 0),
                                   ("parity", self.parity, -1)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
        if not self.body or set(self.body) - {2, 3} or len(set(self.body)) != len(self.body):
            raise ValueError(f"body must be (2,), (3,) or (2, 3), got {self.body}")
        if len(self.weights) != len(self.body):
            raise ValueError(f"weights must have one entry for each of body {self.body}, got {len(self.weights)}")
        if self.pairs is not None and not self.pairs:
            raise ValueError("pairs must name at least one (l1, l2), or be None for all")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments, by name."""
        del deep
        names = ("species", "cutoff", "n_max", "l_max", "sigma", "lam", "parity", "basis", "body", "weights",
                 "radial_scaling", "mixing", "compression", "pairs")
        return {name: getattr(self, name) for name in names}

    @property
    def n_components(self) -> int:
        """2 lam + 1."""
        return int(self._core.n_components)

    @property
    def n_equivariants(self) -> int:
        """Features of each component."""
        return int(self._core.n_equivariants)

    def feature_index(self) -> NDArray[Any]:
        """What each feature is made of: structured array (n_equivariants,) with body, s1, n1, l1, s2, n2, l2.

        n counts from 0, s is the place in `species` (the channel, with `mixing`); -1 where a field has no meaning, or
        for the sum of all channels.
        """
        return self._core.feature_index()

    def equivariants(self, structures: StructureLike | Iterable[StructureLike], centres: Centres = None, *,
                     n_threads: int = 0) -> NDArray[np.float64]:
        """The features (N_centres, 2 lam + 1, n_equivariants): `transform` with its components apart."""
        rows: NDArray[np.float64] = self.transform(structures, centres, n_threads=n_threads)
        return rows.reshape(len(rows), self.n_components, self.n_equivariants)
