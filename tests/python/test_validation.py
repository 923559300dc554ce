# SPDX-License-Identifier: BSD-3-Clause
"""Folds, nested cross validation and curves against plain loops over the estimators."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnmr import folds
from glassnmr.learning import LSSVR, KernelRidge, median_kappa
from glassnmr.validation import GroupedKFold, choose_parameters, cross_validate, landmark_curve, learning_curve, metrics


def data(n: int = 180, seed: int = 0):
    random = np.random.default_rng(seed)
    group = random.integers(0, 25, n)
    X = random.normal(size=(25, 4))[group] + 0.4 * random.normal(size=(n, 4))
    return X, np.sin(X[:, 0]) + X[:, 1] + 0.01 * random.normal(size=n), np.array([f"s{g}" for g in group])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=13, max_size=80), st.integers(2, 4), st.integers(0, 5))
def test_folds_share_no_group_and_leave_out_every_row_once(groups, n_splits, seed):
    groups = np.array(groups)
    if len(set(groups)) < n_splits:
        groups[:n_splits] = 100 + np.arange(n_splits)
    left_out = np.zeros(len(groups), dtype=int)
    for train, test in GroupedKFold(n_splits, seed).split(groups, groups=groups):
        assert not set(groups[train]) & set(groups[test])
        assert len(train) + len(test) == len(groups)
        left_out[test] += 1
    assert (left_out == 1).all()


def test_folds_are_balanced_repeat_and_depend_on_the_seed():
    groups = np.repeat(np.arange(40), np.random.default_rng(0).integers(1, 12, 40))
    size = np.bincount(GroupedKFold(5).folds(len(groups), groups))
    assert size.max() - size.min() <= 2
    assert (GroupedKFold(5, 3).folds(len(groups), groups) == GroupedKFold(5, 3).folds(len(groups), groups)).all()
    assert (GroupedKFold(5, 3).folds(len(groups), groups) != GroupedKFold(5, 4).folds(len(groups), groups)).any()


def test_folds_work_inside_scikit_learn():
    selection = pytest.importorskip("sklearn.model_selection")
    X, y, group = data()
    scores = selection.cross_val_score(LSSVR(lam=1e-3), X, y, groups=group, cv=GroupedKFold(4))
    assert scores.shape == (4,)
    assert scores.min() > 0.5


@pytest.mark.parametrize("estimator", [LSSVR(n_landmarks=60), KernelRidge(), LSSVR(kernel="linear"),
                                       LSSVR(n_landmarks=60, landmarks="kmeans")])
@pytest.mark.parametrize("small", [4000, 0])
def test_nested_predictions_are_plain_fits_at_the_chosen_parameters(estimator, small, monkeypatch):
    monkeypatch.setattr(folds, "SMALL", small)
    X, y, group = data()
    found = cross_validate(estimator, X, y, group, kappas=[0.5, 2], lams=[1e-6, 1e-2, 1], n_splits=4, seed=2)
    for k, (train, test) in enumerate(GroupedKFold(4, 2).split(X, groups=group)):
        model = type(estimator)(**{**estimator.get_params(), "kappa": found.kappa[k], "lam": found.lam[k]})
        np.testing.assert_allclose(found.prediction[test], model.fit(X[train], y[train]).predict(X[test]), atol=1e-6)
        assert (found.fold[test] == k).all()
        if estimator.kernel == "gaussian":
            assert found.kappa[k] / median_kappa(X[train]) == pytest.approx(0.5) or \
                found.kappa[k] / median_kappa(X[train]) == pytest.approx(2)
    assert found.metrics["MAE"] == pytest.approx(np.abs(found.prediction - y).mean())


def test_the_choice_inside_is_that_of_refits_without_each_group():
    X, y, group = data(90)
    found = cross_validate(KernelRidge(), X, y, group, kappas=[1], lams=[1e-4, 1e-1, 10], n_splits=3)
    train = GroupedKFold(3).folds(len(X), group) != 0
    kappa = median_kappa(X[train])
    for choice in (c for c in found.choices if c.fold == 0):
        error = np.zeros(train.sum())
        for g in np.unique(group[train]):
            kept = group[train] != g
            model = LSSVR(kappa=kappa, lam=choice.lam, tolerance=0).fit(X[train][kept], y[train][kept])
            error[~kept] = np.abs(model.predict(X[train][~kept]) - y[train][~kept])
        # The closed form keeps the group's rows as landmarks, without their values.
        assert choice.error == pytest.approx(error.mean(), rel=1e-2)
    assert sum(c.chosen for c in found.choices) == 3


def test_parameters_for_all_rows_are_those_of_the_least_error():
    X, y, group = data()
    kappa, lam, tried = choose_parameters(LSSVR(), X, y, group, kappas=[1, 4], lams=[1e-3, 1e-1, 1e3], scoring="rmse")
    best = min(tried, key=lambda choice: choice.error)
    assert (kappa, lam) == (best.kappa, best.lam)
    assert best.chosen
    assert len(tried) == 6
    assert lam < 1e3
    with pytest.raises(ValueError, match="at least 2 groups"):
        choose_parameters(LSSVR(), X, y, np.zeros(len(y)))


def test_left_out_values_do_not_enter_the_choice_or_the_prediction():
    X, y, group = data()
    before = cross_validate(LSSVR(), X, y, group, lams=[1e-4, 1e-2], n_splits=3)
    changed = y.copy()
    changed[before.fold == 0] += 1e3
    after = cross_validate(LSSVR(), X, changed, group, lams=[1e-4, 1e-2], n_splits=3)
    assert before.kappa[0] == after.kappa[0]
    assert before.lam[0] == after.lam[0]
    assert (before.prediction[before.fold == 0] == after.prediction[before.fold == 0]).all()


def test_several_targets_and_weights():
    X, y, group = data()
    both = cross_validate(LSSVR(), X, np.column_stack([y, 100 * y]), group, lams=[1e-3], n_splits=3,
                          sample_weight=np.ones(len(y)))
    one = cross_validate(LSSVR(), X, y, group, lams=[1e-3], n_splits=3)
    assert both.prediction.shape == (len(y), 2)
    np.testing.assert_allclose(both.prediction[:, 1], 100 * one.prediction, rtol=1e-6, atol=1e-6)


def test_progress_counts_to_the_end():
    X, y, group = data()
    for run in (lambda p: cross_validate(LSSVR(), X, y, group, lams=[1e-3], n_splits=3, progress=p),
                lambda p: learning_curve(LSSVR(), X, y, group, [20, 50], n_splits=3, progress=p),
                lambda p: landmark_curve(LSSVR(), X, y, group, [5, 9], n_splits=3, progress=p)):
        seen = []
        run(lambda done, total, text, seen=seen: seen.append((done, total, text)))
        assert [done for done, _, _ in seen] == list(range(1, seen[-1][1] + 1))
        assert all(total == seen[0][1] and text.startswith("fold") for _, total, text in seen)


@pytest.mark.parametrize("small", [4000, 0])
def test_landmark_curve_is_a_fit_at_each_count(small, monkeypatch):
    monkeypatch.setattr(folds, "SMALL", small)
    X, y, group = data()
    curve = landmark_curve(LSSVR(kappa=0.1, lam=1e-3), X, y, group, [5, 40, 90], n_splits=3)
    for k, (train, test) in enumerate(GroupedKFold(3).split(X, groups=group)):
        for c, count in enumerate(curve.size):
            model = LSSVR(kappa=0.1, lam=1e-3, n_landmarks=int(count)).fit(X[train], y[train])
            assert curve.mae[k, c] == pytest.approx(np.abs(model.predict(X[test]) - y[test]).mean(), rel=1e-6)
            assert curve.residual[k, c] == pytest.approx(model.residual_trace_[-1], rel=1e-6, abs=1e-12)
    assert (np.diff(curve.residual, axis=1) <= 0).all()
    assert curve.mae[:, -1].mean() < curve.mae[:, 0].mean()


def test_learning_curve_ends_at_the_fit_to_all_and_splits_no_group():
    X, y, group = data()
    estimator = LSSVR(kappa=0.1, lam=1e-3)
    curve = learning_curve(estimator, X, y, group, [20, 10**6], n_splits=3)
    folds = list(GroupedKFold(3).split(X, groups=group))
    assert curve.size[-1] == min(len(train) for train, _ in folds)
    for k, (train, test) in enumerate(folds):
        whole = np.abs(estimator.fit(X[train], y[train]).predict(X[test]) - y[test]).mean()
        assert curve.mae[k, 1] == pytest.approx(whole, rel=0.05)
    assert curve.mae[:, 1].mean() < curve.mae[:, 0].mean()


def test_metrics_are_their_definitions():
    y, guess = np.array([1.0, 2.0, 3.0, 10.0]), np.array([1.0, 2.5, 3.0, 8.0])
    assert metrics(y, guess) == pytest.approx({"MAE": 0.625, "RMSE": np.sqrt(4.25 / 4), "median": 0.25, "max": 2.0,
                                               "R2": 1 - 4.25 / 50, "n": 4})
    assert metrics(y, y)["R2"] == 1
    assert metrics([2.0, 2.0], [2.0, 2.0])["R2"] == 1
    assert metrics([2.0, 2.0], [2.0, 3.0])["R2"] == 0


def test_bad_input_is_a_sentence():
    X, y, group = data(40)
    for call, message in (
            (lambda: GroupedKFold(1), "n_splits must be a whole number of at least 2"),
            (lambda: GroupedKFold(3, -1), "seed"),
            (lambda: GroupedKFold(3).folds(4, [0, 0, 1, 1]), "3 folds need at least as many groups, got 2"),
            (lambda: GroupedKFold(2).folds(4, [0, 1]), r"groups must have shape \(4,\)"),
            (lambda: GroupedKFold(2).folds(2, [0.0, np.nan]), "groups must be finite"),
            (lambda: cross_validate(LSSVR(), X, y, np.arange(40) % 3, n_splits=3), "more groups than folds"),
            (lambda: cross_validate(LSSVR(), X, y, group, scoring="r2"), "scoring"),
            (lambda: cross_validate(LSSVR(), X, y, group, lams=[]), "lams must be positive"),
            (lambda: cross_validate(LSSVR(), X, y, group, kappas=[-1]), "kappas must be positive"),
            (lambda: cross_validate(LSSVR(), X * np.nan, y, group), "X must be finite"),
            (lambda: cross_validate(LSSVR(kernel="precomputed"), X, y, group), "square"),
            (lambda: learning_curve(LSSVR(), X, y, group, [0]), "sizes"),
            (lambda: landmark_curve(LSSVR(), X, y, group, []), "counts must hold"),
            (lambda: landmark_curve(KernelRidge(), X, y, group), "needs an LSSVR, got KernelRidge"),
            (lambda: metrics([1.0], [1.0, 2.0]), "same shape"),
            (lambda: metrics([], []), "not be empty"),
            (lambda: metrics([1.0], [np.nan]), "finite")):
        with pytest.raises(ValueError, match=message):
            call()
