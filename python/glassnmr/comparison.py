# SPDX-License-Identifier: BSD-3-Clause
"""Descriptors and learners side by side, on the same data and folds: error, number of features, time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from glassnmr.choices import chosen_parameters
from glassnmr.descriptors import Descriptor
from glassnmr.learning import LSSVR, KernelRidge
from glassnmr.model import training_rows
from glassnmr.table import Dataset
from glassnmr.training import Validation, validate
from glassnmr.validation import Curve, choose_parameters, learning_curve

__all__ = ["Compared", "compare"]

Regressor: TypeAlias = "LSSVR | KernelRidge"
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class Compared:
    """What one pair of descriptor and learner came to."""

    name: str
    descriptor: Descriptor
    regressor: Regressor
    row_time: float
    """µs of processor time for the row of one centre, structures and neighbours included; the least of some calls"""
    learn_time: float
    """s of processor time for the nested cross validation, rows not included"""
    validation: Validation
    curves: Mapping[str, Curve]
    """error against training size for each target, by the kappa and lambda that suit all rows; may be empty"""

    @property
    def n_features(self) -> int:
        """Length of a row."""
        return self.descriptor.n_features

    def errors(self, target: str, mask: NDArray[np.bool_] | None = None) -> dict[str, float]:
        """MAE, RMSE, median, max, R2 and n of left-out rows."""
        return self.validation.errors(target, mask)


def compare(dataset: Dataset, candidates: Mapping[str, tuple[Descriptor, Regressor]], *,
            targets: Sequence[str] = ("sigma_iso",), sizes: Sequence[int] | None = None, curve: bool = True,
            kappas: Sequence[float] | None = None, lams: Sequence[float] | None = None, n_splits: int = 5,
            seed: int = 0, progress: Progress | None = None, n_threads: int = 0) -> list[Compared]:
    """Nested cross validation and learning curve of every candidate, in the same folds.

    Parameters
    ----------
    dataset : rows of one isotope
    candidates : (descriptor, regressor) by name; regressors are not changed
    targets : names that `dataset.target` knows
    sizes : training rows of the learning curve; about halving from all by default
    curve : whether to make the learning curve
    kappas, lams : what is tried inside the folds, as for `validate`
    n_splits, seed : folds by group, as for `validate`
    progress : called with (steps done, steps in all, what)

    Returns
    -------
    One `Compared` for each candidate, in their order

    Raises
    ------
    ValueError
        No candidate, or what `validate` refuses.

    Examples
    --------
    >>> from glassnmr.data.reference import load
    >>> from glassnmr.descriptors import SphericalBesselSOAP
    >>> soap = SphericalBesselSOAP(["O", "Si", "Na"], cutoff=4.0, n_max=4, l_max=2)
    >>> radial = SphericalBesselSOAP(["O", "Si", "Na"], cutoff=4.0, n_max=4, body=(2,))
    >>> found = compare(load("shielding", "29Si"), {"2 and 3 bodies": (soap, LSSVR()), "2 bodies": (radial, LSSVR())},
    ...                 curve=False)
    >>> [(one.name, one.n_features) for one in found]
    [('2 and 3 bodies', 246), ('2 bodies', 12)]
    """
    if not candidates:
        raise ValueError("there must be at least one candidate to compare")
    steps = len(candidates) * (2 if curve else 1)
    found = []
    for number, (name, (descriptor, regressor)) in enumerate(candidates.items()):
        def tell(step: int, what: str, number: int = number, name: str = name) -> None:
            if progress is not None:
                progress(number * steps // len(candidates) + step, steps, f"{name}: {what}")

        tell(0, "rows")
        row_time, rows = _timed_rows(dataset, descriptor, n_threads)
        start = time.process_time()
        validation = validate(dataset, descriptor, regressor, targets=targets, kappas=kappas, lams=lams,
                              n_splits=n_splits, seed=seed, features=rows, n_threads=n_threads)
        learn_time = time.process_time() - start
        tell(1, "validated")
        curves = {}
        for target in targets if curve else ():
            known = validation.values(target)[0]
            choices = choose_parameters(regressor, rows, known, dataset.group, kappas=kappas, lams=lams,
                                        batches=dataset.structure)[2]
            estimator = type(regressor)(**{**regressor.get_params(), **chosen_parameters(choices)})
            curves[target] = learning_curve(estimator, rows, known, dataset.group, sizes, n_splits=n_splits, seed=seed,
                                            batches=dataset.structure)
        if curve:
            tell(2, "learning curve")
        found.append(Compared(name, descriptor, regressor, row_time, learn_time, validation, curves))
    return found


def _timed_rows(dataset: Dataset, descriptor: Descriptor, n_threads: int) -> tuple[float, NDArray[np.float64]]:
    """µs for a row, the least of at least two calls and half a second; and the rows."""
    times: list[float] = []
    while len(times) < 2 or (sum(times) < 0.5 and len(times) < 20):
        start = time.process_time()
        rows = training_rows(dataset, descriptor, n_threads=n_threads)
        times.append(time.process_time() - start)
    return min(times) / len(rows) * 1e6, rows
