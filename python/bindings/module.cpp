// SPDX-License-Identifier: BSD-3-Clause
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <glassnmr/config.hpp>
#include <glassnmr/error.hpp>

namespace py = pybind11;

void bind_descriptor(py::module_& m);
void bind_equivariants(py::module_& m);
void bind_learning(py::module_& m);
void bind_local_model(py::module_& m);
void bind_model(py::module_& m);
void bind_moving(py::module_& m);
void bind_neighbours(py::module_& m);
void bind_radial(py::module_& m);
void bind_reduced(py::module_& m);
void bind_soap(py::module_& m);
void bind_spectra(py::module_& m);
void bind_surroundings(py::module_& m);
void bind_tensor_model(py::module_& m);
void bind_triplets(py::module_& m);

namespace {

py::dict config() {
    py::dict d;
    d["version"] = glassnmr::version();
    d["level"] = glassnmr::level_in_use();
    d["levels"] = glassnmr::supported_levels();
    d["compiler"] = glassnmr::compiler();
    d["openmp"] = glassnmr::has_openmp();
    d["threads"] = glassnmr::default_threads();
    return d;
}

}  // namespace

PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
    try {
        glassnmr::level_in_use();
    } catch (const std::invalid_argument& e) {
        throw py::import_error(e.what());
    }
    py::register_exception<glassnmr::numerical_error>(m, "NumericalError", PyExc_ArithmeticError);
    m.def("config", &config);
    bind_descriptor(m);
    bind_soap(m);
    bind_triplets(m);
    bind_equivariants(m);
    bind_reduced(m);
    bind_surroundings(m);
    bind_learning(m);
    bind_local_model(m);
    bind_model(m);
    bind_tensor_model(m);
    bind_moving(m);
    bind_neighbours(m);
    bind_radial(m);
    bind_spectra(m);
}
