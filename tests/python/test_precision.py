# SPDX-License-Identifier: BSD-3-Clause
"""Prediction by products in single precision (THEORY.md eq. (7.7)): close to double where float32 alone is not."""

from __future__ import annotations

import numpy as np
import pytest

from glassnmr import _core
from glassnmr.learning import LSSVR, KernelRidge, kernel_matrix


def rows(n: int, d: int, seed: int = 0) -> np.ndarray:
    """Rows as a descriptor makes them: far from zero and close together."""
    rng = np.random.default_rng(seed)
    return 20 + rng.normal(size=(n, d)) / np.sqrt(d)


@pytest.mark.parametrize("kernel", ["gaussian", "linear", "polynomial"])
@pytest.mark.parametrize("d", [1, 37, 1000])
def test_single_is_close_to_double(kernel: str, d: int) -> None:
    x, landmarks, weights, bias = rows(500, d), rows(83, d, 1), rows(83, 2, 2) - 20, np.array([1.0, -3.0])
    core = _core.Kernel(kernel, kappa=0.7)
    double = _core.kernel_predict(core, x, landmarks, weights, bias)[0]
    single = _core.kernel_predict(core, x, landmarks, weights, bias, precision="single")[0]
    assert not (single == double).all()
    size = np.abs(kernel_matrix(x[:20], landmarks, kernel=kernel, kappa=0.7)).max() * np.abs(weights).sum(axis=0).max()
    assert np.abs(single - double).max() < 3e-7 * size


def test_the_mean_of_the_landmarks_saves_the_digits() -> None:
    """Without it |x|^2 ~ 4e5 would leave an error of 4e-2 in |x - y|^2 ~ 2."""
    x, landmarks = rows(50, 1000), rows(60, 1000, 1)
    core = _core.Kernel("gaussian", kappa=1.0)
    found = _core.kernel_predict(core, x, landmarks, np.eye(60), np.zeros(60), precision="single")[0]
    np.testing.assert_allclose(found, kernel_matrix(x, landmarks, kappa=1.0), rtol=2e-6)
    a, b = x.astype(np.float32), landmarks.astype(np.float32)
    plain = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    assert np.abs(np.exp(-plain) - kernel_matrix(x, landmarks, kappa=1.0)).max() > 1e-3


@pytest.mark.parametrize("estimator", [LSSVR(kappa=0.5, lam=1e-4, n_landmarks=60), KernelRidge(kappa=0.5, lam=1e-4)])
def test_a_model_is_off_by_parts_in_a_million(estimator: LSSVR | KernelRidge) -> None:
    x, new = rows(300, 60), rows(100, 60, 1)
    y = np.sin(8 * (x[:, 0] - 20)) + x[:, 1]
    model = estimator.fit(x, y)
    double, single = model.predict(new), model.predict(new, precision="single")
    assert 0 < np.abs(single - double).max() < 1e-4 * y.std()


def test_the_spread_is_always_in_double() -> None:
    x = rows(200, 30)
    model = LSSVR(kappa=0.5, lam=1e-3, n_landmarks=50).fit(x, x[:, 0])
    found = [_core.kernel_predict(model.core_kernel(), x, model.landmarks_, model.weights_, model.bias_,
                                  variance=model.core_variance(), precision=p)[1] for p in ("double", "single")]
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("n", [1, 95, 96, 97, 191, 193, 481])
def test_a_row_has_the_same_bits_in_any_company(n: int) -> None:
    x, landmarks, weights = rows(481, 400), rows(250, 400, 1), rows(250, 3, 2)
    core = _core.Kernel("gaussian", kappa=0.7)
    for precision in ("double", "single"):
        whole = _core.kernel_predict(core, x, landmarks, weights, np.zeros(3), precision=precision)[0]
        part = _core.kernel_predict(core, x[-n:].copy(), landmarks, weights, np.zeros(3), precision=precision)[0]
        np.testing.assert_array_equal(part, whole[-n:])


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="precision must be double or single, got half"):
        LSSVR(kappa=1.0).fit(rows(20, 3), np.arange(20.0)).predict(rows(2, 3), precision="half")
