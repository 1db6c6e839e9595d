// Floor: sync
//
// A flag that coroutines and threads wait for:
//
//     weft::event ready(weft::event::manual);
//     ready.wait();          // elsewhere: ready.set(); from then on all pass
//
// A manual event stays set until reset(). An automatic one lets one waiter pass for each set() and is reset by that;
// a set() while it is set has no effect.

#pragma once

#include <cstdint>
#include <weft/detail/wait/waiter.hpp>

namespace weft {

namespace when {
class happened;
}

class event {
public:
    enum reset_mode : bool { manual, automatic };

    explicit event(reset_mode mode, bool set = false) : mode_(mode), state_(set ? is_set : not_set) {}
    event(event const&) = delete;
    event& operator=(event const&) = delete;
    /// Ends the program with a message if somebody waits.
    ~event();

    /// Sets it and lets those that wait pass, in order: all (manual), or the first (automatic). One atomic operation
    /// if nobody waits.
    /// Threads: any. Suspends: no. Allocates: no.
    void set() noexcept {
        std::uint32_t expected = not_set;
        if (!state_.compare_exchange_strong(expected, is_set, std::memory_order_release)) [[unlikely]] {
            set_slowly();
        }
    }

    /// Threads: any. Suspends: no. Allocates: no.
    void reset() noexcept {
        std::uint32_t expected = is_set;
        state_.compare_exchange_strong(expected, not_set, std::memory_order_relaxed);
    }

    /// Passes if it is set.
    /// Threads: any. Suspends: no. Allocates: no.
    [[nodiscard]] bool try_wait() noexcept {
        std::uint32_t expected = is_set;
        bool passed = mode_ == manual ? state_.load(std::memory_order_acquire) == is_set
                                      : state_.compare_exchange_strong(expected, not_set, std::memory_order_acquire);
        if (passed) {
            lock_.pass();
        }
        return passed;
    }

    /// Waits until it is set. Only atomic loads if a manual event is set. Whoever has passed may destroy the event if
    /// nobody else waits: set() does not touch it afterwards.
    /// Throws std::system_error (operation_canceled) when the task is cancelled meanwhile; it has not passed then.
    /// Threads: any. Suspends: inside a coroutine, if it has to wait; elsewhere it blocks. Allocates: no.
    WEFT_MIXED_FN void wait(call_site where = call_site::here()) {
        if (!try_wait()) {
            wait_slowly(where);
        }
    }

private:
    friend class when::happened;

    // From not_set to contended, and from there anywhere, only under lock_. A set() that does not see `contended` came
    // before it in the order of changes of state_, and then the waiter finds is_set in its place.
    static constexpr std::uint32_t not_set = 0;
    static constexpr std::uint32_t is_set = 1;
    static constexpr std::uint32_t contended = 2;

    WEFT_MIXED_FN void wait_slowly(call_site where);
    void set_slowly() noexcept;
    [[nodiscard]] bool take() noexcept;

    reset_mode const mode_;
    detail::atomic<std::uint32_t> state_;
    detail::spin_lock lock_;
    detail::waiter_list waiters_;
};

}  // namespace weft
