// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <glassnmr/local_model.hpp>

#include "atoms.hpp"

namespace {

using glassnmr::LocalModel;
using glassnmr::Quantity;

std::vector<std::string> names(const std::vector<Quantity>& list) {
    std::vector<std::string> out;
    for (const Quantity& q : list) out.push_back(q.name);
    return out;
}

/// (dL/dpositions, dL/dstrain) from dL/dvalues (n_centres, n_values).
py::tuple gradient(const LocalModel& model, const Array& positions, const Array& cell,
                   const std::array<bool, 3>& pbc, const Int32Array& species,
                   const Int64Array& centres, const Array& dl_dvalues, int n_threads) {
    const glassnmr::Atoms atoms = atoms_view(positions, cell, pbc, &species);
    require_shape(centres, "centres", {-1});
    require_shape(dl_dvalues, "dl_dvalues",
                  {centres.shape(0), static_cast<py::ssize_t>(model.n_values())});
    Array by_positions({positions.shape(0), py::ssize_t{3}}),
        by_strain({py::ssize_t{3}, py::ssize_t{3}});
    const auto n = static_cast<std::size_t>(centres.shape(0));
    const std::int64_t* which = centres.data();
    const double* from = dl_dvalues.data();
    double *to = by_positions.mutable_data(), *strain = by_strain.mutable_data();
    {
        const py::gil_scoped_release nogil;
        model.gradient(atoms, n, which, from, to, strain, n_threads);
    }
    return py::make_tuple(by_positions, by_strain);
}

/// (n, derived) from values (n, n_values).
Array derive(const LocalModel& model, const Array& values) {
    require_shape(values, "values", {-1, static_cast<py::ssize_t>(model.n_values())});
    Array out({values.shape(0), static_cast<py::ssize_t>(model.derived().size())});
    model.derive(static_cast<std::size_t>(values.shape(0)), values.data(), out.mutable_data());
    return out;
}

/// dL/dvalues (n, n_values) from dL/dderived.
Array derive_gradient(const LocalModel& model, const Array& values, const Array& dl_dderived) {
    require_shape(values, "values", {-1, static_cast<py::ssize_t>(model.n_values())});
    require_shape(dl_dderived, "dl_dderived",
                  {values.shape(0), static_cast<py::ssize_t>(model.derived().size())});
    Array out({values.shape(0), values.shape(1)});
    model.derive_gradient(static_cast<std::size_t>(values.shape(0)), values.data(),
                          dl_dderived.data(), out.mutable_data());
    return out;
}

/// Of values (n, n_values) and of what is derived from them (n, derived), each by `make`.
template <class Make>
std::pair<Array, Array> errors(const LocalModel& model, const Array& values, const Array& novelty,
                               const Make& make) {
    require_shape(values, "values", {-1, static_cast<py::ssize_t>(model.n_values())});
    require_shape(novelty, "novelty", {values.shape(0)});
    Array of_values({values.shape(0), values.shape(1)}),
        of_derived({values.shape(0), static_cast<py::ssize_t>(model.derived().size())});
    make(static_cast<std::size_t>(values.shape(0)), of_values.mutable_data(),
         of_derived.mutable_data());
    return {of_values, of_derived};
}

std::pair<Array, Array> deviations(const LocalModel& model, const Array& values,
                                   const Array& novelty) {
    return errors(model, values, novelty, [&](std::size_t n, double* own, double* derived) {
        model.deviations(n, novelty.data(), own);
        model.derived_deviations(n, values.data(), novelty.data(), derived);
    });
}

std::pair<Array, Array> half_widths(const LocalModel& model, double level, const Array& values,
                                    const Array& novelty) {
    return errors(model, values, novelty, [&](std::size_t n, double* own, double* derived) {
        model.half_widths(level, n, novelty.data(), own);
        model.derived_half_widths(level, n, values.data(), novelty.data(), derived);
    });
}

}  // namespace

void bind_local_model(py::module_& m) {
    py::class_<LocalModel, std::shared_ptr<LocalModel>>(m, "LocalModel")
        .def("gradient", &gradient, "positions"_a, "cell"_a, "pbc"_a, "species"_a, "centres"_a,
             "dl_dvalues"_a, py::kw_only(), "n_threads"_a = 0)
        .def("derive", &derive, "values"_a)
        .def("derive_gradient", &derive_gradient, "values"_a, "dl_dderived"_a)
        .def("deviations", &deviations, "values"_a, "novelty"_a)
        .def("half_widths", &half_widths, "level"_a, "values"_a, "novelty"_a)
        .def_property_readonly("novelty_limit", &LocalModel::novelty_limit)
        .def_property_readonly("cutoff", &LocalModel::cutoff)
        .def_property_readonly("has_uncertainty", &LocalModel::has_uncertainty)
        .def_property_readonly("quantities",
                               [](const LocalModel& model) { return names(model.quantities()); })
        .def_property_readonly("derived",
                               [](const LocalModel& model) { return names(model.derived()); });
}
