# SPDX-License-Identifier: BSD-3-Clause
"""Readers of structures: extended xyz, magres, LAMMPS data and dumps, and what ASE reads beside them."""

from __future__ import annotations

import bz2
import gzip
import itertools
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

from glassnmr.io import count_frames, parse_types, read_frames, write_extxyz_frame
from glassnmr.io.extxyz import read_extxyz

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


# ---- extended xyz


def test_extxyz_agrees_with_ase(tmp_path: Path, small_glass: ase.Atoms) -> None:
    frames = [small_glass, bulk("Si"), ase.Atoms("OH", [[0, 0, 0], [0, 0, 1.0]])]
    ase.io.write(tmp_path / "a.extxyz", frames, format="extxyz")
    ours, theirs = list(read_frames(tmp_path / "a.extxyz")), ase.io.read(tmp_path / "a.extxyz", ":")
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine.numbers, other.numbers)
        np.testing.assert_array_equal(mine.positions, other.positions)
        np.testing.assert_array_equal(mine.cell.array, other.cell.array)
        np.testing.assert_array_equal(mine.pbc, other.pbc)
        assert mine.arrays.keys() == other.arrays.keys()
        for key, array in mine.arrays.items():
            np.testing.assert_array_equal(array, other.arrays[key])


def test_extxyz_of_real_data_agrees_with_ase(data_folder: Path) -> None:
    path = data_folder / "silicate-29si" / "train.extxyz.gz"
    count = 0
    for mine, other in zip(read_frames(path), ase.io.iread(path, ":"), strict=True):
        count += 1
        np.testing.assert_array_equal(mine.numbers, other.numbers)
        np.testing.assert_array_equal(mine.positions, other.positions)
        np.testing.assert_array_equal(mine.cell.array, other.cell.array)
        np.testing.assert_array_equal(mine.arrays["shift_tensor"], other.arrays["shift_tensor"])
        assert mine.info == other.info
    assert count == 326


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6), st.text(max_size=12), st.data())
def test_an_extxyz_frame_comes_back_with_the_same_bits(numbers: list[float], text: str, data) -> None:
    import io

    clean = " ".join("".join(c for c in text if c.isprintable()).split())
    atoms = ase.Atoms("SiO", positions=np.reshape(numbers, (2, 3)), cell=[[5, 0.1, 0], [0, 6, 0], [1 / 3, 0, 7]], pbc=(1, 0, 1))
    arrays = {
        "tensor": np.arange(18).reshape(2, 3, 3) / 7,
        "label": np.array([1, -2]),
        "flag": np.array([True, False]),
        "isotope": np.array(["29Si", ""]),
    }
    word = data.draw(st.sampled_from(["7", "007", "1e5", "T", "T F", "nan", "a=b", 'say "x"', "back\\slash", "[1, 2]", "{x}", "é"]))
    file = io.StringIO()
    write_extxyz_frame(file, atoms, arrays, {"word": word, "text": clean, "count": 3, "value": 0.1, "yes": True})
    file.seek(0)
    (back,) = read_extxyz(file, "memory")
    np.testing.assert_array_equal(back.positions, atoms.positions)
    np.testing.assert_array_equal(back.cell.array, atoms.cell.array)
    np.testing.assert_array_equal(back.pbc, atoms.pbc)
    np.testing.assert_array_equal(back.arrays["tensor"].reshape(2, 3, 3), arrays["tensor"])
    np.testing.assert_array_equal(back.arrays["label"], [1, -2])
    np.testing.assert_array_equal(back.arrays["flag"], [True, False])
    assert back.arrays["isotope"].tolist() == ["29Si", "-"]
    assert {key: str(value) for key, value in back.info.items()} == {
        "word": word, "text": clean, "count": "3", "value": "0.1", "yes": "True",
    }  # fmt: skip


def test_ase_reads_what_we_write(tmp_path: Path, small_glass: ase.Atoms) -> None:
    with open(tmp_path / "a.extxyz", "w") as file:
        write_extxyz_frame(file, small_glass, {"ms": small_glass.arrays["ms"]}, {"group": "007"})
    other = ase.io.read(tmp_path / "a.extxyz")
    np.testing.assert_array_equal(other.positions, small_glass.positions)
    np.testing.assert_array_equal(other.arrays["ms"], small_glass.arrays["ms"])
    assert other.info["group"] == "007"


