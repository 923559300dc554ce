// SPDX-License-Identifier: BSD-3-Clause
// First include of every file in this folder: gives each instruction level its own Eigen and its
// own namespace.
#pragma once

#include <type_traits>

#ifndef GLASSNMR_LEVEL
#error "files of cpp/src/kernels are compiled with -DGLASSNMR_LEVEL=<level>"
#endif

#define GLASSNMR_JOIN_(a, b) a##b
#define GLASSNMR_JOIN(a, b) GLASSNMR_JOIN_(a, b)
#define GLASSNMR_TEXT_(a) #a
#define GLASSNMR_TEXT(a) GLASSNMR_TEXT_(a)

// Two copies of Eigen compiled for different levels would share weak symbols, and the linker would
// keep one.
#define Eigen GLASSNMR_JOIN(Eigen_, GLASSNMR_LEVEL)

// Declares this level's function of a family's entry, with the type that the entry has.
#define GLASSNMR_ENTRY(family, name) std::remove_pointer_t<decltype(family::name)> name
