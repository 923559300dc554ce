# SPDX-License-Identifier: BSD-3-Clause
"""train, validate, predict, spectrum and info on small data, end to end, and the nonsense that each refuses."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from click.testing import CliRunner, Result

from glassnmr.cli import main
from glassnmr.cli.base import BAD_INPUT, OK
from glassnmr.data import reference
from glassnmr.descriptors import SphericalBesselSOAP, SurroundingsDescriptor, former_mixing
from glassnmr.io import read_predictions
from glassnmr.learning import LSSVR
from glassnmr.model import NMRModel
from glassnmr.spectra import Spectrum
from glassnmr.training import row_labels, train, validate

SMALL = ["--cutoff", "4", "--n-max", "3", "--l-max", "1", "--folds", "3"]
SPECIES = ["O", "Si", "Na"]
SOAP = SphericalBesselSOAP(SPECIES, 4.0, n_max=3, l_max=1, sigma=0.3, radial_scaling=(2.5, 4.0),
                           mixing=former_mixing(SPECIES))
"""What SMALL means together with the defaults of the command line."""


def glassnmr(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def fine(*arguments: object) -> Result:
    result = glassnmr(*arguments)
    assert result.exit_code == OK, result.output
    return result


def refused(*arguments: object, word: str) -> None:
    result = glassnmr(*arguments)
    lines = result.stderr.strip().splitlines()
    assert result.exit_code == BAD_INPUT, result.output
    assert len(lines) == 1 and lines[0].startswith("glassnmr: error: ") and word in lines[0], result.stderr


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a set of oxygen gradients, a glass, and models of 29Si shifts and 17O couplings."""
    folder = tmp_path_factory.mktemp("chain")
    data = reference.load("efg-17O")
    data.select(group=np.unique(data.group)[:8].tolist()).write(folder / "set.extxyz")
    write(folder / "glass.extxyz", [data.structures[-1], data.structures[-2]], format="extxyz")
    fine("train", folder / "set.extxyz", "--isotope", "17O", "--species", "O,Si,Na", *SMALL, "-o", folder / "o.gnmr")
    fine("train", "--reference-data", "shielding", "--isotope", "29Si", "--species", "O,Si,Na", *SMALL,
         "-o", folder / "si.gnmr")
    return folder


@pytest.mark.parametrize("shared", [None, 10.0])
def test_the_command_line_gives_the_figures_of_the_api(work: Path, shared: float | None) -> None:
    result = fine("validate", "--reference-data", "shielding", "--isotope", "29Si", "--species", "O,Si,Na", *SMALL,
                  *(["--shared", "10"] if shared else []), "--by", "site", "-o", work / "rows.csv",
                  "-o", work / "parity.png")
    data = reference.load("shielding", "29Si")
    found = validate(data, SOAP, LSSVR(robust=1.0, shared=shared), n_splits=3)
    line = next(line for line in result.stdout.splitlines() if line.startswith("sigma_iso "))
    errors = found.errors("sigma_iso")
    assert line.split()[:5] == ["sigma_iso", "/", "ppm", f"{errors['MAE']:.3f}", f"{errors['RMSE']:.3f}"]
    labels = row_labels(data, "site")
    q4 = next(line for line in result.stdout.splitlines() if line.startswith("sigma_iso Q4"))
    assert q4.split()[2] == f"{found.errors('sigma_iso', labels == 'Q4')['MAE']:.3f}"
    with open(work / "rows.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    np.testing.assert_allclose([float(row["sigma_iso_predicted"]) for row in rows], found.values("sigma_iso")[1],
                               rtol=1e-9)
    assert [row["label"] for row in rows] == labels.tolist()
    assert (work / "parity.png").read_bytes().startswith(b"\x89PNG")


