# SPDX-License-Identifier: BSD-3-Clause
"""From settings to the objects of the library: data, descriptor, regressor, targets, reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from glassnmr.cli.base import Session
from glassnmr.cli.options import Settings
from glassnmr.data import reference as shipped
from glassnmr.dataset import Dataset, read_dataset
from glassnmr.descriptors import (
    BehlerParrinello,
    ChebyshevARDF,
    Descriptor,
    SphericalBesselSOAP,
    SurroundingsDescriptor,
    former_mixing,
    reduce_descriptor,
    valence_mixing,
)
from glassnmr.descriptors.soap import NETWORK_FORMERS
from glassnmr.isotopes import isotope as find_isotope
from glassnmr.learning import LSSVR, KernelRidge
from glassnmr.model import training_rows
from glassnmr.training import Validation, validate

__all__ = ["check_output", "descriptor_of", "read_data", "reference_of", "regressor_of", "targets_of", "validated"]


def read_data(settings: Settings, session: Session, *, one_isotope: bool = True,
              skip: Callable[[str], None] | None = None) -> Dataset:
    """The table that the data options describe; of one isotope, if a model shall be made of it; `skip` as it reads."""
    nucleus = find_isotope(settings.isotope) if settings.isotope else None
    if settings.reference_data is not None:
        if settings.files:
            raise ValueError("give files or --reference-data, not both")
        data = shipped.load(settings.reference_data, None if nucleus is None else nucleus.symbol)
        if settings.where is not None:
            data = data.select(where=settings.where)
    elif not settings.files:
        raise ValueError("there is no data: give files with tensors, or --reference-data")
    else:
        with session.progress("reading", len(settings.files)) as progress:
            data = read_dataset(
                settings.files, tensor=settings.tensor, kind=settings.kind, scalar=_scalars(settings.scalar),
                sign=int(settings.sign), offset=settings.offset, efg_unit=settings.efg_unit,  # type: ignore[arg-type]
                where=settings.where, group=settings.group, types=settings.types, index=settings.index,
                element=None if nucleus is None else nucleus.element,
                isotope=None if nucleus is None else {nucleus.element: nucleus.symbol}, progress=progress, skip=skip)
    isotopes = sorted(set(data.isotope.tolist()))
    if len(data) == 0:
        raise ValueError(f"{settings.where!r} leaves no row of the data")
    if one_isotope and len(isotopes) != 1:
        raise ValueError(f"the data hold {', '.join(name or '?' for name in isotopes)}: choose one with --isotope")
    return data


def _scalars(given: tuple[str, ...]) -> dict[str, str] | None:
    pairs = [word.split("=", 1) if "=" in word else [word, word] for word in given]
    return dict(pairs) or None


def targets_of(settings: Settings, data: Dataset) -> tuple[str, ...]:
    """The targets asked for, or those that the data's tensors suggest."""
    if settings.targets:
        return settings.targets
    if data.scalars:
        return tuple(data.scalars)
    return ("sigma_iso",) if "ms" in data.tensors else ("abs_C_Q", "eta")


def descriptor_of(settings: Settings, data: Dataset) -> Descriptor:
    """The descriptor; its species are those of the data unless given, and so are the rows that shorten it."""
    if settings.species is not None:
        species = [word for word in settings.species.replace(",", " ").split() if word]
    else:
        numbers = sorted({int(z) for atoms in data.structures for z in np.unique(atoms.numbers)})
        symbols = {z: symbol for symbol, z in atomic_numbers.items()}
        species = [symbols[z] for z in numbers]
    whole = _triplets(settings, species) if settings.descriptor != "soap" else _soap(settings, species)
    if settings.around is not None:
        whole = _with_surroundings(settings, whole, str(data.element[0]))
    if settings.reduce is None:
        return whole
    method, n_features = settings.reduce.split(":")
    rows = training_rows(data, whole, n_threads=settings.threads)
    return reduce_descriptor(whole, rows, int(n_features), method=method, n_threads=settings.threads)


