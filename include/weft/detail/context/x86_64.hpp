// Floor: context
//
// The switch for x86-64, System V ABI. The other processors' files say only where they differ.
//
// It is inline assembly in a header, so that the compiler saves just the registers that are live where a switch happens:
// all but rbp and rsp are listed as clobbered. A context is left by three stores into a frame, and continued by three
// loads from another. The switch itself touches no stack: its cache lines are first needed by the code that goes on.
//
//      frame   +0 rbp   +8 resume address   +16 rsp   +24 rbx (with clang)   +32 shadow stack (with CET)
//
// It continues by `jmp`, never by `ret`: a `ret` that does not match a call costs a return-address misprediction
// (measured: 7.6 ns a switch against 1.2).
//
// What the registers mean ("word" is what one side hands over to the other):
//
//                              rax    rdi     rsi     rdx            rcx                rbp          rsp
//      the switch begins       word   &from   &to     to's rsp       -                  its own      its own
//      at the jmp              word   &from   &to     to's rsp       to's resume        to's         to's
//      at 1:, continued        word   -       -       -              -                  its own      its own
//      weft_context_entry      word   -       -       -              -                  &base        top - 16
//      it calls the entry      -      &base   word    the entry      -                  &base        top - 16
//
// The two stacks, and the two frames that a switch works on. E is where the enterer is saved (thread_state::enterer), S
// where the coroutine is (control_block::saved). `base` is the entry_record in the control block; its first word is the
// address of E.
//
//      made, never entered: make() has written S and the two words below the body
//
//          S                                  coroutine's stack
//          rbp    ----------------------->    | control block, base: {&E, within the entry}    |
//          resume -> weft_context_entry       | body: what the coroutine was made from         |  <- top
//          rsp    -----------+                | the shadow stack's top (with CET), or unused   |
//                            +----------->    | the entry: run_body()                          |  <- top - 16
//
//      running: enter() has saved the enterer in E; S.rsp is nullptr, which says that it runs
//
//          E                                  enterer's stack
//          rbp    ----------------------->    | frames of who called enter()                   |
//          resume -> 1: in that enter()       |                                                |
//          rsp    ----------------------->    +------------------------------------------------+
//
//                                             coroutine's stack
//                                             | control block, base: {&E, within the entry}    |
//                                             | body                                           |
//                                             | return address into weft_context_entry         |
//                                             | run_body(), the body, ...                      |  <- rsp
//
//      left, by a yield or a wait: the same the other way round. S is full, E means nothing any more
//
//          S                                  coroutine's stack
//          rbp    ----------------------->    | run_body(), the body, ...                      |
//          resume -> 1: in that yield()       | frame of who called yield()                    |
//          rsp    ----------------------->    +------------------------------------------------+
//
//      entering another: A, which runs, enters B. There is one E a thread, so who entered A is copied into A first
//      (put_enterer_aside())
//
//          E: A's registers  <---- B's base {&E, ...}
//          A's `outer`: the registers of who entered A  <---- A's base {&outer, ...}
//
//      unwinding: destroy() enters as above, with the word that makes yield() throw. Unwinders go by rbp and by the
//      entry's hand-written CFI, from the coroutine's frames on into whoever entered; the exception itself is caught in
//      run_body()
//
//          yield() -> the body -> run_body() -> weft_context_entry -> base -> E -> destroy() -> ...
//
// clang may use rbx as its base pointer, unsaid; with clang the switch therefore saves it too.
//
// With -fcf-protection, the switch also takes along the shadow stack, on which the processor keeps a second copy of the
// return addresses: `rstorssp` goes on where a token says, and `saveprevssp` leaves such a token where we were. On a thread
// without one, `rdsspq` does nothing, and that is all there is to do.
// (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, 17.2: Shadow Stacks)

#pragma once

#if defined(__CET__) && (__CET__ & 2)
#define WEFT_SHADOW_STACK 1
#define WEFT_FRAME_WORDS 5
#endif

#include <cstddef>
#include <cstdint>
#include <weft/detail/context/frame.hpp>

#define WEFT_THREAD_ADDRESS_INLINE 1

#if defined(__CET__) && (__CET__ & 1)
#define WEFT_LANDING_PAD "endbr64\n\t"
#else
#define WEFT_LANDING_PAD ""
#endif

#if defined(WEFT_SHADOW_STACK)
// Keeps the address of the token of the stack that is left, and goes on where that of the other says.
#define WEFT_SWITCH_SHADOW_STACK                                                                                       \
    /* rcx stays 0 where there is none: then nothing is to be done */                                                  \
    "xorl %%ecx, %%ecx\n\t"                                                                                            \
    "rdsspq %%rcx\n\t"                                                                                                 \
    "testq %%rcx, %%rcx\n\t"                                                                                           \
    "jz 2f\n\t"                                                                                                        \
    "subq $8, %%rcx\n\t"                                                                                               \
    "movq %%rcx, 32(%[from])\n\t"                                                                                      \
    "movq 32(%[to]), %%rcx\n\t"                                                                                        \
    "rstorssp (%%rcx)\n\t"                                                                                             \
    "saveprevssp\n"                                                                                                    \
    "2:\n\t"
