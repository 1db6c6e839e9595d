// Floor: context
//
// The switch for riscv64, LP64D. As that for x86-64 (see there for why it is inline, and why it jumps):
//
//      frame   +0 s0   +8 resume address   +16 sp   +24 s1
//
// s0 is the frame pointer; s1 is saved because clang may use it as its base pointer, unsaid. gp and tp stay.
//
// A new context starts at weft_context_entry (src/context/riscv64.cpp) with s0 = the base record.

#pragma once

#include <cstddef>
#include <cstdint>
#include <weft/detail/context/frame.hpp>

#define WEFT_THREAD_ADDRESS_INLINE 1

// clang takes these names always, and none for vl and vtype, which it sets anew after each piece of assembly. With gcc, see
// WEFT_SWITCH_OUT_OF_LINE (detail/switch.hpp).
#if defined(__clang__)
#define WEFT_VECTOR_LENGTH_CLOBBERS
#else
#define WEFT_VECTOR_LENGTH_CLOBBERS , "vl", "vtype"
#endif
#if defined(__riscv_vector) || defined(__clang__)
#define WEFT_VECTOR_CLOBBERS                                                                                           \
    , "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16",     \
        "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30",              \
        "v31" WEFT_VECTOR_LENGTH_CLOBBERS
#else
#define WEFT_VECTOR_CLOBBERS
#endif

#define WEFT_SWITCH_CLOBBERS                                                                                           \
    "a4", "a5", "a6", "a7", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9",  \
        "s10", "s11", "ra", "memory", "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "ft8", "ft9", "ft10",    \
        "ft11", "fa0", "fa1", "fa2", "fa3", "fa4", "fa5", "fa6", "fa7", "fs0", "fs1", "fs2", "fs3", "fs4", "fs5",      \
        "fs6", "fs7", "fs8", "fs9", "fs10", "fs11" WEFT_VECTOR_CLOBBERS

namespace weft::context {

static_assert(offsetof(frame, resume_address) == 8 && offsetof(frame, stack_pointer) == 16 &&
              offsetof(frame, fourth) == 24);

inline constexpr entry_conventions at_entry{.words = 2, .entry_word = 0, .shortest_instruction = 2};

[[gnu::always_inline]] inline std::uintptr_t switch_to(frame& from, frame const& to, void* stack_pointer,
                                                       std::uintptr_t word) {
    register std::uintptr_t a0 asm("a0") = word;
    register frame* a1 asm("a1") = &from;
    register frame const* a2 asm("a2") = &to;
    register void* a3 asm("a3") = stack_pointer;
    asm volatile(
        "lla a4, 1f\n\t"
        "sd s0, (a1)\n\t"
        "sd a4, 8(a1)\n\t"
        "sd sp, 16(a1)\n\t"
        "sd s1, 24(a1)\n\t"
        "ld a4, 8(a2)\n\t"
        "ld s0, (a2)\n\t"
        "ld s1, 24(a2)\n\t"
        "mv sp, a3\n\t"
        "jr a4\n"
        "1:\n\t"
        : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3)
        :
        : WEFT_SWITCH_CLOBBERS);
    return a0;
}

/// The address of the calling thread's copy of weft_thread; see x86_64.hpp.
[[gnu::always_inline]] inline void* thread_address() {
    void* address;
    asm volatile(
        "la.tls.ie %0, weft_thread\n\t"
        "add %0, %0, tp"
        : "=r"(address));
    return address;
}

}  // namespace weft::context

#undef WEFT_SWITCH_CLOBBERS
#undef WEFT_VECTOR_CLOBBERS
#undef WEFT_VECTOR_LENGTH_CLOBBERS
