// Floor: sync

#include <weft/barrier.hpp>

#include "coroutine/misuse.hpp"

namespace weft::detail {

barrier_core::~barrier_core() {
    if (somebody_waits(lock_, waiters_)) {
        die({}, "a weft::barrier was destroyed while somebody waits for it");
    }
}

/// Under lock_, which it lets go of if it returns true.
bool barrier_core::last(branch*& others, call_site where) {
    if (missing_ == 0) {
        die(where, "more arrived at a weft::barrier than it expects");
    }
    if (--missing_ != 0) {
        return false;
    }
    waiters_.for_each([](branch& b) { b.amount = phase_over; });
    others = waiters_.grant_all();
    missing_ = expected_;
    lock_.unlock();
    return true;
}

bool barrier_core::arrive(branch*& others, call_site where) {
    if (stop_of_caller().asked()) {
        throw_stopped("arrive_and_wait");
    }
    lock_.lock();
    if (last(others, where)) {
        return true;
    }
    auto take_back = [](void* on, branch& removed) noexcept -> branch* {
        if (removed.amount != phase_over) {
            ++static_cast<barrier_core*>(on)->missing_;
        }
        return nullptr;
    };
    single_wait w;
    waiters_.push(w);
    // One that was cancelled, and then found that the phase had ended with it, has arrived.
    if (!wait(w, {"a barrier", this, lock_, waiters_, take_back}, where) && w.amount != phase_over) {
        throw_stopped("arrive_and_wait");
    }
    return false;
}

bool barrier_core::drop(branch*& others, call_site where) {
    lock_.lock();
    --expected_;
    if (last(others, where)) {
        return true;
    }
    lock_.unlock();
    return false;
}

}  // namespace weft::detail
