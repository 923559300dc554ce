# SPDX-License-Identifier: BSD-3-Clause
"""Errors common to the rows of a structure (THEORY.md eq. (9.24)-(9.27)) against dense generalised least squares."""

from __future__ import annotations

import numpy as np
import pytest

from glassnmr import _core
from glassnmr.learning import LSSVR
from glassnmr.shared_errors import SharedErrors, batch_numbers, robust_shared_errors
from glassnmr.validation import choose_parameters, cross_validate, landmark_curve, learning_curve


def generalised(factor: np.ndarray, y: np.ndarray, lam: float, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """v and bias of (y - Phi v - b)^T N^-1 (y - Phi v - b) + lam |v|^2, densely."""
    a = np.hstack([factor.T, np.ones((len(y), 1))])
    left = np.linalg.solve(covariance, a)
    found = np.linalg.solve(a.T @ left + np.diag([lam] * len(factor) + [0.0]), left.T @ y)
    return found[:-1], found[-1]


def dense(errors: SharedErrors) -> np.ndarray:
    same = errors.batch[:, None] == errors.batch
    return np.diag(1 / errors.weights) + np.where(same, errors.variance[errors.batch][:, None], 0.0)


def problem(n: int = 40, features: int = 7) -> tuple[np.ndarray, np.ndarray, SharedErrors, np.ndarray]:
    rng = np.random.default_rng(3)
    batch = rng.permutation(np.concatenate([np.arange(12), rng.integers(0, 12, n - 12)]))
    errors = SharedErrors(rng.uniform(0.1, 4, n), rng.choice([0.0, 0.3, 5.0, 1e6], 12), batch)
    return rng.normal(size=(features, n)), rng.normal(size=(n, 2)), errors, (batch // 2).astype(np.int64)


def test_independent_rows_are_whitened_ones_with_the_same_bias() -> None:
    factor, y, errors, _ = problem()
    phi, z, w = errors.independent(factor, y)
    inverse = np.linalg.inv(dense(errors))
    np.testing.assert_allclose((phi * w) @ phi.T, factor @ inverse @ factor.T, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose((phi * w) @ z, factor @ inverse @ y, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(phi @ w, factor @ inverse.sum(axis=1), rtol=1e-9, atol=1e-9)
    assert w.sum() == pytest.approx(inverse.sum())
    np.testing.assert_allclose(errors.back(z), y, atol=1e-8)
    np.testing.assert_allclose(errors.back(np.stack([z, 2 * z])), np.stack([y, 2 * y]), atol=1e-8)


def test_residuals_without_a_group_are_those_of_refitting_without_it() -> None:
    factor, y, errors, groups = problem()
    got = errors.left_out(factor, y, 0.3, groups)
    covariance = dense(errors)
    for group in np.unique(groups):
        keep, out = groups != group, groups == group
        v, bias = generalised(factor[:, keep], y[keep], 0.3, covariance[np.ix_(keep, keep)])
        np.testing.assert_allclose(got[out], y[out] - factor[:, out].T @ v - bias, rtol=1e-7, atol=1e-8)


def test_a_regression_with_shared_errors_is_generalised_least_squares() -> None:
    rng = np.random.default_rng(4)
    x, y, w = rng.uniform(-2, 2, (50, 3)), rng.normal(size=50), rng.uniform(0.3, 2, 50)
    batch = rng.integers(0, 9, 50)
    model = LSSVR(kappa=0.4, lam=0.02, shared=2.5).fit(x, y, w, groups=np.arange(50) % 4, batches=batch)
    _, number = np.unique(np.column_stack([batch, np.arange(50) % 4]), axis=0, return_inverse=True)
    errors = SharedErrors(w, np.full(number.max() + 1, 2.5), number.reshape(-1))
    kernel = np.exp(-0.4 * ((x[:, None] - x) ** 2).sum(axis=2))
    p = np.linalg.inv(kernel + 0.02 * dense(errors))  # kriging with all rows as landmarks
    bias = (p @ y).sum() / p.sum()
    new = rng.uniform(-2, 2, (6, 3))
    expected = np.exp(-0.4 * ((new[:, None] - x) ** 2).sum(axis=2)) @ p @ (y - bias) + bias
    np.testing.assert_allclose(model.predict(new), expected, atol=1e-8)
    np.testing.assert_array_equal(model.shared_, np.full(50, 2.5))
    alone = LSSVR(kappa=0.4, lam=0.02, shared=2.5).fit(x, y, w, groups=np.arange(50))  # batches of one row
    lighter = LSSVR(kappa=0.4, lam=0.02).fit(x, y, 1 / (1 / w + 2.5))
    np.testing.assert_allclose(alone.predict(new), lighter.predict(new), atol=1e-10)
    plain = LSSVR(kappa=0.4, lam=0.02, shared=2.5).fit(x, y, w)  # nothing says what goes together
    np.testing.assert_array_equal(plain.predict(new), LSSVR(kappa=0.4, lam=0.02).fit(x, y, w).predict(new))


def shifted() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Structures of which every fifth is off as a whole."""
    rng = np.random.default_rng(2)
    batch = np.repeat(np.arange(60), 6)
    x = rng.uniform(-2, 2, (60, 1))[batch] + rng.normal(0, 0.5, (360, 1))
    clean = np.sin(2 * x[:, 0]) + 0.5 * x[:, 0]
    y = clean + rng.normal(0, 0.02, 360) + np.where(batch % 5 == 0, rng.choice([-3.0, 2.0], 60)[batch], 0.0)
    return x, y, clean, batch, batch // 2


def test_structures_that_are_off_as_a_whole_still_teach_their_differences() -> None:
    x, y, clean, batch, group = shifted()

    def off(model: LSSVR, **which: np.ndarray) -> float:
        new = model.fit(x, y, groups=group, **which).predict(x) - clean
        return float(np.abs(new).mean())

    least = off(LSSVR(kappa=0.5, lam=1e-3))
    weights = off(LSSVR(kappa=0.5, lam=1e-3, robust=1.0))
    together = LSSVR(kappa=0.5, lam=1e-3, robust=2.0, shared=10.0)
    found = off(together, batches=batch)
    assert found < 0.5 * weights < 0.5 * least and found < 0.02
    wrong = batch % 5 == 0
    assert together.shared_[wrong].min() > 20 * np.median(together.shared_[~wrong])
    assert np.median(together.sample_weight_[wrong]) > 0.5


def test_robust_variances_are_those_of_the_equations() -> None:
    _, y, _, batch, group = shifted()
    factor = np.random.default_rng(0).normal(size=(5, 360))
    tau, w = np.full(60, 4.0), np.ones(360)
    for _ in range(2):
        covariance = np.diag(1 / w) + np.where(batch[:, None] == batch, tau[batch], 0.0)
        r = np.empty(360)
        for one in np.unique(group):
            keep, out = group != one, group == one
            v, bias = generalised(factor[:, keep], y[keep, None], 0.1, covariance[np.ix_(keep, keep)])
            r[out] = (y[out, None] - factor[:, out].T @ v - bias)[:, 0]
        mean = np.array([r[batch == b].mean() for b in range(60)])
        inner = r - mean[batch]
        tau = 4.0 * (1 + (mean / (1.5 * 1.4826 * np.median(np.abs(mean)))) ** 2)
        w = 1 / (1 + (inner / (3 * 1.5 * 1.4826 * np.median(np.abs(inner)))) ** 2)
    errors = robust_shared_errors(factor, y[:, None], 0.1, 4.0, 1.5, batch, group, rounds=2)
    np.testing.assert_allclose(errors.variance, tau, rtol=1e-6)
    np.testing.assert_allclose(errors.weights, w, rtol=1e-6)


def test_batches_are_cut_where_groups_are() -> None:
    np.testing.assert_array_equal(batch_numbers(np.array([5, 5, 7, 7]), np.array([0, 1, 1, 1])), [0, 1, 2, 2])
    np.testing.assert_array_equal(batch_numbers(np.array([5, 5, 7, 7]), None), [0, 0, 1, 1])


@pytest.mark.parametrize("robust", [None, 2.0])
def test_validation_chooses_and_fits_with_shared_errors(robust: float | None) -> None:
    x, y, _, batch, group = shifted()
    estimator = LSSVR(kappa=0.5, lam=1e-3, robust=robust, shared=10.0, n_landmarks=60)
    found = cross_validate(estimator, x, y, group, kappas=[1.0], lams=[1e-3], batches=batch)
    train = found.fold != 0
    again = LSSVR(**estimator.get_params()).fit(x[train], y[train], groups=group[train], batches=batch[train])
    np.testing.assert_allclose(found.prediction[~train], again.predict(x[~train]), atol=1e-8)
    kappa, lam, choices = choose_parameters(estimator, x, y, group, kappas=[1.0], lams=[1e-3, 1.0], batches=batch)
    assert (kappa, lam) == (0.5, 1e-3)
    model = LSSVR(**{**estimator.get_params(), "lam": 1e-3}).fit(x, y, groups=group, batches=batch)
    errors = SharedErrors(model.sample_weight_ if robust else np.ones(len(y)),
                          model.shared_[np.unique(batch, return_index=True)[1]], batch)
    factor = _core.select_landmarks(model.core_kernel(), x, method="icd", count=60, tolerance=1e-12, seed=0)[2]
    residual = errors.left_out(factor, y[:, None], 1e-3, group.astype(np.int64))
    assert choices[0].error == pytest.approx(np.abs(residual).mean(), rel=1e-6)
    landmarks = landmark_curve(estimator, x, y, group, [10, 60], batches=batch)
    learning = learning_curve(estimator, x, y, group, [60, 280], batches=batch)
    whole = np.mean([np.abs(found.prediction - y)[found.fold == k].mean() for k in range(5)])
    assert landmarks.mae[..., -1].mean() == pytest.approx(whole, rel=1e-6)
    assert learning.mae[..., -1].mean() == pytest.approx(whole, rel=0.2)


def test_wrong_variances_are_refused() -> None:
    x, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20.0)
    for shared in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="shared"):
            LSSVR(shared=shared, lam=1e-3).fit(x, y, groups=np.arange(20) // 2)
    with pytest.raises(ValueError, match="lam"):
        LSSVR(shared=1.0, lam=0.0).fit(x, y, groups=np.arange(20) // 2)
    with pytest.raises(ValueError, match="20"):
        LSSVR(shared=1.0, lam=1e-3).fit(x, y, batches=np.arange(5))
