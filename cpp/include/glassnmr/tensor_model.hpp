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
    /// Null when the model has none. The variance is of the landmarks of the part of lambda 2, eq.
    /// (9.30); noise (3) of sigma_iso and of a component of lambda 1 and 2, 0 for what there is
    /// not; factors of the `calibrated` quantities.
    std::shared_ptr<const Uncertainty> uncertainty;
    std::vector<std::string> calibrated;  ///< names; none when not calibrated
};

class TensorValues;

/// A trained model of whole tensors: structure in, a Cartesian tensor for every centre out.
/// Immutable and thread-safe.
class GLASSNMR_API TensorModel : public LocalModel {
public:
    using LocalModel::gradient;
    using LocalModel::predict;

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

    const std::string& isotope() const override { return parts_.isotope; }
    const std::string& centre() const override { return parts_.centre; }
    const std::vector<std::string>& species() const override { return parts_.species; }
    double cutoff() const override { return cutoff_; }
    const std::vector<Quantity>& quantities() const override { return quantities_; }
    std::optional<std::pair<double, double>> reference() const override;
    bool has_uncertainty() const override { return parts_.uncertainty != nullptr; }
    /// THEORY.md eq. (9.32).
    void deviations(std::size_t n, const double* novelty, double* out) const override;
    void interval_factors(double level, double* factors) const override;
    double novelty_limit() const override;

    /// Of a shielding: sigma_iso, delta_iso with a reference, span, skew, zeta, eta_csa; of a field
    /// gradient: V_zz and, of a nucleus with a moment, C_Q, abs_C_Q, eta.
    const std::vector<Quantity>& derived() const override { return derived_; }
    void derive(std::size_t n, const double* values, double* out) const override;
    void derived_deviations(std::size_t n, const double* values, const double* novelty,
                            double* out) const override;
    void derived_half_widths(double level, std::size_t n, const double* values,
                             const double* novelty, double* out) const override;
    void derive_gradient(std::size_t n, const double* values, const double* dl_dderived,
                         double* dl_dvalues) const override;

    /// THEORY.md eq. (9.19), (9.20): tensors of the given centres, out (n_centres, 3, 3).
    void predict(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                 double* out, int n_threads = 0, double* novelty = nullptr) const override;

    void environments(std::size_t n, const Neighbourhood* near, double* out,
                      double* novelty = nullptr, int n_threads = 1) const override;
    /// THEORY.md eq. (10.6).
    void environments_gradient(std::size_t n, const Neighbourhood* near, const double* dl_dvalues,
                               double* dl_dvectors) const override;

private:
    std::size_t block() const override;
    void name_quantities();
    double interval_factor(double level, const std::string& name) const;
    /// Adds sigma_iso 1 of rows x (n, D) to the tensors.
    void add_isotropic(std::size_t n, const double* x, double* tensors) const;
    /// Adds part k to the tensors, from x and the rows (n, n_features) of its equivariants; that of
    /// lambda 2 overwrites novelty (n) unless it is null.
    void add_part(std::size_t k, std::size_t n, const double* x, const double* rows,
                  double* tensors, double* novelty) const;

    TensorModelParts parts_;
    std::vector<std::vector<double>> zeros_;  ///< biases of the parts
    std::vector<Predictor> predictors_;
    std::vector<Quantity> quantities_, derived_;
    std::shared_ptr<const TensorValues> values_;  ///< what is derived
    double cutoff_ = 0;
};

}  // namespace glassnmr
