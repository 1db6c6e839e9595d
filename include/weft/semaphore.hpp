// Floor 3: sync
//
// A counting semaphore; counted in bytes, it is a budget:
//
//     weft::semaphore in_flight(64);
//     in_flight.acquire();           // waits while 64 are under way
//     scope.spawn([&] { serve(); in_flight.release(); });
//
// Fair: a large request that waits is not overtaken by small ones.

#pragma once

#include <cstdint>
#include <weft/detail/waiter.hpp>
#include <weft/limit.hpp>

namespace weft {

namespace when {
class acquired;
}

class semaphore {
public:
    /// `available` units can be had at first.
    explicit semaphore(std::int64_t available) : total_(available), word_(available * 2) {}
    semaphore(semaphore const&) = delete;
    semaphore& operator=(semaphore const&) = delete;
    /// Ends the program with a message if somebody waits.
    ~semaphore();

    /// Takes `amount` units, waiting until they can be had. One atomic operation if they can be had at once.
    /// Throws std::system_error (operation_canceled) when the task is cancelled meanwhile; it has taken nothing then.
    /// Ends the program with a message if `amount` is more than there were at first: it would wait for ever.
    /// Threads: any. Suspends: inside a coroutine, if it has to wait; elsewhere it blocks. Allocates: no.
    WEFT_MIXED_FN void acquire(std::int64_t amount = 1, place where = place::here()) {
        if (!try_acquire(amount)) [[unlikely]] {
            acquire_slowly(amount, where);
        }
    }

    /// Threads: any. Suspends: no. Allocates: no.
    [[nodiscard]] bool try_acquire(std::int64_t amount = 1) {
        std::int64_t word = word_.load(std::memory_order_relaxed);
        while ((word & contended) == 0 && word >= amount * 2) {
            if (word_.compare_exchange_weak(word, word - amount * 2, std::memory_order_acquire)) {
                return true;
            }
        }
        return false;
    }

    /// acquire(), but not for longer than that. Returns false if it has taken nothing then.
    WEFT_MIXED_FN bool try_acquire_for(limit const& l, std::int64_t amount = 1, place where = place::here()) {
        return try_acquire(amount) || within(
                                          l, [&] { acquire(amount, where); }, where);
    }
    WEFT_MIXED_FN bool try_acquire_until(clock::time_point when, std::int64_t amount = 1, place where = place::here()) {
        return try_acquire_for(when, amount, where);
    }

    /// Gives units back, and lets those that wait have them, in order.
    /// Threads: any. Suspends: no. Allocates: no.
    void release(std::int64_t amount = 1) noexcept;

    /// How many units can be had now.
    [[nodiscard]] std::int64_t available() const { return word_.load(std::memory_order_relaxed) >> 1; }

private:
    friend class when::acquired;

    // The word: twice the units, and in the lowest bit whether somebody waits. That bit changes under lock_ only. While
    // it is set, every acquire() and release() goes through lock_, so none passes by those that wait.
    static constexpr std::int64_t contended = 1;

    WEFT_MIXED_FN void acquire_slowly(std::int64_t amount, place where);
    detail::waiter* grant() noexcept;

    std::int64_t const total_;
    detail::atomic<std::int64_t> word_;
    detail::spin_lock lock_;
    detail::waiter_list waiters_;
};

}  // namespace weft
