// Floor: sync
//
// A counting semaphore; counted in bytes, it is a budget:
//
//     weft::semaphore in_flight(64);
//     in_flight.acquire();           // waits while 64 are under way
//     scope.spawn([&] { serve(); in_flight.release(); });
//
// The initial count is not a maximum: a semaphore may start at 0 and be raised by producers.
//
//     weft::semaphore items(0);
//     items.release();               // one more is available
//
// A declared maximum finds misuse: asking for more than there can ever be, or giving back more than was taken:
//
//     weft::semaphore memory(budget, budget);    // in bytes: never more than `budget` are available
//
// Fair: a large request that waits is not overtaken by small ones.

#pragma once

#include <cstdint>
#include <weft/detail/wait/waiter.hpp>
#include <weft/limit.hpp>

namespace weft {

namespace when {
class acquired;
}

class semaphore {
public:
    /// As the maximum: none, but for the range of the type.
    static constexpr std::int64_t no_maximum = INT64_MAX;

    /// `available` units are available at first, and never more than `maximum`.
    /// Ends the program with a message if `available` is negative or more than `maximum`.
    explicit semaphore(std::int64_t available, std::int64_t maximum = no_maximum, call_site where = call_site::here())
        : maximum_(maximum), word_(twice(available)) {
        if (available < 0 || available > maximum) [[unlikely]] {
            die_of_start(available, where);
        }
    }
    semaphore(semaphore const&) = delete;
    semaphore& operator=(semaphore const&) = delete;
    /// Ends the program with a message if somebody waits.
    ~semaphore();

    /// Takes `amount` units, waiting until they are available. One atomic operation if they are already.
    /// Throws std::system_error (operation_canceled) when the task is cancelled meanwhile; it has taken nothing then.
    /// Ends the program with a message if `amount` is negative, or more than the declared maximum: it would wait for ever.
    /// Threads: any. Suspends: inside a coroutine, if it has to wait; elsewhere it blocks. Allocates: no.
    WEFT_MIXED_FN void acquire(std::int64_t amount = 1, call_site where = call_site::here()) {
        if (!try_acquire(amount, where)) [[unlikely]] {
            acquire_slowly(amount, where);
        }
    }

    /// Takes `amount` units if they are available. Ends the program with a message if `amount` is negative.
    /// Threads: any. Suspends: no. Allocates: no.
    [[nodiscard]] bool try_acquire(std::int64_t amount = 1, call_site where = call_site::here()) {
        if (amount < 0) [[unlikely]] {
            die_of_amount("acquire", amount, where);
        }
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while ((word & contended) == 0 && word >= twice(amount)) {
            if (word_.compare_exchange_weak(word, word - twice(amount), std::memory_order_acquire)) {
                return true;
            }
        }
        return false;
    }

    /// acquire(), but waits no longer than `l`. Returns whether it has taken the units.
    WEFT_MIXED_FN bool try_acquire_for(limit const& l, std::int64_t amount = 1, call_site where = call_site::here()) {
        return try_acquire(amount, where) || within(
                                                 l, [&] { acquire(amount, where); }, where);
    }
    WEFT_MIXED_FN bool try_acquire_until(clock::time_point when, std::int64_t amount = 1,
                                         call_site where = call_site::here()) {
        return try_acquire_for(when, amount, where);
    }

    /// Adds units and grants them to those that wait, in order. Ends the program with a message if `amount` is
    /// negative, or if that makes more than the maximum.
    /// Threads: any. Suspends: no. Allocates: no.
    void release(std::int64_t amount = 1, call_site where = call_site::here()) noexcept;

    /// How many units are available now.
    [[nodiscard]] std::int64_t available() const { return units(word_.load(std::memory_order_relaxed)); }

private:
    friend class when::acquired;

    // The word: twice the units (so any count of the type fits), and in the lowest bit whether somebody waits. That
    // bit changes under lock_ only. While it is set, every acquire() and release() goes through lock_, so that nobody
    // overtakes those that wait.
    static constexpr std::uint64_t contended = 1;
    static constexpr std::uint64_t twice(std::int64_t amount) { return static_cast<std::uint64_t>(amount) * 2; }
    static constexpr std::int64_t units(std::uint64_t word) { return static_cast<std::int64_t>(word >> 1); }

    void check_amount(std::int64_t amount, call_site where) const;
    void check_room(std::uint64_t word, std::int64_t amount, call_site where) const noexcept;
    [[noreturn]] void die_of_start(std::int64_t available, call_site where) const noexcept;
    [[noreturn]] static void die_of_amount(char const* what, std::int64_t amount, call_site where) noexcept;
    WEFT_MIXED_FN void acquire_slowly(std::int64_t amount, call_site where);
    [[nodiscard]] bool take(std::int64_t amount) noexcept;
    detail::branch* grant() noexcept;
    static detail::branch* grant_others(void* on, detail::branch& removed) noexcept;

    std::int64_t const maximum_;
    detail::atomic<std::uint64_t> word_;
    detail::spin_lock lock_;
    detail::waiter_list waiters_;
};

}  // namespace weft
