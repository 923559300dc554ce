# SPDX-License-Identifier: BSD-3-Clause
"""The shipped tensors: whole, consistent with the generator, and true to the known laws of silicates."""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from importlib.resources import files
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read

from glassnmr.data import reference
from glassnmr.generation import CannotCarve, Outcome, carve, onto_glasses, reference_data, sample
from glassnmr.generation.campaign import key_of
from glassnmr.generation.clusters import CLOSEST
from glassnmr.generation.crystals import CRYSTALS
from glassnmr.generation.laws import fit, geometry, table
from glassnmr.generation.reference_data import MORE_Q4, cells, clusters, crystal_clusters, glasses, references
from glassnmr.sites import site_labels

FOLDER = files("glassnmr.data")


@cache
def frames(name: str) -> list[Atoms]:
    text = gzip.decompress((FOLDER / f"{name}.extxyz.gz").read_bytes()).decode()
    return read(StringIO(text), ":", format="extxyz")


@cache
def rows(name: str, isotope: str):
    dataset = reference.load(name, isotope)
    return dataset, table(dataset)


def test_the_shipped_data_is_small() -> None:
    assert sum(len((FOLDER / f.name).read_bytes()) for f in FOLDER.iterdir() if f.is_file()) < 3_000_000


def test_counts() -> None:
    assert len(rows("efg-17O", "17O")[0]) >= MIN_EFG
    assert len(rows("shielding", "29Si")[0]) >= MIN_29SI
    assert len(rows("shielding", "17O")[0]) >= MIN_17O
    assert len(reference.load("shielding-clusters")) == len(reference.load("shielding"))


MIN_EFG, MIN_29SI, MIN_17O = 1200, 90, 40


@pytest.mark.parametrize("name", ["efg-17O", "shielding-clusters"])
def test_structures_are_those_that_were_computed(name: str) -> None:
    method = {"efg-17O": "abinit-efg", "shielding-clusters": "pyscf-giao"}[name]
    for atoms in frames(name):
        assert key_of(atoms, method) == atoms.info["key"]


def test_every_structure_is_in_the_plan() -> None:
    planned = dict([*cells(), *glasses()])
    assert len(planned) == 98
    for atoms in [*frames("efg-17O"), *frames("shielding")]:
        plan = planned[atoms.info["group"]]
        assert plan["seed"] == atoms.info["seed"] and plan["rate"] == atoms.info["quench_rate"]
        assert (0.0 if plan["relax"] else plan["temperature"]) == atoms.info["temperature"]
        x = plan["n_na2o"] / (plan["n_na2o"] + plan["n_sio2"])
        assert atoms.info["x_na2o"] == pytest.approx(x, abs=1e-4)
        assert (atoms.symbols == "Na").sum() == 2 * plan["n_na2o"]


def test_the_clusters_are_carved_from_the_shipped_glasses() -> None:
    whole = {a.info["group"]: a for a in frames("shielding")}
    for cluster in frames("shielding-clusters")[::4]:
        glass, centre = whole[cluster.info["group"]], int(cluster.info["centre"])
        again = carve(glass, centre)
        assert again.symbols.get_chemical_formula() == cluster.symbols.get_chemical_formula()
        np.testing.assert_allclose(again.positions, cluster.positions, atol=2e-8)
        assert again.info["site"] == cluster.info["site"] == glass.arrays["site"][centre]
        assert glass.arrays["valid_cutoff"][centre] == cluster.info["valid_cutoff"]
        np.testing.assert_array_equal(glass.arrays["ms"][centre], cluster.arrays["ms"][0])


def test_labels_mark_exactly_the_atoms_that_have_a_tensor() -> None:
    for glass in frames("shielding"):
        finite = np.isfinite(glass.arrays["ms"])
        assert (finite.all(axis=1) == (glass.arrays["label"] == 1)).all()
        assert (finite.any(axis=1) == finite.all(axis=1)).all()
        assert (np.isfinite(glass.arrays["valid_cutoff"]) == (glass.arrays["label"] == 1)).all()
        assert (glass.arrays["site"] == site_labels(glass)).all()


def test_field_gradients_are_symmetric_and_traceless() -> None:
    for cell in frames("efg-17O"):
        oxygen = cell.symbols == "O"
        tensor = cell.arrays["efg"].reshape(-1, 3, 3)
        assert np.isfinite(tensor[oxygen]).all() and np.isnan(tensor[~oxygen]).all()
        np.testing.assert_array_equal(tensor[oxygen], np.swapaxes(tensor[oxygen], 1, 2))
        np.testing.assert_allclose(np.trace(tensor[oxygen], axis1=1, axis2=2), 0, atol=2e-6)


