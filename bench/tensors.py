# SPDX-License-Identifier: BSD-3-Clause
"""python -m bench.tensors WHAT: how well whole tensors and forces are learnt, on rows whose group was left out.

couplings FILES: C_Q and eta derived from predicted field gradients, beside both learnt as scalars in the same folds;
without files the shipped field gradients of 17O.
forces: silica melts in a rigid-ion potential, forces as vectors and as derivatives of an energy.
Every parameter is chosen inside the training part of each fold. Figures are printed and, with --json, written. Those of
shieldings are what `glassnmr validate --target tensor` tells.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import ase

    from glassnmr.dataset import Dataset
    from glassnmr.tensor_training import TensorValidation

Floats = NDArray[np.float64]
Table = dict[str, dict[str, float]]


def validated(data: Dataset, landmarks: int, folds: int, seed: int, **shape: Any) -> tuple[TensorValidation, Table]:
    """The validation of field gradients, and its table with the share of 90 % intervals that held."""
    from glassnmr.descriptors import EquivariantSOAP, SphericalBesselSOAP
    from glassnmr.tensor_learning import EquivariantLSSVR
    from glassnmr.tensor_training import validate_tensor

    species = sorted({s for atoms in data.structures for s in atoms.get_chemical_symbols()})
    shape = {"cutoff": 5.0, "n_max": 8, "l_max": 4, "sigma": 0.4, "compression": "mu1nu1", **shape}
    found = validate_tensor(data, SphericalBesselSOAP(species, **shape), [EquivariantSOAP(species, lam=2, **shape)],
                            EquivariantLSSVR(robust=1.0, n_landmarks=landmarks), n_splits=folds, seed=seed)
    table = found.errors()
    for name, held in found.coverage().items():
        table.setdefault(name, {})["share in 90 % intervals"] = held["rows"]
    return found, table


def couplings(data: Dataset, landmarks: int = 200, folds: int = 3, seed: int = 0, **shape: Any) -> Table:
    """Errors of C_Q (MHz) and eta from tensors, and of |C_Q| and eta learnt as scalars; also in % of |C_Q|'s span."""
    from glassnmr.learning import LSSVR
    from glassnmr.tensors import efg_parameters
    from glassnmr.validation import cross_validate, metrics

    found, table = validated(data, landmarks, folds, seed, **shape)
    known = efg_parameters(data.tensors["efg"], str(data.isotope[0]))
    size = np.abs(known.C_Q)
    rows = found.environments[2].X
    for name, y in (("abs_C_Q", size), ("eta", known.eta)):
        scalar = cross_validate(LSSVR(n_landmarks=800, robust=1.0), rows, y, data.group, n_splits=folds, seed=seed)
        guess = np.clip(scalar.prediction.reshape(-1), 0, 1 if name == "eta" else np.inf)
        table[f"{name}, as a scalar"] = metrics(y, guess)
    span = float(np.ptp(size))
    for name in ("abs_C_Q", "abs_C_Q, as a scalar"):
        table[name]["MAE in % of the span"] = 100 * table[name]["MAE"] / span
    table["abs_C_Q"]["span"] = span
    return table


def of_isotope(paths: Sequence[Path], isotope: str) -> Dataset:
    """Field gradients of an isotope in some files, in groups by file; the shipped ones without files."""
    from glassnmr.data.reference import load
    from glassnmr.dataset import read_dataset
    from glassnmr.isotopes import isotope as find

    if not paths:
        return load("efg-17O", isotope)
    element = find(isotope).element
    return read_dataset(list(paths), kind="efg", element=element, isotope={element: isotope})


def melts(n_atoms: int, seeds: Sequence[int], frames: int
          ) -> tuple[list[ase.Atoms], list[float], list[Floats], list[int]]:
    """Frames of silica on its way down from 3000 to 300 K, their energies (eV), forces (eV/Å) and melts."""
    from glassnmr.generation import energy_and_forces, glass_frames

    structures, owner = [], []
    for seed in seeds:
        for atoms in glass_frames({"SiO2": 1}, n_atoms, seed, frames=frames, spacing_ps=0.1, melt_ps=2.0, rate=1e15):
            structures.append(atoms)
            owner.append(seed)
    energies, forces = zip(*(energy_and_forces(atoms) for atoms in structures), strict=True)
    return structures, list(energies), list(forces), owner


