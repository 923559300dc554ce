# SPDX-License-Identifier: BSD-3-Clause
"""NMR parameters as an ASE calculator: in molecular dynamics, optimisations and whatever else drives `ase.Atoms`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from glassnmr.io.elements import TENSORS, tensor_of

if TYPE_CHECKING:
    from glassnmr.model import NMRModel
    from glassnmr.tensor_model import TensorModel

__all__ = ["NMRCalculator"]

_ANGLES = ("alpha", "beta", "gamma")


class NMRCalculator(Calculator):
    """Per-atom NMR parameters of trained models, beside the energies and forces of another calculator.

    Each quantity that a model predicts (its targets, delta_iso, std_x, ...; of tensors the elements ms_xx ... efg_zz,
    C_Q, eta, span, ...) is a property: an array over all atoms, NaN where no model predicts the atom. Whole tensors are
    the properties ms and efg, (N, 3, 3). Properties are made when they are asked for and kept until the atoms change,
    so that a driver that wants forces only pays for forces only.

    Parameters
    ----------
    models : one model, or several: of scalars, shieldings or field gradients, of any elements
    base : calculator that gives energies, forces and stresses, for drivers that want them
    always : make the NMR parameters with every calculation, so that `results` holds them without being asked
    errors : give std_x, half90_x and unlike_x, too, where a model has them
    n_threads : 0 is the runtime's default

    Raises
    ------
    ValueError
        No model, or two models that give one quantity of one element.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from glassnmr.data.reference import load
    >>> from glassnmr.descriptors import SphericalBesselSOAP
    >>> from glassnmr.model import NMRModel
    >>> data = load("shielding", isotope="29Si")
    >>> model = NMRModel.fit(data, SphericalBesselSOAP(["O", "Si", "Na", "H"], cutoff=3.3, n_max=4, l_max=2))
    >>> silane = molecule("SiH4")
    >>> silane.calc = NMRCalculator(model)
    >>> sigma = silane.calc.get_property("sigma_iso", silane)
    >>> sigma.shape, int(np.isfinite(sigma).sum())
    ((5,), 1)
    """

    def __init__(self, models: NMRModel | TensorModel | Sequence[NMRModel | TensorModel],
                 base: Calculator | None = None, *, always: bool = False, errors: bool = True, n_threads: int = 0
                 ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # here and below: ASE has no types
        self.models = tuple(models) if isinstance(models, Sequence) else (models,)
        if not self.models:
            raise ValueError("models must hold at least one model")
        self.base, self.always, self._errors, self._n_threads = base, always, errors, n_threads
        names: dict[str, None] = {}
        given: set[tuple[str, str]] = set()
        for model in self.models:  # what it gives for any atom, it gives for one
            own = self._values(model, Atoms(model.centre))[1]
            twice = [name for name in own if (model.centre, name) in given]
            if twice:
                raise ValueError(f"models must not give one quantity of an element twice, got {twice[0]} of "
                                 f"{model.centre}")
            given |= {(model.centre, name) for name in own}
            names |= dict.fromkeys(own)
        self.nmr_properties = tuple(names)
        self.implemented_properties = [*names, *(base.implemented_properties if base is not None else ())]

    def _values(self, model: NMRModel | TensorModel, atoms: Atoms) -> tuple[Any, dict[str, Any]]:
        """Atoms, and values of each; whole tensors, too, but no Euler angles: each tensor has its own."""
        prediction = model.predict_frame(atoms, errors=self._errors, n_threads=self._n_threads)
        values: dict[str, Any] = {name: x for name, x in prediction.values.items() if name not in _ANGLES}
        for kind in TENSORS:
            tensor = tensor_of(values, kind)
            values |= {} if tensor is None else {kind: tensor}
        return prediction.atoms, values

    def calculate(self, atoms: Atoms | None = None, properties: Sequence[str] = ("sigma_iso",),
                  system_changes: Sequence[str] = all_changes) -> None:
        """What ASE calls: makes the properties asked for, and adds them to `results`."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        for name in properties:
            if self.base is not None and name not in self.nmr_properties:
                value = self.base.get_property(name, self.atoms)
                self.results.update(self.base.results)
                self.results[name] = value
        if self.always or any(name in self.nmr_properties for name in properties):
            self.results.update(self._nmr())

    def _nmr(self) -> dict[str, Any]:
        """Arrays over all atoms; those of several models share a name where both have the quantity."""
        found: dict[str, Any] = {}
        atoms: Any = self.atoms
        for model in self.models:
            which, values = self._values(model, atoms)
            for name, value in values.items():
                if name not in found:
                    found[name] = np.full((len(atoms), *np.shape(value)[1:]), np.nan)
                found[name][which] = value
        for name in self.nmr_properties:
            shape = (len(atoms), 3, 3) if name in TENSORS else (len(atoms),)
            found.setdefault(name, np.full(shape, np.nan))
        return found

    def store(self, atoms: Atoms) -> None:
        """Put all NMR parameters into `atoms.arrays`, so that they are written with the structure."""
        for name in self.nmr_properties:
            value = self.get_property(name, atoms)  # type: ignore[no-untyped-call]
            atoms.set_array(name, np.array(value).reshape(len(atoms), -1) if name in TENSORS else np.array(value))
