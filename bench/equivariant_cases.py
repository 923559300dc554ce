# SPDX-License-Identifier: BSD-3-Clause
"""Cases of equivariants: features and gradients of each lambda, and prediction of whole tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.cases import FEATOMIC, SOAP, Work, case, structure


def _descriptor(species: list[str], lam: int, compression: str) -> Any:
    from glassnmr.descriptors import EquivariantSOAP

    return EquivariantSOAP(species, **SOAP, lam=lam, compression=compression)


def _equivariant_cases(kind: str, lam: int, compression: str) -> None:
    what = f"lambda {lam} {kind}{'' if compression == 'none' else ', ' + compression}"

    @case(f"equivariants {what}/glassnmr")
    def own(tiny: bool, threads: int) -> Work:
        atoms, species = structure(kind, tiny)
        soap = _descriptor(species, lam, compression)
        out = np.empty((len(atoms), soap.n_features))
        return Work(lambda: soap.transform(atoms, out=out, n_threads=threads), len(atoms), "environment")

    if lam == 2:
        @case(f"gradient equivariants {what}/glassnmr")
        def gradient(tiny: bool, threads: int) -> Work:
            atoms, species = structure(kind, tiny)
            soap = _descriptor(species, lam, compression)
            given = np.ones((len(atoms), soap.n_features))
            return Work(lambda: soap.gradient(atoms, given, n_threads=threads), len(atoms), "environment")

    if compression == "none":
        @case(f"equivariants {what}/featomic")
        def featomic(tiny: bool, threads: int) -> Work:
            from featomic.clebsch_gordan import EquivariantPowerSpectrum
            from metatensor import Labels

            atoms, _ = structure(kind, tiny)
            from featomic import SphericalExpansion

            calculator = EquivariantPowerSpectrum(SphericalExpansion(**FEATOMIC))
            wanted = Labels(["o3_lambda", "o3_sigma"], np.array([[lam, 1]]))
            return Work(lambda: calculator.compute(atoms, selected_keys=wanted, neighbors_to_properties=True),
                        len(atoms), "environment")


def _tensor_model(kind: str, tiny: bool) -> tuple[Any, Any, int]:
    """A model of field gradients with 250 landmarks at random, a structure and its number of centres."""
    from glassnmr import _core
    from glassnmr.descriptors import SphericalBesselSOAP
    from glassnmr.tensor_model import TensorModel

    atoms, species = structure(kind, tiny)
    soap, part = SphericalBesselSOAP(species, **SOAP, compression="mu1nu1"), _descriptor(species, 2, "mu1nu1")
    rng = np.random.default_rng(0)
    core = _core.TensorPart(equivariants=part._core, kernel="gaussian", kappa=1e-3, degree=2, offset=1.0,
                            landmarks=rng.random((250, soap.n_features)),
                            weights=rng.random((250, part.n_equivariants)))
    model = TensorModel(_core.TensorModel(descriptor=soap._core, species=species, isotope="17O", centre="O",
                                          tensor="efg", parts=[core], isotropic=None, provenance=""))
    return model, atoms, int((atoms.numbers == 8).sum())


def _tensor_cases(kind: str) -> None:
    @case(f"tensors of {kind}, 250 landmarks/glassnmr")
    def predict(tiny: bool, threads: int) -> Work:
        model, atoms, n = _tensor_model(kind, tiny)
        return Work(lambda: model.tensors(atoms, n_threads=threads), n, "centre")

    @case(f"gradient of tensors of {kind}, 250 landmarks/glassnmr")
    def gradient(tiny: bool, threads: int) -> Work:
        model, atoms, n = _tensor_model(kind, tiny)
        given = np.ones((n, 3, 3))
        return Work(lambda: model.gradient(atoms, given, n_threads=threads), n, "centre")


for _kind in ("2 species", "5 species"):
    for _lam in (0, 1, 2):
        for _compression in ("mu1nu1", "none"):
            _equivariant_cases(_kind, _lam, _compression)
for _kind in ("2 species", "5 species"):
    _tensor_cases(_kind)
