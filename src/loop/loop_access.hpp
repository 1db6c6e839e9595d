// What the floors above do with a loop, and no user may.

#pragma once

#include <weft/loop.hpp>

namespace weft::detail {

struct loop_access {
    [[nodiscard]] static executor& as_executor(loop& l) noexcept { return l; }

    /// Puts a new coroutine into the ready queue. The loop enters it again after each plain yield.
    static void schedule(loop& l, control_block& co) { l.schedule(co); }
    /// A parked coroutine continues on this loop. Threads: any. For weft::move_to().
    static void adopt(loop& l, control_block& co) noexcept { l.adopt(co); }

    /// Counts the coroutines that are at home on other loops, and here or on their way. Threads: any.
    static void guest_comes(loop& l) noexcept { l.guests_.fetch_add(1, std::memory_order_relaxed); }
    static void guest_leaves(loop& l) noexcept { l.guests_.fetch_sub(1, std::memory_order_relaxed); }
    [[nodiscard]] static bool has_guests(loop const& l) noexcept {
        return l.guests_.load(std::memory_order_relaxed) != 0;
    }

    /// Calls `look(l)` when the loop ends, unless the program does.
    static void before_end(loop& l, void (*look)(loop&) noexcept) noexcept { l.before_end_ = look; }
};

}  // namespace weft::detail
