# SPDX-License-Identifier: BSD-3-Clause
"""The estimators: against exact solutions and scikit-learn, as scikit-learn estimators, and with bad input."""

from __future__ import annotations

import inspect
import pickle
import warnings

import numpy as np
import pytest

from glassnmr.learning import LSSVR, KernelRidge, kernel_matrix


def data(n: int = 150, d: int = 6, targets: int | None = None, seed: int = 0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, d))
    y = np.sin(X[:, 0]) + X[:, 1] ** 2 + 100
    return (X, y) if targets is None else (X, np.column_stack([y * (k + 1) for k in range(targets)]))


def exact_with_bias(K, y, lam, weights=None):
    """Kernel ridge regression with a free bias as one bordered system."""
    n = len(K)
    ridge = lam * (np.eye(n) if weights is None else np.diag(1 / weights))
    A = np.block([[K + ridge, np.ones((n, 1))], [np.ones((1, n)), np.zeros((1, 1))]])
    solution = np.linalg.solve(A, np.vstack([y, np.zeros((1, y.shape[1]))]))
    return solution[:-1], solution[-1]


@pytest.mark.parametrize("landmarks", ["icd", "rpcholesky", "fps", "entropy", "kmeans", "random"])
@pytest.mark.parametrize("weighted", [False, True])
def test_all_rows_as_landmarks_are_exact_kernel_ridge_with_a_bias(landmarks, weighted):
    X, y = data(targets=2)
    test = data(40, seed=1)[0]
    weights = np.random.default_rng(2).uniform(0.3, 3, len(X)) if weighted else None
    model = LSSVR(kappa=0.05, lam=1e-5, n_landmarks=10**6, landmarks=landmarks, tolerance=0).fit(X, y, weights)
    alpha, bias = exact_with_bias(kernel_matrix(X, kappa=0.05), y, 1e-5, weights)
    wanted = kernel_matrix(test, X, kappa=0.05) @ alpha + bias
    assert len(model.landmark_indices_) == len(X)
    np.testing.assert_allclose(model.predict(test), wanted, atol=1e-8 * np.abs(y).max())


def test_few_landmarks_are_ridge_in_the_nystroem_space():
    X, y = data(300, targets=2)
    model = LSSVR(kappa=0.05, lam=1e-3, n_landmarks=40).fit(X, y)
    K, KM = kernel_matrix(X, model.landmarks_, kappa=0.05), kernel_matrix(model.landmarks_, kappa=0.05)
    # min |y - K w - b|^2 + lam w.KM.w, with the bias as a free column
    A = np.block([[K.T @ K + 1e-3 * KM, K.sum(axis=0)[:, None]], [K.sum(axis=0)[None], np.full((1, 1), 300.0)]])
    solution = np.linalg.lstsq(A, np.vstack([K.T @ y, y.sum(axis=0)[None]]), rcond=1e-15)[0]
    np.testing.assert_allclose(model.predict(X), K @ solution[:-1] + solution[-1], atol=2e-4)
    np.testing.assert_allclose(model.predict(X), K @ model.weights_ + model.bias_, atol=1e-8)
    assert (model.landmarks_ == X[model.landmark_indices_]).all()


def test_kernel_ridge_is_that_of_scikit_learn_on_centred_values():
    peer = pytest.importorskip("sklearn.kernel_ridge").KernelRidge(alpha=1e-4, kernel="rbf", gamma=0.1)
    X, y = data(targets=3)
    test = data(30, seed=1)[0]
    wanted = peer.fit(X, y - y.mean(axis=0)).predict(test) + y.mean(axis=0)
    np.testing.assert_allclose(KernelRidge(kappa=0.1, lam=1e-4).fit(X, y).predict(test), wanted, rtol=1e-9)


def test_prediction_is_the_mean_of_a_gaussian_process_where_they_overlap():
    gaussian_process = pytest.importorskip("sklearn.gaussian_process")
    kernel = gaussian_process.kernels.RBF(2.0, length_scale_bounds="fixed")
    X, y = data()
    test = data(30, seed=1)[0]
    peer = gaussian_process.GaussianProcessRegressor(kernel, alpha=1e-3, optimizer=None).fit(X, y - y.mean())
    model = KernelRidge(kappa=1 / 8, lam=1e-3).fit(X, y)
    np.testing.assert_allclose(model.predict(test), peer.predict(test) + y.mean(), rtol=1e-9)