def _soap(settings: Settings, species: list[str]) -> Descriptor:
    weights = {body: weight for body, weight in zip((2, 3), settings.body_weights, strict=True) if weight > 0}
    if not weights:
        raise ValueError("--body-weights must leave one part: they are both 0")
    return SphericalBesselSOAP(
        species, settings.cutoff, n_max=settings.n_max, l_max=settings.l_max, sigma=settings.sigma,
        basis=settings.basis, radial_scaling=settings.radial_scaling, body=tuple(weights),
        weights=tuple(weights.values()), normalise=settings.normalise, angular_filter=settings.angular_filter,
        mixing=_mixing(settings, species), compression=settings.compression,
        remove_self=settings.remove_self)


def _with_surroundings(settings: Settings, own: Descriptor, centre: str) -> Descriptor:
    assert settings.around is not None
    elements = [word for word in settings.around.replace(",", " ").split() if word]
    if elements == ["auto"]:
        elements = ["O"] if centre != "O" else [s for s in NETWORK_FORMERS if s in own.species]
    around = SphericalBesselSOAP(
        own.species, settings.around_cutoff, n_max=settings.around_n_max, l_max=settings.around_l_max,
        sigma=settings.sigma, basis=settings.basis, radial_scaling=settings.radial_scaling,
        mixing=former_mixing(own.species))
    return SurroundingsDescriptor(own, around, centre=centre, neighbours=elements, radius=settings.around_radius,
                                  weight=settings.around_weight)


def _mixing(settings: Settings, species: list[str]) -> NDArray[np.float64] | None:
    if settings.mixing == "none":
        return None
    return former_mixing(species) if settings.mixing == "formers" else valence_mixing(species)


def _triplets(settings: Settings, species: list[str]) -> Descriptor:
    common: dict[str, Any] = {"angular_cutoff": settings.angular_cutoff, "weights": settings.body_weights}
    if settings.channels is not None:
        common["channels"] = former_mixing(species) if settings.channels == "formers" else settings.channels
    if settings.descriptor == "ardf":
        return ChebyshevARDF(species, settings.cutoff, settings.n_radial, settings.n_angular, **common)
    return BehlerParrinello(species, settings.cutoff, settings.g2, settings.g4, settings.g5, **common)


def regressor_of(settings: Settings) -> LSSVR | KernelRidge:
    """The regressor before kappa and lambda are chosen."""
    common: dict[str, Any] = {"kernel": settings.kernel, "kappa": settings.kappa, "n_threads": settings.threads}
    if settings.lam != "auto":
        common["lam"] = settings.lam
    if settings.regressor == "krr":
        return KernelRidge(**common)
    return LSSVR(n_landmarks=settings.n_landmarks, landmarks=settings.landmark_method, seed=settings.seed,
                 robust=settings.robust or None, shared=settings.shared or None,
                 consensus=settings.consensus or None, **common)


def reference_of(settings: Settings, given: tuple[float, float] | None, isotope: str, targets: tuple[str, ...]
                 ) -> tuple[float, float] | None:
    """a, b of delta_iso = a + b sigma_iso: as given, or that of the shipped shieldings if those are learnt."""
    if given is not None or "sigma_iso" not in targets:
        return given
    return shipped.shift_reference(isotope) if settings.reference_data == "shielding" else None


def check_output(path: Path, suffixes: tuple[str, ...], what: str) -> None:
    """Refuse a name that cannot be written before the work is done, not after."""
    if path.suffix == ".gz" and path.with_suffix("").suffix in suffixes:
        return
    if path.suffix not in suffixes and not (path.exists() and not path.is_file() and not path.is_dir()):
        raise ValueError(f"{what} is written as {' or '.join(suffixes)}, got {path}")
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {path.parent}")


def validated(settings: Settings, session: Session) -> tuple[Validation, Descriptor, LSSVR | KernelRidge]:
    """Data read and cross validated as the settings say."""
    data = read_data(settings, session)
    descriptor, regressor = descriptor_of(settings, data), regressor_of(settings)
    with session.progress("validating") as progress:
        found = validate(data, descriptor, regressor, targets=targets_of(settings, data),
                         kappas=None if settings.kappa == "auto" else [1.0],
                         lams=None if settings.lam == "auto" else [float(settings.lam)],
                         n_splits=settings.folds, seed=settings.seed, n_threads=settings.threads, progress=progress)
    for note in data.notes:
        session.say(note)
    return found, descriptor, regressor
