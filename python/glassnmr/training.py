# SPDX-License-Identifier: BSD-3-Clause
"""The way from a table of tensors to a model and its honest error, in one call each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnmr.choices import chosen_parameters
from glassnmr.descriptors import Descriptor
from glassnmr.learning import LSSVR, KernelRidge
from glassnmr.model import NMRModel, training_rows
from glassnmr.sites import is_kind, site_labels
from glassnmr.table import Dataset
from glassnmr.uncertainty import EXPONENTS, Intervals, calibrate_intervals, group_coverage, left_out_half_width
from glassnmr.validation import CrossValidation, choose_parameters, cross_validate, metrics

__all__ = ["Validation", "row_labels", "train", "validate"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class Validation:
    """Predictions of every row of a dataset by models that never saw its group."""

    dataset: Dataset
    targets: tuple[str, ...]
    features: NDArray[np.float64]
    result: CrossValidation
    kappas: Sequence[float] | None = None
    lams: Sequence[float] | None = None
    seed: int = 0
    """of the folds"""

    def values(self, target: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Known and predicted values (R,) of one target."""
        column = self.targets.index(target)
        shape = (len(self.dataset), -1)
        return self.result.y.reshape(shape)[:, column], self.result.prediction.reshape(shape)[:, column]

    def errors(self, target: str, mask: NDArray[np.bool_] | None = None) -> dict[str, float]:
        """MAE, RMSE, median, max, R2 and n of one target, over all rows or those of a mask."""
        known, guess = self.values(target)
        rows = np.ones(len(known), dtype=bool) if mask is None else mask
        return metrics(known[rows], guess[rows])

    def deviation(self, target: str) -> NDArray[np.float64] | None:
        """Standard deviation (R,) that the models gave each left-out value, before calibration; None if they give none.
        """
        if self.result.deviation is None:
            return None
        return self.result.deviation.reshape(len(self.dataset), -1)[:, self.targets.index(target)]

    def half_width(self, target: str, level: float = 0.9) -> NDArray[np.float64] | None:
        """Half width (R,) of the interval of each left-out value, calibrated on the other folds; None without one."""
        deviation = self.deviation(target)
        if deviation is None:
            return None
        known, guess = self.values(target)
        return left_out_half_width(guess - known, deviation, self.result.fold, level, self.result.novelty)

    def coverage(self, target: str, level: float = 0.9) -> dict[str, float] | None:
        """Share of left-out rows, and mean share within groups, that lie in intervals calibrated on the other folds."""
        width = self.half_width(target, level)
        if width is None:
            return None
        known, guess = self.values(target)
        held = np.abs(guess - known) <= width
        return {"rows": float(held.mean()), "groups": group_coverage(held, self.dataset.group)}


def validate(dataset: Dataset, descriptor: Descriptor, regressor: LSSVR | KernelRidge | None = None, *,
             targets: Sequence[str] = ("sigma_iso",), kappas: Sequence[float] | None = None,
             lams: Sequence[float] | None = None, n_splits: int = 5, seed: int = 0,
             features: NDArray[np.float64] | None = None, progress: Progress | None = None, n_threads: int = 0
             ) -> Validation:
    """Nested cross validation in the groups of a dataset; see `glassnmr.validation.cross_validate`.

    Parameters
    ----------
    kappas, lams : what is tried inside the folds; kappas are factors of the regressor's kappa
    features : rows of `training_rows`, when they are at hand

    Raises
    ------
    ValueError
        An unknown target, fewer groups than folds and one, values that are not finite.
    """
    regressor = LSSVR() if regressor is None else regressor
    y = np.column_stack([dataset.target(target) for target in targets])
    x = training_rows(dataset, descriptor, n_threads=n_threads) if features is None else features
    result = cross_validate(regressor, x, y, dataset.group, kappas=kappas, lams=lams, n_splits=n_splits, seed=seed,
                            batches=dataset.structure, progress=progress)
    return Validation(dataset, tuple(targets), x, result, kappas, lams, seed)