@pytest.mark.parametrize("estimator", [KernelRidge(kappa=0.1, lam=1e-3), LSSVR(kappa=0.1, lam=1e-3, n_landmarks=50)])
def test_a_precomputed_kernel_gives_the_same(estimator):
    X, y = data()
    test = data(30, seed=1)[0]
    same = type(estimator)(**{**estimator.get_params(), "kernel": "precomputed"})
    same.fit(kernel_matrix(X, kappa=0.1), y)
    np.testing.assert_allclose(same.predict(kernel_matrix(test, X, kappa=0.1)), estimator.fit(X, y).predict(test),
                               rtol=1e-8)


@pytest.mark.parametrize("make", [KernelRidge, LSSVR])
@pytest.mark.parametrize("kernel", ["gaussian", "linear", "polynomial"])
def test_every_kernel_learns_what_it_can_say(make, kernel):
    X, _ = data(200, 4)
    y = X @ [1.0, -2.0, 0.5, 3.0] + 7
    assert make(kernel=kernel, lam=1e-8).fit(X, y).score(X, y) > 0.999


def test_shapes_follow_the_targets():
    X, y = data()
    for make in (KernelRidge, LSSVR):
        assert make().fit(X, y).predict(X[:5]).shape == (5,)
        assert make().fit(X, y[:, None]).predict(X[:5]).shape == (5, 1)
        both = make(kappa=0.1).fit(X, np.column_stack([y, -y]))
        assert both.predict(X[:5]).shape == (5, 2)
        np.testing.assert_allclose(both.predict(X)[:, 0], make(kappa=0.1).fit(X, y).predict(X), rtol=1e-10)


@pytest.mark.parametrize("make", [KernelRidge, LSSVR])
def test_scikit_learn_can_clone_pipe_and_search(make):
    base = pytest.importorskip("sklearn.base")
    selection = pytest.importorskip("sklearn.model_selection")
    pipeline = pytest.importorskip("sklearn.pipeline")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    X, y = data()
    twin = base.clone(make(kappa=0.2, lam=1e-4))
    assert twin.get_params() == make(kappa=0.2, lam=1e-4).get_params()
    assert selection.cross_val_score(make(kappa=0.1, lam=1e-3), X, y, cv=4).min() > 0.5
    chain = pipeline.make_pipeline(preprocessing.StandardScaler(), make(lam=1e-3)).fit(X, y)
    assert chain.score(X, y) > 0.9
    search = selection.GridSearchCV(make(kappa=0.1), {"lam": [1e-3, 1e3]}, cv=3).fit(X, y)
    assert search.best_params_ == {"lam": 1e-3}
    K = kernel_matrix(X, kappa=0.1)
    scores = selection.cross_val_score(make(kernel="precomputed", lam=1e-3), K, y, cv=4)
    np.testing.assert_allclose(scores, selection.cross_val_score(make(kappa=0.1, lam=1e-3), X, y, cv=4), rtol=1e-6)


@pytest.mark.parametrize("make", [KernelRidge, LSSVR])
def test_pickles_predict_the_same_bits(make):
    X, y = data()
    model = make().fit(X, y)
    assert (pickle.loads(pickle.dumps(model)).predict(X) == model.predict(X)).all()


@pytest.mark.parametrize("make", [KernelRidge, LSSVR])
def test_threads_do_not_change_a_bit(make):
    X, y = data(700, 20)
    one, three = (make(lam=1e-4, n_threads=t).fit(X, y).predict(X) for t in (1, 3))
    assert (one == three).all()


def test_score_is_r2_of_scikit_learn():
    r2_score = pytest.importorskip("sklearn.metrics").r2_score
    X, y = data(targets=2)
    w = np.random.default_rng(0).uniform(size=len(X))
    model = LSSVR(n_landmarks=5).fit(X, y)
    assert model.score(X, y, w) == pytest.approx(r2_score(y, model.predict(X), sample_weight=w))


