# SPDX-License-Identifier: BSD-3-Clause
"""Sites by bond counting: known crystals and molecules, a plain count with ASE's neighbour list, measured glasses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from ase.spacegroup import crystal

from glassnmr.data import reference
from glassnmr.demo import glass
from glassnmr.generation.crystals import CRYSTALS
from glassnmr.io import read_frames
from glassnmr.sites import BONDS, KINDS, MODIFIERS, is_kind, site_fractions, site_labels


def plain_labels(atoms: Atoms, kind: str) -> list[str]:
    """Atom by atom, as section 13.1 says."""
    symbols = atoms.get_chemical_symbols()
    reach = {**{(m, "O"): d for m, d in MODIFIERS.items()}, **{(f, "O"): d for f, d in BONDS.items()}}
    bound: list[list[int]] = [[] for _ in symbols]
    for i, j in zip(*neighbor_list("ij", atoms, reach), strict=True):
        bound[i].append(int(j))
    formers = [[j for j in bound[k] if symbols[j] in BONDS] for k in range(len(symbols))]
    order = list(BONDS)
    labels = []
    for k, symbol in enumerate(symbols):
        if symbol == "O":
            m = len(formers[k])
            names = sorted((symbols[j] for j in formers[k]), key=order.index)
            near = ",".join(sorted({symbols[j] for j in bound[k]} - set(BONDS),
                                   key=lambda s: Atoms(s).numbers[0]))  # type: ignore[no-any-return]
            short = ["FO", "NBO", "BO"][m] if m < 3 else "TO"
            long = {0: "FO", 1: f"{(names or [''])[0]}-O" + (f"-{near}" if near else ""), 2: "-O-".join(names)}
            triple = "O(" + ",".join(f"{s}{names.count(s) if names.count(s) > 1 else ''}"
                                     for s in dict.fromkeys(names)) + ")"
            labels.append({"oxygen": short, "qn(mAl)": short, "qn": short, "coordination": f"O{m}",
                           "species": long.get(m, triple), "site": f"O{m}" if m > 2 else short}[kind])
        elif symbol in BONDS:
            n = sum(len(formers[o]) >= 2 for o in bound[k])
            # an atom's own image counts as another one
            m = sum(sum(symbols[j] == "Al" for j in formers[o]) - (symbol == "Al") > 0 for o in bound[k])
            coordination = f"{symbol}O{len(bound[k])}"
            four = len(bound[k]) == 4
            labels.append({"oxygen": symbol, "species": symbol, "coordination": coordination,
                           "qn": f"Q{n}" if four else coordination, "qn(mAl)": f"Q{n}({m}Al)" if four else coordination,
                           "site": f"Q{n}" if four and symbol == "Si" else f"{symbol}{len(bound[k])}"}[kind])
        else:
            labels.append(f"{symbol}O{len(bound[k])}" if kind == "coordination" else symbol)
    return labels


def random_glass(seed: int) -> Atoms:
    random = np.random.default_rng(seed)
    symbols = ["Si"] * 8 + ["Al"] * 5 + ["B"] * 4 + ["Na"] * 5 + ["Ca"] * 2 + ["O"] * 40
    cell = np.array([[9.0, 0, 0], [1.0, 8.5, 0], [-0.7, 0.4, 9.2]])
    return Atoms(symbols, random.random((len(symbols), 3)) @ cell, cell=cell, pbc=[True, True, seed % 2 == 0])


@pytest.mark.parametrize("kind", list(KINDS))
def test_labels_are_those_of_a_plain_count(kind: str) -> None:
    for atoms in (*reference.load("shielding").structures[:2], random_glass(1), random_glass(2), random_glass(3)):
        assert site_labels(atoms, kind=kind).tolist() == plain_labels(atoms, kind)


def test_a_random_packing_shows_every_kind_of_oxygen() -> None:
    found = np.concatenate([site_labels(random_glass(seed), kind="oxygen") for seed in range(4)])
    assert {"BO", "NBO", "TO", "FO"} <= set(found)
    species = np.concatenate([site_labels(random_glass(seed), kind="species") for seed in range(4)])
    assert {"Si-O-Al", "Si-O-Si", "Al-O-Na", "FO"} <= set(species)
    assert any(label.startswith("O(") for label in species)


def test_boron_and_aluminium_are_named_by_their_coordination() -> None:
    triangle = 1.37 * np.array([[1, 0, 0], [-0.5, 0.866, 0], [-0.5, -0.866, 0]])
    borate = Atoms("BO3", np.vstack([[0, 0, 0], triangle]), cell=[9, 9, 9], pbc=True)
    assert site_labels(borate).tolist() == ["B3", "NBO", "NBO", "NBO"]
    assert site_labels(borate, kind="coordination").tolist() == ["BO3", "O1", "O1", "O1"]
    corners = 1.75 / np.sqrt(3) * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    aluminate = Atoms("AlO4", np.vstack([[0, 0, 0], corners]))
    assert site_labels(aluminate).tolist() == ["Al4", "NBO", "NBO", "NBO", "NBO"]
    assert site_labels(aluminate, kind="coordination")[0] == "AlO4"


def test_quartz_is_q4_and_corundum_is_all_triclusters_and_more() -> None:
    quartz = CRYSTALS["alpha-quartz"].atoms()
    assert set(site_labels(quartz)) == {"Q4", "BO"}
    assert set(site_labels(quartz, kind="species")) == {"Si", "Si-O-Si"}
    corundum = crystal(["Al", "O"], [(0, 0, 0.3522), (0.3064, 0, 0.25)], spacegroup=167,
                       cellpar=[4.758, 4.758, 12.991, 90, 90, 120])
    assert set(site_labels(corundum, kind="coordination")) == {"AlO6", "O4"}
    assert set(site_labels(corundum, kind="oxygen")) == {"Al", "TO"}
    assert set(site_labels(corundum, kind="species")) == {"Al", "O(Al4)"}


def test_bonds_across_the_cell_count_and_loose_oxygen_is_free() -> None:
    pair = Atoms("SiO", [[0.1, 0, 0], [8.6, 0, 0]], cell=[9, 9, 9], pbc=True)
    assert site_labels(pair).tolist() == ["Si1", "NBO"]
    pair.pbc = False
    assert site_labels(pair).tolist() == ["Si0", "FO"]
    assert site_labels(Atoms("NaO", [[0, 0, 0], [2, 0, 0]])).tolist() == ["Na", "FO"]
    assert site_labels(Atoms("Ne", [[0, 0, 0]])).tolist() == ["Ne"]


@pytest.mark.parametrize("shift", [0.0, 7.3])
def test_labels_do_not_depend_on_the_origin(shift: float) -> None:
    atoms = glass()
    moved = atoms.copy()
    moved.translate([shift, -shift, 2 * shift])
    for kind in KINDS:
        np.testing.assert_array_equal(site_labels(moved, kind=kind), site_labels(atoms, kind=kind))


def test_the_qn_of_the_sodium_silicate_glass_are_those_of_its_authors(data_folder: Path) -> None:
    atoms = next(iter(read_frames(data_folder / "glass" / "na2o20-sio2-80_9000.lammps-data.gz", types="O,Si,Na")))
    shares = site_fractions(site_labels(atoms)[atoms.symbols == "Si"])
    for name, per_cent in (("Q4", 58), ("Q3", 35), ("Q2", 7)):
        assert 100 * shares[name][0] == pytest.approx(per_cent, abs=0.5)


def test_boron_oxide_glass_is_made_of_triangles_with_bridges(data_folder: Path) -> None:
    atoms = next(iter(read_frames(data_folder / "glass" / "b2o3_360_1.lammps-data", types="B,O")))
    assert set(site_labels(atoms, kind="coordination")) == {"BO3", "O2"}


def test_shares_are_weighted_and_their_errors_are_binomial() -> None:
    shares = site_fractions(["a", "b", "a"], weights=[1.0, 2.0, 1.0])
    assert shares["a"][0] == pytest.approx(0.5) and shares["b"][0] == pytest.approx(0.5)
    assert shares["a"][1] == pytest.approx(np.sqrt(0.25 / (16 / 6)))
    random = np.random.default_rng(0)
    drawn = [site_fractions(np.where(random.random(400) < 0.3, "x", "y"))["x"] for _ in range(500)]
    assert np.std([share for share, _ in drawn]) == pytest.approx(np.mean([error for _, error in drawn]), rel=0.1)


@pytest.mark.parametrize("call, words", [
    (lambda: site_labels(Atoms("O"), kind="ring"), "kind must be one of site, coordination"),
    (lambda: site_labels(Atoms("O"), kind="qn(mNa)"), "counts Na, which is none of the formers"),
    (lambda: site_labels(Atoms("O"), {"Si": -1.0}), "bond of Si must be a positive distance in Å, got -1"),
    (lambda: site_labels(Atoms("O"), {"Si": np.nan}), "must be a positive distance"),
    (lambda: site_labels(Atoms("O"), {"Xx": 2.0}), "chemical symbols, got 'Xx'"),
    (lambda: site_fractions([]), "one length"),
    (lambda: site_fractions(["a"], [0.0]), "positive sum"),
    (lambda: site_fractions(["a"], [np.nan]), "finite"),
])
def test_bad_input_is_told_in_one_line(call, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "\n" not in str(error.value)


def test_kinds_are_known_by_name() -> None:
    assert all(is_kind(kind) for kind in KINDS) and is_kind("qn(mB)") and not is_kind("label")
