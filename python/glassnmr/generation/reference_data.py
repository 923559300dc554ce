# SPDX-License-Identifier: BSD-3-Clause
"""The plan behind the shipped reference data, and the program that carries it out.

    python -m glassnmr.generation.reference_data FOLDER [--jobs N] [--retry] [--assemble OUT]

makes the glasses, computes what FOLDER does not hold yet (some ten processor hours from nothing) and writes the shipped
files into OUT. Everything follows from the seeds and settings here. Melt-quench motion is chaotic, so another LAMMPS or
another kind of processor makes other glasses of the same sort; the shipped files therefore hold the very structures.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import read, write

from glassnmr.files import replacing, replacing_path
from glassnmr.generation.clusters import carve
from glassnmr.generation.crystals import CRYSTALS
from glassnmr.generation.melt_quench import sodium_silicate_glass
from glassnmr.generation.methods import assemble, generate
from glassnmr.generation.sampling import onto_glasses, sample
from glassnmr.sites import site_labels

__all__ = ["assemble_all", "cells", "clusters", "crystal_clusters", "glasses", "references"]

CELLS = {0: 18, 1: 12, 2: 14, 3: 14, 4: 10}
"""36-atom cells for field gradients: of n Na2O + (12 - n) SiO2, so many."""
CELL_STATES = ((300.0, False), (1000.0, False), (300.0, True), (300.0, False), (2000.0, False), (300.0, False))
"""Temperature (K) and whether the frame is relaxed, in turn."""
GLASSES = (0, 4, 8, 12, 16)
"""144-atom glasses for shieldings: n Na2O + (48 - n) SiO2, one of each state."""
GLASS_STATES = ((300.0, False), (1000.0, False), (300.0, True), (300.0, False), (600.0, False), (300.0, False))
CELL_RATE, GLASS_RATE = 5e13, 1e14
"""K/s of the quench."""
MORE_Q4 = 6
"""Q4 clusters that each glass gives in the end, where it has so many: those of Q3 often fail for want of a gap."""
STRIDE = 7919
"""A prime: the clusters of all glasses are computed in a mixed order, so that half a campaign is a fair sample."""
TIMEOUT = 7200.0
"""Seconds for one calculation."""
DECIMALS = {"efg": 6, "ms": 3}
"""Decimals that are shipped, of a.u. and ppm."""


def cells() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and melt-quench arguments of each 36-atom cell, compositions mixed evenly."""
    plan = sorted(((k + 0.5) / count, n, k) for n, count in CELLS.items() for k in range(count))
    for _, n, k in plan:
        temperature, relax = CELL_STATES[k % len(CELL_STATES)]
        yield f"na2o{n}-sio2{12 - n}-{k:02d}", {"n_na2o": n, "n_sio2": 12 - n, "seed": 1000 * n + k + 11,
                                                "temperature": temperature, "relax": relax, "rate": CELL_RATE}


def glasses() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and melt-quench arguments of each 144-atom glass."""
    for k, (temperature, relax) in enumerate(GLASS_STATES):
        for n in GLASSES:
            yield f"na2o{n}-sio2{48 - n}-{k:02d}", {"n_na2o": n, "n_sio2": 48 - n, "seed": 50000 + 100 * n + k,
                                                    "temperature": temperature, "relax": relax, "rate": GLASS_RATE}


def melt(plan: Iterable[tuple[str, dict[str, Any]]], folder: Path) -> list[Atoms]:
    """The structures of a plan, each made once and kept as `<name>.extxyz` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, arguments in plan:
        file = folder / f"{name}.extxyz"
        if not file.exists():
            atoms = sodium_silicate_glass(**arguments)
            atoms.info["group"] = name
            with replacing_path(file) as part:
                write(part, atoms, format="extxyz")
        frame = read(file)
        if not isinstance(frame, Atoms):
            raise ValueError(f"{file} holds more than one structure")
        made.append(frame)
    return made


def clusters(structures: Iterable[Atoms]) -> list[Atoms]:
    """Clusters of all glasses, in the order of computation; `info["glass"]` is the place of the glass."""
    made, more = [], []
    for place, glass in enumerate(structures):
        first = sample(glass, seed=place)
        q4 = sample(glass, {"Si": MORE_Q4}, seed=place, limits={"Q3": 0, "Q2": 0})
        chosen = {cluster.info["centre"] for cluster in first}
        for cluster in first + q4:
            cluster.info["glass"] = place
        made += [_as_written(cluster) for cluster in first]
        more += [_as_written(cluster) for cluster in q4 if cluster.info["centre"] not in chosen]
    order = np.argsort([k * STRIDE % len(made) for k in range(len(made))], kind="stable")
    return [made[k] for k in order] + more


def crystal_clusters() -> list[Atoms]:
    """Clusters of every site of the reference crystals, carved as those of the glasses are."""
    made = []
    for name, known in CRYSTALS.items():
        atoms = known.atoms()
        for site in known.sites:
            cluster = carve(atoms, known.centre(atoms, site.label))
            cluster.info.update(crystal=name, label=site.label)
            made.append(_as_written(cluster))
    return made


