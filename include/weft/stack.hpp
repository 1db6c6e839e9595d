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
// batches. Stacks in the shared pool beyond `idle_bytes_kept`, and those that were not needed for a while, give their
// pages back to the system.

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

/// Address space that a coroutine's stack takes when no size is named, guard included. A quarter of that on 32-bit
/// systems, which have little address space and smaller frames.
inline constexpr std::size_t default_stack_size = (sizeof(void*) < 8 ? 64 : 256) * 1024;

/// The most resident memory that released stacks of one size keep, besides the threads' own caches. Of each stack at
/// most the upper 16 KiB stay resident.
inline constexpr std::size_t idle_bytes_kept = std::size_t{16} << 20;

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

/// Gives a stack back. Nothing on it may be used afterwards.
/// Threads: any, not only the one that allocated it. Suspends: no.
void release_stack(stack const& s) noexcept;

/// How many bytes of a stack were used, from its top, in whole pages, since it was new, gave its pages back, or since
/// forget_use().
/// Threads: any. Suspends: no. Allocates: no.
[[nodiscard]] std::size_t used_bytes(stack const& s) noexcept;

/// Gives the pages of a stack below `keep` back to the system, so that used_bytes() begins anew. Nothing there may be
/// used afterwards. A system call, and a page fault for each page that is used again.
void forget_use(stack const& s, char const* keep) noexcept;

}  // namespace weft