def test_a_trained_file_is_the_model_of_the_api_with_its_errors_inside(work: Path) -> None:
    model = NMRModel.load(work / "si.gnmr")
    data = reference.load("shielding", "29Si")
    found = validate(data, SOAP, LSSVR(robust=1.0), n_splits=3)
    same = train(found, SOAP, LSSVR(robust=1.0))
    frame = data.structures[0]
    np.testing.assert_array_equal(model.predict_frame(frame).values["sigma_iso"],
                                  same.predict_frame(frame).values["sigma_iso"])
    assert model.provenance["validation"]["sigma_iso"]["MAE"] == pytest.approx(found.errors("sigma_iso")["MAE"])
    assert model.reference == reference.shift_reference("29Si")


def test_a_recipe_sets_options_and_those_given_beside_it_win(work: Path) -> None:
    base = ("train", "--reference-data", "shielding", "--isotope", "29Si", "--species", "O,Si,Na", "--cutoff", "4",
            "--l-max", "2", "--landmarks", "60", "--folds", "3", "--kappa", "0.1", "--lambda", "1e-4")
    fine(*base, "--recipe", "accurate", "--n-max", "4", "--write-config", work / "r.toml", "-o", work / "recipe.gnmr")
    model = NMRModel.load(work / "recipe.gnmr")
    found, used = model.descriptor, model.provenance["regressor"]
    assert isinstance(found, SurroundingsDescriptor) and found.centre == "Si" and found.neighbours == ("O",)
    own = found.descriptor
    assert isinstance(own, SphericalBesselSOAP) and isinstance(found.around, SphericalBesselSOAP)
    assert (own.n_max, own.l_max, own.compression, own.normalise) == (4, 2, "mu1nu1", True)
    np.testing.assert_allclose(own.mixing, np.diag([1, 1, 0.35]))
    assert (found.around.cutoff, found.around.n_max, found.radius, found.weight) == (4.5, 6, 2.5, 0.1)
    assert (used["robust"], used["shared"]) == (2.0, 10.0)
    (work / "short.toml").write_text('recipe = "accurate"\nn-max = 4\n')
    for config in ("r.toml", "short.toml"):
        fine(*base, "--config", work / config, "-o", work / "again.gnmr")
        again = NMRModel.load(work / "again.gnmr")
        frame = reference.load("shielding", "29Si").structures[0]
        np.testing.assert_array_equal(again.predict_frame(frame).values["sigma_iso"],
                                      model.predict_frame(frame).values["sigma_iso"])
    (work / "short.toml").write_text('recipe = "fast"\n')
    refused(*base, "--config", work / "short.toml", "-o", work / "no.gnmr", word="recipe must be accurate, got 'fast'")
    refused(*base, "--around", "P", "-o", work / "no.gnmr", word="neighbours must be among O, Si, Na, got 'P'")
    refused("validate", work / "set.extxyz", "--isotope", "17O", "--target", "tensor", "--reduce", "pca:8",
            word="leave out --regressor, --reduce and --descriptor")
    out = fine("compare", "--reference-data", "shielding", "--isotope", "29Si", *SMALL, "--no-curve",
               "--kappa", "0.1", "--lambda", "1e-4", "--with", "plain:",
               "--with", "accurate: recipe=accurate n-max=4").stdout
    assert len({line.split()[1] for line in out.splitlines() if line.startswith(("plain", "accurate"))}) == 2


@pytest.mark.parametrize("kind", ["landmarks", "training-size"])
def test_curves_are_printed_and_drawn(work: Path, kind: str) -> None:
    result = fine("validate", work / "set.extxyz", "--isotope", "17O", "--target", "abs_C_Q", *SMALL, "--curve", kind,
                  "--sizes", "10,40", "-o", work / "curve.png")
    assert [line.split()[0] for line in result.stdout.splitlines()[-2:]] == ["10", "40"]
    assert ("residual trace" in result.stdout) == (kind == "landmarks")
    assert (work / "curve.png").stat().st_size > 5000


