// Floor: context
//
// Where a new context starts on aarch64: turns the jump of the first enter() into a call of the entry.
//
// The hand-written CFI makes that call look like one that the enterer made: x29 points at the base record, whose first
// word is the address of the enterer's frame {x29, resume address, sp}. With it unwinders walk on.

#include <weft/detail/context/context.hpp>

#include "context/entry_debug_info.hpp"

#if defined(WEFT_BACKEND_ASM)

asm(R"(
    .text
    .globl weft_context_entry
    .type weft_context_entry, %function
    .p2align 4
weft_context_entry:
.Lweft_entry_begin:
    .cfi_startproc
    // DWARF: breg29 0, deref, plus_uconst N, deref. x29 is register 29, the return address x30.
    .cfi_escape 0x0f, 0x06, 0x8d, 0x00, 0x06, 0x23, 0x10, 0x06  // CFA = *(*x29 + 16)
    .cfi_escape 0x10, 0x1d, 0x03, 0x8d, 0x00, 0x06              // x29 is at *x29
    .cfi_escape 0x10, 0x1e, 0x05, 0x8d, 0x00, 0x06, 0x23, 0x08  // the return address is at *x29 + 8
)"
#if defined(__ARM_FEATURE_BTI_DEFAULT)
    "hint #36\n"
#endif
    R"(
    ldr x2, [sp]
    mov x1, x0
    mov x0, x29
.Lweft_entry_call:
    blr x2
    brk #1
.Lweft_entry_end:
    .cfi_endproc
    .size weft_context_entry, . - weft_context_entry
)" WEFT_ENTRY_DEBUG_INFO(".8byte", "8")
#if defined(__ARM_FEATURE_BTI_DEFAULT)
    // The file keeps to the rules of branch target identification: without this note the linker takes the program's away.
    R"(
    .pushsection .note.gnu.property, "a", %note
    .p2align 3
    .4byte 4, 16, 5
    .asciz "GNU"
    .4byte 0xc0000000, 4, 1, 0
    .popsection
)"
#endif
);

#endif
