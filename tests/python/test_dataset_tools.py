# SPDX-License-Identifier: BSD-3-Clause
"""Tables on disk, groups without leaks, checks, symmetry images: by laws and against the data's own figures."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from ase.build import bulk
from ase.neighborlist import neighbor_list
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnmr import Dataset, read_dataset
from glassnmr.checks import check_dataset, outliers, short_contacts
from glassnmr.cli import main
from glassnmr.data import reference
from glassnmr.grouping import composition, deal_groups, duplicate_groups, regroup, structure_distance
from glassnmr.io import read_frames
from glassnmr.io.magres import couplings

MAGRES = ["EDIZUM", "NaClO3", "T1Si0", "ethanol-all", "nacl", "quartz.efg", "quartz.nmr", "silicon"]


def _same(one: Dataset, other: Dataset) -> None:
    assert len(one) == len(other) and len(one.structures) == len(other.structures)
    for name in ("structure", "centre", "element", "isotope", "source", "group"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.tensors.keys() == other.tensors.keys() and one.scalars.keys() == other.scalars.keys()
    for key, column in (one.tensors | one.scalars).items():
        np.testing.assert_array_equal(column, (other.tensors | other.scalars)[key])
    for a, b in zip(one.structures, other.structures, strict=True):
        np.testing.assert_array_equal(a.positions, b.positions)
        np.testing.assert_array_equal(a.cell.array, b.cell.array)
        np.testing.assert_array_equal(a.numbers, b.numbers)
        assert {k: str(v) for k, v in a.info.items()} == {k: str(v) for k, v in b.info.items()}


def glassnmr(*arguments: object):
    return CliRunner().invoke(main, [str(a) for a in arguments])


# ---- files


@pytest.mark.parametrize("name", ["shielding", "efg-17O"])
def test_an_hdf5_table_comes_back_bit_by_bit(tmp_path: Path, name: str) -> None:
    pytest.importorskip("h5py")
    data = reference.load(name)
    data.write(tmp_path / "set.h5")
    _same(data, read_dataset(tmp_path / "set.h5"))
    silicon = read_dataset(tmp_path / "set.h5", element="O", isotope={"O": "17O"})
    assert set(silicon.isotope.tolist()) == {"17O"}


def test_hdf5_and_extxyz_hold_the_same_table(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    data = reference.load("shielding", "29Si")
    data.write(tmp_path / "set.extxyz")
    data.write(tmp_path / "set.h5")
    one, other = read_dataset(tmp_path / "set.extxyz"), read_dataset(tmp_path / "set.h5")
    for name in ("ms",):
        np.testing.assert_array_equal(one.tensors[name], other.tensors[name])
    np.testing.assert_array_equal(one.group, other.group)


def test_a_damaged_hdf5_table_is_refused_in_one_sentence(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "set.h5"
    reference.load("shielding", "29Si").write(path)
    whole = path.read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.h5").write_text("hello")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 99
    for name, message in (("cut.h5", "damaged"), ("other.h5", "no table of glassnmr"), ("set.h5", "version 99")):
        with pytest.raises(ValueError, match=message) as caught:
            read_dataset(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="text.h5"):
        read_dataset(tmp_path / "text.h5")
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="taken as it is"):
        read_dataset(path, sign=-1)


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        (lambda n, atoms: (n, 3, 3), "rows/tensors/ms"),
        (lambda n, atoms: (atoms, 3), "structures/positions"),
        (lambda n, atoms: (n,), "rows/"),
    ],
)
def test_a_table_that_speaks_of_more_than_it_holds_is_refused_before_memory_is_taken(
    tmp_path: Path, shape: Callable[[int, int], tuple[int, ...]], name: str
) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "set.h5"
    data = reference.load("shielding", "29Si")
    data.write(path)
    sound = shape(len(data), sum(map(len, data.structures)))
    large = (20 * sound[0], *sound[1:])
    whole = path.read_bytes()
    before, after = (struct.pack(f"<{len(s)}Q", *s) for s in (sound, large))
    assert before in whole
    path.write_bytes(whole.replace(before, after))
    with pytest.raises(ValueError, match="is damaged") as caught:
        read_dataset(path)
    assert name in str(caught.value) and str(large) in str(caught.value)


@pytest.mark.parametrize("name", MAGRES)
def test_magres_to_dataset_to_magres_keeps_every_tensor(data_folder: Path, tmp_path: Path, name: str) -> None:
    source = data_folder / "parsers" / "magres" / f"{name}.magres"
    data = read_dataset(source, kind="efg" if name == "silicon" else None)
    data.write(tmp_path / "back.magres")
    (one,), (other,) = read_frames(source), read_frames(tmp_path / "back.magres")
    for key in data.tensors:
        rows = data.has(key)
        np.testing.assert_allclose(other.arrays[key][data.centre[rows]], one.arrays[key][data.centre[rows]], atol=1e-10)
        again = read_dataset(tmp_path / "back.magres", kind=key)
        np.testing.assert_array_equal(again.tensors[key], data.tensors[key][rows])
    np.testing.assert_array_equal(one.numbers, other.numbers)
    shift = (one.positions - other.positions) @ np.linalg.inv(one.cell.array)
    np.testing.assert_allclose(shift - np.round(shift), 0, atol=1e-12)


def _tensor_lines(path: Path) -> dict[tuple[str, ...], list[float]]:
    """Every tensor of a magres file by tag and sites, pairs in the order of the file."""
    text = path.read_text()
    begin, end = re.search(r"[<\[]magres[>\]]", text), re.search(r"[<\[]/magres[>\]]", text)
    assert begin and end
    rows = [line.split() for line in text[begin.end() : end.start()].splitlines() if line.strip()]
    glued = {f"{label}{index}": (label, str(index)) for label in "CHNOS" for index in range(100, 200)}
    return {(row[0], *(part for word in row[1:-9] for part in glued.get(word, (word,)))): [*map(float, row[-9:])]
            for row in rows if row[0] != "units"}  # fmt: skip


@pytest.mark.parametrize("way", ["magres", "h5", "extxyz"])
@pytest.mark.parametrize("name", MAGRES)
def test_couplings_parts_and_susceptibility_come_back_too(
    data_folder: Path, tmp_path: Path, name: str, way: str
) -> None:
    source = data_folder / "parsers" / "magres" / f"{name}.magres"
    data = read_dataset(source)
    if way != "magres":
        data.write(tmp_path / f"set.{way}")
        data = read_dataset(tmp_path / f"set.{way}")
    data.write(tmp_path / "back.magres")
    given, back = _tensor_lines(source), _tensor_lines(tmp_path / "back.magres")
    assert given.keys() == back.keys()
    for key, tensor in given.items():
        np.testing.assert_allclose(back[key], tensor, rtol=0, atol=1e-10)
    tags = {key[0] for key in given}
    assert name != "ethanol-all" or {"isc", "isc_fc", "isc_spin", "efg_local", "ms"} < tags
    one, other = ase.io.read(source, format="magres"), ase.io.read(tmp_path / "back.magres", format="magres")
    assert isinstance(one, ase.Atoms) and isinstance(other, ase.Atoms)
    for tag in tags & set(one.arrays):
        for a, b in zip(one.arrays[tag].ravel(), other.arrays[tag].ravel(), strict=True):
            assert (a is None) == (b is None)
            assert a is None or np.abs(np.asarray(a) - np.asarray(b)).max() < 1e-10


def test_couplings_of_ethanol_are_those_of_the_file(data_folder: Path) -> None:
    (atoms,) = read_frames(data_folder / "parsers" / "magres" / "ethanol-all.magres")
    pairs, tensors = couplings(atoms)
    assert len(pairs) == 81 and tensors.shape == (81, 3, 3)
    parts = sum(couplings(atoms, f"isc_{part}")[1] for part in ("fc", "spin", "orbital_p", "orbital_d"))
    np.testing.assert_allclose(parts, tensors, atol=1e-6)
    assert atoms.info["calc_cutoffenergy"].endswith("Hartree")
    with pytest.raises(ValueError, match="key must be one of"):
        couplings(atoms, "J")


@pytest.mark.parametrize("line", ["isc H 1 H 2 1 2 3", "isc H 1 Q 9 1 2 3 4 5 6 7 8 9", "sus 1 2 3 4 5 6 7 8",
                                  "isc H 1 H 2 1 2 3 4 5 6 7 8 nan", "units isc Hz"])  # fmt: skip
def test_malformed_couplings_are_refused_in_one_sentence(data_folder: Path, tmp_path: Path, line: str) -> None:
    text = (data_folder / "parsers" / "magres" / "ethanol-all.magres").read_text()
    more = f"units sus 10^-6.cm^3.mol^-1\n{line}\n"
    (tmp_path / "a.magres").write_text(re.sub(r"(?=[<\[]/magres[>\]])", more, text))
    with pytest.raises(ValueError, match="isc|sus") as caught:
        list(read_frames(tmp_path / "a.magres"))
    assert "\n" not in str(caught.value)


def test_one_bad_file_among_many_is_told_and_left_out(tmp_path: Path) -> None:
    good = reference.load("shielding", "29Si")
    for number in range(40):
        good.select(mask=good.structure == number % 20).write(tmp_path / f"{number:03d}.extxyz")
    text = (tmp_path / "017.extxyz").read_text()
    (tmp_path / "017.extxyz").write_text(text[: len(text) // 2])
    (tmp_path / "bad.magres").write_text("#$magres-abinitio-v9.0\n")
    told: list[str] = []
    paths = sorted(tmp_path.iterdir())
    data = read_dataset(paths, skip=told.append)
    assert len(told) == 2 and "017.extxyz" in told[0] and "version 9.0" in told[1]
    assert len(data.structures) == 39
    assert "left out: 2 file(s) that could not be read" in data.summary()
    with pytest.raises(ValueError, match="017"):
        read_dataset(paths)
    result = glassnmr("dataset", "build", *paths, "-o", tmp_path / "set.h5")
    assert result.exit_code == 0
    assert result.stderr.count("left out:") == 2
    assert glassnmr("dataset", "build", *paths, "--strict", "-o", tmp_path / "no.h5").exit_code == 2
    assert not (tmp_path / "no.h5").exists()


def test_a_table_tells_which_shieldings_lack_the_cores(data_folder: Path) -> None:
    path = data_folder / "parsers" / "vasp" / "LiAlSiO4_cs" / "OUTCAR.gz"
    data = read_dataset(path)
    assert "without the cores' shielding" in data.summary()
    assert data.structures[0].info["ms_terms"] == "valence + G=0"
    assert len(data) == 21


def test_runs_of_one_structure_are_joined_where_they_add_to_each_other(data_folder: Path, tmp_path: Path) -> None:
    from glassnmr.joining import join_runs

    paths = [data_folder / "parsers" / "vasp" / f"LiAlSiO4_{kind}" / "OUTCAR.gz" for kind in ("cs", "efg")]
    apart = read_dataset(paths)
    whole = join_runs(apart)
    assert len(apart) == 42 and len(whole) == 21 and len(whole.structures) == 1
    for kind, path in zip(("ms", "efg"), paths, strict=True):
        np.testing.assert_array_equal(whole.tensors[kind], read_dataset(path).tensors[kind])
    assert set(whole.structures[0].info) >= {"ms_terms", "efg_terms"}
    assert len(join_runs(Dataset.concatenate([whole, whole]))) == 42
    moved = read_dataset(paths[1])
    moved.structures[0].positions[3] += 0.01
    assert len(join_runs(Dataset.concatenate([read_dataset(paths[0]), moved]))) == 42
    result = glassnmr("dataset", "build", *paths, "--join", "-o", tmp_path / "set.extxyz")
    assert result.exit_code == 0 and result.output.startswith("21 rows in 1 structures"), result.output


# ---- groups


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_rotation_supercell_and_order_do_not_change_a_structure(seed: int) -> None:
    random = np.random.default_rng(seed)
    cell = np.eye(3) * 5 + random.uniform(-0.5, 0.5, (3, 3))
    atoms = ase.Atoms("Si2O4", random.uniform(0, 5, (6, 3)), cell=cell, pbc=True)
    copy = atoms * (1, 2, 1)
    copy = copy[random.permutation(len(copy))]
    copy.rotate(random.uniform(0, 360), random.normal(size=3), rotate_cell=True)
    copy.translate(random.normal(size=3))
    assert structure_distance(atoms, copy) < 1e-5


def test_duplicates_are_linked_and_others_are_not() -> None:
    quartz_like = [bulk("Si"), bulk("Si", cubic=True), bulk("Si", a=5.44), bulk("Si", a=5.0), bulk("Ge")]
    assert duplicate_groups(quartz_like).tolist() == [0, 0, 0, 3, 4]


def test_groups_without_leaks_join_near_duplicates_of_the_real_data(data_folder: Path) -> None:
    options = {"tensor": "shift_tensor", "kind": "ms", "sign": -1, "offset": 837.9, "where": "label == 1"}
    data = read_dataset(data_folder / "silicate-29si" / "train.extxyz.gz", group="group", **options)
    joined = regroup(data, "duplicates")
    first = dict(zip(joined.structure.tolist(), joined.group.tolist(), strict=True))
    before = dict(zip(data.structure.tolist(), data.group.tolist(), strict=True))
    for one in range(60):
        for other in range(one + 1, 60):
            same = structure_distance(data.structures[one], data.structures[other]) < 0.05
            if same or before[one] == before[other]:
                assert first[one] == first[other]
    assert len(set(joined.group.tolist())) < len(set(data.group.tolist()))


def test_groups_by_file_composition_and_structure() -> None:
    data = reference.load("shielding", "29Si")
    assert set(regroup(data, "file").group.tolist()) == set(data.source.tolist())
    kinds = {composition(atoms) for atoms in data.structures}
    assert set(regroup(data, "composition").group.tolist()) == kinds
    assert len(set(regroup(data, "structure").group.tolist())) == len(data.structures)
    with pytest.raises(ValueError, match="by must be"):
        regroup(data, "colour")
    with pytest.raises(ValueError, match="tolerance must be positive"):
        duplicate_groups(data.structures, tolerance=np.nan)


@given(st.lists(st.integers(0, 12), min_size=3, max_size=60), st.integers(2, 4), st.integers(0, 99))
def test_no_group_is_in_two_parts(groups: list[int], parts: int, seed: int) -> None:
    labels = np.array(groups).astype(str)
    shares = np.arange(1, parts + 1) / sum(range(1, parts + 1))
    if len(set(groups)) < parts:
        with pytest.raises(ValueError, match="at least as many groups"):
            deal_groups(labels, shares, seed)
        return
    dealt = deal_groups(labels, shares, seed)
    assert sorted(np.concatenate(dealt).tolist()) == list(range(len(groups)))
    assert all(len(part) for part in dealt)
    for one in range(parts):
        for other in range(one):
            assert not set(labels[dealt[one]]) & set(labels[dealt[other]])


# ---- checks


def test_short_contacts_agree_with_a_slow_search(small_glass: ase.Atoms) -> None:
    found = {(i, j) for i, j, _ in short_contacts(small_glass)}
    limit = {("O", "O"): 1.96, ("O", "Si"): 0.78 * (1.11 + 0.66), ("Si", "Si"): 0.65 * 2.22}
    i, j, d = neighbor_list("ijd", small_glass, 2.5)
    symbols = small_glass.get_chemical_symbols()
    slow = {(int(a), int(b)) for a, b, x in zip(i, j, d, strict=True)
            if a <= b and x < limit[tuple(sorted((symbols[a], symbols[b])))]}  # fmt: skip
    assert found == slow and found


def test_outliers_are_far_from_the_others_in_robust_units() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(0, 1, 500), [9.0, -8.0], [np.nan]])
    assert np.flatnonzero(outliers(values)).tolist() == [500, 501]
    assert not outliers(np.zeros(9)).any()


def test_checks_find_what_is_known_to_be_odd_in_the_real_data(data_folder: Path) -> None:
    options = {"tensor": "shift_tensor", "kind": "ms", "sign": -1, "offset": 837.9, "where": "label == 1"}
    data = read_dataset(data_folder / "silicate-29si" / "train.extxyz.gz", group="group", **options)
    found = check_dataset(data)
    kinds = [finding.kind for finding in found]
    assert kinds.count("contact") == 1 and kinds.count("coordination") == 2 and kinds.count("value") == 1
    assert all("Si of 3 oxygen" in f.text for f in found if f.kind == "coordination")


# ---- symmetry


def test_symmetry_images_are_those_of_the_real_data(data_folder: Path) -> None:
    pytest.importorskip("spglib")
    from glassnmr.symmetry import expand

    options = {"tensor": "shift_tensor", "kind": "ms", "sign": -1, "offset": 837.9, "group": "group", "index": "0:60"}
    path = data_folder / "silicate-29si" / "train.extxyz.gz"
    given_rows = read_dataset(path, where="label == 1", **options)
    images = read_dataset(path, where="label > 0", **options)
    ours = expand(given_rows)
    pairs = zip(images.structure, images.centre, strict=True)
    place = {(images.structures[s].info["name"], c): k for k, (s, c) in enumerate(pairs)}
    differences = []
    for row, (s, c) in enumerate(zip(ours.structure, ours.centre, strict=True)):
        other = place.get((ours.structures[s].info["name"], c))
        if other is not None and ours.structures[s].arrays["label"][c] == 2:
            differences.append(np.abs(ours.tensors["ms"][row] - images.tensors["ms"][other]).max())
    assert len(differences) > 300
    assert np.median(differences) < 1e-9 and np.percentile(differences, 90) < 0.01 and np.max(differences) < 1.5
    assert len(ours) > 0.95 * len(images)


def test_symmetry_images_agree_with_the_calculation_of_every_atom(data_folder: Path) -> None:
    pytest.importorskip("spglib")
    from glassnmr.symmetry import expand

    whole = read_dataset(data_folder / "parsers" / "magres" / "quartz.efg.magres")
    some = whole.select(mask=[0, 3])
    ours = expand(some, 1e-3)
    assert len(ours) == len(whole)
    order = np.argsort(ours.centre)
    np.testing.assert_allclose(ours.tensors["efg"][order], whole.tensors["efg"], atol=3e-4)


# ---- commands


def test_a_table_is_split_merged_and_told(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    data = reference.load("shielding")
    data.write(tmp_path / "set.h5")
    result = glassnmr("dataset", "split", tmp_path / "set.h5", "--parts", "0.7,0.3", "-o", tmp_path / "a.h5", "-o",
                      tmp_path / "b.extxyz", "--group-by", "duplicates")  # fmt: skip
    assert result.exit_code == 0, result.output
    one, other = read_dataset(tmp_path / "a.h5"), read_dataset(tmp_path / "b.extxyz")
    assert len(one) + len(other) == len(data) and abs(len(one) / len(data) - 0.7) < 0.05
    assert not set(one.group.tolist()) & set(other.group.tolist())
    result = glassnmr("dataset", "merge", tmp_path / "a.h5", tmp_path / "b.extxyz", "-o", tmp_path / "c.h5")
    assert result.exit_code == 0 and len(read_dataset(tmp_path / "c.h5")) == len(data)
    result = glassnmr("dataset", "info", tmp_path / "c.h5", "--plot", tmp_path / "c.png")
    assert result.exit_code == 0, result.output
    assert "composition: " in result.output and "29Si sigma_iso / ppm" in result.output and "  Q4" in result.output
    assert (tmp_path / "c.png").stat().st_size > 10000
    result = glassnmr("dataset", "check", tmp_path / "c.h5")
    assert result.exit_code == 0 and "findings in" in result.output or "finding in" in result.output


def test_built_tables_carry_labels_and_compositions(tmp_path: Path) -> None:
    reference.load("shielding", "29Si").write(tmp_path / "set.extxyz")
    result = glassnmr("dataset", "build", tmp_path / "set.extxyz", "--label", "temperature=300", "--label", "run=a b",
                      "--group-by", "composition", "-o", tmp_path / "out.extxyz")  # fmt: skip
    assert result.exit_code == 0, result.output
    data = read_dataset(tmp_path / "out.extxyz")
    assert {atoms.info["temperature"] for atoms in data.structures} == {300}
    assert {atoms.info["run"] for atoms in data.structures} == {"a b"}
    assert {atoms.info["composition"] for atoms in data.structures} == set(data.group.tolist())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["split", "{set}", "--parts", "1", "-o", "{out}"], "two positive numbers"),
        (["split", "{set}", "--parts", "a,b", "-o", "{out}"], "must be numbers"),
        (["split", "{set}", "--parts", "1,-1", "-o", "{out}", "-o", "{out}x.h5"], "two positive numbers"),
        (["split", "{set}", "--parts", "1,1", "-o", "{out}"], "2 shares for 1 outputs"),
        (["split", "{set}", "--parts", "1,1", "-o", "{out}", "-o", "{out}"], "a name is given twice"),
        (["build", "{set}", "--label", "temperature", "-o", "{out}"], "must be like temperature=300"),
        (["build", "{set}", "--label", "group=1", "-o", "{out}"], "column of the table"),
        (["build", "{set}", "--plot", "a.txt", "-o", "{out}"], "a figure is written as"),
        (["build", "{set}", "-o", "a.magres"], "holds one structure"),
        (["build", "{set}", "--tolerance", "0", "-o", "{out}"], "expected a finite number above 0"),
        (["check"], "there is no data"),
        (["info", "{set}", "--plot", "a.doc"], "a figure is written as"),
    ],
)
def test_nonsense_is_refused_in_one_line(tmp_path: Path, words: list[str], message: str) -> None:
    reference.load("shielding", "29Si").write(tmp_path / "set.extxyz")
    names = {"set": tmp_path / "set.extxyz", "out": tmp_path / "out.extxyz"}
    result = glassnmr("dataset", *(word.format(**names) for word in words))
    lines = result.stderr.strip().splitlines()
    assert result.exit_code == 2 and len(lines) == 1 and message in lines[0], result.output
    assert not names["out"].exists()
