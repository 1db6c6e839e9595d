// Floor: context
//
// The switch for s390x, the ELF ABI. As that for x86-64 (see there for why it is inline, and why it jumps):
//
//      frame   +0 r11   +8 resume address   +16 r15   +24 r12   +32 r13
//
// r11 is the frame pointer. r12 and r13, in which compilers keep the addresses of tables, can't be listed as clobbered.
//
// A new context starts at weft_context_entry (src/context/s390x.cpp) with r11 = the base record.

#pragma once

#define WEFT_FRAME_WORDS 5

#include <cstddef>
#include <cstdint>
#include <weft/detail/context/frame.hpp>

// clang takes these names always. With gcc, see WEFT_SWITCH_OUT_OF_LINE (detail/switch.hpp).
#if defined(__VX__) || defined(__clang__)
#define WEFT_VECTOR_CLOBBERS                                                                                           \
    , "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31"
#else
#define WEFT_VECTOR_CLOBBERS
#endif

#define WEFT_SWITCH_CLOBBERS                                                                                           \
    "r0", "r1", "r6", "r7", "r8", "r9", "r10", "r14", "memory", "cc", "f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7",  \
        "f8", "f9", "f10", "f11", "f12", "f13", "f14", "f15" WEFT_VECTOR_CLOBBERS

namespace weft::context {

static_assert(offsetof(frame, resume_address) == 8 && offsetof(frame, stack_pointer) == 16 &&
              offsetof(frame, fourth) == 24 && offsetof(frame, fifth) == 32);

inline constexpr entry_conventions at_entry{.words = 2, .entry_word = 0, .shortest_instruction = 2};

[[gnu::always_inline]] inline std::uintptr_t switch_to(frame& from, frame const& to, void* stack_pointer,
                                                       std::uintptr_t word) {
    register std::uintptr_t r2 asm("r2") = word;
    register frame* r3 asm("r3") = &from;
    register frame const* r4 asm("r4") = &to;
    register void* r5 asm("r5") = stack_pointer;
    asm volatile(
        "larl %%r1, 1f\n\t"
        "stg %%r11, 0(%%r3)\n\t"
        "stg %%r1, 8(%%r3)\n\t"
        "stg %%r15, 16(%%r3)\n\t"
        "stg %%r12, 24(%%r3)\n\t"
        "stg %%r13, 32(%%r3)\n\t"
        "lg %%r1, 8(%%r4)\n\t"
        "lg %%r11, 0(%%r4)\n\t"
        "lg %%r12, 24(%%r4)\n\t"
        "lg %%r13, 32(%%r4)\n\t"
        "lgr %%r15, %%r5\n\t"
        "br %%r1\n"
        "1:\n\t"
        : "+r"(r2), "+r"(r3), "+r"(r4), "+r"(r5)
        :
        : WEFT_SWITCH_CLOBBERS);
    return r2;
}

}  // namespace weft::context

#undef WEFT_SWITCH_CLOBBERS
#undef WEFT_VECTOR_CLOBBERS
