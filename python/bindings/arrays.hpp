// SPDX-License-Identifier: BSD-3-Clause
// Array types and shape checks shared by all bindings.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <glassnmr/error.hpp>
#include <initializer_list>
#include <string>

namespace py = pybind11;
using namespace py::literals;

/// A C-contiguous float64 array; anything array-like is converted once, here.
using Array = py::array_t<double, py::array::c_style | py::array::forcecast>;
/// Integers are never cast from floats: a wrong kind is a TypeError.
using Int32Array = py::array_t<std::int32_t, py::array::c_style>;
using Int64Array = py::array_t<std::int64_t, py::array::c_style>;

/// Throw unless the array has this shape; -1 stands for any length.
inline void require_shape(const py::array& a, const char* name,
                          std::initializer_list<py::ssize_t> shape) {
    bool same = a.ndim() == static_cast<py::ssize_t>(shape.size());
    py::ssize_t axis = 0;
    std::string wanted, got;
    for (const auto n : shape) {
        same = same && (n < 0 || a.shape(axis) == n);
        wanted += (axis++ ? ", " : "") + (n < 0 ? std::string("n") : std::to_string(n));
    }
    for (py::ssize_t k = 0; k < a.ndim(); ++k) got += (k ? ", " : "") + std::to_string(a.shape(k));
    if (!same)
        glassnmr::invalid(std::string(name) + " must have shape (" + wanted + "), got (" + got +
                          ")");
}
