// Floor: context
//
// The switch in portable C: the technique of 2011. A context gets onto its new stack once, by makecontext() or, where a
// system has none, by a signal; every other switch is _setjmp() and _longjmp(), which, unlike swapcontext(), make no system
// call for the signal mask.
//
//      jump.cpp           the switch, for both
//      ucontext.cpp       onto a new stack by makecontext()
//      sigaltstack.cpp    onto a new stack by a signal

#pragma once

#include <cstdint>
#include <weft/detail/context/frame.hpp>

namespace weft::context {

inline constexpr saved_form form_saved = saved_form::jump_buffer;

void make(frame& fresh, entry_record& base, void* stack_top, entry_function entry);
std::uintptr_t switch_to(frame& from, frame const& to, void* stack_pointer, std::uintptr_t word);

}  // namespace weft::context
