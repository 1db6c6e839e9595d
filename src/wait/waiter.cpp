// Floor: wait

#include <cstddef>
#include <cstdint>
#include <weft/detail/base/assert.hpp>
#include <weft/detail/wait/waiter.hpp>
#include <weft/limit.hpp>

#include "wait/thread_sleep.hpp"
#include "wait/waiting_threads.hpp"

namespace weft::detail {

branch ended_early;

void waiter_list::push(branch& b) noexcept {
    b.next = nullptr;
    b.previous = last_;
    if (last_ == nullptr) {
        first_.store(&b, std::memory_order_relaxed);
    } else {
        last_->next = &b;
    }
    last_ = &b;
}

void waiter_list::push_front(branch& b) noexcept {
    branch* first = first_.load(std::memory_order_relaxed);
    b.next = first;
    b.previous = nullptr;
    (first == nullptr ? last_ : first->previous) = &b;
    first_.store(&b, std::memory_order_relaxed);
}

void waiter_list::unlink(branch* before, branch* after) noexcept {
    (after == nullptr ? last_ : after->previous) = before;
    if (before == nullptr) {
        first_.store(after, std::memory_order_release);
    } else {
        before->next = after;
    }
}

/// Goes past one whose wait was decided otherwise, to the next; takes it out, unless it is on its way already.
branch* waiter_list::go_past(branch& decided) noexcept {
    branch* before = decided.previous;
    branch* after = decided.next;
    if (decided.let_go.exchange(1, std::memory_order_acq_rel) == 0) {  // it may be gone from here on
        unlink(before, after);
    }
    return after;
}

branch* waiter_list::first_waiting() noexcept {
    branch* b = first_.load(std::memory_order_relaxed);
    while (b != nullptr && !b->whose->pending()) {
        b = go_past(*b);
    }
    return b;
}

bool waiter_list::empty() const noexcept {
    branch const* b = first_.load(std::memory_order_relaxed);
    while (b != nullptr && !b->whose->pending()) {
        b = b->next;
    }
    return b == nullptr;
}

namespace {

/// Asks for memory. No harm where there is none.
void fetch(std::uintptr_t from, std::uintptr_t to) noexcept {
    constexpr std::uintptr_t cache_line = 64;
    for (std::uintptr_t line = from & ~(cache_line - 1); line < to; line += cache_line) {
        __builtin_prefetch(reinterpret_cast<void*>(line), 1);
    }
}

/// What of a coroutine's control block a wait and a wake-up use.
void fetch_block_of(branch const& b) noexcept {
    auto block = reinterpret_cast<std::uintptr_t>(b.whose->coroutine);
    fetch(block, block + offsetof(control_block, body));
}

/// The wait that `b` is of, if it is of one thing.
void fetch_wait_of(branch const* b) noexcept {
    auto wait = reinterpret_cast<std::uintptr_t>(b) - sizeof(waiter);
    fetch(wait, wait + sizeof(single_wait));
}

/// The frames around the waiter, through which a coroutine returns when it is woken.
void fetch_frames_of(branch const& b) noexcept {
    constexpr std::uintptr_t deeper = 384;
    constexpr std::uintptr_t outer = 320;
    auto whose = reinterpret_cast<std::uintptr_t>(b.whose);
    fetch(whose - deeper, whose + outer);
}

}  // namespace

/// Among very many that wait, each has long left the processor's caches when its turn comes. So memory is asked for what the
/// next one's turn will touch, while this one's goes on; and for the wait of the one after that, so that all this can be found
/// in time (docs/decisions/0010-waiting-under-load.md).
void waiter_list::fetch_next() const noexcept {
    branch const* first = first_.load(std::memory_order_relaxed);
    if (first != nullptr && first->whose->coroutine != nullptr) {
        fetch_wait_of(first->next);
        fetch_frames_of(*first);
        fetch_block_of(*first);
    }
}

branch* waiter_list::grant_first() noexcept {
    branch* b = first_.load(std::memory_order_relaxed);
    while (b != nullptr && !b->claim()) {
        b = go_past(*b);
    }
    if (b != nullptr) {
        remove(*b);
        fetch_next();
    }
    return b;
}

/// Without their frames: the turn of the last of them comes too late for that.
branch* waiter_list::grant_all() noexcept {
    branch* all = nullptr;
    branch** end = &all;
    while (branch* b = first_waiting()) {
        if (!b->claim()) {
            continue;
        }
        remove(*b);
        *end = b;
        end = &b->next;
        branch const* first = first_.load(std::memory_order_relaxed);
        if (first != nullptr && first->whose->coroutine != nullptr) {
            fetch_wait_of(first->next);
            fetch_block_of(*first);
        }
    }
    *end = nullptr;
    return all;
}

bool somebody_waits(spin_lock& lock, waiter_list& list) noexcept {
    // Whoever has emptied the list did so under the lock. The load acquires what he did, so that pass() waits for his unlock().
    while (list.first_.load(std::memory_order_acquire) != nullptr) {
        lock.lock();
        bool waits = list.first_waiting() != nullptr;
        bool left = list.first_.load(std::memory_order_relaxed) == nullptr;
        lock.unlock();
        if (waits) {
            return true;
        }
        if (!left) {
            let_others_run();  // one is on its way to the lock
        }
    }
    lock.pass();
    return false;
}

void wake(waiter& w) noexcept {
    if (w.coroutine != nullptr) {
        wake(*w.coroutine);
        return;
    }
    executor* home = w.home;
    if (home == nullptr) {
        wake_thread(w.thread->signal, woken_bit);
        return;
    }
    home->wakers.fetch_add(1, std::memory_order_relaxed);
    w.thread->signal.fetch_or(woken_bit, std::memory_order_release);
    home->notify();
    home->wakers.fetch_sub(1, std::memory_order_release);
}

void wake_chain(branch* first) noexcept {
    while (first != nullptr) {
        wake(*std::exchange(first, first->next)->whose);
    }
}

namespace {

void wait_as_thread(waiter& w, unlocking_wait& how, char const* what, void const* on, call_site where) {
    stop_state& mine = *w.thread;
    mine.signal.fetch_and(~woken_bit, std::memory_order_relaxed);  // under the locks: nobody has found the waiter yet
    how.unlock(how);
    waiting_thread shown(what, on, where);
    for (;;) {
        std::uint32_t seen = mine.signal.load(std::memory_order_acquire);
        if ((seen & woken_bit) != 0) {
            return;
        }
        if (w.home != nullptr) {
            w.home->run_turn();
            continue;
        }
        if ((seen & stop_bit) != 0) {
            mine.signal.fetch_and(~stop_bit, std::memory_order_relaxed);
        } else {
            sleep_thread(mine.signal, seen, limited::first_deadline(mine));
        }
        limited::look(mine, time_now());
    }
}

}  // namespace

void withdraw(branch& b, wait_point const& point) noexcept {
    WEFT_ASSERT(!b.whose->pending() && !b.granted(), "a wait that was decided otherwise", &b);
    if (b.let_go.exchange(1, std::memory_order_acq_rel) != 0) {
        return;
    }
    point.lock.lock();
    point.list.remove(b);
    branch* granted = point.after_removal != nullptr ? point.after_removal(point.on, b) : nullptr;
    point.lock.unlock();
    wake_chain(granted);
}

void name_caller(waiter& w) noexcept {
    thread_state& thread = this_thread();
    w.coroutine = thread.current;
    w.home = thread.home;
    w.thread = &thread.stop;
}

namespace {

/// Inlined, so that who is parked has one frame less on its stack: among very many, each line of memory counts.
[[gnu::always_inline]] WEFT_MIXED_FN inline void wait_for_outcome(waiter& w, unlocking_wait& how, char const* what,
                                                                  void const* on, call_site where) {
    stop_state& mine = stop_of_caller();
    how.run = [](park_action& a, control_block&) {
        auto& parked = static_cast<unlocking_wait&>(a);
        parked.unlock(parked);
    };
    mine.begin(how);
    if (w.coroutine != nullptr) {
        park(*w.coroutine, what, on, where, &how);
    } else {
        wait_as_thread(w, how, what, on, where);
    }
    mine.wait = nullptr;
}

}  // namespace

void wait(waiter& w, unlocking_wait& how, char const* what, void const* on, call_site where) {
    wait_for_outcome(w, how, what, on, where);
}

namespace {

template <class Wait>
struct parked_wait : unlocking_wait {
    Wait& w;
    wait_point const& point;

