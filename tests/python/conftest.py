# SPDX-License-Identifier: BSD-3-Clause
"""What the tests share: the folder of development data, and a small periodic glass made from a seed."""

from __future__ import annotations

import os
from pathlib import Path

import ase
import numpy as np
import pytest


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Development data that is not part of the project; tests that need it are skipped where it is absent."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("GLASSNMR_DATA", beside))
    if not (folder / "README.md").is_file():
        pytest.skip(f"no development data: set GLASSNMR_DATA (looked in {folder})")
    return folder


@pytest.fixture
def small_glass() -> ase.Atoms:
    """Twelve atoms in a triclinic box, some outside it, with a shielding, a label and a gradient on the silicons."""
    random = np.random.default_rng(7)
    cell = np.array([[7.0, 0.0, 0.0], [1.5, 6.5, 0.0], [-1.0, 0.7, 7.5]])
    atoms = ase.Atoms("Si4O8", positions=random.uniform(-1, 2, (12, 3)) @ cell, cell=cell, pbc=True)
    atoms.set_array("ms", np.full((12, 9), np.nan))
    atoms.arrays["ms"][:4] = random.normal(430, 10, (4, 9))
    gradient = random.normal(size=(12, 3, 3))
    gradient = gradient + np.swapaxes(gradient, 1, 2)
    gradient -= np.trace(gradient, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3)
    atoms.set_array("efg", gradient.reshape(12, 9))
    atoms.set_array("label", np.array([1, 2, 1, 1] + [0] * 8))
    atoms.info["group"] = "007"
    return atoms
