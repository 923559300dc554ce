# SPDX-License-Identifier: BSD-3-Clause
"""Search for good parameters of descriptor and regressor, from coarse to fine, that a kill does not undo."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnmr.checked import checked_count
from glassnmr.choices import chosen_parameters
from glassnmr.descriptors import Descriptor, SphericalBesselSOAP
from glassnmr.files import replacing
from glassnmr.folds import GroupedKFold, KernelRows, group_numbers
from glassnmr.learning import LSSVR, KernelRidge
from glassnmr.model import training_rows
from glassnmr.table import Dataset
from glassnmr.training import Validation
from glassnmr.validation import Choice, CrossValidation, choose_parameters

__all__ = ["Search", "Trial", "nested_tune", "tune", "write_trials"]

Progress = Callable[[int, int, str], None]
Build = Callable[[Mapping[str, float]], "tuple[Descriptor, LSSVR | KernelRidge]"]
ALL_ROWS = -1
"""The fold of a search over all rows."""
HELD_FEATURES = 2
"""Sets of feature rows that are held at a time."""


@dataclass(frozen=True)
class Trial:
    """One set of parameters and what it came to."""

    parameters: dict[str, float]
    error: float
    """leave-group-out error at the best kappa and lambda"""
    kappa: float | tuple[float, ...]
    lam: float
    choices: tuple[Choice, ...] = field(repr=False)
    """the whole grid of kappa and lambda"""
    seconds: float
    """of processor time"""


@dataclass(frozen=True)
class Search:
    """All trials of a search, in their order."""

    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial:
        """The trial with the least error, the earlier one among equals."""
        return min(self.trials, key=lambda trial: trial.error)


class Journal:
    """Trials on disk, one line each, flushed at once: what a killed search had done is read, not done again."""

    def __init__(self, path: str | os.PathLike[str] | None, header: Mapping[str, Any]) -> None:
        self.path = None if path is None else Path(path)
        self.known: dict[tuple[int, str], Trial] = {}
        if self.path is None:
            return
        wanted = json.loads(json.dumps({"format": "glassnmr-search", "version": 1, **header}))
        whole = self._read(wanted) if self.path.exists() and self.path.stat().st_size else 0
        if whole:
            with open(self.path, "r+b") as file:
                file.truncate(whole)  # a line that a kill cut short
        else:
            self._append(wanted, "w")

    def _read(self, wanted: dict[str, Any]) -> int:
        """Take up the trials of whole lines; returns their bytes."""
        assert self.path is not None
        data = self.path.read_bytes()
        lines = data[:data.rfind(b"\n") + 1].splitlines()
        if not lines:
            return 0
        try:
            header, *rest = (json.loads(line) for line in lines)
        except ValueError:
            header, rest = None, []
        if not isinstance(header, dict) or header.get("format") != "glassnmr-search":
            raise ValueError(f"{self.path} is not the journal of a search")
        changed = [key for key in sorted({*header, *wanted}) if header.get(key) != wanted.get(key)]
        if changed:
            raise ValueError(f"{self.path} belongs to another search, with other {', '.join(changed)}: remove it, or "
                             "name another journal")
        for line in rest:
            fold = int(line.pop("fold"))
            line["choices"] = tuple(Choice(*_tupled(choice)) for choice in line["choices"])
            line["kappa"] = _tupled(line["kappa"])
            trial = Trial(**line)
            self.known[fold, _key(trial.parameters)] = trial
        return data.rfind(b"\n") + 1

    def _append(self, entry: Mapping[str, Any], mode: str = "a") -> None:
        assert self.path is not None
        with open(self.path, mode, encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def add(self, fold: int, trial: Trial) -> None:
        """Keep a new trial."""
        self.known[fold, _key(trial.parameters)] = trial
        if self.path is not None:
            self._append({"fold": fold, **trial.__dict__})


def _tupled(value: Any) -> Any:
    return tuple(_tupled(part) for part in value) if isinstance(value, list) else value


def _key(parameters: Mapping[str, float]) -> str:
    return json.dumps(dict(sorted(parameters.items())))


class Features:
    """Feature rows by descriptor; smaller n_max and l_max and other weights come from rows that are there already."""

    def __init__(self, dataset: Dataset, space: Mapping[str, Sequence[float]], n_threads: int) -> None:
        self.dataset, self.n_threads = dataset, n_threads
        self.most = {name: int(max(space[name])) for name in ("n_max", "l_max") if name in space}
        self.held: OrderedDict[str, tuple[NDArray[Any], NDArray[np.float64]]] = OrderedDict()

    def rows(self, descriptor: Descriptor) -> NDArray[np.float64]:
        """(R, F) rows of the dataset; their columns may come in another order than the descriptor's."""
        if not self._nested(descriptor):
            return self._made(descriptor)[1]
        assert isinstance(descriptor, SphericalBesselSOAP)
        params = descriptor.get_params()
        largest = {**params, **{name: max(most, params[name]) for name, most in self.most.items()}, "weights": None}
        index, rows = self._made(SphericalBesselSOAP(**largest))
        n = np.maximum(index["n1"], index["n2"])
        kept = np.flatnonzero((n < params["n_max"]) & (index["l"] <= params["l_max"]))
        factor = np.ones(len(index))
        for body, weight in zip(descriptor.body, descriptor.weights, strict=True):
            factor[index["body"] == body] = weight
        found: NDArray[np.float64] = rows[:, kept] * factor[kept]
        return found

    def _nested(self, descriptor: Descriptor) -> bool:
        """Whether columns of larger n_max and l_max are those of smaller ones: not with rows of one length."""
        return (isinstance(descriptor, SphericalBesselSOAP) and descriptor.basis != "kocer"
                and not descriptor.normalise and descriptor.compression == "none")

    def _made(self, descriptor: Descriptor) -> tuple[NDArray[Any], NDArray[np.float64]]:
        name = repr(sorted(descriptor.get_params().items(), key=lambda item: item[0]))
        if name not in self.held:
            rows = training_rows(self.dataset, descriptor, n_threads=self.n_threads)
            index = descriptor.feature_index() if isinstance(descriptor, SphericalBesselSOAP) else np.zeros(0)
            self.held[name] = (index, rows)
            while len(self.held) > HELD_FEATURES:
                self.held.popitem(last=False)
        self.held.move_to_end(name)
        return self.held[name]


