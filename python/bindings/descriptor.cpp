// SPDX-License-Identifier: BSD-3-Clause
// What all descriptors have in common.
#include <glassnmr/descriptor.hpp>

#include "atoms.hpp"

namespace {

using glassnmr::Descriptor;

/// Rows into an array that the caller brings, (n_centres, n_features), float64 or float32, C order.
template <class T>
void transform(const Descriptor& descriptor, const Array& positions, const Array& cell,
               const std::array<bool, 3>& pbc, const Int32Array& species, const Int64Array& centres,
               py::array_t<T, py::array::c_style>& out, int n_threads) {
    const glassnmr::Atoms atoms = atoms_view(positions, cell, pbc, &species);
    require_shape(centres, "centres", {-1});
    require_shape(out, "out",
                  {centres.shape(0), static_cast<py::ssize_t>(descriptor.n_features())});
    const auto n = static_cast<std::size_t>(centres.shape(0));
    const std::int64_t* which = centres.data();
    T* to = out.mutable_data();
    const py::gil_scoped_release nogil;
    descriptor.transform(atoms, n, which, to, n_threads);
}

/// (dL/dpositions, dL/dstrain) from dL/drows.
py::tuple gradient(const Descriptor& descriptor, const Array& positions, const Array& cell,
                   const std::array<bool, 3>& pbc, const Int32Array& species,
                   const Int64Array& centres, const Array& dl_drows, int n_threads) {
    const glassnmr::Atoms atoms = atoms_view(positions, cell, pbc, &species);
    require_shape(centres, "centres", {-1});
    require_shape(dl_drows, "dl_drows",
                  {centres.shape(0), static_cast<py::ssize_t>(descriptor.n_features())});
    Array by_positions({positions.shape(0), py::ssize_t{3}}),
        by_strain({py::ssize_t{3}, py::ssize_t{3}});
    const auto n = static_cast<std::size_t>(centres.shape(0));
    const std::int64_t* which = centres.data();
    const double* from = dl_drows.data();
    double *to = by_positions.mutable_data(), *strain = by_strain.mutable_data();
    {
        const py::gil_scoped_release nogil;
        descriptor.gradient(atoms, n, which, from, to, strain, n_threads);
    }
    return py::make_tuple(by_positions, by_strain);
}

Array jacobian(const Descriptor& descriptor, const Array& positions, const Array& cell,
               const std::array<bool, 3>& pbc, const Int32Array& species, const Int64Array& centres,
               int n_threads) {
    const glassnmr::Atoms atoms = atoms_view(positions, cell, pbc, &species);
    require_shape(centres, "centres", {-1});
    Array out({centres.shape(0), static_cast<py::ssize_t>(descriptor.n_features()),
               positions.shape(0), py::ssize_t{3}});
    const auto n = static_cast<std::size_t>(centres.shape(0));
    const std::int64_t* which = centres.data();
    double* to = out.mutable_data();
    const py::gil_scoped_release nogil;
    descriptor.jacobian(atoms, n, which, to, n_threads);
    return out;
}

}  // namespace

void bind_descriptor(py::module_& m) {
    py::class_<Descriptor, std::shared_ptr<Descriptor>>(m, "Descriptor")
        .def_property_readonly("name", &Descriptor::name)
        .def_property_readonly("cutoff", &Descriptor::cutoff)
        .def_property_readonly("n_species", &Descriptor::n_species)
        .def_property_readonly("n_features", &Descriptor::n_features)
        .def("transform", &transform<double>, "positions"_a, "cell"_a, "pbc"_a, "species"_a,
             "centres"_a, "out"_a.noconvert(), py::kw_only(), "n_threads"_a = 0)
        .def("transform", &transform<float>, "positions"_a, "cell"_a, "pbc"_a, "species"_a,
             "centres"_a, "out"_a.noconvert(), py::kw_only(), "n_threads"_a = 0)
        .def("gradient", &gradient, "positions"_a, "cell"_a, "pbc"_a, "species"_a, "centres"_a,
             "dl_drows"_a, py::kw_only(), "n_threads"_a = 0)
        .def("jacobian", &jacobian, "positions"_a, "cell"_a, "pbc"_a, "species"_a, "centres"_a,
             py::kw_only(), "n_threads"_a = 0);
}
