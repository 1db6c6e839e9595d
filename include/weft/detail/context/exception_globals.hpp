// Floor: context
//
// The exceptions that are caught and on their way, which the C++ runtime keeps for each thread, and which belong to a
// coroutine.

#pragma once

#include <cstdint>

namespace weft::detail {

/// What __cxa_get_globals() points at (Itanium C++ ABI: Exception Handling, 2.2.2).
struct exception_globals {
    void* caught = nullptr;
    unsigned uncaught = 0;
#if defined(__ARM_EABI__)
    void* unwinding = nullptr;  ///< Whose destructors run just now (C++ ABI for the ARM Architecture, 8.4: exceptions).
#endif

    [[nodiscard]] bool any() const {
        return (reinterpret_cast<std::uintptr_t>(caught) | uncaught) != 0;
    }
};

}  // namespace weft::detail
