# SPDX-License-Identifier: BSD-3-Clause
"""From a melt to the next calculation: frames, choice, inputs, outputs gathered."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from click.testing import CliRunner

from glassnmr import LSSVR, NMRModel, SphericalBesselSOAP, read_dataset
from glassnmr.cli import main
from glassnmr.data import reference
from glassnmr.generation import abinit_efg, choose, collect, write_inputs
from glassnmr.generation.inputs import CODES, kpoints
from glassnmr.generation.melt_quench import (
    buckingham,
    four_coordinated_boron,
    glass_cell,
    glass_density,
    glass_frames,
    missing,
)
from glassnmr.isotopes import isotope


def glassnmr(*arguments: object):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture
def quartz(data_folder: Path) -> ase.Atoms:
    from glassnmr.io import read_frames

    (atoms,) = read_frames(data_folder / "parsers" / "qe" / "quartz-scf.out")
    return atoms


# ---- inputs


def test_inputs_hold_the_structure_that_was_given(tmp_path: Path, quartz: ase.Atoms) -> None:
    shuffled = quartz[[3, 0, 4, 1, 5, 2, 6, 7, 8]]
    for code in ("vasp", "castep", "espresso"):
        (where,) = write_inputs([shuffled], code, tmp_path / code)
        sent = ase.io.read(where / "structure.extxyz")
        names = {"vasp": ("POSCAR", "vasp"), "espresso": ("scf.in", "espresso-in")}
        if code == "castep":
            text = (where / "nmr.cell").read_text()
            rows = re.search(r"LATTICE_CART\n(.*?)%END", text, re.DOTALL)[1].split("\n")[:3]
            cell = np.array([row.split() for row in rows], dtype=float)
            places = [line.split() for line in re.search(r"POSITIONS_FRAC\n(.*?)%END", text, re.DOTALL)[1].splitlines()]
            back = ase.Atoms([p[0] for p in places], cell=cell, pbc=True,
                             scaled_positions=np.array([p[1:] for p in places], dtype=float))  # fmt: skip
        else:
            back = ase.io.read(where / names[code][0], format=names[code][1])
        assert back.get_chemical_symbols() == sent.get_chemical_symbols()
        np.testing.assert_allclose(back.cell.array, shuffled.cell.array, atol=1e-9)
        d = (back.positions - sent.positions) @ np.linalg.inv(shuffled.cell.array)
        np.testing.assert_allclose(d - np.round(d), 0, atol=1e-9)
        order = np.argsort(shuffled.numbers != shuffled.numbers[0], kind="stable")
        np.testing.assert_allclose(sent.positions, shuffled.positions[order], atol=1e-9)


def test_inputs_ask_for_shieldings_and_gradients_with_our_moments(tmp_path: Path, quartz: ase.Atoms) -> None:
    (vasp,) = write_inputs([quartz], "vasp", tmp_path / "v", {"encut": 500, "kspacing": 0.25, "potcar": {"Si": "Si_h"}})
    incar = (vasp / "INCAR").read_text()
    assert "LCHIMAG = .TRUE." in incar and "LEFG = .TRUE." in incar and "ENCUT = 500" in incar
    moments = re.search(r"QUAD_EFG = (.*)", incar)[1].split()
    np.testing.assert_allclose([float(q) for q in moments], [0, 1000 * isotope("17O").quadrupole], atol=1e-3)
    assert (vasp / "POTCAR.spec").read_text().split() == ["Si_h", "O"]
    assert (vasp / "KPOINTS").read_text().split("\n")[3] == " ".join(map(str, kpoints(quartz, 0.25)))
    (qe,) = write_inputs([quartz], "espresso", tmp_path / "q")
    assert f"Q_efg(2) = {100 * isotope('17O').quadrupole:.4f}" in (qe / "efg.in").read_text()
    assert "job = 'nmr'" in (qe / "nmr.in").read_text() and "nosym = .true." in (qe / "scf.in").read_text()
    (castep,) = write_inputs([quartz], "castep", tmp_path / "c")
    assert "magres_task : nmr" in (castep / "nmr.param").read_text()
    if Path(abinit_efg.paw_folder()).is_dir():
        (abinit,) = write_inputs([quartz], "abinit", tmp_path / "a")
        assert "prtefg" in (abinit / "efg.abi").read_text()


def test_the_k_points_are_no_farther_apart_than_asked(quartz: ase.Atoms) -> None:
    for spacing in (0.1, 0.3, 1.0, 9.0):
        counts = np.array(kpoints(quartz, spacing))
        lengths = 2 * np.pi * quartz.cell.reciprocal().lengths()
        assert (lengths / counts <= spacing + 1e-9).all()
        assert (lengths / np.maximum(counts - 1, 1e-9) > spacing).all()
    with pytest.raises(ValueError, match="k-spacing must be positive"):
        kpoints(quartz, 0)


def test_outputs_are_gathered_with_the_labels_of_their_structures(
    tmp_path: Path, data_folder: Path, quartz: ase.Atoms
) -> None:
    quartz.info.update(temperature=300, group="q")
    runs = tmp_path / "runs"
    write_inputs([quartz, quartz * (2, 1, 1)], "espresso", runs)
    with pytest.raises(ValueError, match="00000 has no output yet"):
        list(collect(runs))
    parsers = data_folder / "parsers" / "qe"
    for name, new in (("quartz-scf.out", "scf.out"), ("quartz-nmr.out", "nmr.out"), ("quartz-efg.out", "efg.out")):
        shutil.copy(parsers / name, runs / "00000" / new)
    told: list[str] = []
    (atoms,) = collect(runs, told.append)
    assert atoms.arrays["ms"].shape == atoms.arrays["efg"].shape == (9, 3, 3)
    assert atoms.info["temperature"] == 300 and atoms.info["calc_code"] == "QE-GIPAW" and len(told) == 1
    result = glassnmr("dataset", "generate", "collect", runs, "-o", tmp_path / "set.extxyz")
    assert result.exit_code == 0 and "1 runs gathered, 1 left out" in result.output
    data = read_dataset(tmp_path / "set.extxyz")
    assert len(data) == 9 and sorted(data.tensors) == ["efg", "ms"]
    # the output of another structure is refused
    for name, new in (("quartz-scf.out", "scf.out"), ("quartz-nmr.out", "nmr.out")):
        shutil.copy(parsers / name, runs / "00001" / new)
    with pytest.raises(ValueError, match="is of O6Si3, the inputs of O12Si6"):
        list(collect(runs))


def test_vasp_and_castep_outputs_are_gathered(tmp_path: Path, data_folder: Path) -> None:
    from glassnmr.io import read_frames

    outcar = data_folder / "parsers" / "vasp" / "LiAlSiO4_cs" / "OUTCAR.gz"
    (atoms,) = read_frames(outcar)
    (where,) = write_inputs([atoms], "vasp", tmp_path / "v")
    shutil.copy(outcar, where)
    (found,) = collect(tmp_path / "v")
    np.testing.assert_array_equal(found.arrays["ms"], atoms.arrays["ms"])
    magres = data_folder / "parsers" / "magres" / "nacl.magres"
    (atoms,) = read_frames(magres)
    (where,) = write_inputs([atoms], "castep", tmp_path / "c")
    shutil.copy(magres, where / "nmr.magres")
    (found,) = collect(tmp_path / "c")
    np.testing.assert_array_equal(found.arrays["efg"], atoms.arrays["efg"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["inputs", "{set}", "--code", "vasp", "--folder", "{dir}/f", "--setting", "cutoff=3"], "vasp knows"),
        (["inputs", "{set}", "--code", "siesta", "--folder", "{dir}/f"], "siesta"),
        (["inputs", "{mol}", "--code", "vasp", "--folder", "{dir}/f"], "must be periodic in all directions"),
        (["inputs", "{set}", "--code", "vasp", "--folder", "{dir}/f", "--setting", "kspacing=-1"], "k-spacing must be"),
        (["inputs", "{set}", "--code", "vasp", "--folder", "{set}"], "it is not a folder"),
        (["collect", "{dir}/nothing", "-o", "{dir}/o.extxyz"], "there are no inputs"),
        (["melt", "SiO2", "--seed", "1", "-o", "{dir}/o.extxyz"], "must be like SiO2=75"),
        (["melt", "FeO=1", "--seed", "1", "-o", "{dir}/o.extxyz"], "a glass is made of SiO2"),
        (["melt", "SiO2=nan", "--seed", "1", "-o", "{dir}/o.extxyz"], "must be positive"),
        (["melt", "SiO2=1", "--seed", "1", "--temperature", "5000", "-o", "{dir}/o.extxyz"], "hotter than temperature"),
        (["select", "{set}", "-m", "{dir}/no.gnmr", "-o", "{dir}/o.extxyz"], "no such model file"),
    ],
)
def test_nonsense_is_refused_in_one_line(tmp_path: Path, words: list[str], message: str) -> None:
    reference.load("shielding", "29Si").write(tmp_path / "set.extxyz")
    (tmp_path / "mol.xyz").write_text("1\n\nO 0 0 0\n")
    names = {"set": tmp_path / "set.extxyz", "mol": tmp_path / "mol.xyz", "dir": tmp_path}
    result = glassnmr("dataset", "generate", *(word.format(**names) for word in words))
    lines = result.stderr.strip().splitlines()
    assert result.exit_code == 2 and len(lines) == 1 and message in lines[0], result.output
    assert not (tmp_path / "o.extxyz").exists()


def test_every_code_tells_how_to_run_it() -> None:
    for code in CODES.values():
        assert code.run and code.outputs and code.settings


# ---- choice


@pytest.fixture(scope="module")
def model() -> NMRModel:
    data = reference.load("shielding", "29Si")
    soap = SphericalBesselSOAP(["O", "Si", "Na"], 4.0, n_max=4, l_max=2)
    return NMRModel.fit(data.select(mask=data.structure < 8), soap, LSSVR(n_landmarks=40, lam=1e-4))


def _residuals(model: NMRModel, frames: list[ase.Atoms], learnt: list[tuple[int, int]]) -> list[np.ndarray]:
    """By inverting the whole kernel anew: what landmarks and learnt environments leave."""
    from glassnmr.generation.active import _core, _kernel

    kernel = _kernel(model)
    rows = [np.asarray(model.descriptor.transform([a], [np.flatnonzero(a.symbols == "Si")])) for a in frames]
    index = [np.flatnonzero(a.symbols == "Si").tolist() for a in frames]
    known = np.vstack([model.landmarks, *(rows[f][[index[f].index(a)]] for f, a in learnt)])
    inner = _core.kernel_matrix(kernel, known, None)
    inverse = np.linalg.pinv(inner, hermitian=True, rcond=1e-11)
    found = []
    for x in rows:
        cross = _core.kernel_matrix(kernel, known, x)
        found.append(1 - np.einsum("ij,ik,kj->j", cross, inverse, cross) / _core.kernel_diagonal(kernel, x))
    return found


def test_frames_are_chosen_as_by_inverting_the_kernel_each_time(model: NMRModel) -> None:
    frames = reference.load("shielding", "29Si").structures[8:20]
    keep = 3
    chosen = choose(model, iter(frames), 4, keep=keep)
    learnt: list[tuple[int, int]] = []
    free = set(range(len(frames)))
    start = _residuals(model, frames, [])
    worst = [np.argsort(-r, kind="stable")[:keep] for r in start]
    for choice in chosen:
        now = _residuals(model, frames, learnt)
        means = {f: now[f][worst[f]].mean() for f in free}
        best = max(means, key=means.get)
        assert means[choice.frame] == pytest.approx(means[best], rel=1e-4)
        assert choice.residual == pytest.approx(means[choice.frame], abs=1e-5)
        assert choice.first == pytest.approx(start[choice.frame][worst[choice.frame]].mean(), abs=1e-6)
        free.discard(choice.frame)
        learnt += [(choice.frame, atom) for atom in choice.atoms]
    assert len({choice.frame for choice in chosen}) == 4


def test_what_is_new_is_chosen_once(model: NMRModel) -> None:
    known = reference.load("shielding", "29Si").structures
    odd = known[9].copy()
    odd.rattle(0.25, seed=1)
    frames = [known[0], odd, odd.copy(), known[1], known[2]]
    first, second = choose(model, frames, 2)
    assert first.frame == 1 and first.residual > 0.05
    assert second.frame != 2
    with pytest.raises(ValueError, match="at least 1"):
        choose(model, frames, 0)
    with pytest.raises(ValueError, match="no frame"):
        choose(model, [], 1)


def test_the_command_writes_the_chosen_frames_in_order(tmp_path: Path, model: NMRModel) -> None:
    model.save(tmp_path / "si.gnmr")
    frames = [atoms.copy() for atoms in reference.load("shielding", "29Si").structures[8:16]]
    for atoms in frames:
        atoms.info = {}
    ase.io.write(tmp_path / "md.extxyz", frames)
    words = ["--model", tmp_path / "si.gnmr", "--count", 3, "-o", tmp_path / "next.extxyz"]
    result = glassnmr("dataset", "generate", "select", tmp_path / "md.extxyz", *words)
    assert result.exit_code == 0, result.output
    chosen = choose(model, frames, 3)
    back = ase.io.read(tmp_path / "next.extxyz", ":")
    assert [atoms.info["frame"] for atoms in back] == [choice.frame for choice in chosen]
    np.testing.assert_allclose(back[0].positions, frames[chosen[0].frame].positions, atol=1e-7)


# ---- melts


def test_boron_and_density_follow_the_composition() -> None:
    assert four_coordinated_boron({"SiO2": 1}) == 0
    assert four_coordinated_boron({"B2O3": 3, "Na2O": 1}) == pytest.approx(1 / 3)
    assert four_coordinated_boron({"B2O3": 1, "Na2O": 0.7, "SiO2": 4}) == pytest.approx(0.7)
    assert four_coordinated_boron({"B2O3": 1, "Na2O": 1.2, "SiO2": 4}) == pytest.approx(0.75)
    # continuous where the regimes meet
    for k in (0.5, 2, 6):
        edge = 0.5 + k / 4
        one, other = (four_coordinated_boron({"B2O3": 1, "Na2O": edge + e, "SiO2": k}) for e in (-1e-9, 1e-9))
        assert one == pytest.approx(other, abs=1e-6)
        edge = 0.5 + k / 16
        a, b = (buckingham({"B2O3": 1, "Na2O": edge + e, "SiO2": k})["B", "O"][0] for e in (-1e-9, 1e-9))
        assert a == pytest.approx(b, rel=1e-6)
    # measured: silica 2.20, soda-lime 2.47 to 2.50, sodium disilicate 2.49, 25Na2O-75B2O3 2.30
    assert glass_density({"SiO2": 1}) == pytest.approx(2.20, abs=0.06)
    assert glass_density({"SiO2": 74, "Na2O": 16, "CaO": 10}) == pytest.approx(2.49, rel=0.02)
    assert glass_density({"SiO2": 2, "Na2O": 1}) == pytest.approx(2.49, rel=0.02)


def test_a_glass_cell_is_neutral_and_of_the_density_asked_for() -> None:
    from glassnmr.generation.melt_quench import CHARGES

    symbols, edge = glass_cell({"SiO2": 60, "Al2O3": 5, "B2O3": 10, "Na2O": 15, "CaO": 10}, 300, density=2.5)
    assert sum(CHARGES[s] for s in symbols) == pytest.approx(0, abs=1e-9)
    assert abs(len(symbols) - 300) < 20
    assert ase.Atoms(symbols).get_masses().sum() * 1.66053906660 / edge**3 == pytest.approx(2.5)
    with pytest.raises(ValueError, match="density must be positive"):
        glass_cell({"SiO2": 1}, 300, density=-1)
    with pytest.raises(ValueError, match="10 atoms or more"):
        glass_cell({"SiO2": 1}, 3)


@pytest.mark.skipif(bool(missing()), reason=missing() or "LAMMPS is here")
def test_a_borosilicate_has_the_right_polyhedra() -> None:
    moles = {"Na2O": 15, "CaO": 10, "Al2O3": 5, "B2O3": 10, "SiO2": 60}
    short = {"frames": 2, "spacing_ps": 0.5, "melt_ps": 2.0, "rate": 3e14}
    frames = list(glass_frames(moles, 150, 1, temperatures=(2500, 300), **short))
    assert [atoms.info["temperature"] for atoms in frames] == [2500, 2500, 300, 300]
    from glassnmr.sites import site_labels

    labels = site_labels(frames[-1])
    assert set(labels[frames[-1].symbols == "B"].tolist()) <= {"B3", "B4"}
    silicon = labels[frames[-1].symbols == "Si"].tolist()
    assert sum(label.startswith("Q") for label in silicon) > 0.9 * len(silicon)
    text = io.StringIO()
    ase.io.write(text, frames, format="extxyz")
