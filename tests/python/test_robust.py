# SPDX-License-Identifier: BSD-3-Clause
"""Rows that count less (THEORY.md eq. (9.9)): leave-one-out residuals by refitting, outliers that no longer pull."""

from __future__ import annotations

import numpy as np
import pytest

from glassnmr import _core
from glassnmr.learning import LSSVR
from glassnmr.robust import left_out_residuals, robust_weights
from glassnmr.validation import GroupedKFold, cross_validate, landmark_curve


def problem(outliers: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    x = rng.uniform(-2, 2, (300, 2))
    clean = np.sin(2 * x[:, 0]) + x[:, 1] ** 2
    y = clean + rng.normal(0, 0.02, 300)
    y[:outliers] += rng.choice([-4, 4], outliers)
    return x, y, clean


@pytest.mark.parametrize("weighted", [False, True])
def test_leave_one_out_residuals_are_those_of_refitting_without_the_row(weighted: bool) -> None:
    rng = np.random.default_rng(0)
    factor, y = rng.normal(size=(6, 25)), rng.normal(size=(25, 2))
    w = rng.uniform(0.2, 3, 25) if weighted else np.ones(25)
    got = _core.leave_one_out(factor, y, lam=0.3, weights=w if weighted else None)
    for i in range(25):
        keep = np.arange(25) != i
        a = np.hstack([factor[:, keep].T, np.ones((24, 1))])
        penalty = np.diag([0.3] * 6 + [0.0])
        fit = np.linalg.solve(a.T @ (w[keep, None] * a) + penalty, a.T @ (w[keep, None] * y[keep]))
        np.testing.assert_allclose(got[i], y[i] - np.append(factor[:, i], 1) @ fit, rtol=1e-9, atol=1e-11)


def test_leave_one_out_agrees_with_the_path_and_threads_do_not_change_a_bit() -> None:
    rng = np.random.default_rng(1)
    factor, y, w = rng.normal(size=(40, 300)), rng.normal(size=(300, 1)), rng.uniform(0.1, 1, 300)
    one = _core.leave_one_out(factor, y, lam=1e-3, weights=w, n_threads=1)
    path = _core.RidgePath(factor, w).leave_out(y, np.arange(300), n_groups=300, lam=np.array([1e-3]))[0]
    np.testing.assert_allclose(one, path, rtol=1e-8, atol=1e-10)
    for n_threads in (2, 3, 8):
        np.testing.assert_array_equal(one, _core.leave_one_out(factor, y, lam=1e-3, weights=w, n_threads=n_threads))


@pytest.mark.parametrize("weighted", [False, True])
def test_residuals_without_a_group_are_those_of_refitting_without_it(weighted: bool) -> None:
    rng = np.random.default_rng(5)
    factor, y, groups = rng.normal(size=(6, 30)), rng.normal(size=(30, 2)), rng.integers(0, 7, 30)
    groups[:7] = np.arange(7)
    w = rng.uniform(0.2, 3, 30) if weighted else np.ones(30)
    got = left_out_residuals(factor, y, 0.3, w if weighted else None, groups)
    for group in range(7):
        keep, out = groups != group, groups == group
        a = np.hstack([factor[:, keep].T, np.ones((keep.sum(), 1))])
        fit = np.linalg.solve(a.T @ (w[keep, None] * a) + np.diag([0.3] * 6 + [0.0]), a.T @ (w[keep, None] * y[keep]))
        np.testing.assert_allclose(got[out], y[out] - np.hstack([factor[:, out].T, np.ones((out.sum(), 1))]) @ fit,
                                   rtol=1e-9, atol=1e-11)
    path = _core.RidgePath(factor, w).leave_out(y, groups, n_groups=7, lam=np.array([0.3]))[0]
    np.testing.assert_allclose(got, path, rtol=1e-8, atol=1e-10)
    single = left_out_residuals(factor, y, 0.3, w, np.arange(30))
    np.testing.assert_allclose(single, _core.leave_one_out(factor, y, lam=0.3, weights=w), rtol=1e-12)


def test_a_group_that_is_off_as_a_whole_pulls_less_when_it_is_left_out_as_a_whole() -> None:
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(60), 6)
    x = rng.uniform(-2, 2, (60, 2))[group] + rng.normal(0, 0.02, (360, 2))
    clean = np.sin(2 * x[:, 0]) + x[:, 1]
    off = group % 6 == 0
    y = clean + rng.normal(0, 0.01, 360) - 2.0 * off
    alone = LSSVR(kappa=0.3, lam=1e-3, robust=1.0).fit(x, y)
    together = LSSVR(kappa=0.3, lam=1e-3, robust=1.0).fit(x, y, groups=np.char.add("g", group.astype(str)))
    assert together.sample_weight_[off].max() < 0.05 * np.median(together.sample_weight_[~off])
    assert np.abs(together.predict(x) - clean).mean() < 0.5 * np.abs(alone.predict(x) - clean).mean()
    model = cross_validate(LSSVR(kappa=0.3, robust=1.0), x, y, group, kappas=[1.0], lams=[1e-3], n_splits=5)
    train = model.fold != 0
    again = LSSVR(kappa=0.3, lam=1e-3, robust=1.0).fit(x[train], y[train], groups=group[train])
    np.testing.assert_allclose(model.prediction[~train], again.predict(x[~train]), rtol=1e-7)