def test_groups_are_glasses() -> None:
    for name in ("efg-17O", "shielding"):
        dataset = reference.load(name)
        assert len(set(dataset.group.tolist())) == len(dataset.structures)


# --- the laws ------------------------------------------------------------------------------------------------------


def bridging() -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    dataset, known = rows("efg-17O", "17O")
    here = known["site"] == "BO"
    return dataset.target("C_Q")[here], dataset.target("eta")[here], {k: v[here] for k, v in known.items()}


def test_the_coupling_of_bridging_oxygen_is_negative_and_grows_with_the_angle() -> None:
    coupling, _, known = bridging()
    assert (coupling < 0).mean() > 0.99  # a strained bridge of a hot frame may differ
    assert 5.0 < np.abs(coupling).mean() < 5.9
    law = fit(np.abs(coupling), known["angle"], known["length"])
    assert 0.01 < law.angle_slope < 0.05  # MHz per degree
    assert law.correlation > 0.3


def test_the_asymmetry_of_bridging_oxygen_falls_towards_the_straight_angle() -> None:
    _, eta, known = bridging()
    assert np.corrcoef(eta, known["angle"])[0, 1] < -0.25
    assert eta[known["angle"] < 135].mean() > eta[known["angle"] > 165].mean() + 0.1


def test_non_bridging_oxygen_has_half_the_coupling_and_more_shielding() -> None:
    dataset, known = rows("efg-17O", "17O")
    coupling = dataset.target("abs_C_Q")
    ratio = coupling[known["site"] == "NBO"].mean() / coupling[known["site"] == "BO"].mean()
    assert 0.35 < ratio < 0.65
    dataset, known = rows("shielding", "17O")
    sigma = dataset.target("sigma_iso")
    assert 5 < sigma[known["site"] == "NBO"].mean() - sigma[known["site"] == "BO"].mean() < 40


def test_the_shielding_of_silicon_rises_with_the_mean_angle() -> None:
    dataset, known = rows("shielding", "29Si")
    here = known["site"] == "Q4"
    law = fit(dataset.target("sigma_iso")[here], known["angle"][here], known["length"][here])
    assert 0.4 < law.angle_slope < 0.9  # ppm per degree
    assert law.correlation > 0.7
    assert law.rms < 2.5


def test_each_non_bridging_oxygen_lowers_the_shielding_of_silicon() -> None:
    dataset, known = rows("shielding", "29Si")
    sigma = dataset.target("sigma_iso")
    q4, q3, q2 = (sigma[known["site"] == q].mean() for q in ("Q4", "Q3", "Q2"))
    assert 5 < q4 - q3 < 18
    assert 5 < q3 - q2 < 25


# --- carving -------------------------------------------------------------------------------------------------------

CHARGE = {"H": 1, "Na": 1, "Si": 4, "O": -2}


def hydrides(cluster: Atoms) -> int:
    """Hydrogens that stand for oxygen: those bonded to silicon, two units of charge too many each."""
    d = cluster.get_all_distances()
    return int((d[np.ix_(cluster.symbols == "H", cluster.symbols == "Si")] < 1.6).sum())


def test_clusters_are_neutral_closed_shells() -> None:
    for cluster in frames("shielding-clusters"):
        assert sum(CHARGE[s] for s in cluster.symbols) - 2 * hydrides(cluster) == 0
        assert cluster.numbers.sum() % 2 == 0


def test_a_cluster_is_the_glass_within_its_valid_cutoff() -> None:
    whole = {a.info["group"]: a for a in frames("shielding")}
    for cluster in frames("shielding-clusters")[::3]:
        glass, centre = whole[cluster.info["group"]], int(cluster.info["centre"])
        cutoff = cluster.info["valid_cutoff"] - 1e-3
        images = glass * (3, 3, 3)
        images.positions -= glass.positions[centre] + glass.cell.array.sum(axis=0)
        inside = [(a.symbols[k], p) for a in (cluster, images)
                  for k, p in enumerate(a.positions) if np.linalg.norm(p) < cutoff]  # fmt: skip
        n = len(inside) // 2
        for symbol, place in inside[:n]:
            assert min(np.linalg.norm(place - q) for s, q in inside[n:] if s == symbol) < 1e-6
        assert (cluster.numbers[np.linalg.norm(cluster.positions, axis=1) < cutoff] != 1).all()


