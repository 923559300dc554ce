# SPDX-License-Identifier: BSD-3-Clause
"""A trained model of whole tensors: shieldings or field gradients, Cartesian in and out, in one `*.gnmr` file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnmr import _core
from glassnmr.descriptors import EquivariantSOAP
from glassnmr.descriptors.base import Gradient
from glassnmr.io.elements import AXES
from glassnmr.io.predictions import Prediction
from glassnmr.isotopes import isotope as find_isotope
from glassnmr.local_model import LocalModel, checked_model_path, checked_slopes
from glassnmr.model import NMRModel
from glassnmr.tensor_errors import derived_deviations, tensor_widths
from glassnmr.tensors import efg_parameters, efg_principal_values, euler_angles, haeberlen, herzfeld_berger
from glassnmr.uncertainty import Intervals

if TYPE_CHECKING:
    import ase

__all__ = ["TensorModel", "cartesian", "derived_values", "load_model", "spherical"]

Core = _core.TensorModel
Floats = NDArray[np.float64]

_R = np.sqrt(0.5)
_SYMMETRIC = np.zeros((5, 3, 3))
for _m, (_a, _b) in enumerate(((0, 1), (1, 2), (2, 2), (0, 2))):
    if _m != 2:
        _SYMMETRIC[_m, _a, _b] = _SYMMETRIC[_m, _b, _a] = _R
_SYMMETRIC[2] = np.diag([-1.0, -1.0, 2.0]) / np.sqrt(6)
_SYMMETRIC[4] = np.diag([1.0, -1.0, 0.0]) * _R
_ANTISYMMETRIC = np.zeros((3, 3, 3))
for _m, (_a, _b) in enumerate(((2, 0), (0, 1), (1, 2))):  # y, z, x: the order of real harmonics
    _ANTISYMMETRIC[_m, _a, _b], _ANTISYMMETRIC[_m, _b, _a] = _R, -_R
_BASIS: Mapping[int, Floats] = {0: np.eye(3)[None] / np.sqrt(3), 1: _ANTISYMMETRIC, 2: _SYMMETRIC}


def spherical(tensor: ArrayLike, lam: int) -> Floats:
    """Components (..., 2 lam + 1) of Cartesian tensors (..., 3, 3) in the order of real harmonics (THEORY.md (11.12)).

    lam = 0: tr T / sqrt(3); 1: the antisymmetric part; 2: the symmetric traceless part. The basis is orthonormal, so
    that the squares of all components add up to those of the elements.

    Examples
    --------
    >>> t = np.arange(9.0).reshape(3, 3)
    >>> bool(np.allclose(sum(cartesian(spherical(t, lam), lam) for lam in (0, 1, 2)), t))
    True
    """
    t = np.asarray(tensor, dtype=np.float64)
    if t.shape[-2:] != (3, 3):
        raise ValueError(f"tensor must have shape (..., 3, 3), got {t.shape}")
    return np.asarray(np.einsum("mij,...ij->...m", _basis(lam), t))


def cartesian(components: ArrayLike, lam: int) -> Floats:
    """Tensors (..., 3, 3) of components (..., 2 lam + 1): the inverse of `spherical` for its part."""
    c = np.asarray(components, dtype=np.float64)
    if c.shape[-1:] != (2 * lam + 1,):
        raise ValueError(f"components must have shape (..., {2 * lam + 1}), got {c.shape}")
    return np.asarray(np.einsum("mij,...m->...ij", _basis(lam), c))


def _basis(lam: int) -> Floats:
    if lam not in _BASIS:
        raise ValueError(f"lam must be 0, 1 or 2, got {lam}")
    return _BASIS[lam]


def derived_values(tensor: ArrayLike, kind: str, isotope: str) -> dict[str, Floats]:
    """What experiments see of tensors (n, 3, 3), by the conventions of THEORY.md section 11.

    "ms" (ppm): sigma_iso, span, skew, zeta, eta_csa; "efg" (a.u.): V_zz, C_Q (MHz, with sign), abs_C_Q, eta. Both:
    alpha, beta, gamma (radians), the Euler angles of `glassnmr.tensors.euler_angles`.
    """
    t = np.asarray(tensor, dtype=np.float64)
    values: dict[str, Floats]
    if kind == "ms":
        h, z = herzfeld_berger(t), haeberlen(t)
        values = {"sigma_iso": h.iso, "span": h.span, "skew": h.skew, "zeta": z.zeta, "eta_csa": z.eta}
    elif kind == "efg":
        values = {"V_zz": efg_principal_values(t)[:, 2]}
        if find_isotope(isotope).quadrupole != 0:
            q = efg_parameters(t, isotope)
            values |= {"C_Q": q.C_Q, "abs_C_Q": np.abs(q.C_Q), "eta": q.eta}
    else:
        raise ValueError(f"kind must be ms or efg, got {kind!r}")
    angles = euler_angles(t, "haeberlen" if kind == "ms" else "efg")
    return values | dict(zip(("alpha", "beta", "gamma"), np.ascontiguousarray(angles.T), strict=True))


class TensorModel(LocalModel):
    """From structures to the shielding (ppm) or field gradient (a.u.) tensor of one kind of nucleus; immutable.

    Made by `glassnmr.tensor_training.fit_tensor_model` or `load`. Predictions turn with the structure; a field gradient
    is symmetric and traceless by construction.
    """

    _core: Core
    _kind = Core

    @property
    def tensor(self) -> str:
        """ "ms" (shielding, ppm) or "efg" (field gradient, a.u.)"""
        return self._core.tensor

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the quantities that a prediction holds, before the elements of the tensor."""
        return tuple(derived_values(np.eye(3)[None], self.tensor, self.isotope))

    @property
    def derived(self) -> tuple[str, ...]:
        """Names of what `gradient` takes beside whole tensors: derived values without the Euler angles."""
        return tuple(self._core.derived)

    @property
    def equivariants(self) -> tuple[EquivariantSOAP, ...]:
        """The equivariants of each part."""
        return tuple(EquivariantSOAP(self._core.species, **core.settings) for core in self._core.equivariants)

    @property
    def isotropic(self) -> NMRModel | None:
        """The scalar model of the isotropic shielding; None for field gradients."""
        core = self._core.isotropic
        return None if core is None else NMRModel(core)

    @property
    def reference(self) -> tuple[float, float] | None:
        """a (ppm), b of delta_iso = a + b sigma_iso, or None."""
        isotropic = self.isotropic
        return None if isotropic is None else isotropic.reference

    @property
    def uncertainty(self) -> dict[str, Any] | None:
        """lam, noise (3,) and, once calibrated, levels (K,), factors (Q, K), limit of THEORY.md eq. (9.30) and (9.13);
        None for a model without."""
        return self._core.uncertainty

    @property
    def intervals(self) -> tuple[tuple[str, ...], Intervals] | None:
        """Names, and intervals of each of them that left-out groups confirmed; None where the model was not calibrated.

        KIND_ii and KIND_ij (ms_ii ...) are of elements on and off the diagonal, axis_x and axis_z of the angles
        (radians) by which principal axes are off; the others have the names of predicted values.
        """
        known = self.uncertainty
        if known is None or "levels" not in known:
            return None
        found = Intervals(tuple(known["levels"]), np.asarray(known["factors"]), float(known["limit"]))
        return tuple(self._core.calibrated), found

    def with_intervals(self, names: Sequence[str], intervals: Intervals) -> TensorModel:
        """The same model with intervals for its predictions, as `glassnmr.tensor_training.train_tensor` gives it."""
        if self.uncertainty is None:
            raise ValueError("this model carries no variance that intervals could be made of: train it anew")
        if intervals.exponent != 1:
            raise ValueError(f"the intervals of tensors have exponent 1, got {intervals.exponent}")
        return TensorModel(self._core.with_intervals(list(names), np.asarray(intervals.levels), intervals.factors,
                                                     intervals.limit))

    def tensors(self, atoms: ase.Atoms, centres: ArrayLike | None = None, *, n_threads: int = 0) -> Floats:
        """Tensors (n, 3, 3) of the model's centres of one structure, or of the atoms with the given indices."""
        return self._core.predict(*self._arrays(atoms, centres), n_threads=n_threads)

    def predict_frame(self, atoms: ase.Atoms, *, frame: int = 0, errors: bool = True, n_threads: int = 0) -> Prediction:
        """Derived values (`derived_values`), delta_iso with a reference, and the nine elements as ms_xx ... efg_zz.

        With `errors`, from a model that has `intervals`, also std_x and half90_x for each name x there and delta_iso,
        half widths of the intervals that held 68.27 % and 90 % of left-out rows, and unlike_ms or unlike_efg, 1 for
        environments unlike the training set, else 0.
        """
        arrays = self._arrays(atoms, name=f"frame {frame}")
        intervals = self.intervals if errors else None
        if intervals is None:
            found, novelty = self._core.predict(*arrays, n_threads=n_threads), np.zeros(0)
        else:
            found, novelty = self._core.predict_with_novelty(*arrays, n_threads=n_threads)
        values = derived_values(found, self.tensor, self.isotope)
        if self.reference is not None:
            a, b = self.reference
            values["delta_iso"] = a + b * values["sigma_iso"]
        elements = np.ascontiguousarray(found.reshape(-1, 9).T)
        values |= {f"{self.tensor}_{axes}": elements[k] for k, axes in enumerate(AXES)}
        if intervals is not None:
            values |= self._errors(*intervals, found, novelty)
        return Prediction(frame, arrays[-1], values, self.isotope)

    def _errors(self, names: tuple[str, ...], intervals: Intervals, tensors: Floats, novelty: Floats
                ) -> dict[str, Floats]:
        """Half widths and the flag by name; those of delta_iso are the slope times those of sigma_iso."""
        assert self.uncertainty is not None
        parts = np.sqrt(1 + novelty)[:, None] * np.asarray(self.uncertainty["noise"])
        deviations = derived_deviations(tensors, self.tensor, self.isotope, parts)
        found: dict[str, Floats] = {}
        for told, level in (("std", 0.6827), ("half90", 0.9)):
            widths = tensor_widths(names, intervals, deviations, level)
            if self.reference is not None:
                widths["delta_iso"] = abs(self.reference[1]) * widths["sigma_iso"]
            found |= {f"{told}_{name}": np.ascontiguousarray(width) for name, width in widths.items()}
        return found | {f"unlike_{self.tensor}": intervals.unlike(novelty).astype(np.float64)}

    def predict(self, frames: Iterable[ase.Atoms], *, errors: bool = True, n_threads: int = 0,
                progress: Callable[[int, int], None] | None = None) -> Iterator[Prediction]:
        """Predictions frame by frame (`predict_frame`), as a stream; one frame is held at a time."""
        return self._stream(frames, lambda atoms, number: self.predict_frame(
            atoms, frame=number, errors=errors, n_threads=n_threads), progress)

    def gradient(self, atoms: ase.Atoms, dl_dpredictions: ArrayLike | Mapping[str, ArrayLike], *, n_threads: int = 0
                 ) -> Gradient:
        """Derivatives by the atoms of a number L whose derivatives by the predictions are known, eq. (10.4), (10.7).

        At the cost of about two to three predictions, without storing anything for each pair of atoms.

        Parameters
        ----------
        atoms : as for `predict_frame`
        dl_dpredictions : (n, 3, 3) dL/dtensor of each centre, in the order of the atoms; or by names of `derived` the
            (n,) dL/dvalue of each centre
        n_threads : 0 is the runtime's default; the result has the same bits for any number

        Returns
        -------
        Gradient : dL/dpositions (N, 3) and dL/dstrain (3, 3)

        Raises
        ------
        ValueError
            As `predict_frame`, a name that is not derived, or derivatives of another shape or not finite.

        Notes
        -----
        Where two principal values change places what is derived has a kink: there the gradient is that of one side.

        Examples
        --------
        >>> from glassnmr.data.reference import load
        >>> from glassnmr.descriptors import SphericalBesselSOAP
        >>> from glassnmr.tensor_learning import EquivariantLSSVR
        >>> from glassnmr.tensor_training import fit_tensor_model
        >>> data = load("efg-17O").select(mask=range(60))
        >>> species = sorted({s for atoms in data.structures for s in atoms.get_chemical_symbols()})
        >>> setting = {"cutoff": 3.5, "n_max": 3, "l_max": 2}
        >>> part = EquivariantSOAP(species, lam=2, **setting)
        >>> model = fit_tensor_model(data, SphericalBesselSOAP(species, **setting), [part],
        ...                          {2: EquivariantLSSVR(n_landmarks=20)})
        >>> atoms = data.structures[0]
        >>> found = model.gradient(atoms, {"C_Q": np.ones(int((atoms.numbers == 8).sum()))})  # of the sum of C_Q
        >>> found.positions.shape == (len(atoms), 3)
        True
        """
        arrays = self._arrays(atoms)
        n = len(arrays[-1])
        if isinstance(dl_dpredictions, Mapping):
            values = self._core.predict(*arrays, n_threads=n_threads).reshape(n, 9)
            by_derived = np.zeros((n, len(self.derived)))
            for name, column in dl_dpredictions.items():
                if name not in self.derived:
                    raise ValueError(f"dl_dpredictions must name some of {', '.join(self.derived)}, got {name!r}")
                by_derived[:, self.derived.index(name)] = checked_slopes(column, (n,), f"dl_dpredictions of {name}")
            given = self._core.derive_gradient(values, by_derived)
        else:
            given = checked_slopes(dl_dpredictions, (n, 3, 3), "dl_dpredictions").reshape(n, 9)
        return self._pulled(arrays, given, n_threads)

    def __repr__(self) -> str:
        return (f"TensorModel(isotope={self.isotope!r}, tensor={self.tensor!r}, descriptor={self._descriptor!r}, "
                f"equivariants={self.equivariants!r})")


def load_model(path: str | os.PathLike[str]) -> NMRModel | TensorModel:
    """The model of a `*.gnmr` file, of scalars or of tensors."""
    return TensorModel.load(path) if _core.TensorModel.holds_tensors(checked_model_path(path)) else NMRModel.load(path)
