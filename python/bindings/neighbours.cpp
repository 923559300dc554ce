// SPDX-License-Identifier: BSD-3-Clause
#include <glassnmr/neighbours.hpp>
#include <memory>

#include "atoms.hpp"

namespace {

/// A vector handed to NumPy without a copy.
template <class T>
py::array_t<T> adopt(std::vector<T>&& values, std::vector<py::ssize_t> shape) {
    auto kept = std::make_unique<std::vector<T>>(std::move(values));
    T* data = kept->data();
    const py::capsule owner(kept.release(),
                            [](void* p) { delete static_cast<std::vector<T>*>(p); });
    return py::array_t<T>(std::move(shape), data, owner);
}

py::tuple neighbours(const Array& positions, const Array& cell, const std::array<bool, 3>& pbc,
                     double cutoff, int n_threads) {
    const glassnmr::Atoms atoms = atoms_view(positions, cell, pbc);
    glassnmr::Neighbours found;
    {
        const py::gil_scoped_release nogil;
        found = glassnmr::neighbours(atoms, cutoff, n_threads);
    }
    const auto n = static_cast<py::ssize_t>(found.first.size()),
               pairs = static_cast<py::ssize_t>(found.index.size());
    return py::make_tuple(adopt(std::move(found.first), {n}),
                          adopt(std::move(found.index), {pairs}),
                          adopt(std::move(found.vector), {pairs, 3}));
}

}  // namespace

void bind_neighbours(py::module_& m) {
    m.def("neighbours", &neighbours, "positions"_a, "cell"_a, "pbc"_a, py::kw_only(), "cutoff"_a,
          "n_threads"_a = 0);
}
