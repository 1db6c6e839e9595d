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

    /// At the end of each turn the loop calls `find(argument, true)`, which may start a task; and once more, when others see that it
    /// sleeps, and before it does, `find(argument, false)`, which returns whether there is one to start. Threads: the loop's own.
    static void find_more(loop& l, bool (*find)(void*, bool begin) noexcept, void* argument) noexcept {
        l.find_more_ = find;
        l.find_more_argument_ = argument;
    }

    /// Threads: any.
    static void notify(loop& l) noexcept { l.notify(); }
    /// Threads: any.
    [[nodiscard]] static bool sleeps(loop const& l) noexcept { return l.sleeping.load(); }

    /// Threads: any.
    [[nodiscard]] static std::uint64_t turns(loop const& l) noexcept { return l.counts_.turns.get(); }
    /// Whether something that it calls runs now. Threads: the loop's own; and in signal handlers.
    [[nodiscard]] static bool in_call(loop const& l) noexcept { return l.running_ && !l.polls_; }
    [[nodiscard]] static std::uint64_t runs_left(loop const& l) noexcept { return l.runs_left; }
};

}  // namespace weft::detail
