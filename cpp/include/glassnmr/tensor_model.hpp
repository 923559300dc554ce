// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <cstdint>
#include <glassnmr/equivariants.hpp>
#include <glassnmr/model.hpp>
#include <memory>
#include <string>
#include <vector>

namespace glassnmr {

/// One irreducible part of a tensor, THEORY.md eq. (9.20): lambda 2 (symmetric, traceless) of
/// parity 1, or lambda 1 (antisymmetric) of parity -1.
struct TensorPart {
    std::shared_ptr<const Equivariants> equivariants;
    Kernel kernel;                  ///< of the invariants
    std::size_t n_landmarks = 0;    ///< J
    std::vector<double> landmarks;  ///< (J, n_features of the invariants)
    std::vector<double> weights;    ///< (J, n_equivariants)
};

/// All that a trained model of tensors is made of.
struct TensorModelParts {
    std::string isotope, centre;
    std::vector<std::string> species;              ///< elements in the order of the channels
    std::string tensor;                            ///< "ms" (ppm) or "efg" (a.u.)
    std::shared_ptr<const Descriptor> descriptor;  ///< of the invariants
    std::shared_ptr<const Model> isotropic;        ///< target sigma_iso; null for efg
    std::vector<TensorPart> parts;                 ///< at least one, no two of one lambda
    std::string provenance;                        ///< free text
};

/// A trained model of whole tensors: structure in, a Cartesian tensor for every centre out.
/// Immutable and thread-safe.
class GLASSNMR_API TensorModel {
public:
    /// Throws std::invalid_argument when the parts do not fit together.
    explicit TensorModel(TensorModelParts parts);
    TensorModel(TensorModel&&) noexcept = default;
    TensorModel(const TensorModel&) = delete;

    /// Whether a model file holds tensors; throws as `load`.
    static bool holds_tensors(const std::string& path);
    /// Throws std::runtime_error when the file cannot be opened, format_error when it is not such a
    /// model file, is newer than this library, or is damaged.
    static TensorModel load(const std::string& path);
    /// Writes beside the target and renames, so that a file is whole or not there.
    void save(const std::string& path) const;

    const TensorModelParts& parts() const { return parts_; }

    /// THEORY.md eq. (9.19), (9.20): tensors of the given centres, out (n_centres, 3, 3).
    /// Memory does not grow with their number; the same bits for any number of threads.
    void predict(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                 double* out, int n_threads = 0) const;

private:
    TensorModelParts parts_;
    std::vector<std::vector<double>> zeros_;  ///< biases of the parts
    std::vector<Predictor> predictors_;
};

}  // namespace glassnmr
