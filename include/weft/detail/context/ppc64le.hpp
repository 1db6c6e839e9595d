// Floor: context
//
// The switch for little-endian PowerPC64, ELF v2 ABI. As that for x86-64 (see there for why it is inline, and why it jumps):
//
//      frame   +0 r31   +8 resume address   +16 r1   +24 r30   +32 r2
//
// r31 is the frame pointer; r30 is saved because clang may use it as its base pointer, unsaid. r2 points at the table of
// contents of the module that the code is in, and whoever enters or leaves may be in another one. r13 is the thread's.
//
// A new context starts at weft_context_entry (src/context/ppc64le.cpp) with r31 = the base record.

#pragma once

#define WEFT_FRAME_WORDS 5

#include <cstddef>
#include <cstdint>
#include <weft/detail/context/frame.hpp>

#define WEFT_SWITCH_CLOBBERS                                                                                           \
    "r0", "r7", "r8", "r9", "r10", "r11", "r12", "r14", "r15", "r16", "r17", "r18", "r19", "r20", "r21", "r22", "r23", \
        "r24", "r25", "r26", "r27", "r28", "r29", "lr", "ctr", "xer", "cr0", "cr1", "cr2", "cr3", "cr4", "cr5", "cr6", \
        "cr7", "memory", "fr0", "fr1", "fr2", "fr3", "fr4", "fr5", "fr6", "fr7", "fr8", "fr9", "fr10", "fr11", "fr12", \
        "fr13", "fr14", "fr15", "fr16", "fr17", "fr18", "fr19", "fr20", "fr21", "fr22", "fr23", "fr24", "fr25",        \
        "fr26", "fr27", "fr28", "fr29", "fr30", "fr31", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9",    \
        "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24",       \
        "v25", "v26", "v27", "v28", "v29", "v30", "v31"

// The address of the label 1, in r9.
#define WEFT_RESUME_ADDRESS                                                                                            \
    "bcl 20, 31, 0f\n"                                                                                                 \
    "0:\n\t"                                                                                                           \
    "mflr 9\n\t"                                                                                                       \
    "addi 9, 9, 1f - 0b\n\t"

namespace weft::context {

static_assert(offsetof(frame, resume_address) == 8 && offsetof(frame, stack_pointer) == 16 &&
              offsetof(frame, fourth) == 24 && offsetof(frame, fifth) == 32);

inline constexpr entry_conventions at_entry{
    .words = 8,
    .entry_word = 2,
    .shortest_instruction = 4};  // the words above it belong to the function that is called

[[gnu::always_inline]] inline std::uintptr_t switch_to(frame& from, frame const& to, void* stack_pointer,
                                                       std::uintptr_t word) {
    register std::uintptr_t r3 asm("r3") = word;
    register frame* r4 asm("r4") = &from;
    register frame const* r5 asm("r5") = &to;
    register void* r6 asm("r6") = stack_pointer;
    asm volatile(WEFT_RESUME_ADDRESS
                 "std 31, 0(4)\n\t"
                 "std 9, 8(4)\n\t"
                 "std 1, 16(4)\n\t"
                 "std 30, 24(4)\n\t"
                 "std 2, 32(4)\n\t"
                 "ld 9, 8(5)\n\t"
                 "mtctr 9\n\t"
                 "ld 31, 0(5)\n\t"
                 "ld 30, 24(5)\n\t"
                 "ld 2, 32(5)\n\t"
                 "mr 1, 6\n\t"
                 "bctr\n"
                 "1:\n\t"
                 : "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6)
                 :
                 : WEFT_SWITCH_CLOBBERS);
    return r3;
}

}  // namespace weft::context

#undef WEFT_SWITCH_CLOBBERS
#undef WEFT_RESUME_ADDRESS
