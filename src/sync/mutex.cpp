// Floor 3: sync

#include <weft/mutex.hpp>

#include "coroutine/misuse.hpp"

namespace weft {

mutex::~mutex() {
    if (state_.load(std::memory_order_relaxed) != unlocked) {
        detail::die({}, "a weft::mutex was destroyed while it was locked");
    }
}

void mutex::lock_slowly(place where) {
    if (owned()) {
        detail::die(where, "a weft::mutex was locked again by its holder: it would wait for itself for ever");
    }
    if (detail::interrupted()) {
        detail::throw_cancelled("lock");
    }
    waiters_lock_.lock();
    if ((state_.fetch_or(locked | contended, std::memory_order_acquire) & locked) == 0) {
        waiters_lock_.unlock();
        return;
    }
    detail::waiter w;
    waiters_.push(w);
    if (!detail::wait(w, {"a mutex", this, waiters_lock_, waiters_}, where)) {
        detail::throw_cancelled("lock");
    }
}

void mutex::unlock_slowly() {
    waiters_lock_.lock();
    if (waiters_.empty()) {  // those that waited were cancelled
        state_.store(unlocked, std::memory_order_release);
        waiters_lock_.unlock();
        return;
    }
    detail::waiter& first = waiters_.pop();
    first.granted = true;
    if (waiters_.empty()) {
        state_.store(locked, std::memory_order_relaxed);
    }
    waiters_lock_.unlock();
    detail::wake(first);
}

void mutex::die_of_unlock(place where) const {
    detail::die(where, "unlock() of a weft::mutex that the caller does not hold");
}

}  // namespace weft
