# SPDX-License-Identifier: BSD-3-Clause
"""The uncertainty of predictions (THEORY.md eq. (9.10), (9.11)) against its formulas and Gaussian processes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassnmr.learning import LSSVR, KernelRidge, kernel_matrix


def problem(n: int = 80, d: int = 4, targets: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, d))
    y = np.sin(x[:, :1]) + x[:, 1:2] ** 2 + 0.1 * rng.normal(size=(n, targets))
    return x, y, rng.normal(size=(25, d)) * 1.5


def slow_spread(model: LSSVR, x: np.ndarray, w: np.ndarray, new: np.ndarray, **kernel: Any) -> np.ndarray:
    """(9.10) by inverses."""
    lower = np.linalg.cholesky(kernel_matrix(model.landmarks_, **kernel))
    phi = np.linalg.solve(lower, kernel_matrix(model.landmarks_, x, **kernel)).T
    phi_new = np.linalg.solve(lower, kernel_matrix(model.landmarks_, new, **kernel)).T
    mean = w @ phi / w.sum()
    h = (w[:, None] * (phi - mean)).T @ (phi - mean) + model.lam * np.eye(len(lower))
    own = np.array([kernel_matrix(row[None], **kernel)[0, 0] for row in new])
    part = np.einsum("ij,jk,ik->i", phi_new - mean, np.linalg.inv(h), phi_new - mean)
    return np.column_stack([own - (phi_new**2).sum(axis=1), part + 1 / w.sum()])


@pytest.mark.parametrize("kernel", [{"kernel": "gaussian", "kappa": 0.1}, {"kernel": "linear"},
                                    {"kernel": "polynomial", "degree": 3, "offset": 0.5}])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_spread_is_its_formula(kernel: dict[str, Any], weighted: bool) -> None:
    x, y, new = problem()
    w = np.random.default_rng(0).uniform(0.3, 2, len(x)) if weighted else np.ones(len(x))
    model = LSSVR(lam=0.05, n_landmarks=20, **kernel).fit(x, y, sample_weight=w if weighted else None)
    expected = slow_spread(model, x, w, new, **{"kappa": 1.0, **kernel})
    size = np.maximum(np.abs(expected).max(axis=0), 1e-5)  # a linear kernel's four landmarks explain all
    np.testing.assert_allclose(model.spread(new) / size, expected / size, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("lam", [1e-3, 0.1])
def test_with_all_rows_the_deviation_is_that_of_a_gaussian_process(lam: float) -> None:
    gaussian_process = pytest.importorskip("sklearn.gaussian_process")
    kernels = gaussian_process.kernels
    x, y, new = problem()
    model = LSSVR(kappa=0.2, lam=lam, n_landmarks=1000, tolerance=0.0).fit(x, y[:, 0])
    values, deviation = model.predict(new, return_std=True)
    amplitude = model.noise_[0] ** 2 / lam
    # a free mean is a constant kernel of great variance; there the constant itself cancels to 1e-16 of it
    flat = kernels.ConstantKernel(1e5 * amplitude) + kernels.ConstantKernel(amplitude) * kernels.RBF(np.sqrt(1 / 0.4))
    peer = gaussian_process.GaussianProcessRegressor(flat, alpha=amplitude * lam, optimizer=None).fit(x, y[:, 0])
    expected, expected_deviation = peer.predict(new, return_std=True)
    np.testing.assert_allclose(values, expected, atol=1e-4)
    np.testing.assert_allclose(deviation, expected_deviation, rtol=1e-3)


@pytest.mark.parametrize("lam", [1e-3, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_exact_kernel_ridge_is_a_gaussian_process_in_mean_and_deviation(lam: float, weighted: bool) -> None:
    gaussian_process = pytest.importorskip("sklearn.gaussian_process")
    kernels = gaussian_process.kernels
    x, y, new = problem()
    w = np.random.default_rng(0).uniform(0.3, 2, len(x)) if weighted else np.ones(len(x))
    model = KernelRidge(kappa=0.2, lam=lam).fit(x, y[:, 0], sample_weight=w if weighted else None)
    amplitude = model.noise_[0] ** 2 / lam
    kernel = kernels.ConstantKernel(amplitude) * kernels.RBF(np.sqrt(1 / 0.4))
    peer = gaussian_process.GaussianProcessRegressor(kernel, alpha=amplitude * lam / w, optimizer=None)
    mean = w @ y[:, 0] / w.sum()
    expected, expected_deviation = peer.fit(x, y[:, 0] - mean).predict(new, return_std=True)
    values, deviation = model.predict(new, return_std=True)
    np.testing.assert_allclose(values, expected + mean, atol=1e-8)
    np.testing.assert_allclose(deviation, expected_deviation, rtol=1e-6)
    K = kernel_matrix(x, kappa=0.2)
    kept = KernelRidge("precomputed", lam=lam).fit(K, y[:, 0], sample_weight=w)
    between = kernel_matrix(new, x, kappa=0.2)
    np.testing.assert_allclose(kept.predict(between), values, atol=1e-9)
    np.testing.assert_allclose(kept.spread(between, np.ones(len(new))), model.spread(new), atol=1e-9)
    # greatest likelihood: the derivative of N log s^2 + lam y (K + lam / w)^-1 y / s^2 is zero there
    centred = y[:, 0] - mean
    quadratic = lam * centred @ np.linalg.solve(K + lam * np.diag(1 / w), centred)
    assert model.noise_[0] ** 2 == pytest.approx(quadratic / w.sum(), rel=1e-8)


def test_a_row_without_weight_does_not_narrow_the_deviation() -> None:
    x, y, new = problem()
    w = np.ones(len(x))
    w[:7] = 0
    most, fewer = KernelRidge(kappa=0.2, lam=0.01).fit(x, y, sample_weight=w), KernelRidge(kappa=0.2, lam=0.01)
    fewer.fit(x[7:], y[7:])
    np.testing.assert_allclose(most.predict(new, return_std=True), fewer.predict(new, return_std=True), atol=1e-9)


def test_the_noise_is_that_of_greatest_likelihood() -> None:
    """log N(y; b, s^2 (K / lam + 1)) is highest at s = noise_, the determinant's part of b left out."""
    x, y, _ = problem()
    model = LSSVR(kappa=0.2, lam=0.3, n_landmarks=1000, tolerance=0.0).fit(x, y[:, 0])
    covariance = kernel_matrix(x, kappa=0.2) / 0.3 + np.eye(len(x))
    r = y[:, 0] - model.bias_[0]
    misfit = r @ np.linalg.solve(covariance, r)
    assert model.noise_[0] ** 2 == pytest.approx(misfit / len(x), rel=1e-9)


