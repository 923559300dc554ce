// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <cstdint>
#include <glassnmr/descriptor.hpp>
#include <glassnmr/kernel.hpp>
#include <glassnmr/local_model.hpp>
#include <glassnmr/predictor.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace glassnmr {

/// What a model knows of its errors, THEORY.md eq. (9.12), (9.13).
struct Uncertainty {
    VarianceParts variance;
    double lam = 0;               ///< > 0, the ridge
    std::vector<double> noise;    ///< (n_targets) deviation of the noise, in the targets' units
    std::vector<double> levels;   ///< (n_levels) shares of intervals, rising; empty: not calibrated
    std::vector<double> factors;  ///< (n_targets, n_levels) half widths in deviations
    double limit = 0;             ///< novelty beyond which a centre is unlike the training data
    double exponent =
        1;  ///< of the deviation's growth with the novelty u, noise sqrt(1 + u)^exponent
};

/// All that a trained model is made of; what is written to a model file (THEORY.md section 10).
struct ModelParts {
    std::string isotope;               ///< of the centres, as "29Si"
    std::string centre;                ///< their element, as "Si"
    std::vector<std::string> species;  ///< elements in the order of the descriptor's channels
    std::shared_ptr<const Descriptor> descriptor;
    KernelSum kernel;
    std::size_t n_landmarks = 0;
    std::vector<double> landmarks;     ///< (n_landmarks, n_features)
    std::vector<double> weights;       ///< (n_landmarks, n_targets), in kernel space
    std::vector<double> bias;          ///< (n_targets)
    std::vector<std::string> targets;  ///< sigma_iso, C_Q, abs_C_Q, eta ...
    std::vector<std::string> units;    ///< ppm, MHz, 1 ...
    std::optional<std::pair<double, double>> reference;  ///< a, b of delta_iso = a + b sigma_iso
    std::string provenance;                              ///< free text
    std::shared_ptr<const Uncertainty> uncertainty;      ///< null when the model has none
};

/// A trained model of scalars: structure in, NMR parameters of every centre out. Immutable and
/// thread-safe.
class GLASSNMR_API Model : public LocalModel {
public:
    using LocalModel::gradient;
    using LocalModel::predict;

    /// Throws std::invalid_argument when the parts do not fit together.
    explicit Model(ModelParts parts);

    /// Throws std::runtime_error when the file cannot be opened, format_error when it is not a
    /// model file, is newer than this library, or is damaged.
    static Model load(const std::string& path);

    /// Writes beside the target and renames, so that a file is whole or not there.
    void save(const std::string& path) const;

    const ModelParts& parts() const { return parts_; }
    const Descriptor& descriptor() const { return *parts_.descriptor; }
    std::size_t n_targets() const { return parts_.targets.size(); }

    const std::string& isotope() const override { return parts_.isotope; }
    const std::string& centre() const override { return parts_.centre; }
    const std::vector<std::string>& species() const override { return parts_.species; }
    double cutoff() const override { return descriptor().cutoff(); }
    const std::vector<Quantity>& quantities() const override { return quantities_; }
    std::optional<std::pair<double, double>> reference() const override { return parts_.reference; }
    bool has_uncertainty() const override { return parts_.uncertainty != nullptr; }
    void deviations(std::size_t n, const double* novelty, double* out) const override;
    void interval_factors(double level, double* factors) const override;
    double novelty_limit() const override;

    /// delta_iso, of a model of sigma_iso with a reference.
    const std::vector<Quantity>& derived() const override { return derived_; }
    void derive(std::size_t n, const double* values, double* out) const override;
    void derived_deviations(std::size_t n, const double* values, const double* novelty,
                            double* out) const override;
    void derived_half_widths(double level, std::size_t n, const double* values,
                             const double* novelty, double* out) const override;
    void derive_gradient(std::size_t n, const double* values, const double* dl_dderived,
                         double* dl_dvalues) const override;

    /// THEORY.md eq. (10.3) for the given centres: out (n_centres, n_targets). Feature rows live
    /// only in blocks.
    ///
    /// Unless null, novelty (n_centres), eq. (9.12): the deviation of target t is noise_t sqrt(1 +
    /// novelty). Throws std::invalid_argument when that is asked of a model without uncertainty.
    void predict(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                 double* out, int n_threads = 0, double* novelty = nullptr) const override {
        predict(atoms, n_centres, centres, out, n_threads, novelty, Precision::full);
    }
    void predict(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                 double* out, int n_threads, double* novelty, Precision precision) const;

    /// The same for feature rows (n, n_features), on the calling thread.
    void rows(std::size_t n, const double* rows, double* out, double* novelty = nullptr,
              Precision precision = Precision::full) const;

    void gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                  const double* dl_dpredictions, double* dl_dpositions, double* dl_dstrain,
                  int n_threads = 0) const override;

    /// dL/drows (n, n_features) of feature rows, on the calling thread.
    void rows_gradient(std::size_t n, const double* rows, const double* dl_dpredictions,
                       double* dl_drows) const;

    void environments(std::size_t n, const Neighbourhood* near, double* out,
                      double* novelty = nullptr, int n_threads = 1) const override;
    void environments_gradient(std::size_t n, const Neighbourhood* near, const double* dl_dvalues,
                               double* dl_dvectors) const override;

private:
    std::size_t block() const override;
    void name_quantities();

    ModelParts parts_;
    Predictor predictor_;
    std::vector<Quantity> quantities_, derived_;
};

}  // namespace glassnmr
