// Floor: c
//
// CoMutex, CoQueue, CoRwlock and SharedResource. A waiter is granted what it waits for before it is woken: a wake-up on its
// own context runs when the waker leaves, one on another when the waiter has, so none comes too early.

#include <mutex>
#include <string>

#include "c/qemu.hpp"

#include "qemu/co-shared-resource.h"

using namespace weft;
using namespace weft::c;

namespace {

// How many times a locker looks whether a holder on another thread has let go, before it queues: some microseconds, what a
// short critical section and a trip through two loops' inboxes differ by.
constexpr int most_looks = 1000;

/// As weft::mutex, but for who wakes whom, and when.
struct co_mutex {
    static constexpr std::uint32_t unlocked = 0;
    static constexpr std::uint32_t locked = 1;
    static constexpr std::uint32_t contended = 2;  ///< Set under waiters_lock, and never without `locked`.

    std::atomic<std::uint32_t> state;
    detail::spin_lock waiters_lock;
    qemu_waiters waiters;
    std::atomic<qemu_coroutine*> holder;
    std::atomic<executor*> context;  ///< That of the holder.
    std::atomic<std::uint64_t> spins;

    bool try_lock() noexcept {
        std::uint32_t expected = unlocked;
        return state.compare_exchange_strong(expected, locked, std::memory_order_acquire);
    }
    /// Returns whether it has got the lock.
    bool spin(qemu_coroutine const& self) noexcept {
        if (context.load(std::memory_order_relaxed) == self.block->home) {
            return false;
        }
        spins.fetch_add(1, std::memory_order_relaxed);
        for (int look = 0; look < most_looks && (state.load(std::memory_order_relaxed) & contended) == 0; ++look) {
            if (try_lock()) {
                return true;
            }
        }
        return false;
    }
    WEFT_COROUTINE_FN void queue(qemu_coroutine& self) noexcept {
        waiters_lock.lock();
        if ((state.fetch_or(locked | contended, std::memory_order_acquire) & locked) == 0) {
            waiters_lock.unlock();
            return;
        }
        qemu_waiter w{&self};
        waiters.push(w);
        waiters_lock.unlock();
        w.wait("qemu_co_mutex_lock");
    }
    void hand_over() noexcept {
        waiters_lock.lock();
        if (waiters.empty()) {
            state.store(unlocked, std::memory_order_release);
            waiters_lock.unlock();
            return;
        }
        qemu_waiter& next = waiters.pop();
        next.next = nullptr;
        context.store(next.who->block->home, std::memory_order_relaxed);
        if (waiters.empty()) {
            state.store(locked, std::memory_order_relaxed);
        }
        waiters_lock.unlock();
        grant(&next);
    }
};

struct co_rwlock {
    detail::spin_lock lock;
    qemu_waiters tickets;
    std::int32_t readers;  ///< -1: a writer.

    static constexpr std::int64_t to_read = 0, to_write = 1;

    bool take(std::int64_t what) noexcept {
        if (what == to_read ? readers < 0 : readers != 0) {
            return false;
        }
        readers = what == to_read ? readers + 1 : -1;
        return true;
    }
    /// Lets in those that can come in, in order; returns them. Under the lock.
    qemu_waiter* let_in() noexcept {
        qemu_waiter* first = nullptr;
        for (qemu_waiter** end = &first; !tickets.empty() && take(tickets.first()->amount); end = &(*end)->next) {
            *end = &tickets.pop();
            (*end)->next = nullptr;
        }
        return first;
    }
    WEFT_COROUTINE_FN void acquire(std::int64_t what, char const* function) noexcept {
        qemu_coroutine& self = self_or_die(function);
        ++self.locks_held;
        lock.lock();
        if (tickets.empty() && take(what)) {
            lock.unlock();
            return;
        }
        queue(self, what, nullptr, function);
    }
    /// Unlocks the lock, wakes those that were let in, and waits.
    WEFT_COROUTINE_FN void queue(qemu_coroutine& self, std::int64_t what, qemu_waiter* woken,
                                 char const* function) noexcept {
        qemu_waiter w{.who = &self, .amount = what};
        tickets.push(w);
        lock.unlock();
        grant(woken);
        w.wait(function);
    }
};

struct co_queue {
    qemu_waiters waiters;
};

co_mutex& of(CoMutex* m) {
    return inside<co_mutex>(m);
}
qemu_waiters& of(CoQueue* q) {
    return inside<co_queue>(q).waiters;
}
co_rwlock& of(CoRwlock* l) {
    return inside<co_rwlock>(l);
}

}  // namespace

