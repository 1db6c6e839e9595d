// Floor: context
//
// Where a new context starts on s390x: turns the jump of the first enter() into a call of the entry.
//
// The hand-written CFI makes that call look like one that the enterer made: r11 points at the base record, whose first
// word is the address of the enterer's frame {r11, resume address, r15, r12, r13}. With it unwinders walk on.

#include <weft/detail/context/context.hpp>

#if defined(WEFT_BACKEND_ASM)

asm(R"(
    .text
    .globl weft_context_entry
    .type weft_context_entry, @function
    .p2align 4
weft_context_entry:
    .cfi_startproc
    # DWARF: breg11 0, deref, plus_uconst N, deref. The return address is r14; a stack pointer lies 160 bytes under its CFA.
    .cfi_escape 0x0f, 0x09, 0x7b, 0x00, 0x06, 0x23, 0x10, 0x06, 0x23, 0xa0, 0x01  # CFA = *(*r11 + 16) + 160
    .cfi_escape 0x10, 0x0f, 0x05, 0x7b, 0x00, 0x06, 0x23, 0x10                    # r15 is at *r11 + 16
    .cfi_escape 0x10, 0x0b, 0x03, 0x7b, 0x00, 0x06                                # r11 is at *r11
    .cfi_escape 0x10, 0x0e, 0x05, 0x7b, 0x00, 0x06, 0x23, 0x08                    # the return address, at *r11 + 8
    .cfi_escape 0x10, 0x0c, 0x05, 0x7b, 0x00, 0x06, 0x23, 0x18                    # r12 is at *r11 + 24
    .cfi_escape 0x10, 0x0d, 0x05, 0x7b, 0x00, 0x06, 0x23, 0x20                    # r13 is at *r11 + 32
    lg %r1, 0(%r15)
    aghi %r15, -160
    lgr %r3, %r2
    lgr %r2, %r11
    basr %r14, %r1
    .2byte 0
    .cfi_endproc
    .size weft_context_entry, . - weft_context_entry
)");

#endif
