// Floor 2: coroutine
//
// Who runs a coroutine that was woken. A loop (floor 4) is one; this floor only puts coroutines into its queues.

#pragma once

#include <atomic>
#include <weft/detail/control_block.hpp>

namespace weft::detail {

/// First in, first out; linked through control_block::next. One thread's.
class ready_queue {
public:
    [[nodiscard]] bool empty() const { return first_ == nullptr; }

    void push(control_block& co) {
        co.next = nullptr;
        (first_ == nullptr ? first_ : last_->next) = &co;
        last_ = &co;
    }

    control_block& pop() {
        control_block& co = *first_;
        first_ = co.next;
        return co;
    }

private:
    control_block* first_ = nullptr;
    control_block* last_ = nullptr;
};

/// The queues of a loop, and its sleep.
///
/// No wake-up is lost between 'checked' and 'sleeping'. The loop, before it sleeps:  (1) sleeping = true; (2) looks at
/// the inbox once more. A waker on another thread:  (3) pushes into the inbox; (4) reads sleeping. All four are
/// sequentially consistent, so they stand in one order: if (4) comes before (1), then (3) comes before (2) and the loop
/// sees the push; else the waker sees `true` and notifies. With weaker orders (1)-(2) and (3)-(4) could each be swapped,
/// and both sides would miss the other.
struct executor {
    ready_queue ready;  ///< Only the loop's own thread touches it.
    std::atomic<control_block*> inbox{nullptr};
    std::atomic<bool> sleeping{false};
    void (*notify)(executor&) noexcept =
        nullptr;                            ///< Ends the loop's sleep; from any thread, and from signal handlers.
    void (*run_turn)(executor&) = nullptr;  ///< For a wait of its own thread, outside coroutines.

    /// How many threads are between a push and the end of their notify(). What they pushed may be the last that the loop
    /// runs: it must not go before they have let go of it.
    std::atomic<int> wakers{0};

    void push_from_elsewhere(control_block& co) noexcept {
        wakers.fetch_add(1, std::memory_order_relaxed);
        co.next = inbox.load(std::memory_order_relaxed);
        while (!inbox.compare_exchange_weak(co.next, &co)) {
        }
        end_sleep();
        wakers.fetch_sub(1, std::memory_order_release);
    }

    void end_sleep() noexcept {
        if (sleeping.load()) {
            notify(*this);
        }
    }

    /// For the end of the loop. The count was raised before the push that let the loop end, so it is seen here.
    void wait_for_wakers() const noexcept {
        while (wakers.load(std::memory_order_acquire) != 0) {
        }
    }

    /// Moves what others have pushed to the ready queue, oldest first.
    void collect() {
        control_block* newest = inbox.exchange(nullptr);
        control_block* oldest = nullptr;
        while (newest != nullptr) {
            control_block* older = newest->next;
            newest->next = oldest;
            oldest = newest;
            newest = older;
        }
        while (oldest != nullptr) {
            control_block* newer = oldest->next;
            ready.push(*oldest);
            oldest = newer;
        }
    }
};

[[noreturn]] void woken_twice(control_block const& co);

/// Makes a waiting coroutine run again: puts it into its loop's queue. Without a loop it may be entered again.
/// Threads: any.
inline void wake(control_block& co) noexcept {
    if (co.status.load(std::memory_order_relaxed) != state::waiting) [[unlikely]] {
        woken_twice(co);
    }
    executor* home = co.home;
    if (home == nullptr) {
        co.status.store(state::suspended, std::memory_order_release);
        return;
    }
    co.status.store(state::queued, std::memory_order_relaxed);
    if (home == this_thread().home) {
        home->ready.push(co);
    } else {
        home->push_from_elsewhere(co);
    }
}

}  // namespace weft::detail