def test_a_plain_xyz_file_is_a_molecule_and_further_columns_are_left() -> None:
    import io

    (atoms,) = read_extxyz(io.StringIO("2\nwater without a hydrogen\nO 0 0 0 0.5\nH 0 0 1 -0.5\n\n"), "memory")
    assert atoms.get_chemical_formula() == "HO"
    assert not atoms.pbc.any()
    assert not atoms.cell.array.any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2\n\nO 0 0 0\n", "frame 0: 2 atoms are promised, the file has 1"),
        ("1\n\nO 0 0 0\n3\n\nO 0 0 0\n", "frame 1: 3 atoms are promised, the file has 1"),
        ("1\n\nO 0 0 0\nO 1 1 1\n", "frame 1: expected a number of atoms, got 'O 1 1 1'"),
        ("0\n\n", "number of atoms must be positive"),
        ("1\n\nQq 0 0 0\n", "'Qq' is not an element"),
        ("1\n\nO 0 0 zero\n", "column pos holds something else than real numbers"),
        ('1\nLattice="1 2 3" \nO 0 0 0\n', "Lattice"),
        ("1\nProperties=species:S:1:pos:R:3:ms:R:9\nO 0 0 0 1 2\n", "atom 0 has 6 columns instead of 13"),
        ("1\nProperties=species:S:1:pos:R:3:q:R:1:q:R:1\nO 0 0 0 1 2\n", "names a column twice"),
        ("1\nProperties=species:S:1:pos:Q:3\nO 0 0 0\n", "is not a list of name"),
        ("1\nProperties=species:S:1:pos:R:3:label:I:1\nO 0 0 0 1.5\n", "label holds something else than integers"),
        ("1\nProperties=species:S:1:velo:R:3\nO 0 0 0\n", "no column pos"),
        ("1\nProperties=pos:R:3:label:I:1\n0 0 0 1\n", "no column species"),
    ],
)
def test_a_malformed_xyz_file_is_refused_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        list(read_frames(_write(tmp_path / "a.xyz", text)))
    assert "\n" not in str(caught.value)


# ---- frames: streaming, index, compression, names


def test_frames_are_read_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_text("1\n\nO 0 0 0\n" * 20000 + "1\n\nO broken\n")
    frames = read_frames(path)
    assert len(list(itertools.islice(frames, 20000))) == 20000
    with pytest.raises(ValueError, match="frame 20000: atom 0 has 2 columns"):
        next(frames)


@given(st.one_of(st.integers(-6, 5), st.builds(slice, *[st.one_of(st.none(), st.integers(-7, 7))] * 2, st.sampled_from([None, 1, 2, 5]))))
def test_index_means_what_it_means_for_a_list(tmp_path_factory: pytest.TempPathFactory, index: int | slice) -> None:
    path = tmp_path_factory.mktemp("index") / "a.xyz"
    path.write_text("".join(f"1\n\nO {x} 0 0\n" for x in range(6)))
    wanted = list(range(6))[index]
    wanted = [wanted] if isinstance(wanted, int) else wanted
    if not wanted:
        with pytest.raises(ValueError, match="holds no structure"):
            list(read_frames(path, index=index))
        return
    assert [atoms.positions[0, 0] for atoms in read_frames(path, index=index)] == wanted
    if isinstance(index, slice):
        text = ":".join("" if part is None else str(part) for part in (index.start, index.stop, index.step))
        assert [atoms.positions[0, 0] for atoms in read_frames(path, index=text.removesuffix(":") or ":")] == wanted


