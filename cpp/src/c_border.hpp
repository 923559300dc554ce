// SPDX-License-Identifier: BSD-3-Clause
// Where exceptions become a status and a message: the border of the C interface.
#pragma once

#include <glassnmr/glassnmr.h>

#include <cstddef>
#include <glassnmr/error.hpp>
#include <new>
#include <string>

namespace glassnmr {

/// Keeps the message for glassnmr_last_error() of this thread.
glassnmr_status fail(glassnmr_status status, const char* message) noexcept;
const char* last_message() noexcept;

/// Every C function that can fail is one call of this.
template <class Call>
glassnmr_status guarded(const Call& call) noexcept {
    try {
        call();
        return GLASSNMR_SUCCESS;
    } catch (const format_error& e) {
        return fail(GLASSNMR_INVALID_FILE, e.what());
    } catch (const std::invalid_argument& e) {
        return fail(GLASSNMR_INVALID_ARGUMENT, e.what());
    } catch (const numerical_error& e) {
        return fail(GLASSNMR_NUMERICAL_ERROR, e.what());
    } catch (const std::bad_alloc&) {
        return fail(GLASSNMR_OUT_OF_MEMORY, "out of memory");
    } catch (const std::exception& e) {
        return fail(GLASSNMR_INTERNAL_ERROR, e.what());
    } catch (...) {
        return fail(GLASSNMR_INTERNAL_ERROR, "unknown exception");
    }
}

/// `count` is how many entries the caller promises; an empty array may be NULL.
inline void require(const void* pointer, const char* name, std::size_t count = 1) {
    if (!pointer && count > 0) invalid(std::string(name) + " must not be NULL");
}

}  // namespace glassnmr