def test_float32_and_lists_are_accepted():
    X, y = data(40)
    wanted = LSSVR(kappa=0.1).fit(X.astype(np.float32), y.astype(np.float32)).predict(X)
    found = LSSVR(kappa=0.1).fit(X.astype(np.float32).tolist(), y.astype(np.float32).tolist()).predict(X.tolist())
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("make", [KernelRidge, LSSVR])
@pytest.mark.parametrize(("params", "X", "y", "weights", "message"), [
    ({"lam": -1.0}, None, None, None, "lam must be at least 0, got -1.0"),
    ({"lam": np.nan}, None, None, None, "lam must be a finite number"),
    ({"lam": "small"}, None, None, None, "lam must be a finite number, got 'small'"),
    ({"kappa": 0.0}, None, None, None, "kappa must be above 0"),
    ({"kappa": "automatic"}, None, None, None, "kappa must be a finite number, got 'automatic'"),
    ({"kernel": "cubic"}, None, None, None, "kernel must be gaussian, linear or polynomial, got cubic"),
    ({"kernel": "precomputed"}, None, None, None, "must be square"),
    ({}, [[1.0], [np.nan]], [1.0, 2.0], None, r"X\[1, 0\] is nan"),
    ({}, [1.0, 2.0], [1.0, 2.0], None, "Reshape your data"),
    ({}, [[1.0], [2.0]], [1.0], None, r"y must have shape \(2,\)"),
    ({}, [[1.0], [2.0]], [1.0, np.inf], None, "y must be finite"),
    ({}, [[1.0], [2.0]], [1.0, 2.0], [1.0], r"sample_weight must have shape \(2,\)"),
    ({}, [[1.0], [2.0]], [1.0, 2.0], [1.0, -1.0], "sample_weight must be finite and not negative"),
    ({}, [[1.0], [2.0]], [1.0, 2.0], [0.0, 0.0], "must not be zero everywhere"),
    ({}, [[1j], [2.0]], [1.0, 2.0], None, "real numbers"),
])
def test_bad_input_is_a_sentence(make, params, X, y, weights, message):
    X, y = data(10) if X is None else (X, y)
    with pytest.raises(ValueError, match=message):
        make(**params).fit(X, y, weights)


def test_prediction_checks_what_it_gets():
    X, y = data(20)
    for make in (KernelRidge, LSSVR):
        with pytest.raises(ValueError, match="not fitted yet"):
            make().predict(X)
        with pytest.raises(ValueError, match="X has 2 features, but the regression was fitted with 6"):
            make().fit(X, y).predict(X[:, :2])
        with pytest.raises(ValueError, match="has no parameter 'gamma'; it has kernel"):
            make().set_params(gamma=1)
    for change in ({"n_landmarks": 0}, {"landmarks": "best"}, {"tolerance": -1}, {"seed": -2}):
        with pytest.raises(ValueError, match=next(iter(change))):
            LSSVR(**change).fit(X, y)
    with pytest.raises(ValueError, match="only zero rows"):
        LSSVR(kernel="linear").fit(np.zeros((3, 2)), np.ones(3))


WORDING = "our message says it in other words"
OTHER = {
    "check_n_features_in_after_fitting": WORDING, "check_complex_data": WORDING, "check_dtype_object": WORDING,
    "check_estimators_empty_data_messages": WORDING, "check_estimators_nan_inf": WORDING,
    "check_estimator_sparse_tag": WORDING, "check_estimator_sparse_array": WORDING,
    "check_estimator_sparse_matrix": WORDING, "check_requires_y_none": WORDING,
    "check_sample_weights_not_an_array": "only what NumPy takes is an array",
    "check_regressor_data_not_an_array": "only what NumPy takes is an array",
    "check_sample_weight_equivalence_on_dense_data": "kappa='auto' counts a row that comes twice as two",
}


@pytest.mark.parametrize("make", [LSSVR, KernelRidge])
def test_scikit_learn_finds_its_conventions_kept(make):
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    if "on_fail" not in inspect.signature(checks.check_estimator).parameters:
        pytest.skip("scikit-learn before 1.6 cannot tell the checks apart")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = checks.check_estimator(make(n_threads=1), on_fail=None)
    failed = {one["check_name"] for one in found if one["status"] == "failed"}
    assert failed <= set(OTHER), failed - set(OTHER)
    assert sum(one["status"] == "passed" for one in found) > 40
