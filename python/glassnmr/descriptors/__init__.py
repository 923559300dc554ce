# SPDX-License-Identifier: BSD-3-Clause
"""Descriptors of atomic environments: from structures to feature rows, and from derivatives by rows back to atoms."""

from __future__ import annotations

from typing import Any

from glassnmr.descriptors.base import Descriptor, Gradient, neighbours, select_centres
from glassnmr.descriptors.soap import SphericalBesselSOAP, former_mixing

__all__ = ["Descriptor", "Gradient", "SphericalBesselSOAP", "former_mixing", "from_core", "neighbours",
           "select_centres"]

KINDS: dict[str, type[Descriptor]] = {"spherical-bessel-soap": SphericalBesselSOAP}
"""Classes by the names that model files use."""


def from_core(core: Any, species: list[str]) -> Descriptor:
    """The descriptor of a model file."""
    return KINDS[core.name](species, **core.settings)