@dataclass(frozen=True)
class _Task:
    """What every trial of a search needs."""

    build: Build
    y: NDArray[np.float64]
    group: NDArray[np.int64]
    batch: NDArray[np.int64]
    features: Features
    journal: Journal
    kappas: Sequence[float] | None
    lams: Sequence[float] | None

    def trial(self, parameters: dict[str, float], fold: int, rows: NDArray[np.int64]) -> Trial:
        known = self.journal.known.get((fold, _key(parameters)))
        if known is not None:
            return known
        start = time.process_time()
        descriptor, regressor = self.build(parameters)
        x = np.ascontiguousarray(self.features.rows(descriptor)[rows])
        kappa, lam, choices = choose_parameters(regressor, x, self.y[rows], self.group[rows], kappas=self.kappas,
                                                lams=self.lams, batches=self.batch[rows])
        error = next(choice.error for choice in choices if choice.chosen)
        told = tuple(np.asarray(kappa).tolist()) if np.ndim(kappa) else float(kappa)  # type: ignore[arg-type]
        found = Trial(parameters, error, told, lam, choices, time.process_time() - start)
        self.journal.add(fold, found)
        return found


def _checked_space(space: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    if not space:
        raise ValueError("space must name at least one parameter to search over")
    found = {}
    for name, values in space.items():
        try:
            numbers = sorted({float(value) for value in values})
        except (TypeError, ValueError):
            raise ValueError(f"{name}: the values to search must be numbers, got {values!r}") from None
        if not numbers or not np.isfinite(numbers).all():
            raise ValueError(f"{name}: the values to search must be finite numbers, got {values!r}")
        whole = all(isinstance(value, (int, np.integer)) for value in values)
        found[name] = [int(value) if whole else value for value in numbers]
    return found


def _descend(space: Mapping[str, Sequence[float]], start: Mapping[str, float], n_trials: int,
             score: Callable[[dict[str, float]], Trial], report: Callable[[int, Trial], None]) -> Search:
    """Steps along each parameter that lower the error, halved when none does, until single steps bring nothing."""
    place = {name: int(np.argmin(np.abs(np.asarray(values) - start.get(name, values[len(values) // 2]))))
             for name, values in space.items()}
    step = {name: max(1, (len(values) + 1) // 3) for name, values in space.items()}
    trials: dict[str, Trial] = {}

    def tried(at: Mapping[str, int]) -> Trial | None:
        parameters = {name: space[name][k] for name, k in at.items()}
        name = _key(parameters)
        if name not in trials:
            if len(trials) >= n_trials:
                return None
            trials[name] = score(parameters)
            report(len(trials), trials[name])
        return trials[name]

    best = tried(place)
    while best is not None and len(trials) < n_trials:
        better = False
        for name in space:
            for move in (step[name], -step[name]):
                there = {**place, name: place[name] + move}
                if not 0 <= there[name] < len(space[name]):
                    continue
                found = tried(there)
                if found is not None and found.error < best.error:
                    place, best, better = there, found, True
                    break
        if not better:
            if all(size == 1 for size in step.values()):
                break
            step = {name: max(1, size // 2) for name, size in step.items()}
    return Search(tuple(trials.values()))


def _task(dataset: Dataset, build: Build, space: Mapping[str, Sequence[float]], start: Mapping[str, float] | None,
          targets: Sequence[str], kappas: Sequence[float] | None, lams: Sequence[float] | None, seed: int,
          n_splits: int | None, journal: str | os.PathLike[str] | None, n_threads: int) -> _Task:
    y = np.column_stack([dataset.target(target) for target in targets])
    descriptor, regressor = build({name: values[len(values) // 2] for name, values in space.items()})
    digest = hashlib.sha256(np.ascontiguousarray(y).tobytes())
    digest.update("\n".join(dataset.group.tolist()).encode())
    digest.update(dataset.structure.tobytes() + dataset.centre.tobytes())
    for atoms in dataset.structures:
        digest.update(atoms.positions.tobytes() + atoms.cell.array.tobytes() + atoms.numbers.tobytes())
    rest = {name: repr(value) for name, value in {**descriptor.get_params(), **regressor.get_params()}.items()
            if name not in (*space, "weights", "n_threads")}
    header = {"data": digest.hexdigest()[:16], "targets": list(targets), "settings": rest, "seed": seed,
              "folds": n_splits, "space": {name: list(values) for name, values in space.items()},
              "start": dict(start or {}), "kappas": None if kappas is None else list(kappas),
              "lams": None if lams is None else list(lams)}
    return _Task(build, y, group_numbers(dataset.group, len(dataset)), group_numbers(dataset.structure, len(dataset)),
                 Features(dataset, space, n_threads), Journal(journal, header), kappas, lams)


def tune(dataset: Dataset, build: Build, space: Mapping[str, Sequence[float]], *,
         start: Mapping[str, float] | None = None, targets: Sequence[str] = ("sigma_iso",), n_trials: int = 60,
         kappas: Sequence[float] | None = None, lams: Sequence[float] | None = None,
         journal: str | os.PathLike[str] | None = None, progress: Progress | None = None, n_threads: int = 0) -> Search:
    """Search from coarse to fine for the parameters with the least leave-group-out error.

    From `start`, steps of about a third of each list of values are tried in turn and kept when they lower the error;
    when none does, they are halved, down to single steps. Every trial runs over the whole grid of kappa and lambda,
    with all groups left out in closed form. Rows for smaller n_max, l_max and other weights are cut from those at hand.

    The error of the winner is that of the best of many, hence too small: `nested_tune` tells the honest one.

    Parameters
    ----------
    dataset : rows of one isotope
    build : makes descriptor and regressor of parameters, {name: value}
    space : for each parameter the values that are tried, in any order; whole numbers stay whole
    start : values to begin with; the middle of each list by default
    targets : names that `dataset.target` knows
    n_trials : at most so many
    kappas, lams : tried in each trial, as for `glassnmr.validation.cross_validate`
    journal : file that keeps each trial when it is done; an unfinished search goes on from there
    progress : called with (trials done, most trials, text)

    Raises
    ------
    ValueError
        Bad input, or a journal of another search.

    Examples
    --------
    >>> from glassnmr.data.reference import load
    >>> def build(p):
    ...     return SphericalBesselSOAP(["O", "Si", "Na"], p["cutoff"], n_max=3, l_max=2), LSSVR(n_landmarks=40)
    >>> found = tune(load("shielding", "29Si"), build, {"cutoff": [3.5, 4.0, 4.5]}, kappas=[1 / 16])
    >>> found.best.parameters["cutoff"] in (3.5, 4.0, 4.5), len(found.trials) <= 3
    (True, True)
    """
    lists = _checked_space(space)
    most = checked_count(n_trials, "n_trials")
    task = _task(dataset, build, lists, start, targets, kappas, lams, 0, None, journal, n_threads)
    return _search(task, lists, start, most, ALL_ROWS, np.arange(len(dataset)), progress, "")


def _search(task: _Task, lists: Mapping[str, Sequence[float]], start: Mapping[str, float] | None, n_trials: int,
            fold: int, rows: NDArray[np.int64], progress: Progress | None, place: str, before: int = 0, total: int = 0
            ) -> Search:
    def report(done: int, trial: Trial) -> None:
        if progress is not None:
            values = ", ".join(f"{name} {value:g}" for name, value in trial.parameters.items())
            progress(before + done, total or n_trials, f"{place}{values}: {trial.error:.3f}")

    return _descend(lists, start or {}, n_trials, lambda parameters: task.trial(parameters, fold, rows), report)


def nested_tune(dataset: Dataset, build: Build, space: Mapping[str, Sequence[float]], *,
                start: Mapping[str, float] | None = None, targets: Sequence[str] = ("sigma_iso",), n_trials: int = 60,
                kappas: Sequence[float] | None = None, lams: Sequence[float] | None = None, n_splits: int = 5,
                seed: int = 0, journal: str | os.PathLike[str] | None = None, progress: Progress | None = None,
                n_threads: int = 0) -> tuple[Validation, tuple[Search, ...]]:
    """The honest error of a search: in each fold of groups the whole search runs on the training part alone.

    Parameters are those of `tune`, with the folds of `glassnmr.training.validate`.

    Returns
    -------
    The validation, whose features are the rows of the first fold's winner, and the search of each fold

    Examples
    --------
    >>> from glassnmr.data.reference import load
    >>> def build(p):
    ...     return SphericalBesselSOAP(["O", "Si", "Na"], p["cutoff"], n_max=3, l_max=2), LSSVR(n_landmarks=40)
    >>> found, searches = nested_tune(load("shielding", "29Si"), build, {"cutoff": [3.5, 4.5]}, kappas=[1 / 16],
    ...                               n_splits=3)
    >>> len(searches), found.errors("sigma_iso")["n"]
    (3, 132.0)
    """
    lists = _checked_space(space)
    most = checked_count(n_trials, "n_trials")
    task = _task(dataset, build, lists, start, targets, kappas, lams, seed, n_splits, journal, n_threads)
    y = task.y
    prediction, deviation = np.empty_like(y), np.empty_like(y)
    novelty, fold = np.empty(len(y)), np.empty(len(y), dtype=np.int64)
    searches: list[Search] = []
    for k, (train, test) in enumerate(GroupedKFold(n_splits, seed).split(y, groups=task.group)):
        searches.append(_search(task, lists, start, most, k, train, progress, f"fold {k + 1} of {n_splits}: ", k * most,
                                n_splits * most))
        best = searches[-1].best
        descriptor, regressor = build(best.parameters)
        rows = KernelRows(regressor, task.features.rows(descriptor))
        rows.group, rows.batch = task.group, task.batch
        prediction[test], deviation[test], novelty[test] = rows.fit_spread(train, test, y, None,
                                                                           **chosen_parameters(best.choices))
        fold[test] = k
    first, regressor = build(searches[0].best.parameters)
    choices = tuple(c._replace(fold=k) for k, search in enumerate(searches) for c in search.best.choices)
    shape = y.shape if y.shape[1] > 1 else (len(y),)
    result = CrossValidation(y.reshape(shape), prediction.reshape(shape), fold, tuple(s.best.kappa for s in searches),
                             tuple(s.best.lam for s in searches), choices,
                             deviation.reshape(shape), novelty)
    return Validation(dataset, tuple(targets), task.features.rows(first), result, kappas, lams, seed), tuple(searches)


def write_trials(path: str | os.PathLike[str], searches: Mapping[str, Search]) -> None:
    """All trials as CSV, one line each: where (all, fold 1, ...), parameters, error, kappa, lambda, seconds."""
    names = sorted({name for search in searches.values() for trial in search.trials for name in trial.parameters})
    with replacing(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["rows", *names, "error", "kappa", "lambda", "seconds", "best"])
        for where, search in searches.items():
            for trial in search.trials:
                kappa = " ".join(f"{value:.6g}" for value in np.atleast_1d(trial.kappa))
                writer.writerow([where, *(f"{trial.parameters[name]:g}" for name in names), f"{trial.error:.6g}", kappa,
                                 f"{trial.lam:.3g}", f"{trial.seconds:.2f}", int(trial is search.best)])
