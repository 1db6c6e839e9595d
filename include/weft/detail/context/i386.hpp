// Floor: context
//
// The switch for i386, System V ABI. As that for x86-64 (see there for why it is inline, and why it jumps):
//
//      frame   +0 ebp   +4 resume address   +8 esp   +12 esi (with clang)
//
// clang may use esi as its base pointer, unsaid; with clang the switch therefore saves it too. ebx, which points at the
// table of global offsets in position-independent code, is a register like others to compilers of today.
//
// A new context starts at weft_context_entry (src/context/i386.cpp) with ebp = the base record.

#pragma once

#include <cstddef>
#include <cstdint>
#include <weft/detail/context/frame.hpp>

#define WEFT_THREAD_ADDRESS_INLINE 1

// Linux gives programs of 32 bits no shadow stacks, so this is all of -fcf-protection.
#if defined(__CET__) && (__CET__ & 1)
#define WEFT_LANDING_PAD "endbr32\n\t"
#else
#define WEFT_LANDING_PAD ""
#endif

// The address of the label 1, in ebx. Processors know a call of the next instruction for what it is here.
#if defined(__PIC__)
#define WEFT_RESUME_ADDRESS                                                                                            \
    "calll 0f\n"                                                                                                       \
    "0:\n\t"                                                                                                           \
    "popl %%ebx\n\t"                                                                                                   \
    "leal 1f-0b(%%ebx), %%ebx\n\t"
#else
#define WEFT_RESUME_ADDRESS "movl $1f, %%ebx\n\t"
#endif

// clang takes these names always. With gcc, see WEFT_SWITCH_OUT_OF_LINE (detail/switch.hpp).
#if defined(__AVX512F__) || defined(__clang__)
#define WEFT_AVX512_CLOBBERS , "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define WEFT_AVX512_CLOBBERS
#endif

#if defined(__SSE__)
#define WEFT_SSE_CLOBBERS , "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7" WEFT_AVX512_CLOBBERS
#else
#define WEFT_SSE_CLOBBERS
#endif

#if defined(__clang__)
#define WEFT_ESI_CLOBBER
#define WEFT_WITH_CLANG(instruction) instruction "\n\t"
#else
#define WEFT_ESI_CLOBBER , "esi"
#define WEFT_WITH_CLANG(instruction)
#endif

#define WEFT_SWITCH_CLOBBERS                                                                                           \
    "ebx", "memory", "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)",                                 \
        "st(7)" WEFT_ESI_CLOBBER WEFT_SSE_CLOBBERS

namespace weft::context {

static_assert(offsetof(frame, resume_address) == 4 && offsetof(frame, stack_pointer) == 8 &&
              offsetof(frame, fourth) == 12);

inline constexpr entry_conventions at_entry{
    .words = 4, .entry_word = 0, .shortest_instruction = 1};  // the words above it are for the arguments

[[gnu::always_inline]] inline std::uintptr_t switch_to(frame& from, frame const& to, void* stack_pointer,
                                                       std::uintptr_t word) {
    frame* save = &from;
    frame const* load = &to;
    asm volatile(  //
        WEFT_RESUME_ADDRESS
        "movl %%ebp, (%[from])\n\t"
        "movl %%ebx, 4(%[from])\n\t"
        "movl %%esp, 8(%[from])\n\t"  //
        WEFT_WITH_CLANG("movl %%esi, 12(%[from])")
        "movl 4(%[to]), %%ebx\n\t"
        "movl (%[to]), %%ebp\n\t"  //
        WEFT_WITH_CLANG("movl 12(%[to]), %%esi")
        "movl %[sp], %%esp\n\t"
        "jmpl *%%ebx\n"
        "1:\n\t" WEFT_LANDING_PAD
        : "+a"(word), [from] "+D"(save), [to] "+d"(load), [sp] "+c"(stack_pointer)
        :
        : WEFT_SWITCH_CLOBBERS);
    return word;
}

/// The address of the calling thread's copy of weft_thread; see x86_64.hpp.
[[gnu::always_inline]] inline void* thread_address() {
    void* address;
#if defined(__PIC__)
    asm volatile(
        "calll 0f\n"
        "0:\n\t"
        "popl %0\n\t"
        "addl $_GLOBAL_OFFSET_TABLE_+(.-0b), %0\n\t"
        "movl weft_thread@gotntpoff(%0), %0\n\t"
        "addl %%gs:0, %0"
        : "=r"(address)
        :
        : "cc");
#else
    asm volatile("movl weft_thread@indntpoff, %0\n\taddl %%gs:0, %0" : "=r"(address) : : "cc");
#endif
    return address;
}

}  // namespace weft::context

#undef WEFT_SWITCH_CLOBBERS
#undef WEFT_SSE_CLOBBERS
#undef WEFT_AVX512_CLOBBERS
#undef WEFT_RESUME_ADDRESS
#undef WEFT_ESI_CLOBBER
#undef WEFT_WITH_CLANG
