// Floor: context
//
// The switch for 32-bit ARM, AAPCS, in ARM or in Thumb-2 code. As that for x86-64 (see there for why it is inline, and why
// it jumps):
//
//      frame   +0 r11   +4 resume address   +8 sp   +12 r7   +16 r6
//
// The lowest bit of the resume address says which of the two codes is there.
//
// The frame pointer is r11 in ARM code and r7 in Thumb code, and an enterer may be the one and a coroutine the other: both
// are saved. So is r6, which clang may use as its base pointer, unsaid. The jump is a `bx` by a register other than lr,
// which processors would take for a return.
//
// A new context starts at weft_context_entry (src/context/arm.cpp) with r11 = the base record.

#pragma once

#define WEFT_FRAME_WORDS 5

#include <cstddef>
#include <cstdint>
#include <weft/detail/context/frame.hpp>

#if defined(__thumb__) && !defined(__thumb2__)
#error "weft: there is no assembly backend for Thumb-1 code: compile with -marm, or use WEFT_BACKEND=ucontext"
#endif

// The address of the label 1, in ip.
#if defined(__thumb__)
#define WEFT_RESUME_ADDRESS                                                                                            \
    "adr ip, 1f\n\t"                                                                                                   \
    "add ip, ip, #1\n\t"
#else
#define WEFT_RESUME_ADDRESS "adr ip, 1f\n\t"
#endif

// A function that alone is compiled for NEON: see WEFT_SWITCH_OUT_OF_LINE (detail/switch.hpp).
#if defined(__ARM_NEON)
#define WEFT_VECTOR_CLOBBERS                                                                                           \
    , "d16", "d17", "d18", "d19", "d20", "d21", "d22", "d23", "d24", "d25", "d26", "d27", "d28", "d29", "d30", "d31"
#else
#define WEFT_VECTOR_CLOBBERS
#endif

#if defined(__ARM_FP)
#define WEFT_FLOAT_CLOBBERS                                                                                            \
    , "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9", "d10", "d11", "d12", "d13", "d14",                   \
        "d15" WEFT_VECTOR_CLOBBERS
#else
#define WEFT_FLOAT_CLOBBERS
#endif

#define WEFT_SWITCH_CLOBBERS "r4", "r5", "r8", "r9", "r10", "ip", "lr", "memory", "cc" WEFT_FLOAT_CLOBBERS

namespace weft::context {

static_assert(offsetof(frame, resume_address) == 4 && offsetof(frame, stack_pointer) == 8 &&
              offsetof(frame, fourth) == 12 && offsetof(frame, fifth) == 16);

inline constexpr entry_conventions at_entry{.words = 2, .entry_word = 0, .shortest_instruction = 4};

[[gnu::always_inline]] inline std::uintptr_t switch_to(frame& from, frame const& to, void* stack_pointer,
                                                       std::uintptr_t word) {
    register std::uintptr_t r0 asm("r0") = word;
    register frame* r1 asm("r1") = &from;
    register frame const* r2 asm("r2") = &to;
    register void* r3 asm("r3") = stack_pointer;
    asm volatile(WEFT_RESUME_ADDRESS
                 "mov lr, sp\n\t"
                 "str r11, [r1]\n\t"
                 "str ip, [r1, #4]\n\t"
                 "str lr, [r1, #8]\n\t"
                 "str r7, [r1, #12]\n\t"
                 "str r6, [r1, #16]\n\t"
                 "ldr r11, [r2]\n\t"
                 "ldr ip, [r2, #4]\n\t"
                 "ldr r7, [r2, #12]\n\t"
                 "ldr r6, [r2, #16]\n\t"
                 "mov sp, r3\n\t"
                 "bx ip\n"
                 "1:\n\t"
                 : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
                 :
                 : WEFT_SWITCH_CLOBBERS);
    return r0;
}

}  // namespace weft::context

#undef WEFT_SWITCH_CLOBBERS
#undef WEFT_FLOAT_CLOBBERS
#undef WEFT_VECTOR_CLOBBERS
#undef WEFT_RESUME_ADDRESS
