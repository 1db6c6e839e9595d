// Floor: stack
//
// Valgrind takes a large step of the stack pointer for a switch only if it knows of both stacks. And what lies below the
// stack pointer is no memory to it, on a stack that was left for good too, until it is told otherwise.

#pragma once

#if defined(WEFT_HAS_VALGRIND)
#include <valgrind/memcheck.h>
#endif

namespace weft::detail {

/// Slots are stacks for ever, so that this is said once for each and never taken back.
inline void tell_valgrind_of_stack([[maybe_unused]] char* low, [[maybe_unused]] char* high) {
#if defined(WEFT_HAS_VALGRIND)
    (void)VALGRIND_STACK_REGISTER(low, high);
#endif
}

/// What is about to be used may be written.
inline void tell_valgrind_of_use([[maybe_unused]] char* low, [[maybe_unused]] char* high) {
#if defined(WEFT_HAS_VALGRIND)
    (void)VALGRIND_MAKE_MEM_UNDEFINED(low, high - low);
#endif
}

/// Whether tell_valgrind_of_use() does anything: under memcheck, not under valgrind's other tools.
inline bool under_memcheck() {
#if defined(WEFT_HAS_VALGRIND)
    char nothing;
    return VALGRIND_MAKE_MEM_UNDEFINED(&nothing, 0) != 0;
#else
    return false;
#endif
}

}  // namespace weft::detail
