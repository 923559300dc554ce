# SPDX-License-Identifier: BSD-3-Clause
"""Readers of structures: extended xyz, magres, what ASE reads beside them, and files that are not what they say."""

from __future__ import annotations

import bz2
import gzip
import itertools
import lzma
from collections.abc import Callable
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

from glassnmr.io import count_frames, read_frames, write_extxyz_frame
from glassnmr.io.extxyz import read_extxyz


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _only(path: Path, **options) -> ase.Atoms:
    frames = list(read_frames(path, **options))
    assert len(frames) == 1
    return frames[0]


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


def test_extxyz_of_real_data_agrees_with_ase(data_folder: Path, tmp_path: Path) -> None:
    path = data_folder / "silicate-29si" / "train.extxyz.gz"
    plain = tmp_path / "plain.extxyz"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    count = 0
    for mine, other in zip(read_frames(path), ase.io.iread(plain, ":"), strict=True):
        count += 1
        np.testing.assert_array_equal(mine.numbers, other.numbers)
        np.testing.assert_array_equal(mine.positions, other.positions)
        np.testing.assert_array_equal(mine.cell.array, other.cell.array)
        np.testing.assert_array_equal(mine.arrays["shift_tensor"], other.arrays["shift_tensor"])
        assert mine.info == other.info
    assert count == 326


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6), st.text(max_size=12), st.data()
)
def test_an_extxyz_frame_comes_back_with_the_same_bits(numbers: list[float], text: str, data) -> None:
    import io

    clean = " ".join("".join(c for c in text if c.isprintable()).split())
    atoms = ase.Atoms(
        "SiO", positions=np.reshape(numbers, (2, 3)), cell=[[5, 0.1, 0], [0, 6, 0], [1 / 3, 0, 7]], pbc=(1, 0, 1)
    )
    arrays = {
        "tensor": np.arange(18).reshape(2, 3, 3) / 7,
        "label": np.array([1, -2]),
        "flag": np.array([True, False]),
        "isotope": np.array(["29Si", ""]),
    }
    word = data.draw(
        st.sampled_from(["7", "007", "1e5", "T", "T F", "nan", "a=b", 'say "x"', "back\\slash", "[1, 2]", "{x}", "é"])
    )
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
    path.write_text("1\n\nO 0 0 0\n" * 2000 + "1\n\nO broken\n")
    frames = read_frames(path)
    assert len(list(itertools.islice(frames, 2000))) == 2000
    with pytest.raises(ValueError, match="frame 2000: atom 0 has 2 columns"):
        next(frames)


@given(
    st.one_of(
        st.integers(-6, 5),
        st.builds(slice, *[st.one_of(st.none(), st.integers(-7, 7))] * 2, st.sampled_from([None, 1, 2, 5])),
    )
)
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


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), ("", gzip.compress)]
)
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
        ("a.extxyz", b"title\n\n1 atoms\n\n0 1 xlo xhi\n", "it holds a LAMMPS data file"),
        ("a.lammpstrj", b"hello\n", "not a LAMMPS dump, whatever its name says"),
        ("a.xyz", b"\x89PNG\r\n\x1a\n\0\0\0", "not a text file"),
        ("a.whatever", b"hello\n", "in no known format"),
        ("a.whatever", b"\0\1\2\3", "in no known format"),
        ("a.cif", b"data_x\n_cell_length_a none\n", "holds no structure"),
        ("POSCAR", b"Si\n1.0\n1 0 0\n", "cannot be read"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        list(read_frames(tmp_path / name, types="O,Si"))
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_comments_in_another_encoding_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_bytes(b"1\r\nlengths in \xc5\r\nO 0 0 1.5\r\n")
    assert _only(tmp_path / "a.xyz").positions[0, 2] == 1.5


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
    assert (
        _only(data_folder / "parsers" / "vasp" / "LiAlSiO4_cs" / "OUTCAR.gz").get_chemical_formula() == "Al3Li3O12Si3"
    )
    assert _only(data_folder / "parsers" / "qe" / "quartz-scf.out").get_chemical_formula() == "O6Si3"


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
def test_a_malformed_magres_file_is_refused_in_one_sentence(
    tmp_path: Path, atoms: str, magres: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        list(read_frames(_magres(tmp_path / "a.magres", atoms, magres)))
    assert "\n" not in str(caught.value)


def test_a_label_that_touches_its_index_is_told_apart(tmp_path: Path) -> None:
    atoms = "\n".join(f"atom O O {k} 0.1 0.1 {k / 20}" for k in range(1, 121))
    rows = (f"ms O{' ' if k < 100 else ''}{k} {k} 0 0 0 {k} 0 0 0 {k}" for k in range(1, 121))
    tensors = "units ms ppm\n" + "\n".join(rows)
    found = _only(_magres(tmp_path / "a.magres", atoms, tensors)).arrays["ms"]
    np.testing.assert_array_equal(found[:, 0, 0], np.arange(1, 121))


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
