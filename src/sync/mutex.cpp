// Floor: sync

#include <weft/mutex.hpp>

#include "coroutine/misuse.hpp"

namespace weft {

mutex::~mutex() {
    // Who has it last may be faster than who let go of it before, or than one that has given up.
    bool waited_for = detail::somebody_waits(waiters_lock_, waiters_);
    if (waited_for || state_.load(std::memory_order_relaxed) != unlocked) {
        detail::die({}, "a weft::mutex was destroyed while it was locked");
    }
}

/// Before a wait for it.
void mutex::require_another_holder(call_site where) const {
    if (owned()) {
        detail::die(where, "a weft::mutex was locked again by its holder: it would wait for itself for ever");
    }
}

void mutex::lock_slowly(call_site where) {
    require_another_holder(where);
    if (detail::stop_of_caller().asked()) {
        detail::throw_stopped("lock");
    }
    if (lock_soon()) {
        return;
    }
    detail::waits_for_holder note(owner_, where);
    detail::single_wait w;
    detail::wait_for_one(w, {"a mutex", this, waiters_lock_, waiters_}, "lock", where, [this] { return take(); });
}

/// Takes the lock if it is free. If not, its holder comes by the waiters from now on. Under waiters_lock_.
bool mutex::take() noexcept {
    return (state_.fetch_or(locked | contended, std::memory_order_acquire) & locked) == 0;
}

/// Whether the lock became free within a few looks. If the holder is on this thread, it does not: it runs when we wait.
bool mutex::lock_soon() noexcept {
    if (thread_.load(std::memory_order_relaxed) == &detail::this_thread()) {
        return false;
    }
    detail::brief_looks looks;
    do {
        std::uint32_t seen = state_.load(std::memory_order_relaxed);
        if (seen == unlocked && state_.compare_exchange_strong(seen, locked, std::memory_order_acquire)) {
            return true;
        }
        if ((seen & contended) != 0) {
            return false;  // behind those that wait
        }
    } while (looks.again());
    return false;
}

void mutex::unlock_slowly() {
    waiters_lock_.lock();
    detail::branch* first = waiters_.grant_first();
    if (first == nullptr) {  // those that waited have given up
        state_.store(unlocked, std::memory_order_release);
        waiters_lock_.unlock();
        return;
    }
    if (waiters_.empty()) {
        state_.store(locked, std::memory_order_relaxed);
    }
    if (first->whose->thread != &detail::this_thread().stop) {
        thread_.store(nullptr, std::memory_order_relaxed);  // not this one any more; it tells which when it runs
    }
    waiters_lock_.unlock();
    detail::wake(*first->whose);
}

void mutex::die_of_unlock(call_site where) const {
    detail::die(where, "unlock() of a weft::mutex that the caller does not hold");
}

}  // namespace weft
