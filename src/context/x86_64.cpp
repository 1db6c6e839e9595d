// Floor 0: context
//
// Where a new context starts on x86-64: turns the jump of the first enter() into a call of the entry.
//
// The hand-written CFI makes that call look like one that the enterer made: rbp points at the base record, whose first
// word is the address of the enterer's frame {rbp, resume address, rsp}. With it unwinders walk on.

#include <weft/detail/context.hpp>

#if defined(WEFT_BACKEND_ASM)

asm(R"(
    .text
    .globl weft_context_entry
    .type weft_context_entry, @function
    .p2align 4
weft_context_entry:
    .cfi_startproc
    .cfi_escape 0x0f, 0x06, 0x76, 0x00, 0x06, 0x23, 0x10, 0x06  # CFA = *(*rbp + 16): breg6 0, deref, plus_uconst 16, deref
    .cfi_escape 0x10, 0x06, 0x03, 0x76, 0x00, 0x06              # rbp is at *rbp:     breg6 0, deref
    .cfi_escape 0x10, 0x10, 0x05, 0x76, 0x00, 0x06, 0x23, 0x08  # rip is at *rbp + 8
)"
#if defined(__CET__) && (__CET__ & 1)
    "endbr64\n"
#endif
    R"(
    leaq 16(%rsp), %rsp
    movq %rbp, %rdi
    movq %rax, %rsi
    call *8(%rbp)
    ud2
    .cfi_endproc
    .size weft_context_entry, . - weft_context_entry
)");

#endif
