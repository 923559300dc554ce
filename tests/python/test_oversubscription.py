# SPDX-License-Identifier: BSD-3-Clause
"""Threads of the core beside those of NumPy, scikit-learn, joblib and Dask: who is told to take fewer takes fewer."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import glassnmr

COUNT = """
import os, threading, time, numpy as np, glassnmr
from ase import Atoms
from glassnmr.descriptors import SphericalBesselSOAP
side = 14
grid = np.stack(np.meshgrid(*[np.arange(side)] * 3), -1).reshape(-1, 3) * 2.3
atoms = Atoms(np.random.default_rng(0).choice(["Si", "O"], side**3), grid, cell=[2.3 * side] * 3, pbc=True)
soap = SphericalBesselSOAP(["Si", "O"], cutoff=5.0)
most, over = 0, False
def watch():
    global most
    while not over:
        most = max(most, len(os.listdir("/proc/self/task")))
        time.sleep(0.0005)
seen = threading.Thread(target=watch)
idle = len(os.listdir("/proc/self/task"))
seen.start()
{work}
over = True
seen.join()
print(most - idle - 1)
"""


def threads_more(work: str, **environment: str) -> int:
    """How many threads more than before (the watcher left out) some work had at its most."""
    code = COUNT.format(work=work)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                          env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment})
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@linux
@pytest.mark.parametrize(("limit", "asked", "wanted"), [("1", 0, 0), ("3", 0, 2), ("1", 4, 3)])
def test_a_call_takes_the_threads_that_it_is_given(limit: str, asked: int, wanted: int) -> None:
    assert threads_more(f"soap.transform(atoms, n_threads={asked})", OMP_NUM_THREADS=limit) == wanted


@linux
def test_calls_one_after_the_other_keep_to_the_same_threads() -> None:
    work = "for _ in range(3): soap.transform(atoms, n_threads=3); np.ones((500, 500)) @ np.ones((500, 500))"
    assert threads_more(work, OMP_NUM_THREADS="1") == 2


def test_threadpoolctl_holds_the_core_back() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed")
    if not glassnmr.config()["openmp"]:
        pytest.skip("this build has no OpenMP")
    with threadpoolctl.threadpool_limits(1):
        assert glassnmr.config()["threads"] == 1
    with threadpoolctl.threadpool_limits(3):
        assert glassnmr.config()["threads"] == 3


def test_workers_of_joblib_share_the_machine() -> None:
    joblib = pytest.importorskip("joblib", reason="joblib is not installed")
    jobs = 2
    share = max(1, joblib.cpu_count() // jobs)
    code = f"""
import glassnmr, joblib
told = joblib.Parallel(n_jobs={jobs})(joblib.delayed(glassnmr.config)() for _ in range(4))
print(*sorted({{one["threads"] for one in told}}))
"""
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(share)
