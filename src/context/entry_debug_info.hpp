// Floor: context
//
// Debug information by hand for weft_context_entry, so that gdb walks from a coroutine into whoever entered it.
//
// gdb takes a caller whose frame lies below that of the function it called for the sign of a broken stack, and stops.
// Between two stacks it is even odds. Frames of inlined functions are exempt from that check, so the entry gets one: the
// debug information says that the call of the body was inlined from a function weft_call_body.
//
//      run_body            on the coroutine's stack
//      weft_call_body      inlined: on neither side of it does gdb compare
//      weft_context_entry  its CFA is the enterer's stack pointer,
//      context::enter      so this one lies above it
//
// (A signal frame, .cfi_signal_frame, would be exempt too, but gdb prints nothing of one but "<signal handler called>".)
//
// The entry has the labels .Lweft_entry_begin, .Lweft_entry_call (at its call of the body) and .Lweft_entry_end.

#pragma once

// `address`: the assembler's directive for a word that holds an address. DWARF 4, chapter 7.
#define WEFT_ENTRY_DEBUG_INFO(address, address_size)                                                                   \
    ".pushsection .debug_abbrev, \"\", %progbits\n"                                                                    \
    ".Lweft_abbreviations:\n"                                                                                          \
    ".uleb128 1, 0x11\n.byte 1\n"             /* compile_unit, has children */                                         \
    ".uleb128 0x03, 0x08, 0x13, 0x0b\n"       /* name: string; language: data1 */                                      \
    ".uleb128 0x11, 0x01, 0x12, 0x06, 0, 0\n" /* low_pc: addr; high_pc: data4 */                                       \
    ".uleb128 2, 0x2e\n.byte 0\n"             /* subprogram, which is always inlined */                                \
    ".uleb128 0x03, 0x08, 0x20, 0x0b, 0, 0\n" /* name: string; inline: data1 */                                        \
    ".uleb128 3, 0x2e\n.byte 1\n"             /* subprogram, has children */                                           \
    ".uleb128 0x03, 0x08, 0x3f, 0x19\n"       /* name: string; external: flag_present */                               \
    ".uleb128 0x11, 0x01, 0x12, 0x06, 0, 0\n" /* low_pc: addr; high_pc: data4 */                                       \
    ".uleb128 4, 0x1d\n.byte 0\n"             /* inlined_subroutine */                                                 \
    ".uleb128 0x31, 0x13\n"                   /* abstract_origin: ref4 */                                              \
    ".uleb128 0x58, 0x0b, 0x59, 0x0b\n"       /* call_file, call_line: data1; gdb asks for them */                     \
    ".uleb128 0x11, 0x01, 0x12, 0x06, 0, 0\n" /* low_pc: addr; high_pc: data4 */                                       \
    ".byte 0\n"                                                                                                        \
    ".popsection\n"                                                                                                    \
    ".pushsection .debug_info, \"\", %progbits\n"                                                                      \
    ".Lweft_unit:\n"                                                                                                   \
    ".4byte .Lweft_unit_end - .Lweft_unit_begin\n"                                                                     \
    ".Lweft_unit_begin:\n"                                                                                             \
    ".2byte 4\n.4byte .Lweft_abbreviations\n.byte " address_size                                                       \
    "\n"                                                                                                               \
    ".uleb128 1\n.asciz \"weft_context_entry\"\n.byte 0x0c\n" /* C99: names are not mangled */                         \
        address                                                                                                        \
    " .Lweft_entry_begin\n.4byte .Lweft_entry_end - .Lweft_entry_begin\n"                                              \
    ".Lweft_inlined:\n"                                                                                                \
    ".uleb128 2\n.asciz \"weft_call_body\"\n.byte 3\n" /* declared inline, and inlined */                              \
    ".uleb128 3\n.asciz \"weft_context_entry\"\n" address                                                              \
    " .Lweft_entry_begin\n.4byte .Lweft_entry_end - .Lweft_entry_begin\n"                                              \
    ".uleb128 4\n.4byte .Lweft_inlined - .Lweft_unit\n.byte 0, 0\n" address                                            \
    " .Lweft_entry_call\n.4byte .Lweft_entry_end - .Lweft_entry_call\n"                                                \
    ".byte 0, 0\n"                                                                                                     \
    ".Lweft_unit_end:\n"                                                                                               \
    ".popsection\n"
