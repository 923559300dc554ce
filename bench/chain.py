# SPDX-License-Identifier: BSD-3-Clause
"""python -m bench.chain GLASS --types O,Si,Na: from a file of a glass to its tensors and spectra, second by second."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import ase

    from glassnmr.model import NMRModel
    from glassnmr.tensor_model import TensorModel

R = TypeVar("R")
SHIELDING_OFFSETS = {"29Si": 330.0, "17O": 290.0}
"""delta_iso = this - sigma_iso, ppm: any line does for timing."""


def models(folder: Path) -> dict[str, NMRModel | TensorModel]:
    """Models of the shipped tensors with fixed parameters, made once and kept in a folder."""
    from glassnmr import EquivariantSOAP
    from glassnmr.data import reference
    from glassnmr.descriptors import SphericalBesselSOAP
    from glassnmr.learning import LSSVR
    from glassnmr.model import NMRModel
    from glassnmr.tensor_learning import EquivariantLSSVR
    from glassnmr.tensor_model import TensorModel
    from glassnmr.tensor_training import fit_tensor_model

    species = ("O", "Si", "Na")
    shape = {"cutoff": 4.5, "n_max": 6, "l_max": 4, "sigma": 0.4}
    soap, lam2 = SphericalBesselSOAP(species, **shape), EquivariantSOAP(species, lam=2, **shape)
    whole = {2: EquivariantLSSVR(n_landmarks=250, lam=1e-4)}
    made: dict[str, Callable[[], NMRModel | TensorModel]] = {
        "29Si shielding tensors": lambda: fit_tensor_model(
            reference.load("shielding", "29Si"), soap, [lam2], whole, LSSVR(n_landmarks=500)),
        "17O shieldings": lambda: NMRModel.fit(reference.load("shielding", "17O"), soap, LSSVR(n_landmarks=500)),
        "17O field gradients": lambda: fit_tensor_model(reference.load("efg-17O", "17O"), soap, [lam2], whole)}
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, fit in made.items():
        path = folder / f"{name.replace(' ', '-')}.gnmr"
        if not path.exists():
            fit().save(path)
        found[name] = NMRModel.load(path) if name == "17O shieldings" else TensorModel.load(path)
    return found


def stages(read: Callable[[], ase.Atoms], trained: dict[str, NMRModel | TensorModel], threads: int
           ) -> tuple[dict[str, float], dict[str, int]]:
    """Seconds of each stage, and numbers of sites."""
    from glassnmr.mqmas import mqmas_spectrum
    from glassnmr.spectra import mas_spectrum

    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], R]) -> R:
        start = time.perf_counter()
        result = work()
        seconds[name] = time.perf_counter() - start
        return result

    atoms = timed("read the glass", read)
    found: dict[str, Any] = {}
    for name, model in trained.items():
        def predict(model: NMRModel | TensorModel = model) -> Any:
            return model.predict_frame(atoms, n_threads=threads).values

        found[name] = timed(f"predict {name}", predict)
    silicon, shielding, gradient = found.values()
    sites = {"delta_iso": SHIELDING_OFFSETS["29Si"] - silicon["sigma_iso"], "zeta": silicon["zeta"],
             "eta_csa": silicon["eta_csa"]}
    timed("29Si MAS, 5 kHz", lambda: mas_spectrum("29Si", field=9.4, spinning_speed=5e3, fwhm_ppm=2.0,
                                                  n_threads=threads, **sites))
    sites = {"delta_iso": SHIELDING_OFFSETS["17O"] - shielding["sigma_iso"], "C_Q": gradient["C_Q"],
             "eta": gradient["eta"]}
    timed("17O MAS, 20 kHz", lambda: mas_spectrum("17O", field=14.1, spinning_speed=2e4, fwhm_ppm=2.0,
                                                  n_threads=threads, **sites))
    timed("17O 3QMAS", lambda: mqmas_spectrum("17O", field=14.1, fwhm_ppm=2.0, n_threads=threads, **sites))
    return seconds, {"atoms": len(atoms), "29Si": len(silicon["sigma_iso"]), "17O": len(gradient["C_Q"])}


def main() -> None:
    """Print the stages, and write them with --json."""
    parser = argparse.ArgumentParser(prog="python -m bench.chain", description="A glass, its tensors, its spectra.")
    parser.add_argument("glass", help="file of a Na-Si-O glass")
    parser.add_argument("--types", default=None, help="elements of the types of a LAMMPS file, such as O,Si,Na")
    parser.add_argument("--models", type=Path, default=Path("chain-models"), help="folder that keeps the models")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(chosen.threads)
    start = time.perf_counter()
    from bench.measure import machine
    from glassnmr.io import read_frames

    imports = time.perf_counter() - start
    trained = models(chosen.models)
    seconds, counts = stages(lambda: next(iter(read_frames(chosen.glass, types=chosen.types))), trained, chosen.threads)
    seconds = {"import": imports, **seconds}
    for name, value in seconds.items():
        print(f"{name:32s} {value:8.3f} s")
    print(f"{'all':32s} {sum(seconds.values()):8.3f} s   {counts}")
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": machine(chosen.threads), "counts": counts, "seconds": seconds},
                                          indent=1) + "\n")


if __name__ == "__main__":
    main()
