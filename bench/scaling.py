# SPDX-License-Identifier: BSD-3-Clause
"""python -m bench.scaling: time of a prediction per atom, and memory above its input, from 10^3 to 10^6 atoms."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
CHILD = "from bench.scaling import measure; measure({n}, {threads})"


def model(seed: int = 0) -> Any:
    """A model of oxygen in silica with 500 landmarks; weights do not matter for time and memory."""
    import numpy as np

    from bench import systems
    from glassnmr import NMRModel, _core
    from glassnmr.descriptors import SphericalBesselSOAP

    soap = SphericalBesselSOAP(("O", "Si"), cutoff=5.0, n_max=8, l_max=4)
    landmarks = soap.transform(systems.silica(1000), "O")[:500].copy()
    weights = np.random.default_rng(seed).normal(size=(len(landmarks), 1))
    return NMRModel(_core.Model(descriptor=soap._core, species=["O", "Si"], isotope="17O", centre="O",
                                kernel=_core.Kernel("gaussian", kappa=1.0), landmarks=landmarks, weights=weights,
                                bias=np.zeros(1), targets=["sigma_iso"], units=["ppm"], reference=None, provenance=""))


def status(key: str) -> int:
    """Bytes of an entry of /proc/self/status."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def measure(n: int, threads: int) -> None:
    """Print atoms, seconds and bytes above the input of one prediction, in a process of its own."""
    import time

    from bench import systems

    known, atoms = model(), systems.silica(n)
    known.predict_frame(systems.silica(200), n_threads=threads)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts here
    before, start = status("VmRSS"), time.perf_counter()
    known.predict_frame(atoms, n_threads=threads)
    seconds = time.perf_counter() - start
    print(json.dumps({"atoms": len(atoms), "seconds": seconds, "us_per_atom": 1e6 * seconds / len(atoms),
                      "megabytes": (status("VmHWM") - before) / 1e6}))


def draw(results: list[dict[str, float]], path: Path) -> None:
    """Time per atom and memory against the number of atoms."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 2.8), dpi=200, layout="constrained")
    left, right = figure.subplots(1, 2)
    atoms = [one["atoms"] for one in results]
    left.semilogx(atoms, [one["us_per_atom"] for one in results], "o-", color="#1f4e79")
    left.set(xlabel="atoms", ylabel="time / µs an atom")
    left.set_ylim(0, 1.15 * left.get_ylim()[1])
    right.loglog(atoms, [one["megabytes"] for one in results], "o-", color="#1f4e79")
    right.axhline(500, color="#8c8c8c", linewidth=0.8)
    right.annotate("0.5 GB", (atoms[0], 500), xytext=(0, -2), textcoords="offset points", va="top", color="#8c8c8c")
    right.set(xlabel="atoms", ylabel="memory above the input / MB")
    figure.savefig(path)


def main() -> None:
    """Each size in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description="Time and memory against size.")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--plot", type=Path, help="draw it here")
    chosen = parser.parse_args()
    results = []
    for n in chosen.sizes:
        done = subprocess.run([sys.executable, "-c", CHILD.format(n=n, threads=chosen.threads)], capture_output=True,
                              text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{n} atoms: {done.stderr.strip().splitlines()[-1]}")
        results.append(json.loads(done.stdout))
        line = "{atoms:9d} atoms  {seconds:8.3f} s  {us_per_atom:7.2f} us/atom  {megabytes:7.1f} MB"
        print(line.format(**results[-1]), flush=True)
    if chosen.json:
        from bench.measure import machine

        chosen.json.write_text(json.dumps({"machine": machine(chosen.threads), "results": results}, indent=1) + "\n")
    if chosen.plot:
        draw(results, chosen.plot)


if __name__ == "__main__":
    main()
