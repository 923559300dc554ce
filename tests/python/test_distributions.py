# SPDX-License-Identifier: BSD-3-Clause
"""Distributions: densities against samples and closed forms, fits against what was drawn, whose sigma is whose."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi, kstest, ncx2

from glassnmr.distributions import Czjzek, ExtendedCzjzek, fit_czjzek, fit_extended_czjzek
from glassnmr.spectra import mas_spectrum, quadrupolar_shift

DISTRIBUTIONS = [Czjzek(2.0), ExtendedCzjzek(4.0, 0.3, 0.4), ExtendedCzjzek(3.0, 0.9, 1.0),
                 ExtendedCzjzek(-2.0, 0.0, 0.25)]


def grid(d: Czjzek | ExtendedCzjzek) -> tuple[Any, Any, float]:
    top = 8 * d.sigma_dmfit + (d.P_Q if isinstance(d, ExtendedCzjzek) else 0.0)
    c, e = (np.arange(160) + 0.5) / 160 * top, (np.arange(40) + 0.5) / 40
    return (*np.meshgrid(c, e, indexing="ij"), top / 160 / 40)


@pytest.mark.parametrize("d", DISTRIBUTIONS, ids=repr)
def test_the_density_integrates_to_one_with_the_right_mean(d: Czjzek | ExtendedCzjzek) -> None:
    c, e, cell = grid(d)
    p = d.density(c, e)
    assert p.sum() * cell == pytest.approx(1, abs=2e-3)
    assert (p * c).sum() * cell == pytest.approx(d.mean_abs_C_Q, rel=2e-3)
    # P_Q^2 of the site and of the disturbance add up
    known = d.P_Q**2 if isinstance(d, ExtendedCzjzek) else 0.0
    assert (p * c**2 * (1 + e**2 / 3)).sum() * cell == pytest.approx(known + 5 * d.sigma_dmfit**2, rel=3e-3)


@pytest.mark.parametrize("d", DISTRIBUTIONS, ids=repr)
def test_the_density_is_that_of_drawn_tensors(d: Czjzek | ExtendedCzjzek) -> None:
    n = 200_000
    sites = d.sample(n, seed=7)
    c, e, cell = grid(d)
    expected = (d.density(c, e) * cell).reshape(16, 10, 8, 5).sum(axis=(1, 3)) * n
    edges = np.linspace(0, c[-1, 0] + c[0, 0], 17)
    found = np.histogram2d(np.abs(sites.C_Q), sites.eta, bins=[edges, np.linspace(0, 1, 9)])[0]
    deviation = (found - expected) / np.sqrt(expected + 25)
    assert np.sqrt(np.mean(deviation**2)) < 1.2 and np.max(np.abs(deviation)) < 5


def test_p_q_is_chi_distributed_and_eta_independent_of_it() -> None:
    sites = Czjzek(1.7).sample(20_000, seed=3)
    product = np.abs(sites.C_Q) * np.sqrt(1 + sites.eta**2 / 3)
    assert kstest(product / 1.7, chi(5).cdf).pvalue > 1e-3

    def below(eta: Any) -> Any:
        w = 1 + np.asarray(eta) ** 2 / 3
        return 1 + 3 * w**-0.5 - 4 * w**-1.5

    assert kstest(sites.eta, below).pvalue > 1e-3
    assert abs(np.corrcoef(product, sites.eta)[0, 1]) < 0.03
    assert np.mean(sites.C_Q > 0) == pytest.approx(0.5, abs=0.02)


def test_the_extended_p_q_is_noncentral_chi() -> None:
    d = ExtendedCzjzek(3.0, 0.5, 0.6)
    sites = d.sample(20_000, seed=5)
    square = sites.C_Q**2 * (1 + sites.eta**2 / 3) / d.sigma_dmfit**2
    assert kstest(square, ncx2(5, d.P_Q**2 / d.sigma_dmfit**2).cdf).pvalue > 1e-3


def test_a_large_disturbance_forgets_the_site() -> None:
    c, e, _ = grid(Czjzek(2.0))
    extended = ExtendedCzjzek(0.01, 0.4, 2.0 * math.sqrt(5) / (0.01 * math.sqrt(1 + 0.16 / 3)))
    assert extended.sigma_dmfit == pytest.approx(2.0)
    assert np.allclose(extended.density(c, e), Czjzek(2.0).density(c, e), rtol=1e-4, atol=1e-12)


def test_a_small_disturbance_stays_at_the_site() -> None:
    sites = ExtendedCzjzek(5.0, 0.4, 0.03).sample(4000, seed=2)
    assert np.mean(sites.C_Q) == pytest.approx(5.0, abs=0.02)
    assert np.mean(sites.eta) == pytest.approx(0.4, abs=0.01)


def mrsimulator_draws(sigma: float, n: int) -> Any:
    """Its tensors: S_xx = sqrt(3) U_5 - U_1 and so on, every U normal of width sigma."""
    u = np.random.default_rng(0).normal(0, sigma, (5, n))
    r = math.sqrt(3)
    rows = [[r * u[4] - u[0], r * u[3], r * u[1]],
            [r * u[3], -r * u[4] - u[0], r * u[2]],
            [r * u[1], r * u[2], 2 * u[0]]]
    values = np.linalg.eigvalsh(np.moveaxis(np.array(rows), -1, 0))
    return np.abs(values).max(axis=1)


def test_the_two_sigmas_differ_by_two() -> None:
    ours = Czjzek.from_mrsimulator(1.5)
    assert (ours.sigma_dmfit, ours.sigma_mrsimulator) == (3.0, 1.5)
    theirs = mrsimulator_draws(1.5, 100_000)
    assert theirs.mean() == pytest.approx(ours.mean_abs_C_Q, rel=5e-3)
    # dmfit's: abs C_Q at eta = 0 is most frequent at 2 sigma
    c = np.linspace(0.1, 15, 3001)
    assert c[np.argmax(ours.density(c, 1e-6))] == pytest.approx(6.0, abs=0.01)


def test_densities_and_samples_agree_with_mrsimulator() -> None:
    models = pytest.importorskip("mrsimulator.models", reason="mrsimulator is not installed")
    c, e = np.linspace(0.1, 16, 80), np.linspace(0.02, 0.98, 25)
    _, _, theirs = models.CzjzekDistribution(sigma=1.0).pdf(pos=[c, e], analytical=True)
    ours = Czjzek(2.0).density(*np.meshgrid(c, e))
    assert np.allclose(theirs / theirs.sum(), ours / ours.sum(), atol=2e-3 * (ours / ours.sum()).max())
    np.random.seed(0)  # noqa: NPY002
    zeta, _ = models.ExtCzjzekDistribution({"Cq": 4.0, "eta": 0.3}, eps=0.4).rvs(100_000)
    d = ExtendedCzjzek(4.0, 0.3, 0.4)
    assert np.abs(zeta).mean() == pytest.approx(d.mean_abs_C_Q, rel=5e-3)
    assert np.abs(zeta).std() == pytest.approx(np.abs(d.sample(100_000).C_Q).std(), rel=1e-2)


def test_shifts_follow_the_coupling() -> None:
    sites = Czjzek(2.0, delta_iso=60.0, sigma_delta=4.0, slope=-3.0).sample(100_000, seed=1)
    slope, _ = np.polyfit(np.abs(sites.C_Q), sites.delta_iso, 1)
    assert slope == pytest.approx(-3.0, abs=0.05)
    assert sites.delta_iso.mean() == pytest.approx(60.0, abs=0.1)
    rest = sites.delta_iso - slope * np.abs(sites.C_Q)
    assert rest.std() == pytest.approx(4.0, rel=0.02)


def test_fits_find_what_was_drawn_within_their_errors() -> None:
    truth = {"sigma_dmfit": 1.8, "delta_iso": 55.0, "sigma_delta": 3.0, "slope": -2.0}
    pulls = []
    for seed in range(60):
        sites = Czjzek(**truth).sample(500, seed)
        found = fit_czjzek(sites.C_Q, sites.eta, sites.delta_iso)
        pulls.append([(getattr(found.distribution, name) - value) / found.errors[name]
                      for name, value in truth.items()])
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 0.5)
    assert np.all((np.std(pulls, axis=0) > 0.7) & (np.std(pulls, axis=0) < 1.35))


@pytest.mark.parametrize("d", [ExtendedCzjzek(4.0, 0.3, 0.4), ExtendedCzjzek(3.0, 0.6, 0.2)], ids=repr)
def test_extended_fits_find_what_was_drawn_within_their_errors(d: ExtendedCzjzek) -> None:
    sites = d.sample(2000, seed=11)
    found = fit_extended_czjzek(-sites.C_Q, sites.eta, 50 + sites.delta_iso + 2 * np.abs(sites.C_Q))
    for name in ("C_Q", "eta", "epsilon"):
        assert abs(getattr(found.distribution, name) - getattr(d, name)) < 4 * found.errors[name]
        assert found.errors[name] < 0.06
    assert found.distribution.slope == pytest.approx(2.0, abs=1e-6)
    assert found.aic < fit_czjzek(sites.C_Q, sites.eta).aic - 100


def test_sites_of_a_czjzek_distribution_need_no_extension() -> None:
    sites = Czjzek(2.0).sample(2000, seed=4)
    assert fit_czjzek(sites.C_Q, sites.eta).aic < fit_extended_czjzek(sites.C_Q, sites.eta).aic


def test_the_spectrum_is_that_of_a_large_sample() -> None:
    d = Czjzek(1.5, delta_iso=60.0, sigma_delta=5.0, slope=2.0)
    axis = (-60.0, 120.0, 1024)
    made = d.spectrum("27Al", field=14.1, fwhm_ppm=2.0, axis=axis)
    sites = d.sample(200_000, seed=9)
    drawn = mas_spectrum("27Al", field=14.1, delta_iso=sites.delta_iso, C_Q=sites.C_Q, eta=sites.eta, fwhm_ppm=2.0,
                         axis=axis)
    assert np.linalg.norm(made.intensity - drawn.intensity) < 0.02 * np.linalg.norm(drawn.intensity)
    whole = d.spectrum("27Al", field=14.1, fwhm_ppm=2.0, axis=(-300.0, 150.0, 4096))
    shift = float(np.mean(quadrupolar_shift("27Al", 14.1, np.sqrt(5) * 1.5, 0.0)))  # of the mean square of P_Q
    assert whole.centroid == pytest.approx(60 + shift, abs=0.1)


def test_samples_repeat_with_their_seed() -> None:
    d = ExtendedCzjzek(4.0, 0.3, 0.4, sigma_delta=1.0)
    assert all(np.array_equal(a, b) for a, b in zip(d.sample(50, 3), d.sample(50, 3), strict=True))
    assert not np.array_equal(d.sample(50, 3).C_Q, d.sample(50, 4).C_Q)


@pytest.mark.parametrize("call, words", [
    (lambda: Czjzek(0.0), "sigma_dmfit must be a positive"),
    (lambda: Czjzek(-1.0), "sigma_dmfit must not be negative"),
    (lambda: Czjzek(math.nan), "sigma_dmfit must be finite"),
    (lambda: Czjzek(1.0, sigma_delta=-1.0), "sigma_delta must not be negative"),
    (lambda: Czjzek(1.0, slope=math.inf), "slope must be finite"),
    (lambda: ExtendedCzjzek(0.0, 0.1, 0.1), "C_Q must not be 0"),
    (lambda: ExtendedCzjzek(1.0, 1.1, 0.1), r"eta must lie in \[0, 1\]"),
    (lambda: ExtendedCzjzek(1.0, 0.1, 0.0), "epsilon must be positive"),
    (lambda: Czjzek(1.0).sample(0), "whole number of at least 1"),
    (lambda: Czjzek(1.0).density(-1.0, 0.5), "abs_C_Q must not be negative"),
    (lambda: Czjzek(1.0).density(1.0, 2.0), "eta must lie"),
    (lambda: Czjzek(1.0).density(math.nan, 0.5), "finite"),
    (lambda: fit_czjzek([1.0, 2.0], [0.1, 0.2]), "three sites or more"),
    (lambda: fit_czjzek([0.0] * 4, [0.1] * 4), "no field gradient"),
    (lambda: fit_czjzek([1.0] * 4, [0.1] * 4, [1.0]), "one a site"),
    (lambda: fit_extended_czjzek([1.0, math.nan, 2.0], [0.1] * 3), "finite"),
])
def test_bad_input_is_told_in_one_line(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "\n" not in str(error.value)
