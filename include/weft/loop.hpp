// Floor 4: loop
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

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>
#include <weft/coroutine.hpp>
#include <weft/detail/park.hpp>
#include <weft/reactor.hpp>

namespace weft {

using clock = std::chrono::steady_clock;

namespace detail {

struct posted {
    posted* next = nullptr;
    void (*run)(posted*) = nullptr;  ///< Calls it, and frees it; called with `drop` set it only frees it.
    bool drop = false;
};

}  // namespace detail

/// A moment at which something is called, on the loop's thread. Lies with whoever armed it; disarm it before it goes.
struct timer {
    void (*expired)(timer&) noexcept = nullptr;
    void* waiter = nullptr;         ///< expired()'s own.
    clock::time_point when = {};    ///< Set by arm().
    std::size_t place = not_armed;  ///< The loop's own.

    static constexpr std::size_t not_armed = SIZE_MAX;
    [[nodiscard]] bool armed() const { return place != not_armed; }
};

/// Timers by the moment they expire: a heap with four children a node. Arming and disarming cost O(log n).
class timer_heap {
public:
    void arm(timer& t, clock::time_point when);
    void disarm(timer& t) noexcept;
    [[nodiscard]] bool empty() const { return heap_.empty(); }
    [[nodiscard]] clock::time_point first() const { return heap_.front().when; }
    /// Takes out the first timer.
    timer& pop() noexcept;

private:
    struct entry {
        clock::time_point when;
        timer* t;
    };
    void put(std::size_t place, entry e) noexcept;
    void up(std::size_t place, entry e) noexcept;
    void down(std::size_t place, entry e) noexcept;

    std::vector<entry> heap_;
};

class loop : private detail::executor {
public:
    /// A loop for the calling thread, on that reactor (see make_reactor()). The thread must have none.
    explicit loop(std::unique_ptr<reactor> r = make_reactor());
    loop(loop const&) = delete;
    loop& operator=(loop const&) = delete;
    /// Drops what was posted and not run. No task of the loop may be left.
    ~loop();

    /// The calling thread's loop; makes one, that ends with the thread, if there is none yet.
    /// Throws what make_reactor() throws.
    [[nodiscard]] static loop& current();

    /// When this turn began.
    [[nodiscard]] clock::time_point now() const { return now_; }

    /// The reactor's name: "io_uring", "epoll".
    [[nodiscard]] std::string_view reactor_name() const { return reactor_->name(); }

    /// Calls `f()` in one of the loop's next turns, on the loop's thread, outside any coroutine; in the order of posting.
    /// Threads: any. Suspends: no. Allocates: yes.
    template <class F>
    void post(F&& f);

    /// One turn: runs what is ready and completes what is complete; if nothing is ready and `wait` is set, waits until
    /// something is. Threads: the loop's own, outside its coroutines.
    WEFT_NO_COROUTINE_FN void run_once(bool wait);

    /// Runs until `*done`, which something that the loop runs has to set.
    /// Threads: the loop's own, outside its coroutines.
    WEFT_NO_COROUTINE_FN void run_until(bool const& done);

    /// Adaptive polling, for where latency matters more than CPU: before it sleeps, the loop looks for something to do for
    /// up to `limit`, as long as that pays. It stops when a look was in vain, and begins again after a sleep that was
    /// shorter than `limit`: an idle loop does not spin. Off (zero) at first.
    void set_spin(clock::duration limit) { spin_limit_ = limit; }

    void arm(timer& t, clock::time_point when) { timers_.arm(t, when); }
    void disarm(timer& t) noexcept { timers_.disarm(t); }
    [[nodiscard]] reactor& system() { return *reactor_; }

    /// Puts a new coroutine into the ready queue. The loop enters it again after each plain yield.
    void schedule(detail::control_block& co);

private:
    void run_what_is_ready();
    void poll(bool wait);
    bool spin();
    void sleep();
    [[nodiscard]] bool has_news() const;
    void run_posted();
    void fire_timers();
    void run_ready();

    std::unique_ptr<reactor> reactor_;
    std::atomic<detail::posted*> posted_{nullptr};
    timer_heap timers_;
    clock::time_point now_ = clock::now();
    clock::duration spin_limit_{0};
    bool spinning_pays_ = false;
};

template <class F>
void loop::post(F&& f) {
    struct node : detail::posted {
        explicit node(F&& call) : f(std::forward<F>(call)) {}
        std::decay_t<F> f;
    };
    auto* n = new node(std::forward<F>(f));
    n->run = [](detail::posted* p) {
        std::unique_ptr<node> owner(static_cast<node*>(p));
        if (!owner->drop) {
            owner->f();
        }
    };
    wakers.fetch_add(1, std::memory_order_relaxed);
    n->next = posted_.load(std::memory_order_relaxed);
    while (!posted_.compare_exchange_weak(n->next, n)) {
    }
    end_sleep();  // the pushes into posted_ pair with `sleeping` as those into the inbox do: see executor
    wakers.fetch_sub(1, std::memory_order_release);
}

/// Returns at least `duration` later. Throws std::system_error (operation_canceled) when the task is cancelled.
/// Suspends: inside a coroutine. Elsewhere it runs the thread's loop meanwhile.
WEFT_MIXED_FN void sleep_for(clock::duration duration, place where = place::here());
WEFT_MIXED_FN void sleep_until(clock::time_point when, place where = place::here());

namespace detail {

/// Starts the operation and waits for its end. -ECANCELED when the task was cancelled before it was done.
WEFT_MIXED_FN std::int64_t wait_for(operation& op, char const* what, place where);

}  // namespace detail
}  // namespace weft
