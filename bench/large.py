# SPDX-License-Identifier: BSD-3-Clause
"""python -m bench.large: a fit as large as one machine bears, once, with time and peak memory (100 000 rows of 1 500
features and 4 000 landmarks by default, about 6 GB)."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.large", description="One large fit.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--features", type=int, default=1_500)
    parser.add_argument("--landmarks", type=int, default=4_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the result here, e.g. bench/results/<date>-large.json")
    chosen = parser.parse_args()

    from bench import systems
    from bench.measure import machine
    from glassnmr.learning import LSSVR

    about = machine(chosen.threads)
    X, y = systems.table(chosen.rows, chosen.features)
    model = LSSVR(kappa=0.05, lam=1e-6, n_landmarks=chosen.landmarks, n_threads=chosen.threads)
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(X, y)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
    score = model.score(X[:2000], y[:2000])
    print(f"{chosen.rows} rows of {chosen.features} features, {len(model.landmark_indices_)} landmarks: {wall:.1f} s, "
          f"{cpu:.1f} s CPU, peak {peak:.2f} GiB, R2 {score:.4f}")
    if chosen.json:
        result = {"rows": chosen.rows, "features": chosen.features, "landmarks": len(model.landmark_indices_),
                  "wall": wall, "cpu": cpu, "peak_GiB": peak, "R2": score}
        chosen.json.write_text(json.dumps({"machine": about, "result": result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
