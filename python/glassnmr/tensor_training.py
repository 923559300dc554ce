# SPDX-License-Identifier: BSD-3-Clause
"""The way from a table of tensors to a tensor model and its honest error (THEORY.md section 9.1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnmr import _core
from glassnmr.choices import chosen_parameters
from glassnmr.descriptors import Descriptor, EquivariantSOAP
from glassnmr.folds import GroupedKFold, group_numbers
from glassnmr.learning import LSSVR
from glassnmr.model import NMRModel, training_rows
from glassnmr.table import Dataset
from glassnmr.tensor_errors import calibrate_tensor, derived_deviations, derived_errors, tensor_coverage
from glassnmr.tensor_learning import Environments, EquivariantLSSVR, leave_out_errors
from glassnmr.tensor_model import TensorModel, cartesian, derived_values, spherical
from glassnmr.uncertainty import Intervals
from glassnmr.validation import CrossValidation, choose_parameters, cross_validate, metrics
from glassnmr.version import __version__

__all__ = ["TensorValidation", "fit_tensor_model", "tensor_kind", "train_tensor", "validate_tensor"]

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]

KAPPAS = (1 / 16, 1 / 4, 1.0)
"""Factors of the parts' "auto" kappa that are tried."""
LAMS = tuple(10.0**k for k in range(-5, 1))


def tensor_kind(dataset: Dataset) -> str:
    """ "ms" or "efg": the tensor that a dataset holds in every row; ValueError where there is none."""
    for kind in ("ms", "efg"):
        if kind in dataset.tensors and dataset.has(kind).all():
            return kind
    raise ValueError("the dataset has no tensor ms or efg in every row")