def test_outliers_no_longer_pull_the_fit() -> None:
    x, y, clean = problem(outliers=25)
    errors = {}
    for robust in (None, 1.0):
        model = LSSVR(kappa=0.3, lam=1e-2, robust=robust).fit(x, y)
        errors[robust] = np.abs(model.predict(x) - clean)[25:].mean()
        if robust is not None:
            assert model.sample_weight_[:25].max() < 0.1 * np.median(model.sample_weight_[25:])
    assert errors[1.0] < 0.5 * errors[None]


def test_clean_data_are_hardly_changed() -> None:
    x, y, _ = problem()
    plain = LSSVR(kappa=1.0, lam=1e-4).fit(x, y).predict(x)
    robust = LSSVR(kappa=1.0, lam=1e-4, robust=3.0).fit(x, y).predict(x)
    np.testing.assert_allclose(robust, plain, atol=0.05)


def test_weights_lie_between_zero_and_the_weights_given() -> None:
    x, y, _ = problem(outliers=5)
    start = np.linspace(0.5, 2, 300)
    model = LSSVR(kappa=1.0, lam=1e-3, robust=1.0).fit(x, y, sample_weight=start)
    assert (model.sample_weight_ > 0).all() and (model.sample_weight_ <= start).all()
    same = LSSVR(kappa=1.0, lam=1e-3, robust=1e9).fit(x, y, sample_weight=start)
    np.testing.assert_allclose(same.sample_weight_, start, rtol=1e-12)


def test_constant_targets_keep_their_weights() -> None:
    factor = np.random.default_rng(2).normal(size=(3, 12))
    np.testing.assert_array_equal(robust_weights(factor, np.full((12, 1), 5.0), 0.1, 1.0), np.ones(12))


def test_cross_validation_chooses_with_the_weights_it_will_use() -> None:
    x, y, clean = problem(outliers=30)
    errors = {}
    for robust in (None, 1.0):
        found = cross_validate(LSSVR(robust=robust), x, y, lams=[1e-5, 1e-3, 1e-1], kappas=[1.0, 4.0], n_splits=4)
        errors[robust] = np.abs(found.prediction - clean)[30:].mean()
    assert errors[1.0] < errors[None]


def test_the_landmark_curve_ends_at_the_error_of_the_robust_fit() -> None:
    x, y, _ = problem(outliers=30)
    estimator = LSSVR(kappa=1.0, lam=1e-3, robust=1.0, tolerance=0.0)
    curve = landmark_curve(estimator, x, y, counts=[20, 240], n_splits=5)
    for k, (train, test) in enumerate(GroupedKFold(5).split(x, groups=np.arange(len(x)))):
        fitted = estimator.fit(x[train], y[train])
        np.testing.assert_allclose(curve.mae[k, -1], np.abs(fitted.predict(x[test]) - y[test]).mean(), rtol=1e-6)


@pytest.mark.parametrize(("settings", "message"), [
    ({"robust": 0.0}, "robust must be above 0"), ({"robust": -1}, "robust must be"),
    ({"robust": np.nan}, "robust must be a finite number"), ({"robust": 1.0, "lam": 0.0}, "lam must be above 0"),
])
def test_settings_without_meaning_are_refused(settings: dict[str, float], message: str) -> None:
    x, y, _ = problem()
    with pytest.raises(ValueError, match=message):
        LSSVR(**settings).fit(x, y)


def test_the_core_refuses_a_ridge_of_zero() -> None:
    with pytest.raises(ValueError, match="lam must be positive here"):
        _core.leave_one_out(np.ones((1, 3)), np.ones((3, 1)), lam=0.0)
