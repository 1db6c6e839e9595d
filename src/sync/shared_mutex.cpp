// Floor 3: sync

#include <weft/shared_mutex.hpp>

#include <string>

#include "coroutine/misuse.hpp"

namespace weft {

shared_mutex::~shared_mutex() {
    lock_.pass();  // who has it last may be faster than who let go of it before
    if (word_.load(std::memory_order_relaxed) != 0) {
        detail::die({}, "a weft::shared_mutex was destroyed while it was locked");
    }
}

void shared_mutex::lock_slowly(kind k, place where) {
    if (owner_.load(std::memory_order_relaxed) == detail::runner()) {
        detail::die(where, "a weft::shared_mutex was locked again by its writer: it would wait for itself for ever");
    }
    if (detail::stop_of_caller().asked()) {
        detail::throw_stopped("lock");
    }
    detail::waits_for_holder note(owner_, where);
    detail::waiter w;
    w.amount = k;
    lock_.lock();
    word_.fetch_or(contended, std::memory_order_relaxed);
    waiters_.push(w);
    // The lock may have become free since the caller looked. With the bit set, it changes under lock_ only.
    (void)grant();
    if (w.granted) {
        lock_.unlock();
        return;
    }
    auto grant_others = [](void* on) noexcept { return static_cast<shared_mutex*>(on)->grant(); };
    if (!detail::wait(w, {"a shared_mutex", this, lock_, waiters_, grant_others}, where)) {
        detail::throw_stopped("lock");
    }
}

void shared_mutex::upgrade_slowly(place where) {
    if (detail::stop_of_caller().asked()) {
        detail::throw_stopped("upgrade");
    }
    detail::waiter w;
    lock_.lock();
    std::uint64_t word = word_.fetch_or(contended, std::memory_order_relaxed);
    if (word < reader) {
        detail::die(where, "upgrade() of a weft::shared_mutex that the caller does not hold as a reader");
    }
    if (!upgrading_.empty()) {
        detail::die(where,
                    "deadlock: upgrade() of a weft::shared_mutex while another reader waits in upgrade(): each waits "
                    "for the other to leave");
    }
    upgrading_.push(w);
    (void)grant();
    if (w.granted) {
        lock_.unlock();
        return;
    }
    auto grant_others = [](void* on) noexcept { return static_cast<shared_mutex*>(on)->grant(); };
    if (!detail::wait(w, {"to be the only reader of a shared_mutex", this, lock_, upgrading_, grant_others}, where)) {
        detail::throw_stopped("upgrade");
    }
}

void shared_mutex::unlock(place where) {
    require_writer("unlock", where);
    owner_.store(nullptr, std::memory_order_relaxed);
    std::uint64_t expected = writer;
    if (!word_.compare_exchange_strong(expected, 0, std::memory_order_release)) {
        leave(writer);
    }
}

void shared_mutex::unlock_shared_slowly(place where) {
    // A reader leaves, so that no writer can have come meanwhile.
    if (std::uint64_t word = word_.load(std::memory_order_relaxed); (word & writer) != 0 || word < reader) {
        detail::die(where, "unlock_shared() of a weft::shared_mutex that no reader holds");
    }
    leave(reader);
}

void shared_mutex::downgrade(place where) {
    require_writer("downgrade", where);
    owner_.store(nullptr, std::memory_order_relaxed);
    std::uint64_t expected = writer;
    if (!word_.compare_exchange_strong(expected, reader, std::memory_order_release)) {
        leave(writer - reader);
    }
}

void shared_mutex::require_writer(char const* what, place where) const {
    if (owner_.load(std::memory_order_relaxed) != detail::runner()) {
        detail::die(where, std::string(what) + "() of a weft::shared_mutex whose writer the caller is not");
    }
}

/// Takes `change` from the word, and lets in those that can come in then.
void shared_mutex::leave(std::uint64_t change) noexcept {
    lock_.lock();
    word_.fetch_sub(change, std::memory_order_acq_rel);
    detail::waiter* granted = grant();
    lock_.unlock();
    detail::wake_chain(granted);
}

/// Whether the lock itself lets one of that kind in. Under lock_, with the bit set.
bool shared_mutex::has_room(std::int64_t k) const {
    std::uint64_t word = word_.load(std::memory_order_relaxed) & ~contended;
    return k == exclusive ? word == 0 : (word & writer) == 0;
}

/// For a select: takes the lock if nobody is in the way. Under lock_. The bit stays set; whoever leaves clears it.
bool shared_mutex::take(kind k) noexcept {
    word_.fetch_or(contended, std::memory_order_relaxed);
    if (!upgrading_.empty() || !waiters_.empty() || !has_room(k)) {
        return false;
    }
    word_.fetch_add(k == exclusive ? writer : reader, std::memory_order_acquire);
    return true;
}

void shared_mutex::withdraw(detail::waiter& w) noexcept {
    auto grant_others = [](void* on) noexcept { return static_cast<shared_mutex*>(on)->grant(); };
    detail::give_up(w, {"a shared_mutex", this, lock_, waiters_, grant_others});
}

/// Lets in those that can come in, in order; returns them. Under lock_.
detail::waiter* shared_mutex::grant() noexcept {
    detail::waiter* first = nullptr;
    detail::waiter** end = &first;
    auto let_in = [&](detail::waiter_list& from, std::uint64_t change) {
        detail::waiter& w = from.front();
        from.remove(w);
        if (!w.claim()) {
            return;
        }
        word_.fetch_add(change, std::memory_order_acquire);
        w.granted = true;
        w.next = nullptr;
        *end = &w;
        end = &w.next;
    };
    if (!upgrading_.empty() && (word_.load(std::memory_order_relaxed) & ~contended) == reader) {
        let_in(upgrading_, writer - reader);
    }
    while (upgrading_.empty() && !waiters_.empty() && has_room(waiters_.front().amount)) {
        let_in(waiters_, waiters_.front().amount == exclusive ? writer : reader);
    }
    if (upgrading_.empty() && waiters_.empty()) {
        word_.fetch_and(~contended, std::memory_order_relaxed);
    }
    return first;
}

}  // namespace weft
