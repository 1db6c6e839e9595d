// Floor 0: context
//
// The switch for any system with makecontext(): the technique of 2011. makecontext() gets onto the new stack once;
// every other switch is _setjmp() and _longjmp(), which, unlike swapcontext(), make no system call for the signal mask.

#pragma once

#include <cstdint>
#include <weft/detail/context.hpp>

namespace weft::context {

void* make(base_record& base, void* stack_top, entry_function entry);
std::uintptr_t enter(frame& enterer, void* to, std::uintptr_t word);
std::uintptr_t leave(void*& left, frame& enterer, std::uintptr_t word);

/// The address of the calling thread's copy of weft_thread (see detail/thread.hpp). Out of line, so that no compiler
/// keeps it across a switch after which the coroutine runs on another thread.
void* thread_address();

}  // namespace weft::context
