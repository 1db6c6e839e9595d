// Floor: sync
//
// Mutual exclusion across suspensions. weft::mutex is Lockable: it goes with std::unique_lock and std::scoped_lock.
//
//     weft::mutex m;
//     std::scoped_lock lock(m);      // suspends the coroutine, and not the thread, while another holds it
//     stream.write(header);          // others run meanwhile, but none that locks m
//     stream.write(payload);
//
// Fair: first come, first served; unlock() hands the lock over to the first waiter, and no newcomer gets in between.
// Works between coroutines of any loops and plain threads. While nobody waits and the holder is on another thread,
// lock() retries for some microseconds before it queues: most locks are held for less.
//
// Several at once: lock() them in a fixed order. std::lock() and a std::scoped_lock of several back off and try again;
// where the lock is always handed over to a waiter, they may try for ever.

#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>  // std::scoped_lock, std::unique_lock
#include <weft/detail/wait/waiter.hpp>
#include <weft/limit.hpp>

namespace weft {

namespace when {
template <class Mutex>
class locked;
}

class recursive_mutex;

class mutex {
public:
    mutex() = default;
    mutex(mutex const&) = delete;
    mutex& operator=(mutex const&) = delete;
    /// Ends the program with a message if it is locked. In debug builds, so does the end of a coroutine that holds it.
    ~mutex();

    /// Waits for the lock. One atomic operation if it is free. Ends the program with a message if the caller holds
    /// it, or if it would close a cycle of coroutines of its loop, each waiting without a limit for a mutex that the
    /// next holds.
    /// Throws std::system_error (operation_canceled) when the task is cancelled meanwhile; it does not hold the lock
    /// then.
    /// Threads: any. Suspends: inside a coroutine, if it has to wait; elsewhere it blocks. Allocates: no.
    WEFT_MIXED_FN void lock(call_site where = call_site::here()) {
        std::uint32_t expected = unlocked;
        if (!state_.compare_exchange_strong(expected, locked, std::memory_order_acquire)) [[unlikely]] {
            lock_slowly(where);
        }
        note_holder();
    }

    /// Threads: any. Suspends: no. Allocates: no.
    [[nodiscard]] bool try_lock() {
        std::uint32_t expected = unlocked;
        if (!state_.compare_exchange_strong(expected, locked, std::memory_order_acquire)) {
            return false;
        }
        note_holder();
        return true;
    }

    /// lock(), but waits no longer than `l`. Returns whether the caller holds the lock.
    WEFT_MIXED_FN bool try_lock_for(limit const& l, call_site where = call_site::here()) {
        return try_lock() || within(
                                 l, [&] { lock(where); }, where);
    }
    WEFT_MIXED_FN bool try_lock_until(clock::time_point when, call_site where = call_site::here()) {
        return try_lock_for(when, where);
    }

    /// Lets the first waiter have the lock. Ends the program with a message if the caller does not hold it.
    /// Threads: the holder's. Suspends: no. Allocates: no.
    void unlock(call_site where = call_site::here()) {
        if (!owned()) [[unlikely]] {
            die_of_unlock(where);
        }
        detail::holds_one_less();
        owner_.store(nullptr, std::memory_order_relaxed);
        std::uint32_t expected = locked;
        if (!state_.compare_exchange_strong(expected, unlocked, std::memory_order_release)) [[unlikely]] {
            unlock_slowly();
        }
    }

    /// Whether the caller holds the lock.
    [[nodiscard]] bool owned() const { return owner_.load(std::memory_order_relaxed) == detail::runner(); }

private:
    friend class when::locked<mutex>;
    friend class when::locked<recursive_mutex>;

    // `contended` is set under waiters_lock_ before a waiter is linked in, and never without `locked`. An unlock() that
    // does not see it came before in the order of changes of state_, and the waiter's fetch_or() sees the lock free.
    static constexpr std::uint32_t unlocked = 0;
    static constexpr std::uint32_t locked = 1;
    static constexpr std::uint32_t contended = 2;

    void note_holder() {
        thread_.store(&detail::this_thread(), std::memory_order_relaxed);
        owner_.store(detail::holds_one_more(), std::memory_order_relaxed);
    }
    void require_another_holder(call_site where) const;
    WEFT_MIXED_FN void lock_slowly(call_site where);
    [[nodiscard]] bool lock_soon() noexcept;
    [[nodiscard]] bool take() noexcept;
    void unlock_slowly();
    [[noreturn]] void die_of_unlock(call_site where) const;

    detail::atomic<std::uint32_t> state_{unlocked};
    std::atomic<void const*> owner_{nullptr};
    std::atomic<detail::thread_state const*> thread_{nullptr};  ///< Where it was locked last; a hint.
    detail::spin_lock waiters_lock_;
    detail::waiter_list waiters_;
};

/// A mutex that its holder may lock again; it is free after as many unlock() as lock().
class recursive_mutex {
public:
    /// As mutex::lock(), but its holder may call it again.
    WEFT_MIXED_FN void lock(call_site where = call_site::here()) {
        if (!m_.owned()) {
            m_.lock(where);
        }
        ++depth_;
    }
    [[nodiscard]] bool try_lock() {
        bool held = m_.owned() || m_.try_lock();
        depth_ += held ? 1 : 0;
        return held;
    }
    WEFT_MIXED_FN bool try_lock_for(limit const& l, call_site where = call_site::here()) {
        return try_lock() || within(
                                 l, [&] { lock(where); }, where);
    }
    WEFT_MIXED_FN bool try_lock_until(clock::time_point when, call_site where = call_site::here()) {
        return try_lock_for(when, where);
    }
    void unlock(call_site where = call_site::here()) {
        if (!m_.owned() || --depth_ == 0) {
            m_.unlock(where);
        }
    }

    /// Whether the caller holds the lock.
    [[nodiscard]] bool owned() const { return m_.owned(); }

private:
    friend class when::locked<recursive_mutex>;

    mutex m_;
    std::uint64_t depth_ = 0;  ///< The holder's.
};

}  // namespace weft
