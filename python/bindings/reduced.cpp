// SPDX-License-Identifier: BSD-3-Clause
#include <glassnmr/reduced.hpp>

#include "arrays.hpp"

namespace {

using glassnmr::Descriptor;
using glassnmr::Reduced;

std::shared_ptr<Reduced> make(const std::shared_ptr<Descriptor>& inner, const Int64Array& columns,
                              const Array& matrix, const Array& offset) {
    glassnmr::Reduction r;
    for (py::ssize_t k = 0; k < columns.size(); ++k) {
        if (columns.data()[k] < 0) glassnmr::invalid("columns must not be negative");
        r.columns.push_back(static_cast<std::size_t>(columns.data()[k]));
    }
    if (matrix.size() > 0) {
        const auto F = static_cast<py::ssize_t>(inner->n_features());
        require_shape(matrix, "matrix", {-1, F});
        require_shape(offset, "offset", {F});
        r.matrix.assign(matrix.data(), matrix.data() + matrix.size());
        r.offset.assign(offset.data(), offset.data() + offset.size());
    }
    return std::make_shared<Reduced>(inner, std::move(r));
}

std::shared_ptr<Descriptor> inner(const Reduced& reduced) {
    return std::const_pointer_cast<Descriptor>(reduced.inner());
}

/// columns, or matrix and offset: what is not in use is None.
py::dict settings(const Reduced& reduced) {
    const glassnmr::Reduction& r = reduced.reduction();
    const auto n = static_cast<py::ssize_t>(reduced.n_features());
    const auto F = static_cast<py::ssize_t>(reduced.inner()->n_features());
    py::dict d("columns"_a = py::none(), "matrix"_a = py::none(), "offset"_a = py::none());
    if (r.matrix.empty()) {
        py::array_t<std::int64_t> columns(n);
        std::copy(r.columns.begin(), r.columns.end(), columns.mutable_data());
        d["columns"] = columns;
    } else {
        d["matrix"] = Array({n, F}, r.matrix.data());
        d["offset"] = Array(F, r.offset.data());
    }
    return d;
}

}  // namespace

void bind_reduced(py::module_& m) {
    py::class_<Reduced, Descriptor, std::shared_ptr<Reduced>>(m, "Reduced")
        .def(py::init(&make), "inner"_a, py::kw_only(), "columns"_a, "matrix"_a, "offset"_a)
        .def_property_readonly("inner", &inner)
        .def_property_readonly("settings", &settings);
}
