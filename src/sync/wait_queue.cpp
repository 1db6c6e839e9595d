// Floor: sync

#include <weft/wait_queue.hpp>

#include <mutex>

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
    lock_.unlock();
    if (first == nullptr) {
        return false;
    }
    detail::wake(*first->whose);
    return true;
}

std::size_t wait_queue::wake_all() noexcept {
    lock_.lock();
    detail::branch* all = waiters_.grant_all();
    lock_.unlock();
    std::size_t count = 0;
    for (detail::branch const* b = all; b != nullptr; b = b->next) {
        ++count;
    }
    detail::wake_chain(all);
    return count;
}

bool wait_queue::empty() const noexcept {
    std::lock_guard guard(lock_);
    return waiters_.empty();
}

}  // namespace weft
