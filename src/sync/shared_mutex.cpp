// Floor: sync

#include <weft/shared_mutex.hpp>

#include <string>

#include "coroutine/misuse.hpp"

namespace weft {

shared_mutex::~shared_mutex() {
    // Who has it last may be faster than who let go of it before, or than one that has given up.
    bool waited_for = detail::somebody_waits(lock_, upgrading_);
    waited_for = detail::somebody_waits(lock_, waiters_) || waited_for;
    if (waited_for || word_.load(std::memory_order_relaxed) != 0) {
        detail::die({}, "a weft::shared_mutex was destroyed while it was locked");
    }
}

/// Before a wait for it.
void shared_mutex::require_another_writer(call_site where) const {
    if (owner_.load(std::memory_order_relaxed) == detail::runner()) {
        detail::die(where, "a weft::shared_mutex was locked again by its writer: it would wait for itself for ever");
    }
}

void shared_mutex::lock_slowly(kind k, call_site where) {
    require_another_writer(where);
    detail::waits_for_holder note(owner_, where);
    detail::single_wait w(k);
    detail::wait_for_one(w, {"a shared_mutex", this, lock_, waiters_, grant_others}, "lock", where,
                         [=, this] { return take(k); });
}

void shared_mutex::upgrade_slowly(call_site where) {
    detail::single_wait w;
    detail::wait_for_one(w, {"to be the only reader of a shared_mutex", this, lock_, upgrading_, grant_others},
                         "upgrade", where, [=, this] { return take_upgrade(where); });
}

void shared_mutex::unlock(call_site where) {
    require_writer("unlock", where);
    detail::holds_one_less();
    owner_.store(nullptr, std::memory_order_relaxed);
    std::uint64_t expected = writer;
    if (!word_.compare_exchange_strong(expected, 0, std::memory_order_release)) {
        leave(writer);
    }
}

void shared_mutex::unlock_shared_slowly(call_site where) {
    // A reader leaves, so that no writer can have come meanwhile.
    if (std::uint64_t word = word_.load(std::memory_order_relaxed); (word & writer) != 0 || word < reader) {
        detail::die(where, "unlock_shared() of a weft::shared_mutex that no reader holds");
    }
    leave(reader);
}

void shared_mutex::downgrade(call_site where) {
    require_writer("downgrade", where);
    detail::holds_one_less();
    owner_.store(nullptr, std::memory_order_relaxed);
    std::uint64_t expected = writer;
    if (!word_.compare_exchange_strong(expected, reader, std::memory_order_release)) {
        leave(writer - reader);
    }
}

void shared_mutex::require_writer(char const* what, call_site where) const {
    if (owner_.load(std::memory_order_relaxed) != detail::runner()) {
        detail::die(where, std::string(what) + "() of a weft::shared_mutex whose writer the caller is not");
    }
}

/// Takes `change` from the word, and lets in those that can come in then.
void shared_mutex::leave(std::uint64_t change) noexcept {
    lock_.lock();
    word_.fetch_sub(change, std::memory_order_acq_rel);
    detail::branch* granted = grant();
    lock_.unlock();
    detail::wake_chain(granted);
}

/// Whether the lock itself lets one of that kind in.
bool shared_mutex::has_room(std::uint64_t word, std::int64_t k) noexcept {
    return k == exclusive ? (word & ~contended) == 0 : (word & writer) == 0;
}

/// Lets in those in whose way somebody stood who has given up. From now on whoever leaves comes by those that wait. Under
/// lock_.
std::uint64_t shared_mutex::look() noexcept {
    detail::wake_chain(grant());
    return word_.fetch_or(contended, std::memory_order_acquire) & ~contended;
}

/// Takes the lock if it lets one of that kind in, and nobody waits. Under lock_.
bool shared_mutex::take(kind k) noexcept {
    std::uint64_t word = look();
    if (!upgrading_.empty() || !waiters_.empty() || !has_room(word, k)) {
        return false;
    }
    word_.fetch_add((k == exclusive ? writer : reader) - contended, std::memory_order_relaxed);
    return true;
}

/// The same for a reader that is to become the writer, and goes before all that wait. Under lock_.
bool shared_mutex::take_upgrade(call_site where) {
    std::uint64_t word = look();
    if (word < reader) {
        detail::die(where, "upgrade() of a weft::shared_mutex that the caller does not hold as a reader");
    }
    if (!upgrading_.empty()) {
        detail::die(where,
                    "deadlock: upgrade() of a weft::shared_mutex while another reader waits in upgrade(): each waits "
                    "for the other to leave");
    }
    if (word != reader) {
        return false;
    }
    word_.fetch_add(writer - reader - (waiters_.empty() ? contended : 0), std::memory_order_relaxed);
    return true;
}

detail::branch* shared_mutex::grant_others(void* on, detail::branch&) noexcept {
    return static_cast<shared_mutex*>(on)->grant();
}

void shared_mutex::withdraw(detail::branch& b) noexcept {
    detail::withdraw(b, {"a shared_mutex", this, lock_, waiters_, grant_others});
}

/// Lets in those that can come in, in order; returns them. Under lock_.
detail::branch* shared_mutex::grant() noexcept {
    detail::branch* all = nullptr;
    detail::branch** end = &all;
    auto let_in = [&](detail::waiter_list& from, detail::branch& b, std::uint64_t change) {
        if (b.claim()) {
            from.remove(b);
            word_.fetch_add(change, std::memory_order_acquire);
            *end = &b;
            end = &b.next;
        }
    };
    detail::branch* next = upgrading_.first_waiting();
    if (next != nullptr && (word_.load(std::memory_order_relaxed) & ~contended) == reader) {
        let_in(upgrading_, *next, writer - reader);
    }
    while (upgrading_.first_waiting() == nullptr && (next = waiters_.first_waiting()) != nullptr &&
           has_room(word_.load(std::memory_order_relaxed), next->amount)) {
        let_in(waiters_, *next, next->amount == exclusive ? writer : reader);
    }
    *end = nullptr;
    if (upgrading_.empty() && waiters_.empty()) {
        word_.fetch_and(~contended, std::memory_order_relaxed);
    }
    return all;
}

}  // namespace weft
