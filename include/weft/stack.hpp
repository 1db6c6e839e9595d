// Floor: stack
//
// Stack memory. Address space is cheap and pages are not: stacks are slots of large slabs (one mapping each), of which
// only the pages that a coroutine has touched take memory.
//
//      slot                                                                     slot + slot_size
//      | guard            | usable stack  <- grows down                  top -> | colour            | a page |
//      | faults           | low                                                 | 0..15 x 128 bytes | unused |
//
// The top of a slot is moved down by its colour, and slots lie an odd number of pages apart: if all tops lay at the same
// offset in their page, or in a power of two of pages, they would compete for the same lines of the caches and entries of
// the TLB (bench/core.py shows what it is worth).
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

/// The unreachable bytes under each stack. Several pages, so that a large local array does not jump over it; where pages
/// may be of 64 KiB, as much as that. It is also how far apart -fstack-clash-protection probes there by default
/// (https://gcc.gnu.org/onlinedocs/gcc/Optimize-Options.html, stack-clash-protection-guard-size).
#if defined(__aarch64__) || defined(__powerpc64__)
inline constexpr std::size_t stack_guard_size = 64 * 1024;
#else
inline constexpr std::size_t stack_guard_size = 16 * 1024;
#endif

/// Address space that a coroutine's stack takes when no size is named, guard included. Half of it with 32 bits, where there
/// is little address space, and a frame takes less.
inline constexpr std::size_t default_stack_size =
    (stack_guard_size == 64 * 1024 ? 256 * 1024 : 128 * 1024) / (sizeof(void*) < 8 ? 2 : 1);

/// How many released stacks of each size keep their upper 16 KiB, beside the threads' own caches.
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
/// mappings of their own (before Linux 6.13) and take four fifths of vm.max_map_count; the text says which.
/// Threads: any. Suspends: no.
[[nodiscard]] stack allocate_stack(std::size_t size = default_stack_size);

/// Gives a stack back. Nothing on it may be used any more.
/// Threads: any, not only the one that allocated it. Suspends: no.
void release_stack(stack const& s) noexcept;

/// How many bytes of a stack were used, from its top, in whole pages: by everyone who has run on it since it was new, gave
/// its pages back, or was forgotten.
/// Threads: any. Suspends: no. Allocates: no.
[[nodiscard]] std::size_t used_bytes(stack const& s) noexcept;

/// Gives the pages of a stack below `keep` back to the system, so that used_bytes() begins anew. Nothing there may be used
/// any more. A system call, and a page fault for each page that is used again.
void forget_use(stack const& s, char const* keep) noexcept;

}  // namespace weft
