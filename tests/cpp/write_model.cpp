// SPDX-License-Identifier: BSD-3-Clause
// For the tests in C: the small model as a file.
#include "small_model.hpp"

extern "C" void write_model(const char* path);
extern "C" void write_model(const char* path) { small_model().save(path); }
