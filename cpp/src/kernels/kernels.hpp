// SPDX-License-Identifier: BSD-3-Clause
// The hot loops of the core behind one table of function pointers, filled once for the instruction
// level in use.
//
// Every file of this folder is compiled once for each level (x86-64, x86-64-v3, x86-64-v4, or
// `baseline` elsewhere). So that no function compiled for one level can be linked into another:
// include "kernels/level.hpp" first, put everything into namespace glassnmr::GLASSNMR_LEVEL, use
// raw pointers and sizes, no standard containers, no exceptions, no threads. Memory, threads and
// errors belong to the callers in cpp/src. A family of kernels is one header with a struct of
// pointers and one source; the source includes its own header only, so that a new entry does not
// compile the other families again.
#pragma once

#include "kernels/couplings.hpp"
#include "kernels/expansion.hpp"
#include "kernels/factorisations.hpp"
#include "kernels/kernel_values.hpp"
#include "kernels/lineshape.hpp"
#include "kernels/powder.hpp"
#include "kernels/products.hpp"
#include "kernels/spectrum.hpp"
#include "kernels/svd.hpp"
#include "kernels/triplets.hpp"

namespace glassnmr {

struct Kernels : ExpansionKernels,
                 SpectrumKernels,
                 LineshapeKernels,
                 PowderKernels,
                 ProductKernels,
                 ValueKernels,
                 FactorKernels,
                 SingularKernels,
                 TripletKernels,
                 CouplingKernels {
    const char* level;
};

/// The table of the level in use: the highest that this processor can run, or what GLASSNMR_LEVEL
/// names. Throws std::invalid_argument when GLASSNMR_LEVEL names a level that was not built or
/// cannot run here.
const Kernels& kernels();

}  // namespace glassnmr