def test_no_two_atoms_of_a_cluster_touch() -> None:
    for cluster in frames("shielding-clusters"):
        d = cluster.get_all_distances() + 9 * np.eye(len(cluster))
        heavy = cluster.numbers != 1
        assert d.min() >= 0.9 and d[np.ix_(heavy, heavy)].min() >= CLOSEST


def test_carving_does_not_care_where_the_cell_is_cut() -> None:
    glass = frames("shielding")[1]
    centre = int(np.flatnonzero(glass.arrays["label"] == 1)[0])
    moved = glass.copy()
    moved.positions += [3.1, -4.7, 11.3]
    moved.wrap()
    np.testing.assert_allclose(carve(moved, centre).positions, carve(glass, centre).positions, atol=1e-9)


@pytest.mark.parametrize(
    ("atoms", "centre", "wanted"),
    [(Atoms("Na"), 0, "around Si or O, not Na"), (Atoms("Si"), 0, "0 oxygen neighbours"), (Atoms("O"), 0, "0 silicon"),
     (Atoms("SiCa"), 0, "not with Ca")],
)
def test_what_cannot_be_carved_says_why(atoms: Atoms, centre: int, wanted: str) -> None:
    with pytest.raises(CannotCarve, match=wanted):
        carve(atoms, centre)


def test_samples_take_the_kinds_of_site_in_turn() -> None:
    glass = next(a for a in frames("shielding") if a.info["x_na2o"] > 0.2)
    taken = sample(glass, {"Si": 6, "O": 4}, seed=1)
    kinds = [c.info["site"] for c in taken]
    assert kinds[6:] == ["BO", "NBO"] * 2
    assert {"Q4", "Q3"} <= set(kinds[:2]) and kinds.count("Q2") <= 1
    assert [c.info["centre"] for c in taken] == [c.info["centre"] for c in sample(glass, {"Si": 6, "O": 4}, seed=1)]
    assert all(c.info["valid_cutoff"] >= (3.2 if c.symbols[0] == "Si" else 2.85) for c in taken)
    with pytest.raises(ValueError, match="Si or O, not Na"):
        sample(glass, {"Na": 1})


def test_the_plan_carves_what_is_shipped() -> None:
    first = frames("shielding-clusters")[0].info
    one = [a for a in frames("shielding-clusters") if a.info["group"] == first["group"]]
    glass = next(a for a in frames("shielding") if a.info["group"] == first["group"])
    place = int(first["glass"])
    planned = sample(glass, seed=place) + sample(glass, {"Si": MORE_Q4}, seed=place, limits={"Q3": 0, "Q2": 0})
    for cluster in planned:
        cluster.positions = np.round(cluster.positions, 8)
    assert {a.info["key"] for a in one} <= {key_of(c, "pyscf-giao") for c in planned}


def test_further_q4_follow_the_first_plan_and_repeat_none_of_it() -> None:
    some = frames("shielding")[:2]
    planned = clusters(some)
    first = sum(len(sample(glass, seed=place)) for place, glass in enumerate(some))
    keys = [key_of(c, "pyscf-giao") for c in planned]
    assert len(set(keys)) == len(keys) > first
    assert {c.info["site"] for c in planned[first:]} == {"Q4"}