#else
#define WEFT_SWITCH_SHADOW_STACK
#endif

// clang takes these names always. gcc takes them only where the whole file is compiled for AVX-512; for a function with a target
// attribute there is WEFT_SWITCH_OUT_OF_LINE (detail/switch.hpp, docs/decisions/0020).
#if defined(__AVX512F__) || defined(__clang__)
#define WEFT_AVX512_CLOBBERS                                                                                           \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",      \
        "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
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
    "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3",       \
        "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st",    \
        "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)" WEFT_RBX_CLOBBER WEFT_AVX512_CLOBBERS

// A function that switches inside and is not inlined ends on another stack than it was called on, and so its `ret` never
// matches the processor's last call: 7.6 ns each. If its last act is the tail call of this function, which returns its
// argument by a jump, there is no such `ret` (measured, an enter and a yield in C: 22.5 ns without, 5.0 with). Without the
// optimiser it is a call like any other. Not with shadow stacks, which hold each return against its call.
#if !defined(WEFT_SHADOW_STACK)
#define WEFT_RETURN_BY_JUMP 1
extern "C" bool weft_return_value_by_jump(bool value) noexcept;
extern "C" std::uintptr_t weft_return_word_by_jump(std::uintptr_t value) noexcept;
extern "C" void weft_return_by_jump() noexcept;
#endif

namespace weft::context {

static_assert(offsetof(frame, resume_address) == 8 && offsetof(frame, stack_pointer) == 16 &&
              offsetof(frame, fourth) == 24);
#if defined(WEFT_SHADOW_STACK)
static_assert(offsetof(frame, fifth) == 32);
#endif

inline constexpr entry_conventions at_entry{.words = 2, .entry_word = 0, .shortest_instruction = 1};

[[gnu::always_inline]] inline std::uintptr_t switch_to(frame& from, frame const& to, void* stack_pointer,
                                                       std::uintptr_t word) {
    frame* save = &from;
    frame const* load = &to;
    asm volatile(
        // Leave: {rbp, 1:} is a frame record, for whoever walks by frame pointers.
        "leaq 1f(%%rip), %%rcx\n\t"
        "movq %%rbp, (%[from])\n\t"
        "movq %%rcx, 8(%[from])\n\t"
        "movq %%rsp, 16(%[from])\n\t"  //
        WEFT_WITH_CLANG("movq %%rbx, 24(%[from])") WEFT_SWITCH_SHADOW_STACK
        // Continue: the address first, because the jump waits for it.
        "movq 8(%[to]), %%rcx\n\t"
        "movq (%[to]), %%rbp\n\t"  //
        WEFT_WITH_CLANG("movq 24(%[to]), %%rbx")
        "movq %[sp], %%rsp\n\t"  // from here on the other's stack
        "jmpq *%%rcx\n"
        // Somebody has switched back: rax is the word, rbp and rsp are as they were, nothing else is.
        "1:\n\t" WEFT_LANDING_PAD
        : "+a"(word), [from] "+D"(save), [to] "+S"(load), [sp] "+d"(stack_pointer)
        :
        : WEFT_SWITCH_CLOBBERS);
    return word;
}

#if defined(WEFT_SHADOW_STACK)
/// The shadow stack of a stack, mapped if the thread that makes it has one itself. Each context on the stack begins where
/// the one before it ended, and first takes what that left: see weft_context_entry.
class shadow_stack : public no_companion {
public:
    /// For a stack of `stack_bytes`. Throws std::system_error.
    void map(std::size_t stack_bytes);
    void unmap() noexcept;

    /// `fresh` is what make() made, and `last` what the context was left with.
    void begin(frame& fresh) const {
        fresh.fifth = token_;
        static_cast<void**>(fresh.stack_pointer)[1] = top_;
    }
    void end(frame const& last) { token_ = last.fifth; }

private:
    void* token_ = nullptr;
    char* top_ = nullptr;
    std::size_t bytes_ = 0;
};

#define WEFT_HAS_COMPANION 1
using companion = shadow_stack;
#endif

#if defined(WEFT_RETURN_BY_JUMP)
[[gnu::always_inline]] inline bool return_by_jump(bool value) {
    return weft_return_value_by_jump(value);
}
[[gnu::always_inline]] inline std::uintptr_t return_by_jump(std::uintptr_t value) {
    return weft_return_word_by_jump(value);
}
[[gnu::always_inline]] inline void return_by_jump() {
    weft_return_by_jump();
}
#endif

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
#undef WEFT_SWITCH_SHADOW_STACK
#undef WEFT_RBX_CLOBBER
#undef WEFT_WITH_CLANG
