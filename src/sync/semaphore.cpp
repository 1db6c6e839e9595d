// Floor 3: sync

#include <weft/semaphore.hpp>

#include <string>

#include "coroutine/misuse.hpp"

namespace weft {

semaphore::~semaphore() {
    lock_.pass();  // who has acquired may be faster than who has released
    if (!waiters_.empty()) {
        detail::die({}, "a weft::semaphore was destroyed while somebody waits for it");
    }
}

void semaphore::die_of_start(std::int64_t available, place where) const noexcept {
    detail::die(where, "a weft::semaphore with " + std::to_string(available) + " units at first and a maximum of " +
                           std::to_string(maximum_));
}

void semaphore::die_of_amount(char const* what, std::int64_t amount, place where) noexcept {
    detail::die(where,
                std::string(what) + "(" + std::to_string(amount) + ") of a weft::semaphore: the amount is negative");
}

/// Whether that much can ever be there.
void semaphore::check_amount(std::int64_t amount, place where) const {
    if (amount < 0) {
        die_of_amount("acquire", amount, where);
    }
    if (amount > maximum_) {
        detail::die(where, "acquire(" + std::to_string(amount) + ") of a weft::semaphore whose maximum is " +
                               std::to_string(maximum_) + ": it would wait for ever");
    }
}

void semaphore::acquire_slowly(std::int64_t amount, place where) {
    check_amount(amount, where);
    if (detail::stop_of_caller().asked()) {
        detail::throw_stopped("acquire");
    }
    detail::waiter w;
    w.amount = amount;
    lock_.lock();
    word_.fetch_or(contended, std::memory_order_relaxed);
    waiters_.push(w);
    // Units may have come back since try_acquire() looked. Only when nobody waited: with the bit set, release() serves.
    (void)grant();
    if (w.granted) {
        lock_.unlock();
        return;
    }
    auto grant_others = [](void* on) noexcept { return static_cast<semaphore*>(on)->grant(); };
    if (!detail::wait(w, {"a semaphore", this, lock_, waiters_, grant_others}, where)) {
        detail::throw_stopped("acquire");
    }
}

/// Whether there is room for so many more.
void semaphore::check_room(std::uint64_t word, std::int64_t amount, place where) const noexcept {
    if (amount > maximum_ - units(word)) [[unlikely]] {
        detail::die(where, "release(" + std::to_string(amount) + ") of a weft::semaphore that has " +
                               std::to_string(units(word)) + " of at most " + std::to_string(maximum_));
    }
}

void semaphore::release(std::int64_t amount, place where) noexcept {
    if (amount < 0) [[unlikely]] {
        die_of_amount("release", amount, where);
    }
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    while ((word & contended) == 0) {
        check_room(word, amount, where);
        if (word_.compare_exchange_weak(word, word + twice(amount), std::memory_order_release)) {
            return;
        }
    }
    lock_.lock();
    check_room(word_.load(std::memory_order_relaxed), amount, where);
    word_.fetch_add(twice(amount), std::memory_order_release);
    detail::waiter* granted = grant();
    lock_.unlock();
    detail::wake_chain(granted);
}

/// Serves waiters, from the first, as long as there are enough units; returns those that are to be woken. Under lock_.
detail::waiter* semaphore::grant() noexcept {
    detail::waiter* first = nullptr;
    detail::waiter** end = &first;
    while (!waiters_.empty() && available() >= waiters_.front().amount) {
        detail::waiter& served = waiters_.front();
        waiters_.remove(served);
        if (!served.claim()) {
            continue;
        }
        word_.fetch_sub(twice(served.amount), std::memory_order_acquire);
        served.granted = true;
        served.next = nullptr;
        *end = &served;
        end = &served.next;
    }
    if (waiters_.empty()) {
        word_.fetch_and(~contended, std::memory_order_relaxed);
    }
    return first;
}

}  // namespace weft