def _as_written(atoms: Atoms) -> Atoms:
    """With coordinates as a file holds them, so that shipped structures have the keys of the computed ones."""
    atoms.positions = np.round(atoms.positions, 8)
    return atoms


def references(results: Iterable[Atoms]) -> dict[str, Any]:
    """Shift references delta = a + b sigma per isotope, from the shieldings of the crystals' clusters.

    The slope is kept at -1: the crystals span too little to fit it. `a` is the mean, `rms` what is left (ppm).
    """
    points: dict[str, list[dict[str, Any]]] = {"29Si": [], "17O": []}
    for cluster in results:
        site = next(s for s in CRYSTALS[cluster.info["crystal"]].sites if s.label == cluster.info["label"])
        sigma = float(np.trace(cluster.arrays["ms"][0].reshape(3, 3)) / 3)
        points[{"Si": "29Si", "O": "17O"}[site.element]].append(
            {"crystal": cluster.info["crystal"], "site": site.label, "sigma_iso": round(sigma, 3),
             "delta_iso": site.shift})
    table: dict[str, Any] = {}
    for isotope, rows in points.items():
        sums = np.array([row["delta_iso"] + row["sigma_iso"] for row in rows])
        table[isotope] = {"a": round(float(sums.mean()), 2), "b": -1.0, "rms": round(float(sums.std()), 2),
                          "points": rows}
    return table


def assemble_all(folder: Path, out: Path) -> dict[str, int]:
    """Write the shipped files from a folder of finished campaigns; returns how many tensors went into each."""
    out.mkdir(parents=True, exist_ok=True)
    periodic = assemble(melt(cells(), folder / "cells"), "abinit-efg", folder / "efg")
    for cell in periodic:
        cell.set_array("site", site_labels(cell))
        cell.arrays["efg"][~(cell.symbols == "O")] = np.nan  # at this cutoff only oxygen has been checked
    large = melt(glasses(), folder / "glasses")
    carved = assemble(clusters(large), "pyscf-giao", folder / "shield")
    carved.sort(key=lambda c: (int(c.info["glass"]), int(c.info["centre"])))
    _ship(out / "efg-17O.extxyz.gz", periodic)
    _ship(out / "shielding.extxyz.gz", onto_glasses(large, carved))
    _ship(out / "shielding-clusters.extxyz.gz", carved)
    known = references(assemble(crystal_clusters(), "pyscf-giao", folder / "crystals"))
    sources = {name: c.source for name, c in CRYSTALS.items()}
    with replacing(out / "references.json") as file:
        json.dump({"level": carved[0].info["source"], "isotopes": known, "crystals": sources}, file, indent=1)
        file.write("\n")
    return {"cells": len(periodic), "17O field gradients": sum(int((c.symbols == "O").sum()) for c in periodic),
            "29Si shieldings": sum(c.symbols[0] == "Si" for c in carved),
            "17O shieldings": sum(c.symbols[0] == "O" for c in carved)}


def _ship(path: Path, structures: Iterable[Atoms]) -> None:
    """Compressed extended xyz, the same bytes for the same content."""
    text = io.StringIO()
    for atoms in structures:
        atoms = atoms.copy()
        for name in set(DECIMALS) & set(atoms.arrays):
            atoms.arrays[name] = np.round(atoms.arrays[name], DECIMALS[name]) + 0.0
        n, silicon = int((atoms.symbols == "Na").sum()), int((atoms.symbols == "Si").sum())
        if atoms.pbc.all():
            atoms.info["x_na2o"] = round(n / (n + 2 * silicon), 4)
        for name in ("temperature", "quench_rate"):
            if name in atoms.info:
                atoms.info[name] = float(atoms.info[name])
        write(text, atoms, format="extxyz")
    with replacing(path) as file:
        file.write(text.getvalue())


def main(arguments: list[str] | None = None) -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m glassnmr.generation.reference_data", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="holds glasses and results; made when missing")
    parser.add_argument("--jobs", type=int, default=1, help="calculations at once")
    parser.add_argument("--retry", action="store_true", help="try again what failed before")
    parser.add_argument("--assemble", type=Path, metavar="OUT", help="write the shipped files here; computes nothing")
    options = parser.parse_args(arguments)
    if options.assemble is not None:
        print(assemble_all(options.folder, options.assemble))
        return
    large = melt(glasses(), options.folder / "glasses")
    work = (("efg", "abinit-efg", melt(cells(), options.folder / "cells")),
            ("crystals", "pyscf-giao", crystal_clusters()), ("shield", "pyscf-giao", clusters(large)))
    for name, method, structures in work:
        for outcome in generate(structures, method, options.folder / name, jobs=options.jobs, retry=options.retry,
                                timeout=TIMEOUT):
            print(name, outcome.index, outcome.key, outcome.state, outcome.reason, flush=True)


if __name__ == "__main__":
    main()
