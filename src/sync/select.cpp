// Floor 3: sync

#include <weft/select.hpp>

#include <algorithm>
#include <functional>

namespace weft {
namespace detail {
namespace {

struct select_wait : unlocking_wait {
    std::span<spin_lock*> locks;
    selection among;
    waiter* any;      ///< Whichever: they all lead to the same coroutine or thread.
    waiter given_up;  ///< What claims the wait when it is ended before its time.
};

std::span<spin_lock*> lock_all(std::span<select_case* const> cases, std::span<spin_lock*> room) {
    std::size_t count = 0;
    for (select_case* c : cases) {
        if (spin_lock* lock = c->lock(); lock != nullptr) {
            room[count++] = lock;
        }
    }
    std::sort(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(count), std::less<>());
    auto end = std::unique(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(count));
    std::span<spin_lock*> locks(room.begin(), end);
    std::ranges::for_each(locks, &spin_lock::lock);
    return locks;
}

void unlock_all(std::span<spin_lock*> locks) noexcept {
    std::ranges::for_each(locks, &spin_lock::unlock);
}

}  // namespace

std::size_t select(std::span<select_case* const> cases, std::span<spin_lock*> room) {
    select_wait how;
    how.locks = lock_all(cases, room);
    thread_state& thread = this_thread();
    // Another each time, so that one that is always ready does not starve the others.
    auto first = static_cast<std::size_t>(thread.selects++);
    for (std::size_t i = 0; i < cases.size(); ++i) {
        std::size_t index = (first + i) % cases.size();
        waiter* to_wake = nullptr;
        if (cases[index]->take_now(to_wake)) {
            unlock_all(how.locks);
            wake_chain(to_wake);
            return index;
        }
    }
    if (stop_of_caller().asked()) {
        unlock_all(how.locks);
        throw_stopped("select");
    }
    for (select_case* c : cases) {
        c->w.among = &how.among;
        c->w.coroutine = thread.current;
        c->w.home = thread.home;
        c->w.thread = &thread.stop;
        c->enlist();
    }
    how.any = &cases.front()->w;
    how.given_up.among = &how.among;
    how.unlock = [](unlocking_wait& u) noexcept { unlock_all(static_cast<select_wait&>(u).locks); };
    how.interrupt = [](interruptible_wait& i) noexcept {
        auto& me = static_cast<select_wait&>(i);
        if (me.given_up.claim()) {
            wake(*me.any);
        }
    };
    wait(*how.any, how, "a select", &how, cases.front()->called_from);
    waiter const* chosen = how.among.chosen.load(std::memory_order_acquire);
    std::size_t index = cases.size();
    for (std::size_t i = 0; i < cases.size(); ++i) {
        if (&cases[i]->w == chosen) {
            index = i;
        } else {
            cases[i]->withdraw();
        }
    }
    if (index == cases.size()) {
        throw_stopped("select");
    }
    return index;
}

}  // namespace detail

namespace when {

bool locked<mutex>::take_now(detail::waiter*&) {
    // As mutex::lock_slowly(): with `contended` set, and the lock of the waiters held, it does not become free meanwhile.
    return (m_.state_.fetch_or(mutex::locked | mutex::contended, std::memory_order_acquire) & mutex::locked) == 0;
}

void locked<mutex>::withdraw() noexcept {
    detail::give_up(w, {"a mutex", &m_, m_.waiters_lock_, m_.waiters_});
}

bool acquired::take_now(detail::waiter*&) {
    s_.check_amount(w.amount, called_from);
    s_.word_.fetch_or(semaphore::contended, std::memory_order_relaxed);  // release() comes by here from now on
    if (!s_.waiters_.empty() || s_.available() < w.amount) {
        return false;
    }
    s_.word_.fetch_sub(semaphore::twice(w.amount), std::memory_order_acquire);
    return true;
}

void acquired::withdraw() noexcept {
    auto grant_others = [](void* on) noexcept { return static_cast<semaphore*>(on)->grant(); };
    detail::give_up(w, {"a semaphore", &s_, s_.lock_, s_.waiters_, grant_others});
}

void happened::withdraw() noexcept {
    detail::give_up(w, {"an event", &e_, e_.lock_, e_.waiters_});
}

void all_done::withdraw() noexcept {
    detail::give_up(w, {"a wait_group", &g_, g_.lock_, g_.waiters_});
}

bool woken::take_now(detail::waiter*&) {
    return false;
}

void woken::withdraw() noexcept {
    detail::give_up(w, {"a wait_queue", &q_, q_.lock_, q_.waiters_});
}

}  // namespace when
}  // namespace weft
