// Floor: loop
//
// The event loop of one thread: it runs the coroutines that are ready, fires timers, runs what others posted, and waits
// for the system through its reactor. Each thread has at most one, made when it is first needed:
//
//     weft::loop::current().post([] { std::puts("in the loop's next turn"); });
//     weft::sleep_for(10ms);      // in a coroutine: suspends it; elsewhere: runs the loop for so long
//
// Only one coroutine of a loop runs at any time, and others run only across a suspension: code that stays on one loop
// needs no locks.

#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>
#include <weft/coroutine.hpp>
#include <weft/detail/base/atomic.hpp>
#include <weft/detail/coroutine/park.hpp>
#include <weft/detail/loop/timer_heap.hpp>
#include <weft/limit.hpp>
#include <weft/reactor.hpp>

namespace weft {

namespace detail {
class outside;
struct loop_access;

/// What calls `f()` and then frees itself.
template <class F>
posted* make_posted(F&& f, call_site where) {
    struct node : posted {
        explicit node(F&& call) : f(std::forward<F>(call)) {}
        std::decay_t<F> f;
    };
    auto* n = new node(std::forward<F>(f));
    n->run = [](posted* p) {
        std::unique_ptr<node> owner(static_cast<node*>(p));
        if (!owner->drop) {
            owner->f();
        }
    };
    n->at = where;
    return n;
}
}  // namespace detail

template <class F>
class prepared_call;

/// What a loop has done so far.
struct loop_statistics {
    std::uint64_t turns = 0;
    std::uint64_t coroutines_run = 0;        ///< How many times one was entered.
    std::uint64_t woken_from_elsewhere = 0;  ///< Coroutines that were woken by other threads, or came from other loops.
    std::uint64_t posted_run = 0;            ///< What was posted, by its own thread too.
    std::uint64_t timers_fired = 0;
    std::uint64_t sleeps = 0;
    clock::duration asleep{0};
    /// In turns, up to the beginning of the present one: with what the loop ran, and with the kernel. What it polled before it
    /// slept (set_spin()) is neither in this nor in `asleep`.
    clock::duration worked{0};
};

class loop final : private detail::executor {
public:
    /// A loop for the calling thread, on that reactor (see make_reactor()). The thread must have none.
    explicit loop(std::unique_ptr<reactor> r = make_reactor());
    loop(loop const&) = delete;
    loop& operator=(loop const&) = delete;
    /// Drops what was posted and not run. Ends the program with a message that names one if tasks of the loop have not
    /// ended, or if one of another loop is here, or on its way: none could be woken any more, and none unwound.
    ///
    /// At the end of the program tasks are left as they are: when something that the loop runs calls exit(), a task,
    /// say, and for the loop that current() made for the main thread.
    ///
    /// After a fork(), the child can do only this with a loop of its parent's: anything else ends it with a message. It
    /// can make a loop of its own then, or on another thread.
    ~loop();

    /// The calling thread's loop; makes one, that ends with the thread, if there is none yet.
    /// Throws what make_reactor() throws.
    [[nodiscard]] static loop& current();

    /// When this turn began.
    [[nodiscard]] clock::time_point now() const { return now_; }

    /// The reactor's name: "io_uring", "epoll".
    [[nodiscard]] std::string_view reactor_name() const { return reactor_->name(); }

    /// Calls `f()` in one of the loop's next turns, on the loop's thread, outside any coroutine; in the order of posting.
    ///
    /// An exception that leaves `f` ends the program with a message that names the place of the post. `f` may wait,
    /// which runs the loop meanwhile: what was posted after it is called inside that wait and has to return before
    /// the wait can. So use a task for anything that may take long. It must not call weft::run().
    /// Threads: any. Suspends: no. Allocates: yes.
    template <class F>
    void post(WEFT_NO_COROUTINE_FN F&& f, call_site where = call_site::here());

    /// Threads: any; while the loop runs, the numbers are of approximately one moment.
    [[nodiscard]] loop_statistics statistics() const noexcept;

    /// Calls `report(*this)`, once, when the loop has slept for `after` while neither a timer nor an operation is
    /// under way that could wake it. Then it sleeps on until another thread or a signal handler wakes it.
    /// Threads: the loop's own. `report` may be nullptr.
    void when_idle(void (*report)(loop&) noexcept, time_span after) {
        report_idle_ = report;
        report_idle_after_ = after.ticks();
    }

    /// Whether it is in a turn, so that the caller was called by it.
    /// Threads: the loop's own.
    [[nodiscard]] bool runs() const noexcept { return running_; }

