// Floor: context. See <weft/detail/context/jump.hpp>.
//
// A frame's stack pointer is the address of a `saved`: of a context that was left, on its own stack, inside switch_to(); of
// a new one, at the stack's top, inside a `start`, which each way onto a new stack has of its own.

#pragma once

// glibc's checked longjmp() takes a jump to another stack for a mistake.
#undef _FORTIFY_SOURCE
#include <csetjmp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <weft/detail/context/context.hpp>

namespace weft::context {

struct start;

struct saved {
    jmp_buf environment;
    std::uintptr_t word;
    start* fresh = nullptr;  ///< That of a new context.
};

#if defined(__x86_64__) && defined(__GLIBC__)
// The gdb script counts on it: see read_jump_buffer() there.
static_assert(offsetof(saved, environment) == 0 && offsetof(saved, fresh) == 208);
#endif

/// Goes onto a new stack for the first time, and calls the entry there.
[[noreturn]] void begin(start& fresh);

/// A place for the `start`, at the top of the stack; all below it is free.
template <class Start>
Start& place_start(void* stack_top) {
    auto place = (reinterpret_cast<std::uintptr_t>(stack_top) - sizeof(Start)) & ~std::uintptr_t{63};
    return *::new (reinterpret_cast<void*>(place)) Start{};
}

}  // namespace weft::context
