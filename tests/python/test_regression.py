# SPDX-License-Identifier: BSD-3-Clause
"""Ridge with a free bias and its leave-out errors against plain NumPy refits."""

from __future__ import annotations

import numpy as np
import pytest

from glassnmr import NumericalError, _core


def problem(n: int = 120, m: int = 30, targets: int = 2, seed: int = 0):
    random = np.random.default_rng(seed)
    factor = random.normal(size=(m, n)) * np.logspace(0, -4, m)[:, None] + 3
    y = random.normal(size=(n, targets)) + 50
    return np.ascontiguousarray(factor), y, random.uniform(0.2, 3, n), random.integers(0, 17, n)


def slow_ridge(factor, y, lam, weights):
    """Weighted ridge with an unpenalised bias as one least-squares problem."""
    m, n = factor.shape
    root = np.sqrt(weights)[:, None]
    A = np.vstack([root * np.hstack([factor.T, np.ones((n, 1))]),
                   np.hstack([np.sqrt(lam) * np.eye(m), np.zeros((m, 1))])])
    solution = np.linalg.lstsq(A, np.vstack([root * y, np.zeros((m, y.shape[1]))]), rcond=None)[0]
    return solution[:-1], solution[-1]


@pytest.mark.parametrize("lam", [1e-8, 1e-3, 10.0])
def test_ridge_and_its_path_are_weighted_least_squares(lam):
    factor, y, weights, _ = problem()
    v, bias = _core.ridge(factor, y, lam=lam, counts=np.array([7, 30]), weights=weights)
    for k, count in enumerate((7, 30)):
        slow_v, slow_bias = slow_ridge(factor[:count], y, lam, weights)
        np.testing.assert_allclose(v[k][:count], slow_v, rtol=1e-6, atol=1e-8 * np.abs(slow_v).max())
        np.testing.assert_allclose(factor[:count].T @ v[k][:count] + bias[k], factor[:count].T @ slow_v + slow_bias,
                                   rtol=1e-9)
        assert (v[k][count:] == 0).all()
    path_v, path_bias = _core.RidgePath(factor, weights).solve(y, np.array([1.0, lam]))
    np.testing.assert_allclose(path_v[1], v[1], rtol=1e-7, atol=1e-9 * np.abs(v[1]).max())
    np.testing.assert_allclose(path_bias[1], bias[1], rtol=1e-9)