    /// One turn: runs what is ready and completes what is complete; if nothing is ready and `wait` is set, waits until
    /// something is. Threads: the loop's own, outside its coroutines.
    WEFT_NO_COROUTINE_FN void run_once(bool wait);

    /// Runs what is ready; if nothing is and `wait` is set, waits until something is, and runs that. Returns whether it ran
    /// anything: a coroutine, a posted call, a timer. Threads: the loop's own, outside its coroutines.
    WEFT_NO_COROUTINE_FN bool run_some(bool wait);

    /// Runs until `*done`, which something that the loop runs has to set.
    /// Threads: the loop's own, outside its coroutines.
    WEFT_NO_COROUTINE_FN void run_until(bool const& done);

    /// For another loop that is to run this one: a descriptor that is readable, as poll(2) has it, when there is something
    /// to do. Then, and only then, run_once(false) has to be called. The same at each call; it stays the loop's. Timers,
    /// other threads' wake-ups and what is done on this thread between two turns all make it readable, so it is all
    /// that has to be waited for. A call that runs this loop by itself (a wait outside coroutines) may come in between.
    /// See docs/adapters.md. Throws std::system_error: the system refuses it, or the reactor has none (not_supported).
    /// Threads: the loop's own.
    [[nodiscard]] int descriptor();

    /// Adaptive polling, for where latency matters more than CPU: before it sleeps, the loop polls for up to `limit`.
    /// It stops doing so when that was in vain, and starts again after a sleep that was shorter than `limit`, so an
    /// idle loop does not spin. Off (zero) by default.
    void set_spin(time_span limit) { spin_limit_ = limit.ticks(); }

    [[nodiscard]] clock::time_point time() const noexcept override { return reactor_->now(); }
    /// A timer that is armed while timers fire fires in the next turn at the earliest, however long ago `when` was.
    void arm(timer& t, clock::time_point when) override {
        timers_.arm(t, std::max(when, earliest_));
        if (elsewhere) [[unlikely]] {
            call_back();
        }
    }
    void disarm(timer& t) noexcept override { timers_.disarm(t); }
    [[nodiscard]] reactor& system() {
        check_process();
        return *reactor_;
    }

    /// Calls that need not wait are made at once, without a suspension; but a coroutine whose calls never wait would
    /// starve all others. So such a call asks first, suspends if the turn's allowance is exhausted, and reports
    /// afterwards how many bytes it moved.
    /// Threads: the loop's own.
    [[nodiscard]] bool may_do_at_once() const noexcept { return allowance_ > 0; }
    void did_at_once(std::size_t bytes) noexcept { allowance_ -= static_cast<std::ptrdiff_t>(bytes + bytes_per_call); }

private:
    friend struct detail::loop_access;  // src/loop/loop_access.hpp: what the floors above do with it
    template <class F>
    friend class prepared_call;

    // What a turn's coroutines may move without a suspension: about half a millisecond's worth.
    static constexpr std::ptrdiff_t bytes_per_turn = 4 << 20;
    static constexpr std::size_t bytes_per_call = 4096;  ///< What a call counts as, beside its bytes.

    void notify() noexcept override { reactor_->notify(); }
    WEFT_NO_COROUTINE_FN void run_turn() override { run_once(true); }
    void push(detail::posted& p) noexcept override;
    void withdraw(detail::posted& p) noexcept override;
    void schedule(detail::control_block& co);
    void adopt(detail::control_block& co) noexcept;

    /// Written by the loop's thread alone.
    class counter {
    public:
        void add(std::uint64_t n) { value_.store(get() + n, std::memory_order_relaxed); }
        [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

    private:
        std::atomic<std::uint64_t> value_{0};
    };

    class stay;

    void check_process() const;
    void take_thread() noexcept;
    void give_thread_back() noexcept;
    void run_what_is_ready();
    void poll(bool wait);
    bool find_more(bool begin) noexcept { return find_more_ != nullptr && find_more_(find_more_argument_, begin); }
    bool spin();
    clock::duration sleep();
    void count_work(clock::time_point until) noexcept;
    [[nodiscard]] bool has_news() const;
    void collect_posted();
    void run_posted();
    void fire_timers();
    void run_ready();