def forces(n_atoms: int = 72, seeds: Sequence[int] = (1, 2, 3, 4, 5), frames: int = 3, landmarks: int = 120,
           **shape: Any) -> Table:
    """Errors (eV/Å) of forces of melts that were left out: by vectors, and by energies with forces."""
    from glassnmr.descriptors import EquivariantSOAP, SphericalBesselSOAP
    from glassnmr.forces import EnergyRegression, ForceRegression
    from glassnmr.tensor_learning import EquivariantLSSVR
    from glassnmr.validation import metrics

    structures, energies, known, owner = melts(n_atoms, seeds, frames)
    shape = {"cutoff": 5.0, "n_max": 6, "l_max": 3, "sigma": 0.4, **shape}
    invariants, vectors = SphericalBesselSOAP(["Si", "O"], **shape), EquivariantSOAP(["Si", "O"], lam=1, **shape)

    def by_vectors(lam: float, train: list[int], test: list[int]) -> list[tuple[float, Floats]]:
        model = ForceRegression(invariants, vectors, EquivariantLSSVR(lam=lam, n_landmarks=landmarks))
        model.fit([structures[i] for i in train], [known[i] for i in train])
        return [(np.nan, model.predict(structures[i])) for i in test]

    def by_energy(lam: float, train: list[int], test: list[int]) -> list[tuple[float, Floats]]:
        model = EnergyRegression(invariants, lam=lam)
        model.fit([structures[i] for i in train], [energies[i] for i in train], [known[i] for i in train])
        return [model.predict(structures[i]) for i in test]

    table: Table = {}
    truth = np.concatenate(known).reshape(-1)
    for name, way in (("forces as vectors", by_vectors), ("forces from an energy", by_energy)):
        begin = time.process_time()
        found = _nested(way, owner, known)
        guess = np.concatenate([one[1] for one in found]).reshape(-1)
        table[name] = {**metrics(truth, guess), "MAE in % of the mean size": 100 * float(
            np.abs(guess - truth).mean() / np.abs(truth).mean()), "CPU s": time.process_time() - begin}
        if name == "forces from an energy":
            n = np.array([len(atoms) for atoms in structures])
            table["energy, eV per atom"] = metrics(np.array(energies) / n, np.array([one[0] for one in found]) / n)
    return table


def _nested(way: Callable[[float, list[int], list[int]], list[tuple[float, Floats]]], owner: list[int],
            known: list[Floats], lams: Sequence[float] = (1e-6, 1e-4, 1e-2)) -> list[tuple[float, Floats]]:
    """Every frame by a model that saw no frame of its melt; the ridge is chosen on a melt of the training part."""
    found: dict[int, tuple[float, Floats]] = {}
    for left in sorted(set(owner)):
        test = [i for i, one in enumerate(owner) if one == left]
        train = [i for i, one in enumerate(owner) if one != left]
        inner = owner[train[0]]
        some, rest = [i for i in train if owner[i] == inner], [i for i in train if owner[i] != inner]

        def error(lam: float, some: list[int] = some, rest: list[int] = rest) -> float:
            pairs = zip(way(lam, rest, some), some, strict=True)
            return float(np.mean([np.abs(one[1] - known[i]).mean() for one, i in pairs]))

        found |= dict(zip(test, way(min(lams, key=error), train, test), strict=True))
    return [found[i] for i in range(len(owner))]


def told(table: Table) -> str:
    """The table as text."""
    return "\n".join(f"{name:28}" + "  ".join(f"{key} {value:.4g}" for key, value in row.items())
                     for name, row in table.items())


def main() -> None:
    """Read the options, measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.tensors", description=__doc__)
    parser.add_argument("what", choices=["couplings", "forces"])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--isotope", default="17O", help="of couplings [default: 17O]")
    parser.add_argument("--landmarks", type=int, help="environments, at most")
    parser.add_argument("--folds", type=int, help="of couplings [default: 3]")
    parser.add_argument("--seed", type=int, default=0, help="of the folds")
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    given = {"landmarks": chosen.landmarks, "folds": chosen.folds}
    options: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    begin = time.process_time()
    if chosen.what == "couplings":
        table = couplings(of_isotope(chosen.files, chosen.isotope), seed=chosen.seed, **options)
    else:
        options.pop("folds", None)
        table = forces(**options)
    print(told(table))
    print(f"{time.process_time() - begin:.0f} s of processor time")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps({"what": chosen.what, **{k: str(v) for k, v in vars(chosen).items()},
                                           "table": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
