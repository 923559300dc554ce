# SPDX-License-Identifier: BSD-3-Clause
"""Intervals by left-out groups (THEORY.md eq. (9.12)-(9.14)), novelty, twins: against refits and plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from glassnmr.data.reference import load
from glassnmr.descriptors import SphericalBesselSOAP
from glassnmr.label_noise import find_twins
from glassnmr.learning import LSSVR
from glassnmr.model import NMRModel
from glassnmr.moving import MovingStructure
from glassnmr.uncertainty import (
    EXPONENTS,
    Intervals,
    calibrate_intervals,
    covered,
    group_coverage,
    left_out_half_width,
    tempered,
)
from glassnmr.validation import GroupedKFold, cross_validate


def grouped(n_groups: int = 80, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows in groups that share an offset, with heavy tails."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), 5)
    x = rng.uniform(-2, 2, (n_groups, 2))[group] + rng.normal(0, 0.1, (len(group), 2))
    offset = rng.standard_t(3, n_groups)[group] * 0.2
    return x, np.sin(2 * x[:, 0]) + x[:, 1] + offset + rng.normal(0, 0.05, len(group)), group


@pytest.mark.parametrize("kernel", ["gaussian", "polynomial"])
def test_deviation_and_novelty_are_those_of_models_refitted_without_the_fold(kernel: str) -> None:
    x, y, group = grouped()
    estimator = LSSVR(kernel=kernel, kappa=0.5, n_landmarks=30)
    found = cross_validate(estimator, x, y, group, kappas=[1.0], lams=[1e-2], n_splits=4)
    assert found.deviation is not None and found.novelty is not None
    for train, test in GroupedKFold(4).split(x, groups=group):
        model = LSSVR(kernel=kernel, kappa=0.5, n_landmarks=30, lam=1e-2).fit(x[train], y[train])
        rest, leverage = model.spread(x[test]).T
        np.testing.assert_allclose(found.novelty[test], rest / 1e-2 + leverage, rtol=1e-6, atol=1e-9)
        wanted = np.sqrt(model.noise_[0] ** 2 + model.predict(x[test], return_std=True)[1] ** 2)
        np.testing.assert_allclose(found.deviation[test], wanted, rtol=1e-6)


def test_several_targets_have_a_deviation_each() -> None:
    x, y, group = grouped(40)
    both = cross_validate(LSSVR(n_landmarks=20), x, np.column_stack([y, 10 * y]), group, lams=[1e-2], kappas=[1.0])
    assert both.deviation is not None and both.deviation.shape == (len(y), 2)
    np.testing.assert_allclose(both.deviation[:, 1], 10 * both.deviation[:, 0], rtol=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_intervals_hold_new_groups_as_often_as_they_say(seed: int) -> None:
    x, y, group = grouped(400, seed)
    old, new = group < 200, group >= 200
    estimator = LSSVR(kappa=0.3, lam=1e-2, n_landmarks=60)
    found = cross_validate(estimator, x[old], y[old], group[old], kappas=[1.0], lams=[1e-2])
    assert found.deviation is not None and found.novelty is not None
    intervals = calibrate_intervals(found.prediction - found.y, found.deviation, found.novelty)
    model = estimator.fit(x[old], y[old])
    novelty = model.spread(x[new]) @ [1 / 1e-2, 1]
    deviation = model.noise_ * np.sqrt(1 + novelty)[:, None]
    error = np.abs(model.predict(x[new]) - y[new])
    for level in intervals.levels:
        held = error <= intervals.half_width(deviation, level)[:, 0]
        assert abs(held.mean() - level) < 3 * np.sqrt(2 * level * (1 - level) / 200)  # groups of one offset each
    assert 0.8 < np.mean(covered(found.prediction - found.y, found.deviation, found.fold)) < 0.97


def test_factors_are_the_ranked_scores_of_a_plain_loop() -> None:
    rng = np.random.default_rng(1)
    error, sigma = rng.normal(size=57), rng.uniform(0.5, 2, 57)
    found = calibrate_intervals(error, sigma, rng.uniform(size=57), levels=(0.3, 0.9, 0.99))
    scores = sorted(abs(e) / s for e, s in zip(error, sigma, strict=True))
    for level, factor in zip(found.levels, found.factors[0], strict=True):
        rank = next((k for k in range(1, 58) if k >= level * 58), 57)
        assert factor == scores[rank - 1]


def test_coverage_of_a_fold_does_not_see_its_own_errors() -> None:
    error = np.array([1.0, 1.0, 1.0, 100.0, 100.0, 100.0])
    held = covered(error, np.ones(6), [0, 0, 0, 1, 1, 1], level=0.5)
    assert held.tolist() == [True] * 3 + [False] * 3
    assert group_coverage([True, False, True, True], ["a", "a", "a", "b"]) == pytest.approx((2 / 3 + 1) / 2)


def test_environments_far_from_the_training_set_are_flagged() -> None:
    x, y, group = grouped(200)
    estimator = LSSVR(kappa=1.0, lam=1e-2, n_landmarks=100)
    found = cross_validate(estimator, x, y, group, kappas=[1.0], lams=[1e-2])
    assert found.deviation is not None and found.novelty is not None
    intervals = calibrate_intervals(found.prediction - found.y, found.deviation, found.novelty)
    model = estimator.fit(x, y)
    assert intervals.unlike(model.spread([[5.0, 5.0], [-4.0, 0.0]]) @ [100, 1]).all()
    assert intervals.unlike(model.spread(x) @ [100, 1]).mean() <= 0.011


def test_twins_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(60, 3))
    x[30:50] = x[:20] + rng.normal(0, 1e-4, (20, 3))
    y, owner = rng.normal(size=60), np.repeat(np.arange(12), 5)
    found = find_twins(x, y, owner, tolerance=0.01)
    every = np.linalg.norm(x[:, None] - x, axis=2)
    limit = 0.01 * np.median(every[np.triu_indices(60, 1)])
    wanted = [(i, j) for i in range(60) for j in range(i + 1, 60) if every[i, j] <= limit and owner[i] != owner[j]]
    assert [tuple(pair) for pair in found.pairs] == wanted and len(wanted) == 20
    assert found.n_rows == 40 and found.floor == pytest.approx(np.mean(np.abs(y[:20] - y[30:50])) / 2)
    assert find_twins(x, y, np.zeros(60)).floor == 0 and find_twins(x, y, np.zeros(60)).share_beyond(1) == 0


def test_the_floor_is_a_bound_for_every_function_of_the_environment() -> None:
    x = np.repeat(np.arange(10.0), 2)[:, None]
    y = np.random.default_rng(0).normal(size=20)
    found = find_twins(x, y, np.arange(20), tolerance=0.0)
    for value in (np.zeros(10), y[::2], y[1::2], (y[::2] + y[1::2]) / 2):
        assert np.abs(np.repeat(value, 2) - y).mean() >= found.floor - 1e-12


@pytest.mark.parametrize(("call", "message"), [
    (lambda: Intervals((0.9, 0.5), np.ones((1, 2)), 1.0), "levels must be rising"),
    (lambda: Intervals((0.5, 1.0), np.ones((1, 2)), 1.0), "levels must be rising"),
    (lambda: Intervals((0.5,), np.ones((1, 2)), 1.0), "factors must be 1 finite"),
    (lambda: Intervals((0.5,), np.array([[np.nan]]), 1.0), "factors must be 1 finite"),
    (lambda: Intervals((0.5,), np.ones((1, 1)), np.inf), "limit must be finite"),
    (lambda: Intervals((0.5,), np.ones((1, 1)), 1.0).half_width([1.0], 0.9), "level must be one of 0.5, got 0.9"),
    (lambda: calibrate_intervals([1.0], [1.0, 2.0], [0.0]), "one shape"),
    (lambda: calibrate_intervals([], [], []), "not be empty"),
    (lambda: calibrate_intervals([np.nan], [1.0], [0.0]), "must be finite"),
    (lambda: calibrate_intervals([1.0], [-1.0], [0.0]), "no deviation negative"),
    (lambda: calibrate_intervals([1.0], [0.0], [0.0]), "deviation 0 has an error"),
    (lambda: calibrate_intervals([1.0], [1.0], [np.inf]), "novelty must be 1 finite"),
    (lambda: covered([1.0, 2.0], [1.0, 1.0], [0, 0]), "at least two folds"),
    (lambda: covered([1.0, 2.0], [1.0, 1.0], [0, 1], level=1.0), "level must lie in"),
    (lambda: find_twins([[1.0], [2.0]], [1.0], [0, 1]), "y and structure must be 2 values"),
    (lambda: find_twins([[1.0], [2.0]], [1.0, np.nan], [0, 1]), "y finite"),
    (lambda: find_twins([[1.0], [2.0]], [1.0, 1.0], [0, 1], tolerance=-1), "tolerance must be finite"),
])
def test_nonsense_is_refused_in_one_sentence(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]


def grown(n: int, power: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Errors that grow with a power of the deviation, deviations, novelties, folds."""
    rng = np.random.default_rng(12)
    novelty = 10 ** rng.uniform(-2, 5, n)
    sigma = 0.3 * np.sqrt(1 + novelty)
    return 0.3 * (1 + novelty) ** (power / 2) * rng.standard_t(3, n), sigma, novelty, np.arange(n) % 5


