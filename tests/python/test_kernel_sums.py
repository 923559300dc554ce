# SPDX-License-Identifier: BSD-3-Clause
"""Sums of kernels over the bodies of a row (THEORY.md eq. (7.6)) against NumPy and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassnmr import _core
from glassnmr.learning import LSSVR, KernelRidge, kernel_matrix, median_kappa
from glassnmr.validation import choose_parameters, cross_validate

WIDTHS, RELEVANCE, KAPPAS = (3, 7), (0.3, 1.2), (0.4, 0.05)
SUM: dict[str, Any] = {"bodies": WIDTHS, "relevance": RELEVANCE, "kappa": KAPPAS}


def problem(n: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(n, 10))
    y = np.sin(x[:, 0]) + 0.3 * x[:, 5] * x[:, 6] + 0.01 * rng.normal(size=n)
    return x, y, rng.normal(size=(40, 10))


def slow(x: np.ndarray, other: np.ndarray, kernels: tuple[str, str] = ("gaussian", "gaussian")) -> np.ndarray:
    total = np.zeros((len(x), len(other)))
    for kernel, columns, weight, kappa in zip(kernels, (slice(0, 3), slice(3, 10)), RELEVANCE, KAPPAS, strict=True):
        total += weight * kernel_matrix(x[:, columns], other[:, columns], kernel=kernel, kappa=kappa)
    return total


def core(kernels: tuple[str, str] = ("gaussian", "gaussian")) -> _core.Kernel:
    return _core.Kernel.sum([_core.Kernel(k, kappa=kappa) for k, kappa in zip(kernels, KAPPAS, strict=True)],
                            widths=WIDTHS, relevance=RELEVANCE)


@pytest.mark.parametrize("kernels", [("gaussian", "gaussian"), ("linear", "gaussian"), ("polynomial", "linear")])
def test_the_matrix_is_the_weighted_sum(kernels: tuple[str, str]) -> None:
    x, _, new = problem(600)
    between = _core.kernel_matrix(core(kernels), x, new)
    np.testing.assert_allclose(between, slow(x, new, kernels), rtol=1e-12, atol=1e-12)
    K = _core.kernel_matrix(core(kernels), x)
    assert (K == K.T).all()
    np.testing.assert_allclose(K, slow(x, x, kernels), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(_core.kernel_diagonal(core(kernels), x), np.diag(K), rtol=1e-13)


@pytest.mark.parametrize("method", ["icd", "fps", "entropy"])
def test_landmarks_of_a_sum_are_those_of_its_matrix(method: str) -> None:
    x, _, _ = problem()
    found = _core.select_landmarks(core(), x, method=method, count=40, tolerance=0.0)
    K = slow(x, x)
    np.fill_diagonal(K, sum(RELEVANCE))  # rounded otherwise, and the first choice is one among equals
    matrix = _core.select_landmarks(None, K, method=method, count=40, tolerance=0.0)
    assert found[0].tolist() == matrix[0].tolist()
    np.testing.assert_allclose(found[2], matrix[2], atol=1e-9)


def test_exact_kernel_ridge_on_a_sum_agrees_with_scikit_learn() -> None:
    kernel_ridge = pytest.importorskip("sklearn.kernel_ridge")
    x, y, new = problem()
    own = KernelRidge(lam=0.01, **SUM).fit(x, y)
    peer = kernel_ridge.KernelRidge(alpha=0.01, kernel="precomputed").fit(slow(x, x), y - y.mean())
    np.testing.assert_allclose(own.predict(new), peer.predict(slow(new, x)) + y.mean(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("estimator", [LSSVR(lam=1e-3, n_landmarks=60, **SUM), KernelRidge(lam=1e-3, **SUM)])
def test_a_sum_predicts_as_its_precomputed_matrix(estimator: LSSVR | KernelRidge) -> None:
    x, y, new = problem()
    plain = type(estimator)(**{**estimator.get_params(), "kernel": "precomputed", "bodies": None, "relevance": None,
                               "kappa": 1.0}).fit(slow(x, x), y)
    fitted = estimator.fit(x, y)
    np.testing.assert_allclose(fitted.predict(new), plain.predict(slow(new, x)), rtol=1e-8, atol=1e-8)
    if isinstance(fitted, LSSVR) and isinstance(plain, LSSVR):
        expected = plain.spread(slow(new, x), np.full(40, sum(RELEVANCE)))
        np.testing.assert_allclose(fitted.spread(new), expected, rtol=1e-6, atol=1e-8)


def test_auto_kappa_is_resolved_for_each_body() -> None:
    x, y, _ = problem()
    model = LSSVR(bodies=WIDTHS, n_landmarks=20).fit(x, y)
    np.testing.assert_allclose(np.asarray(model.kappa_), [median_kappa(x[:, :3]), median_kappa(x[:, 3:])])
    mixed = LSSVR(kernel=("linear", "gaussian"), bodies=WIDTHS, n_landmarks=20).fit(x, y)
    np.testing.assert_allclose(np.asarray(mixed.kappa_), [1, median_kappa(x[:, 3:])])


def test_cross_validation_scales_the_kappas_together_whatever_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, _ = problem()
    results = []
    for most in (4000, 10):  # all kernels from one matrix, or made when needed
        monkeypatch.setattr("glassnmr.folds.SMALL", most)
        results.append(cross_validate(LSSVR(n_landmarks=60, **SUM), x, y, kappas=[0.5, 1.0], lams=[1e-4, 1e-2],
                                      n_splits=3))
    for kappa in results[0].kappa:
        assert np.allclose(kappa, KAPPAS) or np.allclose(kappa, 0.5 * np.array(KAPPAS))
    np.testing.assert_allclose(results[0].prediction, results[1].prediction, rtol=1e-6, atol=1e-6)
    kappa, lam, _ = choose_parameters(LSSVR(n_landmarks=60, **SUM), x, y, kappas=[1.0], lams=[1e-3])
    assert kappa == KAPPAS
    assert lam == 1e-3


def test_scikit_learn_clones_and_searches_over_relevance() -> None:
    base, selection = pytest.importorskip("sklearn.base"), pytest.importorskip("sklearn.model_selection")
    x, y, _ = problem(60)
    estimator = LSSVR(lam=1e-2, **SUM)
    assert base.clone(estimator).get_params() == estimator.get_params()
    search = selection.GridSearchCV(estimator, {"relevance": [(1.0, 1e-3), (1.0, 1.0)]}, cv=3).fit(x, y)
    assert search.best_params_["relevance"] == (1.0, 1.0)


def test_threads_do_not_change_a_bit() -> None:
    x, y, new = problem(900)
    new = np.tile(new, (20, 1))
    for precision in ("double", "single"):
        results = [LSSVR(n_landmarks=100, n_threads=t, **SUM).fit(x, y).predict(new, precision=precision)
                   for t in (1, 2, 3, 8)]
        assert all((r == results[0]).all() for r in results)


@pytest.mark.parametrize(("change", "message"), [
    ({"bodies": (3, 6)}, "bodies must add up to the 10 columns of X"), ({"bodies": ()}, "bodies must add up"),
    ({"bodies": (3, 0, 7)}, "bodies must be a whole number"), ({"relevance": (1.0,)}, "one entry for each of the 2"),
    ({"relevance": (1.0, 0.0)}, "relevance must be above 0"), ({"relevance": (1.0, np.nan)}, "relevance must be a fin"),
    ({"kappa": (1.0, 2.0, 3.0)}, "one number for each of the 2 bodies"),
    ({"kappa": (1.0, -2.0)}, "kappa must be above"),
    ({"kernel": ("gaussian",)}, "one entry for each of the 2"), ({"kernel": "precomputed"}, "bodies need feature rows"),
    ({"kernel": ("gaussian", "cubic")}, "kernel must be gaussian"),
    ({"bodies": None, "relevance": None}, "kappa must be a number"), ({"bodies": None, "kappa": 1.0}, "needs bodies"),
    ({"bodies": None, "relevance": None, "kappa": 1.0, "kernel": ("gaussian", "linear")}, "kernel must be a name"),
])
def test_bad_input_is_a_sentence(change: dict[str, Any], message: str) -> None:
    x, y, _ = problem()
    for estimator in (LSSVR, KernelRidge):
        with pytest.raises(ValueError, match=message):
            estimator(**{**SUM, **change}).fit(x, y)


@pytest.mark.parametrize(("kernels", "widths", "relevance", "message"), [
    ([], [], [], "at least one"), ([0], [1, 2], [1.0], "width and a relevance for each"),
    ([0], [0], [1.0], "columns 0 to 0"), ([0], [2], [-1.0], "relevance must be positive"),
    ([1], [2], [1.0], "plain kernels, not sums"),
])
def test_the_core_refuses_sums_without_meaning(kernels: list[int], widths: list[int], relevance: list[float],
                                               message: str) -> None:
    kinds = [_core.Kernel("linear"), core()]
    with pytest.raises(ValueError, match=message):
        _core.Kernel.sum([kinds[k] for k in kernels], widths=widths, relevance=relevance)


def test_columns_beyond_the_row_are_refused() -> None:
    with pytest.raises(ValueError, match="columns 3 to 10 of a kernel do not lie within the 5 of the rows"):
        _core.kernel_matrix(core(), np.ones((2, 5)))