@dataclass(frozen=True, eq=False)
class TensorValidation:
    """Tensors of every row by models that never saw its group."""

    dataset: Dataset
    kind: str
    y: Floats
    """(R, 3, 3) known; symmetric where the antisymmetric part is not learnt"""
    prediction: Floats
    """(R, 3, 3)"""
    fold: NDArray[np.int64]
    chosen: tuple[Mapping[int, tuple[float, float]], ...]
    """for each fold and lam the kappa and ridge chosen inside"""
    environments: Mapping[int, Environments]
    """invariants and equivariants of the rows, for each lam of the parts"""
    deviation: Floats
    """(R, 3) of the isotropic value and of a component of lam 1 and 2 (0 for what is not learnt), eq. (9.31)"""
    novelty: Floats
    """(R,) eq. (9.30)"""
    seed: int = 0
    """of the folds"""

    def errors(self, mask: NDArray[np.bool_] | None = None) -> dict[str, dict[str, float]]:
        """MAE, RMSE, median, max, R2 and n of the tensor elements and of derived values; of some rows by `mask` (R,).

        R2 of the elements is that of their parts beside the mean isotropic value.
        """
        y, prediction = (self.y, self.prediction) if mask is None else (self.y[mask], self.prediction[mask])
        table = {"element": metrics(y.reshape(len(y), 9), prediction.reshape(len(y), 9))}
        isotope = str(self.dataset.isotope[0])
        known, guess = (derived_values(t, self.kind, isotope) for t in (y, prediction))
        return table | {name: metrics(known[name], guess[name]) for name in known if name not in _ANGLES}

    def derived(self) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Errors and deviations by the names of `glassnmr.tensor_errors.derived_deviations`."""
        isotope = str(self.dataset.isotope[0])
        return (derived_errors(self.y, self.prediction, self.kind, isotope),
                derived_deviations(self.prediction, self.kind, isotope, self.deviation))

    def coverage(self, level: float = 0.9) -> dict[str, dict[str, float]]:
        """By name the share of left-out rows, and the mean share within groups, that lie in intervals calibrated on the
        other folds, and the mean half width of these."""
        group = group_numbers(self.dataset.group, len(self.dataset))
        return tensor_coverage(*self.derived(), self.fold, group, level)


_ANGLES = ("alpha", "beta", "gamma")


def _rows(dataset: Dataset, descriptor: Descriptor, parts: Sequence[EquivariantSOAP], kind: str, n_threads: int
          ) -> dict[int, Floats]:
    """Invariants and equivariants of the rows; refuses parts that the tensor does not have."""
    allowed = {"ms": ((2, 1), (1, -1)), "efg": ((2, 1),)}[kind]
    seen = [(part.lam, part.parity) for part in parts]
    if (2, 1) not in seen or len(set(seen)) != len(seen) or set(seen) - set(allowed):
        raise ValueError(f"the parts of {kind} are of (lam, parity) among {allowed}, with (2, 1); got {seen}")
    if any(part.species != descriptor.species for part in parts):
        raise ValueError("equivariants and descriptor must have the same species in the same order")
    rows = {0: training_rows(dataset, descriptor, n_threads=n_threads)}
    for part in parts:
        rows[part.lam] = training_rows(dataset, part, n_threads=n_threads).reshape(
            len(dataset), part.n_components, part.n_equivariants)
    return rows


def _chosen(estimator: EquivariantLSSVR, environments: Environments, rows: NDArray[np.int64], y: Floats,
            group: NDArray[np.int64], kappas: Sequence[float], lams: Sequence[float]) -> tuple[float, float]:
    """kappa and ridge with the least error of groups left out."""
    factors = kappas if estimator.kernel == "gaussian" else (1.0,)
    tried = [estimator.kappa_of(environments.X[rows]) * factor for factor in factors]
    grid = np.asarray(lams, dtype=np.float64)
    error = leave_out_errors(estimator, environments, rows, y, group, tried, grid)
    k, i = np.unravel_index(int(np.argmin(error)), error.shape)
    return float(tried[k]), float(grid[i])


def _with(estimator: EquivariantLSSVR, kappa: float, lam: float) -> EquivariantLSSVR:
    return EquivariantLSSVR(**{**estimator.get_params(), "kappa": kappa, "lam": lam})


def validate_tensor(dataset: Dataset, descriptor: Descriptor, parts: Sequence[EquivariantSOAP],
                    regressor: EquivariantLSSVR | None = None, isotropic: LSSVR | None = None, *,
                    kappas: Sequence[float] = KAPPAS, lams: Sequence[float] = LAMS, n_splits: int = 5, seed: int = 0,
                    progress: Progress | None = None, n_threads: int = 0) -> TensorValidation:
    """Nested cross validation of whole tensors in the groups of a dataset.

    Every row is predicted by models that never saw its group; kappa and ridge of each part are chosen on the training
    part of the fold alone, by leaving out its groups in closed form.

    Parameters
    ----------
    dataset : rows of one isotope with "ms" or "efg" tensors
    descriptor : of the invariants, for the kernel and the isotropic part
    parts : equivariants of (lam, parity) (2, +1) and, for shieldings if the antisymmetric part is wanted, (1, -1)
    regressor : of the parts;  isotropic : of the isotropic shielding
    kappas : factors of the regressor's kappa that are tried;  lams : ridges

    Raises
    ------
    ValueError
        No tensors, other parts, or fewer groups than folds and one.
    """
    kind = tensor_kind(dataset)
    regressor = EquivariantLSSVR() if regressor is None else regressor
    rows = _rows(dataset, descriptor, parts, kind, n_threads)
    tensor, n = dataset.tensors[kind], len(dataset)
    group = group_numbers(dataset.group, n)
    if len(np.unique(group)) <= n_splits:
        raise ValueError(f"choosing parameters inside {n_splits} folds needs more groups than folds, "
                         f"got {len(np.unique(group))}")
    fold = GroupedKFold(n_splits, seed).folds(n, group)
    held = {part.lam: Environments(rows[0], rows[part.lam]) for part in parts}
    known, guess, spread, novelty = np.zeros((n, 3, 3)), np.zeros((n, 3, 3)), np.zeros((n, 3)), np.zeros(n)
    if kind == "ms":
        sigma = spherical(tensor, 0)[:, 0] / np.sqrt(3)
        found = cross_validate(LSSVR() if isotropic is None else isotropic, rows[0], sigma, group, n_splits=n_splits,
                               seed=seed, batches=dataset.structure, progress=progress)
        known += sigma[:, None, None] * np.eye(3)
        guess += found.prediction[:, None, None] * np.eye(3)
        spread[:, 0] = _noise(found)
    chosen: list[dict[int, tuple[float, float]]] = [{} for _ in range(n_splits)]
    for part in parts:
        y = spherical(tensor, part.lam)
        for k in range(n_splits):
            train = np.flatnonzero(fold != k)
            chosen[k][part.lam] = _chosen(regressor, held[part.lam], train, y[train], group[train], kappas, lams)
            if progress is not None:
                progress(k + 1, n_splits, f"fold {k + 1} of {n_splits}, lam {part.lam}")
        left = _left_out(regressor, held[part.lam], y, group, fold, [one[part.lam] for one in chosen])
        known, guess = known + cartesian(y, part.lam), guess + cartesian(left.prediction, part.lam)
        spread[:, part.lam] = left.noise
        novelty = left.novelty if part.lam == 2 else novelty
    return TensorValidation(dataset, kind, known, guess, fold, tuple(chosen), held,
                            np.sqrt(1 + novelty)[:, None] * spread, novelty, seed)


@dataclass(frozen=True, eq=False)
class _LeftOut:
    """What models say of the rows of folds that they never saw."""

    prediction: Floats
    noise: Floats
    novelty: Floats


def _left_out(regressor: EquivariantLSSVR, environments: Environments, y: Floats, group: NDArray[np.int64],
              fold: NDArray[np.int64], parameters: Sequence[tuple[float, float]]) -> _LeftOut:
    """Every row by the model of the other folds, with the kappa and ridge of its fold."""
    found = _LeftOut(np.empty_like(y), np.empty(len(y)), np.empty(len(y)))
    for k, (kappa, lam) in enumerate(parameters):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        model = _with(regressor, kappa, lam).fit_rows(environments, train, y[train], group[train])
        found.prediction[test], found.novelty[test] = model.predict_with_novelty(environments.X[test],
                                                                                 environments.P[test])
        found.noise[test] = model.noise_
    return found


def _noise(found: CrossValidation) -> Floats:
    """(R,) deviation of the noise of the model of each row's fold."""
    assert found.deviation is not None and found.novelty is not None
    return found.deviation / np.sqrt(1 + found.novelty)