@pytest.mark.parametrize("power", EXPONENTS)
def test_intervals_grow_with_the_novelty_as_errors_do(power: float) -> None:
    error, sigma, novelty, fold = grown(4000, power)
    found = calibrate_intervals(error, sigma, novelty, exponents=EXPONENTS)
    assert found.exponent == power
    one = 0.3 * (1 + novelty) ** (power / 2)
    np.testing.assert_allclose(tempered(sigma, novelty, power), one)
    n = len(error)
    wanted = np.sort(np.abs(error) / one)[int(np.ceil(0.9 * (n + 1))) - 1]
    assert found.factors[0, found.levels.index(0.9)] == pytest.approx(wanted, rel=1e-12)
    held = np.abs(error) <= left_out_half_width(error, sigma, fold, novelty=novelty)
    np.testing.assert_array_equal(held, covered(error, sigma, fold, novelty=novelty))
    for fifth in np.array_split(np.argsort(novelty), 5):
        assert 0.86 < held[fifth].mean() < 0.94
    if power < 0.5:
        plain = covered(error, sigma, fold)
        assert plain[np.argsort(novelty)[-800:]].mean() > 0.99  # too wide there, and too narrow near by
        assert plain[np.argsort(novelty)[:800]].mean() < 0.8


def test_the_exponent_has_the_least_interval_score() -> None:
    error, sigma, novelty, _ = grown(300, 0.6)
    both = np.column_stack([error, 5 * np.roll(error, 1)])
    sigmas = np.column_stack([sigma, 2 * sigma])
    scores = {}
    for p in EXPONENTS:
        total = 0.0
        for r, d in zip(both.T, sigmas.T, strict=True):
            d = d * np.sqrt(1 + novelty) ** (p - 1)
            h = d * np.sort(np.abs(r) / d)[int(np.ceil(0.9 * 301)) - 1]
            total += np.mean(2 * h + 20 * np.maximum(np.abs(r) - h, 0)) / np.abs(r).mean()
        scores[p] = total
    assert calibrate_intervals(both, sigmas, novelty, exponents=EXPONENTS).exponent == min(scores, key=scores.get)


