# SPDX-License-Identifier: BSD-3-Clause
"""Intervals in models and files, and the report of a validation: its numbers against the rows it was made of."""

from __future__ import annotations

import base64
import csv
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from glassnmr import LSSVR, KernelRidge, NMRModel, SphericalBesselSOAP, train, validate
from glassnmr.cli import main
from glassnmr.data import reference
from glassnmr.io import read_predictions, write_predictions
from glassnmr.report import Report, write_report
from glassnmr.training import row_labels
from glassnmr.uncertainty import EXPONENTS, calibrate_intervals
from glassnmr.validation import cross_validate

SOAP = SphericalBesselSOAP(["O", "Si", "Na"], cutoff=4.0, n_max=3, l_max=3, sigma=0.3)


@pytest.fixture(scope="module")
def found():
    return validate(reference.load("shielding", "29Si"), SOAP, LSSVR(n_landmarks=60, robust=1.0),
                    kappas=[1 / 64, 1 / 16], lams=[1e-6, 1e-4, 1e-2])


@pytest.fixture(scope="module")
def model(found):
    return train(found, SOAP, LSSVR(n_landmarks=60, robust=1.0), reference=(300.0, -0.9))


def test_intervals_of_a_model_are_those_of_its_final_parameters(found, model) -> None:
    settings = model.provenance["regressor"]
    estimator = LSSVR(n_landmarks=60, robust=1.0, kappa=settings["kappa"], lam=settings["lam"])
    again = cross_validate(estimator, found.features, found.result.y, found.dataset.group, kappas=[1.0],
                           lams=[settings["lam"]])
    assert again.deviation is not None and again.novelty is not None
    wanted = calibrate_intervals(again.prediction - again.y, again.deviation, again.novelty, exponents=EXPONENTS)
    assert model.intervals.exponent == wanted.exponent
    np.testing.assert_allclose(model.intervals.factors, wanted.factors, rtol=1e-9)
    assert model.intervals.limit == pytest.approx(wanted.limit, rel=1e-9)
    assert 0.85 <= model.provenance["validation"]["coverage of 90 % intervals"]["sigma_iso"]["rows"] <= 0.95


def test_predictions_carry_the_regressor_deviation_times_the_factor(found, model) -> None:
    settings = model.provenance["regressor"]
    regressor = LSSVR(n_landmarks=60, robust=1.0, kappa=settings["kappa"], lam=settings["lam"])
    regressor.fit(found.features, found.result.y, groups=found.dataset.group)
    atoms = reference.load("shielding", "29Si").structures[0]
    sites = model.predict_frame(atoms)
    rest, leverage = regressor.spread(SOAP.transform(atoms, "Si")).T
    deviation = regressor.noise_[0] * (1 + rest / settings["lam"] + leverage) ** (model.intervals.exponent / 2)
    for name, level in (("std", 0.6827), ("half90", 0.9)):
        factor = model.intervals.factors[0, model.intervals.levels.index(level)]
        np.testing.assert_allclose(sites.values[f"{name}_sigma_iso"], factor * deviation, rtol=1e-7)
        np.testing.assert_allclose(sites.values[f"{name}_delta_iso"], 0.9 * factor * deviation, rtol=1e-7)
    assert (sites.values["half90_sigma_iso"] > sites.values["std_sigma_iso"]).all()
    plain = model.predict_frame(atoms, errors=False)
    assert set(plain.values) == {"sigma_iso", "delta_iso"}
    np.testing.assert_array_equal(plain.values["sigma_iso"], sites.values["sigma_iso"])


def test_a_crushed_structure_is_flagged_and_the_training_set_is_not(model) -> None:
    data = reference.load("shielding", "29Si")
    flags = np.concatenate([model.predict_frame(atoms).values["unlike_sigma_iso"] for atoms in data.structures[:8]])
    crushed = data.structures[0].copy()
    crushed.positions *= 0.8
    assert model.predict_frame(crushed).values["unlike_sigma_iso"].all()
    assert flags.mean() < 0.5 and set(flags) <= {0.0, 1.0}


