# SPDX-License-Identifier: BSD-3-Clause
"""Fits to measurements: what was put in comes out, errors are what repeated noise shows, derivatives are exact."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import voigt_profile

from glassnmr.distributions import Czjzek, ExtendedCzjzek
from glassnmr.experiment import as_measured, read_measurement
from glassnmr.fitting import SpectrumFit, fit_spectrum, rank_models
from glassnmr.overlay import Overlay, resampled, working_axis
from glassnmr.refinement import Problem, noise_level
from glassnmr.site_fit import fit_sites
from glassnmr.spectra import Spectrum, mas_spectrum

Array = NDArray[np.float64]
SHARES = {"Q2": 0.15, "Q3": 0.30, "Q4": 0.55}
RANDOM = np.random.default_rng(1)
SITES = {"Q4": RANDOM.normal(-108, 5, 900), "Q3": RANDOM.normal(-97, 4, 600), "Q2": RANDOM.normal(-86, 3, 200)}


def silicon(fwhm: float, shift: float = 0.0, shares: dict[str, float] | None = None, **more: Any) -> Spectrum:
    labels = np.concatenate([[name] * len(sites) for name, sites in SITES.items()])
    weights = None if shares is None else [shares[name] / len(SITES[name]) for name in labels]
    options = {"axis": (-160.0, -40.0, 1201), "field": 9.4, **more}
    return mas_spectrum("29Si", delta_iso=np.concatenate(list(SITES.values())) + shift, labels=labels, weights=weights,
                        fwhm_ppm=fwhm, **options)


def noisy(spectrum: Spectrum, level: float, seed: int = 0, smooth: int = 1) -> Spectrum:
    noise = np.random.default_rng(seed).normal(size=len(spectrum.ppm) + smooth - 1)
    noise = np.convolve(noise, np.ones(smooth) / np.sqrt(smooth), "valid")
    y = 1e6 * (spectrum.intensity + level * spectrum.intensity.max() * noise)
    return Spectrum(spectrum.ppm, y, spectrum.isotope, spectrum.field)


# -------------------------------------------------------------------------------------------------------- the model


def test_the_overlay_is_a_shifted_voigt_line() -> None:
    axis = working_axis(np.linspace(-50, 50, 501), 0.2, 20)
    sigma = 1.5
    line = np.exp(-0.5 * ((axis.ppm - 3) / sigma) ** 2) / np.sqrt(2 * np.pi) / sigma
    points = np.linspace(-50, 50, 501)
    found = Overlay(points, axis, line[None]).columns(np.array([4.37]), np.array([2.0]), np.array([3.0]))[0]
    expected = voigt_profile(points - 7.37, np.sqrt(sigma**2 + 2.0), 1.5)
    # the tails of a Lorentzian come back through the period of the transform
    assert np.max(np.abs(found - expected)) < 4e-3 * expected.max()


@pytest.mark.parametrize("shared", ["common", "each"])
def test_derivatives_are_those_of_finite_differences(shared: str) -> None:
    points = np.sort(np.random.default_rng(3).uniform(-30, 30, 200))  # uneven
    axis = working_axis(points, 0.1, 15)
    lines = np.array([np.exp(-0.5 * ((axis.ppm - c) / w) ** 2) for c, w in ((-5, 1.0), (4, 2.0), (9, 0.7))])
    which = np.zeros(3, np.int64) if shared == "common" else np.arange(3)
    problem = Problem(Overlay(points, axis, lines), np.cos(points), np.eye(3), which, which, which,
                      np.array([np.ones(200), points / 30]))
    x = np.random.default_rng(4).uniform(0.5, 2.0, problem.n_parameters)
    slope = problem.jacobian(x)
    for k in range(problem.n_parameters):
        step = np.zeros_like(x)
        step[k] = 1e-5
        difference = (problem.residual(x + step) - problem.residual(x - step)) / 2e-5
        assert np.max(np.abs(slope[:, k] - difference)) < 1e-7 * max(1, np.max(np.abs(difference)))


def test_resampling_keeps_the_area() -> None:
    ppm = np.linspace(-20, 20, 4001)
    line = np.exp(-0.5 * (ppm / 0.3) ** 2) / np.sqrt(2 * np.pi) / 0.3
    for step in (0.003, 0.01, 0.07, 0.5):
        axis = working_axis(np.array([-10.0, 10.0]), step, 5)
        assert resampled(axis, ppm, line[None])[0].sum() * axis.step == pytest.approx(1, abs=2e-3)


def test_even_points_lie_on_the_working_axis() -> None:
    for points in (np.linspace(-97, 13, 777), np.linspace(0.1, 5, 33)):
        axis = working_axis(points, 0.02, 3.3)
        place = (points - axis.first) / axis.step
        assert np.allclose(place, np.round(place), atol=1e-6)
        assert axis.first <= points[0] - 3.3 and axis.ends[1] >= points[-1] + 3.3 - axis.step


# ----------------------------------------------------------------------------------------------- what comes out again


def test_shift_width_scale_and_populations_are_recovered() -> None:
    truth = silicon(7.0, shift=3.3, shares=SHARES)
    fit = fit_spectrum(noisy(truth, 0.0), silicon(2.0))
    assert fit.parameters["shift"].value == pytest.approx(3.3, abs=2e-3)
    assert fit.parameters["fwhm"].value == pytest.approx(np.sqrt(45), abs=5e-3)
    assert fit.parameters["scale"].value == pytest.approx(1e6, rel=1e-3)
    for label, share in SHARES.items():
        assert fit.populations[label].value == pytest.approx(share, abs=5e-4)
    assert fit.normalised_residual < 1e-3
    assert np.allclose(fit.baseline + sum(fit.components.values()), fit.calculated, rtol=0, atol=1e-6)


def test_a_lorentzian_and_a_baseline_are_told_from_a_gaussian() -> None:
    line = mas_spectrum("29Si", field=9.4, delta_iso=[-100], fwhm_ppm=4, shape="lorentzian", axis=(-300, 100, 4001))
    measured = Spectrum(line.ppm, 50 * line.intensity + 0.2 + 0.001 * line.ppm)
    model = mas_spectrum("29Si", field=9.4, delta_iso=[-101], fwhm_ppm=0.5, axis=(-300, 100, 4001))
    fit = fit_spectrum(measured, model, window=(-150, -50), lorentzian="common", baseline=1)
    assert fit.parameters["lorentzian"].value == pytest.approx(4, abs=0.1)
    assert fit.parameters["shift"].value == pytest.approx(1, abs=1e-3)
    at_centre = fit.baseline[len(fit.ppm) // 2]
    assert at_centre == pytest.approx(0.1, abs=0.02)


def test_each_component_may_have_its_own_shift_and_width() -> None:
    axis = (-160.0, -40.0, 1201)
    parts = [mas_spectrum("29Si", field=9.4, delta_iso=[d], fwhm_ppm=w, axis=axis).intensity
             for d, w in ((-109, 9.0), (-94, 5.0))]
    ppm = np.linspace(*axis)
    measured = Spectrum(ppm, 3 * parts[0] + 2 * parts[1])
    model = mas_spectrum("29Si", field=9.4, delta_iso=[-106, -96], labels=["Q4", "Q3"], fwhm_ppm=2, axis=axis)
    fit = fit_spectrum(measured, model, shift="each", width="each")
    assert fit.parameters["shift Q4"].value == pytest.approx(-3, abs=1e-2)
    assert fit.parameters["shift Q3"].value == pytest.approx(2, abs=1e-2)
    assert fit.parameters["fwhm Q4"].value == pytest.approx(np.sqrt(77), abs=1e-2)
    assert fit.populations["Q4"].value == pytest.approx(0.6, abs=1e-3)


def test_populations_can_be_kept() -> None:
    truth, model = silicon(6.0, shares=SHARES), silicon(2.0)
    kept = fit_spectrum(truth, model, populations=False)
    assert {label: share.value for label, share in kept.populations.items()} == pytest.approx(dict(model.fractions))
    assert all(share.error == pytest.approx(0, abs=1e-12) for share in kept.populations.values())
    assert kept.normalised_residual > 10 * fit_spectrum(truth, model).normalised_residual


@pytest.mark.parametrize("smooth", [1, 8])
def test_standard_errors_are_the_spread_of_repeated_measurements(smooth: int) -> None:
    truth, model = silicon(6.0, shift=-2.0, shares=SHARES), silicon(2.0)
    pulls = []
    for seed in range(40):
        fit = fit_spectrum(noisy(truth, 0.01, seed, smooth), model, baseline=0)
        wanted = {"shift": -2.0, "fwhm": np.sqrt(32), "scale": 1e6, "baseline 0": 0.0}
        row = [(fit.parameters[name].value - value) / fit.parameters[name].error for name, value in wanted.items()]
        pulls.append(row + [(fit.populations[q].value - p) / fit.populations[q].error for q, p in SHARES.items()])
    spread = np.std(pulls, axis=0)
    assert np.all((spread > 0.6) & (spread < 1.6)), spread
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 0.9)


def test_errors_of_independent_points_would_be_too_small() -> None:
    truth, model = silicon(6.0, shares=SHARES), silicon(2.0)
    white = fit_spectrum(noisy(truth, 0.01, 1), model).parameters["shift"].error
    smooth = fit_spectrum(noisy(truth, 0.01, 1, smooth=16), model).parameters["shift"].error
    assert smooth > 2 * white


def test_chi_squared_of_the_right_model_is_one() -> None:
    truth, model = silicon(6.0, shares=SHARES), silicon(2.0)
    found = [fit_spectrum(noisy(truth, 0.01, seed), model).chi2 for seed in range(10)]
    assert np.mean(found) == pytest.approx(1, abs=0.12)


def test_the_noise_is_found_beside_a_signal() -> None:
    y = 100 * np.exp(-0.5 * ((np.arange(2048) - 900) / 150) ** 2) + np.random.default_rng(0).normal(0, 2.0, 2048)
    assert noise_level(y) == pytest.approx(2.0, rel=0.1)


def test_uneven_and_falling_axes_give_the_same_fit() -> None:
    truth, model = silicon(6.0, shift=1.5, shares=SHARES), silicon(2.0)
    even = fit_spectrum(truth, model)
    falling = fit_spectrum(Spectrum(truth.ppm[::-1], truth.intensity[::-1]), model)
    assert falling.parameters == even.parameters
    rows = np.sort(np.random.default_rng(0).choice(len(truth.ppm), 700, replace=False))
    uneven = fit_spectrum(Spectrum(truth.ppm[rows], truth.intensity[rows]), model)
    assert uneven.parameters["shift"].value == pytest.approx(1.5, abs=0.01)
    assert uneven.populations["Q3"].value == pytest.approx(SHARES["Q3"], abs=2e-3)


def test_models_are_ranked_by_their_misfit() -> None:
    truth = noisy(silicon(6.0, shares=SHARES), 0.005)
    shares = {"right": SHARES, "wrong": {"Q2": 0.45, "Q3": 0.05, "Q4": 0.5}, "near": {"Q2": 0.2, "Q3": 0.3, "Q4": 0.5}}
    steps: list[tuple[int, int]] = []
    found = rank_models(truth, {name: silicon(2.0, shares=s) for name, s in shares.items()}, populations=False,
                        progress=lambda done, total: steps.append((done, total)))
    assert list(found) == ["right", "near", "wrong"]
    assert [fit.chi2 for fit in found.values()] == sorted(fit.chi2 for fit in found.values())
    assert steps == [(1, 3), (2, 3), (3, 3)]
    again = rank_models(truth, {name: silicon(2.0, shares=s) for name, s in shares.items()}, populations=False,
                        by="residual")
    assert list(again) == list(found)


# ------------------------------------------------------------------------------------------------------------- sites


def test_sites_are_refined_to_what_made_the_measurement() -> None:
    axis = (-80.0, 120.0, 2048)
    truth = mas_spectrum("17O", larmor=54.24, delta_iso=[66, 39], C_Q=[4.6, 2.4], eta=[0.15, 0.3], weights=[1, 2],
                         fwhm_ppm=1.5, axis=axis)
    measured = Spectrum(truth.ppm, truth.intensity, "17O", truth.field)
    fit = fit_sites(measured, "17O", {"BO": {"delta_iso": 60, "C_Q": 4.3, "eta": 0.3},
                                      "NBO": {"delta_iso": 41, "C_Q": 2.5, "eta": 0.5}})
    for name, value, tolerance in (("delta_iso BO", 66, 0.1), ("delta_iso NBO", 39, 0.05), ("C_Q BO", 4.6, 0.01),
                                   ("C_Q NBO", 2.4, 0.01), ("eta BO", 0.15, 0.02), ("eta NBO", 0.3, 0.02)):
        assert fit.parameters[name].value == pytest.approx(value, abs=tolerance)
    assert fit.parameters["fwhm"].value == pytest.approx(1.5, abs=0.1)
    assert fit.populations["NBO"].value == pytest.approx(2 / 3, abs=5e-3)
    assert fit.normalised_residual < 0.02


def test_a_site_too_many_does_not_run_away() -> None:
    truth = mas_spectrum("17O", field=9.4, delta_iso=[39], C_Q=[2.4], eta=[0.1], fwhm_ppm=2, axis=(-50, 80, 512))
    start = {"delta_iso": 39.0, "C_Q": 2.4, "eta": 0.1}
    fit = fit_sites(truth, "17O", [start, {**start, "delta_iso": 38.4, "C_Q": 2.3}], max_shift=10)
    assert fit.normalised_residual < 0.01
    assert all(np.isfinite(value) and np.isfinite(error) for value, error in fit.parameters.values())
    assert sum(share.value for share in fit.populations.values()) == pytest.approx(1)


def test_a_glass_is_fitted_by_czjzek_distributions() -> None:
    axis = (-100.0, 120.0, 1024)
    parts = [Czjzek(sigma, delta_iso=delta, sigma_delta=width).spectrum("27Al", field=14.1, fwhm_ppm=0.5, axis=axis)
             for sigma, delta, width in ((3.0, 62.0, 5.0), (3.5, 34.0, 4.0))]
    measured = Spectrum(parts[0].ppm, 0.7 * parts[0].intensity + 0.3 * parts[1].intensity, "27Al", 14.1)
    fit = fit_sites(measured, "27Al", {"AlO4": {"delta_iso": 66, "sigma_dmfit": 2.5},
                                       "AlO5": {"delta_iso": 38, "sigma_dmfit": 3.0}}, width="each")
    assert fit.parameters["sigma_dmfit AlO4"].value == pytest.approx(3.0, abs=0.05)
    assert fit.parameters["delta_iso AlO4"].value == pytest.approx(62, abs=0.4)
    assert fit.parameters["fwhm AlO4"].value == pytest.approx(np.hypot(5 * np.sqrt(8 * np.log(2)), 0.5), abs=0.5)
    assert fit.populations["AlO5"].value == pytest.approx(0.3, abs=0.02)
    assert fit.normalised_residual < 0.01
    extended = ExtendedCzjzek(5.0, 0.3, 0.3, delta_iso=60.0).spectrum("27Al", field=14.1, fwhm_ppm=4.0, axis=axis)
    found = fit_sites(extended, "27Al", [{"delta_iso": 58, "C_Q": 4.7, "eta": 0.3, "epsilon": 0.35}],
                      hold=["eta"])
    assert found.parameters["C_Q 1"].value == pytest.approx(5.0, abs=0.1)
    assert found.normalised_residual < 0.01


def test_what_is_held_keeps_its_value() -> None:
    truth = mas_spectrum("17O", field=9.4, delta_iso=[50], C_Q=[4.0], eta=[0.4], fwhm_ppm=2, axis=(-80, 120, 1024))
    start = {"A": {"delta_iso": 49.0, "C_Q": 4.1, "eta": 0.4}}
    fit = fit_sites(truth, "17O", start, hold=["eta", "delta_iso A"])
    assert set(fit.parameters) == {"scale", "fwhm", "C_Q A"}
    assert fit_sites(truth, "17O", start, hold=["eta"]).parameters["delta_iso A"].value == pytest.approx(50, abs=0.05)


# ------------------------------------------------------------------------------------------------------- measurements


def test_a_measurement_is_turned_up_and_referenced() -> None:
    truth = noisy(silicon(6.0), 0.01)
    down = Spectrum(truth.ppm, -truth.intensity)
    made = as_measured(down, isotope="29Si", larmor=79.5, reference=-2.5)
    assert np.array_equal(made.intensity, truth.intensity) and made.ppm == pytest.approx(truth.ppm - 2.5)
    assert made.metadata["turned_over"] and made.larmor == pytest.approx(79.5)
    assert not as_measured(down, sign="keep").metadata["turned_over"]
    assert as_measured(truth, sign="flip").intensity[5] == -truth.intensity[5]


def test_the_field_comes_from_the_file_where_it_tells_the_frequency(data_folder: Path) -> None:
    made = read_measurement(data_folder / "spectra" / "Na2SiO3_O17.csdf", isotope="17O")
    assert made.larmor == pytest.approx(54.23708)
    assert as_measured(made, isotope="17O", field=9.41).field == 9.41  # the nominal field
    for wrong in ({"field": 11.7}, {"larmor": 67.8}, {"isotope": "29Si", "field": 9.4}):
        with pytest.raises(ValueError, match=r"the measurement says that it was made at 54\.2\d MHz, \d+\.\d\d T for"):
            as_measured(made, **{"isotope": "17O", **wrong})


def test_the_measured_sodium_metasilicate_has_the_couplings_of_its_two_oxygens(data_folder: Path) -> None:
    measured = read_measurement(data_folder / "spectra" / "Na2SiO3_O17.csdf", isotope="17O")
    fit = fit_sites(measured, "17O", {"BO": {"delta_iso": 60, "C_Q": 4.2, "eta": 0.5},
                                      "NBO": {"delta_iso": 40, "C_Q": 2.4, "eta": 0.2}}, window=(-50, 120))
    # one bridging and two non-bridging oxygens; C_Q as known for Si-O-Si and Si-O-Na
    assert fit.parameters["C_Q BO"].value == pytest.approx(4.3, abs=0.3)
    assert fit.parameters["C_Q NBO"].value == pytest.approx(2.4, abs=0.1)
    assert fit.populations["BO"].value < fit.populations["NBO"].value
    assert fit.normalised_residual < 0.12


# -------------------------------------------------------------------------------------------------------------- files


@pytest.fixture(scope="module")
def fit() -> SpectrumFit:
    return fit_spectrum(noisy(silicon(6.0, shares=SHARES), 0.01), silicon(2.0), baseline=0)


def test_a_fit_is_written_as_columns_and_as_figures(fit: SpectrumFit, tmp_path: Path) -> None:
    fit.save(tmp_path / "fit.csv")
    back = Spectrum.load(tmp_path / "fit.csv")
    assert list(back.components) == ["calculated", "residual", "baseline", "Q2", "Q3", "Q4"]
    assert np.allclose(back.intensity, fit.observed, rtol=1e-8)
    assert np.allclose(back.components["calculated"] + back.components["residual"], fit.observed, atol=1e-3)
    fit.save(tmp_path / "fit.json")
    told = json.loads((tmp_path / "fit.json").read_text())
    assert told["populations"]["Q4"]["value"] == fit.populations["Q4"].value
    assert told["parameters"]["shift"]["error"] == fit.parameters["shift"].error
    assert np.shape(told["correlation"]["matrix"]) == (len(fit.names),) * 2
    with pytest.raises(ValueError, match=r"written as \.csv, \.json"):
        fit.save(tmp_path / "fit.xlsx")


def test_a_fit_is_drawn_the_nmr_way_with_its_residual(fit: SpectrumFit, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    fit.save(tmp_path / "fit.png")
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG")
    above, below = fit.plot().axes
    assert above.get_xlim()[0] > above.get_xlim()[1] and below.get_xlim() == above.get_xlim()
    assert below.get_xlabel() == "$^{29}$Si chemical shift / ppm"
    texts = [text.get_text() for text in above.get_legend().get_texts()]
    share = fit.populations["Q2"]  # errors too small for the digits are not told
    assert texts[0] == f"Q2  {100 * share.value:.1f}{f' ± {100 * share.error:.1f}' if share.error >= 5e-4 else ''} %"
    assert texts[-2:] == ["measured", "model"]


def test_the_fitted_spectrum_is_a_spectrum(fit: SpectrumFit) -> None:
    made = fit.spectrum()
    assert np.array_equal(made.intensity, fit.calculated) and made.isotope == "29Si"
    assert made.fractions["Q3"] == fit.populations["Q3"].value


MODEL = {"model": silicon(2.0)}


@pytest.mark.parametrize("change, words", [
    ({"window": (0.0, 0.0)}, "finite range"),
    ({"window": (0.0, np.nan)}, "finite range"),
    ({"window": (500.0, 600.0)}, "16 measured points or more, got 0"),
    ({"window": 3}, r"window must be \(low, high\)"),
    ({"shift": "some"}, "shift must be 'common', 'each' or 'none'"),
    ({"width": "some"}, "width must be"),
    ({"baseline": 7}, "baseline must be a degree"),
    ({"baseline": 0.5}, "baseline must be a degree"),
    ({"noise": -1.0}, "noise must be finite and not negative"),
    ({"noise": np.nan}, "noise must be finite"),
    ({"max_shift": 0.0}, "max_shift must be a positive"),
    ({"max_width": np.inf}, "max_width must be a positive"),
])
def test_bad_input_is_told_in_one_line(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        fit_spectrum(silicon(6.0), silicon(2.0), **change)
    assert "\n" not in str(error.value)


def test_models_that_cannot_fit_are_told() -> None:
    measured = silicon(6.0)
    far = mas_spectrum("29Si", field=9.4, delta_iso=[900.0], axis=(850.0, 950.0, 512))
    with pytest.raises(ValueError, match="has no intensity near the measurement"):
        fit_spectrum(measured, far)
    with pytest.raises(ValueError, match="zero where it is fitted"):
        fit_spectrum(dataclasses.replace(measured, intensity=0 * measured.ppm, components={}), silicon(2.0))
    with pytest.raises(ValueError, match="nothing of the model is found"):
        fit_spectrum(dataclasses.replace(measured, intensity=-measured.intensity, components={}), silicon(2.0))
    with pytest.raises(ValueError, match="has no intensity"):
        fit_spectrum(measured, Spectrum(measured.ppm, 0 * measured.ppm))
    with pytest.raises(ValueError, match="no model"):
        rank_models(measured, {})
    with pytest.raises(ValueError, match="b: the model"):
        rank_models(measured, {"a": silicon(2.0), "b": far})


@pytest.mark.parametrize("sites, more, words", [
    ([], {}, "at least one site"),
    ([{"C_Q": 1.0}], {}, "needs delta_iso"),
    ([{"delta_iso": np.nan}], {}, "must be finite"),
    ([{"delta_iso": 1.0, "C_Q": 3.0, "eta": 1.5}], {}, "must start between 0 and 1, got 1.5"),
    ([{"delta_iso": 1.0, "C_q": 3.0}], {}, "'C_q', which a spectrum does not take"),
    ([{"delta_iso": 1.0, "C_Q": 3.0, "eta": 0.5, "weight": 0.0}], {}, "weight of site 1 must be positive"),
    ([{"delta_iso": 1.0, "C_Q": 3.0, "eta": 0.5}], {"hold": ["zeta"]}, "hold names 'zeta'"),
    ([{"delta_iso": 1.0, "C_Q": 3.0, "sigma_dmfit": 0.5}], {}, "is a distribution: it takes delta_iso with sigma"),
    ([{"delta_iso": 1.0, "C_Q": 3.0, "eta": 0.5}], {"width": "x"}, "width and lorentzian must be"),
    ([{"delta_iso": 1.0, "C_Q": 3.0, "eta": 0.5}], {"larmor": 50.0}, "field"),
])
def test_bad_sites_are_told_in_one_line(sites: Any, more: dict[str, Any], words: str) -> None:
    line = mas_spectrum("17O", field=9.4, delta_iso=[1], C_Q=[3], eta=[0.5], axis=(-50, 50, 512))
    options = {"field": 9.4, **more}
    with pytest.raises(ValueError, match=words) as error:
        fit_sites(line, "17O", sites, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("change, words", [
    ({"sign": "up"}, "sign must be"), ({"reference": np.nan}, "reference must be"),
    ({"field": 9.4, "larmor": 79.0}, "either field"), ({"larmor": 79.0}, "only with the isotope"),
    ({"isotope": "29Si", "field": -1.0}, "field must be"), ({"isotope": "29Xx"}, "isotope must be"),
])
def test_bad_measurements_are_told_in_one_line(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        as_measured(Spectrum(np.arange(20.0), np.ones(20)), **change)
    assert "\n" not in str(error.value)
