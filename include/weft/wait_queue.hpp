// Floor: sync
//
// A queue of waiters, woken in order of arrival: a plain building block, and a condition variable when it is given a
// lock.
//
//     std::unique_lock lock(m);
//     while (queue.empty()) { not_empty.wait(lock); }     // elsewhere: queue.push(x); not_empty.wake_one();

#pragma once

#include <cstddef>
#include <weft/detail/wait/waiter.hpp>
#include <weft/shield.hpp>

namespace weft {

namespace when {
class woken;
}

class wait_queue {
public:
    wait_queue() = default;
    wait_queue(wait_queue const&) = delete;
    wait_queue& operator=(wait_queue const&) = delete;
    /// Ends the program with a message if somebody waits.
    ~wait_queue();

    /// Waits for a wake_one() or wake_all(). There are no spurious wake-ups.
    /// Throws std::system_error (operation_canceled) when the task is cancelled meanwhile.
    /// Threads: any. Suspends: inside a coroutine; elsewhere it blocks. Allocates: no.
    WEFT_MIXED_FN void wait(call_site where = call_site::here()) {
        no_lock none;
        wait(none, where);
    }

    /// The same, with `lock` released meanwhile. No wake-up that comes after the release is missed. The lock is taken
    /// again however the wait ends.
    /// Throws what lock.unlock() throws, and then has not waited: std::unique_lock throws if it does not hold its
    /// mutex.
    template <class Lock>
    WEFT_MIXED_FN void wait(Lock& lock, call_site where = call_site::here()) {
        wait(lock, &detail::waiter_list::push, where);
    }

    /// wait() at the head of the queue: for a waiter that was woken, found nothing to do, and keeps its turn.
    template <class Lock>
    WEFT_MIXED_FN void wait_at_front(Lock& lock, call_site where = call_site::here()) {
        wait(lock, &detail::waiter_list::push_front, where);
    }

    /// Wakes the one that has waited longest. Returns false if nobody waits.
    /// Threads: any. Suspends: no. Allocates: no.
    bool wake_one() noexcept;

    /// Wakes all that wait now, in order; returns how many.
    /// Threads: any. Suspends: no. Allocates: no.
    std::size_t wake_all() noexcept;

    /// Whether nobody waits.
    [[nodiscard]] bool empty() const noexcept;

private:
    friend class when::woken;

    struct no_lock {
        void lock() {}
        void unlock() {}
    };

    /// The caller's lock is not released under lock_: that may take other locks, which a select() holds while it
    /// waits for lock_.
    template <class Lock>
    WEFT_MIXED_FN void wait(Lock& lock, void (detail::waiter_list::*enlist)(detail::branch&) noexcept,
                            call_site where) {
        if (detail::stop_of_caller().asked()) {
            detail::throw_stopped("wait");
        }
        detail::early_wait w;
        lock_.lock();
        (waiters_.*enlist)(w);
        lock_.unlock();
        try {
            lock.unlock();
        } catch (...) {  // it is not held, say
            has_not_waited(w);
            throw;
        }
        bool woken = wait_in_list(w, where);
        {
            shield guard;
            lock.lock();
        }
        if (!woken) {
            detail::throw_stopped("wait");
        }
    }
    WEFT_MIXED_FN bool wait_in_list(detail::early_wait& w, call_site where);
    void has_not_waited(detail::early_wait& w) noexcept;

    mutable detail::spin_lock lock_;
    detail::waiter_list waiters_;
};

}  // namespace weft
