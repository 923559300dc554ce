# SPDX-License-Identifier: BSD-3-Clause
"""``--target tensor``: whole tensors in ``train`` and ``validate``, from the same options as scalars."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from glassnmr.cli.base import Session
from glassnmr.cli.options import Settings
from glassnmr.cli.setup import descriptor_of, read_data, reference_of, regressor_of
from glassnmr.cli.tables import error_table, settings_told
from glassnmr.descriptors import EquivariantSOAP, SphericalBesselSOAP, SurroundingsDescriptor
from glassnmr.learning import LSSVR
from glassnmr.tensor_learning import EquivariantLSSVR
from glassnmr.tensor_training import KAPPAS, LAMS, TensorValidation, tensor_kind, train_tensor, validate_tensor
from glassnmr.training import row_labels

__all__ = ["train_tensors", "validate_tensors", "wants_tensor"]

MOST_LANDMARKS = 250
"""Environments: each has as many features as the tensor part has components."""


def wants_tensor(settings: Settings) -> bool:
    """Whether --target asks for the tensor; ValueError when it asks for scalars beside it."""
    if "tensor" not in settings.targets:
        return False
    if len(settings.targets) > 1:
        raise ValueError("--target tensor stands alone: the scalars are derived from the tensor")
    return True


def _validated(settings: Settings, session: Session) -> tuple[TensorValidation, dict[str, Any]]:
    """Data read and cross validated; and what `train_tensor` needs beside."""
    if settings.regressor != "lssvr" or settings.reduce is not None or settings.descriptor != "soap":
        raise ValueError("tensors are learnt by lssvr on whole rows of soap: leave out --regressor, --reduce and "
                         "--descriptor")
    data = read_data(settings, session)
    kind = tensor_kind(data)
    whole = descriptor_of(settings, data)
    soap = whole.descriptor if isinstance(whole, SurroundingsDescriptor) else whole
    isotropic = regressor_of(replace(settings, kernel="gaussian"))
    assert isinstance(soap, SphericalBesselSOAP) and isinstance(isotropic, LSSVR)
    common: dict[str, Any] = {"cutoff": soap.cutoff, "n_max": min(soap.n_max, 8), "l_max": soap.l_max,
                              "sigma": soap.sigma, "basis": soap.basis, "radial_scaling": soap.radial_scaling,
                              "mixing": soap.mixing}
    parts = [EquivariantSOAP(soap.species, lam=2, compression=soap.compression, **common)]
    if kind == "ms":
        parts.append(EquivariantSOAP(soap.species, lam=1, parity=-1, compression="mu1nu1", **common))
    regressor = EquivariantLSSVR(kernel=settings.kernel, kappa=settings.kappa, robust=settings.robust or None,
                                 n_landmarks=min(settings.n_landmarks, MOST_LANDMARKS), n_threads=settings.threads)
    tried = {"kappas": KAPPAS if settings.kappa == "auto" else (1.0,),
             "lams": LAMS if settings.lam == "auto" else (float(settings.lam),)}
    with session.progress("validating") as progress:
        found = validate_tensor(data, whole, parts, regressor, isotropic, **tried, n_splits=settings.folds,
                                seed=settings.seed, progress=progress, n_threads=settings.threads)
    for note in data.notes:
        session.say(note)
    click.echo(error_table(found.errors(), "ms" if kind == "ms" else "efg"))
    n_groups = len(set(data.group.tolist()))
    session.say(f"{data.isotope[0]}: {len(data)} rows, {settings.folds} folds of {n_groups} groups")
    return found, {"descriptor": whole, "parts": parts, "regressor": regressor, "isotropic": isotropic, **tried}


def validate_tensors(settings: Settings, session: Session, by: str | None, outputs: tuple[Path, ...]) -> None:
    """The table of errors; a report, the left-out rows, or parity plots of each derived value and of the elements."""
    found, _ = _validated(settings, session)
    labels = None if by is None else row_labels(found.dataset, by)
    for label in [] if labels is None else np.unique(labels):
        click.echo(f"\n{by} {label}\n" + error_table(found.errors(labels == label), found.kind))
    held = found.coverage()
    told = ", ".join(f"{name} {100 * one['rows']:.1f} %" for name, one in held.items())
    session.say(f"90 % intervals hold of the left-out rows: {told}")
    for path in outputs:
        if path.suffix == ".html":
            from glassnmr.tensor_report import TensorReport, write_tensor_report

            title = f"Validation of {found.dataset.isotope[0]} {found.kind} tensors"
            written = write_tensor_report(path, TensorReport(found, labels, settings_told(settings), title))
            session.say(f"wrote {path} and {len(written) - 1} files beside it")
        elif path.suffix == ".csv":
            from glassnmr.tensor_report import write_tensor_rows

            write_tensor_rows(path, found, labels)
            session.say(f"wrote {path}")
        else:
            from glassnmr import plots
            from glassnmr.tensor_report import tensor_parity

            figures = tensor_parity(found, labels)
            for name, figure in figures.items():
                plots.save_figure(figure, path.with_stem(f"{path.stem}-{name}"))
            session.say(f"wrote {len(figures)} figures {path.with_stem(path.stem + '-*')}")


def train_tensors(settings: Settings, session: Session, reference: tuple[float, float] | None, output: Path) -> None:
    """Validate, train on all rows, save."""
    found, rest = _validated(settings, session)
    chosen = None
    if found.kind == "ms":
        chosen = reference_of(settings, reference, str(found.dataset.isotope[0]), ("sigma_iso",))
    elif reference is not None:
        raise ValueError("a field gradient has no shift reference: leave out --reference")
    model = train_tensor(found, **rest, reference=chosen, provenance={"seed": settings.seed})
    model.save(output)
    session.say(f"wrote {output}")
