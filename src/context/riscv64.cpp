// Floor: context
//
// Where a new context starts on riscv64: turns the jump of the first enter() into a call of the entry.
//
// The hand-written CFI makes that call look like one that the enterer made: s0 points at the base record, whose first
// word is the address of the enterer's frame {s0, resume address, sp, s1}. With it unwinders walk on.

#include <weft/detail/context/context.hpp>

#if defined(WEFT_BACKEND_ASM)

asm(R"(
    .text
    .globl weft_context_entry
    .type weft_context_entry, @function
    .p2align 4
weft_context_entry:
.Lweft_entry_begin:
    .cfi_startproc
    # DWARF: breg8 0, deref, plus_uconst N, deref. s0 is register 8, s1 is 9, the return address 1.
    .cfi_escape 0x0f, 0x06, 0x78, 0x00, 0x06, 0x23, 0x10, 0x06  # CFA = *(*s0 + 16)
    .cfi_escape 0x10, 0x08, 0x03, 0x78, 0x00, 0x06              # s0 is at *s0
    .cfi_escape 0x10, 0x01, 0x05, 0x78, 0x00, 0x06, 0x23, 0x08  # the return address is at *s0 + 8
    .cfi_escape 0x10, 0x09, 0x05, 0x78, 0x00, 0x06, 0x23, 0x18  # s1 is at *s0 + 24
    ld a2, (sp)
    mv a1, a0
    mv a0, s0
.Lweft_entry_call:
    jalr a2
    ebreak
.Lweft_entry_end:
    .cfi_endproc
    .size weft_context_entry, . - weft_context_entry
)");

#endif
