// Floor: sync

#include <weft/semaphore.hpp>

#include <string>

#include "coroutine/misuse.hpp"

namespace weft {

semaphore::~semaphore() {
    if (detail::somebody_waits(lock_, waiters_)) {
        detail::die({}, "a weft::semaphore was destroyed while somebody waits for it");
    }
}

void semaphore::die_of_start(std::int64_t available, call_site where) const noexcept {
    detail::die(where, "a weft::semaphore with " + std::to_string(available) + " units at first and a maximum of " +
                           std::to_string(maximum_));
}

void semaphore::die_of_amount(char const* what, std::int64_t amount, call_site where) noexcept {
    detail::die(where,
                std::string(what) + "(" + std::to_string(amount) + ") of a weft::semaphore: the amount is negative");
}

/// Whether that much can ever be there.
void semaphore::check_amount(std::int64_t amount, call_site where) const {
    if (amount < 0) {
        die_of_amount("acquire", amount, where);
    }
    if (amount > maximum_) {
        detail::die(where, "acquire(" + std::to_string(amount) + ") of a weft::semaphore whose maximum is " +
                               std::to_string(maximum_) + ": it would wait for ever");
    }
}

void semaphore::acquire_slowly(std::int64_t amount, call_site where) {
    check_amount(amount, where);
    detail::single_wait w(amount);
    detail::wait_for_one(w, {"a semaphore", this, lock_, waiters_, grant_others}, "acquire", where,
                         [=, this] { return take(amount); });
}

/// Takes so many if they are available, and nobody waits for others. If not, release() comes by the waiters from now on. Under
/// lock_.
bool semaphore::take(std::int64_t amount) noexcept {
    detail::wake_chain(grant());  // in whose way somebody stood who has given up
    std::uint64_t word = word_.fetch_or(contended, std::memory_order_acquire);
    bool had = waiters_.empty() && units(word) >= amount;
    if (had) {
        word_.fetch_sub(twice(amount) + contended, std::memory_order_relaxed);
    }
    return had;
}

detail::branch* semaphore::grant_others(void* on, detail::branch&) noexcept {
    return static_cast<semaphore*>(on)->grant();
}

/// Whether there is room for so many more.
void semaphore::check_room(std::uint64_t word, std::int64_t amount, call_site where) const noexcept {
    if (amount > maximum_ - units(word)) [[unlikely]] {
        detail::die(where, "release(" + std::to_string(amount) + ") of a weft::semaphore that has " +
                               std::to_string(units(word)) + " of at most " + std::to_string(maximum_));
    }
}

void semaphore::release(std::int64_t amount, call_site where) noexcept {
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
    detail::branch* granted = grant();
    lock_.unlock();
    detail::wake_chain(granted);
}

/// Serves waiters, from the first, as long as there are enough units; returns those that are to be woken. Under lock_.
detail::branch* semaphore::grant() noexcept {
    detail::branch* all = nullptr;
    detail::branch** end = &all;
    detail::branch* next = nullptr;
    while ((next = waiters_.first_waiting()) != nullptr && available() >= next->amount) {
        if (next->claim()) {
            waiters_.remove(*next);
            word_.fetch_sub(twice(next->amount), std::memory_order_acquire);
            *end = next;
            end = &next->next;
        }
    }
    *end = nullptr;
    if (next == nullptr) {
        word_.fetch_and(~contended, std::memory_order_relaxed);
    }
    return all;
}

}  // namespace weft
