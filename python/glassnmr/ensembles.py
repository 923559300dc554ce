# SPDX-License-Identifier: BSD-3-Clause
"""Spectra of molecular dynamics: frames added up or averaged, lines as wide as a model is uncertain; THEORY.md 13.6."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr.isotopes import Isotope
from glassnmr.isotopes import isotope as find_isotope
from glassnmr.sites import is_kind, site_labels
from glassnmr.spectra import Spectrum, mas_spectrum
from glassnmr.tensors import efg_parameters, haeberlen, isotropic

if TYPE_CHECKING:
    import ase

__all__ = ["average_predictions", "ensemble_sites", "mean_tensors", "uncertain_spectrum"]

Array = NDArray[np.float64]
Broadening = Literal["width", "uncertainty", "both"]

_NODES = 24  # widths that stand for all uncertainties
_LINEAR = ("sigma", "delta")  # quantities whose mean over frames is that of the mean tensor
_NOT_LINEAR = ("C_Q", "abs_C_Q", "P_Q", "eta", "V_zz", "span", "skew", "zeta", "eta_csa")


def mean_tensors(tensors: ArrayLike, window: int | None = None) -> Array:
    """Tensors averaged over frames, eq. (13.12): what a motion faster than their spread in Hz leaves.

    Parameters
    ----------
    tensors : (F, N, 3, 3), frame by frame, in one fixed frame of axes
    window : frames that are averaged, one window after the other; by default all. Frames beyond the last whole window
        are left out.

    Returns
    -------
    (F // window, N, 3, 3)

    Examples
    --------
    >>> jumping = np.array([[np.diag([1.0, 1.0, -2.0])], [np.diag([-2.0, 1.0, 1.0])]])
    >>> np.diag(mean_tensors(jumping)[0, 0]).tolist()
    [-0.5, 1.0, -0.5]
    """
    t = np.asarray(tensors, dtype=float)
    if t.ndim != 4 or t.shape[2:] != (3, 3) or 0 in t.shape:
        raise ValueError(f"tensors must have shape (frames, atoms, 3, 3), got {t.shape}")
    if not np.all(np.isfinite(t)):
        raise ValueError("tensors must be finite, got nan or inf")
    size = _window(window, len(t))
    whole = len(t) // size
    return np.asarray(t[: whole * size].reshape(whole, size, *t.shape[1:]).mean(axis=1))


def _window(window: int | None, frames: int) -> int:
    size = frames if window is None else window
    if isinstance(size, bool) or int(size) != size or not 1 <= size <= frames:
        raise ValueError(f"window must be a whole number of 1 to {frames} frames, got {window}")
    return int(size)


def ensemble_sites(
    frames: Iterable[ase.Atoms],
    isotope: str | Isotope,
    *,
    mode: Literal["sum", "mean"] = "mean",
    window: int | None = None,
    reference: tuple[float, float] | None = None,
    label: str | None = None,
) -> dict[str, Any]:
    """The columns that `glassnmr.mas_spectrum` takes, from frames with shielding and field gradient tensors.

    Parameters
    ----------
    frames : structures with the same atoms in the same order, arrays `ms` (N, 9) in ppm, shielding sign, and, for
        quadrupolar nuclei, `efg` (N, 9) in atomic units; atoms with nan are left out
    isotope : such as "17O"; its element's atoms are taken
    mode : "sum" takes each frame's own tensors, slow motion; "mean" averages them first, fast motion
    window : frames of a mean; by default all
    reference : a, b of delta_iso = a + b sigma_iso
    label : a kind of `site_labels`, or a per-atom array; of several frames the most frequent

    Returns
    -------
    dict with delta_iso, zeta, eta_csa, and C_Q, eta of quadrupolar nuclei, and labels where asked for

    Raises
    ------
    ValueError
        No frames, atoms that change, tensors or a reference that are missing.

    Examples
    --------
    >>> from ase import Atoms
    >>> frames = [Atoms("SiO"), Atoms("SiO")]
    >>> for atoms, sigma in zip(frames, (430.0, 432.0)):
    ...     atoms.set_array("ms", np.tile(sigma * np.eye(3).ravel(), (2, 1)))
    >>> ensemble_sites(frames, "29Si", reference=(332.0, -1.0))["delta_iso"].tolist()
    [-99.0]
    """
    if mode not in ("sum", "mean"):
        raise ValueError(f"mode must be 'sum' or 'mean', got {mode!r}")
    if mode == "sum" and window is not None:
        raise ValueError("window is of mode 'mean'; a sum takes every frame for itself")
    nucleus = find_isotope(isotope)
    if reference is None:
        raise ValueError("reference must be a, b of delta_iso = a + b sigma_iso: shifts have no default reference")
    kinds = ("ms", "efg") if nucleus.spin > 0.5 else ("ms",)
    found: dict[str, list[Array]] = {kind: [] for kind in kinds}
    names: list[NDArray[np.str_]] = []
    symbols: list[str] | None = None
    for number, atoms in enumerate(frames):
        if symbols is None:
            symbols = atoms.get_chemical_symbols()
        elif symbols != atoms.get_chemical_symbols():
            raise ValueError(f"frame {number} has other atoms than the first, or in another order")
        rows = np.flatnonzero(np.array(symbols) == nucleus.element)
        for kind in kinds:
            if kind not in atoms.arrays:
                raise ValueError(f"frame {number} has no tensors {kind!r}, which a mean over frames of {nucleus} needs")
            found[kind].append(np.asarray(atoms.arrays[kind], dtype=float).reshape(len(atoms), 3, 3)[rows])
        if label is not None:
            names.append(_labels(atoms, label, number)[rows])
    if symbols is None:
        raise ValueError("there are no frames")
    known = np.all([np.isfinite(np.array(t)).all(axis=(0, 2, 3)) for t in found.values()], axis=0)
    if not known.any():
        raise ValueError(f"no {nucleus.element} of the frames has its tensors in all of them")
    size = 1 if mode == "sum" else _window(window, len(found["ms"]))
    mean = {kind: mean_tensors(np.array(t)[:, known], size).reshape(-1, 3, 3) for kind, t in found.items()}
    shape = haeberlen(mean["ms"])
    columns: dict[str, Any] = {"delta_iso": reference[0] + reference[1] * isotropic(mean["ms"]), "zeta": shape.zeta,
                               "eta_csa": shape.eta}
    if "efg" in mean:
        columns["C_Q"], columns["eta"], _ = efg_parameters(mean["efg"], nucleus)
    if label is not None:
        columns["labels"] = _most_frequent(np.array(names)[:, known], size)
    return columns


def _labels(atoms: ase.Atoms, label: str, number: int) -> NDArray[np.str_]:
    if label in atoms.arrays and atoms.arrays[label].ndim == 1:
        return np.asarray(atoms.arrays[label].astype(str))
    if is_kind(label):
        return site_labels(atoms, kind=label)
    raise ValueError(f"frame {number} has no per-atom label {label!r}")


def _most_frequent(names: NDArray[np.str_], size: int) -> NDArray[np.str_]:
    """Of each atom in each window of `size` frames."""
    whole = len(names) // size
    blocks = names[: whole * size].reshape(whole, size, -1)
    return np.array([Counter(column.tolist()).most_common(1)[0][0] for block in blocks for column in block.T])


def average_predictions(table: Mapping[str, NDArray[Any]], window: int | None = None) -> dict[str, NDArray[Any]]:
    """Predictions of `glassnmr.read_predictions` averaged atom by atom over frames; columns as before.

    Shieldings and shifts are averaged. C_Q, eta and the like are no averages of their own, so a table that holds them
    is refused: average their tensors with `ensemble_sites`. Uncertainties (``std_...``) are averaged, as a model errs
    alike in every frame. Labels are the most frequent, positions those of the window's first frame.

    Raises ValueError for atoms that are not in all frames, and for columns that cannot be averaged.
    """
    foreign = [name for name in table if name in _NOT_LINEAR and np.isfinite(np.asarray(table[name], float)).any()]
    if foreign:
        raise ValueError(f"{foreign[0]} cannot be averaged over frames, only its tensor can")
    numbers, frame = np.unique(table["frame"], return_inverse=True)
    size = _window(window, len(numbers))
    order = np.lexsort((table["isotope"], table["atom"], frame))
    atoms = np.asarray(table["atom"])[order]
    per_frame = np.bincount(frame)
    if len(np.unique(per_frame)) > 1 or not np.all(atoms.reshape(len(numbers), -1) == atoms[: per_frame[0]]):
        raise ValueError("an average over frames needs the same atoms in all of them")
    whole = len(numbers) // size
    out: dict[str, NDArray[Any]] = {}
    for name, values in table.items():
        blocks = np.asarray(values)[order].reshape(len(numbers), -1)[: whole * size].reshape(whole, size, -1)
        if name.startswith((*_LINEAR, "std_")):
            out[name] = blocks.mean(axis=1).reshape(-1)
        elif name in ("frame", "atom", "element", "isotope", "x", "y", "z") or values.dtype.kind == "f":
            out[name] = blocks[:, 0].reshape(-1)
        else:
            out[name] = _most_frequent(np.asarray(values)[order].reshape(len(numbers), -1), size)
    return out


def uncertain_spectrum(
    isotope: str | Isotope,
    *,
    delta_iso: ArrayLike,
    std_delta_iso: ArrayLike | float = 0.0,
    std_C_Q: ArrayLike | float = 0.0,
    std_eta: ArrayLike | float = 0.0,
    broadening: Broadening = "both",
    fwhm_ppm: float | None = None,
    fwhm_hz: float | None = None,
    axis: tuple[float, float, int] | Spectrum | None = None,
    **settings: Any,
) -> Spectrum:
    """A spectrum whose lines are as wide as their prediction is uncertain, eq. (13.13) to (13.15).

    Parameters
    ----------
    delta_iso, std_delta_iso : (n,) ppm, and its standard deviation, or one for all sites
    std_C_Q, std_eta : of C_Q (MHz) and eta, (n,) or one for all; each site becomes five values of C_Q, three of eta
    broadening : "width" ignores the uncertainties, "uncertainty" the width, "both" takes both
    fwhm_ppm, fwhm_hz, axis, settings : as in `glassnmr.mas_spectrum`; the shape is Gaussian

    Raises
    ------
    ValueError
        Uncertainties that are negative or not finite, a shape that is not Gaussian.

    Examples
    --------
    >>> line = uncertain_spectrum("29Si", field=9.4, delta_iso=[-100.0, -90.0], std_delta_iso=[1.0, 3.0], fwhm_ppm=0.5)
    >>> round(line.integral, 3)
    1.0
    """
    if broadening not in ("width", "uncertainty", "both"):
        raise ValueError(f"broadening must be 'width', 'uncertainty' or 'both', got {broadening!r}")
    if settings.get("shape", "gaussian") != "gaussian":
        raise ValueError(f"uncertainties are Gaussian, and so must be the shape, got {settings['shape']!r}")
    if settings.get("euler") is not None and broadening != "width":
        raise ValueError("uncertain lines take no euler angles: predictions of them carry no uncertainty")
    plain = {"delta_iso": delta_iso, "fwhm_ppm": fwhm_ppm, "fwhm_hz": fwhm_hz, "axis": axis, **settings}
    if broadening == "width":
        return mas_spectrum(isotope, **plain)
    delta = np.atleast_1d(np.asarray(delta_iso, dtype=float))
    sites: dict[str, Any] = {name: settings.pop(name) for name in
                             ("C_Q", "abs_C_Q", "eta", "zeta", "eta_csa", "weights", "labels") if
                             settings.get(name) is not None}
    n = len(delta)
    spread = {name: _uncertainty(value, name, n) for name, value in
              (("std_delta_iso", std_delta_iso), ("std_C_Q", std_C_Q), ("std_eta", std_eta))}
    nucleus = find_isotope(isotope)
    checked = mas_spectrum(isotope, **plain)  # refuses what is no site, and tells the width and the whole axis
    base = checked.metadata["fwhm_ppm"] if broadening == "both" else 0.0
    columns = {name: np.broadcast_to(np.asarray(value), (n,)) for name, value in sites.items()}
    columns = {"delta_iso": delta, "weights": np.ones(n), **columns, "variance": spread["std_delta_iso"] ** 2}
    columns = _spread_out(columns, spread)
    return _laid_out(nucleus, columns, base, checked if axis is not None else None, settings)


def _uncertainty(value: ArrayLike | float, name: str, n: int) -> Array:
    try:
        column = np.broadcast_to(np.asarray(value, dtype=float), (n,))
    except ValueError:
        raise ValueError(f"{name} must have one value a site, {n}, got shape {np.shape(value)}") from None
    if not np.all(np.isfinite(column)) or np.any(column < 0):
        raise ValueError(f"{name} must be finite and not negative, got {column[~(column >= 0)][:1]}")
    return column


def _spread_out(columns: dict[str, Any], spread: dict[str, Array]) -> dict[str, Any]:
    """Each site at the nodes of a Gauss-Hermite rule in C_Q and in eta, eq. (13.15)."""
    coupling = "C_Q" if "C_Q" in columns else "abs_C_Q"
    for name, std, order in ((coupling, spread["std_C_Q"], 5), ("eta", spread["std_eta"], 3)):
        if name not in columns or not np.any(std > 0):
            continue
        nodes, weights = np.polynomial.hermite_e.hermegauss(order)
        weights = weights / weights.sum()
        n = len(columns["delta_iso"])
        std = np.tile(std, n // len(std))
        values = (columns[name] + std * nodes[:, None]).ravel()
        columns = {key: np.tile(column, order) for key, column in columns.items()}
        columns["weights"] = columns["weights"] * np.repeat(weights, n)
        columns[name] = np.abs(values) if name != "eta" else 1 - np.abs(1 - np.abs(values) % 2)
    return columns


def _laid_out(nucleus: Isotope, columns: dict[str, Any], base: float, given: Spectrum | None, settings: dict[str, Any]
              ) -> Spectrum:
    """The sum over a few widths, between which every site is shared so that its variance is kept, eq. (13.14)."""
    variance = columns.pop("variance")
    low, high = float(variance.min()), float(variance.max())
    first = max(low, 1e-4 * high)
    nodes = np.unique(np.concatenate([[low], np.geomspace(first, high, _NODES)])) if high > low else np.array([low])
    full = np.sqrt(base**2 + 8 * math.log(2) * nodes)
    if given is None:
        widest = mas_spectrum(nucleus, **columns, fwhm_ppm=float(full[-1]), **settings)
        ends = float(widest.ppm[0]), float(widest.ppm[-1])
        finest = max(float(full[0]), (ends[1] - ends[0]) / 8192) / 8
        axis: tuple[float, float, int] = (*ends, int(np.clip((ends[1] - ends[0]) / finest, 1024, 1 << 16)) + 1)
    else:
        axis = float(given.ppm[0]), float(given.ppm[-1]), len(given.ppm)
    place = np.clip(np.searchsorted(nodes, variance, side="right") - 1, 0, max(len(nodes) - 2, 0))
    gap = nodes[np.minimum(place + 1, len(nodes) - 1)] - nodes[place]
    upper = np.divide(variance - nodes[place], gap, out=np.zeros(len(variance)), where=gap > 0)
    total = float(columns["weights"].sum())
    parts = []
    for k, width in enumerate(full):
        share = np.where(place == k, 1 - upper, 0.0) + np.where(place == k - 1, upper, 0.0)
        weights = columns["weights"] * share
        rows = np.flatnonzero(weights > 0)
        if len(rows):
            some = {name: column[rows] for name, column in columns.items() if name != "weights"}
            made = mas_spectrum(nucleus, **some, weights=weights[rows], axis=axis, fwhm_ppm=float(width), **settings)
            parts.append((float(weights.sum()) / total, made))
    labels = sorted({label for _, part in parts for label in part.components})
    zero = np.zeros(axis[2])
    whole = parts[-1][1]
    return dataclasses.replace(
        whole, intensity=np.sum([p * part.intensity for p, part in parts], axis=0),
        components={label: np.sum([p * part.components.get(label, zero) for p, part in parts], axis=0)
                    for label in labels},
        fractions={label: float(sum(p * part.fractions.get(label, 0.0) for p, part in parts)) for label in labels},
        metadata={**whole.metadata, "sites": len(variance), "fwhm_ppm": base, "broadening": "uncertainty" if base == 0
                  else "both", "mean_std_ppm": float(np.sqrt(np.average(variance, weights=columns["weights"]))),
                  "outside": float(sum(p * part.metadata["outside"] for p, part in parts))})
