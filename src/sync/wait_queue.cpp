// Floor: sync

#include <weft/wait_queue.hpp>

#include <mutex>
#include <utility>

#include "coroutine/misuse.hpp"

namespace weft {

wait_queue::~wait_queue() {
    if (detail::somebody_waits(lock_, waiters_)) {
        detail::die({}, "a weft::wait_queue was destroyed while somebody waits in it");
    }
}

bool wait_queue::wake_one() noexcept {
    lock_.lock();
    detail::branch* first = waiters_.grant_first();
    bool any = first != nullptr;
    bool sleeps = any && detail::is_to_be_woken(*first);
    lock_.unlock();
    if (sleeps) {
        detail::wake(*first->whose);
    }
    return any;
}

std::size_t wait_queue::wake_all() noexcept {
    std::size_t count = 0;
    detail::branch* sleeping = nullptr;
    detail::branch** end = &sleeping;
    lock_.lock();
    for (detail::branch* next = waiters_.grant_all(); next != nullptr; ++count) {
        detail::branch* b = std::exchange(next, next->next);
        if (detail::is_to_be_woken(*b)) {  // else it may be gone
            *end = b;
            end = &b->next;
        }
    }
    *end = nullptr;
    lock_.unlock();
    detail::wake_chain(sleeping);
    return count;
}

/// Returns false when the wait was cancelled or met a limit.
bool wait_queue::wait_in_list(detail::early_wait& w, call_site where) {
    detail::wait_point const point{"a wait_queue", this, lock_, waiters_};
    if (detail::stop_of_caller().asked() && detail::give_up(w, point)) {
        return false;  // the release of the lock has waited, and was told to stop
    }
    return detail::wait(w, point, where);
}

/// What woke it is for the next.
void wait_queue::has_not_waited(detail::early_wait& w) noexcept {
    if (!detail::give_up(w, {"a wait_queue", this, lock_, waiters_})) {
        (void)wake_one();
    }
}

bool wait_queue::empty() const noexcept {
    std::lock_guard guard(lock_);
    return waiters_.empty();
}

}  // namespace weft