    parked_wait(Wait& wait, wait_point const& at) : w(wait), point(at) {
        interrupt = [](interruptible_wait& i) noexcept {
            auto& me = static_cast<parked_wait&>(i);
            if (me.w.end_early()) {
                withdraw(me.w, me.point);
                wake(me.w);
            }
        };
    }
    WEFT_MIXED_FN bool park(call_site where) {
        wait_for_outcome(w, *this, point.what, point.on, where);
        return w.granted();
    }
};

/// Returns whether the other side was here before.
bool meet(atomic<std::uint32_t>& met) noexcept {
    return met.exchange(1, std::memory_order_acq_rel) != 0;
}

}  // namespace

bool wait(single_wait& w, wait_point const& point, call_site where) {
    name_caller(w);
    parked_wait how(w, point);
    how.unlock = [](unlocking_wait& u) noexcept { static_cast<parked_wait<single_wait>&>(u).point.lock.unlock(); };
    return how.park(where);
}

bool wait(early_wait& w, wait_point const& point, call_site where) {
    parked_wait how(w, point);
    how.unlock = [](unlocking_wait& u) noexcept {
        early_wait& me = static_cast<parked_wait<early_wait>&>(u).w;
        if (meet(me.met)) {
            wake(me);
        }
    };
    return how.park(where);
}

bool give_up(early_wait& w, wait_point const& point) noexcept {
    if (w.end_early()) {
        withdraw(w, point);
        return true;
    }
    while (w.met.load(std::memory_order_acquire) == 0) {
        let_others_run();  // the waker is about to set it
    }
    return false;
}

bool is_to_be_woken(branch& granted) noexcept {
    return granted.item == nullptr || meet(*static_cast<atomic<std::uint32_t>*>(granted.item));
}

}  // namespace weft::detail
