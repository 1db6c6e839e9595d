// Floor: sync
//
// A meeting point for a fixed number of participants that work in phases:
//
//     weft::barrier phases(4, [&] { swap(now, next); });   // called by the last to arrive, before all go on
//     for (...) { compute(my_part); phases.arrive_and_wait(); }

#pragma once

#include <cstdint>
#include <utility>
#include <weft/detail/wait/waiter.hpp>

namespace weft {

namespace detail {

/// All of a barrier but its completion.
class barrier_core {
public:
    explicit barrier_core(std::int64_t expected) : expected_(expected), missing_(expected) {}
    barrier_core(barrier_core const&) = delete;
    barrier_core& operator=(barrier_core const&) = delete;
    ~barrier_core();

    /// Returns true to the last of a phase; all others wait in it. The last has to call wake_chain(others).
    WEFT_MIXED_FN bool arrive(branch*& others, call_site where);
    /// The same, of one that does not come again, and does not wait.
    bool drop(branch*& others, call_site where);

private:
    static constexpr std::int64_t phase_over = 1;  // branch::amount

    bool last(branch*& others, call_site where);

    std::int64_t expected_;
    std::int64_t missing_;
    spin_lock lock_;
    waiter_list waiters_;
};

}  // namespace detail

template <class Completion = void (*)() noexcept>
class barrier {
public:
    /// For `expected` participants. `completion` is called at the end of each phase, by the last to arrive.
    explicit barrier(
        std::int64_t expected, Completion completion = []() noexcept {})
        : core_(expected), completion_(std::move(completion)) {}

    /// Waits until all have arrived. Ends the program with a message if more arrive than were expected.
    /// Throws std::system_error (operation_canceled) when the task is cancelled meanwhile: it has not arrived then;
    /// and, to the last to arrive, what the completion throws; the others have been woken by then.
    /// Threads: any. Suspends: inside a coroutine, if it has to wait; elsewhere it blocks. Allocates: no.
    WEFT_MIXED_FN void arrive_and_wait(call_site where = call_site::here()) {
        detail::branch* others = nullptr;
        if (core_.arrive(others, where)) {
            complete(others);
        }
    }

    /// Arrives without waiting, for the last time: one fewer is expected from the next phase on.
    /// Threads: any. Suspends: if the completion does. Allocates: no.
    WEFT_MIXED_FN void arrive_and_drop(call_site where = call_site::here()) {
        detail::branch* others = nullptr;
        if (core_.drop(others, where)) {
            complete(others);
        }
    }

private:
    void complete(detail::branch* others) {
        struct at_end {
            detail::branch* others;
            ~at_end() { detail::wake_chain(others); }
        } guard{others};
        completion_();
    }

    detail::barrier_core core_;
    Completion completion_;
};

}  // namespace weft
