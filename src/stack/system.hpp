// Floor: stack
//
// What stacks ask of the system: system_linux.cpp and system_windows.cpp.

#pragma once

#include <cstddef>

namespace weft::detail {

/// Address space for a slab; nullptr if there is no room for so much.
char* reserve_address_space(std::size_t bytes) noexcept;

/// Makes a slot of a slab usable, but for its lowest `stack_guard_size` bytes, which fault. Throws std::system_error.
void open_slot(char* slot, std::size_t slot_size);

/// Gives the whole pages in [low, high) back to the system; `low` is the beginning of one. They may be used again, and hold
/// nothing then.
void give_back(char* low, char* high) noexcept;

/// The lowest page in [low, high) that takes memory; `high` if there is none, or the system doesn't say.
char* lowest_touched(char* low, char* high) noexcept;

/// As pthread_atfork(); where there is no fork(), nothing.
int at_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept;

}  // namespace weft::detail