@pytest.mark.parametrize("suffix", [".gnmr"])
def test_the_file_keeps_the_intervals_to_the_bit(model, tmp_path: Path, suffix: str) -> None:
    model.save(tmp_path / f"m{suffix}")
    again = NMRModel.load(tmp_path / f"m{suffix}")
    np.testing.assert_array_equal(again.intervals.factors, model.intervals.factors)
    assert again.intervals.levels == model.intervals.levels and again.intervals.limit == model.intervals.limit
    assert again.with_reference((0.0, -1.0)).intervals.limit == model.intervals.limit


@pytest.mark.parametrize("suffix", [".csv", ".extxyz"])
def test_intervals_and_flags_go_through_files(model, tmp_path: Path, suffix: str) -> None:
    atoms = reference.load("shielding", "29Si").structures[0]
    sites = model.predict_frame(atoms)
    path = tmp_path / f"p{suffix}"
    write_predictions(path, [atoms], [sites])
    read = read_predictions(path)
    for name, values in sites.values.items():
        assert read[name].dtype.kind == "f"
        np.testing.assert_allclose(read[name], values, rtol=1e-8)


def test_exact_kernel_ridge_has_intervals_too_and_keeps_them(found, tmp_path: Path) -> None:
    exact = validate(found.dataset, SOAP, KernelRidge(), features=found.features, lams=[1e-4], kappas=[0.02])
    model = train(exact, SOAP, KernelRidge())
    assert 0.8 < exact.coverage("sigma_iso")["rows"] < 0.97
    model.save(tmp_path / "exact.gnmr")
    atoms = found.dataset.structures[0]
    first, again = model.predict_frame(atoms).values, NMRModel.load(tmp_path / "exact.gnmr").predict_frame(atoms).values
    assert "half90_sigma_iso" in first
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
    rows = found.features[found.dataset.structure == 0]
    regressor = KernelRidge(kappa=model.kernel[0]["kappa"], lam=1e-4)
    regressor.fit(found.features, found.dataset.target("sigma_iso"))
    predicted = regressor.predict(rows, return_std=True)
    assert model.intervals is not None
    deviation = np.sqrt(predicted[1] ** 2 + regressor.noise_**2)[:, None]
    expected = model.intervals.half_width(deviation, 0.9)[:, 0]
    atoms_of = list(model.predict_frame(atoms).atoms)
    place = [atoms_of.index(c) for c in found.dataset.centre[found.dataset.structure == 0]]
    np.testing.assert_allclose(first["sigma_iso"][place], predicted[0], rtol=1e-9)
    np.testing.assert_allclose(first["half90_sigma_iso"][place], expected, rtol=1e-6)


def test_models_without_variance_have_no_intervals(found) -> None:
    plain = NMRModel.fit(found.dataset, SOAP, LSSVR(lam=0.0, n_landmarks=20), features=found.features)
    assert plain.intervals is None
    assert set(plain.predict_frame(found.dataset.structures[0]).values) == {"sigma_iso"}
    with pytest.raises(ValueError, match="carries no variance"):
        plain.with_intervals(calibrate_intervals([1.0], [1.0], [0.0]))


def test_intervals_of_other_targets_are_refused(model) -> None:
    with pytest.raises(ValueError, match="intervals must be of 1 targets, got 2"):
        model.with_intervals(calibrate_intervals(np.ones((3, 2)), np.ones((3, 2)), np.zeros(3)))


