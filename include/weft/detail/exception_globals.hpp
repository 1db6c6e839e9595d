// Floor 0: context
//
// The exceptions that are caught and on their way, which the C++ runtime keeps for each thread, and which belong to a
// coroutine.

#pragma once

#include <cxxabi.h>

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

/// What unwinds a thread that ends by pthread_exit() or pthread_cancel(). It can't leave a coroutine's stack, on which the
/// thread did not begin.
#if defined(__GLIBCXX__)
using thread_ending = abi::__forced_unwind;
#else
struct thread_ending {};
#endif

}  // namespace weft::detail