def train_tensor(validation: TensorValidation, descriptor: Descriptor, parts: Sequence[EquivariantSOAP],
                 regressor: EquivariantLSSVR | None = None, isotropic: LSSVR | None = None, *,
                 kappas: Sequence[float] = KAPPAS, lams: Sequence[float] = LAMS,
                 reference: tuple[float, float] | None = None, provenance: Mapping[str, Any] | None = None
                 ) -> TensorModel:
    """A model of all rows of a validation; parameters are chosen as in its folds, its errors go into the file.

    Examples
    --------
    >>> from glassnmr.data.reference import load
    >>> from glassnmr.descriptors import SphericalBesselSOAP
    >>> data = load("efg-17O").select(mask=range(150))
    >>> setting = {"cutoff": 3.5, "n_max": 3, "l_max": 2}
    >>> species = sorted({s for atoms in data.structures for s in atoms.get_chemical_symbols()})
    >>> soap, parts = SphericalBesselSOAP(species, **setting), [EquivariantSOAP(species, lam=2, **setting)]
    >>> regressor = EquivariantLSSVR(n_landmarks=20)
    >>> found = validate_tensor(data, soap, parts, regressor, n_splits=3)
    >>> model = train_tensor(found, soap, parts, regressor)
    >>> tensors = model.tensors(data.structures[0])
    >>> tensors.shape[1:], bool(abs(np.trace(tensors, axis1=1, axis2=2)).max() < 1e-12)
    ((3, 3), True)
    """
    regressor = EquivariantLSSVR() if regressor is None else regressor
    data, held = validation.dataset, validation.environments
    group = group_numbers(data.group, len(data))
    best = {part.lam: _chosen(regressor, held[part.lam], np.arange(len(data)),
                              spherical(data.tensors[validation.kind], part.lam), group, kappas, lams)
            for part in parts}
    told = {"validation": {"kind": f"nested cross validation, {len(validation.chosen)} folds by group",
                           **validation.errors(), "coverage of 90 % intervals": validation.coverage()}}
    scalar = LSSVR() if isotropic is None else isotropic
    rows = {0: held[2].X, **{lam: one.P for lam, one in held.items()}}
    if validation.kind == "ms":
        sigma = spherical(data.tensors["ms"], 0)[:, 0] / np.sqrt(3)
        choices = choose_parameters(scalar, rows[0], sigma, data.group, batches=data.structure)[2]
        scalar = LSSVR(**{**scalar.get_params(), **chosen_parameters(choices)})
    model = fit_tensor_model(data, descriptor, parts, {lam: _with(regressor, *best[lam]) for lam in best}, scalar,
                             features=rows, reference=reference, provenance={**told, **(provenance or {})})
    return model.with_intervals(*_final_intervals(validation, regressor, scalar, best))


