// Floor: wait

#include "wait/waiting_threads.hpp"

#include <mutex>
#include <weft/detail/coroutine/executor.hpp>

#include "base/static_mutex.hpp"
#include "stack/system.hpp"
#include "wait/thread_sleep.hpp"

namespace weft::detail {
namespace {

// Whoever waits here is about to make a system call, beside which the lock costs nothing.
constinit static_mutex list_lock;
constinit waiting_thread* first = nullptr;

// A child process has none of its parent's threads, and must not find the lock held by one of them.
[[maybe_unused]] int const over_forks = at_fork([] { list_lock.lock(); }, [] { list_lock.unlock(); },
                                                [] {
                                                    first = nullptr;
                                                    list_lock.unlock();
                                                });

}  // namespace

waiting_thread::waiting_thread(char const* what, void const* on, call_site where) noexcept
    : about_{this_thread_number(), what, on, where, time_now()} {
    std::lock_guard guard(list_lock);
    next_ = first;
    if (first != nullptr) {
        first->previous_ = this;
    }
    first = this;
}

waiting_thread::~waiting_thread() {
    std::lock_guard guard(list_lock);
    (previous_ == nullptr ? first : previous_->next_) = next_;
    if (next_ != nullptr) {
        next_->previous_ = previous_;
    }
}

std::vector<waiting_thread::about> waiting_thread::all() {
    std::vector<about> found;
    std::lock_guard guard(list_lock);
    for (waiting_thread const* t = first; t != nullptr; t = t->next_) {
        found.push_back(t->about_);
    }
    return found;
}

}  // namespace weft::detail
