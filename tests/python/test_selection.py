# SPDX-License-Identifier: BSD-3-Clause
"""Conditions on atoms: what they choose, and that nothing else than a comparison is understood."""

from __future__ import annotations

import ase
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnmr.selection import Selection


@pytest.mark.parametrize(
    ("where", "atoms"),
    [
        ("label == 1", [0, 2, 3]),
        ("label==1 and index != 2", [0, 3]),
        ("label != 0", [0, 1, 2, 3]),
        ("label in (1, 2) and index >= 1 and index < 3", [1, 2]),
        ("element == Si and label <= 1", [0, 2, 3]),
        ("element == 'Si' and label > 1", [1]),
        ("index in (3)", [3]),
        ('group == "007" and index < 2', [0, 1]),
        ("group == other", []),
        ("element in (Si, Na)", [0, 1, 2, 3]),
        ("label == 1e0", [0, 2, 3]),
    ],
)
def test_conditions_choose_atoms(small_glass: ase.Atoms, where: str, atoms: list[int]) -> None:
    assert np.flatnonzero(Selection(where).mask(small_glass)).tolist() == atoms


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("", "where is empty"),
        ("label", "expected 'name == value'"),
        ("label = 1", "cannot read '= 1'"),
        ("label == 1 or label == 2", "joined by 'and', got 'or'"),
        ("label == 1 and", "expected 'name == value'"),
        ("label == one", "label holds numbers, got 'one'"),
        ("element > Si", "> compares numbers, got 'Si'"),
        ("element > 3", "which > cannot order"),
        ("colour == 1", "there is no 'colour' of here, known are element, index, label, group"),
        ("ms == 1", "ms has .* values an atom"),
        ("label == nan", "nan has no meaning"),
        ("label in 1, 2", "followed by a list"),
        ("label in (1, 2", "does not end"),
        ("label in (1 2)", "does not end"),
        ("(label == 1)", "must begin with a name"),
        ("label is 1", "'is' is none of"),
        ("label == (", "expected a number or a word"),
        ("__import__('os').system('true') == 1", "none of|cannot read"),
    ],
)
def test_a_condition_that_cannot_be_understood_is_refused(small_glass: ase.Atoms, where: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Selection(where).mask(small_glass, "here")


@given(st.text(max_size=30))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    atoms = ase.Atoms("SiO", positions=[[0, 0, 0], [0, 0, 2]])
    message = ""
    try:
        assert Selection(text).mask(atoms).shape == (2,)
    except ValueError as error:
        message = str(error)
    assert message.startswith("where") or not message