def _final_intervals(validation: TensorValidation, regressor: EquivariantLSSVR, scalar: LSSVR,
                     best: Mapping[int, tuple[float, float]]) -> tuple[tuple[str, ...], Intervals]:
    """Intervals for a model with these kappas and ridges, from the folds of the validation."""
    data, n_splits, kind = validation.dataset, len(validation.chosen), validation.kind
    group, tensor = group_numbers(data.group, len(data)), data.tensors[kind]
    guess, spread, novelty = np.zeros((len(data), 3, 3)), np.zeros((len(data), 3)), np.zeros(len(data))
    if kind == "ms":
        sigma = spherical(tensor, 0)[:, 0] / np.sqrt(3)
        found = cross_validate(scalar, validation.environments[2].X, sigma, group, kappas=[1.0], lams=[scalar.lam],
                               n_splits=n_splits, seed=validation.seed, batches=data.structure)
        guess += found.prediction[:, None, None] * np.eye(3)
        spread[:, 0] = _noise(found)
    for lam, parameters in best.items():
        left = _left_out(regressor, validation.environments[lam], spherical(tensor, lam), group, validation.fold,
                         [parameters] * n_splits)
        guess += cartesian(left.prediction, lam)
        spread[:, lam] = left.noise
        novelty = left.novelty if lam == 2 else novelty
    again = replace(validation, prediction=guess, novelty=novelty, deviation=np.sqrt(1 + novelty)[:, None] * spread)
    return calibrate_tensor(*again.derived(), novelty)


def fit_tensor_model(dataset: Dataset, descriptor: Descriptor, parts: Sequence[EquivariantSOAP],
                     regressors: Mapping[int, EquivariantLSSVR], isotropic: LSSVR | None = None, *,
                     features: Mapping[int, Floats] | None = None, reference: tuple[float, float] | None = None,
                     provenance: Mapping[str, Any] | None = None, n_threads: int = 0) -> TensorModel:
    """Train on every row of a dataset with given parameters.

    Parameters
    ----------
    regressors : for each lam of the parts; they are not changed
    isotropic : of the isotropic shielding; LSSVR() by default
    features : rows, when they are at hand

    Raises
    ------
    ValueError
        Rows of several isotopes, no tensors, or parts that the tensor does not have.
    """
    kind = tensor_kind(dataset)
    isotopes, elements = sorted(set(dataset.isotope.tolist())), sorted(set(dataset.element.tolist()))
    if len(isotopes) != 1 or len(elements) != 1:
        raise ValueError(f"a model is of one isotope, the dataset holds {', '.join(isotopes)}: select one of them")
    rows = _rows(dataset, descriptor, parts, kind, n_threads) if features is None else features
    story = {"glassnmr": __version__, "rows": len(dataset), "groups": len(set(dataset.group.tolist())),
             "sources": sorted(set(dataset.source.tolist())), **(provenance or {})}
    made, told, noise = [], {}, np.zeros(3)
    variance, ridge = None, 0.0
    for part in parts:
        fitted = EquivariantLSSVR(**regressors[part.lam].get_params()).fit(
            rows[0], rows[part.lam], spherical(dataset.tensors[kind], part.lam), dataset.group)
        noise[part.lam] = fitted.noise_
        if part.lam == 2:
            variance, ridge = fitted.core_variance(), fitted.novelty_lam_
        told[f"lam {part.lam}"] = {**fitted.get_params(), "environments": len(fitted.landmark_indices_)}
        made.append(_core.TensorPart(equivariants=part._core, landmarks=fitted.landmarks_, weights=fitted.weights_,
                                     **fitted.stored_kernel()))
    scalar = None
    if kind == "ms":
        whole = NMRModel.fit(dataset, descriptor, isotropic, reference=reference, features=rows[0])
        scalar = whole._core
        noise[0] = 0.0 if whole.uncertainty is None else whole.uncertainty["noise"][0]
    elif reference is not None:
        raise ValueError("a field gradient has no shift reference")
    return TensorModel(_core.TensorModel(
        descriptor=descriptor._core, species=list(descriptor.species), isotope=isotopes[0], centre=elements[0],
        tensor=kind, parts=made, isotropic=scalar,
        uncertainty=None if variance is None else _core.Uncertainty(variance, lam=ridge, noise=noise),
        provenance=json.dumps({**story, "parts": told}, default=str)))
