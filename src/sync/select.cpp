// Floor: sync

#include <weft/select.hpp>

#include <algorithm>
#include <functional>

#include "sync/select_wait.hpp"

namespace weft {
namespace detail {

char const waits_for_select[] = "a select";

namespace {

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

/// Links a branch into each list, or none. Under the locks, which it lets go of if it throws.
void enlist_all(std::span<select_case* const> cases, select_wait& how) {
    std::size_t enlisted = 0;
    try {
        for (select_case* c : cases) {
            c->b.whose = &how;
            c->enlist();
            ++enlisted;
        }
    } catch (...) {
        (void)how.end_early();  // under the locks: nobody grants it any more
        unlock_all(how.locks);
        std::ranges::for_each(cases.first(enlisted), &select_case::withdraw);
        throw;
    }
}

/// The case to look at first: another each time, so that one that is always ready does not starve the others. At random, as a
/// plain counter would give each of several that select in turn the same remainder for ever.
std::size_t first_to_look_at(std::size_t cases) {
    std::uint64_t& state = this_thread().selects;
    state = state * 6364136223846793005U + 1442695040888963407U;  // Knuth's MMIX; the upper half is the better one
    return static_cast<std::size_t>((state >> 32) * cases >> 32);
}

}  // namespace

std::size_t select(std::span<select_case* const> cases, std::span<spin_lock*> room) {
    select_wait how;
    how.locks = lock_all(cases, room);
    std::size_t first = first_to_look_at(cases.size());
    for (std::size_t i = 0; i < cases.size(); ++i) {
        std::size_t index = (first + i) % cases.size();
        branch* to_wake = nullptr;
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
    name_caller(how);
    enlist_all(cases, how);
    how.unlock = [](unlocking_wait& u) noexcept { unlock_all(static_cast<select_wait&>(u).locks); };
    how.interrupt = [](interruptible_wait& i) noexcept {
        auto& me = static_cast<select_wait&>(i);
        if (me.end_early()) {
            wake(me);
        }
    };
    how.cases = cases;
    wait(how, how, waits_for_select, &how, cases.front()->called_from);
    std::size_t index = cases.size();
    for (std::size_t i = 0; i < cases.size(); ++i) {
        if (cases[i]->b.granted()) {
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

bool locked<mutex>::take_now(detail::branch*&) {
    return m_.take();
}

void locked<mutex>::withdraw() noexcept {
    detail::withdraw(b, {"a mutex", &m_, m_.waiters_lock_, m_.waiters_});
}

bool locked<recursive_mutex>::take_now(detail::branch*&) {
    return m_.owned() || m_.m_.take();
}

void locked<recursive_mutex>::withdraw() noexcept {
    detail::withdraw(b, {"a recursive_mutex", &m_.m_, m_.m_.waiters_lock_, m_.m_.waiters_});
}

bool acquired::take_now(detail::branch*&) {
    s_.check_amount(b.amount, called_from);
    return s_.take(b.amount);
}

void acquired::withdraw() noexcept {
    detail::withdraw(b, {"a semaphore", &s_, s_.lock_, s_.waiters_, semaphore::grant_others});
}

void happened::withdraw() noexcept {
    detail::withdraw(b, {"an event", &e_, e_.lock_, e_.waiters_});
}

void all_done::withdraw() noexcept {
    detail::withdraw(b, {"a wait_group", &g_, g_.lock_, g_.waiters_});
}

bool woken::take_now(detail::branch*&) {
    return false;
}

void woken::withdraw() noexcept {
    detail::withdraw(b, {"a wait_queue", &q_, q_.lock_, q_.waiters_});
}

}  // namespace when
}  // namespace weft