def test_clusters_are_ordered_so_that_half_a_campaign_mixes_all_glasses() -> None:
    some = frames("shielding")[:3]
    places = [c.info["glass"] for c in clusters(some)]
    assert set(places[: len(places) // 3]) == {0, 1, 2}


def test_a_tensor_is_never_put_on_another_element() -> None:
    glass = frames("shielding")[0]
    wrong = frames("shielding-clusters")[0].copy()
    wrong.info.update(glass=0, centre=int(np.flatnonzero(glass.numbers != wrong.numbers[0])[0]))
    with pytest.raises(ValueError, match="not "):
        onto_glasses([glass], [wrong])


# --- crystals and references ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "site", "angle", "length"),
    [("alpha-quartz", "O1", 143.7, 1.6095), ("alpha-cristobalite", "O1", 146.5, 1.603), ("coesite", "O1", 180.0, 1.595),
     ("coesite", "O2", 142.7, 1.611), ("coesite", "O5", 137.4, 1.619)],
)  # fmt: skip
def test_crystals_have_the_angles_of_their_papers(name: str, site: str, angle: float, length: float) -> None:
    crystal = CRYSTALS[name]
    atoms = crystal.atoms()
    angles, lengths = geometry(atoms)
    centre = crystal.centre(atoms, site)
    assert angles[centre] == pytest.approx(angle, abs=0.1)
    assert lengths[centre] == pytest.approx(length, abs=0.002)
    assert set(site_labels(atoms)) == {"Q4", "BO"}


def test_shift_references_follow_from_their_points() -> None:
    for isotope, uncertain in (("29Si", 3.0), ("17O", 8.0)):
        a, b = reference.shift_reference(isotope)
        points = reference.shift_points(isotope)
        rest = [p.delta_iso - a - b * p.sigma_iso for p in points]
        assert b == -1 and abs(np.mean(rest)) < 0.01 and np.std(rest) < uncertain
        assert {p.crystal for p in points} == set(CRYSTALS)
    stored = json.loads((FOLDER / "references.json").read_text())["isotopes"]
    carved = crystal_clusters()
    sigma = {(p.crystal, p.site): p.sigma_iso for i in ("29Si", "17O") for p in reference.shift_points(i)}
    for cluster in carved:
        cluster.set_array("ms", np.zeros((len(cluster), 9)))
        cluster.arrays["ms"][0, [0, 4, 8]] = sigma[cluster.info["crystal"], cluster.info["label"]]
    assert references(carved) == stored


def test_names_and_isotopes_that_are_not_there_are_refused() -> None:
    assert set(reference.names()) == {"efg-17O", "shielding", "shielding-clusters"}
    with pytest.raises(ValueError, match="name must be one of efg-17O, shielding, shielding-clusters, got 'efg'"):
        reference.load("efg")
    with pytest.raises(ValueError, match="isotope of efg-17O must be one of 17O, got '29Si'"):
        reference.load("efg-17O", "29Si")
    with pytest.raises(ValueError, match="not for '27Al'"):
        reference.shift_reference("27Al")


def test_the_page_tells_the_counts_that_are_shipped() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    told = [int(n) for n in re.findall(r"^\| \*\*(\d+)\*\* tensors", page, re.MULTILINE)]
    counts = [len(rows(*which)[0]) for which in (("efg-17O", "17O"), ("shielding", "29Si"), ("shielding", "17O"))]
    assert told == counts


# --- the plan as a program -----------------------------------------------------------------------------------------


def test_the_plan_melts_each_glass_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def stand_in(seed: int, **_: object) -> Atoms:
        made.append(seed)
        return Atoms("SiO2", np.eye(3) * seed / 7, cell=[9, 9, 9], pbc=True)

    monkeypatch.setattr(reference_data, "sodium_silicate_glass", stand_in)
    plan = [(f"g{seed}", {"seed": seed}) for seed in (1, 2)]
    first = reference_data.melt(plan[:1], tmp_path / "new")
    both = reference_data.melt(plan, tmp_path / "new")
    assert made == [1, 2]
    assert [a.info["group"] for a in both] == ["g1", "g2"]
    np.testing.assert_array_equal(first[0].positions, both[0].positions)


def test_the_program_computes_everything_of_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[str, int, str, int, bool]] = []

    def stand_in(structures: list[Atoms], method: str, folder: Path, *, jobs: int, retry: bool, timeout: float) -> list:
        calls.append((method, len(structures), folder.name, jobs, retry))
        return [Outcome("k", "done")]

    monkeypatch.setattr(reference_data, "melt", lambda plan, folder: [Atoms("Si")] * len(list(plan)))
    monkeypatch.setattr(reference_data, "clusters", lambda structures: list(structures))
    monkeypatch.setattr(reference_data, "generate", stand_in)
    reference_data.main([str(tmp_path), "--jobs", "3", "--retry"])
    assert calls == [("abinit-efg", 68, "efg", 3, True), ("pyscf-giao", 11, "crystals", 3, True),
                     ("pyscf-giao", 30, "shield", 3, True)]  # fmt: skip
    assert capsys.readouterr().out.count("done") == 3
    with pytest.raises(SystemExit, match="0"):
        reference_data.main(["--help"])


def test_shipped_files_are_the_same_bytes_for_the_same_results(tmp_path: Path) -> None:
    for name in ("efg-17O", "shielding", "shielding-clusters"):
        reference_data._ship(tmp_path / f"{name}.extxyz.gz", frames(name))
        assert (tmp_path / f"{name}.extxyz.gz").read_bytes() == (FOLDER / f"{name}.extxyz.gz").read_bytes()
