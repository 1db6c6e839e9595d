// Floor 3: sync

#include <weft/barrier.hpp>

#include "coroutine/misuse.hpp"

namespace weft::detail {

barrier_core::~barrier_core() {
    lock_.pass();
    if (!waiters_.empty()) {
        die({}, "a weft::barrier was destroyed while somebody waits for it");
    }
}

/// Under lock_, which it lets go of if it returns true.
bool barrier_core::last(waiter*& others, place where) {
    if (missing_ == 0) {
        die(where, "more arrived at a weft::barrier than it expects");
    }
    if (--missing_ != 0) {
        return false;
    }
    others = waiters_.grant_all();
    missing_ = expected_;
    lock_.unlock();
    return true;
}

bool barrier_core::arrive(waiter*& others, place where) {
    if (stop_of_caller().asked()) {
        throw_stopped("arrive_and_wait");
    }
    lock_.lock();
    if (last(others, where)) {
        return true;
    }
    waiter w;
    waiters_.push(w);
    auto take_back = [](void* on) noexcept -> waiter* {
        ++static_cast<barrier_core*>(on)->missing_;
        return nullptr;
    };
    if (!wait(w, {"a barrier", this, lock_, waiters_, take_back}, where)) {
        throw_stopped("arrive_and_wait");
    }
    return false;
}

bool barrier_core::drop(waiter*& others, place where) {
    lock_.lock();
    --expected_;
    if (last(others, where)) {
        return true;
    }
    lock_.unlock();
    return false;
}

}  // namespace weft::detail