def train(validation: Validation, descriptor: Descriptor, regressor: LSSVR | KernelRidge | None = None, *,
          reference: tuple[float, float] | None = None, provenance: Mapping[str, Any] | None = None,
          progress: Progress | None = None) -> NMRModel:
    """A model of all rows of a validation; kappa and lambda are chosen as in its folds, its errors go into the file.

    Examples
    --------
    >>> from glassnmr.data.reference import load
    >>> from glassnmr.descriptors import SphericalBesselSOAP
    >>> soap = SphericalBesselSOAP(["O", "Si", "Na"], cutoff=4.0, n_max=4, l_max=2)
    >>> regressor = LSSVR(n_landmarks=100)
    >>> found = validate(load("efg-17O"), soap, regressor, targets=["abs_C_Q", "eta"])
    >>> model = train(found, soap, regressor)
    >>> model.isotope, model.targets, found.errors("abs_C_Q")["MAE"] < 1
    ('17O', ('abs_C_Q', 'eta'), True)
    """
    regressor = LSSVR() if regressor is None else regressor
    y = validation.result.y.reshape(len(validation.dataset), -1)
    choices = choose_parameters(regressor, validation.features, y, validation.dataset.group,
                                kappas=validation.kappas, lams=validation.lams,
                                batches=validation.dataset.structure, progress=progress)[2]
    regressor = type(regressor)(**{**regressor.get_params(), **chosen_parameters(choices)})
    told: dict[str, Any] = {
        "validation": {"kind": f"nested cross validation, {len(validation.result.kappa)} folds by group",
                       **{target: validation.errors(target) for target in validation.targets}}}
    intervals = final_intervals(validation, regressor)
    told["validation"]["coverage of 90 % intervals"] = {t: validation.coverage(t) for t in validation.targets}
    model = NMRModel.fit(validation.dataset, descriptor, regressor, targets=validation.targets, reference=reference,
                         features=validation.features, provenance={**told, **(provenance or {})})
    return model.with_intervals(intervals)


def final_intervals(validation: Validation, regressor: LSSVR | KernelRidge) -> Intervals:
    """Intervals for a model with this kappa and lambda, from the folds of the validation."""
    data, old = validation.dataset, validation.result
    n_splits = len(old.kappa)
    result = cross_validate(regressor, validation.features, old.y, data.group, kappas=[1.0], lams=[regressor.lam],
                            n_splits=n_splits, seed=validation.seed, batches=data.structure)
    assert result.deviation is not None and result.novelty is not None
    return calibrate_intervals(result.prediction - result.y, result.deviation, result.novelty, exponents=EXPONENTS)


def row_labels(dataset: Dataset, name: str) -> NDArray[np.str_]:
    """Labels (R,) of the rows: a column of the table, a per-atom array, an entry of info, or a kind of
    `site_labels`: bonds counted.

    Raises ValueError for a name that some structure does not have.
    """
    if name in ("element", "isotope", "source", "group"):
        column: NDArray[np.str_] = getattr(dataset, name)
        return column
    labels = np.full(len(dataset), "", dtype=object)
    for number, rows in dataset.by_structure():
        atoms = dataset.structures[number]
        if name in atoms.arrays and atoms.arrays[name].ndim == 1 and name != "numbers":
            labels[rows] = atoms.arrays[name][dataset.centre[rows]].astype(str)
        elif name in atoms.info:
            labels[rows] = str(atoms.info[name])
        elif is_kind(name):
            labels[rows] = site_labels(atoms, kind=name)[dataset.centre[rows]]
        else:
            known = [key for key in (*atoms.arrays, *atoms.info) if key not in ("numbers", "positions")]
            raise ValueError(f"{atoms.info.get('name', number)} has no label {name!r}; it has {', '.join(known)}")
    return labels.astype(str)
