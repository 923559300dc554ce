# SPDX-License-Identifier: BSD-3-Clause
"""Descriptors of atomic environments: from structures to feature rows, and from derivatives by rows back to atoms."""

from __future__ import annotations

from typing import Any

from glassnmr.descriptors.base import Descriptor, Gradient, neighbours, select_centres
from glassnmr.descriptors.equivariants import EquivariantSOAP
from glassnmr.descriptors.reduced import ReducedDescriptor, reduce_descriptor
from glassnmr.descriptors.soap import SphericalBesselSOAP, former_mixing, valence_mixing
from glassnmr.descriptors.surroundings import SurroundingsDescriptor
from glassnmr.descriptors.triplets import BehlerParrinello, ChebyshevARDF

__all__ = ["BehlerParrinello", "ChebyshevARDF", "Descriptor", "EquivariantSOAP", "Gradient", "ReducedDescriptor",
           "SphericalBesselSOAP", "SurroundingsDescriptor", "former_mixing", "from_core", "neighbours",
           "reduce_descriptor", "select_centres", "valence_mixing"]

KINDS: dict[str, type[Descriptor]] = {"spherical-bessel-soap": SphericalBesselSOAP,
                                      "behler-parrinello": BehlerParrinello, "chebyshev-ardf": ChebyshevARDF,
                                      "equivariant-soap": EquivariantSOAP}
"""Classes by the names that model files use."""


def from_core(core: Any, species: list[str]) -> Descriptor:
    """The descriptor of a model file."""
    if core.name == "reduced":
        return ReducedDescriptor(from_core(core.inner, species), **core.settings)
    if core.name == "surroundings":
        settings = core.settings
        elements = {"centre": species[settings["centre"]], "neighbours": [species[s] for s in settings["neighbours"]]}
        return SurroundingsDescriptor(from_core(core.own, species), from_core(core.around, species),
                                      **{**settings, **elements})
    return KINDS[core.name](species, **core.settings)