def test_a_written_configuration_repeats_the_run_and_the_command_line_wins(work: Path) -> None:
    again, other = work / "again.gnmr", work / "other.gnmr"
    fine("train", work / "set.extxyz", "--isotope", "17O", "--species", "O,Si,Na", *SMALL, "--radial-scaling", "2.5",
         "4", "--write-config", work / "run.toml", "-o", work / "first.gnmr")
    fine("train", work / "set.extxyz", "--config", work / "run.toml", "-o", again)
    fine("train", work / "set.extxyz", "--config", work / "run.toml", "--cutoff", "3.5", "-o", other)
    first, second = NMRModel.load(work / "first.gnmr"), NMRModel.load(again)
    assert repr(first) == repr(second) and first.descriptor.radial_scaling == (2.5, 4.0)
    assert NMRModel.load(other).descriptor.cutoff == 3.5
    (work / "bad.toml").write_text("cut = 3\n")
    refused("train", work / "set.extxyz", "--config", work / "bad.toml", "-o", other, word="no option 'cut'")
    (work / "bad.toml").write_text("cutoff = \n")
    refused("train", work / "set.extxyz", "--config", work / "bad.toml", "-o", other, word="not a TOML file")


def test_predictions_of_two_models_make_both_spectra(work: Path) -> None:
    out = work / "glass.csv"
    fine("predict", work / "glass.extxyz", "-m", work / "si.gnmr", "-m", work / "o.gnmr", "--label", "site", "-o", out)
    table = read_predictions(out)
    assert set(table["frame"].tolist()) == {0, 1} and set(table["isotope"].tolist()) == {"17O", "29Si"}
    model = NMRModel.load(work / "si.gnmr")
    from glassnmr.io import read_frames

    wanted = [p.values["delta_iso"] for p in model.predict(read_frames(work / "glass.extxyz"))]
    np.testing.assert_allclose(table["delta_iso"][table["isotope"] == "29Si"], np.concatenate(wanted), rtol=1e-8)
    result = fine("spectrum", out, "--isotope", "29Si", "--field", "9.4", "--label", "site", "-o", work / "si.csv",
                  "-o", work / "si.csdf", "-o", work / "si.png")
    spectrum = Spectrum.load(work / "si.csdf")
    assert spectrum.integral == pytest.approx(1, abs=0.01)
    assert spectrum.isotope == "29Si" and spectrum.field == pytest.approx(9.4)
    assert {label for label in spectrum.components if label.startswith("Q")} <= set(result.stdout.split())
    np.testing.assert_allclose(Spectrum.load(work / "si.csv").intensity, spectrum.intensity, atol=1e-9)
    fine("spectrum", out, "--isotope", "29Si", "--larmor", "79.5", "--measured", work / "si.csv", "--range", "-150",
         "-50", "--points", "501", "--fwhm", "100Hz", "-o", work / "over.svg")
    described = fine("info", work / "si.gnmr", out, work / "si.csdf", work / "si.csv").stdout
    assert "model of 29Si" in described and "predictions of" in described and described.count("spectrum of") == 2


def test_a_quadrupolar_spectrum_needs_shifts_couplings_and_asymmetry(work: Path) -> None:
    out = work / "o.csv"
    fine("predict", work / "glass.extxyz", "-m", work / "o.gnmr", "-o", out)
    refused("spectrum", out, "--field", "9.4", "-o", work / "x.csv", word="--reference A B")
    lines = out.read_text().splitlines()
    rows = [line.split(",") for line in lines]
    with_shift = [[*rows[0], "delta_iso"], *([*row, "30.0"] for row in rows[1:])]
    (work / "shifted.csv").write_text("\n".join(",".join(row) for row in with_shift) + "\n")
    result = fine("spectrum", work / "shifted.csv", "--field", "9.4", "-o", work / "o-spectrum.csv")
    assert "17O" in result.stderr
    place = rows[0].index("eta")
    (work / "no-eta.csv").write_text("\n".join(",".join(r[:place] + r[place + 1:]) for r in with_shift) + "\n")
    refused("spectrum", work / "no-eta.csv", "--field", "9.4", "-o", work / "x.csv", word="no eta")


def test_predictions_as_extxyz_hold_the_same_as_csv(work: Path) -> None:
    for name in ("p.csv", "p.extxyz.gz"):
        fine("predict", work / "glass.extxyz", "--index", "1", "-m", work / "o.gnmr", "-o", work / name)
    one, two = read_predictions(work / "p.csv"), read_predictions(work / "p.extxyz.gz")
    np.testing.assert_array_equal(one["atom"], two["atom"])
    np.testing.assert_allclose(one["abs_C_Q"], two["abs_C_Q"], rtol=1e-8)


