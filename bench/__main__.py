# SPDX-License-Identifier: BSD-3-Clause
"""python -m bench [part of a name ...] [--json FILE] | python -m bench --compare OLD NEW, from the project's folder."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Times beside those of the peers.")
    parser.add_argument("names", nargs="*", help="cases whose name holds one of these; all without any")
    parser.add_argument("--json", type=Path, help="write results here, e.g. bench/results/<date>-<cpu>.json")
    parser.add_argument("--threads", type=int, default=1, help="threads of everyone (default: 1)")
    parser.add_argument("--repeats", type=int, default=7, help="calls of each case at most (default: 7)")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds after which a group stops (default: 20)")
    parser.add_argument("--tiny", action="store_true", help="tiny inputs: does every case still run?")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--compare", nargs=2, metavar=("OLD", "NEW"), type=Path, help="two result files side by side")
    return parser.parse_args()


def main() -> None:
    """Run, list or compare."""
    chosen = arguments()
    for name in ("OMP", "OPENBLAS", "MKL", "RAYON", "NUMEXPR"):  # before the libraries are loaded
        os.environ[f"{name}_NUM_THREADS"] = str(chosen.threads)
    if chosen.compare:
        from bench.compare import differences

        print("\n".join(differences(*(json.loads(path.read_text()) for path in chosen.compare))))
        return

    from bench.cases import CASES
    from bench.measure import machine, run

    cases = [c for name, c in CASES.items() if not chosen.names or any(part in name for part in chosen.names)]
    if not cases:
        raise SystemExit(f"no case has {' or '.join(chosen.names)} in its name; --list shows them")
    if chosen.list:
        print("\n".join(c.name for c in cases))
        return
    about = machine(chosen.threads)
    print(f"{about['cpu']}, level {about['glassnmr']['level']}, {chosen.threads} thread(s), load {about['load']:.1f}")
    print(f"{'':48s} {'min':>12s} {'median':>12s}")
    results = run(cases, tiny=chosen.tiny, threads=chosen.threads, repeats=chosen.repeats, budget=chosen.budget)
    if chosen.json:
        text = json.dumps({"machine": about, "tiny": chosen.tiny, "results": results}, indent=1)
        temporary = chosen.json.with_name(chosen.json.name + ".part")
        temporary.write_text(text + "\n")
        os.replace(temporary, chosen.json)


if __name__ == "__main__":
    main()
