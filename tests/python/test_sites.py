# SPDX-License-Identifier: BSD-3-Clause
"""Sites by bond counting: known crystals and molecules, and the generator's own count on glasses."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from glassnmr.data import reference
from glassnmr.demo import glass
from glassnmr.generation.sampling import sites_of
from glassnmr.sites import site_labels


def test_the_labels_of_glasses_are_those_of_the_generator() -> None:
    for atoms in (*reference.load("shielding").structures[:3], glass()):
        np.testing.assert_array_equal(site_labels(atoms), sites_of(atoms))


def test_boron_and_aluminium_are_named_by_their_coordination() -> None:
    triangle = 1.37 * np.array([[1, 0, 0], [-0.5, 0.866, 0], [-0.5, -0.866, 0]])
    borate = Atoms("BO3", np.vstack([[0, 0, 0], triangle]), cell=[9, 9, 9], pbc=True)
    assert site_labels(borate).tolist() == ["B3", "NBO", "NBO", "NBO"]
    corners = 1.75 / np.sqrt(3) * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    aluminate = Atoms("AlO4", np.vstack([[0, 0, 0], corners]))
    assert site_labels(aluminate).tolist() == ["Al4", "NBO", "NBO", "NBO", "NBO"]


def test_bonds_across_the_cell_count_and_loose_oxygen_is_free() -> None:
    pair = Atoms("SiO", [[0.1, 0, 0], [8.6, 0, 0]], cell=[9, 9, 9], pbc=True)
    assert site_labels(pair).tolist() == ["Si1", "NBO"]
    pair.pbc = False
    assert site_labels(pair).tolist() == ["Si0", "FO"]
    assert site_labels(Atoms("NaO", [[0, 0, 0], [2, 0, 0]])).tolist() == ["Na", "FO"]


@pytest.mark.parametrize("shift", [0.0, 7.3])
def test_labels_do_not_depend_on_the_origin(shift: float) -> None:
    atoms = glass()
    moved = atoms.copy()
    moved.translate([shift, -shift, 2 * shift])
    np.testing.assert_array_equal(site_labels(moved), site_labels(atoms))