def test_a_model_without_reference_says_that_there_are_no_shifts(work: Path) -> None:
    data = reference.load("shielding", "29Si")
    data.write(work / "own.extxyz")
    told = fine("train", work / "own.extxyz", "--isotope", "29Si", "--species", "O,Si,Na", *SMALL, "-o",
                work / "bare.gnmr")
    assert "no shift reference" in told.stderr
    told = fine("predict", work / "glass.extxyz", "-m", work / "bare.gnmr", "-o", work / "bare.csv")
    assert "no shifts" in told.stderr and "delta_iso" not in read_predictions(work / "bare.csv")
    refused("spectrum", work / "bare.csv", "--field", "9.4", "-o", work / "x.csv", word="--reference")
    fine("spectrum", work / "bare.csv", "--field", "9.4", "--reference", "380", "-1", "-o", work / "x.csv")


def test_training_refuses_nonsense(work: Path) -> None:
    data, out = work / "set.extxyz", work / "none.gnmr"
    refused("train", "--reference-data", "shielding", *SMALL, "-o", out, word="choose one with --isotope")
    refused("train", data, "--isotope", "29Si", *SMALL, "-o", out, word="leaves no row")
    refused("train", data, "--isotope", "17O", "--target", "mood", "-o", out, word="'mood'")
    refused("train", data, "--isotope", "17O", "--target", "sigma_iso", "-o", out, word="shieldings")
    refused("train", data, "--isotope", "17O", "--cutoff", "-1", "-o", out, word="above 0")
    refused("train", data, "--isotope", "17O", "--cutoff", "nan", "-o", out, word="finite")
    refused("train", data, "--isotope", "17O", "--kappa", "big", "-o", out, word="'big' is not a number")
    refused("train", data, "--isotope", "17O", "--species", "O", "-o", out, word="Si")
    refused("train", data, "--isotope", "17O", "--species", "O,Xx", "-o", out, word="'Xx'")
    refused("train", data, "--isotope", "17O", "--folds", "50", "-o", out, word="groups")
    refused("train", data, "--isotope", "17O", "-o", work / "model.pkl", word=".gnmr")
    refused("train", data, "--isotope", "17O", "-o", work, word="model")
    assert not out.exists()


def test_predicting_refuses_nonsense(work: Path, tmp_path: Path) -> None:
    model, out = work / "o.gnmr", tmp_path / "out.csv"
    glass = Atoms("SiO2", [[0, 0, 0], [1.6, 0, 0], [0, 1.6, 0]], cell=[6, 6, 6], pbc=True)
    for name, change in (("nan", {"positions": np.full((3, 3), np.nan)}), ("boron", {"symbols": "BO2"}),
                         ("flat", {"cell": np.zeros((3, 3))})):
        atoms = glass.copy()
        if "positions" in change:
            atoms.positions[1, 0] = np.nan
        if "symbols" in change:
            atoms.symbols = change["symbols"]
        if "cell" in change:
            atoms.cell = change["cell"]
        atoms.write(tmp_path / f"{name}.extxyz", format="extxyz")
    refused("predict", tmp_path / "nan.extxyz", "-m", model, "-o", out, word="finite")
    refused("predict", tmp_path / "boron.extxyz", "-m", model, "-o", out, word="B")
    refused("predict", tmp_path / "flat.extxyz", "-m", model, "-o", out, word="cell")
    refused("predict", work / "glass.extxyz", "-m", tmp_path / "no.gnmr", "-o", out, word="no.gnmr")
    (tmp_path / "cut.gnmr").write_bytes(model.read_bytes()[:5000])
    refused("predict", work / "glass.extxyz", "-m", tmp_path / "cut.gnmr", "-o", out, word="cut.gnmr")
    refused("predict", work / "glass.extxyz", "-m", work / "glass.extxyz", "-o", out, word="glass.extxyz")
    refused("predict", work / "glass.extxyz", "-m", model, "-m", model, "-o", out, word="twice")
    refused("predict", work / "glass.extxyz", "-m", model, "--label", "mood", "-o", out, word="mood")
    refused("predict", work / "glass.extxyz", "-m", model, "--index", "x", "-o", out, word="index")
    refused("predict", work / "glass.extxyz", "-m", model, "-o", tmp_path / "out.doc", word=".csv")
    assert not out.exists() and list(tmp_path.glob(".*")) == []


