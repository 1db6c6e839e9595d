// Floor: context
//
// Where a new context starts on i386: turns the jump of the first enter() into a call of the entry.
//
// The hand-written CFI makes that call look like one that the enterer made: ebp points at the base record, whose first
// word is the address of the enterer's frame {ebp, resume address, esp}. With it unwinders walk on.

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
    # DWARF: breg5 0, deref, plus_uconst N, deref. ebp is register 5, the return address 8.
    .cfi_escape 0x0f, 0x06, 0x75, 0x00, 0x06, 0x23, 0x08, 0x06  # CFA = *(*ebp + 8)
    .cfi_escape 0x10, 0x05, 0x03, 0x75, 0x00, 0x06              # ebp is at *ebp
    .cfi_escape 0x10, 0x08, 0x05, 0x75, 0x00, 0x06, 0x23, 0x04  # eip is at *ebp + 4
)"
#if defined(__CET__) && (__CET__ & 1)
    "endbr32\n"
#endif
    R"(
    movl (%esp), %edx
    movl %ebp, (%esp)  # the arguments lie on the stack, which is aligned here
    movl %eax, 4(%esp)
.Lweft_entry_call:
    call *%edx
    ud2
.Lweft_entry_end:
    .cfi_endproc
    .size weft_context_entry, . - weft_context_entry
)" WEFT_ENTRY_DEBUG_INFO(".4byte", "4"));

#endif
