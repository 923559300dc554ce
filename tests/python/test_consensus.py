# SPDX-License-Identifier: BSD-3-Clause
"""Regressions that follow the mean of several about as good (THEORY.md eq. (9.36), (9.37)) against dense algebra."""

from __future__ import annotations

import json

import numpy as np
import pytest

from glassnmr.choices import chosen_parameters, marked_choices
from glassnmr.data import reference
from glassnmr.descriptors import SphericalBesselSOAP
from glassnmr.learning import FOLLOWED, LSSVR
from glassnmr.model import NMRModel
from glassnmr.training import train, validate
from glassnmr.validation import GroupedKFold, choose_parameters, cross_validate


def problem(n: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    x = rng.uniform(-2, 2, (n, 3))
    group = rng.integers(0, 16, n)
    shift = rng.normal(0, 0.3, 16)
    return x, np.sin(x[:, 0]) + x[:, 1] * x[:, 2] + shift[group] + 0.1 * rng.normal(size=n), group


def gaussian(a: np.ndarray, b: np.ndarray, kappa: float) -> np.ndarray:
    return np.exp(-kappa * ((a[:, None] - b[None]) ** 2).sum(axis=-1))


def ridge_with_bias(K: np.ndarray, y: np.ndarray, lam: float) -> tuple[np.ndarray, float]:
    n = len(y)
    system = np.block([[K + lam * np.eye(n), np.ones((n, 1))], [np.ones((1, n)), np.zeros((1, 1))]])
    found = np.linalg.solve(system, np.append(y, 0.0))
    return found[:n], float(found[n])


def test_a_model_with_members_interpolates_the_mean_of_their_fits() -> None:
    x, y, _ = problem()
    fresh = np.random.default_rng(1).uniform(-2, 2, (20, 3))
    members = [(0.2, 1e-2), (0.2, 1e-1), (0.8, 3e-2)]
    fits = []
    for kappa, lam in members:
        K = gaussian(x, x, kappa)
        alpha, bias = ridge_with_bias(K, y, lam)
        fits.append(K @ alpha + bias)
    alpha, bias = ridge_with_bias(gaussian(x, x, 0.4), np.mean(fits, axis=0), FOLLOWED * 1e-2)
    model = LSSVR(kappa=0.4, lam=0.5, tolerance=0, members=members).fit(x, y)
    np.testing.assert_allclose(model.predict(fresh), gaussian(fresh, x, 0.4) @ alpha + bias, atol=1e-8)
    plain = LSSVR(kappa=0.4, lam=0.5, tolerance=0).fit(x, y)
    np.testing.assert_array_equal(model.spread(fresh), plain.spread(fresh))
    np.testing.assert_array_equal(model.noise_, plain.noise_)
    assert model.get_params()["members"] == members


def test_what_is_kept_has_at_most_that_share_more_error() -> None:
    error = np.array([[1.0, 1.05], [1.11, 1.1]])
    found = marked_choices([0.1, np.array([0.2, 0.3])], np.array([1e-3, 1e-2]), error, 0.1)
    assert [c.chosen for c in found] == [True, False, False, False]
    assert [c.kept for c in found] == [True, True, False, True]
    assert found[3].kappa == (0.2, 0.3)
    assert chosen_parameters(found)["members"] == [(0.1, 1e-3), (0.1, 1e-2), ((0.2, 0.3), 1e-2)]
    alone = marked_choices([0.1], np.array([1e-3, 1e-2]), error[:1], None)
    assert chosen_parameters(alone) == {"kappa": 0.1, "lam": 1e-3}
    assert "members" not in chosen_parameters(marked_choices([0.1], np.array([1e-3, 1e-2]), error[:1], 0.01))


@pytest.mark.parametrize("extra", [{}, {"robust": 2.0}, {"robust": 2.0, "shared": 5.0},
                                   {"bodies": [1, 2], "relevance": [0.3, 0.7]}])
def test_nested_predictions_are_fits_with_the_members_of_the_fold(extra: dict) -> None:
    x, y, group = problem()
    estimator = LSSVR(n_landmarks=60, consensus=0.3, **extra)
    found = cross_validate(estimator, x, y, group, kappas=[0.5, 2], lams=[1e-3, 1e-2, 1e-1, 10], n_splits=3)
    for k, (rows, test) in enumerate(GroupedKFold(3).split(x, groups=group)):
        parameters = chosen_parameters([c for c in found.choices if c.fold == k])
        assert len(parameters["members"]) > 1
        model = LSSVR(**{**estimator.get_params(), **parameters}).fit(x[rows], y[rows], groups=group[rows])
        np.testing.assert_allclose(found.prediction[test], model.predict(x[test]), atol=1e-6)
        alone = LSSVR(**{**estimator.get_params(), **parameters, "members": None}).fit(x[rows], y[rows],
                                                                                       groups=group[rows])
        assert np.abs(alone.predict(x[test]) - found.prediction[test]).max() > 1e-3


def test_members_given_hold_in_every_fold() -> None:
    x, y, group = problem()
    members = [(0.2, 1e-2), (0.4, 1e-1)]
    found = cross_validate(LSSVR(kappa=0.3, members=members), x, y, group, kappas=[1.0], lams=[1e-2], n_splits=3)
    for rows, test in GroupedKFold(3).split(x, groups=group):
        model = LSSVR(kappa=0.3, lam=1e-2, members=members).fit(x[rows], y[rows])
        np.testing.assert_allclose(found.prediction[test], model.predict(x[test]), atol=1e-6)


def test_a_trained_model_keeps_its_members_and_is_one_expansion(tmp_path) -> None:
    data = reference.load("shielding", "29Si")
    soap = SphericalBesselSOAP(["O", "Si", "Na"], cutoff=4.0, n_max=4, l_max=2)
    regressor = LSSVR(n_landmarks=60, robust=1.0, consensus=0.1)
    model = train(validate(data, soap, regressor, n_splits=3), soap, regressor)
    model.save(tmp_path / "si.gnmr")
    again = NMRModel.load(tmp_path / "si.gnmr")
    told = again.provenance["regressor"]
    assert told["consensus"] == 0.1
    assert len(told["members"]) > 1
    assert [told["kappa"], told["lam"]] in told["members"]
    json.dumps(told)
    assert again.n_landmarks <= 60
    params = {k: v for k, v in told.items() if k != "type"}
    params["members"] = [tuple(one) for one in params["members"]]
    fitted = LSSVR(**params).fit(soap_rows(data, soap), data.target("sigma_iso"), groups=data.group,
                                 batches=data.structure)
    number, rows = next(iter(data.by_structure()))
    frame = again.predict_frame(data.structures[number])
    here = np.flatnonzero(np.isin(frame.atoms, data.centre[rows]))
    np.testing.assert_allclose(np.sort(frame.values["sigma_iso"][here]),
                               np.sort(fitted.predict(soap_rows(data, soap)[rows])), atol=1e-6)


def soap_rows(data, soap) -> np.ndarray:
    from glassnmr.model import training_rows

    return training_rows(data, soap)


def test_bad_input_is_refused() -> None:
    x, y, group = problem(40)
    with pytest.raises(ValueError, match="consensus must be"):
        choose_parameters(LSSVR(consensus=-1.0), x, y, group)
    with pytest.raises(ValueError, match="members need features"):
        LSSVR(kernel="precomputed", members=[(0.1, 1e-3), (0.1, 1e-2)]).fit(gaussian(x, x, 1.0), y)
