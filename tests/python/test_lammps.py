# SPDX-License-Identifier: BSD-3-Clause
"""LAMMPS data files and dumps, and the map from their types to elements."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest

from glassnmr.io import parse_types, read_frames

DATA = """LAMMPS data file

4 atoms
2 atom types

-1.0 4.0 xlo xhi
0.0 6.0 ylo yhi
0.5 7.5 zlo zhi
0.3 -0.2 0.1 xy xz yz

Masses

1 15.9994 # O
2 28.0855 # Si

Atoms{hint}

{rows}

Velocities

1 0 0 0
2 0 0 0
3 0 0 0
4 0 0 0
"""
DUMP = """ITEM: TIMESTEP
{step}
ITEM: NUMBER OF ATOMS
3
ITEM: BOX BOUNDS pp pp {flag}
-1.0 4.0
0.0 6.0
0.5 7.5
ITEM: ATOMS {columns}
{rows}
"""


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _only(path: Path, **options) -> ase.Atoms:
    frames = list(read_frames(path, **options))
    assert len(frames) == 1
    return frames[0]


def _data(rows: list[str], hint: str = "") -> str:
    return DATA.format(rows="\n".join(rows), hint=hint)


def _dump(columns: str, rows: list[str], step: int = 0, flag: str = "pp") -> str:
    return DUMP.format(step=step, columns=columns, rows="\n".join(rows), flag=flag)


# ---- the map of types


@pytest.mark.parametrize(
    "types",
    ["O,Si", "O Si", "1=O,2=Si", "2=Si 1=O", ["O", "Si"], ("O", "Si"), {1: "O", 2: "Si"}, {"1": "O", "2": "Si"}],
)
def test_every_way_to_write_types_means_the_same(types) -> None:
    assert parse_types(types) == {"1": "O", "2": "Si"}


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ("", "empty"),
        ("O,Qq", "'Qq'"),
        ("1=O,Si", "all like"),
        ("1=O,1=Si", "twice"),
        ({}, "empty"),
        ("X", "'X'"),
        ("1==O", "all like"),
    ],
)
def test_wrong_types_are_refused(types, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_types(types)


# ---- LAMMPS data

POSITIONS = np.array([[0.1, 0.2, 0.9], [1.0, 2.0, 3.0], [-0.5, 4.5, 6.0], [3.5, 5.5, 7.25]])
ROWS = [("3", "2"), ("1", "1"), ("4", "2"), ("2", "1")]


def _rows(before: Callable[[str, str], str], flags: str = "") -> list[str]:
    return [
        f"{before(*ROWS[i])} {' '.join(map(str, POSITIONS[i]))} {flags}".strip() + (" # note" if i == 1 else "")
        for i in range(4)
    ]


STYLES = {
    "atomic": lambda i, t: f"{i} {t}",
    "charge": lambda i, t: f"{i} {t} {-1.5 if t == '1' else 3.0}",
    "full": lambda i, t: f"{i} 7 {t} {-1.5 if t == '1' else 3.0}",
    "molecular": lambda i, t: f"{i} 7 {t}",
}


@pytest.mark.parametrize("flags", ["", "0 -1 2"])
@pytest.mark.parametrize("hint", [True, False])
@pytest.mark.parametrize("style", STYLES)
def test_every_style_of_lammps_data_is_read_with_and_without_its_hint(
    tmp_path: Path, style: str, hint: bool, flags: str
) -> None:
    text = _data(_rows(STYLES[style], flags), f" # {style}" if hint else "")
    atoms = _only(_write(tmp_path / "a.lammps-data", text), types="O,Si")
    order = [1, 3, 0, 2]
    np.testing.assert_array_equal(atoms.positions, POSITIONS[order])
    assert atoms.get_chemical_symbols() == ["O", "O", "Si", "Si"]
    assert atoms.arrays["id"].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(atoms.cell.array, [[5, 0, 0], [0.3, 6, 0], [-0.2, 0.1, 7]])
    assert atoms.pbc.all()
    if style in ("charge", "full"):
        assert atoms.arrays["q"].tolist() == [-1.5, -1.5, 3.0, 3.0]


@pytest.mark.parametrize("style", ["atomic", "charge", "full"])
def test_lammps_data_agrees_with_ase(tmp_path: Path, style: str) -> None:
    path = _write(tmp_path / "a.lammps-data", _data(_rows(STYLES[style]), f" # {style}"))
    other = ase.io.read(path, format="lammps-data", atom_style=style)
    atoms = _only(path, types="1=O,2=Si")
    np.testing.assert_array_equal(atoms.numbers, other.numbers)
    np.testing.assert_allclose(atoms.cell.array, other.cell.array)
    np.testing.assert_allclose(atoms.get_all_distances(mic=True), other.get_all_distances(mic=True), atol=1e-12)


def test_a_hint_that_the_columns_refute_is_set_aside(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.lammps-data", _data(_rows(STYLES["atomic"]), " # full"))
    np.testing.assert_array_equal(_only(path, types="O,Si").positions[0], POSITIONS[1])


def test_type_labels_that_are_elements_need_no_types(tmp_path: Path) -> None:
    text = _data(_rows(STYLES["atomic"])).replace("Masses", "Atom Type Labels\n\n1 O\n2 Si\n\nMasses")
    assert _only(_write(tmp_path / "a.lammps-data", text)).get_chemical_symbols() == ["O", "O", "Si", "Si"]
    labelled = text.replace("3 2 0.1", "3 Si 0.1").replace("1 1 1.0", "1 O 1.0")
    assert _only(_write(tmp_path / "b.lammps-data", labelled)).get_chemical_symbols() == ["O", "O", "Si", "Si"]
    assert _only(tmp_path / "b.lammps-data", types="O=O,Si=Ge").get_chemical_symbols() == ["O", "O", "Ge", "Ge"]


def test_a_general_triclinic_box_is_read(tmp_path: Path) -> None:
    text = _data(_rows(STYLES["atomic"]))
    box = "0 1 2 avec\n3 0 0.5 bvec\n1 1 4 cvec\n0 0 0 abc origin"
    text = text[: text.index("-1.0 4.0")] + box + text[text.index("\n\nMasses") :]
    np.testing.assert_array_equal(
        _only(_write(tmp_path / "a.lmp", text), types="O,Si").cell.array, [[0, 1, 2], [3, 0, 0.5], [1, 1, 4]]
    )


def test_types_that_are_not_mapped_are_listed_with_a_way_out(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.lammps-data", _data(_rows(STYLES["atomic"])))
    with pytest.raises(
        ValueError, match=r"types 1 \(2 atoms, mass 15.9994\), 2 \(2 atoms, mass 28.0855\).*types='1=O,2=Si'"
    ):
        list(read_frames(path))
    odd = _write(tmp_path / "b.lammps-data", _data(_rows(STYLES["atomic"])).replace("28.0855", "1.755"))
    with pytest.raises(ValueError, match="give for example types='1=O,2=Si'"):
        list(read_frames(odd))
    with pytest.raises(ValueError, match="has atoms of type 2, but types gives only 1=O"):
        list(read_frames(path, types="O"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("4 atoms", "5 atoms"), "promises 5 atoms, its section Atoms has 4"),
        (("4 atoms", "0 atoms"), "promises 0 atoms"),
        (("3 2 0.1 0.2 0.9", "3 2 0.1 0.2"), "has 4 columns|has 5 columns"),
        (("3 2 0.1 0.2 0.9", "3 2 0.1 0.2 none"), "cannot be read as style atomic"),
        (("3 2 0.1", "4 2 0.1"), "two atoms of the same id"),
        (("0.0 6.0 ylo yhi", ""), "does not give the box along y"),
        (("0.0 6.0 ylo", "0.0 wide ylo"), "box line"),
        (("Atoms", "Ellipsoids"), "no section Atoms"),
        (("Velocities", "Atoms"), "two sections Atoms"),
        (("Atoms", "Atoms # sphere"), "atom style sphere, known are"),
    ],
)
def test_a_malformed_lammps_data_file_is_refused_in_one_sentence(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    text = _data(_rows(STYLES["atomic"]))
    assert change[0] in text
    with pytest.raises(ValueError, match=message) as caught:
        list(read_frames(_write(tmp_path / "a.lammps-data", text.replace(*change)), types="O,Si"))
    assert "\n" not in str(caught.value)


def test_columns_that_fit_two_styles_ask_for_the_hint(tmp_path: Path) -> None:
    text = _data(_rows(lambda i, t: f"{i} {t} 1"))
    with pytest.raises(ValueError, match="ambiguous.*'Atoms # (angle|bond|molecular)' or 'Atoms # charge'|ambiguous"):
        list(read_frames(_write(tmp_path / "a.lammps-data", text), types="O,Si"))


def _own_parse(text: str, before: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An independent reading of a data file's atoms: id, type, positions."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.strip().startswith("Atoms")) + 2
    body = itertools.takewhile(str.strip, lines[start:])
    table = np.array([[float(word) for word in line.split()[: before + 3]] for line in body])
    return table[:, 0].astype(int), table[:, 1].astype(int), table[:, before:]


@pytest.mark.parametrize(
    ("name", "types", "before", "formula"),
    [
        ("na2o20-sio2-80_9000.lammps-data.gz", "O,Si,Na", 3, {"O": 5400, "Si": 2400, "Na": 1200}),
        ("b2o3_1700.lammps-data", "B,O", 2, {"B": 680, "O": 1020}),
        ("b2o3_360_1.lammps-data", "B,O", 2, {"B": 144, "O": 216}),
    ],
)
def test_glasses_of_real_data_agree_with_a_plain_parse(
    data_folder: Path, name: str, types: str, before: int, formula: dict[str, int]
) -> None:
    path = data_folder / "glass" / name
    text = gzip.decompress(path.read_bytes()).decode() if name.endswith(".gz") else path.read_text()
    ids, kinds, positions = _own_parse(text, before)
    order = np.argsort(ids)
    atoms = _only(path, types=types)
    assert atoms.symbols.formula.count() == formula
    np.testing.assert_array_equal(atoms.positions, positions[order])
    np.testing.assert_array_equal(atoms.arrays["type"].astype(int), kinds[order])


# ---- LAMMPS dumps

INSIDE = np.array([[0.25, 0.5, 0.75], [0.1, 0.2, 0.3], [0.9, 0.8, 0.7]])
ORIGIN = np.array([-1.0, 0.0, 0.5])


def _scaled(cell: np.ndarray) -> np.ndarray:
    return ORIGIN + INSIDE @ cell


@pytest.mark.parametrize(
    "columns", ["id type x y z", "id type xu yu zu", "id type xs ys zs", "id type xsu ysu zsu", "type id vx z y x"]
)
def test_every_kind_of_position_is_read(tmp_path: Path, columns: str) -> None:
    cell = np.diag([5.0, 6.0, 7.0])
    rows = []
    for number, (real, scaled) in enumerate(zip(_scaled(cell), INSIDE, strict=True)):
        words = {"id": str(3 - number), "type": str(1 + number % 2), "vx": "0.5"}
        for axis, letter in enumerate("xyz"):
            words |= {letter: str(real[axis]), letter + "u": str(real[axis])}
            words |= {letter + "s": str(scaled[axis]), letter + "su": str(scaled[axis])}
        rows.append(" ".join(words[column] for column in columns.split()))
    atoms = _only(_write(tmp_path / "a.dump", _dump(columns, rows, 42)), types="O,Si")
    np.testing.assert_allclose(atoms.positions, _scaled(cell)[::-1], atol=1e-14)
    assert atoms.get_chemical_symbols() == ["O", "Si", "O"]
    np.testing.assert_array_equal(atoms.cell.array, cell)
    assert atoms.info["timestep"] == 42
    assert ("vx" in atoms.arrays) == ("vx" in columns)


def test_a_tilted_box_is_read_from_the_bounds_around_it(tmp_path: Path) -> None:
    cell = np.array([[5.0, 0, 0], [1.5, 6, 0], [-2.0, 0.75, 7]])
    xy, xz, yz = 1.5, -2.0, 0.75
    corners = np.array(list(itertools.product([0, 1], repeat=3))) @ cell + ORIGIN
    low, high = corners.min(axis=0), corners.max(axis=0)
    bounds = "\n".join(f"{lo} {hi} {tilt}" for lo, hi, tilt in zip(low, high, (xy, xz, yz), strict=True))
    text = _dump("id element xs ys zs", [f"{i} O {a} {b} {c}" for i, (a, b, c) in enumerate(INSIDE, 1)])
    start, end = text.index("ITEM: BOX"), text.index("ITEM: ATOMS")
    atoms = _only(
        _write(tmp_path / "a.dump", f"{text[:start]}ITEM: BOX BOUNDS xy xz yz pp pp pp\n{bounds}\n{text[end:]}")
    )
    np.testing.assert_allclose(atoms.cell.array, cell, atol=1e-14)
    np.testing.assert_allclose(atoms.positions, _scaled(cell), atol=1e-14)
    vectors = "\n".join(f"{' '.join(map(str, row))} {origin}" for row, origin in zip(cell, ORIGIN, strict=True))
    general = f"{text[:start]}ITEM: BOX BOUNDS abc origin pp pp pp\n{vectors}\n{text[end:]}"
    np.testing.assert_allclose(_only(_write(tmp_path / "b.dump", general)).positions, _scaled(cell), atol=1e-14)


def test_a_dump_agrees_with_ase(tmp_path: Path) -> None:
    rows = ["2 O 1 1 1", "1 Si 0.5 5 2", "3 O 3 2 7"]
    path = _write(tmp_path / "a.lammpstrj", "".join(_dump("id element x y z", rows, step) for step in range(3)))
    for atoms, other in zip(read_frames(path), ase.io.read(path, ":", format="lammps-dump-text"), strict=True):
        np.testing.assert_array_equal(atoms.numbers, other.numbers)
        np.testing.assert_allclose(atoms.get_all_distances(mic=True), other.get_all_distances(mic=True), atol=1e-12)


def test_elements_come_from_the_types_given_else_from_the_column(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.dump", _dump("id type element x y z", ["1 1 C 0 0 1", "2 2 C 1 1 1", "3 1 C 2 2 2"]))
    assert _only(path).get_chemical_symbols() == ["C", "C", "C"]
    assert _only(path, types="O,Si").get_chemical_symbols() == ["O", "Si", "O"]


def test_rows_mean_the_same_atom_in_every_frame(tmp_path: Path) -> None:
    shuffled = [["1 O 0 0 1", "2 Si 1 1 1", "3 O 2 2 2"], ["3 O 2 2 2", "1 O 0 0 1", "2 Si 1 1 1"]]
    path = _write(tmp_path / "a.dump", "".join(_dump("id element x y z", rows) for rows in shuffled))
    first, second = read_frames(path)
    np.testing.assert_array_equal(first.positions, second.positions)
    np.testing.assert_array_equal(first.numbers, second.numbers)


def test_open_sides_of_a_dump_are_not_periodic(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.dump", _dump("id element x y z", ["1 O 0 0 1", "2 O 1 1 1", "3 O 2 2 2"], flag="fs"))
    assert _only(path).pbc.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("3 O 2 2 2\n", ""), "frame 0: 3 atoms are promised, the file has 2"),
        (("2 O 1 1 1", "2 O 1 1"), "atom line 2 has 4 columns instead of 5"),
        (("2 O 1 1 1", "2 O 1 1 one"), "columns x y z hold something else than numbers"),
        (("2 O 1", "2 Qq 1"), "'Qq' in the column element"),
        (("2 O 1", "1 O 1"), "two atoms of the same id"),
        (("element x y z", "element vx vy vz"), "has no positions"),
        (("id element x", "id name x"), "neither the column element nor type"),
        (("id element x", "id type x"), "only the types O"),
        (("ITEM: NUMBER OF ATOMS\n3", "ITEM: NUMBER OF ATOMS\nmany"), "positive integer, got 'many'"),
        (("ITEM: NUMBER OF ATOMS\n3\n", ""), "NUMBER OF ATOMS"),
        (("0.0 6.0", "0.0 6.0 1.0"), "BOX BOUNDS"),
        (("-1.0 4.0", "-1.0 wide"), "BOX BOUNDS"),
        (("ITEM: BOX", "BOX"), "expected 'ITEM: ...'"),
    ],
)
def test_a_malformed_dump_is_refused_in_one_sentence(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = _dump("id element x y z", ["1 O 0 0 1", "2 O 1 1 1", "3 O 2 2 2"])
    assert change[0] in text
    with pytest.raises(ValueError, match=message) as caught:
        list(read_frames(_write(tmp_path / "a.dump", text.replace(*change))))
    assert "\n" not in str(caught.value)


def test_a_dump_is_streamed_and_its_cut_end_told_with_the_frame(tmp_path: Path) -> None:
    text = "".join(
        _dump("id type xs ys zs", ["1 1 0 0 0.1", "2 2 .5 .5 .5", "3 1 .2 .2 .2"], step) for step in range(50)
    )
    path = tmp_path / "a.dump.gz"
    path.write_bytes(gzip.compress((text + text[:90]).encode()))
    frames: Iterator[ase.Atoms] = read_frames(path, types="O,Si")
    assert [atoms.info["timestep"] for atoms in itertools.islice(frames, 50)] == list(range(50))
    with pytest.raises(ValueError, match="frame 50 is cut off"):
        next(frames)
