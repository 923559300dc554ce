// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <cstdint>
#include <glassnmr/neighbours.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace glassnmr {

/// Neighbours that an MD code brings: of each centre the places among the atoms, where images are
/// atoms of their own (ghosts). Entries at or beyond the cutoff are left out.
struct NeighbourList {
    std::size_t n_centres = 0;
    const std::int64_t* centres = nullptr;  ///< (n_centres)
    const std::size_t* first = nullptr;   ///< (n_centres + 1): centre i has first[i], first[i + 1]
    const std::int32_t* index = nullptr;  ///< (first[n_centres])
};

/// The neighbours of one centre.
struct Neighbourhood {
    std::size_t n = 0;
    const double* vectors = nullptr;        ///< (n, 3) from the centre, Å
    const std::int32_t* species = nullptr;  ///< (n)
};

/// What a number is called, and what it is counted in.
struct Quantity {
    std::string name, unit;
};

/// What models of scalars and of tensors have in common: from the environment of each centre to
/// its values (targets, or the nine elements of a tensor), and back. Immutable and thread-safe;
/// results have the same bits for any number of threads.
class GLASSNMR_API LocalModel {
public:
    virtual ~LocalModel() = default;

    /// The model of a *.gnmr file, of scalars or of tensors. Throws std::runtime_error when the
    /// file cannot be opened, format_error when it is not a model file, is newer than this library,
    /// or is damaged.
    static std::shared_ptr<const LocalModel> load(const std::string& path);

    virtual const std::string& isotope() const = 0;               ///< of the centres, as "29Si"
    virtual const std::string& centre() const = 0;                ///< their element, as "Si"
    virtual const std::vector<std::string>& species() const = 0;  ///< elements of the channels
    virtual double cutoff() const = 0;                            ///< Å
    virtual const std::vector<Quantity>& quantities() const = 0;  ///< of a centre's values
    std::size_t n_values() const { return quantities().size(); }

    /// a, b of delta_iso = a + b sigma_iso.
    virtual std::optional<std::pair<double, double>> reference() const = 0;

    /// Whether predictions tell their novelty, THEORY.md eq. (9.12).
    virtual bool has_uncertainty() const = 0;
    /// One standard deviation of the errors of each value, eq. (9.12): out (n, n_values).
    virtual void deviations(std::size_t n, const double* novelty, double* out) const = 0;
    /// Half width of the interval that a share `level` of a value's errors lies in is factors
    /// (n_values) times its deviation, eq. (9.13). Throws std::invalid_argument for a level that
    /// was not calibrated.
    virtual void interval_factors(double level, double* factors) const = 0;

    /// Half widths of the intervals of a calibrated level: out (n, n_values).
    void half_widths(double level, std::size_t n, const double* novelty, double* out) const;

    /// Novelty beyond which a centre is unlike the training data; throws std::invalid_argument when
    /// the model was not calibrated.
    virtual double novelty_limit() const = 0;

    /// What else the values say (C_Q and eta of a field gradient ...), by the conventions of
    /// THEORY.md section 11: out (n, derived().size()) from values (n, n_values).
    virtual const std::vector<Quantity>& derived() const = 0;
    virtual void derive(std::size_t n, const double* values, double* out) const = 0;
    /// One standard deviation of the errors of what is derived, eq. (9.32)-(9.34); and half widths
    /// of the intervals of a calibrated level: out (n, derived().size()).
    virtual void derived_deviations(std::size_t n, const double* values, const double* novelty,
                                    double* out) const = 0;
    virtual void derived_half_widths(double level, std::size_t n, const double* values,
                                     const double* novelty, double* out) const = 0;
    /// From dL/dderived to dL/dvalues, overwritten, eq. (10.7).
    virtual void derive_gradient(std::size_t n, const double* values, const double* dl_dderived,
                                 double* dl_dvalues) const = 0;

    /// Values of the given centres: out (n_centres, n_values). `atoms.species` counts channels.
    /// Memory does not grow with the number of centres. Unless null, novelty (n_centres); throws
    /// std::invalid_argument when that is asked of a model without uncertainty.
    virtual void predict(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                         double* out, int n_threads = 0, double* novelty = nullptr) const = 0;

    /// The same from the caller's list; cell and pbc of the atoms are not looked at.
    void predict(const Atoms& atoms, const NeighbourList& list, double* out, int n_threads = 0,
                 double* novelty = nullptr) const;

    /// THEORY.md eq. (10.4): from dL/dvalues (n_centres, n_values) to dL/dpositions (atoms.n, 3)
    /// and dL/dstrain (3, 3), both overwritten.
    virtual void gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                          const double* dl_dvalues, double* dl_dpositions, double* dl_dstrain,
                          int n_threads = 0) const;

    /// The same from the caller's list: ghosts get their own share of dL/dpositions, to be added to
    /// the atoms that they are images of.
    void gradient(const Atoms& atoms, const NeighbourList& list, const double* dl_dvalues,
                  double* dl_dpositions, double* dl_dstrain, int n_threads = 0) const;

    /// The same for the environment of one centre: `vectors` (n, 3) in Å, `species` (n); out
    /// (n_values), novelty one number.
    void environment(std::size_t n, const double* vectors, const std::int32_t* species, double* out,
                     double* novelty = nullptr) const;

    /// dL/dvectors (n, 3) of one environment.
    void environment_gradient(std::size_t n, const double* vectors, const std::int32_t* species,
                              const double* dl_dvalues, double* dl_dvectors) const;

    /// Values of some environments, held in memory together: out (n, n_values), novelty (n).
    virtual void environments(std::size_t n, const Neighbourhood* near, double* out,
                              double* novelty = nullptr, int n_threads = 1) const = 0;
    /// dL/dvectors of some environments, those of one centre after another, on the calling thread.
    virtual void environments_gradient(std::size_t n, const Neighbourhood* near,
                                       const double* dl_dvalues, double* dl_dvectors) const = 0;

protected:
    LocalModel() = default;
    LocalModel(const LocalModel&) = default;
    LocalModel& operator=(const LocalModel&) = default;

    virtual std::size_t block() const = 0;  ///< environments a task
};

}  // namespace glassnmr