@pytest.mark.parametrize("share", [0.5, 2.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_normal_equations_are_corrected_to_least_squares_or_not_used(share, weighted):
    """Features that nearly repeat, with lam just above and below the border of THEORY.md eq. (9.23)."""
    factor, y, weights, _ = problem(n=400, m=20)
    factor = np.vstack([factor, factor + 1e-7 * np.random.default_rng(5).normal(size=factor.shape)])
    w = weights if weighted else np.ones(400)
    centred = np.sqrt(w) * (factor - (factor @ w / w.sum())[:, None])
    lam = share * 1e4 * np.finfo(float).eps * (centred**2).sum()
    v, bias, means, root = _core.ridge(factor, y, lam=lam, counts=np.array([40]), weights=weights if weighted else None,
                                       with_root=True)
    slow_v, slow_bias = slow_ridge(factor, y, lam, w)
    np.testing.assert_allclose(v[0], slow_v, rtol=1e-6, atol=1e-7 * np.abs(slow_v).max())
    np.testing.assert_allclose(factor.T @ v[0] + bias[0], factor.T @ slow_v + slow_bias, rtol=1e-9)
    np.testing.assert_allclose(means, factor @ w / w.sum(), rtol=1e-12)
    np.testing.assert_allclose(root @ root.T, centred @ centred.T + lam * np.eye(40), rtol=1e-12,
                               atol=1e-13 * (centred**2).sum())
    assert (np.triu(root, 1) == 0).all()


def test_many_rows_are_worked_off_in_parts_with_the_same_bits_for_any_number_of_threads():
    factor, y, weights, _ = problem(n=4_500, m=260)
    counts = np.array([100, 260])
    given = {"lam": 1e-3, "counts": counts, "weights": weights, "with_root": True}
    one, three = (_core.ridge(factor, y, n_threads=t, **given) for t in (1, 3))
    for a, b in zip(one, three, strict=True):
        assert (a == b).all()
    for k, count in enumerate(counts):
        slow_v, slow_bias = slow_ridge(factor[:count], y, 1e-3, weights)
        np.testing.assert_allclose(factor[:count].T @ one[0][k][:count] + one[1][k], factor[:count].T @ slow_v
                                   + slow_bias, rtol=1e-9)
    left = [_core.leave_one_out(factor, y, lam=1e-3, weights=weights, n_threads=t) for t in (1, 3)]
    assert (left[0] == left[1]).all()


def test_zero_lam_takes_the_least_norm_where_features_repeat():
    factor, y, _, _ = problem(m=6)
    doubled = np.ascontiguousarray(np.vstack([factor, factor]))
    v, bias = _core.ridge(doubled, y, lam=0.0, counts=np.array([12]))
    plain, plain_bias = _core.ridge(factor, y, lam=0.0, counts=np.array([6]))
    np.testing.assert_allclose(v[0][:6], v[0][6:], rtol=1e-6)
    np.testing.assert_allclose(2 * v[0][:6], plain[0], rtol=1e-6)
    np.testing.assert_allclose(bias, plain_bias, rtol=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
def test_groups_left_out_in_closed_form_are_refits_without_them(weighted):
    factor, y, weights, group = problem()
    lams = np.array([1e-6, 1e-2, 5.0])
    found = _core.RidgePath(factor, weights if weighted else None).leave_out(y, group, n_groups=17, lam=lams)
    for k, lam in enumerate(lams):
        for g in np.unique(group):
            kept, out = group != g, group == g
            v, bias = slow_ridge(factor[:, kept], y[kept], lam, weights[kept] if weighted else np.ones(kept.sum()))
            np.testing.assert_allclose(found[k][out], y[out] - factor[:, out].T @ v - bias, rtol=1e-6, atol=1e-7)


def test_leave_one_out_is_the_case_of_groups_of_one():
    factor, y, _, _ = problem(n=40, m=8, targets=1)
    found = _core.RidgePath(factor).leave_out(y, np.arange(40), n_groups=40, lam=np.array([0.1]))
    for i in range(40):
        kept = np.arange(40) != i
        v, bias = slow_ridge(factor[:, kept], y[kept], 0.1, np.ones(39))
        assert found[0, i, 0] == pytest.approx(y[i, 0] - factor[:, i] @ v[:, 0] - bias[0], abs=1e-9)


def test_a_constant_on_y_only_moves_the_bias_and_a_factor_scales_everything():
    factor, y, _, _ = problem()
    counts = np.array([30])
    v, bias = _core.ridge(factor, y, lam=1e-3, counts=counts)
    moved_v, moved_bias = _core.ridge(factor, y + 1000, lam=1e-3, counts=counts)
    np.testing.assert_allclose(moved_v, v, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(moved_bias, bias + 1000, rtol=1e-9)
    scaled_v, scaled_bias = _core.ridge(factor, y * 2.0**40, lam=1e-3, counts=counts)
    assert (scaled_v == v * 2.0**40).all()
    assert (scaled_bias == bias * 2.0**40).all()


def test_a_whole_weight_is_a_repeated_row():
    factor, y, _, _ = problem(n=50, m=10)
    times = np.random.default_rng(1).integers(1, 4, 50)
    repeated = np.repeat(np.arange(50), times)
    v, bias = _core.ridge(factor, y, lam=0.1, counts=np.array([10]), weights=times.astype(float))
    again_v, again_bias = _core.ridge(np.ascontiguousarray(factor[:, repeated]), y[repeated], lam=0.1,
                                      counts=np.array([10]))
    np.testing.assert_allclose(v, again_v, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(bias, again_bias, rtol=1e-9)


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_threads_do_not_change_a_bit(threads):
    factor, y, weights, group = problem(n=900, m=150)
    lams = np.array([1e-6, 1.0])
    one, many = (_core.RidgePath(factor, weights, n_threads=t) for t in (1, threads))
    assert (one.solve(y, lams)[0] == many.solve(y, lams)[0]).all()
    assert (one.leave_out(y, group, n_groups=17, lam=lams, n_threads=1)
            == many.leave_out(y, group, n_groups=17, lam=lams, n_threads=threads)).all()
    counts = np.array([3, 150])
    assert (_core.ridge(factor, y, lam=1e-3, counts=counts, n_threads=1)[0]
            == _core.ridge(factor, y, lam=1e-3, counts=counts, n_threads=threads)[0]).all()


def test_exact_kernel_ridge_is_a_linear_solve():
    random = np.random.default_rng(0)
    A = random.normal(size=(80, 100))
    K, y, weights = A @ A.T / 100, random.normal(size=(80, 3)) + 4, random.uniform(0.5, 2, 80)
    alpha, bias, _ = _core.kernel_ridge(K.copy(), y, lam=0.1)
    np.testing.assert_allclose(bias, y.mean(axis=0))
    np.testing.assert_allclose(alpha, np.linalg.solve(K + 0.1 * np.eye(80), y - y.mean(axis=0)), rtol=1e-9, atol=1e-10)
    alpha, bias, _ = _core.kernel_ridge(K.copy(), y, lam=0.1, weights=weights)
    mean = (weights @ y) / weights.sum()
    np.testing.assert_allclose(alpha, np.linalg.solve(K + 0.1 * np.diag(1 / weights), y - mean), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("transposed", [False, True])
def test_triangular_solves_undo_the_product(transposed):
    random = np.random.default_rng(0)
    L = np.ascontiguousarray(np.tril(random.normal(size=(40, 40))) + 8 * np.eye(40))
    B = random.normal(size=(40, 700))
    product = np.ascontiguousarray((L.T if transposed else L) @ B)
    np.testing.assert_allclose(_core.solve_triangular(L, product, transposed=transposed), B, atol=1e-11)
    with pytest.raises(NumericalError, match="singular"):
        _core.solve_triangular(np.zeros((2, 2)), np.ones((2, 1)))


def test_numerical_failures_are_named():
    with pytest.raises(NumericalError, match=r"K \+ lam I is not positive definite at row 1; increase lam"):
        _core.kernel_ridge(np.ones((3, 3)), np.ones((3, 1)), lam=0.0)
    factor, y, _, _ = problem(n=20, m=15)
    with pytest.raises(NumericalError, match="do not determine the regression"):
        _core.RidgePath(factor).leave_out(y, np.arange(20) % 2, n_groups=2, lam=np.array([0.0]))


def test_bad_input_is_a_sentence():
    factor, y, weights, group = problem()
    path = _core.RidgePath(factor)
    for call, message in (
            (lambda: _core.ridge(factor, y, lam=-1.0, counts=np.array([1])), "lam must be finite and not negative"),
            (lambda: _core.ridge(factor, y, lam=np.nan, counts=np.array([1])), "lam"),
            (lambda: _core.ridge(factor, y, lam=np.inf, counts=np.array([1])), "lam"),
            (lambda: _core.ridge(factor, y, lam=1.0, counts=np.array([0])), "counts must lie in 1..30"),
            (lambda: _core.ridge(factor, y, lam=1.0, counts=np.array([31])), "counts must lie in 1..30"),
            (lambda: _core.ridge(factor, y[:5], lam=1.0, counts=np.array([1])), "factor must have shape|y must have"),
            (lambda: _core.ridge(factor, y, lam=1.0, counts=np.array([1]), weights=-weights), "sample_weight"),
            (lambda: _core.ridge(factor, y, lam=1.0, counts=np.array([1]), weights=0 * weights), "zero everywhere"),
            (lambda: _core.ridge(np.ones((5, 3)), np.ones((3, 1)), lam=1.0, counts=np.array([1])), "between 1 and 3"),
            (lambda: _core.RidgePath(factor, np.where(np.arange(120) == 3, 0, weights)), "must be positive here"),
            (lambda: path.leave_out(y, group, n_groups=1, lam=np.array([1.0])), "at least 2"),
            (lambda: path.leave_out(y, group, n_groups=5, lam=np.array([1.0])), "group must lie in 0..5 - 1"),
            (lambda: path.leave_out(y, group, n_groups=17, lam=np.array([-1.0])), "lam"),
            (lambda: path.solve(y[:3], np.array([1.0])), "y must have shape")):
        with pytest.raises(ValueError, match=message):
            call()