    std::unique_ptr<reactor> reactor_;
    detail::atomic<std::ptrdiff_t> guests_{0};
    detail::atomic<detail::posted*> posted_{nullptr};  ///< The newest first.
    detail::posted* oldest_posted_ = nullptr;          ///< Collected from there, the oldest first.
    detail::posted** after_posted_ = &oldest_posted_;
    detail::timer_heap timers_;
    clock::time_point earliest_ = clock::time_point::min();  ///< While timers fire: later than what fires in this turn.
    clock::time_point now_ = reactor_->now();
    clock::duration spin_limit_{0};
    unsigned forks_;
    bool spinning_pays_ = false;
    bool running_ = false;
    bool polls_ = false;  ///< The turn has run what was ready.
    bool made_by_current_ = false;
    void (*before_end_)(loop&) noexcept = nullptr;
    bool (*find_more_)(void*, bool) noexcept = nullptr;  ///< See loop_access::find_more().
    void* find_more_argument_ = nullptr;
    clock::time_point working_since_;           ///< While it runs: what came before is counted.
    std::unique_ptr<detail::outside> outside_;  ///< Not null if another loop runs this one.
    std::ptrdiff_t allowance_ = bytes_per_turn;
    void (*report_idle_)(loop&) noexcept = nullptr;
    clock::duration report_idle_after_{0};
    struct {
        counter turns, coroutines, wake_ups, posted, timers, sleeps, asleep, worked;
    } counts_;
};

template <class F>
void loop::post(F&& f, call_site where) {
    push(*detail::make_posted(std::forward<F>(f), where));
}

/// A call to a loop that is prepared in advance, so that posting it takes no lock and allocates nothing: a signal handler
/// may do that.
///
///     weft::prepared_call reload(weft::loop::current(), [&] { configuration.read_again(); });
///     ... in the handler of SIGHUP:    reload.post();
///
/// Made and destroyed on the loop's thread; nobody may post it any more when it is destroyed.
template <class F>
class prepared_call : private detail::posted {
public:
    /// What `f` throws ends the program with a message that names this place.
    prepared_call(loop& l, WEFT_NO_COROUTINE_FN F f, call_site where = call_site::here())
        : detail::posted{.run = &run_posted, .at = where}, loop_(l), f_(std::move(f)) {}
    prepared_call(prepared_call const&) = delete;
    prepared_call& operator=(prepared_call const&) = delete;
    ~prepared_call() {
        if (pending_.load() != 0) {
            loop_.withdraw(*this);
        }
    }

    /// The loop calls `f()` in one of its next turns, as with loop::post(). Once for any number of posts that come before.
    /// Threads: any; and signal handlers. Suspends: no. Allocates: no.
    void post() noexcept {
        static_assert(decltype(pending_)::is_always_lock_free && detail::atomic<detail::posted*>::is_always_lock_free);
        if (pending_.exchange(1) == 0) {
            loop_.push(*this);
        }
    }

private:
    static void run_posted(detail::posted* p) {
        auto& me = *static_cast<prepared_call*>(p);
        // Before the call: what is posted from here on may tell of something that the call has not seen.
        me.pending_.exchange(0);
        if (!p->drop) {
            me.f_();
        }
    }

    detail::executor& loop_;
    detail::atomic<std::uint32_t> pending_{0};  // a bool is not free of locks on riscv64
    F f_;
};

/// Returns at least `time` later. A time that has passed lets the others run for a turn; one that is too far away for
/// the clock lasts for ever.
/// Throws std::system_error (operation_canceled) when the task is cancelled.
/// Suspends: inside a coroutine. Elsewhere it runs the thread's loop meanwhile.
WEFT_MIXED_FN void sleep_for(time_span time, call_site where = call_site::here());
WEFT_MIXED_FN void sleep_until(moment end, call_site where = call_site::here());

namespace detail {

/// The program is ending, and this thread's loop has ended before its tasks, which can't be waited for any more.
[[nodiscard]] bool loop_ended_with_process() noexcept;

/// A wait on the calling thread's loop, for something that happens on that loop: it calls end(). Inside a coroutine it
/// suspends; elsewhere it runs the loop.
struct loop_wait : interruptible_wait {
    /// `on_interrupt` must cause end() to be called, at once or later.
    explicit loop_wait(void (*on_interrupt)(interruptible_wait&) noexcept) : interruptible_wait{on_interrupt} {}

    WEFT_MIXED_FN void wait(char const* what, void const* on, call_site where);
    void end() noexcept;

private:
    WEFT_NO_COROUTINE_FN void take_back() noexcept;

    WEFT_IN_COROUTINE control_block* coroutine_ = this_thread().current;
    bool over_ = false;
};

/// Starts the operation and waits for its end. -ECANCELED or -ETIMEDOUT when the wait was ended before it was done.
WEFT_MIXED_FN std::int64_t wait_for(operation& op, char const* what, call_site where);

}  // namespace detail
}  // namespace weft
