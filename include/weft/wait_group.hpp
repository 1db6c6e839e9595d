// Floor: sync
//
// Waiting for the end of many things. A wait_group counts up and down, any number of times:
//
//     weft::wait_group under_way;
//     under_way.add();      // before it starts; at its end: under_way.done()
//     under_way.wait();     // until as many were done as were added
//
// A latch counts down once, from a number that is known in advance.

#pragma once

#include <cstdint>
#include <weft/detail/wait/waiter.hpp>

namespace weft {

namespace when {
class all_done;
}

class wait_group {
public:
    explicit wait_group(std::int64_t count = 0) : word_(count * 2) {}
    wait_group(wait_group const&) = delete;
    wait_group& operator=(wait_group const&) = delete;
    /// Ends the program with a message if somebody waits.
    ~wait_group();

    /// Adds to the count.
    /// Threads: any. Suspends: no. Allocates: no.
    void add(std::int64_t count = 1) noexcept { word_.fetch_add(count * 2, std::memory_order_relaxed); }

    /// Subtracts from the count; at zero, those that wait continue. One atomic operation unless it reaches zero. Ends
    /// the program with a message if the count was smaller.
    /// Threads: any. Suspends: no. Allocates: no.
    void done(std::int64_t count = 1, call_site where = call_site::here()) {
        std::int64_t word = word_.load(std::memory_order_relaxed);
        do {
            if (word < count * 2 || word - count * 2 == contended) [[unlikely]] {
                done_slowly(count, where);
                return;
            }
        } while (!word_.compare_exchange_weak(word, word - count * 2, std::memory_order_release));
    }

    /// Whether the count is zero. Whoever has seen that, or has returned from wait(), may destroy the group if nobody
    /// else waits: done() does not touch it afterwards.
    /// Threads: any. Suspends: no. Allocates: no.
    [[nodiscard]] bool try_wait() const noexcept {
        if (word_.load(std::memory_order_acquire) >> 1 != 0) {
            return false;
        }
        lock_.pass();
        return true;
    }

    /// Waits until the count is zero.
    /// Throws std::system_error (operation_canceled) when the task is cancelled meanwhile.
    /// Threads: any. Suspends: inside a coroutine, if it has to wait; elsewhere it blocks. Allocates: no.
    WEFT_MIXED_FN void wait(call_site where = call_site::here()) {
        if (!try_wait()) {
            wait_slowly(where);
        }
    }

    /// The present count.
    [[nodiscard]] std::int64_t count() const { return word_.load(std::memory_order_relaxed) >> 1; }

private:
    friend class when::all_done;

    // The word: twice the count, and in the lowest bit whether somebody waits. That bit changes under lock_ only, and a
    // count that ends at zero with the bit set does so under lock_.
    static constexpr std::int64_t contended = 1;

    WEFT_MIXED_FN void wait_slowly(call_site where);
    void done_slowly(std::int64_t count, call_site where);
    [[nodiscard]] bool take() noexcept;

    detail::atomic<std::int64_t> word_;
    detail::spin_lock lock_;
    detail::waiter_list waiters_;
};

class latch {
public:
    explicit latch(std::int64_t count) : left_(count) {}

    /// Ends the program with a message if the count would become negative.
    /// Threads: any. Suspends: no. Allocates: no.
    void count_down(std::int64_t count = 1, call_site where = call_site::here()) { left_.done(count, where); }

    /// See wait_group.
    [[nodiscard]] bool try_wait() const noexcept { return left_.try_wait(); }
    WEFT_MIXED_FN void wait(call_site where = call_site::here()) { left_.wait(where); }

    WEFT_MIXED_FN void arrive_and_wait(std::int64_t count = 1, call_site where = call_site::here()) {
        count_down(count, where);
        wait(where);
    }

private:
    friend class when::all_done;

    wait_group left_;
};

}  // namespace weft
