// Floor: context
//
// The switch for aarch64, AAPCS64. As that for x86-64 (see there for why it is inline, and why it jumps):
//
//      frame   +0 x29   +8 resume address   +16 sp   +24 x19
//
// {x29, resume address} is a frame record. x19 is saved because clang may use it as its base pointer, unsaid; with stp it
// costs nothing. x18 is listed as clobbered: Linux gives it no meaning.
//
// A new context starts at weft_context_entry (src/context/aarch64.cpp) with x29 = the base record.

#pragma once

#include <cstddef>
#include <cstdint>
#include <weft/detail/context/frame.hpp>

#define WEFT_THREAD_ADDRESS_INLINE 1

// Branch target identification: where an indirect jump may land. A no-op where the processor lacks it.
#if defined(__ARM_FEATURE_BTI_DEFAULT)
#define WEFT_LANDING_PAD "hint #36\n\t"  // bti j
#else
#define WEFT_LANDING_PAD ""
#endif

// Always, because one function may be compiled for SVE by an attribute. clang has no name for the register ffr.
#if defined(__clang__)
#define WEFT_FFR_CLOBBER
#else
#define WEFT_FFR_CLOBBER , "ffr"
#endif
#define WEFT_SVE_CLOBBERS                                                                                              \
    , "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", "p14",                   \
        "p15" WEFT_FFR_CLOBBER

#define WEFT_SWITCH_CLOBBERS                                                                                           \
    "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x20", "x21",   \
        "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "memory", "cc", "v0", "v1", "v2", "v3", "v4", "v5",    \
        "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21",    \
        "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31" WEFT_SVE_CLOBBERS

namespace weft::context {

static_assert(offsetof(frame, resume_address) == 8 && offsetof(frame, stack_pointer) == 16 &&
              offsetof(frame, fourth) == 24);

inline constexpr entry_conventions at_entry{.words = 2, .entry_word = 0, .shortest_instruction = 4};

[[gnu::always_inline]] inline std::uintptr_t switch_to(frame& from, frame const& to, void* stack_pointer,
                                                       std::uintptr_t word) {
    register std::uintptr_t x0 asm("x0") = word;
    register frame* x1 asm("x1") = &from;
    register frame const* x2 asm("x2") = &to;
    register void* x3 asm("x3") = stack_pointer;
    asm volatile(
        "adr x4, 1f\n\t"
        "mov x5, sp\n\t"
        "stp x29, x4, [x1]\n\t"
        "stp x5, x19, [x1, #16]\n\t"
        "ldp x29, x4, [x2]\n\t"
        "ldr x19, [x2, #24]\n\t"
        "mov sp, x3\n\t"
        "br x4\n"
        "1:\n\t" WEFT_LANDING_PAD
        : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
        :
        : WEFT_SWITCH_CLOBBERS);
    return x0;
}

/// The address of the calling thread's copy of weft_thread; see x86_64.hpp.
[[gnu::always_inline]] inline void* thread_address() {
    void* address;
    void* thread;
    asm volatile(
        "adrp %0, :gottprel:weft_thread\n\t"
        "mrs %1, tpidr_el0\n\t"
        "ldr %0, [%0, :gottprel_lo12:weft_thread]\n\t"
        "add %0, %0, %1"
        : "=&r"(address), "=&r"(thread));
    return address;
}

}  // namespace weft::context

#undef WEFT_SWITCH_CLOBBERS
#undef WEFT_SVE_CLOBBERS
#undef WEFT_FFR_CLOBBER
