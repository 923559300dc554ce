// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <limits>
#include <new>
#include <vector>

namespace glassnmr {

/// Memory on cache-line borders: the same data then take the same vector paths, and give the same
/// bits, in every run.
template <class T>
struct CacheLineAllocator {
    using value_type = T;
    static constexpr std::align_val_t border{64};

    CacheLineAllocator() = default;
    template <class U>
    explicit CacheLineAllocator(const CacheLineAllocator<U>&) {}

    T* allocate(std::size_t n) {
        if (n > std::numeric_limits<std::size_t>::max() / sizeof(T))
            throw std::bad_array_new_length();
        return static_cast<T*>(::operator new(n * sizeof(T), border));
    }
    void deallocate(T* p, std::size_t) { ::operator delete(p, border); }

    /// resize() leaves numbers unset: what grows here is written before it is read.
    template <class U>
    void construct(U* p) {
        ::new (static_cast<void*>(p)) U;
    }
    template <class U, class... A>
    void construct(U* p, A&&... a) {
        ::new (static_cast<void*>(p)) U(static_cast<A&&>(a)...);
    }

    template <class U>
    bool operator==(const CacheLineAllocator<U>&) const {
        return true;
    }
    template <class U>
    bool operator!=(const CacheLineAllocator<U>&) const {
        return false;
    }
};

using Buffer = std::vector<double, CacheLineAllocator<double>>;

}  // namespace glassnmr