@pytest.mark.parametrize("index", ["x", "", "1:2:3:4", "::-1", "::0", 1.5, True, slice(None, None, -1)])
def test_a_wrong_index_is_refused(tmp_path: Path, index) -> None:
    with pytest.raises(ValueError, match="index must"):
        read_frames(_write(tmp_path / "a.xyz", "1\n\nO 0 0 0\n"), index=index)


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), ("", gzip.compress)])
def test_compression_is_recognised_by_content(tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"a.xyz{suffix}"
    path.write_bytes(pack(b"1\n\nO 0 0 0\n"))
    assert _only(path).get_chemical_formula() == "O"
    assert count_frames(path) == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xyz", b"", "a.xyz is empty"),
        ("a.xyz", b" \n\n", "is empty"),
        ("a.extxyz.gz", gzip.compress(b""), "is empty"),
        ("a.extxyz.gz", b"1\n\nO 0 0 0\n", "named .gz but is not compressed"),
        ("a.xyz.gz", gzip.compress(b"1\n\nO 0 0 0\n" * 9999)[:-200], "cut off"),
        ("a.xyz.gz", gzip.compress(b"1\n\nO 0 0 0\n")[:-8] + b"\0" * 8, "damaged"),
        ("a.magres", b"1\n\nO 0 0 0\n", "not a magres file"),
        ("a.xyz", b"#$magres-abinitio-v1.0\n", "it holds a magres file"),
        ("a.lammps-data", b"ITEM: TIMESTEP\n0\n", "it holds a LAMMPS dump"),
        ("a.extxyz", _data(["1 1 0 0 0"]).encode(), "it holds a LAMMPS data file"),
        ("a.lammpstrj", b"hello\n", "not a LAMMPS dump, whatever its name says"),
        ("a.xyz", b"\x89PNG\r\n\x1a\n\0\0\0", "not a text file"),
        ("a.whatever", b"hello\n", "in no known format"),
        ("a.whatever", b"\0\1\2\3", "in no known format"),
        ("a.cif", b"data_x\n_cell_length_a none\n", "holds no structure"),
        ("POSCAR", b"Si\n1.0\n1 0 0\n", "cannot be read"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        list(read_frames(tmp_path / name, types="O,Si"))
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_missing_files_and_folders_are_told_before_the_first_frame(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file .*nothing.xyz"):
        read_frames(tmp_path / "nothing.xyz")
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        read_frames(tmp_path)


@pytest.mark.parametrize("name", ["a.cif", "POSCAR", "a.traj", "a.json", "a.xsf"])
def test_other_formats_come_through_ase(tmp_path: Path, name: str) -> None:
    atoms = bulk("NaCl", "rocksalt", 5.64)
    ase.io.write(tmp_path / name, atoms)
    back = _only(tmp_path / name)
    assert back.get_chemical_formula() == "ClNa"
    np.testing.assert_allclose(back.get_volume(), atoms.get_volume(), rtol=1e-5)


def test_codes_outputs_of_real_data_come_through_ase(data_folder: Path) -> None:
    assert _only(data_folder / "parsers" / "vasp" / "LiAlSiO4_cs" / "OUTCAR.gz").get_chemical_formula() == "Al3Li3O12Si3"
    assert _only(data_folder / "parsers" / "qe" / "quartz-scf.out").get_chemical_formula() == "O6Si3"
    with pytest.raises(ValueError, match="holds no structure"):
        list(read_frames(data_folder / "parsers" / "qe" / "quartz-efg.out"))


# ---- magres

MAGRES = """#$magres-abinitio-v1.0
[calculation]
calc_code CASTEP
[/calculation]
[atoms]
units lattice Angstrom
lattice 5 0 0 0 6 0 0 0 7
units atom Angstrom
{atoms}
[/atoms]
[magres]
{magres}
[/magres]
"""
ATOMS = "atom Si Si 1 0 0 0\natom O O 1 1 1 1\natom O O 2 2 2 2"


def _magres(path: Path, atoms: str = ATOMS, magres: str = "") -> Path:
    return _write(path, MAGRES.format(atoms=atoms, magres=magres))


def test_an_atom_without_a_tensor_gets_nan(tmp_path: Path) -> None:
    atoms = _only(_magres(tmp_path / "a.magres", magres="units ms ppm\nms O 2 1 2 3 4 5 6 7 8 9"))
    assert np.isnan(atoms.arrays["ms"][:2]).all()
    np.testing.assert_array_equal(atoms.arrays["ms"][2], np.arange(1, 10).reshape(3, 3))
    assert atoms.info["calc_code"] == "CASTEP"
    assert atoms.pbc.all()


@pytest.mark.parametrize(
    ("atoms", "magres", "message"),
    [
        (ATOMS, "units ms ppm\nms O 3 1 2 3 4 5 6 7 8 9", "ms of O 3, which is not among its atoms"),
        (ATOMS, "units ms ppm\nms O 2 1 2 3 4 5 6 7 8", "expected 'ms label index' and nine numbers"),
        (ATOMS, "units ms ppm\nms O 2 1 2 3 4 5 6 7 8 x", "cannot be read as magres"),
        (ATOMS, "units ms ppm\nms O 2 1 2 3 4 5 6 7 8 9\nms O 2 1 2 3 4 5 6 7 8 9", "gives ms of O 2 twice"),
        (ATOMS, "units ms 1e-6\nms O 2 1 2 3 4 5 6 7 8 9", "ms must be in ppm, got 1e-6"),
        (ATOMS, "efg O 2 1 2 3 4 5 6 7 8 9", "efg must be in au, got no units"),
        (ATOMS, "units efg au", "announces units of efg but has no efg tensors"),
        (ATOMS + "\natom O O 2 3 3 3", "", "two atoms O 2"),
        ("atom O O 1 1 1", "", "expected 'atom species label index x y z'"),
        ("", "", "has no atoms"),
        ("units atom bohr\n" + ATOMS, "", "must be in Angstrom"),
        ("atom Qq Qq 1 0 0 0", "", "cannot be read as magres"),
    ],
)
def test_a_malformed_magres_file_is_refused_in_one_sentence(tmp_path: Path, atoms: str, magres: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        list(read_frames(_magres(tmp_path / "a.magres", atoms, magres)))
    assert "\n" not in str(caught.value)


def test_a_magres_file_that_ends_early_is_refused(tmp_path: Path) -> None:
    text = MAGRES.format(atoms=ATOMS, magres="units ms ppm\nms O 2 1 2 3 4 5 6 7 8 9")
    with pytest.raises(ValueError, match=r"cut off: its block \[magres\] does not end"):
        list(read_frames(_write(tmp_path / "a.magres", text[: text.index("[/magres]")])))
    with pytest.raises(ValueError, match=r"has no \[atoms\] block"):
        list(read_frames(_write(tmp_path / "b.magres", "#$magres-abinitio-v1.0\n[magres]\n[/magres]\n")))


def test_magres_samples_agree_with_ase(data_folder: Path) -> None:
    samples = sorted((data_folder / "parsers" / "magres").glob("*.magres"))
    good = [path for path in samples if path.name not in MALFORMED]
    assert len(good) == 8
    for path in good:
        atoms, other = _only(path), ase.io.read(path, format="magres")
        np.testing.assert_array_equal(atoms.positions, other.positions)
        for key in ("ms", "efg"):
            assert (key in atoms.arrays) == (key in other.arrays)
            if key in atoms.arrays:
                np.testing.assert_array_equal(atoms.arrays[key], other.arrays[key])


MALFORMED = {
    "noversion.magres": "does not begin with",
    "badversion.magres": "version 2.0, only 1.0 is known",
    "units-without-data.magres": "announces units of efg",
}


@pytest.mark.parametrize(("name", "message"), MALFORMED.items())
def test_malformed_magres_samples_are_refused(data_folder: Path, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(read_frames(data_folder / "parsers" / "magres" / name))


# ---- the map of types


@pytest.mark.parametrize("types", ["O,Si", "O Si", "1=O,2=Si", "2=Si 1=O", ["O", "Si"], ("O", "Si"), {1: "O", 2: "Si"}, {"1": "O", "2": "Si"}])
def test_every_way_to_write_types_means_the_same(types) -> None:
    assert parse_types(types) == {"1": "O", "2": "Si"}


@pytest.mark.parametrize(
    ("types", "message"),
    [("", "empty"), ("O,Qq", "'Qq'"), ("1=O,Si", "all like"), ("1=O,1=Si", "twice"), ({}, "empty"), ("X", "'X'"), ("1==O", "all like")],
)
def test_wrong_types_are_refused(types, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_types(types)


# ---- LAMMPS data

POSITIONS = np.array([[0.1, 0.2, 0.9], [1.0, 2.0, 3.0], [-0.5, 4.5, 6.0], [3.5, 5.5, 7.25]])
ROWS = [("3", "2"), ("1", "1"), ("4", "2"), ("2", "1")]


def _rows(before: Callable[[str, str], str], flags: str = "") -> list[str]:
    return [
        f"{before(*ROWS[i])} {' '.join(map(str, POSITIONS[i]))} {flags}".strip() + (" # note" if i == 1 else "") for i in range(4)
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
def test_every_style_of_lammps_data_is_read_with_and_without_its_hint(tmp_path: Path, style: str, hint: bool, flags: str) -> None:
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
    np.testing.assert_array_equal(_only(_write(tmp_path / "a.lmp", text), types="O,Si").cell.array, [[0, 1, 2], [3, 0, 0.5], [1, 1, 4]])


def test_types_that_are_not_mapped_are_listed_with_a_way_out(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.lammps-data", _data(_rows(STYLES["atomic"])))
    with pytest.raises(ValueError, match=r"types 1 \(2 atoms, mass 15.9994\), 2 \(2 atoms, mass 28.0855\).*types='1=O,2=Si'"):
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
def test_a_malformed_lammps_data_file_is_refused_in_one_sentence(tmp_path: Path, change: tuple[str, str], message: str) -> None:
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
def test_glasses_of_real_data_agree_with_a_plain_parse(data_folder: Path, name: str, types: str, before: int, formula: dict[str, int]) -> None:
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


@pytest.mark.parametrize("columns", ["id type x y z", "id type xu yu zu", "id type xs ys zs", "id type xsu ysu zsu", "type id vx z y x"])
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
    atoms = _only(_write(tmp_path / "a.dump", f"{text[:start]}ITEM: BOX BOUNDS xy xz yz pp pp pp\n{bounds}\n{text[end:]}"))
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
    text = "".join(_dump("id type xs ys zs", ["1 1 0 0 0.1", "2 2 .5 .5 .5", "3 1 .2 .2 .2"], step) for step in range(50))
    path = tmp_path / "a.dump.gz"
    path.write_bytes(gzip.compress((text + text[:90]).encode()))
    frames: Iterator[ase.Atoms] = read_frames(path, types="O,Si")
    assert [atoms.info["timestep"] for atoms in itertools.islice(frames, 50)] == list(range(50))
    with pytest.raises(ValueError, match="frame 50 is cut off"):
        next(frames)
