// Floor 1: stack
//
// Valgrind takes a large step of the stack pointer for a switch only if it knows of both stacks.

#pragma once

#if defined(WEFT_HAS_VALGRIND)
#include <valgrind/valgrind.h>
#endif

namespace weft::detail {

/// Slots are stacks for ever, so that this is said once for each and never taken back.
inline void tell_valgrind([[maybe_unused]] char* low, [[maybe_unused]] char* high) {
#if defined(WEFT_HAS_VALGRIND)
    (void)VALGRIND_STACK_REGISTER(low, high);
#endif
}

}  // namespace weft::detail
