# SPDX-License-Identifier: BSD-3-Clause
"""The table of tensors: reading, conventions, choosing, joining, writing back."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest

from glassnmr.dataset import Dataset, read_dataset
from glassnmr.io import read_frames, write_extxyz_frame


def _write(path: Path, *frames: ase.Atoms) -> Path:
    with open(path, "w") as file:
        for atoms in frames:
            arrays = {key: array for key, array in atoms.arrays.items() if key not in ("numbers", "positions")}
            write_extxyz_frame(file, atoms, arrays, atoms.info)
    return path


@pytest.fixture
def glass_file(tmp_path: Path, small_glass: ase.Atoms) -> Path:
    return _write(tmp_path / "glass.extxyz", small_glass)


def _same(one: Dataset, other: Dataset) -> None:
    """Equal to the bit, but for the files they were read from."""
    for name in ("structure", "centre", "element", "isotope", "source", "group"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for mine, theirs in ((one.tensors, other.tensors), (one.scalars, other.scalars)):
        assert mine.keys() == theirs.keys()
        for key, array in mine.items():
            np.testing.assert_array_equal(array, theirs[key])
    for mine, theirs in zip(one.structures, other.structures, strict=True):
        np.testing.assert_array_equal(mine.positions, theirs.positions)
        np.testing.assert_array_equal(mine.numbers, theirs.numbers)
        np.testing.assert_array_equal(mine.cell.array, theirs.cell.array)
        assert mine.info == theirs.info
        assert mine.arrays.keys() == theirs.arrays.keys()


# ---- real data: counts that an independent count gives


def test_silicates_hold_1068_labelled_tensors_in_221_groups(data_folder: Path, tmp_path: Path) -> None:
    path = data_folder / "silicate-29si" / "train.extxyz.gz"
    data = read_dataset(path, tensor="shift_tensor", kind="ms", sign=-1, offset=837.9, where="label == 1")
    assert (len(data), len(data.structures), len(set(data.group))) == (1068, 326, 221)
    assert set(data.isotope) == {"29Si"}
    (tmp_path / "plain.extxyz").write_bytes(gzip.decompress(path.read_bytes()))
    raw = list(ase.io.iread(tmp_path / "plain.extxyz", ":"))
    wanted = np.concatenate([atoms.arrays["shift_tensor"][atoms.arrays["label"] == 1] for atoms in raw])
    np.testing.assert_array_equal(data.tensors["ms"], 837.9 * np.eye(3) - wanted.reshape(-1, 3, 3))
    np.testing.assert_allclose(data.target("sigma_iso"), 837.9 - wanted[:, [0, 4, 8]].mean(axis=1), atol=1e-10)
    groups = np.concatenate([[str(atoms.info["group"])] * int((atoms.arrays["label"] == 1).sum()) for atoms in raw])
    np.testing.assert_array_equal(data.group, groups)
    assert all("Qn" in atoms.arrays for atoms in data.structures)


def test_atoms_without_a_value_are_left_out_and_counted(data_folder: Path) -> None:
    path = data_folder / "silicate-29si" / "train.extxyz.gz"
    data = read_dataset(path, tensor="shift_tensor", kind="ms", sign=-1, offset={"Si": 837.9})
    assert len(data) == 5123
    assert "left out: 13461 atoms whose shielding is zero throughout" in data.summary()
    assert len(data.select(where="label == 1")) == 1068


def test_gehlenites_hold_8640_gradients_in_30_groups(data_folder: Path) -> None:
    paths = sorted((data_folder / "gehlenite-efg").glob("*.magres.gz"))
    data = read_dataset(paths)
    assert (len(data), len(data.structures), len(set(data.group))) == (8640, 30, 30)
    counts = {name: int((data.element == name).sum()) for name in np.unique(data.element)}
    assert counts == {"Al": 1440, "Ca": 1440, "O": 5040, "Si": 720}
    efg = data.tensors["efg"]
    np.testing.assert_allclose(efg, np.swapaxes(efg, 1, 2), atol=1e-13)
    assert np.abs(np.trace(efg, axis1=1, axis2=2)).max() < 1e-12
    raw = next(read_frames(paths[0])).arrays["efg"]
    np.testing.assert_array_equal(efg[:288], raw)
    # 17O: C_Q = 234.964778 Q V_zz with Q = -0.02558 b
    oxygen = data.select(element="O")
    values = np.linalg.eigvalsh(oxygen.tensors["efg"])
    largest = np.abs(values).max(axis=1)
    np.testing.assert_allclose(oxygen.target("abs_C_Q") / largest, 234.964778 * 0.02558, rtol=3e-3)
    assert (oxygen.target("eta") >= 0).all()
    assert (oxygen.target("eta") <= 1).all()


def test_magres_samples_with_both_tensors_give_both(data_folder: Path) -> None:
    data = read_dataset(data_folder / "parsers" / "magres" / "ethanol-all.magres")
    assert set(data.tensors) == {"ms", "efg"}
    assert data.select(element="C").isotope.tolist() == ["13C", "13C"]
    assert abs(data.select(element="H").target("sigma_iso").mean() - 30) < 3


# ---- conventions


def test_sign_and_offset_make_shieldings_of_raw_shifts(glass_file: Path, small_glass: ase.Atoms) -> None:
    raw = small_glass.arrays["ms"][:4].reshape(4, 3, 3)
    data = read_dataset(glass_file, tensor={"ms": "ms"}, sign=-1, offset={"Si": 837.9})
    np.testing.assert_array_equal(data.tensors["ms"], 837.9 * np.eye(3) - raw)
    plain = read_dataset(glass_file, tensor="ms")
    np.testing.assert_array_equal(plain.tensors["ms"], raw)
    assert np.abs(raw - np.swapaxes(raw, 1, 2)).max() > 1


def test_gradients_in_volts_become_atomic_units(tmp_path: Path, small_glass: ase.Atoms) -> None:
    au = read_dataset(_write(tmp_path / "au.extxyz", small_glass), tensor="efg")
    small_glass.arrays["efg"] = small_glass.arrays["efg"] * 97.17362
    volts = read_dataset(_write(tmp_path / "v.extxyz", small_glass), tensor="efg", efg_unit="V/A^2")
    np.testing.assert_allclose(volts.tensors["efg"], au.tensors["efg"], rtol=1e-7, atol=1e-14)


def test_printed_digits_of_a_gradient_are_forgiven_and_more_is_not(tmp_path: Path, small_glass: ase.Atoms) -> None:
    exact = small_glass.arrays["efg"].copy()
    small_glass.arrays["efg"] = np.round(exact, 3)
    data = read_dataset(_write(tmp_path / "a.extxyz", small_glass), tensor="efg")
    np.testing.assert_array_equal(data.tensors["efg"].reshape(-1, 9), small_glass.arrays["efg"])
    np.testing.assert_allclose(data.tensors["efg"].reshape(-1, 9), exact, atol=2e-3)
    small_glass.arrays["efg"] = exact.copy()
    small_glass.arrays["efg"][3, 1] += 0.5
    path = _write(tmp_path / "b.extxyz", small_glass)
    with pytest.raises(ValueError, match=r"b.extxyz, frame 0: the field gradient of atom 3 is not symmetric"):
        read_dataset(path, tensor="efg")
    shielding = _write(tmp_path / "c.extxyz", small_glass)
    with pytest.raises(ValueError, match="not symmetric and traceless"):
        read_dataset(shielding, tensor="ms", kind="efg")


def test_positions_are_wrapped_and_the_file_is_checked(tmp_path: Path, small_glass: ase.Atoms) -> None:
    (atoms,) = read_dataset(_write(tmp_path / "a.extxyz", small_glass)).structures
    inside = atoms.positions @ np.linalg.inv(atoms.cell.array)
    assert inside.min() > -1e-12
    assert inside.max() < 1 + 1e-12
    small_glass.positions[7, 0] = np.nan
    with pytest.raises(ValueError, match="b.extxyz, frame 0: positions must be finite"):
        read_dataset(_write(tmp_path / "b.extxyz", small_glass))


def test_isotopes_are_the_usual_ones_unless_told(glass_file: Path) -> None:
    assert set(read_dataset(glass_file).isotope) == {"29Si", "17O"}
    assert set(read_dataset(glass_file, tensor="efg", element="O", isotope={"O": "17O"}).isotope) == {"17O"}
    for wrong, message in (({"O": "29Si"}, "one of its own"), ({"O": "99O"}, "must be one of")):
        with pytest.raises(ValueError, match=message):
            read_dataset(glass_file, isotope=wrong)


# ---- groups and names


def test_groups_come_from_info_arrays_the_file_or_the_structure(tmp_path: Path, small_glass: ase.Atoms) -> None:
    small_glass.set_array("site", np.repeat([5, 6], 6))
    path = _write(tmp_path / "a.extxyz", small_glass, small_glass)
    assert set(read_dataset(path).group) == {"007"}
    assert set(read_dataset(path, group="site").group) == {"5", "6"}
    assert set(read_dataset(path, group="file").group) == {"a"}
    with pytest.raises(ValueError, match="frame 0 has no group 'colour'.*site"):
        read_dataset(path, group="colour")
    del small_glass.info["group"]
    path = _write(tmp_path / "b.extxyz", small_glass, small_glass)
    assert sorted(set(read_dataset(path).group)) == ["b#0", "b#1"]
    assert set(read_dataset(_write(tmp_path / "c.extxyz", small_glass)).group) == {"c"}


def test_files_of_the_same_name_in_two_folders_stay_two_groups(tmp_path: Path, small_glass: ase.Atoms) -> None:
    del small_glass.info["group"]
    paths = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        paths.append(_write(tmp_path / folder / "a.extxyz", small_glass))
    data = read_dataset(paths)
    assert len(set(data.group)) == 2
    assert set(data.source) == {"a.extxyz"}


# ---- scalars


def test_scalars_are_read_by_their_usual_names_or_told_ones(tmp_path: Path, small_glass: ase.Atoms) -> None:
    del small_glass.arrays["ms"], small_glass.arrays["efg"]
    values = np.where(np.arange(12) < 4, 0.25 * np.arange(12), np.nan)
    small_glass.set_array("eta", values)
    small_glass.set_array("coupling", 4 * values)
    path = _write(tmp_path / "a.extxyz", small_glass)
    data = read_dataset(path)
    np.testing.assert_array_equal(data.target("eta"), [0, 0.25, 0.5, 0.75])
    assert "left out: 8 atoms without a finite value" in data.summary()
    both = read_dataset(path, scalar={"eta": "eta", "C_Q": "coupling"})
    np.testing.assert_array_equal(both.target("C_Q"), [0, 1, 2, 3])
    with pytest.raises(ValueError, match="no array 'missing', it has"):
        read_dataset(path, scalar="missing")


def test_targets_follow_from_the_tensors(glass_file: Path) -> None:
    data = read_dataset(glass_file, tensor="efg", element="O")
    values = np.linalg.eigvalsh(data.tensors["efg"])
    rows = np.arange(len(data))[:, None]
    values = values[rows, np.argsort(np.abs(values), axis=1)]
    np.testing.assert_allclose(data.target("V_zz"), values[:, 2])
    np.testing.assert_allclose(data.target("eta"), (values[:, 0] - values[:, 1]) / values[:, 2], atol=1e-12)
    np.testing.assert_allclose(np.abs(data.target("C_Q")), data.target("abs_C_Q"))
    product = data.target("abs_C_Q") * np.sqrt(1 + data.target("eta") ** 2 / 3)
    np.testing.assert_allclose(data.target("P_Q"), product)
    shieldings = read_dataset(glass_file, tensor="ms")
    symmetric = 0.5 * (shieldings.tensors["ms"] + np.swapaxes(shieldings.tensors["ms"], 1, 2))
    values = np.linalg.eigvalsh(symmetric)
    np.testing.assert_allclose(shieldings.target("span"), values[:, 2] - values[:, 0])
    assert (np.abs(shieldings.target("skew")) <= 1).all()
    assert np.isfinite(shieldings.target("zeta")).all()


def test_a_target_that_cannot_be_had_is_refused(glass_file: Path) -> None:
    data = read_dataset(glass_file)
    with pytest.raises(ValueError, match="target must be one of sigma_iso"):
        data.target("colour")
    with pytest.raises(ValueError, match="sigma_iso is not known for 8 of 12 rows"):
        data.target("sigma_iso")
    assert len(data.select(mask=data.has("ms")).target("sigma_iso")) == 4
    with pytest.raises(ValueError, match="29Si has spin 1/2"):
        data.target("C_Q")
    partly = Dataset.concatenate([replace(data, tensors={}, scalars={"hardness": np.ones(12)}), data])
    with pytest.raises(ValueError, match="hardness is not known for 12 of 24 rows"):
        partly.target("hardness")
    np.testing.assert_array_equal(partly.select(mask=range(12)).target("hardness"), np.ones(12))
    with pytest.raises(ValueError, match="C_Q needs field gradients"):
        read_dataset(glass_file, tensor="ms").target("C_Q")


# ---- where


def test_rows_that_are_asked_for_must_have_their_tensor(glass_file: Path) -> None:
    with pytest.raises(ValueError, match="frame 0: atom 4 is asked for, but ms is not finite there"):
        read_dataset(glass_file, tensor="ms", where="index < 5")
    with pytest.raises(ValueError, match="where='label == 9' leaves no row"):
        read_dataset(glass_file, where="label == 9")


# ---- choosing, joining, writing


def test_choosing_keeps_the_structures_that_are_needed_once(tmp_path: Path, small_glass: ase.Atoms) -> None:
    other = small_glass.copy()
    other.info = {"group": "b"}
    data = read_dataset(_write(tmp_path / "a.extxyz", small_glass, other, small_glass))
    part = data.select(group="b", element=["Si"])
    assert (len(part), len(part.structures)) == (4, 1)
    assert part.centre.tolist() == [0, 1, 2, 3]
    assert part.structures[0] is data.structures[1]
    rows = [30, 2, 15]
    chosen = data.select(mask=rows)
    np.testing.assert_array_equal(chosen.tensors["efg"], data.tensors["efg"][rows])
    assert [chosen.structures[s] for s in chosen.structure] == [data.structures[s] for s in data.structure[rows]]
    assert len(data.select(isotope="17O", mask=data.element == "Si")) == 0
    assert "12 rows" in data.select(group="b").summary()


@pytest.mark.parametrize("mask", [[99], [-1], [0.5], np.ones(3, bool), np.zeros((2, 2), int)])
def test_a_wrong_mask_is_refused(glass_file: Path, mask) -> None:
    with pytest.raises(ValueError, match="mask"):
        read_dataset(glass_file).select(mask=mask)


def test_parts_put_together_are_the_whole(tmp_path: Path, small_glass: ase.Atoms) -> None:
    data = read_dataset(_write(tmp_path / "a.extxyz", small_glass))
    _same(Dataset.concatenate([data]), data)
    shielding, gradient = data.select(mask=data.has("ms")), read_dataset(tmp_path / "a.extxyz", tensor="efg")
    both = Dataset.concatenate([shielding, gradient])
    assert len(both) == 16
    assert both.has("ms").sum() == 4
    np.testing.assert_array_equal(both.tensors["efg"][4:], gradient.tensors["efg"])
    assert both.structure.tolist() == [0] * 4 + [1] * 12
    with pytest.raises(ValueError, match="no dataset"):
        Dataset.concatenate([])


@pytest.mark.parametrize("name", ["out.extxyz", "out.extxyz.gz"])
def test_a_table_written_and_read_again_is_the_same_to_the_bit(
    tmp_path: Path, small_glass: ase.Atoms, name: str
) -> None:
    small_glass.set_array("C_Q", np.where(np.arange(12) > 8, 3.3, np.nan))
    small_glass.set_array("mode", np.array(["glass"] * 12))
    other = small_glass.copy()
    other.info["group"] = "1e5"
    path = _write(tmp_path / "a.extxyz", small_glass, other)
    data = read_dataset(path)
    for part in (data, data.select(element="Si"), data.select(group="1e5"), read_dataset(path, tensor="ms", sign=-1)):
        part.write(tmp_path / name)
        back = read_dataset(tmp_path / name)
        _same(back, part)
        back.write(tmp_path / ("again-" + name))
        assert (tmp_path / name).read_bytes() == (tmp_path / ("again-" + name)).read_bytes()


def test_real_tables_survive_writing(tmp_path: Path, data_folder: Path) -> None:
    path = data_folder / "silicate-29si" / "train.extxyz.gz"
    options = {"tensor": "shift_tensor", "kind": "ms", "sign": -1, "offset": 837.9, "where": "label == 1"}
    data = read_dataset(path, index=":40", **options)
    data.write(tmp_path / "a.extxyz.gz")
    _same(read_dataset(tmp_path / "a.extxyz.gz"), data)
    gradients = read_dataset(sorted((data_folder / "gehlenite-efg").glob("*.gz"))[:2])
    gradients.write(tmp_path / "b.extxyz")
    _same(read_dataset(tmp_path / "b.extxyz"), gradients)


def test_groups_that_differ_within_a_structure_survive_writing(tmp_path: Path, small_glass: ase.Atoms) -> None:
    small_glass.set_array("site", np.repeat([5, 6], 6))
    data = read_dataset(_write(tmp_path / "a.extxyz", small_glass), group="site")
    data.write(tmp_path / "b.extxyz")
    np.testing.assert_array_equal(read_dataset(tmp_path / "b.extxyz").group, data.group)


def test_what_cannot_be_written_is_refused(tmp_path: Path, glass_file: Path) -> None:
    data = read_dataset(glass_file)
    with pytest.raises(ValueError, match="written as .extxyz"):
        data.write(tmp_path / "a.csv")
    with pytest.raises(ValueError, match="no rows to write"):
        data.select(mask=[]).write(tmp_path / "a.extxyz")
    with pytest.raises(ValueError, match="an atom in two rows"):
        data.select(mask=[0, 0]).write(tmp_path / "a.extxyz")
    assert [path.name for path in tmp_path.iterdir()] == ["glass.extxyz"]


def test_progress_counts_the_files(tmp_path: Path, small_glass: ase.Atoms) -> None:
    paths = [_write(tmp_path / f"{name}.extxyz", small_glass) for name in "ab"]
    seen = []
    read_dataset(paths, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


# ---- bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tensor": "shift"}, "kind must be told for the array 'shift'"),
        ({"tensor": "shift", "kind": "ms"}, "frame 0 has no array 'shift', it has ms, efg, label"),
        ({"tensor": "label", "kind": "ms"}, "label must hold nine numbers an atom"),
        ({"tensor": {"csa": "ms"}}, "tensor must map 'ms' or 'efg'"),
        ({"tensor": {}}, "tensor must map"),
        ({"kind": "shift"}, "kind must be 'ms' or 'efg', got 'shift'"),
        ({"scalar": "ms"}, "ms must hold one number an atom"),
        ({"sign": 0}, "sign must be 1 or -1, got 0"),
        ({"sign": np.nan}, "sign must be"),
        ({"offset": np.inf}, "offset must be finite"),
        ({"offset": {"Si": np.nan}}, "offset must map elements to finite numbers"),
        ({"offset": {"Qq": 1.0}}, "offset must map elements"),
        ({"offset": {"O": 1.0}, "tensor": "ms"}, "offset has no value for Si, only for O"),
        ({"efg_unit": "Hz"}, "efg_unit must be one of au, V/A"),
        ({"element": "Qq"}, "element must be a chemical symbol, got 'Qq'"),
        ({"element": "Na"}, "element=Na leaves no row: looked for ms, efg, the arrays of the files are efg, label, ms"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(glass_file: Path, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_dataset(glass_file, **options)
    assert "\n" not in str(caught.value)


def test_no_file_and_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no file to read"):
        read_dataset([])
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_dataset(tmp_path / "nothing.extxyz")


def test_a_table_whose_columns_do_not_fit_is_refused(glass_file: Path) -> None:
    data = read_dataset(glass_file)
    for change, message in (
        ({"element": data.element[:3]}, "element must have the shape"),
        ({"tensors": {"ms": np.zeros((12, 9))}}, "ms must have the shape"),
        ({"structure": data.structure + 1}, "structure must count"),
        ({"centre": data.centre + 5}, "centre names an atom"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(data, **change)
