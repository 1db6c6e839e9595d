// Floor 4: loop

#include <weft/loop.hpp>

#include <algorithm>
#include <cerrno>

#include "coroutine/misuse.hpp"

namespace weft {
namespace {

// How many coroutines are run before the loop looks at the system again: coroutines that wake each other must not starve
// I/O and timers, and a look costs a system call.
constexpr int runs_per_turn = 256;

thread_local std::unique_ptr<loop> own_loop;

}  // namespace

loop::loop(std::unique_ptr<reactor> r) : reactor_(std::move(r)) {
    detail::thread_state& thread = detail::this_thread();
    if (thread.home != nullptr) {
        detail::die({}, "a second weft::loop on one thread");
    }
    notify = [](detail::executor& e) noexcept { static_cast<loop&>(e).reactor_->notify(); };
    run_turn = [](detail::executor& e) { static_cast<loop&>(e).run_once(true); };
    thread.home = this;
    thread.now = static_cast<std::uint64_t>(now_.time_since_epoch().count());
}

loop::~loop() {
    wait_for_wakers();
    for (auto* p = posted_.exchange(nullptr); p != nullptr;) {
        auto* next = p->next;
        p->drop = true;
        p->run(p);
        p = next;
    }
    detail::this_thread().home = nullptr;
}

loop& loop::current() {
    auto* home = detail::this_thread().home;
    if (home == nullptr) {
        own_loop = std::make_unique<loop>();
        home = detail::this_thread().home;
    }
    return static_cast<loop&>(*home);
}

void loop::schedule(detail::control_block& co) {
    co.home = this;
    co.scheduled = true;
    co.status.store(detail::state::queued, std::memory_order_relaxed);
    if (co.left != nullptr) {  // else it is set aside already, with the exceptions that it has in hand
        co.set_aside = std::exchange(co.left, nullptr);
    }
    ready.push(co);
}

void loop::run_once(bool wait) {
    run_what_is_ready();
    poll(wait);
}

void loop::run_until(bool const& done) {
    run_what_is_ready();
    while (!done) {
        poll(true);
        run_what_is_ready();
    }
}

void loop::run_what_is_ready() {
    if (in_coroutine()) {
        detail::die({}, "a loop was run from inside a coroutine: it would block the coroutines that it runs");
    }
    now_ = clock::now();
    detail::this_thread().now = static_cast<std::uint64_t>(now_.time_since_epoch().count());
    collect();
    run_posted();
    fire_timers();
    run_ready();
}

void loop::poll(bool wait) {
    if (!wait || !ready.empty()) {
        if (reactor_->has_work()) {
            reactor_->poll(std::chrono::nanoseconds(0));
        }
        return;
    }
    if (spinning_pays_ && spin()) {
        return;
    }
    clock::time_point before = spin_limit_.count() > 0 ? clock::now() : now_;
    sleep();
    spinning_pays_ = spin_limit_.count() > 0 && clock::now() - before < spin_limit_;
}

bool loop::has_news() const {
    return !ready.empty() || inbox.load(std::memory_order_relaxed) != nullptr ||
           posted_.load(std::memory_order_relaxed) != nullptr;
}

/// Returns whether there was something to do before the spin's limit.
bool loop::spin() {
    clock::time_point end = clock::now() + spin_limit_;
    if (!timers_.empty()) {
        end = std::min(end, timers_.first());
    }
    do {
        if (reactor_->has_work()) {
            reactor_->poll(std::chrono::nanoseconds(0));
        }
        if (has_news()) {
            return true;
        }
    } while (clock::now() < end);
    return false;
}

void loop::sleep() {
    // See executor: first say that we sleep, then look once more.
    sleeping.store(true);
    if (inbox.load() != nullptr || posted_.load() != nullptr) {
        reactor_->poll(std::chrono::nanoseconds(0));
    } else if (timers_.empty()) {
        reactor_->poll(std::nullopt);
    } else {
        reactor_->poll(std::max(clock::duration(0), timers_.first() - clock::now()));
    }
    sleeping.store(false);
}

void loop::run_posted() {
    detail::posted* newest = posted_.load(std::memory_order_relaxed);
    if (newest == nullptr) {
        return;
    }
    newest = posted_.exchange(nullptr);
    detail::posted* oldest = nullptr;
    while (newest != nullptr) {
        auto* next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != nullptr) {
        auto* next = oldest->next;
        oldest->run(oldest);
        oldest = next;
    }
}

void loop::fire_timers() {
    while (!timers_.empty() && timers_.first() <= now_) {
        timer& t = timers_.pop();
        t.expired(t);
    }
}

void loop::run_ready() {
    for (int i = 0; i < runs_per_turn && !ready.empty(); ++i) {
        detail::control_block& co = ready.pop();
        detail::dequeued(co);
        std::uintptr_t result = detail::enter(co, place("weft::loop", 0));
        if (result == detail::yielded) {
            if (co.current_state() == detail::state::suspended && co.scheduled) {
                schedule(co);
            }
        } else if (detail::after_leave(co, result) && co.at_end != nullptr) {
            co.at_end(co);
        }
    }
}

namespace {

struct interruptible_sleep : detail::interruptible_wait {
    timer t;
    detail::control_block* self;
    bool interrupted = false;
};

}  // namespace

namespace detail {

std::int64_t wait_for(operation& op, char const* what, place where) {
    control_block* self = this_thread().current;
    if (self == nullptr) {
        bool done = false;
        op.waiter = &done;
        op.complete = [](operation& o) noexcept { *static_cast<bool*>(o.waiter) = true; };
        loop& here = loop::current();
        here.system().start(op);
        here.run_until(done);
        return op.result;
    }
    if (self->interrupted()) {
        return -ECANCELED;
    }
    struct io_wait : interruptible_wait {
        operation* op;
        reactor* system;
    } wait;
    loop& here = loop::current();
    wait.op = &op;
    wait.system = &here.system();
    wait.interrupt = [](interruptible_wait& w) noexcept {
        auto& io = static_cast<io_wait&>(w);
        io.system->cancel(*io.op);
    };
    op.waiter = self;
    op.complete = [](operation& o) noexcept {
        auto& co = *static_cast<control_block*>(o.waiter);
        co.wait = nullptr;
        wake(co);
    };
    self->wait = &wait;
    wait.system->start(op);
    park(*self, what, &op, where);
    return op.result;
}

}  // namespace detail

void sleep_until(clock::time_point when, place where) {
    loop& here = loop::current();
    detail::control_block* self = detail::this_thread().current;
    if (self == nullptr) {
        bool done = false;
        timer t{[](timer& x) noexcept { *static_cast<bool*>(x.waiter) = true; }, &done};
        here.arm(t, when);
        here.run_until(done);
        return;
    }
    if (self->interrupted()) {
        throw std::system_error(std::make_error_code(std::errc::operation_canceled), "weft: sleep");
    }
    interruptible_sleep sleep;
    sleep.self = self;
    sleep.t.waiter = self;
    sleep.t.expired = [](timer& x) noexcept {
        auto& co = *static_cast<detail::control_block*>(x.waiter);
        co.wait = nullptr;
        detail::wake(co);
    };
    sleep.interrupt = [](detail::interruptible_wait& w) noexcept {
        auto& s = static_cast<interruptible_sleep&>(w);
        s.interrupted = true;
        loop::current().disarm(s.t);
        s.self->wait = nullptr;
        detail::wake(*s.self);
    };
    here.arm(sleep.t, when);
    self->wait = &sleep;
    detail::park(*self, "a timer", &sleep.t, where);
    if (sleep.interrupted) {
        throw std::system_error(std::make_error_code(std::errc::operation_canceled), "weft: sleep");
    }
}

void sleep_for(clock::duration duration, place where) {
    sleep_until(clock::now() + duration, where);
}

}  // namespace weft
