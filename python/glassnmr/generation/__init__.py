# SPDX-License-Identifier: BSD-3-Clause
"""From nothing to training data: glass models, clusters, first-principles NMR tensors.

`sodium_silicate_glass`, or structures of your own, -> `sample` (clusters, for shieldings) -> `generate` -> `assemble`.
"""

from glassnmr.generation.campaign import Outcome
from glassnmr.generation.clusters import CannotCarve, carve
from glassnmr.generation.melt_quench import melt_quench, sodium_silicate_glass
from glassnmr.generation.methods import Method, assemble, generate, methods
from glassnmr.generation.sampling import onto_glasses, sample

__all__ = ["CannotCarve", "Method", "Outcome", "assemble", "carve", "generate", "melt_quench", "methods",
           "onto_glasses", "sample", "sodium_silicate_glass"]
