# SPDX-License-Identifier: BSD-3-Clause
"""Kernels against NumPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnmr import _core
from glassnmr.learning import kernel_matrix, median_kappa


def rows(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def slow_distances(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return ((X[:, None, :] - Y[None, :, :]) ** 2).sum(axis=-1)


@pytest.mark.parametrize(("n", "m", "d"), [(1, 1, 1), (3, 2, 5), (300, 257, 33), (5, 600, 1)])
def test_kernels_are_their_formulas(n, m, d):
    X, Y = rows(n, d), rows(m, d, 1)
    np.testing.assert_allclose(kernel_matrix(X, Y, kappa=0.3), np.exp(-0.3 * slow_distances(X, Y)), rtol=0, atol=1e-13)
    np.testing.assert_allclose(kernel_matrix(X, Y, kernel="linear"), X @ Y.T, rtol=0, atol=1e-12)
    cubic = kernel_matrix(X, Y, kernel="polynomial", degree=3, offset=0.5)
    np.testing.assert_allclose(cubic, (X @ Y.T + 0.5) ** 3, rtol=1e-12, atol=1e-9)


def test_gaussian_agrees_with_scikit_learn():
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    X, Y = rows(70, 12), rows(40, 12, 1)
    np.testing.assert_allclose(kernel_matrix(X, Y, kappa=0.1), pairwise.rbf_kernel(X, Y, gamma=0.1), atol=1e-14)
    np.testing.assert_allclose(kernel_matrix(X, Y, kernel="polynomial", degree=2, offset=1.0),
                               pairwise.polynomial_kernel(X, Y, degree=2, gamma=1, coef0=1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kernel", ["gaussian", "linear", "polynomial"])
def test_kernel_of_rows_with_themselves_is_exactly_symmetric(kernel):
    X = rows(600, 40)
    K = kernel_matrix(X, kernel=kernel, kappa=0.01)
    assert (K == K.T).all()
    np.testing.assert_allclose(K, kernel_matrix(X, X, kernel=kernel, kappa=0.01), rtol=1e-12, atol=1e-12)
    if kernel == "gaussian":
        assert (np.diag(K) == 1).all()


def test_distances_are_zero_on_the_diagonal_and_never_negative():
    X = 1e6 + rows(300, 7) * 1e-3  # far from the origin: the expanded square cancels
    d2 = _core.squared_distances(X)
    assert (np.diag(d2) == 0).all()
    assert (d2 >= 0).all()
    near = rows(300, 7)
    np.testing.assert_allclose(_core.squared_distances(near), slow_distances(near, near), atol=1e-12)
    np.testing.assert_allclose(_core.gaussian_from_distances(slow_distances(near, near), kappa=0.2),
                               kernel_matrix(near, kappa=0.2), atol=1e-13)


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_threads_do_not_change_a_bit(threads):
    X, Y = rows(1100, 50), rows(333, 50, 1)
    weights, bias = rows(333, 2, 2), np.array([1.0, -2.0])
    kernel = _core.Kernel("gaussian", kappa=0.02)
    for run in (lambda t: _core.kernel_matrix(kernel, X, Y, n_threads=t),
                lambda t: _core.kernel_matrix(kernel, X, n_threads=t),
                lambda t: _core.squared_distances(X, n_threads=t),
                lambda t: _core.kernel_predict(kernel, X, Y, weights, bias, n_threads=t)[0],
                lambda t: _core.kernel_predict(kernel, X, Y, weights, bias, precision="single", n_threads=t)[0]):
        assert (run(1) == run(threads)).all()


@pytest.mark.parametrize("kernel", ["gaussian", "linear", "polynomial"])
def test_streamed_prediction_is_the_kernel_times_weights_plus_bias(kernel):
    X, Y, weights, bias = rows(700, 9), rows(45, 9, 1), rows(45, 3, 2), np.array([1.0, 0.0, -5.0])
    K = kernel_matrix(X, Y, kernel=kernel, kappa=0.1)
    found, spread = _core.kernel_predict(_core.Kernel(kernel, kappa=0.1), X, Y, weights, bias)
    assert spread is None
    np.testing.assert_allclose(found, K @ weights + bias, rtol=1e-11, atol=1e-11)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 9), st.floats(1e-3, 1e2), st.integers(0, 10))
def test_gaussian_kernels_lie_between_zero_and_one(n, d, kappa, seed):
    K = kernel_matrix(rows(n, d, seed), kappa=kappa)
    assert ((K >= 0) & (K <= 1)).all()


def test_median_kappa_scales_with_the_rows_and_survives_equal_ones():
    X = rows(200, 4)
    assert median_kappa(3 * X) == pytest.approx(median_kappa(X) / 9)
    pairs = slow_distances(X, X)[np.triu_indices(200, 1)]
    assert median_kappa(X) == pytest.approx(1 / np.median(pairs))
    assert median_kappa(np.ones((5, 2))) == 1
    assert median_kappa(np.vstack([np.ones((5, 2)), np.zeros((1, 2))])) == pytest.approx(0.5)


@pytest.mark.parametrize(("change", "message"), [
    ({"kappa": 0.0}, "kappa must be above 0"), ({"kappa": -1.0}, "kappa"), ({"kappa": np.nan}, "kappa"),
    ({"kappa": np.inf}, "kappa"), ({"kappa": "wide"}, "kappa"), ({"kernel": "cubic"}, "kernel must be gaussian"),
    ({"kernel": 3}, "kernel must be a name"), ({"kernel": "polynomial", "degree": 0}, "degree"),
    ({"kernel": "polynomial", "degree": 99}, "degree must lie in 1..16"),
    ({"kernel": "polynomial", "offset": -1.0}, "offset"),
    ({"X": [[np.nan]]}, r"X must be finite, but X\[0, 0\] is nan"),
    ({"X": [[np.inf]]}, "finite"), ({"X": [1.0]}, "2D array"), ({"X": np.zeros((0, 3))}, "at least one row"),
    ({"X": [["a"]]}, "real numbers"), ({"Y": [[1.0, 2.0]]}, "Y has 2 features"),
])
def test_bad_input_is_a_sentence(change, message):
    arguments = {"X": [[1.0], [2.0]], "kappa": 1.0, **change}
    with pytest.raises(ValueError, match=message):
        kernel_matrix(arguments.pop("X"), **arguments)
    if "kappa" in change and not isinstance(change["kappa"], str):
        with pytest.raises(ValueError, match="kappa must be positive and finite"):
            _core.Kernel("gaussian", kappa=change["kappa"])