def test_a_model_tempers_its_deviations_wherever_they_are_asked_for(tmp_path) -> None:
    data = load("shielding", isotope="29Si")
    soap = SphericalBesselSOAP(["O", "Si", "Na"], cutoff=3.3, n_max=4, l_max=2)
    model = NMRModel.fit(data, soap, LSSVR(n_landmarks=40, lam=1e-3), reference=(300.0, -1.1))
    intervals = Intervals((0.6827, 0.9), np.array([[1.5, 2.5]]), 3.0, 0.5)
    model.with_intervals(intervals).save(tmp_path / "m.gnmr")
    again = NMRModel.load(tmp_path / "m.gnmr")
    assert again.intervals is not None and again.intervals.exponent == 0.5
    atoms = data.structures[0]
    values = again.predict_frame(atoms).values
    steep = model.with_intervals(Intervals((0.6827, 0.9), np.array([[1.5, 2.5]]), 3.0)).predict_frame(atoms).values
    noise = float(again.uncertainty["noise"][0])
    growth = steep["half90_sigma_iso"] / (2.5 * noise)
    np.testing.assert_allclose(values["half90_sigma_iso"], 2.5 * noise * np.sqrt(growth), rtol=1e-12)
    np.testing.assert_allclose(values["half90_delta_iso"], 1.1 * values["half90_sigma_iso"])
    np.testing.assert_array_equal(values["unlike_sigma_iso"], steep["unlike_sigma_iso"])
    moving = MovingStructure(again, atoms, errors=True)
    np.testing.assert_allclose(moving.half_widths("sigma_iso"), values["half90_sigma_iso"], rtol=1e-9)
    np.testing.assert_allclose(moving.half_widths("delta_iso"), values["half90_delta_iso"], rtol=1e-9)
    for exponent in (0.0, 1.5, np.nan):
        with pytest.raises(ValueError, match="exponent must lie above 0"):
            Intervals((0.9,), np.ones((1, 1)), 1.0, exponent)
        with pytest.raises(ValueError, match="exponent must lie above 0"):
            model._core.with_intervals([0.9], [[1.0]], 1.0, exponent=exponent, provenance="")
