# SPDX-License-Identifier: BSD-3-Clause
"""Calibration: the line and its errors against scipy, the 27Al table of crystals, references kept in a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from glassnmr import LSSVR, NMRModel, SphericalBesselSOAP, fit_reference
from glassnmr.calibration import calibrate, read_columns
from glassnmr.cli import main
from glassnmr.data import reference


def glassnmr(*arguments: object):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 40))
def test_the_line_and_its_errors_are_those_of_scipy(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    x = random.uniform(-100, 500, n)
    y = 330 - 0.97 * x + random.normal(0, 3, n)
    found, other = calibrate(x, y), stats.linregress(x, y)
    np.testing.assert_allclose([found.a, found.b], [other.intercept, other.slope], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose([found.a_error, found.b_error], [other.intercept_stderr, other.stderr], rtol=1e-7)
    np.testing.assert_allclose(found.r2, other.rvalue**2, atol=1e-9)
    np.testing.assert_allclose([found.a, found.b, found.rms], fit_reference(x, y), rtol=1e-9, atol=1e-9)


def test_the_interval_of_prediction_holds_new_points_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    inside = []
    for _ in range(3000):
        x = random.uniform(0, 10, 8)
        found = calibrate(x, 2 + x + random.normal(size=8))
        new = 14.0
        inside.append(abs(2 + new + random.normal() - found.predict(new)) < found.prediction_error(new, 0.9))
    assert 0.88 < np.mean(inside) < 0.92


def test_a_fixed_slope_leaves_one_parameter() -> None:
    found = calibrate([430.0, 440.0, 450.0], [-98.0, -109.0, -118.0], slope=-1.0)
    assert found.b == -1 and found.b_error == 0 and found.a == pytest.approx(331 + 2 / 3)
    assert found.scatter == pytest.approx(np.std([332, 331, 332], ddof=1))
    assert calibrate([430.0], [-98.0], slope=-1.0).prediction_error(430.0) == np.inf


def test_robust_fits_leave_out_what_is_far_off_and_nothing_else() -> None:
    random = np.random.default_rng(3)
    x = np.linspace(0, 100, 40)
    y = 5 + 2 * x + random.normal(0, 1, 40)
    y[7] += 60
    found = calibrate(x, y, robust=True, names=[f"c{k}" for k in range(40)])
    assert [found.names[k] for k in np.flatnonzero(~found.used)] == ["c7"]
    assert calibrate(x, y).used.all()


@pytest.mark.parametrize(
    ("computed", "measured", "options", "message"),
    [
        ([1, 2], [1], {}, "two lists of one length"),
        ([1, np.inf], [1, 2], {}, "must be finite"),
        ([1, np.nan], [1, 2], {}, "at least 2 crystals, got 1"),
        ([1, 1], [1, 2], {}, "all the same"),
        ([], [], {"slope": -1}, "at least 1 crystals"),
        ([1, 2], [1, 2], {"slope": np.nan}, "slope must be finite"),
        ([1, 2], [1, 2], {"names": ["a"]}, "names must be one a point"),
    ],
)
def test_nonsense_is_refused(computed: list[float], measured: list[float], options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibrate(computed, measured, **options)


AL27 = {
    "VASP shift": ("VASP diso (ppm) (Absolute)", "diso (ppm)", False),
    "CASTEP shift": ("CASTEP diso (absolute)", "diso (ppm)", False),
    "VASP C_Q": ("VASP CQ (MHz)", "CQ (MHz)", True),
    "CASTEP C_Q": ("CASTEP CQ (MHz)", "CQ (MHz)", True),
}


@pytest.mark.parametrize(
    ("kind", "n", "slope", "rms"),
    [
        ("VASP shift", 76, 1.1315, 4.59),
        ("CASTEP shift", 79, -1.0766, 4.91),
        ("VASP C_Q", 96, 1.0156, 0.77),
        ("CASTEP C_Q", 99, 0.9783, 0.84),
    ],
)
def test_the_table_of_aluminium_crystals_gives_its_lines(
    data_folder: Path, kind: str, n: int, slope: float, rms: float
) -> None:
    import csv

    computed, measured, absolute = AL27[kind]
    path = data_folder / "tables" / "al27_experiment_vs_dft.csv"
    names, numbers = read_columns(path, [computed, measured], absolute=absolute)
    found = calibrate(*numbers.T, names=names)
    assert found.n == n and found.b == pytest.approx(slope, abs=1e-4) and found.rms == pytest.approx(rms, abs=0.01)
    # the same by hand
    with path.open(encoding="utf-8-sig") as file:
        table = list(csv.DictReader(file))
    pairs = []
    for row in table:
        try:
            pairs.append([float(row[computed]), float(row[measured])])
        except (ValueError, TypeError):
            continue
    x, y = (np.abs(pairs) if absolute else np.array(pairs)).T
    np.testing.assert_allclose(np.polyfit(x, y, 1), [found.b, found.a], rtol=1e-8)
    assert found.r2 > 0.94


def test_a_model_keeps_its_calibration(tmp_path: Path) -> None:
    data = reference.load("shielding", "29Si")
    soap = SphericalBesselSOAP(["O", "Si", "Na"], 3.3, n_max=4, l_max=2)
    NMRModel.fit(data, soap, LSSVR(n_landmarks=30, lam=1e-3)).save(tmp_path / "si.gnmr")
    lines = "crystal,sigma,delta\nquartz,436.2,-107.4\n,,\ncristobalite,438.9,-109.9\ncoesite,442.0,-113.9\n"
    (tmp_path / "crystals.csv").write_text(lines)
    result = glassnmr("calibrate", tmp_path / "crystals.csv", "--computed", "sigma", "--measured", "delta", "--plot",
                      tmp_path / "line.png", "--model", tmp_path / "si.gnmr", "-o", tmp_path / "out.gnmr")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "3 points" in result.output and (tmp_path / "line.png").stat().st_size > 5000
    model, before = NMRModel.load(tmp_path / "out.gnmr"), NMRModel.load(tmp_path / "si.gnmr")
    wanted = fit_reference([436.2, 438.9, 442.0], [-107.4, -109.9, -113.9])
    np.testing.assert_allclose(model.reference, wanted[:2])
    assert before.reference is None and model.provenance["calibration"]["n"] == 3
    assert [p["name"] for p in model.provenance["calibration"]["points"]] == ["quartz", "cristobalite", "coesite"]
    one, other = model.predict_frame(data.structures[0]), before.predict_frame(data.structures[0])
    np.testing.assert_array_equal(one.values["sigma_iso"], other.values["sigma_iso"])
    np.testing.assert_allclose(one.values["delta_iso"], wanted[0] + wanted[1] * one.values["sigma_iso"])
    assert model.landmarks.shape == (model.n_landmarks, soap.n_features)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{csv}", "--computed", "x", "--measured", "b"], "no column 'x'; it has a, b"),
        (["{csv}", "--computed", "a", "--measured", "b", "--model", "m.gnmr"], "belong together"),
        (["{csv}", "--computed", "a", "--measured", "b", "--model", "m.gnmr", "-o", "o.txt"], "written as .gnmr"),
        (["{csv}", "--computed", "a", "--measured", "b", "--plot", "o.txt"], "a figure is written as"),
        (["{csv}", "--computed", "a", "--measured", "b", "--slope", "nan"], "finite number"),
        (["none.csv", "--computed", "a", "--measured", "b"], "there is no file none.csv"),
        (["{csv}", "--computed", "a", "--measured", "b"], "at least 2 crystals, got 1"),
    ],
)
def test_wrong_calls_are_refused_in_one_line(tmp_path: Path, words: list[str], message: str) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\nx,y\n")
    result = glassnmr("calibrate", *(word.format(csv=tmp_path / "t.csv") for word in words))
    lines = result.stderr.strip().splitlines()
    assert result.exit_code == 2 and len(lines) == 1 and message in lines[0], result.output
