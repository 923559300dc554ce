# SPDX-License-Identifier: BSD-3-Clause
"""Timing, and what there is to know about the machine."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from bench.cases import Case, Work


def cpu_model() -> str:
    """The processor's own name."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    """Commit of this checkout, with + where it was changed; empty outside one."""
    run = subprocess.run(["git", "describe", "--always", "--dirty=+", "--exclude=*"], cwd=Path(__file__).parent,
                         capture_output=True, text=True, check=False)
    return run.stdout.strip() if run.returncode == 0 else ""


def peer_versions() -> dict[str, str]:
    """Versions of the peers that are installed."""
    found = {}
    names = ("ase", "dscribe", "featomic", "mrsimulator", "numpy", "quippy-ase", "scikit-learn", "scipy", "skmatter",
             "vesin")
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine(threads: int) -> dict[str, Any]:
    """What a figure depends on beside the code."""
    import glassnmr

    return {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "cpu": cpu_model(),
            "cores": os.cpu_count(), "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
            "python": platform.python_version(), "system": platform.platform(), "threads": threads,
            "commit": commit(), "glassnmr": glassnmr.config(), "peers": peer_versions()}


def timed(work: Work) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work.call()
    times = time.perf_counter() - wall, time.process_time() - cpu
    del result
    return times


def measure(group: dict[str, Work], repeats: int, budget: float) -> dict[str, dict[str, Any]]:
    """Calls in turns, so that a busy moment hits everyone: at least two each, then until the seconds are spent."""
    for work in group.values():
        work.call()
    times: dict[str, list[tuple[float, float]]] = defaultdict(list)
    start = time.perf_counter()
    for turn in range(repeats):
        if turn >= 2 and time.perf_counter() - start > budget:
            break
        for name, work in group.items():
            times[name].append(timed(work))
    results = {}
    for name, work in group.items():
        wall, cpu = ([t[k] / work.items * 1e6 for t in times[name]] for k in (0, 1))
        results[name] = {"unit": f"us/{work.unit}", "items": work.items, "calls": len(wall), "min": min(wall),
                         "median": median(wall), "cpu_min": min(cpu), "cpu_median": median(cpu)}
    return results


def run(cases: Iterable[Case], *, tiny: bool = False, threads: int = 1, repeats: int = 7, budget: float = 20.0,
        tell: Callable[[str], None] = print) -> dict[str, dict[str, Any]]:
    """All cases, group by group; a missing peer becomes {"skipped": why}."""
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.name.split("/")[0]].append(case)
    results: dict[str, dict[str, Any]] = {}
    for members in groups.values():
        prepared: dict[str, Work] = {}
        for case in members:
            try:
                prepared[case.name] = case.prepare(tiny, threads)
            except ImportError as missing:
                if case.name.endswith("/glassnmr"):
                    raise
                results[case.name] = {"skipped": str(missing)}
                tell(f"{case.name:48s} skipped: {missing}")
        for name, result in measure(prepared, repeats, budget).items():
            results[name] = result
            tell(f"{name:48s} {result['min']:12.2f} {result['median']:12.2f}  {result['unit']}")
    return results
