# SPDX-License-Identifier: BSD-3-Clause
"""Shortened rows (THEORY.md eq. (6.12), (6.13)) against scikit-learn's PCA and SciPy's pivoted QR; models with them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from scipy.linalg import qr
from sklearn.decomposition import PCA

from glassnmr.data import reference
from glassnmr.descriptors import Descriptor, ReducedDescriptor, SphericalBesselSOAP, reduce_descriptor
from glassnmr.learning import LSSVR
from glassnmr.model import NMRModel, training_rows
from glassnmr.table import Dataset

SOAP = SphericalBesselSOAP(["O", "Si", "Na"], cutoff=4.0, n_max=4, l_max=2)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return reference.load("shielding", "29Si")


@pytest.fixture(scope="module")
def rows(data: Dataset) -> np.ndarray:
    return training_rows(data, SOAP)


def test_pca_is_that_of_scikit_learn(rows: np.ndarray) -> None:
    short = reduce_descriptor(SOAP, rows, 10)
    peer = PCA(10).fit(rows)
    sign = np.sign(np.sum(short.matrix * peer.components_, axis=1))[:, None]
    np.testing.assert_allclose(short.matrix, sign * peer.components_, atol=1e-8)
    tall = reduce_descriptor(SOAP, np.vstack([rows, rows + 1e-3]), 10)  # more rows than features: the other Gram matrix
    assert tall.n_features == 10
    peer = PCA(10).fit(np.vstack([rows, rows + 1e-3]))
    np.testing.assert_allclose(np.abs(np.sum(tall.matrix * peer.components_, axis=1)), 1, atol=1e-8)


def test_cur_takes_the_columns_of_a_pivoted_qr(rows: np.ndarray) -> None:
    short = reduce_descriptor(SOAP, rows, 8, method="cur")
    pivots = qr(rows - rows.mean(0), pivoting=True, mode="r")[1][:8]
    np.testing.assert_array_equal(short.columns, np.sort(pivots))
    np.testing.assert_array_equal(short.feature_index(), SOAP.feature_index()[np.sort(pivots)])


@pytest.mark.parametrize("method", ["pca", "cur"])
def test_rows_gradients_and_models_of_a_reduced_descriptor(data: Dataset, rows: np.ndarray, method: str, tmp_path: Path
                                                           ) -> None:
    short: Descriptor = reduce_descriptor(SOAP, rows, 30, method=method)
    frame = data.structures[0]
    whole = SOAP.transform(frame)
    wanted = whole[:, short.columns] if method == "cur" else (whole - rows.mean(0)) @ short.matrix.T
    got = short.transform(frame)
    np.testing.assert_allclose(got, wanted, atol=1e-10 * np.abs(wanted).max())
    np.testing.assert_allclose(short.transform(frame, dtype=np.float32), wanted, atol=1e-5 * np.abs(wanted).max())
    for n_threads in (2, 3, 8):
        np.testing.assert_array_equal(got, short.transform(frame, n_threads=n_threads))

    weights = np.random.default_rng(0).normal(size=got.shape)
    long_weights = np.zeros_like(whole)
    if method == "cur":
        long_weights[:, short.columns] = weights
    else:
        long_weights = weights @ short.matrix
    found, by_whole = short.gradient(frame, weights), SOAP.gradient(frame, long_weights)
    np.testing.assert_allclose(found.positions, by_whole.positions, atol=1e-10 * np.abs(by_whole.positions).max())
    np.testing.assert_allclose(found.strain, by_whole.strain, atol=1e-10 * np.abs(by_whole.strain).max())
    full = short.jacobian(frame, [0])
    np.testing.assert_allclose(np.einsum("f,fjx->jx", weights[0], full[0]), short.gradient(frame, weights[:1], [0])
                               .positions, atol=1e-9 * np.abs(by_whole.positions).max())

    model = NMRModel.fit(data, short, LSSVR(n_landmarks=40, kappa=1e-2, lam=1e-4))
    model.save(tmp_path / "m.gnmr")
    again = NMRModel.load(tmp_path / "m.gnmr")
    assert isinstance(again.descriptor, ReducedDescriptor) and again.descriptor.n_features == 30
    np.testing.assert_array_equal(again.descriptor.transform(frame), got)
    by_rows = LSSVR(n_landmarks=40, kappa=1e-2, lam=1e-4).fit(training_rows(data, short), data.target("sigma_iso"))
    silicon = np.flatnonzero(frame.numbers == 14)
    np.testing.assert_allclose(again.predict_frame(frame).values["sigma_iso"], by_rows.predict(got[silicon]), rtol=1e-9)
    copy = pickle.loads(pickle.dumps(short))
    np.testing.assert_array_equal(copy.transform(frame), got)
    assert f"{method}: 30 of {SOAP.n_features}" in repr(short)


def test_bad_reductions_are_refused(rows: np.ndarray) -> None:
    with pytest.raises(ValueError, match="method must be pca or cur, got 'svd'"):
        reduce_descriptor(SOAP, rows, 3, method="svd")
    with pytest.raises(ValueError, match=r"n_features must lie in 1\.\.132, got 133"):
        reduce_descriptor(SOAP, rows, 133)
    with pytest.raises(ValueError, match=f"rows must have the {SOAP.n_features} features"):
        reduce_descriptor(SOAP, rows[:, 1:], 3)
    with pytest.raises(ValueError, match="either columns, or a matrix and an offset"):
        ReducedDescriptor(SOAP)
    with pytest.raises(ValueError, match="either columns, or a matrix and an offset"):
        ReducedDescriptor(SOAP, matrix=np.ones((2, SOAP.n_features)))
    with pytest.raises(ValueError, match=r"columns must lie in 0\.\."):
        ReducedDescriptor(SOAP, columns=[0, SOAP.n_features])
    with pytest.raises(ValueError, match="columns must not be negative"):
        ReducedDescriptor(SOAP, columns=[-1])
    with pytest.raises(ValueError, match="column 3 is given twice"):
        ReducedDescriptor(SOAP, columns=[3, 3])
    with pytest.raises(ValueError, match="columns must be a list of integers"):
        ReducedDescriptor(SOAP, columns=[0.5])
    with pytest.raises(ValueError, match=r"matrix must have shape \(n, \d+\)"):
        ReducedDescriptor(SOAP, matrix=np.ones((2, 3)), offset=np.ones(3))
    with pytest.raises(ValueError, match="must be finite"):
        ReducedDescriptor(SOAP, matrix=np.full((2, SOAP.n_features), np.nan), offset=np.zeros(SOAP.n_features))
    with pytest.raises(ValueError, match="reduced already"):
        ReducedDescriptor(ReducedDescriptor(SOAP, columns=[1, 2]), columns=[0])


def test_environments_of_molecules_and_lonely_atoms() -> None:
    short = ReducedDescriptor(SphericalBesselSOAP(["H"], cutoff=3.0), columns=[0, 5])
    np.testing.assert_array_equal(short.transform(Atoms("H")), np.zeros((1, 2)))
