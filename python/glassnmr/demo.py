# SPDX-License-Identifier: BSD-3-Clause
"""The whole chain on what the package ships: train, validate, predict a glass no model has seen, draw its spectra."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from glassnmr.data import reference
from glassnmr.descriptors import EquivariantSOAP, SphericalBesselSOAP
from glassnmr.io import Prediction, read_frames, write_predictions
from glassnmr.learning import LSSVR
from glassnmr.model import TARGET_UNITS, NMRModel
from glassnmr.sites import site_labels
from glassnmr.spectra import Spectrum, mas_spectrum
from glassnmr.tensor_learning import EquivariantLSSVR
from glassnmr.tensor_model import TensorModel, derived_values
from glassnmr.tensor_training import train_tensor, validate_tensor
from glassnmr.training import row_labels, train, validate
from glassnmr.validation import metrics

if TYPE_CHECKING:
    import ase
    from matplotlib.figure import Figure

    from glassnmr.table import Dataset

__all__ = ["FIELD", "TASKS", "Demo", "LeftOut", "Task", "glass", "run"]

FIELD = 9.4
"""Tesla of the demo's spectra."""

SPECIES = ("O", "Si", "Na")


@dataclass(frozen=True)
class Task:
    """One model of the demo: which shipped data, which nucleus, what is shown, with which descriptor.

    The clusters behind the shieldings end at about 3.3 Å; their cutoff is longer, as its weight would else hide the
    second silicon at 3.1 Å, and counts little there: it is 0.16 at 3.3 Å.
    """

    name: str
    data: str
    isotope: str
    targets: tuple[str, ...]
    descriptor: Mapping[str, Any]
    whole: bool = False
    """learn the tensor, and show what follows from it"""


TASKS = (
    Task("29Si-shielding", "shielding", "29Si", ("sigma_iso",),
         {"cutoff": 4.5, "n_max": 4, "l_max": 4, "sigma": 0.3}),
    Task("17O-shielding", "shielding", "17O", ("sigma_iso",),
         {"cutoff": 4.5, "n_max": 4, "l_max": 4, "sigma": 0.3}),
    Task("17O-efg", "efg-17O", "17O", ("abs_C_Q", "eta"),
         {"cutoff": 5.0, "n_max": 6, "l_max": 4, "sigma": 0.4}, whole=True),
)


@dataclass(frozen=True)
class LeftOut:
    """One quantity of the rows of a dataset, known and predicted by models that never saw their group."""

    isotope: str
    target: str
    known: NDArray[np.float64]
    predicted: NDArray[np.float64]
    sites: NDArray[np.str_]

    @property
    def unit(self) -> str:
        """Empty where there is none."""
        return TARGET_UNITS[self.target].removeprefix("1")

    def errors(self, site: str | None = None) -> dict[str, float]:
        """MAE, RMSE, median, max, R2 and n; of the rows of one site."""
        rows = slice(None) if site is None else self.sites == site
        return metrics(self.known[rows], self.predicted[rows])


@dataclass
class Demo:
    """What the demo made: left-out rows, models by task, spectra by isotope, files, and seconds of each step."""

    left_out: list[LeftOut] = field(default_factory=list)
    models: dict[str, NMRModel | TensorModel] = field(default_factory=dict)
    sites: NDArray[np.str_] = field(default_factory=lambda: np.zeros(0, "U1"))
    spectra: dict[str, Spectrum] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def glass() -> ase.Atoms:
    """20 Na2O + 80 SiO2, 3000 atoms: `sodium_silicate_glass(200, 800, 20801, relax=True, rate=1.5e14)`, to 0.001 Å."""
    with resources.as_file(resources.files("glassnmr.data") / "demo-glass.extxyz.gz") as path:
        return next(read_frames(path))


def run(folder: str | os.PathLike[str], *, progress: Callable[[int, int, str], None] | None = None, seed: int = 0,
        n_threads: int = 0) -> Demo:
    """Run the demo and write its files into `folder`, which is made when missing.

    progress : called with (steps done, steps, text)
    seed : of the folds

    Raises OSError where the folder cannot be written.
    """
    where = Path(folder)
    where.mkdir(parents=True, exist_ok=True)
    demo = Demo()
    steps: list[tuple[str, Callable[[], None]]] = [
        *((f"train {task.name}", partial(_train, demo, where, task, seed, n_threads)) for task in TASKS),
        ("predict the glass", partial(_predict, demo, where, n_threads)),
        ("draw", partial(_draw, demo, where)),
    ]
    for number, (text, step) in enumerate(steps):
        if progress is not None:
            progress(number, len(steps), text)
        start = perf_counter()
        step()
        demo.seconds[text] = perf_counter() - start
    if progress is not None:
        progress(len(steps), len(steps), "done")
    return demo


