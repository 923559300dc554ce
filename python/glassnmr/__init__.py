# SPDX-License-Identifier: BSD-3-Clause
"""From a model of an oxide glass to the solid-state NMR spectra that an experimenter would measure."""

from glassnmr._core import NumericalError, config
from glassnmr.version import __version__

__all__ = ["NumericalError", "__version__", "config"]
