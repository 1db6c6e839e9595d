// Floor: stack
//
// What the floor coroutine tells this one for the report of an overflow, which knows no coroutines; and what the files of the systems,
// overflow_linux.cpp and overflow_windows.cpp, share.

#pragma once

#include <cstdint>
#include <string_view>
#include <weft/overflow.hpp>
#include <weft/stack.hpp>

#include "base/fixed_text.hpp"

namespace weft::detail {

/// Called in a signal's handler.
struct stack_user {
    /// The stack that the calling thread runs on; nullptr if it is none of this user's.
    stack const* (*running)() noexcept;
    /// Adds who overflowed `s`. `where` begins with a space and says where the program was. Returns false, and adds
    /// nothing, if `s` is no stack of this user's.
    bool (*describe)(stack const& s, std::string_view where, fixed_text& text) noexcept;
};

/// Says who uses the stacks. `user` has to stay for ever.
void set_stack_user(stack_user const& user) noexcept;

/// The user's answer; nullptr if there is no user.
stack const* running_stack() noexcept;

/// Prints who overflowed `s`, and where the program was.
void say_who_overflowed(stack const& s, std::uintptr_t program_counter) noexcept;

/// Returns whether the handler is to be installed, by whoever gets this answer: once in a process, if it was not told to
/// leave faults alone.
bool begin_to_watch() noexcept;

/// Adds " at 0x55d0c81f in parse_header+0x1c", or the file and the offset in it, for addr2line, where no name is known;
/// nothing for 0. As async-signal-safe as dladdr() is.
void add_call_site(fixed_text& text, std::uintptr_t program_counter) noexcept;

/// What a stack in a slot of this size leaves for its user, in KiB, the colour not counted.
constexpr std::uint64_t usable_kib(std::size_t slot_size) {
    return (slot_size - stack_guard_size) / 1024;
}

}  // namespace weft::detail
