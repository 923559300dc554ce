# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr fit``, and broadening, averages and other programs' files of ``glassnmr spectrum``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from glassnmr.cli import main
from glassnmr.cli.base import BAD_INPUT, OK
from glassnmr.distributions import Czjzek
from glassnmr.spectra import Spectrum, mas_spectrum

Q = {"Q4": (-108.0, 5.0, 120), "Q3": (-97.0, 4.0, 80)}


def glassnmr(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def refused(result: Result, *words: str) -> None:
    """Status 2 and one line on stderr that holds all the words."""
    lines = result.stderr.strip().splitlines()
    assert result.exit_code == BAD_INPUT, result.output
    assert len(lines) == 1 and lines[0].startswith("glassnmr: error: "), result.stderr
    for word in words:
        assert word in lines[0], lines[0]


def predictions(path: Path, frames: int = 2, seed: int = 0, extra: str = "") -> Path:
    """Predicted silicon atoms that stay what they are over the frames."""
    random = np.random.default_rng(seed)
    lines = ["frame,atom,element,isotope,x,y,z,sigma_iso,delta_iso,std_sigma_iso,site" + ("," + extra if extra else "")]
    for frame in range(frames):
        atom = 0
        for site, (mean, width, count) in Q.items():
            for delta in random.normal(mean, width, count):
                lines.append(f"{frame},{atom},Si,29Si,0,0,{atom},{330 - delta:.4f},{delta:.4f},{1.5},{site}"
                             + (",3.0" if extra else ""))
                atom += 1
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """A spectrum that the predictions can make: shifted by 2 ppm, 60 % Q4, with noise, upside down."""
    random = np.random.default_rng(0)
    delta = np.concatenate([random.normal(mean, width, count) for mean, width, count in Q.values()])
    weights = np.repeat([0.6 / 120, 0.4 / 80], [120, 80])
    line = mas_spectrum("29Si", field=9.4, delta_iso=delta + 2, weights=weights, fwhm_ppm=5, axis=(-140, -60, 801))
    noise = random.normal(0, 0.01 * line.intensity.max(), 801)
    path = tmp_path / "measured.csv"
    Spectrum(line.ppm, -7e4 * (line.intensity + noise)).save(path)
    return path


def test_predictions_are_fitted_to_a_measurement(tmp_path: Path, measured: Path) -> None:
    model = predictions(tmp_path / "glass.csv", frames=1)
    names = [tmp_path / f"fit{suffix}" for suffix in (".csv", ".json", ".png")]
    result = glassnmr("fit", measured, model, "--isotope", "29Si", "--field", 9.4, "--label", "site",
                      *(word for name in names for word in ("-o", name)))
    assert result.exit_code == OK, result.output
    assert "turned over" in result.stderr and "Q4 / %" in result.stdout and "chi2" in result.stdout
    told = json.loads(names[1].read_text())
    assert told["parameters"]["shift"]["value"] == pytest.approx(2, abs=0.1)
    assert told["populations"]["Q4"]["value"] == pytest.approx(0.6, abs=0.02)
    assert told["isotope"] == "29Si" and 0.7 < told["chi2"] < 1.4
    assert names[2].read_bytes().startswith(b"\x89PNG")
    assert list(Spectrum.load(names[0]).components)[-2:] == ["Q3", "Q4"]


def test_several_models_are_ranked(tmp_path: Path, measured: Path) -> None:
    right = predictions(tmp_path / "right.csv", frames=1)
    spectrum = tmp_path / "wrong.csdf"
    mas_spectrum("29Si", field=9.4, delta_iso=[-100.0], fwhm_ppm=3.0, axis=(-140, -60, 801)).save(spectrum)
    result = glassnmr("--quiet", "fit", measured, spectrum, right, "--isotope", "29Si", "--field", 9.4)
    assert result.exit_code == OK, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split()[:2] == ["model", "chi2"]
    assert [line.split()[0] for line in lines[1:3]] == ["right", "wrong"] and result.stderr == ""


def test_sites_are_refined(tmp_path: Path) -> None:
    path = tmp_path / "o.csdf"
    mas_spectrum("17O", larmor=54.24, delta_iso=[66, 39], C_Q=[4.6, 2.4], eta=[0.15, 0.3], weights=[1, 2], fwhm_ppm=1.5,
                 axis=(-80.0, 120.0, 1024)).save(path)
    result = glassnmr("fit", path, "--site", "delta_iso=62,C_Q=4.4,eta=0.2,label=BO", "--site",
                      "delta_iso=40,C_Q=2.5,eta=0.4,label=NBO", "--hold", "eta BO", "-o", tmp_path / "fit.json")
    assert result.exit_code == OK, result.output
    told = json.loads((tmp_path / "fit.json").read_text())
    assert told["parameters"]["C_Q BO"]["value"] == pytest.approx(4.6, abs=0.05)
    assert told["parameters"]["delta_iso NBO"]["value"] == pytest.approx(39, abs=0.2)
    assert "eta BO" not in told["parameters"]


@pytest.mark.parametrize("more, limit", [(("--baseline", 0), 1.4), ((), 2.5)])  # all but the noise
def test_the_measured_phosphate_has_its_sidebands(data_folder: Path, tmp_path: Path, more: tuple[object, ...],
                                                  limit: float) -> None:
    result = glassnmr("fit", data_folder / "spectra" / "31P_Phosphate_6kHz.csdf", "--isotope", "31P", "--speed", "6kHz",
                      "--lorentzian", "common", *more, "--site", "delta_iso=0,zeta=80,eta_csa=0.5",
                      "-o", tmp_path / "p.json")
    assert result.exit_code == OK, result.output
    told = json.loads((tmp_path / "p.json").read_text())
    assert told["chi2"] < limit
    assert abs(told["parameters"]["zeta 1"]["value"]) == pytest.approx(88, abs=2)
    assert told["parameters"]["eta_csa 1"]["value"] == pytest.approx(0.45, abs=0.05)


def test_what_cannot_be_fitted_is_told_in_one_line(tmp_path: Path, measured: Path) -> None:
    model = predictions(tmp_path / "glass.csv", frames=1)
    site = ("--site", "delta_iso=1")
    refused(glassnmr("fit", tmp_path / "none.csv", model), "there is no file")
    refused(glassnmr("fit", measured), "nothing to fit")
    refused(glassnmr("fit", measured, model, *site), "not both")
    refused(glassnmr("fit", measured, tmp_path / "none.csv"), "there is no file")
    refused(glassnmr("fit", measured, model), "--isotope, and --field or --larmor")
    refused(glassnmr("fit", measured, model, model, "--isotope", "29Si", "--field", 9.4), "given twice")
    refused(glassnmr("fit", measured, model, "--isotope", "17O", "--field", 9.4), "no 17O")
    refused(glassnmr("fit", measured, model, "--isotope", "29Si", "--field", 9.4, "--label", "colour"), "'colour'")
    refused(glassnmr("fit", measured, model, "--isotope", "29Si", "--field", 9.4, "--hold", "eta"), "--site")
    refused(glassnmr("fit", measured, model, "--isotope", "29Si", "--field", 9.4, "--range", 5, 5), "finite range")
    refused(glassnmr("fit", measured, model, "--isotope", "29Si", "--field", 9.4, "-o", "x.txt"), ".json")
    refused(glassnmr("fit", measured, model, "--isotope", "29Si", "--larmor", 79.0, "--field", 9.4), "either field")
    refused(glassnmr("fit", measured, *site), "--site needs the nucleus")
    refused(glassnmr("fit", measured, "--isotope", "29Si", "--field", 9.4, "--shift", "each", *site), "--shift")
    refused(glassnmr("fit", measured, "--isotope", "29Si", "--field", 9.4, "--site", "C_Q=1"), "needs delta_iso")
    refused(glassnmr("fit", measured, "--isotope", "29Si", "--field", 9.4, "--site", "delta_iso=nan"), "finite")
    refused(glassnmr("fit", measured, "--isotope", "29Si", "--field", 9.4, *site, *site, "--noise", -1), "at least 0")
    (tmp_path / "bad.csdf").write_text("{")
    refused(glassnmr("fit", tmp_path / "bad.csdf", model), "bad.csdf")
    assert not list(tmp_path.glob("x.*"))


def test_lines_are_as_wide_as_the_model_is_uncertain(tmp_path: Path) -> None:
    table = predictions(tmp_path / "glass.csv")
    out = tmp_path / "si.csv"
    base = ("spectrum", table, "--isotope", "29Si", "--field", 9.4, "--fwhm", "0.5ppm", "-o", out)
    widths = {}
    for kind in ("width", "uncertainty", "both"):
        assert glassnmr(*base, "--broadening", kind).exit_code == OK
        made = Spectrum.load(out)
        y = made.intensity / made.intensity.sum()
        widths[kind] = float((y * made.ppm**2).sum() - (y * made.ppm).sum() ** 2)
    assert widths["uncertainty"] - widths["width"] == pytest.approx(1.5**2 - 0.5**2 / 5.545, rel=0.05)
    assert widths["both"] - widths["width"] == pytest.approx(1.5**2, rel=0.05)
    without = tmp_path / "plain.csv"
    without.write_text(table.read_text().replace("std_sigma_iso", "other"))
    refused(glassnmr("spectrum", without, "--field", 9.4, "--broadening", "both", "-o", out), "hold none (std_...)")
    refused(glassnmr("spectrum", "--site", "delta_iso=1", "--isotope", "29Si", "--field", 9.4, "--broadening", "both",
                     "-o", out), "not to --site")


def test_frames_are_added_up_or_averaged(tmp_path: Path) -> None:
    table = predictions(tmp_path / "glass.csv", frames=6)
    spreads = []
    for more in ((), ("--average", 2), ("--average", "all")):
        assert glassnmr("spectrum", table, "--field", 9.4, "--fwhm", "0.2ppm", "--label", "site", *more, "-o",
                        tmp_path / "si.csv").exit_code == OK
        made = Spectrum.load(tmp_path / "si.csv")
        part = made.components["Q4"] / made.components["Q4"].sum()
        spreads.append(float(np.sqrt((part * made.ppm**2).sum() - (part * made.ppm).sum() ** 2)))
        assert dict(made.fractions) == pytest.approx({"Q3": 0.4, "Q4": 0.6})
    assert spreads[1] == pytest.approx(spreads[0] / np.sqrt(2), rel=0.05)
    assert spreads[2] == pytest.approx(spreads[0] / np.sqrt(6), rel=0.1)
    for wrong in ("0", "few", "9"):
        refused(glassnmr("spectrum", table, "--field", 9.4, "--average", wrong, "-o", tmp_path / "si.csv"), wrong)
    coupled = predictions(tmp_path / "c.csv", extra="abs_C_Q")
    refused(glassnmr("spectrum", coupled, "--field", 9.4, "--average", "all", "-o", tmp_path / "si.csv"),
            "abs_C_Q cannot be averaged")


@pytest.mark.parametrize("suffix", [".spe", ".asc", ".bruker"])
def test_spectra_go_to_other_programs_and_come_back(tmp_path: Path, suffix: str) -> None:
    table = predictions(tmp_path / "glass.csv")
    path = tmp_path / f"si{suffix}"
    assert glassnmr("spectrum", table, "--field", 9.4, "-o", path, "-o", tmp_path / "si.csdf").exit_code == OK
    kept, back = Spectrum.load(tmp_path / "si.csdf"), Spectrum.load(path)
    assert np.allclose(back.ppm, kept.ppm, atol=1e-5)
    assert np.allclose(back.intensity, kept.intensity, atol=1e-7 * kept.intensity.max())
    told = glassnmr("info", path)
    assert told.exit_code == OK and "ppm" in told.stdout
    fitted = glassnmr("fit", path, table, "--isotope", "29Si", "--field", 9.4, "--range", -125, -75)
    assert fitted.exit_code == OK, fitted.output


def test_sites_go_to_mrsimulator(tmp_path: Path) -> None:
    table = predictions(tmp_path / "glass.csv", frames=1)
    assert glassnmr("spectrum", table, "--field", 9.4, "--label", "site", "-o", tmp_path / "si.mrsys").exit_code == OK
    systems = json.loads((tmp_path / "si.mrsys").read_text())
    assert len(systems) == 200 and {system["label"] for system in systems} == {"Q3", "Q4"}


def test_distributions_of_predicted_sites_are_told(tmp_path: Path) -> None:
    sites = Czjzek(2.0, delta_iso=50.0, sigma_delta=4.0).sample(400, seed=1)
    rows = [f"0,{k},O,17O,0,0,0,{d:.5f},{abs(c):.5f},{e:.5f},{'BO' if k < 395 else 'NBO'}"
            for k, (d, c, e) in enumerate(zip(*sites, strict=True))]
    table = tmp_path / "o.csv"
    table.write_text("\n".join(["frame,atom,element,isotope,x,y,z,delta_iso,abs_C_Q,eta,oxygen", *rows]) + "\n")
    base = ("spectrum", table, "--field", 14.1, "--label", "oxygen", "-o", tmp_path / "o.csdf", "--distribution")
    result = glassnmr(*base, "czjzek")
    assert result.exit_code == OK, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    told = next(line for line in lines if line[:2] == ["BO", "395"])
    assert float(told[2]) == pytest.approx(2.0, abs=5 * float(told[4])) and ["NBO", "5"] in lines
    extended = glassnmr(*base, "extended")
    assert extended.exit_code == OK and "epsilon" in extended.stdout
    refused(glassnmr("spectrum", predictions(tmp_path / "si.csv"), "--field", 9.4, "-o", tmp_path / "s.csv",
                     "--distribution", "czjzek"), "do not have")
