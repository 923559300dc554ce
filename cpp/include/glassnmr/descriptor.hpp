// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <glassnmr/neighbours.hpp>
#include <memory>
#include <vector>

namespace glassnmr {

/// From atoms to a feature row for each centre, and from the derivative of a number by the rows
/// back to its derivative by the atoms. Immutable and thread-safe; results have the same bits for
/// any number of threads.
///
/// Calls throw std::invalid_argument for a species outside the descriptor's, a centre outside the
/// atoms, coinciding atoms, or what NeighbourSearch refuses.
class GLASSNMR_API Descriptor {
public:
    virtual ~Descriptor() = default;

    virtual const char* name() const = 0;  ///< as in the model file: "spherical-bessel-soap" ...
    virtual double cutoff() const = 0;     ///< Å
    virtual std::size_t n_species() const = 0;
    virtual std::size_t n_features() const = 0;

    /// Feature rows: out (n_centres, n_features).
    virtual void transform(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                           double* out, int n_threads = 0) const;
    void transform(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                   float* out, int n_threads = 0) const;

    /// The rows of the centres in blocks, each handed to `use(first, n, rows, scratch)` on the
    /// thread that made it; the rows live only during the call. What `use` does must not depend on
    /// the order of the blocks.
    using UseRows = std::function<void(std::size_t first, std::size_t n, const double* rows,
                                       std::vector<double>& scratch)>;
    virtual void stream(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                        std::size_t block, int n_threads, const UseRows& use) const = 0;

    /// Where dL/drows of a block come from: (n, n_features) doubles at the returned place, valid
    /// until the next call with the same scratch. `rows` are null unless they were asked for.
    using RowGradients = std::function<const double*(
        std::size_t first, std::size_t n, const double* rows, std::vector<double>& scratch)>;

    /// THEORY.md eq. (6.11): from dL/drows to dL/dpositions (n, 3) and dL/dstrain (3, 3),
    /// the derivative by a deformation r -> r (1 + strain) of positions and cell. Nothing is stored
    /// for each pair; both outputs are overwritten.
    virtual void gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                          std::size_t block, int n_threads, bool with_rows,
                          const RowGradients& row_gradients, double* dl_dpositions,
                          double* dl_dstrain) const = 0;
    void gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                  const double* dl_drows, double* dl_dpositions, double* dl_dstrain,
                  int n_threads = 0) const;

    /// The row of one centre from its neighbours: how an MD code with its own list enters.
    /// `vectors` (n, 3) in Å, `species` (n). Neighbours at or beyond the cutoff are left out.
    virtual void environment(std::size_t n, const double* vectors, const std::int32_t* species,
                             double* row) const = 0;
    /// dL/dvectors (n, 3) of one centre from dL/drow.
    virtual void environment_gradient(std::size_t n, const double* vectors,
                                      const std::int32_t* species, const double* dl_drow,
                                      double* dl_dvectors) const = 0;

    /// All derivatives at once, for small systems: out (n_centres, n_features, n, 3),
    /// drow/dposition.
    void jacobian(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                  double* out, int n_threads = 0) const;
};

/// Neighbours of one centre in the order of their species: species s holds [first[s], first[s+1]).
struct Environment {
    const std::size_t* first;  ///< (n_species + 1)
    const double* vectors;     ///< (first[n_species], 3), Å, all shorter than the cutoff
};

/// A descriptor whose rows depend on one centre's neighbours each: neighbours, threads and blocks
/// are done here, `row` and `pull_back` make the difference.
class GLASSNMR_API LocalDescriptor : public Descriptor {
public:
    using Descriptor::gradient;
    using Descriptor::transform;
    void transform(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                   double* out, int n_threads = 0) const override;
    void stream(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                std::size_t block, int n_threads, const UseRows& use) const override;
    void gradient(const Atoms& atoms, std::size_t n_centres, const std::int64_t* centres,
                  std::size_t block, int n_threads, bool with_rows,
                  const RowGradients& row_gradients, double* dl_dpositions,
                  double* dl_dstrain) const override;
    void environment(std::size_t n, const double* vectors, const std::int32_t* species,
                     double* row) const override;
    void environment_gradient(std::size_t n, const double* vectors, const std::int32_t* species,
                              const double* dl_drow, double* dl_dvectors) const override;

protected:
    /// Memory of one thread, kept from centre to centre.
    struct Workspace {
        virtual ~Workspace() = default;
    };
    virtual std::unique_ptr<Workspace> workspace() const = 0;

    /// The feature row of one environment.
    virtual void row(const Environment& environment, Workspace& work, double* row) const = 0;

    /// dL/dvectors (first[n_species], 3) of one environment, overwritten, from dL/drow.
    virtual void pull_back(const Environment& environment, Workspace& work, const double* dl_drow,
                           double* dl_dvectors) const = 0;

    /// The same of another descriptor, for one that is made of others.
    static std::unique_ptr<Workspace> workspace_of(const LocalDescriptor& part) {
        return part.workspace();
    }
    static void row_of(const LocalDescriptor& part, const Environment& environment, Workspace& work,
                       double* row) {
        part.row(environment, work, row);
    }
    static void pull_back_of(const LocalDescriptor& part, const Environment& environment,
                             Workspace& work, const double* dl_drow, double* dl_dvectors) {
        part.pull_back(environment, work, dl_drow, dl_dvectors);
    }

    /// body(work, sorter, sorted, begin, end) for each block of centres, in parallel; sorted(i)
    /// gives the environment of centre i until its next call.
    struct Sorter;
    template <class Body>
    void for_blocks(const Atoms& atoms, const NeighbourSearch& search, std::size_t n_centres,
                    const std::int64_t* centres, std::size_t block, int n_threads,
                    const Body& body) const;
};

}  // namespace glassnmr
