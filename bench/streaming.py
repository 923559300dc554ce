# SPDX-License-Identifier: BSD-3-Clause
"""python -m bench.streaming: a long LAMMPS dump of silica read frame by frame, time and peak memory beside ASE's."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

CHILD = "from bench.streaming import measure; measure({reader!r}, {path!r}, {limit})"
PEERS = ("ase", "MDAnalysis")


def write(path: Path, atoms: int, size: float) -> tuple[int, int]:
    """Frames of about so many atoms until the file has `size` bytes; how many frames and atoms they are."""
    import numpy as np

    from bench import systems

    model = systems.silica(atoms)
    random = np.random.default_rng(0)
    side = "".join(f"0 {length:.6f}\n" for length in model.cell.lengths())
    head = f"ITEM: TIMESTEP\n{{}}\nITEM: NUMBER OF ATOMS\n{len(model)}\nITEM: BOX BOUNDS pp pp pp\n{side}"
    rows = [f"{k + 1} {symbol} " for k, symbol in enumerate(model.symbols)]
    frames = 0
    with path.open("w") as file:
        while file.tell() < size:
            places = model.positions + random.normal(0, 0.05, model.positions.shape)
            numbers = ("%.6f %.6f %.6f\n" * len(model) % tuple(places.ravel())).splitlines(keepends=True)
            file.write(head.format(100 * frames) + "ITEM: ATOMS id element x y z\n")
            file.writelines(row + text for row, text in zip(rows, numbers, strict=True))
            frames += 1
    return frames, len(model)


def _reader(name: str) -> Callable[[str, int], Iterable[Any]]:
    """A function of path and number of frames; what it needs is imported."""
    if name == "glassnmr":
        from glassnmr.io import read_frames

        return lambda path, _: read_frames(path)
    if name == "ase":
        from ase.io import iread

        return lambda path, limit: iread(path, format="lammps-dump-text", index=f":{limit}")
    import MDAnalysis

    kind = "LAMMPSDUMP"
    return lambda path, _: MDAnalysis.Universe(path, format=kind, topology_format=kind).trajectory


def measure(reader: str, path: str, limit: int) -> None:
    """Print frames, seconds and peak memory of reading a file, `limit` frames if not 0, in a process of its own."""
    import time

    from bench.scaling import status

    frames, seen = _reader(reader), 0
    start = time.perf_counter()
    for _ in frames(path, limit):
        seen += 1
        if seen == limit:
            break
    print(json.dumps({"frames": seen, "seconds": time.perf_counter() - start, "peak_MB": status("VmHWM") / 1e6}))


def main() -> None:
    """Write the dump, read it with each reader."""
    parser = argparse.ArgumentParser(prog="python -m bench.streaming", description="A long dump, frame by frame.")
    parser.add_argument("--gigabytes", type=float, default=2.0, help="size of the dump")
    parser.add_argument("--atoms", type=int, default=20_000, help="about so many in a frame")
    parser.add_argument("--peers", type=int, metavar="N", default=20, help="frames that peers read; 0: no peers")
    parser.add_argument("--folder", type=Path, help="for the dump, which is removed afterwards")
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        path = Path(folder) / "long.lammpstrj"
        frames, atoms = write(path, chosen.atoms, chosen.gigabytes * 1e9)
        size = path.stat().st_size
        print(f"{size / 1e9:.2f} GB, {frames} frames of {atoms} atoms", flush=True)
        for reader, limit in [("glassnmr", 0), *((peer, chosen.peers) for peer in PEERS if chosen.peers)]:
            code = CHILD.format(reader=reader, path=str(path), limit=limit)
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
            if done.returncode:
                results[reader] = {"skipped": done.stderr.strip().splitlines()[-1]}
                print(f"{reader:10s} {results[reader]['skipped']}")
                continue
            one = json.loads(done.stdout)
            one["us_per_atom"] = 1e6 * one["seconds"] / one["frames"] / atoms
            results[reader] = one
            print("{:10s} {frames:6d} frames  {seconds:7.2f} s  {us_per_atom:6.3f} us/atom  peak {peak_MB:6.0f} MB"
                  .format(reader, **one), flush=True)
    if "skipped" in results["glassnmr"]:
        raise SystemExit(f"glassnmr cannot read it: {results['glassnmr']['skipped']}")
    if chosen.json:
        from bench.measure import machine

        dump = {"bytes": size, "frames": frames, "atoms": atoms}
        chosen.json.write_text(json.dumps({"machine": machine(1), "dump": dump, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