class Page(HTMLParser):
    """Cells of tables and sources of images."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.images: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag == "td"
        self.images += [str(dict(attrs)["src"])] if tag == "img" else []

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.cells.append(data)
            self.inside = False


def test_the_page_needs_no_other_file_and_tells_what_the_rows_tell(found, tmp_path: Path) -> None:
    labels = row_labels(found.dataset, "site")
    found.dataset.structures[0].info["name"] = "<b>&"
    written = write_report(tmp_path / "r.html", Report(found, labels, settings={"cutoff": "<4>"}))
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "http" not in text and "<b>&" not in text and "cutoff = &lt;4&gt;" in text
    page = Page()
    page.feed(text)
    assert len(page.images) == 6 and all(image.startswith("data:image/") for image in page.images)
    svg = [base64.b64decode(image.split(",")[1]) for image in page.images if "svg" in image]
    assert svg and all(ET.fromstring(one).tag.endswith("svg") for one in svg)
    with open(tmp_path / "r.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    error = np.array([float(row["sigma_iso_predicted"]) - float(row["sigma_iso"]) for row in rows])
    assert f"{np.abs(error).mean():.3f}" in page.cells
    for label in np.unique(labels):
        of = np.array([row["label"] == label for row in rows])
        assert f"{np.abs(error[of]).mean():.3f}" in page.cells
    assert f"{error[np.argmax(np.abs(error))]:+.2f}" in page.cells
    inside = np.mean([abs(e) <= float(row["sigma_iso_half90"]) for e, row in zip(error, rows, strict=True)])
    assert f"{100 * inside:.1f} % of the left-out rows" in re.sub(r"\s+", " ", text)
    names = {path.name for path in written}
    assert {"r.html", "r.csv", "r-parity.png", "r-parity.svg", "r-parameters.svg", "r-intervals.png"} <= names
    assert all(path.stat().st_size > 0 for path in written) and names == {p.name for p in tmp_path.iterdir()}


def test_the_report_is_html_only(found, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a report is written as \.html"):
        write_report(tmp_path / "r.pdf", Report(found))


def test_one_figure_shows_the_error_against_landmarks_for_every_way_to_choose_them(tmp_path: Path) -> None:
    words = ["validate", "--reference-data", "shielding", "--isotope", "29Si", "--cutoff", "3.5", "--n-max", "2",
             "--l-max", "2", "--folds", "3", "--kappa", "0.5", "--lambda", "1e-4", "--curve", "landmark-methods",
             "--sizes", "10,40"]
    done = CliRunner().invoke(main, [*words, "-o", str(tmp_path / "curves.svg")])
    assert done.exit_code == 0, done.output
    methods = ("icd", "rpcholesky", "fps", "entropy", "kmeans", "random")
    picture = (tmp_path / "curves.svg").read_text()
    for method in methods:
        assert f"sigma_iso {method}: landmarks" in done.output and method in picture
    refused = CliRunner().invoke(main, [*words, "--regressor", "krr"])
    assert refused.exit_code == 2 and "needs an LSSVR, got KernelRidge" in refused.output


def test_labels_that_are_numbers_are_told_with_their_name(tmp_path: Path) -> None:
    source = tmp_path / "set.extxyz"
    data = reference.load("shielding", "29Si")
    for atoms in data.structures:
        atoms.set_array("Qn", np.full(len(atoms), 4))
    data.write(source)
    done = CliRunner().invoke(main, ["validate", str(source), "--isotope", "29Si", "--cutoff", "3.5", "--n-max", "2",
                                     "--l-max", "2", "--kappa", "0.5", "--lambda", "1e-4", "--by", "Qn"])
    assert done.exit_code == 0 and "sigma_iso Qn 4" in done.output, done.output


def test_validate_writes_the_report_with_all_curves(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [
        "validate", "--reference-data", "shielding", "--isotope", "29Si", "--cutoff", "3.5", "--n-max", "2", "--l-max",
        "2", "--folds", "3", "--by", "site", "-o", str(tmp_path / "r.html")])
    assert done.exit_code == 0, done.output
    assert "90 % intervals of sigma_iso hold" in done.output
    for name in ("learning", "landmarks", "parameters", "distributions", "residuals", "deviation"):
        assert (tmp_path / f"r-{name}.svg").stat().st_size > 1000
    assert "random" in (tmp_path / "r-landmarks.svg").read_text()
    refused = CliRunner().invoke(main, ["validate", "--reference-data", "shielding", "--isotope", "29Si", "-o",
                                        str(tmp_path / "none" / "r.html")])
    assert refused.exit_code != 0


def test_info_tells_of_intervals(model, found, tmp_path: Path) -> None:
    model.save(tmp_path / "m.gnmr")
    NMRModel.fit(found.dataset, SOAP, LSSVR(n_landmarks=20, lam=1e-3)).save(tmp_path / "n.gnmr")
    with_intervals, without = (CliRunner().invoke(main, ["info", str(tmp_path / name)]).output
                               for name in ("m.gnmr", "n.gnmr"))
    assert "intervals of 50 %, 68.27 %, 80 %, 90 %, 95 % by left-out groups" in with_intervals
    assert "no intervals: predictions carry no uncertainty" in without
