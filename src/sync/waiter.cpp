// Floor 3: sync

#include <string>
#include <weft/detail/waiter.hpp>
#include <weft/limit.hpp>

#include "sync/thread_sleep.hpp"

namespace weft::detail {

void waiter_list::push(waiter& w) noexcept {
    w.next = nullptr;
    w.previous = last_;
    (last_ == nullptr ? first_ : last_->next) = &w;
    last_ = &w;
    w.linked = true;
}

void waiter_list::push_front(waiter& w) noexcept {
    w.next = first_;
    w.previous = nullptr;
    (first_ == nullptr ? last_ : first_->previous) = &w;
    first_ = &w;
    w.linked = true;
}

void waiter_list::remove(waiter& w) noexcept {
    (w.previous == nullptr ? first_ : w.previous->next) = w.next;
    (w.next == nullptr ? last_ : w.next->previous) = w.previous;
    w.linked = false;
}

/// Among very many that wait, each has long left the processor's caches when its turn comes. So memory is asked for what the
/// next one's turn will touch, while this one's goes on (docs/decisions/0010-waiting-under-load.md).
void waiter_list::fetch_next() const noexcept {
    if (first_ == nullptr || first_->coroutine == nullptr) {
        return;
    }
    constexpr std::size_t cache_line = 64;
    __builtin_prefetch(first_->next, 1);
    auto* block = reinterpret_cast<char*>(first_->coroutine);
    for (std::size_t line = 0; line < sizeof(control_block); line += cache_line) {
        __builtin_prefetch(block + line, 1);
    }
}

waiter* waiter_list::grant_first() noexcept {
    while (first_ != nullptr) {
        waiter& w = *first_;
        remove(w);
        if (w.claim()) {
            w.granted = true;
            fetch_next();
            return &w;
        }
    }
    return nullptr;
}

waiter* waiter_list::grant_all() noexcept {
    waiter* all = nullptr;
    for (waiter** end = &all; (*end = grant_first()) != nullptr; end = &(*end)->next) {
    }
    return all;
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

void wake_chain(waiter* first) noexcept {
    while (first != nullptr) {
        wake(*std::exchange(first, first->next));
    }
}

namespace {

void wait_as_thread(waiter& w, unlocking_wait& how) {
    stop_state& mine = *w.thread;
    mine.signal.fetch_and(~woken_bit, std::memory_order_relaxed);  // under the locks: nobody has found the waiter yet
    how.unlock(how);
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

bool give_up(waiter& w, wait_point const& point) noexcept {
    point.lock.lock();
    bool taken = w.linked;
    waiter* granted = nullptr;
    if (taken) {
        point.list.remove(w);
        granted = point.after_removal != nullptr ? point.after_removal(point.on) : nullptr;
    }
    point.lock.unlock();
    wake_chain(granted);
    return taken;
}

void wait(waiter& w, unlocking_wait& how, char const* what, void const* on, place where) {
    thread_state& thread = this_thread();
    control_block* self = thread.current;
    stop_state& mine = stop_of_caller();
    w.coroutine = self;
    w.home = thread.home;
    w.thread = &thread.stop;
    how.run = [](park_action& a, control_block&) {
        auto& parked = static_cast<unlocking_wait&>(a);
        parked.unlock(parked);
    };
    mine.begin(how);
    if (self != nullptr) {
        park(*self, what, on, where, &how);
    } else {
        wait_as_thread(w, how);
    }
    mine.wait = nullptr;
}

bool wait(waiter& w, wait_point const& point, place where) {
    struct single_wait : unlocking_wait {
        waiter* w;
        wait_point const* point;
    } how;
    how.w = &w;
    how.point = &point;
    how.interrupt = [](interruptible_wait& i) noexcept {
        auto& me = static_cast<single_wait&>(i);
        if (give_up(*me.w, *me.point)) {
            wake(*me.w);
        }
    };
    how.unlock = [](unlocking_wait& u) noexcept { static_cast<single_wait&>(u).point->lock.unlock(); };
    wait(w, how, point.what, point.on, where);
    return w.granted;
}

void throw_stopped(char const* what) {
    bool timed_out = stop_of_caller().reason == stop_reason::timed_out;
    throw std::system_error(std::make_error_code(timed_out ? std::errc::timed_out : std::errc::operation_canceled),
                            std::string("weft: ") + what);
}

}  // namespace weft::detail
