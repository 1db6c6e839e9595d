// Floor: sync

#include <weft/wait_group.hpp>

#include <string>

#include "coroutine/misuse.hpp"

namespace weft {

wait_group::~wait_group() {
    if (detail::somebody_waits(lock_, waiters_)) {
        detail::die({}, "a weft::wait_group was destroyed while somebody waits for it");
    }
}

void wait_group::wait_slowly(call_site where) {
    detail::single_wait w;
    detail::wait_for_one(w, {"a wait_group", this, lock_, waiters_}, "wait", where, [this] { return take(); });
}

/// Passes if there is nothing to wait for; else sees to it that the last done() comes by lock_. Under lock_.
bool wait_group::take() noexcept {
    if (word_.fetch_or(contended, std::memory_order_acquire) >> 1 != 0) {
        return false;
    }
    if (waiters_.empty()) {
        word_.fetch_and(~contended, std::memory_order_relaxed);
    }
    return true;
}

void wait_group::done_slowly(std::int64_t count, call_site where) {
    lock_.lock();
    std::int64_t left = (word_.fetch_sub(count * 2, std::memory_order_acq_rel) >> 1) - count;
    if (left < 0) {
        detail::die(where, "a weft::wait_group or latch counted down by " + std::to_string(count) + " from " +
                               std::to_string(left + count));
    }
    detail::branch* granted = nullptr;
    if (left == 0) {
        granted = waiters_.grant_all();
        word_.fetch_and(~contended, std::memory_order_release);
    }
    lock_.unlock();
    detail::wake_chain(granted);
}

}  // namespace weft
