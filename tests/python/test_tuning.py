# SPDX-License-Identifier: BSD-3-Clause
"""The search for parameters: against trials done by hand, taken up after a kill, blind to the rows it is judged by."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from glassnmr import LSSVR, GroupedKFold, SphericalBesselSOAP
from glassnmr.cli import main
from glassnmr.data import reference
from glassnmr.model import training_rows
from glassnmr.tuning import Features, nested_tune, tune, write_trials
from glassnmr.validation import choose_parameters

SPACE = {"cutoff": [3.5, 4.0, 4.5], "n_max": [2, 3, 4], "two_body": [1.0, 5.0]}
GRID = {"kappas": [1 / 64, 1 / 16], "lams": [1e-6, 1e-4, 1e-2]}


class Build:
    """Makes descriptor and regressor, counts, and fails when it is told to."""

    def __init__(self, fail_after: int | None = None) -> None:
        self.calls, self.fail_after = 0, fail_after

    def __call__(self, p):
        self.calls += 1
        if self.fail_after is not None and self.calls > self.fail_after:
            raise KeyboardInterrupt
        soap = SphericalBesselSOAP(["O", "Si", "Na"], p["cutoff"], n_max=p["n_max"], l_max=2, sigma=0.3,
                                   weights=(p["two_body"], 1.0))
        return soap, LSSVR(n_landmarks=40)


@pytest.fixture(scope="module")
def data():
    return reference.load("shielding", "29Si")


@pytest.fixture(scope="module")
def whole(data):
    return tune(data, Build(), SPACE, **GRID)


def test_each_error_is_that_of_the_descriptor_and_regressor_by_hand(data, whole) -> None:
    for trial in whole.trials[:4]:
        soap, regressor = Build()(trial.parameters)
        kappa, lam, choices = choose_parameters(regressor, training_rows(data, soap), data.target("sigma_iso"),
                                                data.group, **GRID)
        assert trial.error == pytest.approx(min(c.error for c in choices), rel=1e-6)
        assert trial.lam == lam and trial.kappa == pytest.approx(kappa, rel=1e-9)
    assert whole.best.error == min(trial.error for trial in whole.trials)


def test_no_single_step_is_better_than_the_best(data, whole) -> None:
    build, y = Build(), data.target("sigma_iso")
    for name, values in SPACE.items():
        place = values.index(whole.best.parameters[name])
        for near in values[max(0, place - 1):place + 2]:
            soap, regressor = build({**whole.best.parameters, name: near})
            choices = choose_parameters(regressor, training_rows(data, soap), y, data.group, **GRID)[2]
            assert min(c.error for c in choices) >= whole.best.error * (1 - 1e-6)


def test_rows_cut_from_larger_ones_have_the_dot_products_of_their_own(data) -> None:
    features = Features(data, {"n_max": [2, 5], "l_max": [1, 4]}, 1)
    for n_max, l_max, weight in ((2, 1, 1.0), (3, 4, 7.0), (5, 2, 0.2)):
        soap = SphericalBesselSOAP(["O", "Si", "Na"], 4.0, n_max=n_max, l_max=l_max, weights=(weight, 1.0))
        cut, own = features.rows(soap), training_rows(data, soap)
        assert cut.shape == own.shape
        np.testing.assert_allclose(cut @ cut.T, own @ own.T, rtol=1e-10, atol=1e-12)
    assert len(features.held) == 1
    for other in ({"normalise": True}, {"basis": "kocer"}, {"compression": "crossover"}):
        soap = SphericalBesselSOAP(["O", "Si", "Na"], 4.0, n_max=3, l_max=2, **other)
        np.testing.assert_array_equal(features.rows(soap), training_rows(data, soap))


def test_a_killed_search_goes_on_where_it_was(data, whole, tmp_path: Path) -> None:
    journal = tmp_path / "j"
    with pytest.raises(KeyboardInterrupt):
        tune(data, Build(fail_after=5), SPACE, journal=journal, **GRID)
    done = len(journal.read_text().splitlines()) - 1
    assert done == 4  # one call makes the header
    with open(journal, "a") as file:
        file.write('{"fold": -1, "parameters": {"cut')  # a kill in the middle of a line
    build = Build()
    again = tune(data, build, SPACE, journal=journal, **GRID)
    assert build.calls == 1 + len(whole.trials) - done
    assert [t.parameters for t in again.trials] == [t.parameters for t in whole.trials]
    assert [t.error for t in again.trials] == [t.error for t in whole.trials]
    assert again.best.choices == whole.best.choices
    build = Build()
    assert tune(data, build, SPACE, journal=journal, **GRID).best == again.best and build.calls == 1
    assert all(json.loads(line) for line in journal.read_text().splitlines())


def test_a_journal_of_something_else_is_refused(data, tmp_path: Path) -> None:
    journal = tmp_path / "j"
    tune(data, Build(), {**SPACE, "cutoff": [4.0]}, journal=journal, n_trials=1, **GRID)
    with pytest.raises(ValueError, match="another search, with other space"):
        tune(data, Build(), SPACE, journal=journal, **GRID)
    moved = replace(data, scalars=data.scalars, tensors={"ms": data.tensors["ms"] + 1})
    with pytest.raises(ValueError, match="another search, with other data"):
        tune(moved, Build(), {**SPACE, "cutoff": [4.0]}, journal=journal, **GRID)
    for text in ("nonsense\n", "[1]\n", '{"format": "x"}\n'):
        journal.write_text(text)
        with pytest.raises(ValueError, match="is not the journal of a search"):
            tune(data, Build(), SPACE, journal=journal, **GRID)


def test_the_search_of_a_fold_does_not_see_the_rows_it_is_judged_by(data) -> None:
    settings = {"n_splits": 3, "n_trials": 6, **GRID}
    found, searches = nested_tune(data, Build(), SPACE, **settings)
    test = found.result.fold == 0
    tensors = data.tensors["ms"].copy()
    tensors[test] += 50 * np.eye(3)
    changed, other = nested_tune(replace(data, tensors={"ms": tensors}), Build(), SPACE, **settings)
    assert [t.error for t in other[0].trials] == [t.error for t in searches[0].trials]
    np.testing.assert_array_equal(changed.result.prediction[test], found.result.prediction[test])
    assert [t.error for t in other[1].trials] != [t.error for t in searches[1].trials]
    for k in range(3):
        assert not set(data.group[found.result.fold == k]) & set(data.group[found.result.fold != k])


def test_predictions_of_a_fold_are_those_of_its_winner_refitted(data) -> None:
    found, searches = nested_tune(data, Build(), SPACE, n_splits=3, n_trials=4, **GRID)
    y = data.target("sigma_iso")
    for k, (train, test) in enumerate(GroupedKFold(3).split(y, groups=data.group)):
        best = searches[k].best
        soap, _ = Build()(best.parameters)
        rows = training_rows(data, soap)
        model = LSSVR(n_landmarks=40, kappa=best.kappa, lam=best.lam).fit(rows[train], y[train])
        np.testing.assert_allclose(found.result.prediction[test], model.predict(rows[test]), rtol=1e-6)
    coverage = found.coverage("sigma_iso")
    assert coverage is not None and 0.8 < coverage["rows"] < 1


def test_the_table_holds_every_trial(whole, tmp_path: Path) -> None:
    write_trials(tmp_path / "t.csv", {"all": whole})
    with open(tmp_path / "t.csv") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["error"]) for row in rows] == pytest.approx([t.error for t in whole.trials], rel=1e-5)
    assert sum(int(row["best"]) for row in rows) == 1
    assert [float(row["cutoff"]) for row in rows] == [t.parameters["cutoff"] for t in whole.trials]


@pytest.mark.parametrize(("space", "message"), [
    ({}, "at least one parameter"), ({"cutoff": []}, "cutoff: the values to search must be finite"),
    ({"cutoff": [np.nan]}, "cutoff: the values to search must be finite"),
    ({"cutoff": ["x"]}, "cutoff: the values to search must be numbers"),
])
def test_a_space_without_meaning_is_refused(data, space, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tune(data, Build(), space)
    with pytest.raises(ValueError, match="n_trials must be"):
        tune(data, Build(), SPACE, n_trials=0)


COMMAND = ["tune", "--reference-data", "shielding", "--isotope", "29Si", "--mixing", "none", "--landmarks", "40",
           "--folds", "3", "--search", "cutoff=3.5,4", "--search", "n-max=2,3", "--l-max", "2", "--trials", "4"]


def test_the_command_writes_options_that_train_takes(tmp_path: Path) -> None:
    out = [str(tmp_path / name) for name in ("b.toml", "t.csv", "m.svg", "r.html")]
    done = CliRunner().invoke(main, [*COMMAND, "--nested", "--journal", str(tmp_path / "j"),
                                     *(word for path in out for word in ("-o", path))])
    assert done.exit_code == 0, done.output
    assert all(Path(path).stat().st_size > 0 for path in out) and (tmp_path / "j.nested").exists()
    assert "searched without" in done.output
    with open(out[1]) as file:
        rows = list(csv.DictReader(file))
    assert {row["rows"] for row in rows} == {"all", "fold 1", "fold 2", "fold 3"}
    best = next(row for row in rows if row["rows"] == "all" and row["best"] == "1")
    text = Path(out[0]).read_text()
    assert f"cutoff = {float(best['cutoff'])}" in text and f"n-max = {best['n_max']}" in text
    again = CliRunner().invoke(main, ["train", "--config", out[0], "-o", str(tmp_path / "m.gnmr")])
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize(("words", "message"), [
    (["--search", "colour=1"], "'colour' is none of"), (["--search", "cutoff=a"], "must look like cutoff=5,6,7"),
    (["--search", "n-max=2.5"], "takes whole numbers"), (["--search", "cutoff=-1"], "cutoff"),
    (["--search", "sigma=1", "--search", "sigma=2"], "twice"), (["-o", "x.html"], "give --nested"),
    (["-o", "x.docx"], "a search is written as"), (["--journal", "no/such/j"], "there is no folder"),
    (["--search", "cutoff=nan"], "cutoff"), (["--search", "n-max=inf"], "n_max"),
])
def test_nonsense_ends_in_one_line(words: list[str], message: str) -> None:
    done = CliRunner().invoke(main, ["tune", "--reference-data", "shielding", "--isotope", "29Si", *words])
    assert done.exit_code == 2
    assert message in done.output and "Traceback" not in done.output


def test_a_run_is_repeated_to_the_bit_from_the_options_that_train_wrote(data, tmp_path: Path) -> None:
    data.write(tmp_path / "set.extxyz")
    words = ["--isotope", "29Si", "--cutoff", "3.5", "--n-max", "2", "--l-max", "2", "--landmarks", "30"]
    first = CliRunner().invoke(main, ["train", str(tmp_path / "set.extxyz"), *words, "--write-config",
                                      str(tmp_path / "c.toml"), "-o", str(tmp_path / "a.gnmr")])
    assert first.exit_code == 0, first.output
    again = CliRunner().invoke(main, ["train", "--config", str(tmp_path / "c.toml"), "-o", str(tmp_path / "b.gnmr")])
    assert again.exit_code == 0, again.output
    assert (tmp_path / "a.gnmr").read_bytes() == (tmp_path / "b.gnmr").read_bytes()
