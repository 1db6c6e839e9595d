// Floor: coroutine
//
// Who runs a coroutine that was woken. A loop is one; this floor only puts coroutines into its queues.

#pragma once

#include <cstddef>
#include <cstdint>
#include <weft/detail/base/atomic.hpp>
#include <weft/detail/base/trace.hpp>
#include <weft/detail/coroutine/control_block.hpp>
#include <weft/detail/coroutine/ready_queue.hpp>
#include <weft/marks.hpp>
#include <weft/time.hpp>

namespace weft {

/// A function that the loop calls at a given time, on its thread. Owned by the caller; disarm it before destroying it.
struct timer {
    void (*expired)(timer&) noexcept = nullptr;
    void* waiter = nullptr;         ///< expired()'s own.
    clock::time_point when = {};    ///< Set by arm().
    std::size_t index = not_armed;  ///< The loop's own.

    static constexpr std::size_t not_armed = SIZE_MAX;
    [[nodiscard]] bool armed() const { return index != not_armed; }
};

namespace detail {

/// What a loop is to call.
struct posted {
    posted* next = nullptr;
    void (*run)(posted*) = nullptr;  ///< With `drop` set it only frees it, if that is to be done.
    bool drop = false;
    call_site at = {};  ///< Where it was posted, for messages.
};

/// The queues of a loop, and its sleep.
///
/// No wake-up is lost between 'checked' and 'sleeping'. The loop, before it sleeps:  (1) sleeping = true; (2) looks at
/// the inbox once more. A waker on another thread:  (3) pushes into the inbox; (4) reads sleeping. All four are
/// sequentially consistent, so they stand in one order: if (4) comes before (1), then (3) comes before (2) and the loop
/// sees the push; else the waker sees `true` and notifies. With weaker orders (1)-(2) and (3)-(4) could each be swapped,
/// and both sides would miss the other.
///
/// A loop that another one runs (loop::descriptor()) sleeps in this sense from the end of one of its turns to the beginning
/// of the next: (1) and (2) come at the end, and a push that (2) sees makes the loop notify itself. Then its descriptor
/// is readable, and the other loop has to begin a turn. Meanwhile its own thread may push too, without (3) and (4): it sees
/// `elsewhere`, and notifies.
struct executor {
    executor() = default;
    executor(executor const&) = delete;
    executor& operator=(executor const&) = delete;

    /// Ends the loop's sleep. From any thread, and from signal handlers.
    virtual void notify() noexcept = 0;
    /// For a wait of its own thread, outside coroutines.
    WEFT_NO_COROUTINE_FN virtual void run_turn() = 0;
    /// The time that its timers go by.
    [[nodiscard]] virtual clock::time_point time() const noexcept = 0;
    virtual void arm(timer& t, clock::time_point when) = 0;
    virtual void disarm(timer& t) noexcept = 0;
    /// Calls p.run(&p) in the loop's next turn. From any thread.
    virtual void push(posted& p) noexcept = 0;
    /// Takes it back, if it was not run. On the loop's thread.
    virtual void withdraw(posted& p) noexcept = 0;

    ready_queue ready;            ///< Only the loop's own thread touches it.
    std::uint64_t runs_left = 0;  ///< How many more coroutines this turn may run. Its own thread's, too.
    atomic<control_block*> inbox{nullptr};
    atomic<bool> sleeping{false};
    bool elsewhere = false;  ///< The loop's thread is with another loop, and was not called back. Its own thread's.
    std::size_t tasks = 0;   ///< How many were started on it and have not ended. Its own thread's.

    /// How many threads are between a push and the end of their notify(). What they pushed may be the last that the loop
    /// runs: it must not go before they have let go of it.
    atomic<int> wakers{0};

    void push_from_elsewhere(control_block& co) noexcept {
        wakers.fetch_add(1, std::memory_order_relaxed);
        co.next = inbox.load(std::memory_order_relaxed);
        while (!inbox.compare_exchange_weak(co.next, &co)) {
        }
        end_sleep();
        wakers.fetch_sub(1, std::memory_order_release);
    }

    /// On the loop's own thread.
    void push_here(control_block& co) noexcept {
        ready.push(co);
        if (elsewhere) [[unlikely]] {
            call_back();
        }
    }

    /// There is something to do, and the loop's own thread is with another loop.
    void call_back() noexcept {
        elsewhere = false;
        notify();
    }

    void end_sleep() noexcept {
        if (sleeping.load()) {
            notify();
        }
    }

    /// For the end of the loop. The count was raised before the push that let the loop end, so it is seen here.
    void wait_for_wakers() const noexcept {
        while (wakers.load(std::memory_order_acquire) != 0) {
            let_others_run();
        }
    }

    /// Moves what others have pushed to the ready queue, oldest first. Returns how many.
    std::uint64_t collect() {
        control_block* newest = inbox.exchange(nullptr);
        control_block* oldest = nullptr;
        while (newest != nullptr) {
            control_block* older = newest->next;
            newest->next = oldest;
            oldest = newest;
            newest = older;
        }
        std::uint64_t count = 0;
        for (; oldest != nullptr; ++count) {
            control_block* newer = oldest->next;
            ready.push(*oldest);
            oldest = newer;
        }
        return count;
    }

protected:
    ~executor() = default;
};

/// The time that the calling thread's waits go by: its loop's, or, where there is none, the steady clock's.
[[nodiscard]] inline clock::time_point time_now() noexcept {
    executor const* home = this_thread().home;
    return home != nullptr ? home->time() : clock::now();
}

[[noreturn]] void woken_twice(control_block const& co, call_site where);

/// Makes a waiting coroutine run again: puts it into its loop's queue. Without a loop it may be entered again.
/// Threads: any.
inline void wake(control_block& co, call_site where = {}) noexcept {
    WEFT_TRACE2(wake, &co, this_thread().current);
    executor* home = co.home;
    if (!co.try_transition(state::waiting, home == nullptr ? state::suspended : state::queued,
                           std::memory_order_release)) [[unlikely]] {
        woken_twice(co, where);
    }
    if (home == nullptr) {
        return;
    }
    if (home == this_thread().home) {
        home->push_here(co);
    } else {
        home->push_from_elsewhere(co);
    }
}

}  // namespace detail
}  // namespace weft
