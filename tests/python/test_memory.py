# SPDX-License-Identifier: BSD-3-Clause
"""Memory of large structures: rows need their array and little else, streams need next to nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

PREPARE = """
import numpy as np, ase
from glassnmr.descriptors import SphericalBesselSOAP

def status(key):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))

side = 43
grid = np.stack(np.meshgrid(*[np.arange(side)] * 3), -1).reshape(-1, 3) * 2.3
random = np.random.default_rng(0)
atoms = ase.Atoms(random.choice(["Si", "O"], side**3), grid + random.uniform(-0.3, 0.3, grid.shape),
                  cell=[2.3 * side] * 3, pbc=True)
soap = SphericalBesselSOAP(["Si", "O"], cutoff=5.0, n_max=8, l_max=4)
soap.transform(atoms[:50])
before = status("VmRSS")
"""


def _run(code: str) -> list[float]:
    done = subprocess.run([sys.executable, "-c", PREPARE + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [float(word) for word in done.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_rows_of_80_000_atoms_need_their_array_and_ten_per_cent() -> None:
    n, more, size = _run("""
rows = soap.transform(atoms)
print(len(rows), status("VmHWM") - before, rows.nbytes)
""")
    assert n == 43**3 and more <= 1.1 * size


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_stream_of_80_000_atoms_and_their_gradient_stay_below_300_mb() -> None:
    n, peak, gradient_peak = _run("""
n = 0
for _, part, rows in soap.blocks([atoms], size=512):
    n += len(part)
peak = status("VmHWM")
open("/proc/self/clear_refs", "w").write("5")
small = SphericalBesselSOAP(["Si", "O"], cutoff=5.0, n_max=2, l_max=1)
soap_rows = np.ones((len(atoms), small.n_features))
small.gradient(atoms, soap_rows)
print(n, peak, status("VmHWM") - soap_rows.nbytes)
""")
    assert n == 43**3
    assert peak < 300e6 and gradient_peak < 300e6
