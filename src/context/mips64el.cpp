// Floor: context
//
// Where a new context starts on 64-bit MIPS: turns the jump of the first enter() into a call of the entry.
//
// The hand-written CFI makes that call look like one that the enterer made: $30 points at the base record, whose first
// word is the address of the enterer's frame {$30, resume address, $29, $28, $23}. With it unwinders walk on.

#include <weft/detail/context/context.hpp>

#include "context/entry_debug_info.hpp"

#if defined(WEFT_BACKEND_ASM)

asm(R"(
    .text
    .globl weft_context_entry
    .type weft_context_entry, @function
    .p2align 4
weft_context_entry:
.Lweft_entry_begin:
    .cfi_startproc
    # DWARF: breg30 0, deref, plus_uconst N, deref. The return address is $31.
    .cfi_escape 0x0f, 0x06, 0x8e, 0x00, 0x06, 0x23, 0x10, 0x06  # CFA = *(*$30 + 16)
    .cfi_escape 0x10, 0x1e, 0x03, 0x8e, 0x00, 0x06              # $30 is at *$30
    .cfi_escape 0x10, 0x1f, 0x05, 0x8e, 0x00, 0x06, 0x23, 0x08  # the return address is at *$30 + 8
    .cfi_escape 0x10, 0x1c, 0x05, 0x8e, 0x00, 0x06, 0x23, 0x18  # $28 is at *$30 + 24
    .cfi_escape 0x10, 0x17, 0x05, 0x8e, 0x00, 0x06, 0x23, 0x20  # $23 is at *$30 + 32
    ld $25, 0($29)
    move $5, $4
    move $4, $30
.Lweft_entry_call:
    jalr $25
    break
.Lweft_entry_end:
    .cfi_endproc
    .size weft_context_entry, . - weft_context_entry
)" WEFT_ENTRY_DEBUG_INFO(".8byte", "8"));

#endif
