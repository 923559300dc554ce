// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <glassnmr/predictor.hpp>
#include <string>

/// "double" or "single".
glassnmr::Precision precision_named(const std::string& name);
