// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <cstdint>
#include <glassnmr/descriptor.hpp>
#include <glassnmr/kernel.hpp>
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

/// Neighbours that an MD code brings: of each centre the places among the atoms, where images are
/// atoms of their own (ghosts). Entries at or beyond the cutoff are left out.
struct NeighbourList {
    std::size_t n_centres = 0;
    const std::int64_t* centres = nullptr;  ///< (n_centres)
    const std::size_t* first = nullptr;   ///< (n_centres + 1): centre i has first[i], first[i + 1]
    const std::int32_t* index = nullptr;  ///< (first[n_centres])
};

/// A trained model: structure in, NMR parameters of every centre out. Immutable and thread-safe.
class GLASSNMR_API Model {
public:
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

    /// THEORY.md eq. (10.3) for the given centres: out (n_centres, n_targets). `atoms.species`
    /// counts channels. Feature rows live only in blocks: memory does not grow with the number of
    /// centres. Same bits for any number of threads.
    ///
    /// Unless null, novelty (n_centres), eq. (9.12): the deviation of target t is noise_t sqrt(1 +
    /// novelty). Throws std::invalid_argument when that is asked of a model without uncertainty.
    void predict(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                 double* out, int n_threads = 0, double* novelty = nullptr,
                 Precision precision = Precision::full) const;

    /// The same from the caller's list; cell and pbc of the atoms are not looked at.
    void predict(const Atoms& atoms, const NeighbourList& list, double* out, int n_threads = 0,
                 double* novelty = nullptr, Precision precision = Precision::full) const;

    /// The same for the environment of one centre: `vectors` (n, 3) in Å, `species` (n); out
    /// (n_targets), novelty one number.
    void environment(std::size_t n, const double* vectors, const std::int32_t* species, double* out,
                     double* novelty = nullptr) const;

    /// The same for feature rows (n, n_features), on the calling thread.
    void rows(std::size_t n, const double* rows, double* out, double* novelty = nullptr,
              Precision precision = Precision::full) const;

    /// THEORY.md eq. (10.4): from dL/dpredictions (n_centres, n_targets) to dL/dpositions (atoms.n,
    /// 3) and dL/dstrain (3, 3), both overwritten. Same bits for any number of threads.
    void gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                  const double* dl_dpredictions, double* dl_dpositions, double* dl_dstrain,
                  int n_threads = 0) const;

    /// The same from the caller's list: ghosts get their own share of dL/dpositions, to be added to
    /// the atoms that they are images of.
    void gradient(const Atoms& atoms, const NeighbourList& list, const double* dl_dpredictions,
                  double* dl_dpositions, double* dl_dstrain, int n_threads = 0) const;

    /// dL/dvectors (n, 3) of one environment.
    void environment_gradient(std::size_t n, const double* vectors, const std::int32_t* species,
                              const double* dl_dpredictions, double* dl_dvectors) const;

    /// dL/drows (n, n_features) of feature rows, on the calling thread.
    void rows_gradient(std::size_t n, const double* rows, const double* dl_dpredictions,
                       double* dl_drows) const;

    /// Half width of the interval of target t that a share `level` of values lies in is
    /// factors[t] times its deviation, eq. (9.13). Throws std::invalid_argument for a level that
    /// was not calibrated.
    void interval_factors(double level, double* factors) const;

private:
    std::size_t block() const;  ///< rows a task

    ModelParts parts_;
    Predictor predictor_;
};

}  // namespace glassnmr
