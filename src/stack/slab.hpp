// Floor: stack
//
// Slabs: where new stacks are carved from. One mapping each; the next slab of a size is twice as large, so that even a
// million stacks lie in a handful of mappings.

#pragma once

#include <cstddef>
#include <cstdint>
#include <weft/stack.hpp>

#include "base/static_mutex.hpp"

namespace weft::detail {

/// Address space between two slots, never touched: a page, so that slots lie an odd number of pages apart. With a power of two
/// the control blocks of many coroutines share a few sets of the TLB and of the caches (docs/decisions/0017).
inline constexpr std::size_t slot_gap = stack_guard_size == 64 * 1024 ? 64 * 1024 : 4 * 1024;

/// One mapping, cut into slots. Slabs are never unmapped: a debugger, or a report of an overflow, can walk them at any
/// time from weft_slabs, without a lock.
struct slab {
    char* base;
    std::size_t slot_size;
    std::size_t slots;
    std::size_t carved;  ///< How many slots, from the first, have been handed out at least once.
    slab* next;

    /// The slot of that number.
    [[nodiscard]] char* slot(std::size_t number) const { return base + number * (slot_size + slot_gap); }
};

extern "C" slab* weft_slabs;

/// Held while a slab is added. Taken after a pool's lock.
extern static_mutex slabs_lock;

enum class guard_kind {
    markers,   ///< MADV_GUARD_INSTALL, Linux 6.13: splits no mapping.
    mappings,  ///< mprotect(PROT_NONE): two more mappings a stack, of which vm.max_map_count allows about 65,000.
    reserved   ///< Windows: address space that was never made memory.
};

/// What the running system offers.
guard_kind best_guard_kind() noexcept;

/// Makes a slot unreachable in its lowest `stack_guard_size` bytes. Throws std::system_error. Not on Windows.
void install_guard(char* slot, guard_kind kind);

/// From now on guards are of this kind, whatever the kernel offers. For tests. Not on Windows.
void force_guard_kind(guard_kind kind) noexcept;

/// Carves a new slot of this size, from `current` while it has any left, else from a new slab that becomes `current`.
/// The caller holds the lock of the size's pool. Throws std::system_error.
char* carve_slot(slab*& current, std::size_t slot_size);

/// Sees to it that the calling thread's cache of stacks is given back when the thread ends, after all that is made later.
void keep_cache_until_thread_ends();

/// Gives back what nobody has needed for a while: of the pools, and of the calling thread's cache. To be called now and then.
void trim_idle_stacks() noexcept;

/// Whether trim_idle_stacks() may find something in the pools. Threads: any.
[[nodiscard]] bool stacks_lie_idle() noexcept;

/// Gives the pages back that only a deep use of the stack has touched. Its uppermost 16 KiB stay as they are.
void trim_idle_stack(stack const& s) noexcept;

/// So many bytes at the top of a stack may be read at any time, also while it is idle: whoever walks all stacks looks there.
/// AddressSanitizer reports who touches the rest of an idle stack.
inline constexpr std::ptrdiff_t readable_bytes = 1024;

/// A slot's colour is its number (its address divided by how far slots lie apart) modulo `colours`.
inline constexpr std::uintptr_t colours = 16;
inline constexpr std::uintptr_t colour_step = 128;

/// The stack in the slot at `slot`, its top moved down by the slot's colour.
stack stack_in(char* slot, std::size_t slot_size) noexcept;

}  // namespace weft::detail