def _train(demo: Demo, where: Path, task: Task, seed: int, n_threads: int) -> None:
    data = reference.load(task.data, task.isotope)
    shifts = reference.shift_reference(task.isotope) if "sigma_iso" in task.targets else None
    model, known, predicted = (_tensors if task.whole else _scalars)(task, data, shifts, seed, n_threads)
    sites = row_labels(data, "site")
    demo.left_out += [LeftOut(task.isotope, name, known[name], predicted[name], sites) for name in task.targets]
    demo.models[task.name] = model
    demo.files.append(where / f"{task.name}.gnmr")
    model.save(demo.files[-1])


Learnt = tuple["NMRModel | TensorModel", Mapping[str, NDArray[np.float64]], Mapping[str, NDArray[np.float64]]]
"""A model, and by name the known and the predicted values of left-out rows"""


def _scalars(task: Task, data: Dataset, shifts: tuple[float, float] | None, seed: int, n_threads: int) -> Learnt:
    soap = SphericalBesselSOAP(SPECIES, **task.descriptor)
    regressor = LSSVR(n_landmarks=500, robust=1.0, n_threads=n_threads)
    found = validate(data, soap, regressor, targets=task.targets, seed=seed, n_threads=n_threads,
                     n_splits=min(5, len(np.unique(data.group)) - 1))
    model = train(found, soap, regressor, reference=shifts, provenance={"data": task.data, "seed": seed})
    pairs = {name: found.values(name) for name in task.targets}
    return model, {name: pair[0] for name, pair in pairs.items()}, {name: pair[1] for name, pair in pairs.items()}


def _tensors(task: Task, data: Dataset, shifts: tuple[float, float] | None, seed: int, n_threads: int) -> Learnt:
    soap = SphericalBesselSOAP(SPECIES, **task.descriptor)
    parts = [EquivariantSOAP(SPECIES, lam=2, **task.descriptor)]
    regressor = EquivariantLSSVR(n_landmarks=150, n_threads=n_threads)
    found = validate_tensor(data, soap, parts, regressor, kappas=(0.25,), seed=seed, n_threads=n_threads)
    model = train_tensor(found, soap, parts, regressor, kappas=(0.25,), reference=shifts,
                         provenance={"data": task.data, "seed": seed})
    return (model, derived_values(found.y, found.kind, task.isotope),
            derived_values(found.prediction, found.kind, task.isotope))


def _predict(demo: Demo, where: Path, n_threads: int) -> None:
    atoms = glass()
    demo.sites = site_labels(atoms)
    atoms.set_array("site", demo.sites)
    predictions = [model.predict_frame(atoms, n_threads=n_threads) for model in demo.models.values()]
    write_predictions(where / "glass.csv", [atoms], predictions, labels=["site"])
    demo.files.append(where / "glass.csv")
    for isotope in dict.fromkeys(task.isotope for task in TASKS):
        demo.spectra[isotope] = _spectrum(isotope, [p for p in predictions if p.isotope == isotope], demo.sites,
                                          n_threads)
        for suffix in ("csv", "csdf"):
            demo.files.append(where / f"{isotope}.{suffix}")
            demo.spectra[isotope].save(demo.files[-1])


def _spectrum(isotope: str, predictions: Sequence[Prediction], sites: NDArray[np.str_], n_threads: int) -> Spectrum:
    """The spectrum of the nuclei of the common sites, from what all models say of them."""
    values: dict[str, Any] = dict(chain.from_iterable(p.values.items() for p in predictions))
    labels = sites[predictions[0].atoms]
    names, counts = np.unique(labels, return_counts=True)
    usual = np.isin(labels, names[counts >= 0.005 * len(labels)])
    columns = {name: values[name][usual] for name in ("delta_iso", "abs_C_Q", "eta") if name in values}
    if "eta" in columns:
        columns["eta"] = columns["eta"].clip(0, 1)
    return mas_spectrum(isotope, field=FIELD, labels=labels[usual], fwhm_ppm=2.0, n_threads=n_threads, **columns)


def _draw(demo: Demo, where: Path) -> None:
    from glassnmr import plots

    panels = []
    for rows in demo.left_out:
        panel = plots.Parity(rows.known, rows.predicted, rows.sites, plots.quantity_text(rows.target, rows.isotope),
                             rows.unit)
        panels.append(panel)
        figure = plots.parity(rows.known, rows.predicted, quantity=panel.quantity, unit=rows.unit, labels=rows.sites)
        _picture(demo, where / f"parity-{rows.isotope}-{rows.target}.png", figure)
    what = "$x$Na$_2$O-(1-$x$)SiO$_2$, $x$ = 0.2"
    for isotope, spectrum in demo.spectra.items():
        _picture(demo, where / f"{isotope}.png",
                 plots.plot_spectrum(spectrum, title=f"glass {what}, {FIELD} T, predicted"))
    title = f"MAS spectra at {FIELD} T predicted for a glass of {len(demo.sites)} atoms, {what}"
    _picture(demo, where / "demo.png", plots.overview(panels, list(demo.spectra.values()), title))


def _picture(demo: Demo, path: Path, figure: Figure) -> None:
    from glassnmr.plots import save_figure

    save_figure(figure, path)
    demo.files.append(path)
