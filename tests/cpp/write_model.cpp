// SPDX-License-Identifier: BSD-3-Clause
// For the tests in C: the small models as files.
#include "small_model.hpp"

extern "C" void write_model(const char* path);
extern "C" void write_model(const char* path) { small_model().save(path); }
extern "C" void write_tensor_model(const char* path);
extern "C" void write_tensor_model(const char* path) { small_tensor_model().save(path); }
