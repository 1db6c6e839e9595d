// Floor 3: sync

#include <sched.h>

#include <string>
#include <weft/detail/waiter.hpp>

namespace weft::detail {

void spin_lock::wait_a_little() noexcept {
    // The holder does a few dozen instructions; if it is slower than that, it lost its processor.
    sched_yield();
}

void waiter_list::push(waiter& w) noexcept {
    w.next = nullptr;
    w.previous = last_;
    (last_ == nullptr ? first_ : last_->next) = &w;
    last_ = &w;
    w.linked = true;
}

void waiter_list::remove(waiter& w) noexcept {
    (w.previous == nullptr ? first_ : w.previous->next) = w.next;
    (w.next == nullptr ? last_ : w.next->previous) = w.previous;
    w.linked = false;
}

void wake(waiter& w) noexcept {
    if (w.coroutine != nullptr) {
        wake(*w.coroutine);
        return;
    }
    executor* home = w.home;
    if (home == nullptr) {
        w.woken.store(true, std::memory_order_release);
        w.woken.notify_one();
        return;
    }
    home->wakers.fetch_add(1, std::memory_order_relaxed);
    w.woken.store(true, std::memory_order_release);
    home->notify(*home);
    home->wakers.fetch_sub(1, std::memory_order_release);
}

void wake_chain(waiter* first) noexcept {
    while (first != nullptr) {
        wake(*std::exchange(first, first->next));
    }
}

bool interrupted() noexcept {
    control_block* self = this_thread().current;
    return self != nullptr && self->interrupted();
}

namespace {

void wait_as_thread(waiter& w, wait_point const& point) {
    point.lock.unlock();
    while (!w.woken.load(std::memory_order_acquire)) {
        if (w.home != nullptr) {
            w.home->run_turn(*w.home);
        } else {
            w.woken.wait(false, std::memory_order_acquire);
        }
    }
}

struct parked_wait : interruptible_wait, park_action {
    waiter* w;
    wait_point const* point;
};

void interrupt_parked(interruptible_wait& i) noexcept {
    auto& parked = static_cast<parked_wait&>(i);
    wait_point const& point = *parked.point;
    point.lock.lock();
    bool taken = parked.w->linked;
    waiter* granted = nullptr;
    if (taken) {
        point.list.remove(*parked.w);
        granted = point.after_removal != nullptr ? point.after_removal(point.on) : nullptr;
    }
    point.lock.unlock();
    wake_chain(granted);
    if (taken) {
        wake(*parked.w);
    }
}

}  // namespace

bool wait(waiter& w, wait_point const& point, place where) {
    thread_state& thread = this_thread();
    control_block* self = thread.current;
    w.coroutine = self;
    w.home = thread.home;
    if (self == nullptr) {
        wait_as_thread(w, point);
        return w.granted;
    }
    parked_wait parked;
    parked.w = &w;
    parked.point = &point;
    parked.interrupt = &interrupt_parked;
    parked.run = [](park_action& a, control_block&) { static_cast<parked_wait&>(a).point->lock.unlock(); };
    self->wait = self->shielded == 0 ? &parked : nullptr;
    park(*self, point.what, point.on, where, &parked);
    self->wait = nullptr;
    return w.granted;
}

void throw_cancelled(char const* what) {
    throw std::system_error(std::make_error_code(std::errc::operation_canceled), std::string("weft: ") + what);
}

}  // namespace weft::detail
