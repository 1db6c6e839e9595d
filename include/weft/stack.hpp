// Floor 1: stack
//
// Stack memory. Address space is cheap and pages are not: stacks are slots of large slabs (one mapping each), of which
// only the pages that a coroutine has touched take memory.
//
//      slot                                                                     slot + slot_size
//      | guard            | usable stack  <- grows down                  top -> | colour |
//      | 4 pages, faults  | low                                                 | 0..15 x 128 bytes
//
// The top of a slot is moved down by its colour: if all tops lay at the same offset in their page, they would compete
// for the same lines of the L1 cache (bench/core.py shows what it is worth).
//
//     weft::stack s = weft::allocate_stack(64 * 1024);
//     ...
//     weft::release_stack(s);
//
// A released stack goes to a cache of the calling thread, that needs no lock; caches trade with a shared pool in
// batches. What the shared pool holds beyond `idle_stacks_kept` gives its pages back to the system.

#pragma once

#include <cstddef>

namespace weft {

/// Address space that a coroutine's stack takes when no size is named, guard included.
inline constexpr std::size_t default_stack_size = 256 * 1024;

/// The unreachable bytes under each stack. Several pages, so that a large local array does not jump over it.
inline constexpr std::size_t stack_guard_size = 16 * 1024;

/// How many released stacks of each size keep their pages, beside the threads' own caches.
inline constexpr std::size_t idle_stacks_kept = 1024;

/// A piece of memory to run on: [low, top), with a guard under it.
struct stack {
    char* low;
    char* top;
    std::size_t slot_size;
};

/// A stack of at least `size` bytes of address space, guard included; sizes are rounded up to a power of two.
///
/// Throws std::system_error: not_enough_memory when the system has no more address space, or when guards have to be
/// mappings of their own (before Linux 6.13) and vm.max_map_count is reached; the text says which.
/// Threads: any. Suspends: no.
[[nodiscard]] stack allocate_stack(std::size_t size = default_stack_size);

/// Gives a stack back. Nothing on it may be used any more.
/// Threads: any, not only the one that allocated it. Suspends: no.
void release_stack(stack const& s) noexcept;

}  // namespace weft
