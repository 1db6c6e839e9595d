// Floor: wait
//
// How long to wait. A limit is a deadline, a std::stop_token, or both; it holds for every wait inside:
//
//     weft::with_limit(5s, [&] {               // a duration, a time_point, a std::stop_token
//         weft::tcp_stream s = weft::tcp_stream::connect(address);
//         s.write_all(request);                 // in all, five seconds
//         s.read_exact(reply);
//     });
//
// A wait that meets a limit throws std::system_error: timed_out, or operation_canceled when a stop was requested.
// Limits nest; the tightest wins. After a limit was met, each further wait inside it ends at once, until the scope is
// left. Works in coroutines and in plain threads, but not in a coroutine that no loop runs: nothing could watch the
// time for it.

#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <system_error>
#include <utility>
#include <weft/detail/base/atomic.hpp>
#include <weft/detail/coroutine/park.hpp>
#include <weft/marks.hpp>

namespace weft {

/// When to stop waiting: at a moment, after a time from now, at a stop_token's request, or at the first of two.
/// Converts from each. A moment or a time that is too far away for the clock is no limit; one in the past has been
/// met.
class limit {
public:
    template <class Duration>
    limit(std::chrono::time_point<clock, Duration> deadline) : deadline_(detail::in_ticks(deadline)) {}
    template <class Rep, class Period>
    limit(std::chrono::duration<Rep, Period> time)
        : deadline_(detail::later(detail::time_now(), detail::in_ticks(time))) {}
    limit(std::stop_token stop) : stop_(std::move(stop)) {}
    limit(clock::time_point deadline, std::stop_token stop) : deadline_(deadline), stop_(std::move(stop)) {}

    [[nodiscard]] clock::time_point deadline() const { return deadline_; }
    [[nodiscard]] std::stop_token const& stop() const { return stop_; }

private:
    clock::time_point deadline_ = clock::time_point::max();
    std::stop_token stop_;
};

/// Limits the caller's waits during its lifetime. Make it on the caller's own stack. Ends the program with a message
/// in a coroutine that no loop runs.
/// Threads: the one that made it. Suspends: no. Allocates: no.
class limited {
public:
    [[nodiscard]] explicit limited(limit const& l, call_site where = call_site::here());
    limited(limited const&) = delete;
    limited& operator=(limited const&) = delete;
    ~limited();

    /// Whether this limit was met: its deadline has passed, or its stop was requested.
    [[nodiscard]] bool met() const { return reason_ != detail::stop_reason::none; }

    /// Lets a loop watch these limits, or, with nullptr, the thread's own waits. Called by loops.
    static void attach(detail::stop_state& whose, detail::executor* to);
    /// Stops watching until attach(): for a coroutine that moves to another loop. What happens meanwhile is found by
    /// attach().
    static void detach(detail::stop_state& whose) noexcept;
    /// The first deadline among those limits. For a thread that waits without a loop.
    [[nodiscard]] static clock::time_point first_deadline(detail::stop_state const& whose);
    /// Whether `innermost`, or one outside it, was met.
    [[nodiscard]] static bool any_met(limited const* innermost) noexcept;
    /// Meets those that are to be met, for a thread that waits without a loop.
    static void look(detail::stop_state& whose, clock::time_point now) noexcept;

private:
    struct asked : detail::posted {
        explicit asked(limited* l) : detail::posted{.run = &meet_posted}, me(l) {}
        limited* me;
    };
    struct on_stop {
        limited* me;
        void operator()() const noexcept { me->stop_requested(); }
    };

    static void meet_posted(detail::posted* p);
    void stop_requested() noexcept;
    void meet(detail::stop_reason why) noexcept;
    void watch(detail::executor* home);
    void stop_watching() noexcept;

    detail::stop_state& whose_;
    limited* const outer_;
    detail::executor* home_ = nullptr;
    clock::time_point const deadline_;
    std::stop_token const stop_;
    detail::stop_reason reason_ = detail::stop_reason::none;
    timer timer_;
    asked asked_{this};
    detail::atomic<bool> stop_asked_{false};
    std::optional<std::stop_callback<on_stop>> callback_;
};

/// Calls `f()` with its waits limited. Suspends: if `f` does.
template <class F>
WEFT_MIXED_FN decltype(auto) with_limit(limit const& l, F&& f, call_site where = call_site::here()) {
    limited guard(l, where);
    return std::forward<F>(f)();
}

/// Calls `f()`, which waits. Returns false if `l` ended the wait; an outer limit that ends it still throws.
/// Threads: any. Suspends: if `f` does. Allocates: no.
template <class F>
WEFT_MIXED_FN bool within(limit const& l, F&& f, call_site where = call_site::here()) {
    limited guard(l, where);
    try {
        std::forward<F>(f)();
        return true;
    } catch (std::system_error const&) {
        if (!guard.met()) {
            throw;
        }
        return false;
    }
}

}  // namespace weft
