// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <glassnmr/local_model.hpp>
#include <memory>
#include <vector>

namespace glassnmr {

/// A structure that changes atom by atom, and the predictions of a model for it: a change costs the
/// environments that it touches, THEORY.md eq. (10.5), and can be taken back. For one thread at a
/// time; the cell stays.
///
/// Every change either happens as a whole or throws std::invalid_argument (an index or species out
/// of range, a position that is not finite or within 1e-3 Å of another atom) and leaves all as it
/// was. Values agree with LocalModel::predict to rounding errors: neighbours come in another order.
class GLASSNMR_API MovingStructure {
public:
    /// `centre`: the species whose atoms are predicted; `with_novelty`: follow that, too.
    MovingStructure(std::shared_ptr<const LocalModel> model, const Atoms& atoms,
                    std::int32_t centre, bool with_novelty = false, int n_threads = 0);
    ~MovingStructure();
    MovingStructure(MovingStructure&&) noexcept;
    MovingStructure& operator=(MovingStructure&&) noexcept;

    std::size_t size() const;
    const double* positions() const;      ///< (size, 3), Å, in the cell along periodic directions
    const std::int32_t* species() const;  ///< (size)
    const double* values() const;         ///< (size, n_values); 0 for atoms that are no centres
    std::size_t n_values() const;
    const double* novelty() const;  ///< (size), as the values; null when it is not followed
    const LocalModel& model() const;

    /// Each returns the atoms whose values were made anew, in rising order; valid until the next.
    const std::vector<std::int64_t>& move(std::size_t atom, const double* position);
    /// The atoms exchange their species.
    const std::vector<std::int64_t>& swap(std::size_t a, std::size_t b);
    /// The new atom is the last one.
    const std::vector<std::int64_t>& insert(std::int32_t species, const double* position);
    /// The last atom takes the place of the removed one.
    const std::vector<std::int64_t>& remove(std::size_t atom);

    /// Changes since the start or the last accept(), which undo() takes back one by one, to the
    /// bit.
    std::size_t n_changes() const;
    void undo();
    void accept();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace glassnmr
