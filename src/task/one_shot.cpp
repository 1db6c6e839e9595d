// Floor: task

#include <weft/detail/task/one_shot.hpp>

namespace weft::detail {

void one_shot::complete() noexcept {
    lock_.lock();
    done_ = true;
    branch* b = waiters_.grant_first();
    lock_.unlock();
    // A waiter that came later saw `done_` under the lock, so after the unlock(), which was the last that we did here.
    if (b != nullptr) {
        wake(*b->whose);
    }
}

bool one_shot::wait(char const* what, call_site where) {
    lock_.lock();
    if (done_ || stop_of_caller().asked()) {
        bool done = done_;
        lock_.unlock();
        return done;
    }
    single_wait w;
    waiters_.push(w);
    return detail::wait(w, {what, this, lock_, waiters_}, where);
}

}  // namespace weft::detail
