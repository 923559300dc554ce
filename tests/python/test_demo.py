# SPDX-License-Identifier: BSD-3-Clause
"""The demo: what it promises about its glass, its errors, its spectra and its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from glassnmr.cli import main
from glassnmr.cli.demo import report
from glassnmr.data import reference
from glassnmr.demo import Demo, glass, run
from glassnmr.io import read_predictions
from glassnmr.spectra import Spectrum


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return run(tmp_path_factory.mktemp("demo") / "new" / "folder")


def test_the_glass_is_a_glass_that_no_model_has_seen() -> None:
    atoms = glass()
    assert atoms.get_chemical_formula() == "Na400O1800Si800" and atoms.pbc.all()
    assert glass().info.get("name") == "demo-glass"
    for name in reference.names():
        assert all(len(known) != len(atoms) for known in reference.load(name).structures)


def test_every_file_it_names_is_there_and_readable(demo: Demo) -> None:
    assert len({path.name for path in demo.files}) == len(demo.files) == 15
    assert all(path.stat().st_size > 1000 for path in demo.files)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in demo.files if path.suffix == ".png")
    table = read_predictions(next(path for path in demo.files if path.name == "glass.csv"))
    assert len(table["atom"]) == 2600
    for path in demo.files:
        if path.suffix == ".csdf":
            assert Spectrum.load(path).integral == pytest.approx(1, abs=0.01)


def test_couplings_are_learnt_and_silicon_too(demo: Demo) -> None:
    r2 = {(rows.isotope, rows.target): rows.errors()["R2"] for rows in demo.left_out}
    assert r2["17O", "abs_C_Q"] > 0.97 and r2["17O", "eta"] > 0.8 and r2["29Si", "sigma_iso"] > 0.8
    eta = next(rows for rows in demo.left_out if rows.target == "eta")
    assert eta.errors("NBO")["R2"] > 0.5  # as a scalar, below 0


def test_q3_lies_10_to_18_ppm_above_q4(demo: Demo) -> None:
    spectrum = demo.spectra["29Si"]
    centre = {label: float(np.average(spectrum.ppm, weights=part)) for label, part in spectrum.components.items()}
    assert 10 < centre["Q3"] - centre["Q4"] < 18
    assert centre["Q2"] > centre["Q3"]


def test_bridging_oxygen_couples_twice_as_strongly(demo: Demo) -> None:
    table = read_predictions(next(path for path in demo.files if path.name == "glass.csv"))
    mean = {site: table["abs_C_Q"][table["site"] == site].mean() for site in ("BO", "NBO")}
    assert 4.5 < mean["BO"] < 6 and 2 < mean["NBO"] < 3.5


def test_the_report_hides_nothing(demo: Demo) -> None:
    text = report(demo)
    for rows in demo.left_out:
        errors = rows.errors()
        assert f"{errors['MAE']:.3f}" in text and f"{errors['R2']:.3f}" in text
        assert ("is not learnt" in text) or errors["R2"] >= 0


def test_the_command_refuses_a_file_as_its_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    result = CliRunner().invoke(main, ["demo", "-o", str(tmp_path / "file")])
    assert result.exit_code == 2 and "not a folder" in result.stderr
