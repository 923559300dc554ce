// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <limits>
#include <new>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace glassnmr {

/// Memory on cache-line borders: the same data then take the same vector paths, and give the same
/// bits, in every run. Much memory comes in pages of 2 MiB where the system has them, as touching
/// small ones for the first time takes longer than using them.
template <class T>
struct CacheLineAllocator {
    using value_type = T;

    CacheLineAllocator() = default;
    template <class U>
    explicit CacheLineAllocator(const CacheLineAllocator<U>&) {}

    T* allocate(std::size_t n) {
        if (n > std::numeric_limits<std::size_t>::max() / sizeof(T))
            throw std::bad_array_new_length();
        const std::size_t bytes = n * sizeof(T);
        void* p = ::operator new(bytes, border(bytes));
#ifdef MADV_HUGEPAGE
        if (bytes >= much) madvise(p, bytes, MADV_HUGEPAGE);  // a wish: nothing depends on it
#endif
        return static_cast<T*>(p);
    }
    void deallocate(T* p, std::size_t n) { ::operator delete(p, border(n * sizeof(T))); }

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

private:
    static constexpr std::size_t much = std::size_t{1} << 22, page = std::size_t{1} << 21;
    static std::align_val_t border(std::size_t bytes) {
        return std::align_val_t{bytes >= much ? page : 64};
    }
};

using Buffer = std::vector<double, CacheLineAllocator<double>>;

}  // namespace glassnmr
