# SPDX-License-Identifier: BSD-3-Clause
"""What a model file knows of its errors, and sums of kernels in it; older files still load."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnmr import _core
from glassnmr.data.reference import load
from glassnmr.descriptors import SphericalBesselSOAP
from glassnmr.learning import LSSVR
from glassnmr.model import NMRModel, training_rows


def test_a_model_carries_its_uncertainty_and_a_sum_of_kernels(tmp_path: Path) -> None:
    data = load("shielding", isotope="29Si")
    soap = SphericalBesselSOAP(["O", "Si", "Na"], cutoff=3.3, n_max=4, l_max=2)
    two = 3 * 4
    regressor = LSSVR(n_landmarks=40, lam=1e-3, bodies=(two, soap.n_features - two), relevance=(0.2, 0.8))
    model = NMRModel.fit(data, soap, regressor)
    assert [term["relevance"] for term in model.kernel] == [0.2, 0.8]
    assert [(term["first"], term["last"]) for term in model.kernel] == [(0, two), (two, soap.n_features)]
    path = tmp_path / "m.gnmr"
    calibrated = NMRModel(model._core.with_intervals([0.5, 0.6827, 0.9], [[0.7, 1.1, 1.8]], 3.5, provenance="told"))
    calibrated.save(path)
    again = NMRModel.load(path)
    assert again.kernel == model.kernel
    told = again.uncertainty
    assert told is not None and model.uncertainty is not None
    assert told["lam"] == 1e-3 and told["limit"] == 3.5 and "limit" not in model.uncertainty
    np.testing.assert_array_equal(told["factors"], [[0.7, 1.1, 1.8]])

    rows = training_rows(data, soap)
    fitted = LSSVR(**regressor.get_params()).fit(rows, data.target("sigma_iso"))
    np.testing.assert_array_equal(told["noise"], fitted.noise_)
    atoms = data.structures[0]
    centres = np.flatnonzero(atoms.numbers == 14).astype(np.int64)
    channel = np.zeros(93, dtype=np.int32)
    channel[[8, 14, 11]] = 0, 1, 2
    frame = (atoms.positions, atoms.cell.array, atoms.pbc.tolist(), channel[atoms.numbers], centres)
    new = soap.transform([atoms], [centres])
    for threads in (1, 2, 3, 8):
        values, novelty = again._core.predict_with_novelty(*frame, n_threads=threads)
        np.testing.assert_allclose(values[:, 0], fitted.predict(new), rtol=1e-12)
        np.testing.assert_allclose(novelty, fitted.spread(new) @ [1 / 1e-3, 1], rtol=1e-7, atol=1e-9)
        if threads == 1:
            first = values, novelty
        np.testing.assert_array_equal(values, first[0])
        np.testing.assert_array_equal(novelty, first[1])
    double = again.predict_frame(atoms).values["sigma_iso"]
    single = again.predict_frame(atoms, precision="single").values["sigma_iso"]
    np.testing.assert_array_equal(double, first[0][:, 0])
    assert 0 < np.abs(single - double).max() < 1e-2  # ppm


def test_older_files_and_models_without_a_ridge_have_no_uncertainty(tmp_path: Path) -> None:
    data = load("shielding", isotope="29Si")
    soap = SphericalBesselSOAP(["O", "Si", "Na"], cutoff=3.3, n_max=3, l_max=1)
    model = NMRModel.fit(data, soap, LSSVR(lam=0.0, n_landmarks=15))
    assert model.uncertainty is None
    path = tmp_path / "m.gnmr"
    model.save(path)
    old = bytearray(path.read_bytes()[:-4])
    assert old[8] == 3
    for version in (1, 2):
        old[8] = version
        path.write_bytes(old + zlib.crc32(old).to_bytes(4, "little"))
        again = NMRModel.load(path)
        assert again.uncertainty is None
        np.testing.assert_array_equal(again.predict_frame(data.structures[0]).values["sigma_iso"],
                                      model.predict_frame(data.structures[0]).values["sigma_iso"])
    with pytest.raises(ValueError, match="carries no uncertainty"):
        model._core.predict_with_novelty(np.zeros((1, 3)), np.eye(3) * 9, [True] * 3, np.zeros(1, dtype=np.int32),
                                         np.zeros(1, dtype=np.int64))
    with pytest.raises(ValueError, match="carries no uncertainty to calibrate"):
        model._core.with_intervals([0.5], [[1.0]], 1.0, provenance="")


@pytest.mark.parametrize(("change", "message"), [
    ({"levels": [0.9, 0.5], "factors": [[1.0, 1.0]]}, "levels must be rising"),
    ({"levels": [1.0], "factors": [[1.0]]}, "levels must be rising"),
    ({"factors": [[-1.0]]}, "not negative"), ({"factors": [[np.nan]]}, "finite"),
    ({"factors": [[1.0, 2.0]]}, "factors must have shape"), ({"limit": -1.0}, "limit must be"),
    ({"limit": np.inf}, "limit must be"),
])
def test_intervals_without_meaning_are_refused(change: dict[str, object], message: str) -> None:
    data = load("shielding", isotope="29Si")
    soap = SphericalBesselSOAP(["O", "Si", "Na"], cutoff=3.3, n_max=2, l_max=1)
    model = NMRModel.fit(data, soap, LSSVR(n_landmarks=10, lam=1e-2))
    arguments = {"levels": [0.9], "factors": [[1.0]], "limit": 1.0, **change}
    with pytest.raises(ValueError, match=message):
        model._core.with_intervals(**arguments, provenance="")


@pytest.mark.parametrize(("change", "message"), [
    ({"root": np.eye(3)}, "root must have shape"), ({"means": np.zeros(3)}, "means must have shape"),
    ({"total_weight": 0.0}, "total weight"), ({"root": np.zeros((10, 10))}, "must not be singular"),
    ({"cholesky": np.full((10, 10), np.nan)}, "must be finite"), ({"lam": 0.0}, "lam of the uncertainty"),
    ({"noise": np.array([-1.0])}, "noise and factors"), ({"noise": np.array([1.0, 2.0])}, "noise must have 1 entries"),
])
def test_uncertainty_without_meaning_is_refused(change: dict[str, Any], message: str) -> None:
    soap = SphericalBesselSOAP(["O", "Si"], cutoff=3.3, n_max=2, l_max=1)
    parts = {"cholesky": np.eye(10), "root": np.eye(10), "means": np.zeros(10), "total_weight": 5.0, "lam": 1.0,
             "noise": np.ones(1), **change}

    def make() -> _core.Model:
        variance = _core.Variance(**{k: parts[k] for k in ("cholesky", "root", "means", "total_weight")})
        uncertainty = _core.Uncertainty(variance, lam=parts["lam"], noise=parts["noise"])
        return _core.Model(
            descriptor=soap._core, species=["O", "Si"], isotope="29Si", centre="Si", kernel=_core.Kernel("gaussian"),
            landmarks=np.zeros((10, soap.n_features)), weights=np.zeros((10, 1)), bias=np.zeros(1),
            targets=["sigma_iso"], units=["ppm"], reference=None, provenance="", uncertainty=uncertainty)

    with pytest.raises(ValueError, match=message):
        make()
