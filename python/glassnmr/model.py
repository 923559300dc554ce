# SPDX-License-Identifier: BSD-3-Clause
"""A trained model: descriptor, regressor, units and shift reference in one `*.gnmr` file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.descriptors import Descriptor
from glassnmr.descriptors.base import Gradient
from glassnmr.io.predictions import Prediction
from glassnmr.local_model import LocalModel, checked_slopes
from glassnmr.version import __version__

if TYPE_CHECKING:
    import ase

    from glassnmr.learning import LSSVR, KernelRidge
    from glassnmr.table import Dataset
    from glassnmr.uncertainty import Intervals

__all__ = ["TARGET_UNITS", "NMRModel", "fit_reference", "training_rows"]

Core = _core.Model

TARGET_UNITS: Mapping[str, str] = {"sigma_iso": "ppm", "C_Q": "MHz", "abs_C_Q": "MHz", "eta": "1", "V_zz": "au",
                                   "P_Q": "MHz", "span": "ppm", "skew": "1", "zeta": "ppm"}
"""Unit of each quantity that can be learnt as a scalar."""


def fit_reference(sigma_iso: ArrayLike, delta_iso: ArrayLike, *, slope: float | None = None
                  ) -> tuple[float, float, float]:
    """Shift reference delta_iso = a + b sigma_iso from crystals whose shift is measured.

    Parameters
    ----------
    sigma_iso : (N,) computed shieldings, ppm
    delta_iso : (N,) measured shifts, ppm
    slope : b, when it shall be fixed (-1 with few crystals); fitted by default

    Returns
    -------
    a (ppm), b, and the root mean square residual (ppm)

    Raises
    ------
    ValueError
        Fewer crystals than parameters, numbers that are not finite, or shieldings that are all the same.

    Examples
    --------
    >>> a, b, rms = fit_reference([430.0, 440.0, 452.0], [-98.0, -108.0, -120.0])
    >>> round(a, 6), round(b, 6), round(rms, 6)
    (332.0, -1.0, 0.0)
    """
    sigma, delta = np.asarray(sigma_iso, dtype=float), np.asarray(delta_iso, dtype=float)
    if sigma.ndim != 1 or sigma.shape != delta.shape:
        raise ValueError("sigma_iso and delta_iso must be two lists of one length, "
                         f"got {sigma.shape} and {delta.shape}")
    if not (np.isfinite(sigma).all() and np.isfinite(delta).all()):
        raise ValueError("sigma_iso and delta_iso must be finite")
    if len(sigma) < (1 if slope is not None else 2):
        raise ValueError(f"a reference needs at least {1 if slope is not None else 2} crystals, got {len(sigma)}")
    if slope is None:
        centred = sigma - sigma.mean()
        if not centred @ centred > 0:
            raise ValueError("the shieldings of the reference crystals are all the same: fix the slope")
        slope = float(centred @ delta / (centred @ centred))
    a = float((delta - slope * sigma).mean())
    rms = float(np.sqrt(np.mean((a + slope * sigma - delta) ** 2)))
    return a, float(slope), rms


def training_rows(dataset: Dataset, descriptor: Descriptor, *, n_threads: int = 0) -> NDArray[np.float64]:
    """Feature rows (R, n_features) of the rows of a dataset, in its order."""
    order = np.argsort(dataset.structure, kind="stable")
    owner = dataset.structure[order]
    used = np.unique(owner)
    centres = [dataset.centre[order[owner == k]] for k in used]
    rows = np.empty((len(dataset), descriptor.n_features))
    rows[order] = descriptor.transform([dataset.structures[k] for k in used], centres, n_threads=n_threads)
    return rows


class NMRModel(LocalModel):
    """From structures to NMR parameters of one kind of nucleus; immutable.

    Made by `fit` or `load`. `predict` streams over frames; feature rows live only in blocks inside the core.

    Examples
    --------
    >>> from glassnmr.data.reference import load
    >>> from glassnmr.descriptors import SphericalBesselSOAP
    >>> from glassnmr.learning import LSSVR
    >>> data = load("shielding", isotope="29Si")
    >>> soap = SphericalBesselSOAP(["O", "Si", "Na"], cutoff=3.3, n_max=4, l_max=2)
    >>> model = NMRModel.fit(data, soap, LSSVR(n_landmarks=50, lam=1e-3))
    >>> next(model.predict([data.structures[0]])).values["sigma_iso"].shape == (
    ...     int((data.structures[0].numbers == 14).sum()),)
    True
    """

    _core: Core
    _kind = Core

    @classmethod
    def fit(cls, dataset: Dataset, descriptor: Descriptor, regressor: LSSVR | KernelRidge | None = None, *,
            targets: Sequence[str] = ("sigma_iso",), reference: tuple[float, float] | None = None,
            provenance: Mapping[str, Any] | None = None, features: NDArray[np.float64] | None = None,
            n_threads: int = 0) -> NMRModel:
        """Train on every row of a dataset.

        Parameters
        ----------
        dataset : rows of one isotope
        descriptor : makes the features
        regressor : LSSVR or KernelRidge; it is not changed. LSSVR() by default.
        targets : names that `dataset.target` knows, learnt together
        reference : a, b of delta_iso = a + b sigma_iso; without it the model gives no shifts
        provenance : kept in the file (JSON): data, settings, errors
        features : rows of `training_rows`, when they are at hand

        Raises
        ------
        ValueError
            Rows of several isotopes, an unknown target, or values that are not finite.
        """
        from glassnmr.learning import LSSVR

        isotopes = sorted(set(dataset.isotope.tolist()))
        elements = sorted(set(dataset.element.tolist()))
        if len(dataset) == 0:
            raise ValueError("the dataset has no rows to train on")
        if len(isotopes) != 1 or len(elements) != 1:
            raise ValueError(f"a model is of one isotope, the dataset holds {', '.join(isotopes)}: select one of them")
        unknown = [t for t in targets if t not in TARGET_UNITS]
        if unknown or not targets or len(set(targets)) != len(targets):
            raise ValueError(f"targets must be different names of {', '.join(TARGET_UNITS)}, got {', '.join(targets)}")
        y = np.column_stack([dataset.target(t) for t in targets])
        x = training_rows(dataset, descriptor, n_threads=n_threads) if features is None else features
        regressor = LSSVR() if regressor is None else type(regressor)(**regressor.get_params())
        if isinstance(regressor, LSSVR):
            regressor.fit(x, y, groups=dataset.group, batches=dataset.structure)
        else:
            regressor.fit(x, y)
        settings = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in descriptor.get_params().items()}
        story = {"glassnmr": __version__, "rows": len(dataset), "groups": len(set(dataset.group.tolist())),
                 "sources": sorted(set(dataset.source.tolist())), "descriptor": settings,
                 "regressor": {"type": type(regressor).__name__, **regressor.get_params()}, **(provenance or {})}
        return cls(_core.Model(
            descriptor=descriptor._core, species=list(descriptor.species), isotope=isotopes[0], centre=elements[0],
            kernel=regressor.core_kernel(), landmarks=np.asarray(regressor.landmarks_),
            weights=np.reshape(regressor.weights_, (-1, len(targets))), bias=np.reshape(regressor.bias_, -1),
            uncertainty=_uncertainty(regressor), targets=list(targets), units=[TARGET_UNITS[t] for t in targets],
            reference=reference, provenance=json.dumps(story, default=_plain)))

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the quantities learnt."""
        return tuple(self._core.targets)

    @property
    def units(self) -> tuple[str, ...]:
        """Unit of each target."""
        return tuple(self._core.units)

    @property
    def reference(self) -> tuple[float, float] | None:
        """a (ppm), b of delta_iso = a + b sigma_iso, or None."""
        return self._core.reference

    @property
    def kernel(self) -> list[dict[str, Any]]:
        """Kernel name, parameters, relevance and columns of each term of the kernel, one for a plain kernel."""
        return self._core.kernel

    @property
    def uncertainty(self) -> dict[str, Any] | None:
        """lam, noise (T,) and, once calibrated, levels (K,), factors (T, K), limit of THEORY.md eq. (9.12), (9.13);
        None for a model without."""
        return self._core.uncertainty

    @property
    def n_landmarks(self) -> int:
        """Environments that a prediction compares with."""
        return int(self._core.n_landmarks)

    @property
    def intervals(self) -> Intervals | None:
        """Intervals that left-out groups confirmed; None where the model was not calibrated, as by `fit` alone."""
        from glassnmr.uncertainty import Intervals

        known = self.uncertainty
        if known is None or "levels" not in known:
            return None
        return Intervals(tuple(known["levels"]), np.asarray(known["factors"]), float(known["limit"]),
                         float(known["exponent"]))

    def with_intervals(self, intervals: Intervals) -> NMRModel:
        """The same model with intervals for its predictions, as `glassnmr.training.train` gives it.

        Raises
        ------
        ValueError
            A model without variances (lam = 0), or intervals of other targets.
        """
        if self.uncertainty is None:
            raise ValueError("this model carries no variance to make intervals of: train it with lam above 0")
        if len(intervals.factors) != len(self.targets):
            raise ValueError(f"intervals must be of {len(self.targets)} targets, got {len(intervals.factors)}")
        return NMRModel(self._core.with_intervals(np.asarray(intervals.levels), intervals.factors, intervals.limit,
                                                  exponent=intervals.exponent, provenance=self._core.provenance))

    def with_reference(self, reference: tuple[float, float] | None, story: Mapping[str, Any] | None = None) -> NMRModel:
        """The same model with another shift reference, or none.

        Parameters
        ----------
        reference : a (ppm), b of delta_iso = a + b sigma_iso, as `glassnmr.calibration.calibrate` fits them
        story : kept in the provenance as ``calibration``: points, errors, where they come from
        """
        told = {key: value for key, value in self.provenance.items() if key != "calibration"}
        if story is not None:
            told["calibration"] = dict(story)
        return NMRModel(self._core.with_reference(reference, provenance=json.dumps(told, default=_plain)))

    @property
    def landmarks(self) -> NDArray[np.float64]:
        """Feature rows (n_landmarks, n_features) of the environments that a prediction compares with."""
        return np.asarray(self._core.landmarks)

    def shift(self, sigma_iso: ArrayLike) -> NDArray[np.float64]:
        """delta_iso (ppm) of shieldings (ppm); ValueError when the model has no reference."""
        if self.reference is None:
            raise ValueError(f"this {self.isotope} model has no shift reference: train it with reference=(a, b) of "
                             "delta_iso = a + b sigma_iso, fitted on crystals of known shift")
        a, b = self.reference
        return a + b * np.asarray(sigma_iso, dtype=float)

    def predict_frame(self, atoms: ase.Atoms, *, frame: int = 0, errors: bool = True, precision: str = "double",
                      n_threads: int = 0) -> Prediction:
        """NMR parameters of every centre of one structure.

        `values` holds the targets and, with a reference, delta_iso. With `errors`, from a model that has `intervals`,
        also for each target x: std_x and half90_x, half widths of the intervals that held 68.27 % and 90 % of left-out
        rows, and unlike_x, 1 for environments unlike the training set, else 0.
        """
        arrays = self._arrays(atoms, name=f"frame {frame}")
        intervals = self.intervals if errors else None
        if intervals is None:
            table = self._core.predict(*arrays, precision=precision, n_threads=n_threads)
        else:
            table, novelty = self._core.predict_with_novelty(*arrays, precision=precision, n_threads=n_threads)
        values = {name: np.ascontiguousarray(table[:, t]) for t, name in enumerate(self.targets)}
        if "sigma_iso" in values and self.reference is not None:
            values["delta_iso"] = self.shift(values["sigma_iso"])
        if intervals is not None:
            values |= self._errors(intervals, novelty)
        return Prediction(frame, arrays[-1], values, self.isotope)

    def _errors(self, intervals: Intervals, novelty: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Half widths and flags by name; those of delta_iso are the slope of the reference times those of sigma_iso."""
        from glassnmr.uncertainty import tempered

        assert self.uncertainty is not None
        noise = np.asarray(self.uncertainty["noise"])
        deviation = tempered(np.sqrt(1 + novelty)[:, None] * noise, novelty, intervals.exponent)
        unlike = intervals.unlike(novelty).astype(np.float64)
        found: dict[str, NDArray[np.float64]] = {}
        for t, name in enumerate(self.targets):
            widths = {"std": intervals.half_width(deviation, 0.6827)[:, t],
                      "half90": intervals.half_width(deviation, 0.9)[:, t]}
            found |= {f"{kind}_{name}": np.ascontiguousarray(width) for kind, width in widths.items()}
            if name == "sigma_iso" and self.reference is not None:
                found |= {f"{kind}_delta_iso": abs(self.reference[1]) * width for kind, width in widths.items()}
            found[f"unlike_{name}"] = unlike
        return found

    def predict(self, frames: Iterable[ase.Atoms], *, errors: bool = True, precision: str = "double",
                n_threads: int = 0, progress: Callable[[int, int], None] | None = None) -> Iterator[Prediction]:
        """Predictions frame by frame, as a stream; one frame is held at a time.

        Parameters
        ----------
        frames : structures with no element outside the descriptor's species
        errors : give intervals and flags, too, where the model has them (see `predict_frame`); takes some more time
        precision : "double", or "single" for the products of rows with landmarks in float32, all else in double: about
            twice as fast with long rows, and off by parts in a million (THEORY.md eq. (7.7))
        n_threads : 0 is the runtime's default; the result has the same bits for any number
        progress : called with (frames done, atoms done)
        """
        return self._stream(frames, lambda atoms, number: self.predict_frame(
            atoms, frame=number, errors=errors, precision=precision, n_threads=n_threads), progress)

    def gradient(self, atoms: ase.Atoms, dl_dpredictions: ArrayLike, *, n_threads: int = 0) -> Gradient:
        """Derivatives by the atoms of a number L whose derivatives by the predictions are known, eq. (10.4).

        At the cost of about three predictions, without storing anything for each pair of atoms.

        Parameters
        ----------
        atoms : as for `predict_frame`
        dl_dpredictions : (n, T) dL/dvalue of each centre, in the order of the atoms, and each of `targets`; (n,) with
            one target
        n_threads : 0 is the runtime's default; the result has the same bits for any number

        Returns
        -------
        Gradient : dL/dpositions (N, 3) and dL/dstrain (3, 3)

        Raises
        ------
        ValueError
            As `predict_frame`, or `dl_dpredictions` of another shape or not finite.

        Examples
        --------
        >>> import numpy as np
        >>> from glassnmr.data.reference import load
        >>> from glassnmr.descriptors import SphericalBesselSOAP
        >>> data = load("shielding", isotope="29Si")
        >>> model = NMRModel.fit(data, SphericalBesselSOAP(["O", "Si", "Na"], cutoff=3.3, n_max=4, l_max=2))
        >>> cluster = data.structures[0]
        >>> found = model.gradient(cluster, np.ones(int((cluster.numbers == 14).sum())))  # of the sum of shieldings
        >>> found.positions.shape == (len(cluster), 3)
        True
        """
        arrays = self._arrays(atoms)
        given, shape = np.asarray(dl_dpredictions, dtype=np.float64), (len(arrays[-1]), len(self.targets))
        if given.ndim == 1 and shape[1] == 1:
            given = given[:, None]
        return self._pulled(arrays, checked_slopes(given, shape, "dl_dpredictions"), n_threads)

    def __repr__(self) -> str:
        return (f"NMRModel(isotope={self.isotope!r}, targets={self.targets}, n_landmarks={self.n_landmarks}, "
                f"descriptor={self._descriptor!r})")


def _uncertainty(regressor: LSSVR | KernelRidge) -> _core.Uncertainty | None:
    """What the core needs for variances; None where the regressor has none."""
    if not regressor.has_variance:
        return None
    return _core.Uncertainty(regressor.core_variance(), lam=float(regressor.lam), noise=regressor.noise_)


def _plain(value: Any) -> Any:
    """What JSON lacks: NumPy numbers, arrays and paths."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)
