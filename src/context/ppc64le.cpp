// Floor: context
//
// Where a new context starts on ppc64le: turns the jump of the first enter() into a call of the entry.
//
// The hand-written CFI makes that call look like one that the enterer made: r31 points at the base record, whose first
// word is the address of the enterer's frame {r31, resume address, r1, r30, r2}. With it unwinders walk on.

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
    # DWARF: breg31 0, deref, plus_uconst N, deref. The link register is 65.
    .cfi_escape 0x0f, 0x06, 0x8f, 0x00, 0x06, 0x23, 0x10, 0x06  # CFA = *(*r31 + 16)
    .cfi_escape 0x10, 0x1f, 0x03, 0x8f, 0x00, 0x06              # r31 is at *r31
    .cfi_escape 0x10, 0x41, 0x05, 0x8f, 0x00, 0x06, 0x23, 0x08  # the return address is at *r31 + 8
    .cfi_escape 0x10, 0x1e, 0x05, 0x8f, 0x00, 0x06, 0x23, 0x18  # r30 is at *r31 + 24
    .cfi_escape 0x10, 0x02, 0x05, 0x8f, 0x00, 0x06, 0x23, 0x20  # r2 is at *r31 + 32
    ld 12, 16(1)
    li 0, 0
    std 0, 0(1)  # the end of the chain of frames
    mr 4, 3
    mr 3, 31
    mtctr 12
.Lweft_entry_call:
    bctrl
    trap
.Lweft_entry_end:
    .cfi_endproc
    .size weft_context_entry, . - weft_context_entry
)");

#endif
