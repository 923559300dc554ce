# SPDX-License-Identifier: BSD-3-Clause
"""A process that has used threads may fork: GNU's OpenMP runtime hangs in the child unless the library prepares."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import glassnmr

CODE = """
import multiprocessing, sys
import numpy as np
from glassnmr import _core

random = np.random.default_rng(0)
positions, cell = random.permutation(8000).reshape(-1, 1) // [1, 20, 400] % 20 * 2.0, np.eye(3) * 40.0

def pairs(_):
    return len(_core.neighbours(positions, cell, [True] * 3, cutoff=4.1, n_threads=3)[1])

if __name__ == "__main__":
    here = pairs(0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        there = pool.map_async(pairs, range(4)).get(100)
    assert there == [here] * 4, (here, there)
    assert pairs(0) == here  # the parent's threads come back
    print("pairs", here)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_fork_after_a_parallel_region_does_not_hang() -> None:
    if not glassnmr.config()["openmp"]:
        pytest.skip("built without OpenMP")
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", CODE], capture_output=True, text=True, timeout=200,
                         check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout.split()[1]) > 8000
