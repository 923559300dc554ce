# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr spectrum`` and ``glassnmr mqmas`` end to end, and the nonsense that they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from glassnmr.cli import main
from glassnmr.mqmas import Spectrum2D
from glassnmr.spectra import Spectrum, mas_spectrum

OXYGEN = ("--isotope", "17O", "--field", "14.1")
SITE = ("--site", "delta_iso=50,C_Q=4.9,eta=0.2")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def fine(*arguments: object) -> Result:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


def refused(*arguments: object, word: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    lines = [line for line in result.output.strip().splitlines() if line and not line.startswith(("Usage", "Try"))]
    assert word in lines[-1] and "Traceback" not in result.output, result.output


@pytest.fixture(scope="module")
def predictions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sites of oxygen and silicon as predictions hold them."""
    path = tmp_path_factory.mktemp("predictions") / "glass.csv"
    random = np.random.default_rng(4)
    rows = ["frame,atom,element,isotope,x,y,z,delta_iso,abs_C_Q,eta,zeta,eta_csa,site"]
    for atom in range(40):
        shift, coupling, eta = random.normal(45, 8), abs(random.normal(4, 1)), random.random()
        kind = "BO" if atom % 4 else "NBO"
        rows.append(f"0,{atom},O,17O,0,0,{atom},{shift:.4f},{coupling:.4f},{eta:.4f},nan,nan,{kind}")
    for atom in range(40, 60):
        rows.append(f"0,{atom},Si,29Si,0,0,{atom},{random.normal(-95, 6):.4f},nan,nan,{random.normal(0, 40):.4f},"
                    f"{random.random():.4f},Q{atom % 2 + 3}")
    path.write_text("\n".join(rows) + "\n")
    return path


def test_sites_give_the_spectrum_of_the_library(tmp_path: Path) -> None:
    fine("spectrum", *SITE, *OXYGEN, "--speed", "12.5kHz", "--range", -300, 300, "--points", 2048, "--fwhm", "100Hz",
         "-o", tmp_path / "o.csdf", "-o", tmp_path / "o.png")
    own = mas_spectrum("17O", field=14.1, delta_iso=[50], C_Q=4.9, eta=0.2, spinning_speed=12500, fwhm_hz=100,
                       axis=(-300, 300, 2048))
    assert np.allclose(Spectrum.load(tmp_path / "o.csdf").intensity, own.intensity, rtol=0, atol=1e-12)


@pytest.mark.parametrize("options, said", [
    ((), "infinite speed, method table"), (("--speed", "static"), "at rest, method powder"),
    (("--speed", "15000"), "15 kHz, method table"), (("--method", "powder"), "method powder"),
    (("--transitions", "satellite"), "infinite speed, method table"),
    (("--speed", "20kHz", "--fold", "--range", "-60", "60"), "20 kHz")])
def test_speed_and_method_are_told(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    result = fine("spectrum", *SITE, *OXYGEN, *options, "-o", tmp_path / "o.csv")
    assert said in result.output
    if "--fold" in options:
        made = Spectrum.load(tmp_path / "o.csv")
        assert made.intensity.sum() * (made.ppm[1] - made.ppm[0]) == pytest.approx(1, abs=1e-6)


def test_predictions_of_anisotropy_give_sidebands(tmp_path: Path, predictions: Path) -> None:
    common = (predictions, "--isotope", "29Si", "--field", 9.4, "--label", "site", "--range", -300, 100)
    fine("spectrum", *common, "-o", tmp_path / "fast.csv")
    result = fine("spectrum", *common, "--speed", "2kHz", "-o", tmp_path / "slow.csv")
    assert "Q3" in result.output and "method table" in result.output
    fast, slow = Spectrum.load(tmp_path / "fast.csv"), Spectrum.load(tmp_path / "slow.csv")
    assert slow.intensity.max() < 0.95 * fast.intensity.max()
    assert slow.centroid == pytest.approx(fast.centroid, abs=0.05)


def test_two_tensors_and_their_angles(tmp_path: Path) -> None:
    site = "delta_iso=50,C_Q=3,eta=0.4,zeta=120,eta_csa=0.3,alpha=30,beta=40,gamma=50"
    fine("spectrum", "--site", site, *OXYGEN, "--speed", "static", "--range", -300, 300, "--points", 600,
         "-o", tmp_path / "o.csdf")
    own = mas_spectrum("17O", field=14.1, delta_iso=[50], C_Q=3, eta=0.4, zeta=120, eta_csa=0.3, spinning_speed=0,
                       euler=np.radians([30, 40, 50]), axis=(-300, 300, 600))
    assert np.allclose(Spectrum.load(tmp_path / "o.csdf").intensity, own.intensity, rtol=0, atol=1e-12)


def test_mqmas_of_predictions(tmp_path: Path, predictions: Path) -> None:
    names = [tmp_path / f"o.{suffix}" for suffix in ("csdf", "csv", "png", "svg", "pdf")]
    arguments = [part for name in names for part in ("-o", name)]
    result = fine("mqmas", predictions, *OXYGEN, "--label", "site", "--fwhm", "150Hz", *arguments)
    assert all(name.stat().st_size > 1000 for name in names)
    words = result.output.split()
    assert "BO" in words and "75.0" in words and "NBO" in words
    made = Spectrum2D.load(names[0])
    assert made.integral == pytest.approx(1, abs=0.01) and made.metadata["order"] == 3
    assert "17O 3Q spectrum at 14.1 T" in fine("info", names[0]).output


def test_the_table_of_one_ridge_gives_back_its_site(tmp_path: Path) -> None:
    for more in ((), ("--scale", "amoureux"), ("--order", "5", "--fwhm1", "0.5ppm")):
        result = fine("mqmas", *SITE, *OXYGEN, *more, "-o", tmp_path / "o.csdf")
        row = next(line for line in result.output.splitlines() if line.startswith("sum"))
        assert row.split()[-2:] == ["50.00", "4.93"]


def test_efficiency_from_a_file_or_from_pulses(tmp_path: Path) -> None:
    two = (*SITE, "--site", "delta_iso=10,C_Q=1,eta=0,label=weak", *OXYGEN)
    curve = tmp_path / "curve.txt"
    curve.write_text("# P_Q  efficiency\n0, 0\n1.0, 0.25\n4.93, 0.75\n")
    result = fine("mqmas", *two, "--efficiency", curve, "-o", tmp_path / "a.csdf")
    row = next(line for line in result.output.splitlines() if line.startswith("weak"))
    assert float(row.split()[1]) == pytest.approx(25, abs=0.1)
    fine("mqmas", *two, "--nutation", 60, "-o", tmp_path / "b.csdf")
    assert Spectrum2D.load(tmp_path / "b.csdf").metadata["efficiency"] == "curve"


def test_nonsense_is_refused_in_one_line(tmp_path: Path, predictions: Path) -> None:
    out = ("-o", tmp_path / "x.csv")
    for command in ("spectrum", "mqmas"):
        refused(command, *OXYGEN, *out, word="--site")
        refused(command, predictions, *SITE, *OXYGEN, *out, word="not both")
        refused(command, *SITE, "--field", 9.4, *out, word="--isotope")
        refused(command, *SITE, *OXYGEN, "--label", "site", *out, word="--label")
        refused(command, "--site", "C_Q=3", *OXYGEN, *out, word="delta_iso")
        refused(command, "--site", "delta_iso=nan,C_Q=1,eta=0", *OXYGEN, *out, word="finite")
        refused(command, "--site", "delta_iso=1,colour=2", *OXYGEN, *out, word="colour")
        refused(command, "--site", "delta_iso=1,C_Q=3,eta=1.5", *OXYGEN, *out, word="eta must lie")
        refused(command, "--site", "delta_iso=1", *OXYGEN, *out, word="C_Q")
        refused(command, "--site", "delta_iso=1,C_Q=3,eta=0", "--isotope", "29Si", "--field", 9.4, *out, word="29Si")
        refused(command, "--site", "delta_iso=1,C_Q=3,eta=0", "--isotope", "18O", "--field", 9.4, *out, word="isotope")
        refused(command, *SITE, *OXYGEN, "-o", tmp_path / "x.wav", word="x.wav")
        refused(command, *SITE, *OXYGEN, "-o", tmp_path / "no" / "x.csv", word="no folder")
        refused(command, *SITE, *OXYGEN, "--fwhm", "-3", *out, word="at least 0")
    refused("spectrum", *SITE, *OXYGEN, "--speed", "-5", *out, word="at least 0")
    refused("spectrum", *SITE, *OXYGEN, "--speed", "fast", *out, word="'fast'")
    refused("spectrum", *SITE, *OXYGEN, "--fold", *out, word="--range")
    refused("spectrum", *SITE, *OXYGEN, "--range", 5, 5, *out, word="finite range")
    refused("spectrum", *SITE, *OXYGEN, "--transitions", "outer", *out, word="outer")
    refused("spectrum", *SITE, *OXYGEN, "--method", "table", "--speed", "static", *out, word="method='table'")
    refused("mqmas", *SITE, *OXYGEN, "--order", 4, *out, word="order must be 3, 5")
    refused("mqmas", *SITE, *OXYGEN, "--order", 7, *out, word="order must be 3, 5")
    refused("mqmas", *SITE, *OXYGEN, "--range1", 3, 3, *out, word="axis_f1 must span")
    refused("mqmas", *SITE, *OXYGEN, "--fwhm", "1ppm", "--fwhm1", "100Hz", *out, word="same unit")
    refused("mqmas", *SITE, *OXYGEN, "--lowest", 2, *out, word="--lowest")
    refused("mqmas", *SITE, *OXYGEN, "--efficiency", predictions, *out, word="two columns")
    refused("mqmas", *SITE, *OXYGEN, "--efficiency", tmp_path / "none.txt", *out, word="none.txt")
    refused("mqmas", *SITE, *OXYGEN, "--efficiency", predictions, "--nutation", 5, *out, word="not both")
    refused("mqmas", predictions, "--isotope", "29Si", "--field", 9.4, *out, word="29Si")
    assert not list(tmp_path.iterdir())
