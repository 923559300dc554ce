# SPDX-License-Identifier: BSD-3-Clause
"""From a model of an oxide glass to the solid-state NMR spectra that an experimenter would measure.

Structures come from `read_frames`, tensors to learn from `read_dataset`; a descriptor (`SphericalBesselSOAP`) and a
regressor (`LSSVR`, `KernelRidge`) make an `NMRModel`; its predictions make a `Spectrum` through `mas_spectrum`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from glassnmr._core import NumericalError, config
from glassnmr.version import __version__

if TYPE_CHECKING:
    from glassnmr.calculator import NMRCalculator
    from glassnmr.dataset import Dataset, read_dataset
    from glassnmr.descriptors import (
        BehlerParrinello,
        ChebyshevARDF,
        Descriptor,
        EquivariantSOAP,
        ReducedDescriptor,
        SphericalBesselSOAP,
        SurroundingsDescriptor,
        former_mixing,
        neighbours,
        reduce_descriptor,
        valence_mixing,
    )
    from glassnmr.distributions import Czjzek, ExtendedCzjzek, fit_czjzek, fit_extended_czjzek
    from glassnmr.ensembles import average_predictions, ensemble_sites, uncertain_spectrum
    from glassnmr.experiment import read_measurement
    from glassnmr.fitting import fit_spectrum, rank_models
    from glassnmr.io import read_frames, read_predictions, write_predictions
    from glassnmr.isotopes import Isotope, isotope
    from glassnmr.learning import LSSVR, KernelRidge
    from glassnmr.model import NMRModel, fit_reference
    from glassnmr.moving import MovingStructure
    from glassnmr.mqmas import Spectrum2D, mqmas_spectrum
    from glassnmr.site_fit import fit_sites
    from glassnmr.sites import site_labels
    from glassnmr.spectra import Spectrum, mas_spectrum
    from glassnmr.tensor_learning import EquivariantLSSVR
    from glassnmr.tensor_model import TensorModel, load_model
    from glassnmr.tensor_training import train_tensor, validate_tensor
    from glassnmr.training import train, validate
    from glassnmr.tuning import nested_tune, tune
    from glassnmr.validation import GroupedKFold, cross_validate
    from glassnmr.workers import predict_frames

# Where each public name lives: loaded when it is first used, so that the command line starts fast.
_HOME = {
    "Dataset": "dataset", "read_dataset": "dataset",
    "Descriptor": "descriptors", "SphericalBesselSOAP": "descriptors", "former_mixing": "descriptors",
    "BehlerParrinello": "descriptors", "ChebyshevARDF": "descriptors",
    "neighbours": "descriptors", "ReducedDescriptor": "descriptors", "EquivariantSOAP": "descriptors",
    "reduce_descriptor": "descriptors", "SurroundingsDescriptor": "descriptors",
    "valence_mixing": "descriptors",
    "read_measurement": "experiment", "fit_spectrum": "fitting", "rank_models": "fitting", "fit_sites": "site_fit",
    "site_labels": "sites", "average_predictions": "ensembles", "ensemble_sites": "ensembles",
    "uncertain_spectrum": "ensembles", "Czjzek": "distributions", "ExtendedCzjzek": "distributions",
    "fit_czjzek": "distributions", "fit_extended_czjzek": "distributions",
    "read_frames": "io", "read_predictions": "io", "write_predictions": "io",
    "Isotope": "isotopes", "isotope": "isotopes",
    "LSSVR": "learning", "KernelRidge": "learning",
    "NMRModel": "model", "fit_reference": "model", "MovingStructure": "moving",
    "NMRCalculator": "calculator",
    "Spectrum": "spectra", "mas_spectrum": "spectra",
    "Spectrum2D": "mqmas", "mqmas_spectrum": "mqmas",
    "EquivariantLSSVR": "tensor_learning", "TensorModel": "tensor_model", "load_model": "tensor_model",
    "train_tensor": "tensor_training", "validate_tensor": "tensor_training",
    "train": "training", "validate": "training", "nested_tune": "tuning", "tune": "tuning",
    "GroupedKFold": "validation", "cross_validate": "validation", "predict_frames": "workers",
}

__all__ = [
    "LSSVR", "BehlerParrinello", "ChebyshevARDF", "Czjzek", "Dataset", "Descriptor", "EquivariantLSSVR",
    "EquivariantSOAP", "ExtendedCzjzek", "GroupedKFold", "Isotope", "KernelRidge", "MovingStructure",
    "NMRCalculator", "NMRModel",
    "NumericalError", "ReducedDescriptor", "Spectrum", "Spectrum2D", "SphericalBesselSOAP",
    "SurroundingsDescriptor", "TensorModel",
    "__version__", "average_predictions", "config", "cross_validate", "ensemble_sites", "fit_czjzek",
    "fit_extended_czjzek", "fit_reference", "fit_sites", "fit_spectrum", "former_mixing", "isotope", "load_model",
    "mas_spectrum", "mqmas_spectrum", "neighbours", "nested_tune", "predict_frames", "rank_models", "read_dataset",
    "read_frames", "read_measurement", "read_predictions", "reduce_descriptor", "site_labels", "train", "train_tensor",
    "tune", "uncertain_spectrum", "valence_mixing", "validate", "validate_tensor", "write_predictions",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'glassnmr' has no attribute {name!r}")
    return getattr(import_module(f"glassnmr.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
