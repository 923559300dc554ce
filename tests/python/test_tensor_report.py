# SPDX-License-Identifier: BSD-3-Clause
"""The report of tensors: its numbers against the rows that it was made of; its rows, figures and command."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from glassnmr.cli import main
from glassnmr.data.reference import load
from glassnmr.descriptors import EquivariantSOAP, SphericalBesselSOAP
from glassnmr.learning import LSSVR
from glassnmr.table import Dataset
from glassnmr.tensor_learning import EquivariantLSSVR
from glassnmr.tensor_report import TensorReport, tensor_parity, write_tensor_report, write_tensor_rows
from glassnmr.tensor_training import TensorValidation, validate_tensor

SETTING = {"cutoff": 3.5, "n_max": 3, "l_max": 2}


def validation(kind: str) -> TensorValidation:
    data = load("efg-17O").select(mask=range(240)) if kind == "efg" else load("shielding", "29Si")
    species = sorted({s for atoms in data.structures for s in atoms.get_chemical_symbols()})
    parts = [EquivariantSOAP(species, lam=2, **SETTING)]
    if kind == "ms":
        parts.append(EquivariantSOAP(species, lam=1, parity=-1, **SETTING))
    return validate_tensor(data, SphericalBesselSOAP(species, **SETTING), parts, EquivariantLSSVR(n_landmarks=20),
                           LSSVR(n_landmarks=30), n_splits=3)


@pytest.fixture(scope="module", params=["efg", "ms"])
def found(request: pytest.FixtureRequest) -> TensorValidation:
    return validation(request.param)


def read(path: Path) -> dict[str, np.ndarray]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def test_rows_are_those_of_the_validation(found: TensorValidation, tmp_path: Path) -> None:
    write_tensor_rows(tmp_path / "rows.csv", found)
    rows = read(tmp_path / "rows.csv")
    assert len(rows["fold"]) == len(found.dataset)
    known, guess = rows[f"{found.kind}_xy"].astype(float), rows[f"{found.kind}_xy_predicted"].astype(float)
    np.testing.assert_allclose(known, found.y[:, 0, 1], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(guess, found.prediction[:, 0, 1], rtol=1e-9, atol=1e-12)
    for name in ("C_Q", "eta") if found.kind == "efg" else ("sigma_iso", "span"):
        error = rows[f"{name}_predicted"].astype(float) - rows[name].astype(float)
        assert np.abs(error).mean() == pytest.approx(found.errors()[name]["MAE"], rel=1e-6)
        held = (np.abs(error) <= rows[f"{name}_half90"].astype(float) * (1 + 1e-9)).mean()
        assert held == pytest.approx(found.coverage()[name]["rows"], abs=2.1 / len(error))
        assert 0.8 < held < 0.97
    assert (rows["axis_z_error"].astype(float) <= np.pi / 2 + 1e-9).all()


def test_the_page_holds_what_the_validation_says(found: TensorValidation, tmp_path: Path) -> None:
    kinds = np.where(np.arange(len(found.dataset)) % 2 == 0, "even", "odd")
    page = tmp_path / "report.html"
    written = write_tensor_report(page, TensorReport(found, kinds, {"cutoff": 3.5}, "A <title>"))
    text = page.read_text()
    assert written[-1] == page and all(path.stat().st_size > 0 for path in written)
    assert "A &lt;title&gt;" in text and "cutoff = 3.5" in text
    assert text.count("<figure") == len(written) // 2 - 1 == text.count("data:image/")
    assert f"{found.errors()['element']['MAE']:.4g}" in text
    assert f"{found.errors(kinds == 'odd')['element']['MAE']:.4g}" in text
    assert f"{100 * found.coverage()[f'{found.kind}_ij']['rows']:.1f} %" in text
    worst = int(np.argmax(np.abs(found.prediction - found.y).mean(axis=(1, 2))))
    name = found.dataset.structures[found.dataset.structure[worst]].info.get("name", found.dataset.structure[worst])
    assert f"<td>{name}</td>" in text.split("Worst cases")[1].split("</tr>")[1]
    for outside in ("http:", "https:", "src=\"/", "<script"):
        assert outside not in text.split("</style>")[1].replace("http://www.w3.org", "")


def test_parity_is_drawn_of_each_value_and_of_the_elements(found: TensorValidation) -> None:
    figures = tensor_parity(found)
    assert set(figures) == set(found.errors())
    legend = figures["element"].axes[0].get_legend()
    assert {text.get_text() for text in legend.get_texts()} == {"diagonal", "off the diagonal"}


def test_errors_of_some_rows_are_those_of_these_rows(found: TensorValidation) -> None:
    mask = np.arange(len(found.dataset)) < 40
    off = np.abs(found.prediction[mask] - found.y[mask])
    assert found.errors(mask)["element"]["MAE"] == pytest.approx(off.mean(), rel=1e-12)
    assert found.errors(mask)["element"]["n"] == 40


def test_the_page_is_html(found: TensorValidation, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"written as \.html"):
        write_tensor_report(tmp_path / "report.txt", TensorReport(found))
    assert not list(tmp_path.iterdir())


def cli(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(word) for word in words])
    return done.exit_code, done.output


def subset() -> Dataset:
    return load("efg-17O").select(mask=range(200))


def test_the_command_writes_the_page_and_the_rows(tmp_path: Path) -> None:
    subset().write(tmp_path / "set.extxyz")
    options = ["--isotope", "17O", "--target", "tensor", "--cutoff", 3.5, "--n-max", 3, "--l-max", 2, "--folds", 3,
               "--landmarks", 15, "--kappa", 0.1, "--lambda", 1e-3, "--by", "site"]
    status, told = cli("validate", tmp_path / "set.extxyz", *options, "-o", tmp_path / "page.html",
                       "-o", tmp_path / "rows.csv")
    assert status == 0, told
    assert "90 % intervals hold" in told and "site BO" in told
    assert (tmp_path / "page-C_Q.svg").exists() and (tmp_path / "page-intervals-eta.png").exists()
    assert "kappa = 0.1" in (tmp_path / "page.html").read_text()
    assert len(read(tmp_path / "rows.csv")["label"]) == 200
    status, told = cli("validate", tmp_path / "set.extxyz", *options, "--curve", "landmarks")
    assert status == 2 and "--curve is of scalars" in told


def test_descriptors_are_not_compared_on_tensors(tmp_path: Path) -> None:
    subset().write(tmp_path / "set.extxyz")
    status, told = cli("compare", tmp_path / "set.extxyz", "--isotope", "17O", "--target", "tensor")
    assert status == 2 and "compares scalars" in told and "validate" in told and "Traceback" not in told, told
