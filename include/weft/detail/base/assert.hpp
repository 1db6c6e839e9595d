// Floor: base
//
// WEFT_ASSERT(condition, "what was expected", found): what a function relies on, said in code. Active in every build, so it
// stands where an operation is slow anyway, not on the path of a switch, a wake-up or a lock. A failure is a fault in weft, or
// in whoever wrote over its memory:
//
//     weft: pool.cpp:88: expected the size of a slot, a power of two; found 0x1234 (std::has_single_bit(size))
//
// Misuse by the caller has messages of its own: see src/coroutine/misuse.hpp.

#pragma once

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <type_traits>

namespace weft::detail {

template <class T>
[[nodiscard]] std::uint64_t word_of(T const& found) noexcept {
    if constexpr (std::is_pointer_v<T>) {
        return reinterpret_cast<std::uintptr_t>(found);
    } else {
        return static_cast<std::uint64_t>(found);
    }
}

[[noreturn, gnu::cold, gnu::noinline]] inline void die_of_assertion(char const* file, int line, char const* expected,
                                                                    std::uint64_t found,
                                                                    char const* condition) noexcept {
    std::fprintf(stderr, "weft: %s:%d: expected %s; found %#" PRIx64 " (%s)\n", file, line, expected, found, condition);
    std::fflush(stderr);
    std::abort();
}

}  // namespace weft::detail

// Without the folder that the library was built in.
#if defined(__FILE_NAME__)
#define WEFT_ASSERT_FILE __FILE_NAME__
#else
#define WEFT_ASSERT_FILE "weft"
#endif

#define WEFT_ASSERT(condition, expected, found)                                                                        \
    (static_cast<bool>(condition) ? static_cast<void>(0)                                                               \
                                  : ::weft::detail::die_of_assertion(WEFT_ASSERT_FILE, __LINE__, expected,             \
                                                                     ::weft::detail::word_of(found), #condition))
