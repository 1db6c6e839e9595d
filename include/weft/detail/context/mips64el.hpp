// Floor: context
//
// The switch for 64-bit MIPS, little-endian, N64 ABI. As that for x86-64 (see there for why it is inline, and why it jumps):
//
//      frame   +0 $30   +8 resume address   +16 $sp   +24 $28   +32 $23
//
// A `bal` leaves the address of what follows it in $31: so that is where one goes on. (Addresses of labels would take $28,
// which not all functions have set.)
//
// $30 is the frame pointer; $23 is saved because clang may use it as its base pointer, unsaid. $28 points at the table of
// global offsets of the module that the code is in, and whoever enters or leaves may be in another one.
//
// A new context starts at weft_context_entry (src/context/mips64el.cpp) with $30 = the base record.

#pragma once

#define WEFT_FRAME_WORDS 5

#include <cstddef>
#include <cstdint>
#include <weft/detail/context/frame.hpp>

#define WEFT_SWITCH_CLOBBERS                                                                                           \
    "$1", "$2", "$3", "$8", "$9", "$10", "$11", "$12", "$13", "$14", "$15", "$16", "$17", "$18", "$19", "$20", "$21",  \
        "$22", "$24", "$25", "$31", "hi", "lo", "memory", "$f0", "$f1", "$f2", "$f3", "$f4", "$f5", "$f6", "$f7",      \
        "$f8", "$f9", "$f10", "$f11", "$f12", "$f13", "$f14", "$f15", "$f16", "$f17", "$f18", "$f19", "$f20", "$f21",  \
        "$f22", "$f23", "$f24", "$f25", "$f26", "$f27", "$f28", "$f29", "$f30", "$f31"

namespace weft::context {

static_assert(offsetof(frame, resume_address) == 8 && offsetof(frame, stack_pointer) == 16 &&
              offsetof(frame, fourth) == 24 && offsetof(frame, fifth) == 32);

inline constexpr entry_conventions at_entry{.words = 2, .entry_word = 0, .shortest_instruction = 4};

[[gnu::always_inline]] inline std::uintptr_t switch_to(frame& from, frame const& to, void* stack_pointer,
                                                       std::uintptr_t word) {
    register std::uintptr_t a0 asm("$4") = word;
    register frame* a1 asm("$5") = &from;
    register frame const* a2 asm("$6") = &to;
    register void* a3 asm("$7") = stack_pointer;
    asm volatile(
        "bal 1f\n\t"
        "b 2f\n"
        "1:\n\t"
        "sd $30, 0($5)\n\t"
        "sd $31, 8($5)\n\t"
        "sd $29, 16($5)\n\t"
        "sd $28, 24($5)\n\t"
        "sd $23, 32($5)\n\t"
        "ld $25, 8($6)\n\t"
        "ld $30, 0($6)\n\t"
        "ld $28, 24($6)\n\t"
        "ld $23, 32($6)\n\t"
        "move $29, $7\n\t"
        "jr $25\n"
        "2:\n\t"
        : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3)
        :
        : WEFT_SWITCH_CLOBBERS);
    return a0;
}

}  // namespace weft::context

#undef WEFT_SWITCH_CLOBBERS