def test_lammps_types_are_asked_for(work: Path, tmp_path: Path) -> None:
    text = "glass\n\n3 atoms\n2 atom types\n\n0 6 xlo xhi\n0 6 ylo yhi\n0 6 zlo zhi\n\nAtoms # atomic\n\n" \
           "1 2 0 0 0\n2 1 1.6 0 0\n3 1 0 1.6 0\n"
    (tmp_path / "glass.lammps-data").write_text(text)
    refused("predict", tmp_path / "glass.lammps-data", "-m", work / "o.gnmr", "-o", tmp_path / "x.csv", word="types")
    fine("predict", tmp_path / "glass.lammps-data", "--types", "1=O,2=Si", "-m", work / "o.gnmr", "-o",
         tmp_path / "x.csv")
    assert len(read_predictions(tmp_path / "x.csv")["atom"]) == 2


def test_spectra_refuse_nonsense(work: Path, tmp_path: Path) -> None:
    source, out = work / "glass.csv", tmp_path / "x.csv"
    if not source.exists():
        fine("predict", work / "glass.extxyz", "-m", work / "si.gnmr", "-m", work / "o.gnmr", "-o", source)
    refused("spectrum", source, "--field", "9.4", "-o", out, word="choose one with --isotope")
    refused("spectrum", source, "--isotope", "27Al", "--field", "9.4", "-o", out, word="27Al")
    refused("spectrum", source, "--isotope", "29Si", "-o", out, word="field")
    refused("spectrum", source, "--isotope", "29Si", "--field", "-3", "-o", out, word="above 0")
    refused("spectrum", source, "--isotope", "29Si", "--field", "9.4", "--larmor", "80", "-o", out, word="either")
    refused("spectrum", source, "--isotope", "29Si", "--field", "9.4", "--fwhm", "wide", "-o", out, word="'wide'")
    refused("spectrum", source, "--isotope", "29Si", "--field", "9.4", "--label", "mood", "-o", out, word="'mood'")
    refused("spectrum", source, "--isotope", "29Si", "--field", "9.4", "-o", tmp_path / "x.wav", word=".csdf")
    refused("spectrum", work / "o.gnmr", "--isotope", "29Si", "--field", "9.4", "-o", out, word=".csv")
    refused("spectrum", source, "--isotope", "29Si", "--field", "9.4", "--measured", tmp_path / "no.csdf", "-o", out,
            word="no.csdf")
    assert not out.exists()


def test_carving_writes_clusters_and_computing_asks_for_its_program(work: Path, tmp_path: Path,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    large = reference.load("shielding", "29Si").structures[0]
    write(tmp_path / "glass.extxyz", large, format="extxyz")
    clusters = tmp_path / "clusters.extxyz"
    result = fine("dataset", "generate", "carve", tmp_path / "glass.extxyz", "--count", "Si", "2", "-o", clusters)
    assert "Q4" in result.stdout and clusters.exists()
    from glassnmr.generation import pyscf_shielding
    monkeypatch.setattr(pyscf_shielding, "missing", lambda: "shieldings need pyscf")
    refused("dataset", "generate", "compute", clusters, "--method", "abinit-efg", "--setting", "speed=9", "--folder",
            tmp_path / "runs", "-o", tmp_path / "x.extxyz", word="speed")
    refused("dataset", "generate", "compute", clusters, "--method", "abinit-efg", "--setting", "speed", "--folder",
            tmp_path / "runs", "-o", tmp_path / "x.extxyz", word="name=value")
