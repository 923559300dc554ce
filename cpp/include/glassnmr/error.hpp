// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/export.h>

#include <stdexcept>
#include <string>

namespace glassnmr {

/// A computation failed on valid input (not positive definite, not converged): NumericalError in
/// Python.
class GLASSNMR_API numerical_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A file is not a model file, or is damaged: ValueError in Python.
class GLASSNMR_API format_error : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

/// Bad input from the caller: ValueError in Python.
[[noreturn]] inline void invalid(const std::string& message) {
    throw std::invalid_argument(message);
}

}  // namespace glassnmr
