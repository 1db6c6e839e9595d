// Floor: sync
//
// The standard library's condition_variable, for weft::mutex, or whatever else is a lock:
//
//     std::unique_lock lock(m);
//     changed.wait(lock, [&] { return !queue.empty(); });
//
// A wait_queue with the standard's names. There are no spurious wake-ups.

#pragma once

#include <condition_variable>  // std::cv_status
#include <weft/limit.hpp>
#include <weft/wait_queue.hpp>

namespace weft {

namespace when {
class woken;
}

class condition_variable {
public:
    /// Wakes the one that has waited longest, or all.
    /// Threads: any. Suspends: no. Allocates: no.
    void notify_one() noexcept { waiters_.wake_one(); }
    void notify_all() noexcept { waiters_.wake_all(); }

    /// Waits for a notification, with `lock` released meanwhile; or until `condition()`, which is evaluated under the
    /// lock.
    /// Throws std::system_error (operation_canceled) when the task is cancelled meanwhile; the lock is held then,
    /// too.
    /// Threads: any. Suspends: inside a coroutine; elsewhere it blocks. Allocates: no.
    template <class Lock>
    WEFT_MIXED_FN void wait(Lock& lock, call_site where = call_site::here()) {
        waiters_.wait(lock, where);
    }
    template <class Lock, class Condition>
    requires std::predicate<Condition&> WEFT_MIXED_FN void wait(Lock& lock, Condition condition,
                                                                call_site where = call_site::here()) {
        while (!condition()) {
            waiters_.wait(lock, where);
        }
    }

    /// The same, but waits no longer than `l`: a time, a moment or a std::stop_token.
    template <class Lock>
    WEFT_MIXED_FN std::cv_status wait_for(Lock& lock, limit const& l, call_site where = call_site::here()) {
        bool notified = within(
            l, [&] { waiters_.wait(lock, where); }, where);
        return notified ? std::cv_status::no_timeout : std::cv_status::timeout;
    }
    /// Returns what the condition says in the end.
    template <class Lock, class Condition>
    requires std::predicate<Condition&> WEFT_MIXED_FN bool wait_for(Lock& lock, limit const& l, Condition condition,
                                                                    call_site where = call_site::here()) {
        return within(
                   l, [&] { wait(lock, std::ref(condition), where); }, where) ||
               condition();
    }
    template <class Lock>
    WEFT_MIXED_FN std::cv_status wait_until(Lock& lock, clock::time_point when, call_site where = call_site::here()) {
        return wait_for(lock, when, where);
    }
    template <class Lock, class Condition>
    requires std::predicate<Condition&> WEFT_MIXED_FN bool wait_until(Lock& lock, clock::time_point when,
                                                                      Condition condition,
                                                                      call_site where = call_site::here()) {
        return wait_for(lock, when, std::move(condition), where);
    }

private:
    friend class when::woken;

    wait_queue waiters_;
};

}  // namespace weft
