// Floor: context
//
// The switch: the one thing that is not portable. Everything above uses only what stands here.
//
//   void           make(frame& fresh, entry_record& base, void* stack_top, entry_function entry);
//   std::uintptr_t switch_to(frame& from, frame const& to, void* stack_pointer, std::uintptr_t word);
//
// switch_to() saves the running context in `from` and continues the one that `to` holds, on the stack that `stack_pointer`
// says. (That is to.stack_pointer, which the caller may have marked meanwhile; and so it is at hand.) It hands `word` over,
// and returns, when somebody switches back to `from`, with the word that was handed over then. The first switch to a context
// that make() made calls entry(&base, word), which must never return.
//
//      enterer's stack                           coroutine's stack
//      switch_to(enterer, co, .., 7)  --- 7 --->   entry(&base, 7)
//      returns 8                    <-- 8 ----   switch_to(co, enterer, .., 8)
//      switch_to(enterer, co, .., 9)  --- 9 --->   returns 9
//
// Not saved by a switch: the signal mask, the FPU control words (x87 CW, MXCSR: a switch that saves them costs several
// times as much). Code that changes them changes them back before it suspends.

#pragma once

#include <cstdint>

#if defined(WEFT_BACKEND_ASM) && defined(__x86_64__)
#include <weft/detail/context/x86_64.hpp>
#elif defined(WEFT_BACKEND_ASM) && defined(__aarch64__)
#include <weft/detail/context/aarch64.hpp>
#elif defined(WEFT_BACKEND_ASM) && defined(__i386__)
#include <weft/detail/context/i386.hpp>
#elif defined(WEFT_BACKEND_ASM) && defined(__arm__)
#include <weft/detail/context/arm.hpp>
#elif defined(WEFT_BACKEND_ASM) && defined(__riscv) && __riscv_xlen == 64
#include <weft/detail/context/riscv64.hpp>
#elif defined(WEFT_BACKEND_ASM) && defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#include <weft/detail/context/ppc64le.hpp>
#elif defined(WEFT_BACKEND_ASM) && defined(__s390x__)
#include <weft/detail/context/s390x.hpp>
#elif defined(WEFT_BACKEND_ASM) && defined(__mips64) && _MIPS_SIM == _ABI64 && defined(__MIPSEL__)
#include <weft/detail/context/mips64el.hpp>
#elif defined(WEFT_BACKEND_ASM)
#error "weft: there is no assembly backend for this processor: use WEFT_BACKEND=ucontext"
#elif defined(WEFT_BACKEND_UCONTEXT) || defined(WEFT_BACKEND_SIGALTSTACK)
#include <weft/detail/context/jump.hpp>
#elif defined(WEFT_BACKEND_WINFIBER)
#include <weft/detail/context/winfiber.hpp>
#else
#error "weft: no context backend was chosen: build through CMake, or define WEFT_BACKEND_ASM, _UCONTEXT or _SIGALTSTACK"
#endif

#if defined(WEFT_BACKEND_ASM)
/// Where a new context starts: it calls the entry. See src/context/.
extern "C" void weft_context_entry();

namespace weft::context {

inline constexpr saved_form form_saved = saved_form::frame;

inline void make(frame& fresh, entry_record& base, void* stack_top, entry_function entry) {
    auto** stack = static_cast<void**>(stack_top) - at_entry.words;
    stack[at_entry.entry_word] = reinterpret_cast<void*>(entry);
    fresh.frame_pointer = &base;
    fresh.resume_address = reinterpret_cast<void*>(&weft_context_entry);
    fresh.stack_pointer = stack;
    base.within_entry = static_cast<char*>(fresh.resume_address) + at_entry.shortest_instruction;
}

}  // namespace weft::context
#endif

#if !defined(WEFT_HAS_COMPANION)
namespace weft::context {
using companion = no_companion;
}
#endif

#if !defined(WEFT_RETURN_BY_JUMP)
namespace weft::context {

/// Returns `value`, or nothing. For the last call of a function that switches and is not inlined: see x86_64.hpp.
[[gnu::always_inline]] inline bool return_by_jump(bool value) {
    return value;
}
[[gnu::always_inline]] inline std::uintptr_t return_by_jump(std::uintptr_t value) {
    return value;
}
[[gnu::always_inline]] inline void return_by_jump() {}

}  // namespace weft::context
#endif

namespace weft::context {

/// switch_to() as a plain function, which keeps what the ABI says and nothing else: for callers that are compiled for registers
/// which the list of an inlined one can't name (src/context/out_of_line.cpp).
std::uintptr_t switch_out_of_line(frame& from, frame const& to, void* stack_pointer, std::uintptr_t word);

}  // namespace weft::context

#if !defined(WEFT_THREAD_ADDRESS_INLINE)
namespace weft::context {

/// The address of the calling thread's copy of weft_thread (see detail/thread.hpp). Out of line, so that no compiler
/// keeps it across a switch after which the coroutine runs on another thread.
void* thread_address();

}  // namespace weft::context
#endif
