# SPDX-License-Identifier: BSD-3-Clause
"""From nothing to training data: glass models, clusters, first-principles NMR tensors.

`glass_frames`, or structures of your own, -> `choose` (what a model knows least) -> `write_inputs` for VASP, CASTEP,
Quantum ESPRESSO or ABINIT -> `collect`. Without such a program: `sample` (clusters) -> `generate` -> `assemble`.
"""

from glassnmr.generation.active import Choice, choose
from glassnmr.generation.campaign import Outcome
from glassnmr.generation.clusters import CannotCarve, carve
from glassnmr.generation.energies import energy_and_forces
from glassnmr.generation.inputs import collect, write_inputs
from glassnmr.generation.melt_quench import glass_frames, melt_quench, sodium_silicate_glass
from glassnmr.generation.methods import Method, assemble, generate, methods
from glassnmr.generation.sampling import onto_glasses, sample

__all__ = ["CannotCarve", "Choice", "Method", "Outcome", "assemble", "carve", "choose", "collect",
           "energy_and_forces", "generate", "glass_frames", "melt_quench", "methods", "onto_glasses", "sample",
           "sites_of", "sodium_silicate_glass", "write_inputs"]
