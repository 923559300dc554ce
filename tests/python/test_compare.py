# SPDX-License-Identifier: BSD-3-Clause
"""Descriptors and learners side by side: the figures are those of validate, the command says the same as the API."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from glassnmr.comparison import compare
from glassnmr.data import reference
from glassnmr.descriptors import SphericalBesselSOAP, former_mixing
from glassnmr.learning import LSSVR, KernelRidge
from glassnmr.training import validate
from test_cli import glassnmr, refused

SOAP = SphericalBesselSOAP(["O", "Na", "Si"], 4.0, n_max=3, l_max=2, sigma=0.3, radial_scaling=(2.5, 4.0),
                           mixing=former_mixing(["O", "Na", "Si"]))
OPTIONS = ["--reference-data", "shielding", "--isotope", "29Si", "--cutoff", "4", "--n-max", "3", "--l-max", "2",
           "--folds", "3"]


def test_figures_are_those_of_validate_on_the_same_folds() -> None:
    data = reference.load("shielding", "29Si")
    steps: list[tuple[int, int]] = []
    found = compare(data, {"sparse": (SOAP, LSSVR(n_landmarks=60)), "exact": (SOAP, KernelRidge())}, sizes=[40, 80],
                    n_splits=3, progress=lambda done, total, what: steps.append((done, total)))
    assert [one.name for one in found] == ["sparse", "exact"]
    for one, regressor in zip(found, (LSSVR(n_landmarks=60), KernelRidge()), strict=True):
        alone = validate(data, SOAP, regressor, n_splits=3)
        assert one.errors("sigma_iso") == alone.errors("sigma_iso")
        np.testing.assert_array_equal(one.validation.result.fold, alone.result.fold)
        assert one.n_features == SOAP.n_features and one.row_time > 0 and one.learn_time > 0
        np.testing.assert_array_equal(one.curves["sigma_iso"].size, [40, 80])
    assert found[0].errors("sigma_iso") != found[1].errors("sigma_iso")
    assert steps[0] == (0, 4) and steps[-1] == (4, 4) and steps == sorted(steps)
    with pytest.raises(ValueError, match="at least one candidate"):
        compare(data, {})


def test_the_command_prints_writes_and_plots(tmp_path: Path) -> None:
    done = glassnmr("compare", *OPTIONS, "--with", "all pairs: robust=0",
                    "--with", "mu1nu1: compression=mu1nu1 remove-self",
                    "--with", "short: reduce=pca:12 radial-scaling=3,6", "--sizes", "40,80", "-o", tmp_path / "c.csv",
                    "-o", tmp_path / "c.png")
    assert done.exit_code == 0, done.stderr
    with open(tmp_path / "c.csv", newline="") as file:
        table = list(csv.DictReader(file))
    whole = {row["candidate"]: row for row in table if row["training_rows"] == "all but a fold"}
    assert {name: int(row["features"]) for name, row in whole.items()} == {"all pairs": 144, "mu1nu1": 90, "short": 12}
    assert [row["training_rows"] for row in table if row["candidate"] == "short"] == ["all but a fold", "40", "80"]
    data = reference.load("shielding", "29Si")
    alone = validate(data, SOAP, LSSVR(n_landmarks=1000, robust=None), n_splits=3)
    assert float(whole["all pairs"]["MAE"]) == pytest.approx(alone.errors("sigma_iso")["MAE"], rel=1e-5)
    assert f"{alone.errors('sigma_iso')['MAE']:.3f}" in done.stdout and "MAE with rows" in done.stdout
    assert (tmp_path / "c.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(("text", "message"), [
    ("no colon", "--with must be 'NAME: OPTION=VALUE ...', got 'no colon'"),
    (": cutoff=3", "--with must be"),
    ("a: cutof=3", "No such option"),
    ("a: cutoff=-3", "expected a finite number above 0, got -3"),
    ("a: reduce=svd:3", "'svd:3' is not pca:N or cur:N"),
    ("a: reduce=pca:100000", "n_features must lie in 1.."),
    ("a: body-weights=0,0", "must leave one part"),
])
def test_wrong_candidates_are_one_line_and_status_2(text: str, message: str, tmp_path: Path) -> None:
    done = glassnmr("compare", *OPTIONS, "--with", text, "-o", tmp_path / "c.csv")
    refused(done, message)
    assert not list(tmp_path.iterdir())


def test_a_name_twice_is_refused() -> None:
    done = glassnmr("compare", *OPTIONS, "--with", "a: cutoff=3", "--with", "a: cutoff=4")
    refused(done, "two candidates 'a'")
