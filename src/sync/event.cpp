// Floor: sync

#include <weft/event.hpp>

#include "coroutine/misuse.hpp"

namespace weft {

event::~event() {
    if (detail::somebody_waits(lock_, waiters_)) {
        detail::die({}, "a weft::event was destroyed while somebody waits for it");
    }
}

void event::wait_slowly(call_site where) {
    detail::single_wait w;
    detail::wait_for_one(w, {"an event", this, lock_, waiters_}, "wait", where, [this] { return take(); });
}

/// Passes if it is set; else sees to it that set() comes by lock_. Under lock_.
bool event::take() noexcept {
    std::uint32_t seen = not_set;
    while (!state_.compare_exchange_weak(seen, seen == is_set ? (mode_ == manual ? is_set : not_set) : contended,
                                         std::memory_order_acquire)) {
    }
    return seen == is_set;
}

void event::set_slowly() noexcept {
    lock_.lock();
    detail::branch* granted = nullptr;
    if (mode_ == manual) {
        granted = waiters_.grant_all();
        state_.store(is_set, std::memory_order_release);
    } else if (granted = waiters_.grant_first(); granted != nullptr) {
        granted->next = nullptr;
        if (waiters_.empty()) {
            state_.store(not_set, std::memory_order_relaxed);
        }
    } else {
        state_.store(is_set, std::memory_order_release);
    }
    lock_.unlock();
    detail::wake_chain(granted);
}

}  // namespace weft