def test_several_targets_share_the_spread_and_have_their_own_noise() -> None:
    x, y, new = problem(targets=2)
    both = LSSVR(kappa=0.1, lam=0.1, n_landmarks=30).fit(x, y)
    one = LSSVR(kappa=0.1, lam=0.1, n_landmarks=30).fit(x, y[:, 1])
    deviation = both.predict(new, return_std=True)[1]
    assert deviation.shape == (25, 2)
    np.testing.assert_allclose(deviation[:, 1], one.predict(new, return_std=True)[1], rtol=1e-9)


def test_deviations_cover_new_data_of_the_same_kind() -> None:
    rng = np.random.default_rng(1)
    x, new = rng.uniform(-2, 2, (400, 2)), rng.uniform(-2, 2, (2000, 2))
    truth = [np.sin(2 * a[:, 0]) + a[:, 1] + 0.2 * rng.normal(size=len(a)) for a in (x, new)]
    model = LSSVR(kappa=0.5, lam=0.03, n_landmarks=100).fit(x, truth[0])
    values, deviation = model.predict(new, return_std=True)
    total = np.sqrt(deviation**2 + model.noise_[0] ** 2)
    assert 0.85 < (np.abs(values - truth[1]) < 1.645 * total).mean() < 0.95


def test_a_precomputed_kernel_needs_its_diagonal() -> None:
    x, y, new = problem()
    plain = LSSVR(kappa=0.1, lam=0.1, n_landmarks=30).fit(x, y)
    given = LSSVR(kernel="precomputed", lam=0.1, n_landmarks=30).fit(kernel_matrix(x, kappa=0.1), y)
    between = kernel_matrix(new, x, kappa=0.1)
    np.testing.assert_allclose(given.spread(between, diagonal=np.ones(25)), plain.spread(new), rtol=1e-6, atol=1e-9)
    for diagonal in (np.ones(3), np.full(25, np.nan)):
        with pytest.raises(ValueError, match="diagonal must be 25 finite numbers"):
            given.spread(between, diagonal=diagonal)
    with pytest.raises(ValueError, match="needs diagonal"):
        given.spread(between)


def test_threads_do_not_change_a_bit() -> None:
    x, y, new = problem(n=700)
    results = [LSSVR(kappa=0.1, lam=1e-3, n_landmarks=300, n_threads=t).fit(x, y).spread(np.tile(new, (30, 1)))
               for t in (1, 2, 3, 8)]
    assert all((r == results[0]).all() for r in results)


def test_no_spread_without_a_ridge_or_before_a_fit() -> None:
    x, y, new = problem()
    with pytest.raises(ValueError, match="needs lam above 0"):
        LSSVR(kappa=0.1, lam=0.0, n_landmarks=5).fit(x, y).predict(new, return_std=True)
    with pytest.raises(ValueError, match="not fitted"):
        LSSVR().spread(new)
