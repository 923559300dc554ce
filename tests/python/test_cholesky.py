# SPDX-License-Identifier: BSD-3-Clause
"""Landmarks and incomplete Cholesky factors against a textbook loop and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnmr import NumericalError
from glassnmr.learning import incomplete_cholesky, kernel_matrix, select_landmarks

METHODS = ("icd", "rpcholesky", "fps", "entropy", "kmeans", "random")


def rows(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def clusters(n: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(7, 6)) * 3
    return centres[random.integers(0, 7, n)] + 0.1 * random.normal(size=(n, 6))


def textbook(K: np.ndarray, count: int) -> tuple[list[int], np.ndarray]:
    left, L, pivots = np.diag(K).copy(), np.zeros((len(K), count)), []
    for k in range(count):
        p = int(np.argmax(left))
        column = K[:, p] - L[:, :k] @ L[p, :k]
        L[:, k] = column / np.sqrt(column[p])
        left = np.maximum(left - L[:, k] ** 2, 0)
        left[p] = 0
        pivots.append(p)
    return pivots, L


def residual_by_schur(K: np.ndarray, index: np.ndarray) -> float:
    part = K[:, index] @ np.linalg.solve(K[np.ix_(index, index)], K[index])
    return float(np.trace(K - part) / np.trace(K))


@pytest.mark.parametrize("X", [rows(500, 8), rows(301, 60), clusters(400)], ids=["dense", "wide", "clusters"])
def test_pivots_made_in_blocks_are_those_of_the_textbook(X):
    K = kernel_matrix(X, kappa=0.05)
    pivots, L = textbook(K, 150)
    for found in (incomplete_cholesky(K, 150), select_landmarks(X, 150, kappa=0.05)):
        assert found.index.tolist() == pivots
        np.testing.assert_allclose(found.factor.T, L, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kernel", ["gaussian", "linear", "polynomial"])
def test_residual_trace_falls_and_is_the_schur_complement(method, kernel):
    X = rows(400, 25)
    found = select_landmarks(X, 20, method=method, kernel=kernel, kappa=0.02, seed=3)
    K = kernel_matrix(X, kernel=kernel, kappa=0.02)
    assert len(set(found.index.tolist())) == len(found.index) == 20
    assert (np.diff(found.residual) <= 0).all()
    for m in (1, 7, 20):
        assert found.residual[m - 1] == pytest.approx(residual_by_schur(K, found.index[:m]), abs=1e-10)
    lower = found.factor[:, found.index].T
    assert np.abs(np.triu(lower, 1)).max() <= 1e-12
    np.testing.assert_allclose(lower @ lower.T, K[np.ix_(found.index, found.index)], atol=1e-10 * np.abs(K).max())
    np.testing.assert_allclose(lower @ found.factor, K[found.index], atol=1e-10 * np.abs(K).max())


def test_all_points_reproduce_the_matrix():
    K = kernel_matrix(rows(260, 15), kappa=0.05)
    found = incomplete_cholesky(K, tolerance=0)
    np.testing.assert_allclose(found.factor.T @ found.factor, K, atol=1e-12)


def test_duplicates_are_chosen_once_and_the_count_ends_there():
    X = rows(40, 5)[np.arange(200) % 40]
    K = kernel_matrix(X, kappa=0.5)
    for method in METHODS:
        found = select_landmarks(X, 200, method=method, kappa=0.5, tolerance=0)
        assert len(found.index) == 40, method
        assert len(np.unique(X[found.index], axis=0)) == 40
        np.testing.assert_allclose(found.factor.T @ found.factor, K, atol=1e-12)  # those left out leave no trace
        assert found.residual[-1] < 1e-12


def test_linear_kernel_stops_at_the_rank():
    X = rows(300, 4) @ rows(4, 50, 1)
    found = select_landmarks(X, 100, kernel="linear", tolerance=0)
    assert len(found.index) == 4


def test_tolerance_stops_at_the_first_residual_below_it():
    K = kernel_matrix(rows(300, 3), kappa=0.1)
    whole, part = incomplete_cholesky(K), incomplete_cholesky(K, tolerance=1e-3)
    first = int(np.argmax(whole.residual <= 1e-3))
    assert len(part.index) == first + 1
    assert part.index.tolist() == whole.index[:first + 1].tolist()


def test_ties_go_to_the_lowest_index():
    assert incomplete_cholesky(np.eye(6)).index.tolist() == [0, 1, 2, 3, 4, 5]


def test_fewer_landmarks_are_the_first_of_more():
    X = rows(500, 10)
    for method in ("icd", "fps", "entropy", "random"):
        few = select_landmarks(X, 30, method=method, kappa=0.05, seed=1)
        many = select_landmarks(X, 130, method=method, kappa=0.05, seed=1)
        assert few.index.tolist() == many.index[:30].tolist(), method


def test_farthest_points_are_those_of_a_plain_loop():
    X = clusters(300)
    K = kernel_matrix(X, kappa=0.05)
    chosen, distance = [0], 2 - 2 * K[:, 0]
    while len(chosen) < 60:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, 2 - 2 * K[:, chosen[-1]])
    assert select_landmarks(X, 60, method="fps", kappa=0.05).index.tolist() == chosen


def test_entropy_chooses_what_adds_least_to_the_sum_of_the_kernel():
    X = rows(300, 4)
    K = kernel_matrix(X, kappa=0.2)
    chosen = [0]
    while len(chosen) < 60:
        score = K[:, chosen].sum(axis=1)
        score[chosen] = np.inf
        chosen.append(int(np.argmin(score)))
    assert select_landmarks(X, 60, method="entropy", kappa=0.2).index.tolist() == chosen


def test_kmeans_finds_one_landmark_in_each_cluster_and_centres_as_good_as_scikit_learn():
    X = clusters(600, 5)
    found = select_landmarks(X, 7, method="kmeans", kappa=0.05)
    inertia = ((X[:, None] - X[found.index][None]) ** 2).sum(-1).min(axis=1).sum()
    assert inertia < 1.6 * 600 * 6 * 0.01
    cluster = pytest.importorskip("sklearn.cluster")
    peer = cluster.KMeans(7, n_init=5, random_state=0).fit(X).inertia_
    assert inertia < 1.6 * peer


def test_kmeans_of_long_rows_by_random_signs_is_as_good_as_scikit_learn_on_all_columns():
    """Rows of 400 features are clustered by 128 products with signs, the same for any number of threads."""
    random = np.random.default_rng(3)
    X = random.normal(size=(1500, 12)) @ (random.normal(size=(12, 400)) * np.exp(-np.arange(12) / 4)[:, None])
    found = select_landmarks(X, 40, method="kmeans", kappa=0.001, n_threads=1)
    assert 36 <= len(found.index) <= 40
    assert len(set(found.index.tolist())) == len(found.index)
    assert found.index.tolist() == select_landmarks(X, 40, method="kmeans", kappa=0.001, n_threads=3).index.tolist()

    def inertia(centres):
        return (((X**2).sum(1)[:, None] + (centres**2).sum(1) - 2 * X @ centres.T).min(axis=1)).sum()

    by_chance = np.mean([inertia(X[np.random.default_rng(k).permutation(1500)[:40]]) for k in range(5)])
    peer = pytest.importorskip("sklearn.cluster").KMeans(40, n_init=1, random_state=0).fit(X)
    nearest = X[np.argmin(peer.transform(X), axis=0)]
    assert inertia(X[found.index]) < 1.05 * inertia(nearest)
    assert inertia(X[found.index]) < 0.95 * by_chance


def test_random_pivots_follow_the_residual():
    """Twenty copies of one row and one other: a first pivot among the copies leaves only the other."""
    X = np.vstack([np.zeros((20, 1)), np.full((1, 1), 9.0)])
    firsts = []
    for seed in range(200):
        found = select_landmarks(X, 5, method="rpcholesky", kappa=1.0, seed=seed, tolerance=0)
        assert len(found.index) == 2
        assert 20 in found.index
        firsts.append(found.index[0] == 20)
    assert 2 <= sum(firsts) <= 22  # one in 21 of 200, within three standard deviations


def test_seeds_repeat_and_differ():
    X = rows(400, 6)
    for method in ("rpcholesky", "kmeans", "random"):
        one, same, other = (select_landmarks(X, 50, method=method, seed=s).index.tolist() for s in (1, 1, 2))
        assert one == same, method
        assert one != other, method


@pytest.mark.parametrize("method", METHODS)
def test_threads_do_not_change_a_bit(method):
    X = rows(5000, 12)
    one, three = (select_landmarks(X, 120, method=method, kappa=0.05, n_threads=t) for t in (1, 3))
    assert one.index.tolist() == three.index.tolist()
    assert (one.factor == three.factor).all()
    assert (one.residual == three.residual).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 4), st.integers(0, 1000))
def test_any_low_rank_matrix_is_factored(n, rank, seed):
    A = rows(n, rank, seed)
    found = incomplete_cholesky(A @ A.T, tolerance=0)
    assert len(found.index) <= min(n, rank)
    np.testing.assert_allclose(found.factor.T @ found.factor, A @ A.T, atol=1e-6 * np.abs(A @ A.T).max())


@pytest.mark.parametrize("K", [-np.eye(3), np.diag([1.0, 2.0, -0.5]), [[1.0, 3.0], [3.0, 1.0]],
                               [[0.0, 1.0], [1.0, 1.0]]])
def test_a_matrix_that_is_not_semidefinite_is_an_error(K):
    with pytest.raises(NumericalError, match="not positive semidefinite"):
        incomplete_cholesky(K, tolerance=0)


@pytest.mark.parametrize(("change", "message"), [
    ({"n_landmarks": 0}, "n_landmarks"), ({"n_landmarks": 2.5}, "n_landmarks"), ({"n_landmarks": True}, "n_landmarks"),
    ({"method": "best"}, "landmarks must be icd"), ({"tolerance": -1.0}, "tolerance"),
    ({"tolerance": 1.0}, "tolerance"),
    ({"tolerance": np.nan}, "tolerance"), ({"seed": -1}, "seed"), ({"X": [[np.nan, 1.0]]}, "finite"),
    ({"X": [[1.0, 2.0]], "kernel": "precomputed"}, "square"),
    ({"X": [[1.0, 2.0], [0.0, 1.0]], "kernel": "precomputed"}, "symmetric"),
    ({"X": np.eye(3), "kernel": "precomputed", "method": "kmeans"}, "kmeans needs features"),
])
def test_bad_input_is_a_sentence(change, message):
    arguments = {"X": np.eye(4), "n_landmarks": 2, **change}
    with pytest.raises(ValueError, match=message):
        select_landmarks(arguments.pop("X"), arguments.pop("n_landmarks"), **arguments)


@pytest.mark.parametrize("method", METHODS)
def test_rounding_errors_of_a_smooth_kernel_are_no_landmarks_and_no_failure(method):
    X = rows(400, 3) + 300  # far from the origin: |x - x'|^2 has errors of 1e-11
    K = kernel_matrix(X, kappa=1e-3)
    for kind, data in (("gaussian", X), ("precomputed", K)):
        if (kind, method) == ("precomputed", "kmeans"):
            continue
        found = select_landmarks(data, 400, method=method, kernel=kind, kappa=1e-3, tolerance=0)
        assert 10 < len(found.index) < 200
        np.testing.assert_allclose(found.factor.T @ found.factor, K, rtol=0, atol=1e-7)


def test_no_landmarks_in_zero_rows():
    assert len(select_landmarks(np.zeros((4, 2)), 3, kernel="linear").index) == 0
