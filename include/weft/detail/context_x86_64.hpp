// Floor 0: context
//
// The switch for x86-64, System V ABI.
//
// It is inline assembly in a header, so that the compiler saves just the registers that are live where a switch happens:
// all but rbp and rsp are listed as clobbered. What a switch costs is its stores (measured: 0.25 ns each), so it makes
// few: three to enter, into the enterer's `frame`, and three to leave, two of them on the stack that is left:
//
//      higher addresses
//      +---------------------------+ <- rsp of the code that leaves
//      | red zone, 128 bytes       |   leaf functions keep locals here: step over it
//      +---------------------------+
//      | rbx (with clang)          |   +16
//      | resume address            |    +8
//      | rbp                       | <- what `left` holds
//      +---------------------------+
//
// It continues by `jmp`, never by `ret`: a `ret` that does not match a call costs a return-address misprediction
// (measured: 7.6 ns a switch against 1.2). rsp moves before words are stored under the red zone, and back only after they
// were read, because a signal handler may overwrite all that lies there.
//
// clang may use rbx as its base pointer, unsaid; with clang the switch therefore saves it too.
//
// A new context starts at weft_context_entry (src/context/x86_64.cpp) with rbp = the base record.

#pragma once

#include <cstddef>
#include <cstdint>
#include <weft/detail/context.hpp>

#if defined(__CET__) && (__CET__ & 1)
#define WEFT_LANDING_PAD "endbr64\n\t"
#else
#define WEFT_LANDING_PAD ""
#endif

#if defined(__AVX512F__)
#define WEFT_AVX512_CLOBBERS                                                                                           \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",      \
        "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define WEFT_AVX512_CLOBBERS
#endif

#if defined(__clang__)
#define WEFT_RBX_CLOBBER
#define WEFT_WITH_CLANG(instruction) instruction "\n\t"
#else
#define WEFT_RBX_CLOBBER , "rbx"
#define WEFT_WITH_CLANG(instruction)
#endif

#define WEFT_SWITCH_CLOBBERS                                                                                           \
    "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc", "xmm0", "xmm1", "xmm2",        \
        "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",  \
        "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)" WEFT_RBX_CLOBBER WEFT_AVX512_CLOBBERS

extern "C" void weft_context_entry();

namespace weft::context {

static_assert(offsetof(frame, resume_address) == 8 && offsetof(frame, stack_pointer) == 16 &&
              offsetof(frame, fourth) == 24 && offsetof(base_record, entry) == 8);

inline void* make(base_record& base, void* stack_top, entry_function entry) {
    base.entry = entry;
    auto** left = static_cast<void**>(stack_top) - 2;
    left[0] = &base;
    left[1] = reinterpret_cast<void*>(&weft_context_entry);
    return left;
}

[[gnu::always_inline]] inline std::uintptr_t enter(frame& enterer, void* to, std::uintptr_t word) {
    frame* save = &enterer;  // a leave() comes back with the frame's address in rdi
    asm volatile(
        "leaq 1f(%%rip), %%rdx\n\t"
        "movq %%rbp, (%[save])\n\t"
        "movq %%rdx, 8(%[save])\n\t"
        "movq %%rsp, 16(%[save])\n\t"               //
        WEFT_WITH_CLANG("movq %%rbx, 24(%[save])")  //
        "movq 8(%[to]), %%rdx\n\t"
        "movq (%[to]), %%rbp\n\t"
        "movq %[to], %%rsp\n\t"
        "jmpq *%%rdx\n"
        "1:\n\t" WEFT_LANDING_PAD                       //
            WEFT_WITH_CLANG("movq 24(%[save]), %%rbx")  //
        : "+a"(word), [save] "+D"(save), [to] "+S"(to)
        :
        : WEFT_SWITCH_CLOBBERS);
    return word;
}

[[gnu::always_inline]] inline std::uintptr_t leave(void*& left, frame& enterer, std::uintptr_t word) {
    frame* to = &enterer;
    void** save = &left;
    asm volatile(
        "leaq 1f(%%rip), %%rdx\n\t"
        "leaq -152(%%rsp), %%rsp\n\t"
        "movq %%rbp, (%%rsp)\n\t"
        "movq %%rdx, 8(%%rsp)\n\t"                //
        WEFT_WITH_CLANG("movq %%rbx, 16(%%rsp)")  //
        "movq %%rsp, (%[save])\n\t"
        "movq 8(%[to]), %%rdx\n\t"
        "movq (%[to]), %%rbp\n\t"
        "movq 16(%[to]), %%rsp\n\t"
        "jmpq *%%rdx\n"
        "1:\n\t" WEFT_LANDING_PAD                     //
            WEFT_WITH_CLANG("movq 16(%%rsp), %%rbx")  //
        "leaq 152(%%rsp), %%rsp\n\t"
        : "+a"(word), [save] "+S"(save), [to] "+D"(to)
        :
        : WEFT_SWITCH_CLOBBERS);
    return word;
}

/// The address of the calling thread's copy of weft_thread (see detail/thread.hpp).
///
/// Assembly, and volatile: a compiler may keep the address of a thread_local across a switch after which the coroutine
/// runs on another thread. It can't keep what it does not know.
[[gnu::always_inline]] inline void* thread_address() {
    void* address;
    asm volatile("movq %%fs:0, %0\n\taddq weft_thread@gottpoff(%%rip), %0" : "=r"(address) : : "cc");
    return address;
}

}  // namespace weft::context

#undef WEFT_SWITCH_CLOBBERS
#undef WEFT_AVX512_CLOBBERS
#undef WEFT_RBX_CLOBBER
#undef WEFT_WITH_CLANG
