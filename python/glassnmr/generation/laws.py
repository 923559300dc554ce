# SPDX-License-Identifier: BSD-3-Clause
"""How shipped tensors follow the structure; ``python -m glassnmr.generation.laws`` prints the figures of the data page.

Known laws: |C_Q|(17O) of a bridging oxygen grows and its asymmetry falls as Si-O-Si opens; sigma_iso(29Si) rises by 0.5
to 0.8 ppm per degree of the mean Si-O-Si angle; each non-bridging oxygen lowers it by about 10 ppm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from glassnmr.generation.clusters import BOND
from glassnmr.table import Dataset

__all__ = ["Law", "fit", "geometry", "report"]


class Law(NamedTuple):
    """value = constant + angle_slope * angle + length_slope * length: slopes per degree and per Å, what is left (rms),
    and the correlation of the value with the angle alone."""

    angle_slope: float
    length_slope: float
    rms: float
    correlation: float


def geometry(atoms: Atoms) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Si-O-Si angle (degrees) and Si-O length (Å) at every atom: of a bridging O its own, of a Si the mean over its
    bridges and its bonds. NaN where there is none."""
    i, j, vector = neighbor_list("ijD", atoms, {("Si", "O"): BOND})
    length = np.linalg.norm(vector, axis=1)
    bonds = np.bincount(i, minlength=len(atoms))
    lengths = np.bincount(i, length, len(atoms)) / np.where(bonds, bonds, np.nan)
    angles = np.full(len(atoms), np.nan)
    for oxygen in np.flatnonzero((atoms.symbols == "O") & (bonds == 2)):
        u, v = (vector[k] / length[k] for k in np.flatnonzero(i == oxygen))
        angles[oxygen] = np.degrees(np.arccos(np.clip(u @ v, -1, 1)))
    for silicon in np.flatnonzero(atoms.symbols == "Si"):
        bridges = angles[j[i == silicon]]
        if np.isfinite(bridges).any():
            angles[silicon] = np.nanmean(bridges)
    return angles, lengths


def fit(values: NDArray[np.float64], angles: NDArray[np.float64], lengths: NDArray[np.float64]) -> Law:
    """The least-squares law of some values."""
    design = np.stack([np.ones_like(angles), angles, lengths], axis=1)
    slopes = np.linalg.lstsq(design, values, rcond=None)[0]
    rest = values - design @ slopes
    return Law(float(slopes[1]), float(slopes[2]), float(np.std(rest)), float(np.corrcoef(values, angles)[0, 1]))


def table(dataset: Dataset) -> dict[str, NDArray[np.generic]]:
    """Site, Si-O-Si angle and Si-O length of every row."""
    shapes = [geometry(atoms) for atoms in dataset.structures]
    pairs = list(zip(dataset.structure.tolist(), dataset.centre.tolist(), strict=True))
    return {"site": np.array([dataset.structures[s].arrays["site"][c] for s, c in pairs]),
            "angle": np.array([shapes[s][0][c] for s, c in pairs]),
            "length": np.array([shapes[s][1][c] for s, c in pairs])}


def report() -> str:
    """The figures of the data page as text."""
    from glassnmr.data import reference

    lines = []
    for name, isotope, target in (("efg-17O", "17O", "abs_C_Q"), ("efg-17O", "17O", "eta"),
                                  ("shielding", "29Si", "sigma_iso"), ("shielding", "17O", "sigma_iso")):
        rows = reference.load(name, isotope)
        values, known = rows.target(target), table(rows)
        lines.append(f"{isotope} {target}: {len(rows)} tensors, {len(set(rows.group.tolist()))} glasses")
        for site in sorted(set(known["site"].tolist()), reverse=True):
            here = known["site"] == site
            line = f"  {site:4s}{here.sum():5d}   mean {values[here].mean():8.3f}   std {values[here].std():6.3f}"
            bridged = here & np.isfinite(known["angle"].astype(float))
            if bridged.sum() > 10:
                law = fit(values[bridged], known["angle"][bridged], known["length"][bridged])
                line += (f"   {law.angle_slope:+.4f} per degree, {law.length_slope:+.1f} per Å, rms {law.rms:.3f}, "
                         f"r {law.correlation:+.2f}")
            lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
