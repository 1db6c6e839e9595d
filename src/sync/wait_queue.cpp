// Floor 3: sync

#include <weft/wait_queue.hpp>

#include <mutex>

#include "coroutine/misuse.hpp"

namespace weft {

wait_queue::~wait_queue() {
    if (!waiters_.empty()) {
        detail::die({}, "a weft::wait_queue was destroyed while somebody waits in it");
    }
}

bool wait_queue::wake_one() noexcept {
    lock_.lock();
    detail::waiter* first = waiters_.grant_first();
    lock_.unlock();
    if (first == nullptr) {
        return false;
    }
    detail::wake(*first);
    return true;
}

std::size_t wait_queue::wake_all() noexcept {
    // Counted first: one that is woken and waits again at once waits for the next wake_all().
    std::size_t waiting = 0;
    {
        std::lock_guard guard(lock_);
        for (auto* w = waiters_.empty() ? nullptr : &waiters_.front(); w != nullptr; w = w->next) {
            ++waiting;
        }
    }
    std::size_t woken = 0;
    while (woken < waiting && wake_one()) {
        ++woken;
    }
    return woken;
}

bool wait_queue::empty() const noexcept {
    std::lock_guard guard(lock_);
    return waiters_.empty();
}

}  // namespace weft
