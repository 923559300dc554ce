# SPDX-License-Identifier: BSD-3-Clause
"""Rows that also tell what lies around the near neighbours of a centre."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from glassnmr import _core
from glassnmr.descriptors.base import Descriptor, select_centres

if TYPE_CHECKING:
    from glassnmr.descriptors.base import Centres
    from glassnmr.structure import Structure

__all__ = ["SurroundingsDescriptor"]


class SurroundingsDescriptor(Descriptor):
    """The row of a centre, followed by the weighted sum of the rows of its near neighbours (THEORY.md eq. (6.40)).

    A cation that pulls at one oxygen of a tetrahedron is near that oxygen, and only somewhere beside the centre: the
    row of the oxygen tells it apart.

    Parameters
    ----------
    descriptor : of the centre
    around : of its neighbours, for the same species; the cutoff of the whole is at least `radius` plus this one's
    centre : the element of the centres; others have no row
    neighbours : elements whose rows are added up
    radius : R, Å; a neighbour counts (1 + cos(pi r / R)) / 2, eq. (6.41), and none beyond
    weight : factor of the sum

    Raises
    ------
    ValueError
        Different species, elements that are not among them, a radius or weight that is not positive, or a descriptor
        that is reduced, equivariant or one of surroundings itself.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from glassnmr.descriptors import SphericalBesselSOAP
    >>> soap = SphericalBesselSOAP(["Zn", "S"], 5.0, n_max=4, l_max=2)
    >>> both = SurroundingsDescriptor(soap, soap, centre="Zn", neighbours=["S"], radius=3.0)
    >>> both.transform(bulk("ZnS", "zincblende", a=5.4)).shape, both.cutoff
    ((1, 232), 8.0)
    """

    _core: _core.Surroundings

    def __init__(self, descriptor: Descriptor, around: Descriptor, *, centre: str, neighbours: Sequence[str] = ("O",),
                 radius: float = 2.5, weight: float = 1.0) -> None:
        super().__init__(descriptor.species, descriptor.cutoff)
        if around.species != descriptor.species:
            raise ValueError(f"around must have the species {', '.join(descriptor.species)} of descriptor, in their "
                             f"order, got {', '.join(around.species)}")
        self.descriptor, self.around, self.centre = descriptor, around, centre
        self.neighbours = tuple([neighbours] if isinstance(neighbours, str) else neighbours)
        self.radius, self.weight = float(radius), float(weight)
        for name, symbols in (("centre", [centre]), ("neighbours", self.neighbours)):
            unknown = [symbol for symbol in symbols if symbol not in self.species]
            if unknown:
                raise ValueError(f"{name} must be among {', '.join(self.species)}, got {unknown[0]!r}")
        self._core = _core.Surroundings(
            descriptor._core, around._core, centre=self.species.index(centre),
            neighbours=[self.species.index(symbol) for symbol in self.neighbours], radius=self.radius,
            weight=self.weight)
        self.cutoff = float(self._core.cutoff)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments, by name."""
        del deep
        names = ("descriptor", "around", "centre", "neighbours", "radius", "weight")
        return {name: getattr(self, name) for name in names}

    def feature_index(self) -> NDArray[Any]:
        """The fields of both descriptors and `around`: 0 for the centre's own features, 1 for the neighbours'.

        -1 stands where a field has no meaning.
        """
        parts = [self.descriptor.feature_index(), self.around.feature_index()]
        kinds: dict[str, Any] = {"around": np.dtype(np.int32)}
        for part in parts:
            kinds.update({name: part.dtype[name] for name in part.dtype.names or ()})
        found = np.zeros(self.n_features, dtype=list(kinds.items()))
        for name, kind in kinds.items():
            found[name] = "" if kind.kind == "U" else -1
        start = 0
        for number, part in enumerate(parts):
            here = found[start:start + len(part)]
            here["around"] = number
            for name in part.dtype.names or ():
                here[name] = part[name]
            start += len(part)
        return found

    def _chosen(self, structure: Structure, centres: Centres) -> NDArray[np.int64]:
        return select_centres(structure, self.centre if centres is None else centres)
