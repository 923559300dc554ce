// SPDX-License-Identifier: BSD-3-Clause
// Memory of one call, on cache lines; include after kernels/level.hpp.
#pragma once

#include <Eigen/Core>
#include <cstddef>

namespace glassnmr::GLASSNMR_LEVEL {

template <class T>
class Scratch {
public:
    explicit Scratch(std::size_t n)
        : data_(static_cast<T*>(Eigen::internal::aligned_malloc(n * sizeof(T)))) {}
    ~Scratch() { Eigen::internal::aligned_free(data_); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    T* data() const { return data_; }

private:
    T* data_;
};

}  // namespace glassnmr::GLASSNMR_LEVEL