struct SharedResource {
    detail::spin_lock lock;
    std::uint64_t total;
    std::uint64_t available;
    qemu_waiters waiters;

    bool take(std::uint64_t n) noexcept {
        if (n > available) {
            return false;
        }
        available -= n;
        return true;
    }
};

extern "C" {

void qemu_co_mutex_init(CoMutex* mutex) {
    ::new (static_cast<void*>(mutex->opaque)) co_mutex{};
}

void qemu_co_mutex_lock(CoMutex* mutex) {
    co_mutex& m = of(mutex);
    qemu_coroutine& self = self_or_die("qemu_co_mutex_lock");
    if (!m.try_lock() && !m.spin(self)) {
        require(m.holder.load(std::memory_order_relaxed) != &self, "qemu_co_mutex_lock",
                "a CoMutex was locked again by its holder: it would wait for itself for ever");
        m.queue(self);
    }
    m.holder.store(&self, std::memory_order_relaxed);
    m.context.store(self.block->home, std::memory_order_relaxed);
    ++self.locks_held;
}

void qemu_co_mutex_unlock(CoMutex* mutex) {
    co_mutex& m = of(mutex);
    qemu_coroutine& self = self_or_die("qemu_co_mutex_unlock");
    require(m.holder.load(std::memory_order_relaxed) == &self, "qemu_co_mutex_unlock",
            "the caller does not hold the CoMutex");
    --self.locks_held;
    m.holder.store(nullptr, std::memory_order_relaxed);
    m.context.store(nullptr, std::memory_order_relaxed);
    std::uint32_t expected = co_mutex::locked;
    if (!m.state.compare_exchange_strong(expected, co_mutex::unlocked, std::memory_order_release)) {
        m.hand_over();
    }
}

void qemu_co_mutex_assert_locked(CoMutex* mutex) {
    require(of(mutex).holder.load(std::memory_order_relaxed) == &self_or_die("qemu_co_mutex_assert_locked"),
            "qemu_co_mutex_assert_locked", "the caller does not hold the CoMutex");
}

std::uint64_t weft_co_mutex_spins(CoMutex const* mutex) {
    return of(const_cast<CoMutex*>(mutex)).spins.load(std::memory_order_relaxed);
}

void qemu_co_queue_init(CoQueue* queue) {
    ::new (static_cast<void*>(queue->opaque)) co_queue{};
}

void qemu_co_queue_wait_impl(CoQueue* queue, QemuLockable* lock, CoQueueWaitFlags flags) {
    qemu_waiter w{&self_or_die("qemu_co_queue_wait")};
    if ((flags & CO_QUEUE_WAIT_FRONT) != 0) {
        of(queue).push_front(w);
    } else {
        of(queue).push(w);
    }
    if (lock != nullptr) {
        qemu_lockable_unlock(lock);
    }
    w.wait("qemu_co_queue_wait");
    if (lock != nullptr) {
        qemu_lockable_lock(lock);
    }
}

bool qemu_co_queue_next(CoQueue* queue) {
    return qemu_co_enter_next_impl(queue, nullptr);
}

void qemu_co_queue_restart_all(CoQueue* queue) {
    qemu_co_enter_all_impl(queue, nullptr);
}

bool qemu_co_enter_next_impl(CoQueue* queue, QemuLockable* lock) {
    if (of(queue).empty()) {
        return false;
    }
    qemu_waiter& first = of(queue).pop();
    first.next = nullptr;
    if (lock != nullptr) {
        qemu_lockable_unlock(lock);
    }
    grant(&first);
    if (lock != nullptr) {
        qemu_lockable_lock(lock);
    }
    return true;
}

void qemu_co_enter_all_impl(CoQueue* queue, QemuLockable* lock) {
    // As many as wait now: those that wait again meanwhile are not woken again.
    std::size_t left = 0;
    for (qemu_waiter const* w = of(queue).first(); w != nullptr; w = w->next) {
        ++left;
    }
    while (left-- > 0 && qemu_co_enter_next_impl(queue, lock)) {
    }
}

bool qemu_co_queue_empty(CoQueue* queue) {
    return of(queue).empty();
}

void qemu_co_rwlock_init(CoRwlock* lock) {
    ::new (static_cast<void*>(lock->opaque)) co_rwlock{};
}

void qemu_co_rwlock_rdlock(CoRwlock* lock) {
    of(lock).acquire(co_rwlock::to_read, "qemu_co_rwlock_rdlock");
}

void qemu_co_rwlock_wrlock(CoRwlock* lock) {
    of(lock).acquire(co_rwlock::to_write, "qemu_co_rwlock_wrlock");
}

void qemu_co_rwlock_upgrade(CoRwlock* lock) {
    co_rwlock& l = of(lock);
    qemu_coroutine& self = self_or_die("qemu_co_rwlock_upgrade");
    l.lock.lock();
    require(l.readers > 0, "qemu_co_rwlock_upgrade", "no reader holds the CoRwlock");
    --l.readers;
    if (l.tickets.empty() && l.take(co_rwlock::to_write)) {
        l.lock.unlock();
        return;
    }
    qemu_waiter* woken = l.let_in();
    l.queue(self, co_rwlock::to_write, woken, "qemu_co_rwlock_upgrade");
}

void qemu_co_rwlock_downgrade(CoRwlock* lock) {
    co_rwlock& l = of(lock);
    (void)self_or_die("qemu_co_rwlock_downgrade");
    l.lock.lock();
    require(l.readers < 0, "qemu_co_rwlock_downgrade", "no writer holds the CoRwlock");
    l.readers = 1;
    qemu_waiter* woken = l.let_in();
    l.lock.unlock();
    grant(woken);
}

void qemu_co_rwlock_unlock(CoRwlock* lock) {
    co_rwlock& l = of(lock);
    qemu_coroutine& self = self_or_die("qemu_co_rwlock_unlock");
    l.lock.lock();
    require(l.readers != 0 && self.locks_held > 0, "qemu_co_rwlock_unlock", "the caller does not hold the CoRwlock");
    --self.locks_held;
    l.readers = l.readers < 0 ? 0 : l.readers - 1;
    qemu_waiter* woken = l.let_in();
    l.lock.unlock();
    grant(woken);
}

SharedResource* shres_create(std::uint64_t total) {
    auto* s = new (std::nothrow) SharedResource{{}, total, total, {}};
    require(s != nullptr, "shres_create", "no memory");
    return s;
}

void shres_destroy(SharedResource* s) {
    require(s->available == s->total, "shres_destroy", "units are still taken");
    delete s;
}

bool co_try_get_from_shres(SharedResource* s, std::uint64_t n) {
    require(n <= s->total, "co_get_from_shres", "more units are wanted than there are in all: it would wait for ever");
    std::lock_guard guard(s->lock);
    return s->waiters.empty() && s->take(n);
}

void co_get_from_shres(SharedResource* s, std::uint64_t n) {
    if (co_try_get_from_shres(s, n)) {
        return;
    }
    qemu_waiter w{.who = &self_or_die("co_get_from_shres"), .amount = static_cast<std::int64_t>(n)};
    s->lock.lock();
    if (s->waiters.empty() && s->take(n)) {
        s->lock.unlock();
        return;
    }
    s->waiters.push(w);
    s->lock.unlock();
    w.wait("co_get_from_shres");
}

void co_put_to_shres(SharedResource* s, std::uint64_t n) {
    qemu_waiter* woken = nullptr;
    {
        std::lock_guard guard(s->lock);
        require(n <= s->total - s->available, "co_put_to_shres", "more units are put back than were taken");
        s->available += n;
        qemu_waiter** end = &woken;
        while (!s->waiters.empty() && s->take(static_cast<std::uint64_t>(s->waiters.first()->amount))) {
            *end = &s->waiters.pop();
            end = &(*end)->next;
        }
        *end = nullptr;
    }
    grant(woken);
}

}  // extern "C"
