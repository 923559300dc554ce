# SPDX-License-Identifier: BSD-3-Clause
"""Uncertainty of tensors: deviations against draws, intervals on groups left out, in predictions and files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassnmr.data.reference import load
from glassnmr.descriptors import EquivariantSOAP, SphericalBesselSOAP
from glassnmr.io import read_predictions, write_predictions
from glassnmr.learning import LSSVR
from glassnmr.structure import as_structure
from glassnmr.tensor_errors import derived_deviations, derived_errors
from glassnmr.tensor_learning import EquivariantLSSVR
from glassnmr.tensor_model import TensorModel, cartesian, derived_values
from glassnmr.tensor_training import TensorValidation, train_tensor, validate_tensor
from glassnmr.tensors import haeberlen_principal_values, rotation_matrix

SETTING = {"cutoff": 3.5, "n_max": 3, "l_max": 2}
OWN = {"ms": ("sigma_iso", "span", "skew", "zeta", "eta_csa", "axis_x", "axis_z", "ms_ii", "ms_ij"),
       "efg": ("V_zz", "C_Q", "abs_C_Q", "eta", "axis_x", "axis_z", "efg_ii", "efg_ij")}


@pytest.fixture(scope="module", params=["efg", "ms"])
def trained(request: pytest.FixtureRequest) -> tuple[TensorValidation, TensorModel]:
    kind = request.param
    data = load("efg-17O").select(mask=range(400)) if kind == "efg" else load("shielding", "29Si")
    species = sorted({s for atoms in data.structures for s in atoms.get_chemical_symbols()})
    soap, parts = SphericalBesselSOAP(species, **SETTING), [EquivariantSOAP(species, lam=2, **SETTING)]
    if kind == "ms":
        parts.append(EquivariantSOAP(species, lam=1, parity=-1, **SETTING))
    regressor, isotropic = EquivariantLSSVR(n_landmarks=25), LSSVR(n_landmarks=30)
    found = validate_tensor(data, soap, parts, regressor, isotropic)
    return found, train_tensor(found, soap, parts, regressor, isotropic,
                               reference=(300.0, -0.9) if kind == "ms" else None)


@pytest.mark.parametrize("kind", ["ms", "efg"])
def test_small_errors_of_parts_have_the_deviations_that_draws_have(kind: str) -> None:
    rng = np.random.default_rng(2)
    turn = rotation_matrix(0.4, 1.0, 2.0)
    iso = 80.0 if kind == "ms" else 0.0
    known = turn @ np.diag(haeberlen_principal_values(iso, 1.5, 0.45)) @ turn.T
    parts = np.array([0.02 if kind == "ms" else 0.0, 0.015 if kind == "ms" else 0.0, 0.01])
    n = 40_000
    drawn = known + parts[0] * rng.normal(size=n)[:, None, None] * np.eye(3)
    drawn = drawn + cartesian(parts[1] * rng.normal(size=(n, 3)), 1) + cartesian(parts[2] * rng.normal(size=(n, 5)), 2)
    errors = derived_errors(np.broadcast_to(known, drawn.shape), drawn, kind, "17O")
    deviations = derived_deviations(known[None], kind, "17O", parts[None])
    assert set(errors) == set(deviations) == set(OWN[kind])
    for name, error in errors.items():
        seen = float(np.sqrt((error**2).mean()))
        assert deviations[name][0] == pytest.approx(seen, rel=0.05), name


def test_where_zz_may_be_the_other_value_its_deviation_says_so() -> None:
    rng = np.random.default_rng(3)
    known = np.diag(haeberlen_principal_values(0.0, 1.0, 0.97))
    for two in (0.003, 0.03):
        drawn = known + cartesian(two * rng.normal(size=(20_000, 5)), 2)
        seen = np.sqrt((derived_errors(np.broadcast_to(known, drawn.shape), drawn, "efg", "17O")["C_Q"] ** 2).mean())
        found = derived_deviations(known[None], "efg", "17O", [[0.0, 0.0, two]])
        assert found["C_Q"][0] == pytest.approx(seen, rel=0.15)
    assert found["abs_C_Q"][0] < 0.1 * found["C_Q"][0]  # the size is known, the sign is not


def test_intervals_hold_what_they_promise_on_groups_left_out(trained: tuple) -> None:
    found, model = trained
    held = found.coverage()
    assert set(held) == set(OWN[found.kind])
    for name, one in held.items():
        assert 0.87 <= one["rows"] <= 0.93, name
        assert 0 < one["half width"] < np.inf
    assert model.provenance["validation"]["coverage of 90 % intervals"] == held
    names, intervals = model.intervals
    assert set(names) == set(OWN[found.kind])
    assert (np.diff(intervals.factors, axis=1) > 0).all()  # wider for more


def test_predictions_carry_the_deviations_of_the_model(trained: tuple) -> None:
    found, model = trained
    atoms = found.dataset.structures[0]
    values = model.predict_frame(atoms).values
    for name in OWN[found.kind]:
        assert (values[f"half90_{name}"] >= values[f"std_{name}"]).all() and (values[f"std_{name}"] > 0).all(), name
    if found.kind == "ms":
        np.testing.assert_allclose(values["half90_delta_iso"], 0.9 * values["half90_sigma_iso"], rtol=1e-12)
    plain = model.predict_frame(atoms, errors=False).values
    assert not [name for name in plain if name.startswith(("std_", "half90_", "unlike_"))]
    assert all(np.array_equal(plain[name], values[name]) for name in plain)


def test_the_core_gives_the_half_widths_that_python_does(trained: tuple) -> None:
    found, model = trained
    atoms = found.dataset.structures[3]
    s = as_structure(atoms, model.descriptor.species)
    centres = np.flatnonzero(atoms.numbers == {"ms": 14, "efg": 8}[found.kind])
    arrays = (s.positions, s.cell, s.pbc.tolist(), model.descriptor._channel[s.numbers], centres)
    tensors, novelty = model._core.predict_with_novelty(*arrays)
    elements, derived = model._core.half_widths(0.9, tensors.reshape(-1, 9), novelty)
    values = model.predict_frame(atoms).values
    for k, name in enumerate(model.derived):
        np.testing.assert_allclose(derived[:, k], values[f"half90_{name}"], rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(elements[:, 0], values[f"half90_{found.kind}_ii"], rtol=1e-9)
    np.testing.assert_allclose(elements[:, 1], values[f"half90_{found.kind}_ij"], rtol=1e-9)


def test_environments_unlike_the_training_set_are_flagged(trained: tuple) -> None:
    found, model = trained
    flag = f"unlike_{found.kind}"
    seen = np.concatenate([model.predict_frame(atoms).values[flag] for atoms in found.dataset.structures[:20]])
    assert seen.mean() < 0.1
    atoms = found.dataset.structures[0].copy()
    atoms.set_cell(atoms.cell.array * 0.8)
    atoms.positions *= 0.8
    squeezed = model.predict_frame(atoms).values
    assert squeezed[flag].mean() > 0.9
    before = model.predict_frame(found.dataset.structures[0]).values
    assert (squeezed[f"half90_{found.kind}_ij"] > before[f"half90_{found.kind}_ij"]).all()


@pytest.mark.parametrize("suffix", [".csv", ".extxyz", ".h5", ".parquet"])
def test_files_hold_every_value_with_its_uncertainty(trained: tuple, suffix: str, tmp_path: Path) -> None:
    found, model = trained
    if suffix in (".h5", ".parquet"):
        pytest.importorskip({".h5": "h5py", ".parquet": "pyarrow"}[suffix])
    frames = found.dataset.structures[:2]
    predictions = [model.predict_frame(atoms, frame=k) for k, atoms in enumerate(frames)]
    write_predictions(tmp_path / f"p{suffix}", frames, predictions)
    columns = read_predictions(tmp_path / f"p{suffix}")
    wanted = {name for own in OWN[found.kind] for name in (f"std_{own}", f"half90_{own}")}
    wanted |= {f"unlike_{found.kind}", "alpha", "beta", "gamma"}
    assert wanted | set(derived_values(np.eye(3)[None], found.kind, model.isotope)) <= set(columns)
    known = {name: np.concatenate([one.values[name] for one in predictions]) for name in predictions[0].values}
    for name, column in known.items():
        read = np.asarray(columns[name], dtype=float)
        np.testing.assert_allclose(read[np.isfinite(read)], column, rtol=1e-6, atol=1e-9, err_msg=name)


def test_a_model_file_keeps_the_intervals(trained: tuple, tmp_path: Path) -> None:
    found, model = trained
    model.save(tmp_path / "m.gnmr")
    again = TensorModel.load(tmp_path / "m.gnmr")
    atoms = found.dataset.structures[1]
    one, other = model.predict_frame(atoms).values, again.predict_frame(atoms).values
    assert list(one) == list(other) and all(np.array_equal(one[name], other[name]) for name in one)
