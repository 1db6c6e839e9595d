// Floor 0: context
//
// The switch: the one thing that is not portable. Everything above uses only what stands here.
//
//   void*          make(base_record& base, void* stack_top, entry_function entry);
//   std::uintptr_t enter(frame& enterer, void* to, std::uintptr_t word);
//   std::uintptr_t leave(void*& left, frame& enterer, std::uintptr_t word);
//
// enter() saves the running context in `enterer` and continues `to`; leave() saves the running context on its own stack,
// puts one word that stands for it into `left`, and continues `enterer`. Both hand `word` over, and return, when somebody
// switches back, with the word that was handed over then. The first enter() of a context that make() made calls
// entry(&base, word), which must never return.
//
//      enterer's stack                    coroutine's stack
//      enter(f, to, 7)  --- 7 --->        entry(&base, 7)
//      returns 8        <-- 8 ----        leave(left, f, 8)
//      enter(f, left, 9) -- 9 --->        returns 9
//
// Not saved by a switch: the signal mask, the FPU control words (x87 CW, MXCSR: a switch that saves them costs several
// times as much). Code that changes them changes them back before it suspends.

#pragma once

#include <cstdint>

namespace weft::context {

/// Where an enterer's registers are saved. The first two words have the form of a frame record.
struct frame {
    void* frame_pointer = nullptr;
    void* resume_address = nullptr;
    void* stack_pointer = nullptr;
    void* fourth = nullptr;  ///< A backend's own.
};

using entry_function = void (*)(void* base, std::uintptr_t word);

/// The bottom of a coroutine's stack: a frame record too, so that a walk by frame pointers goes on from the coroutine's
/// first frame into whoever entered it.
struct base_record {
    frame* enterer = nullptr;
    entry_function entry = nullptr;
};

}  // namespace weft::context

#if defined(WEFT_BACKEND_ASM)
#include <weft/detail/context_x86_64.hpp>
#elif defined(WEFT_BACKEND_UCONTEXT)
#include <weft/detail/context_ucontext.hpp>
#else
#error "weft: no context backend was chosen: build through CMake, or define WEFT_BACKEND_ASM or WEFT_BACKEND_UCONTEXT"
#endif
