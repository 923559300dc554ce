// SPDX-License-Identifier: BSD-3-Clause
// What models of scalars and of tensors know of their errors.
#pragma once

#include <algorithm>
#include <glassnmr/error.hpp>
#include <glassnmr/model.hpp>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "arrays.hpp"

inline Array as_array(const std::vector<double>& from, std::vector<py::ssize_t> shape) {
    Array out(std::move(shape));
    std::copy(from.begin(), from.end(), out.mutable_data());
    return out;
}

/// lam, noise (T) and, when calibrated, levels (K), factors (Q, K), limit; None without.
inline std::optional<py::dict> told_uncertainty(const glassnmr::Uncertainty* u) {
    if (!u) return std::nullopt;
    py::dict told("lam"_a = u->lam,
                  "noise"_a = as_array(u->noise, {static_cast<py::ssize_t>(u->noise.size())}));
    if (const auto K = static_cast<py::ssize_t>(u->levels.size())) {
        told["levels"] = as_array(u->levels, {K});
        told["factors"] =
            as_array(u->factors, {static_cast<py::ssize_t>(u->factors.size()) / K, K});
        told["limit"] = u->limit;
        told["exponent"] = u->exponent;
    }
    return told;
}

/// With levels (K), factors (Q, K) and limit.
inline std::shared_ptr<const glassnmr::Uncertainty> calibrated(const glassnmr::Uncertainty* known,
                                                               const Array& levels,
                                                               const Array& factors, double limit,
                                                               double exponent = 1) {
    if (!known) glassnmr::invalid("this model carries no uncertainty to calibrate");
    auto u = std::make_shared<glassnmr::Uncertainty>(*known);
    u->levels.assign(levels.data(), levels.data() + levels.size());
    u->factors.assign(factors.data(), factors.data() + factors.size());
    u->limit = limit;
    u->exponent = exponent;
    return u;
}
