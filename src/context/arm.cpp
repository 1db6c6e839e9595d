// Floor: context
//
// Where a new context starts on 32-bit ARM: turns the jump of the first enter() into a call of the entry.
//
// That call looks like one that the enterer made: r11 points at the base record, whose first word is the address of the
// enterer's frame {r11, resume address, sp, r7, r6}. It is written down twice, by hand: in the form of the ARM ABI, which
// exceptions and _Unwind_Backtrace() use (EHABI, 10.3: frame unwinding instructions), and in DWARF, for debuggers.

#include <weft/detail/context/context.hpp>

#include "context/entry_debug_info.hpp"

#if defined(WEFT_BACKEND_ASM)

asm(R"(
    .syntax unified
    .text
    .globl weft_context_entry
    .type weft_context_entry, %function
    .p2align 4
weft_context_entry:
.Lweft_entry_begin:
    .fnstart
    .personalityindex 1
    // vsp = r11, pop r4, vsp = r4; pop r11, pc; pop sp as ip; pop r7, r6; vsp = ip
    .unwind_raw 0, 0x9b, 0xa0, 0x94, 0x80, 0x80, 0x88, 0x00, 0x81, 0x00, 0x80, 0x08, 0x80, 0x04, 0x9c
    .cfi_sections .debug_frame
    .cfi_startproc
    // DWARF: breg11 0, deref, plus_uconst N, deref. The return address is r14.
    .cfi_escape 0x0f, 0x06, 0x7b, 0x00, 0x06, 0x23, 0x08, 0x06  // CFA = *(*r11 + 8)
    .cfi_escape 0x10, 0x0b, 0x03, 0x7b, 0x00, 0x06              // r11 is at *r11
    .cfi_escape 0x10, 0x0e, 0x05, 0x7b, 0x00, 0x06, 0x23, 0x04  // the return address is at *r11 + 4
    .cfi_escape 0x10, 0x07, 0x05, 0x7b, 0x00, 0x06, 0x23, 0x0c  // r7 is at *r11 + 12
    .cfi_escape 0x10, 0x06, 0x05, 0x7b, 0x00, 0x06, 0x23, 0x10  // r6 is at *r11 + 16
    ldr r2, [sp]
    mov r1, r0
    mov r0, r11
.Lweft_entry_call:
    blx r2
    udf #0
.Lweft_entry_end:
    .cfi_endproc
    .fnend
    .size weft_context_entry, . - weft_context_entry
)" WEFT_ENTRY_DEBUG_INFO(".4byte", "4"));

#endif
