# SPDX-License-Identifier: BSD-3-Clause
"""Every instruction level computes the same, and a level that cannot run is refused when the package is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import glassnmr

COMPUTE = """
import sys
import ase, numpy as np
from glassnmr import _core
from glassnmr.descriptors import BehlerParrinello, ChebyshevARDF, SphericalBesselSOAP
from glassnmr.learning import LSSVR

random = np.random.default_rng(11)
atoms = ase.Atoms("Si20O40", positions=random.uniform(0, 11, (60, 3)), cell=[11, 11, 11], pbc=True)
for step in range(200):  # pushes atoms apart that lie closer than 1 Å
    vectors = atoms.get_all_distances(mic=True, vector=True)
    d = np.linalg.norm(vectors, axis=-1) + 10 * np.eye(60)
    push = np.where((d < 1.2)[..., None], -0.5 * vectors / d[..., None], 0).sum(1)
    atoms.positions += push
soap = SphericalBesselSOAP(["Si", "O"], cutoff=5.0)
rows = soap.transform(atoms)
pulled = soap.gradient(atoms, np.cos(np.arange(rows.size)).reshape(rows.shape))
others = {}
for kind in (BehlerParrinello(["Si", "O"], 5.0, g5=1), ChebyshevARDF(["Si", "O"], 5.0)):
    others[kind._core.name] = kind.transform(atoms)
    weights = np.cos(np.arange(others[kind._core.name].size)).reshape(-1, kind.n_features)
    others[kind._core.name + " gradient"] = kind.gradient(atoms, weights).positions
X = random.normal(size=(120, 30))
y = np.sin(X[:, 0]) + X[:, 1] ** 2
model = LSSVR(kappa=0.02, lam=1e-6, n_landmarks=50, landmarks="icd").fit(X, y)
np.savez(sys.argv[1], level=_core.config()["level"], coefficients=soap.coefficients(atoms), rows=rows,
         gradient=pulled.positions, strain=pulled.strain, **others,
         landmarks=model.landmark_indices_, prediction=model.predict(X))
"""


def _run(code: str, level: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GLASSNMR_LEVEL": level}
    return subprocess.run([sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True,
                          check=False)


def test_levels_agree_to_1e12(tmp_path: Path) -> None:
    results = {}
    for level in glassnmr.config()["levels"]:
        path = tmp_path / f"{level}.npz"
        run = _run(COMPUTE, level, str(path))
        assert run.returncode == 0, run.stderr
        results[level] = np.load(path)
        assert str(results[level]["level"]) == level
    first = next(iter(results.values()))
    for level, result in results.items():
        for name in (*("coefficients", "rows", "gradient", "strain"), *(f"{kind}{what}" for kind in
                     ("behler-parrinello", "chebyshev-ardf") for what in ("", " gradient"))):
            np.testing.assert_allclose(result[name], first[name], rtol=1e-12,
                                       atol=1e-12 * np.abs(first[name]).max(), err_msg=f"{name} at {level}")
        np.testing.assert_array_equal(result["landmarks"], first["landmarks"])
        # the ridge amplifies rounding by the condition of its kernel
        np.testing.assert_allclose(result["prediction"], first["prediction"], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("level", ["x86-64-v9", "avx2", "X86_64", "baseline or better", "-1"])
def test_unknown_level_is_an_import_error_of_one_line(level: str) -> None:
    code = "try:\n    import glassnmr\nexcept ImportError as e:\n    print(e)\nelse:\n    print('imported')"
    run = _run(code, level)
    assert run.returncode == 0, run.stderr
    message = run.stdout.strip()
    assert message.count("\n") == 0
    assert "GLASSNMR_LEVEL" in message and message.endswith(f"got {level}")
    assert all(known in message for known in glassnmr.config()["levels"])
