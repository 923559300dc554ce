# SPDX-License-Identifier: BSD-3-Clause
"""Which atoms of a glass become clusters, and how the tensors of clusters come back onto the glass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from ase import Atoms

from glassnmr.generation.clusters import CannotCarve, carve
from glassnmr.sites import site_labels

__all__ = ["COUNTS", "CUTOFFS", "LIMITS", "SITES", "onto_glasses", "sample"]

SITES = {"Si": ("Q4", "Q3", "Q2"), "O": ("BO", "NBO")}
"""The kinds of site that are carved, taken in turn."""
COUNTS = {"Si": 5, "O": 4}
"""Clusters of each element from one glass."""
LIMITS = {"Q2": 1}
"""The most of one kind from one glass."""
CUTOFFS = {"Si": 3.2, "O": 2.85}
"""Shortest `valid_cutoff` (Å) of a cluster worth computing."""


def sample(atoms: Atoms, counts: Mapping[str, int] = COUNTS, *, seed: int = 0, limits: Mapping[str, int] = LIMITS,
           cutoffs: Mapping[str, float] = CUTOFFS) -> list[Atoms]:
    """Clusters around some atoms of a glass, the kinds of site (Q4, Q3, Q2; BO, NBO) taken in turn, at random within.

    Parameters
    ----------
    counts : how many of each element
    limits : the most of one kind of site
    cutoffs : shortest `valid_cutoff`, Å, by element; clusters that see less of the glass are passed over

    `info` of each cluster carries `centre` (its index in `atoms`) and the `group` and `temperature` of the glass.
    """
    unknown = sorted(set(counts) - set(SITES))
    if unknown:
        raise ValueError(f"clusters are carved around {' or '.join(SITES)}, not {', '.join(unknown)}")
    found: dict[str, list[Atoms]] = {}
    for centre in np.random.default_rng(seed).permutation(len(atoms)):
        element = atoms.symbols[centre]
        if element not in counts:
            continue
        try:
            cluster = carve(atoms, int(centre))
        except CannotCarve:
            continue
        if cluster.info["valid_cutoff"] >= cutoffs.get(element, 0.0):
            cluster.info.update(centre=int(centre),
                                **{k: atoms.info[k] for k in ("group", "temperature") if k in atoms.info})
            found.setdefault(cluster.info["site"], []).append(cluster)
    return [cluster for element, count in counts.items()
            for cluster in _in_turn([found.get(s, [])[:limits.get(s)] for s in SITES[element]], count)]


def _in_turn(pools: Sequence[Sequence[Atoms]], count: int) -> list[Atoms]:
    longest = max((len(pool) for pool in pools), default=0)
    return [pool[k] for k in range(longest) for pool in pools if k < len(pool)][:count]


def onto_glasses(glasses: Sequence[Atoms], clusters: Iterable[Atoms]) -> list[Atoms]:
    """The glasses with the tensors of their clusters, so that a descriptor sees what the atom sees in the glass.

    `clusters` are results whose `info` says of which glass (`glass`, its place in the list) and atom (`centre`) they
    are. Arrays: `ms` (N, 9), ppm, NaN where nothing was computed; `label` 1 where it was, else 0; `valid_cutoff`, Å,
    NaN; `site`. Glasses without a cluster are left out.
    """
    labelled: dict[int, Atoms] = {}
    for cluster in clusters:
        place, centre = int(cluster.info["glass"]), int(cluster.info["centre"])
        glass = labelled.setdefault(place, _blank(glasses[place]))
        if glass.symbols[centre] != cluster.symbols[0]:
            raise ValueError(f"atom {centre} of glass {place} is {glass.symbols[centre]}, not {cluster.symbols[0]}")
        glass.arrays["ms"][centre] = cluster.arrays["ms"][0]
        glass.arrays["label"][centre] = 1
        glass.arrays["valid_cutoff"][centre] = cluster.info["valid_cutoff"]
        glass.info["source"] = cluster.info["source"]
    return [labelled[place] for place in sorted(labelled)]


def _blank(glass: Atoms) -> Atoms:
    result: Atoms = glass.copy()
    result.calc = None
    result.set_array("ms", np.full((len(glass), 9), np.nan))
    result.set_array("label", np.zeros(len(glass), dtype=int))
    result.set_array("valid_cutoff", np.full(len(glass), np.nan))
    result.set_array("site", site_labels(glass))
    return result
