// Floor: loop

#include <weft/loop.hpp>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "coroutine/idle_stacks.hpp"
#include "coroutine/misuse.hpp"
#include "coroutine/present_exception.hpp"
#include "loop/fork.hpp"
#include "loop/process_end.hpp"
#include "loop/uncaught.hpp"
#include "system/outside.hpp"

namespace weft {
namespace {

// How many coroutines are run before the loop looks at the system again: coroutines that wake each other must not starve
// I/O and timers, and a look costs a system call.
constexpr std::uint64_t runs_per_turn = 256;

thread_local std::unique_ptr<loop> own_loop;

std::atomic<bool> process_ends{false};

/// What it throws is nobody's: whoever runs the loop now is not whoever posted it.
void make_call(detail::posted& p) {
    call_site const where = p.at;  // it may be freed by the call
    try {
        p.run(&p);
    } catch (...) {
        std::exception_ptr thrown = detail::present_exception();
        if (thrown == nullptr) {
            throw;  // no exception of C++: pthread_exit() or pthread_cancel() unwinds the thread
        }
        detail::die_of_uncaught(where, "a call that was posted here threw", thrown);
    }
}

}  // namespace

loop::loop(std::unique_ptr<reactor> r) : reactor_(std::move(r)), forks_(detail::forks()) {
    detail::thread_state& thread = detail::this_thread();
    if (thread.home != nullptr) {
        detail::die({}, "a second weft::loop on one thread");
    }
    thread.home = this;
    limited::attach(thread.stop, this);
    thread.now = static_cast<std::uint64_t>(now_.time_since_epoch().count());
}

loop::~loop() {
    if (forks_ != detail::forks()) {
        (void)reactor_.release();  // its end would wait for threads that are the parent's
        detail::this_thread().home = nullptr;
        return;
    }
    bool with_process = running_ || (made_by_current_ && detail::thread_ends_with_process());  // in a turn: by exit()
    if (with_process) {
        process_ends.store(true, std::memory_order_relaxed);
    } else if (before_end_ != nullptr) {
        before_end_(*this);
    }
    if (!with_process && guests_.load(std::memory_order_relaxed) != 0) {
        detail::die({}, "a loop ends while coroutines of other loops are on it, or on their way to it with move_to()");
    }
    wait_for_wakers();
    limited::attach(detail::this_thread().stop, nullptr);
    collect_posted();
    while (oldest_posted_ != nullptr) {
        detail::posted* p = std::exchange(oldest_posted_, oldest_posted_->next);
        p->drop = true;
        p->run(p);
    }
    detail::this_thread().home = nullptr;
}

void loop::check_process() const {
    if (forks_ != detail::forks()) [[unlikely]] {
        detail::die({}, "a loop was used in a child process after fork(): its " + std::string(reactor_->name()) +
                            " and its threads are the parent's; destroy it and make another, or use a new thread");
    }
}

loop& loop::current() {
    auto* home = detail::this_thread().home;
    if (home == nullptr) {
        own_loop = std::make_unique<loop>();
        own_loop->made_by_current_ = true;
        home = detail::this_thread().home;
    }
    return static_cast<loop&>(*home);
}

void loop::schedule(detail::control_block& co) {
    co.home = this;
    co.scheduled = true;
    co.transition(detail::state::suspended, detail::state::queued);
    if (co.saved.stack_pointer != nullptr) {  // else it is set aside already, with the exceptions that it has in hand
        co.parked_stack_pointer = std::exchange(co.saved.stack_pointer, nullptr);
    }
    push_here(co);
}

void loop::adopt(detail::control_block& co) noexcept {
    co.home = this;
    co.transition(detail::state::waiting, detail::state::queued);
    push_from_elsewhere(co);
}

/// A run of the loop, of one turn or more. Runs nest, where what the loop calls waits in turn.
class loop::stay {
public:
    explicit stay(loop& l) : loop_(l), outermost_(!std::exchange(l.running_, true)) {
        if (outermost_) {
            loop_.working_since_ = loop_.reactor_->now();
            if (loop_.outside_ != nullptr) {
                loop_.take_thread();
            }
        }
    }
    stay(stay const&) = delete;
    stay& operator=(stay const&) = delete;
    ~stay() {
        loop_.running_ = !outermost_;
        if (outermost_) {
            loop_.count_work(loop_.reactor_->now());
            if (loop_.outside_ != nullptr) {
                loop_.give_thread_back();
            }
        }
    }

private:
    loop& loop_;
    bool const outermost_;
};

void loop::run_once(bool wait) {
    stay here(*this);
    run_what_is_ready();
    poll(wait);
    if (outside_ != nullptr && has_news()) {  // or the other loop would have to come back for it
        run_what_is_ready();
    }
}

bool loop::run_some(bool wait) {
    stay here(*this);
    auto done_so_far = [this] { return counts_.coroutines.get() + counts_.posted.get() + counts_.timers.get(); };
    std::uint64_t before = done_so_far();
    run_what_is_ready();
    if (done_so_far() == before) {
        do {
            poll(wait);
            run_what_is_ready();
        } while (wait && done_so_far() == before);
    }
    return done_so_far() != before;
}

void loop::run_until(bool const& done) {
    stay here(*this);
    run_what_is_ready();
    while (!done) {
        poll(true);
        run_what_is_ready();
    }
}

void loop::run_what_is_ready() {
    check_process();
    if (in_coroutine()) {
        detail::die({}, "a loop was run from inside a coroutine: it would block the coroutines that it runs");
    }
    now_ = reactor_->now();
    count_work(now_);
    allowance_ = bytes_per_turn;
    detail::this_thread().now = static_cast<std::uint64_t>(now_.time_since_epoch().count());
    counts_.turns.add(1);
    counts_.wake_ups.add(collect());
    run_posted();
    fire_timers();
    run_ready();
}

void loop::count_work(clock::time_point until) noexcept {
    counts_.worked.add(static_cast<std::uint64_t>((until - working_since_).count()));
    working_since_ = until;
}

void loop::poll(bool wait) {
    struct polling {
        explicit polling(bool& flag) : polls(flag) { polls = true; }
        polling(polling const&) = delete;
        polling& operator=(polling const&) = delete;
        ~polling() { polls = false; }
        bool& polls;
    } now(polls_);
    find_more(true);
    if (!wait || !ready.empty() || oldest_posted_ != nullptr) {
        if (outside_ != nullptr || reactor_->has_work()) {  // what made the descriptor readable has to be taken away
            reactor_->poll(std::chrono::nanoseconds(0));
        }
        return;
    }
    if (spinning_pays_ && !reactor_->has_threads_at_work() && spin()) {
        return;
    }
    clock::duration slept = sleep();
    counts_.asleep.add(static_cast<std::uint64_t>(slept.count()));
    spinning_pays_ = slept < spin_limit_;
    if (report_idle_ != nullptr && slept >= report_idle_after_ && !has_news() && timers_.empty() &&
        reactor_->nothing_under_way()) {
        std::exchange(report_idle_, nullptr)(*this);
    }
}

int loop::descriptor() {
    check_process();
    if (outside_ == nullptr) {
        int fd = reactor_->descriptor();
        if (fd < 0) {
            throw std::system_error(std::make_error_code(std::errc::not_supported),
                                    "weft: a loop on the reactor \"" + std::string(reactor_->name()) +
                                        "\" can't be run by another loop, as that has no descriptor");
        }
        outside_ = std::make_unique<detail::outside>(fd);
        if (!running_) {
            give_thread_back();
        }
    }
    return outside_->fd();
}

void loop::take_thread() noexcept {
    elsewhere = false;
    sleeping.store(false, std::memory_order_relaxed);
}

void loop::give_thread_back() noexcept {
    reactor_->hand_over();
    // See executor: first say that we sleep, then look once more.
    elsewhere = true;
    sleeping.store(true);
    if (!ready.empty() || oldest_posted_ != nullptr || inbox.load() != nullptr || posted_.load() != nullptr) {
        call_back();
    }
    clock::time_point until = timers_.empty() ? clock::time_point::max() : timers_.first();
    if (clock::time_point look = detail::look_at_idle_stacks(now_); look < until) {
        // A whole second: each other moment than the last time is a system call.
        until = std::min<clock::time_point>(until, std::chrono::ceil<std::chrono::seconds>(look));
    }
    outside_->wake_at(until);
}

loop_statistics loop::statistics() const noexcept {
    return {.turns = counts_.turns.get(),
            .coroutines_run = counts_.coroutines.get(),
            .woken_from_elsewhere = counts_.wake_ups.get(),
            .posted_run = counts_.posted.get(),
            .timers_fired = counts_.timers.get(),
            .sleeps = counts_.sleeps.get(),
            .asleep = clock::duration(static_cast<clock::rep>(counts_.asleep.get())),
            .worked = clock::duration(static_cast<clock::rep>(counts_.worked.get()))};
}

bool loop::has_news() const {
    return !ready.empty() || inbox.load(std::memory_order_relaxed) != nullptr || oldest_posted_ != nullptr ||
           posted_.load(std::memory_order_relaxed) != nullptr;
}

/// Returns whether there was something to do before the spin's limit.
bool loop::spin() {
    clock::time_point time = reactor_->now();
    count_work(time);
    clock::time_point end = detail::later(time, spin_limit_);
    if (!timers_.empty()) {
        end = std::min(end, timers_.first());
    }
    bool found = false;
    do {
        if (reactor_->has_work()) {
            reactor_->poll(std::chrono::nanoseconds(0));
        }
        time = reactor_->now();
        found = has_news() || find_more(false);
    } while (!found && time < end);
    working_since_ = time;
    return found;
}

/// Returns how long.
clock::duration loop::sleep() {
    // See executor: first say that we sleep, then look once more.
    clock::time_point before = reactor_->now();
    count_work(before);
    clock::time_point until = detail::look_at_idle_stacks(before);
    sleeping.store(true);
    if (inbox.load() != nullptr || posted_.load() != nullptr || find_more(false)) {
        until = before;
    } else {
        counts_.sleeps.add(1);
        if (!timers_.empty()) {
            until = std::min(until, timers_.first());
        } else if (report_idle_ != nullptr && reactor_->nothing_under_way()) {
            until = detail::later(before, report_idle_after_);
        }
    }
    std::optional<std::chrono::nanoseconds> how_long;
    if (until != clock::time_point::max()) {
        how_long = std::max(clock::duration(0), detail::between(before, until));
    }
    reactor_->poll(how_long);
    sleeping.store(false);
    working_since_ = reactor_->now();
    return working_since_ - before;
}

void loop::push(detail::posted& p) noexcept {
    wakers.fetch_add(1, std::memory_order_relaxed);
    p.next = posted_.load(std::memory_order_relaxed);
    while (!posted_.compare_exchange_weak(p.next, &p)) {
    }
    end_sleep();  // the pushes into posted_ pair with `sleeping` as those into the inbox do: see executor
    wakers.fetch_sub(1, std::memory_order_release);
}

void loop::collect_posted() {
    if (posted_.load(std::memory_order_relaxed) == nullptr) {
        return;
    }
    detail::posted* newest = posted_.exchange(nullptr);
    detail::posted** end = &newest->next;
    detail::posted* oldest = nullptr;
    while (newest != nullptr) {
        detail::posted* next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    *after_posted_ = oldest;
    after_posted_ = end;
}

void loop::withdraw(detail::posted& p) noexcept {
    collect_posted();
    for (detail::posted** link = &oldest_posted_; *link != nullptr; link = &(*link)->next) {
        if (*link == &p) {
            *link = p.next;
            after_posted_ = after_posted_ == &p.next ? link : after_posted_;
            return;
        }
    }
}

/// What is there now: what it posts in turn is run in the next turn.
void loop::run_posted() {
    collect_posted();
    detail::posted** end = after_posted_;
    for (bool last = oldest_posted_ == nullptr; !last && oldest_posted_ != nullptr;) {
        detail::posted* p = oldest_posted_;
        last = &p->next == end;
        counts_.posted.add(1);
        oldest_posted_ = p->next;
        after_posted_ = oldest_posted_ == nullptr ? &oldest_posted_ : after_posted_;
        make_call(*p);
    }
}

/// Those that are due now: one that arms itself again, for a moment that is over, must not keep the turn from its end. What they
/// call may run a turn inside this one, of a later moment; the timers of that turn are its own.
void loop::fire_timers() {
    clock::time_point const due = now_;
    clock::time_point const outer = std::exchange(earliest_, detail::later(due, clock::duration(1)));
    while (!timers_.empty() && timers_.first() <= due) {
        timer& t = timers_.pop();
        counts_.timers.add(1);
        t.expired(t);
    }
    earliest_ = outer;
}

void loop::run_ready() {
    detail::thread_state& thread = detail::this_thread();     // the loop stays on it
    detail::control_block* const outer = thread.run_by_loop;  // of a turn around this one
    std::uint64_t const left_to_outer = std::exchange(runs_left, runs_per_turn);
    ready.begin_turn();
    while (runs_left > 0 && !ready.empty()) {
        --runs_left;
        detail::control_block& next = ready.pop();
        detail::dequeued(next);
        thread.run_by_loop = &next;
        std::uintptr_t result = detail::enter(next, call_site("weft::loop", 0));
        // Between the two, others may have had their turn: see to_next().
        detail::control_block& co = *thread.run_by_loop;
        if (result != detail::yielded && detail::after_leave(co, result)) {
            if (co.at_end != nullptr) {
                co.at_end(co);
            } else if (co.failure) {
                detail::die_of_uncaught({}, detail::describe(co) + ", which its loop had entered, ended with",
                                        co.failure);
            }
        } else if (result <= detail::parking && co.current_state() == detail::state::suspended && co.scheduled) {
            schedule(co);
        }
    }
    ready.end_turn(runs_left == 0);
    counts_.coroutines.add(runs_per_turn - runs_left);
    thread.run_by_loop = outer;
    runs_left = left_to_outer;
}

namespace detail {

bool loop_ended_with_process() noexcept {
    return process_ends.load(std::memory_order_relaxed) && this_thread().home == nullptr;
}

void loop_wait::wait(char const* what, void const* on, call_site where) {
    stop_state& mine = stop_of_caller();
    mine.begin(*this);
    if (coroutine_ != nullptr) {
        park(*coroutine_, what, on, where);
    } else {
        try {
            loop::current().run_until(over_);
        } catch (...) {
            take_back();
            throw;
        }
    }
    mine.wait = nullptr;
}

/// Something that the loop called has thrown, outside coroutines. What was armed for this wait lies on the frame that the
/// exception leaves: it ends first. A second exception on this way ends the program.
void loop_wait::take_back() noexcept {
    stop_of_caller().wait = nullptr;
    if (!over_) {
        interrupt(*this);
        loop::current().run_until(over_);
    }
}

void loop_wait::end() noexcept {
    over_ = true;
    // What is over must not be interrupted any more, though the waiter goes on only later in this turn.
    stop_state& whose = coroutine_ != nullptr ? coroutine_->stop : this_thread().stop;
    whose.wait = whose.wait == this ? nullptr : whose.wait;
    if (coroutine_ != nullptr) {
        wake(*coroutine_);
    }
}

std::int64_t wait_for(operation& op, char const* what, call_site where) {
    stop_state const& mine = stop_of_caller();
    auto why = [&mine] { return mine.reason == stop_reason::timed_out ? -ETIMEDOUT : -ECANCELED; };
    if (mine.asked()) {
        after_refusal();
        return why();
    }
    struct io_wait : loop_wait {
        using loop_wait::loop_wait;
        operation* op = nullptr;
        reactor* system = nullptr;
    } wait([](interruptible_wait& w) noexcept {
        auto& io = static_cast<io_wait&>(w);
        io.system->cancel(*io.op);
    });
    wait.op = &op;
    wait.system = &loop::current().system();
    op.waiter = &wait;
    op.complete = [](operation& o) noexcept { static_cast<loop_wait*>(o.waiter)->end(); };
    wait.system->start(op);
    wait.wait(what, &op, where);
    return op.result == -ECANCELED && mine.asked() ? why() : op.result;
}

}  // namespace detail

void sleep_until(moment end, call_site where) {
    loop& here = loop::current();
    if (detail::stop_of_caller().asked()) {
        detail::throw_stopped("sleep");
    }
    struct sleep : detail::loop_wait {
        using loop_wait::loop_wait;
        timer t;
        bool interrupted = false;
    } nap([](detail::interruptible_wait& w) noexcept {
        auto& s = static_cast<sleep&>(w);
        s.interrupted = true;
        loop::current().disarm(s.t);
        s.end();
    });
    nap.t.waiter = &nap;
    nap.t.expired = [](timer& t) noexcept { static_cast<sleep*>(t.waiter)->end(); };
    here.arm(nap.t, end.when());
    nap.wait("a timer", &nap.t, where);
    if (nap.interrupted) {
        detail::throw_stopped("sleep");
    }
}

void sleep_for(time_span time, call_site where) {
    sleep_until(detail::later(loop::current().time(), time.ticks()), where);
}

}  // namespace weft
