// Floor: task
//
// Several loops, each on a thread of its own; usually one for each processor:
//
//     weft::runtime rt;
//     for (unsigned i = 0; i < rt.size(); ++i) {
//         rt.spawn_on(i, [&] { serve(listen_on_the_same_port_as_the_others()); });
//     }
//     int code = rt.run([&] { return wait_for_the_end(); });
//     // ~runtime: what runs is cancelled and waited for, on all loops; then the threads end
//
// A task stays on its loop unless it says move_to(rt.at(i)); what it spawns with weft::spawn() is on the same one.

#pragma once

#include <atomic>
#include <memory>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>
#include <weft/await_callback.hpp>
#include <weft/limit.hpp>
#include <weft/task.hpp>

namespace weft {

namespace detail {
class offered_tasks;
class runtime_loop;
[[noreturn]] void die_of_empty_remote_task(char const* call, call_site where) noexcept;
}  // namespace detail

struct runtime_options {
    unsigned threads = 0;  ///< 0: as many as there are processors that the process may use.
    bool pin = false;      ///< Binds each thread to a processor of its own.
    /// A task of spawn() starts on whichever loop has time for it first, and not on the next in turn: for tasks of which some
    /// compute for long. A task that has started stays where it is.
    bool steal = false;
    time_span stall_limit = {};  ///< Not 0: each loop has a stall_detector with that limit.
};

/// Refers to a task of a runtime; joins and cancels it from any thread. The runtime owns the task: when this object
/// is destroyed the task keeps running, and its result or exception is dropped. Moves, does not copy.
template <class T>
class [[nodiscard]] remote_task {
public:
    remote_task(std::shared_ptr<detail::awaited<T>> state, std::stop_source stop)
        : state_(std::move(state)), stop_(std::move(stop)) {}
    remote_task(remote_task&&) noexcept = default;
    remote_task& operator=(remote_task&&) noexcept = default;
    ~remote_task() = default;

    /// Waits for the end; returns what the body returned, or throws what it threw. Once: ends the program with a
    /// message when it was joined or detached before.
    /// Throws std::system_error when the wait ends early (the task keeps running), and std::future_error
    /// (broken_promise) when the runtime was stopped before the task had begun.
    /// Threads: any. Suspends: inside a coroutine; elsewhere it blocks, or runs the thread's loop.
    WEFT_MIXED_FN T join(call_site where = call_site::here()) {
        if (!state("join()", where).happened.wait("a task of another loop", where)) {
            detail::throw_stopped("join");
        }
        return std::exchange(state_, nullptr)->result.get();
    }

    /// Asks the task to end: its present wait and all later ones end with operation_canceled.
    /// Threads: any.
    void cancel() { stop_.request_stop(); }

    /// Gives up the result; the task keeps running.
    void detach() { state_ = nullptr; }

private:
    friend class when::ended<remote_task>;

    detail::awaited<T>& state(char const* call, call_site where) const {
        if (state_ == nullptr) [[unlikely]] {
            detail::die_of_empty_remote_task(call, where);
        }
        return *state_;
    }

    std::shared_ptr<detail::awaited<T>> state_;
    std::stop_source stop_;
};

class runtime {
public:
    /// Starts the threads. Throws std::system_error when a thread or a loop can't be made.
    WEFT_MIXED_FN explicit runtime(runtime_options const& options = {});
    WEFT_MIXED_FN explicit runtime(unsigned threads) : runtime(runtime_options{.threads = threads}) {}
    runtime(runtime const&) = delete;
    runtime& operator=(runtime const&) = delete;
    /// As stop().
    WEFT_MIXED_FN ~runtime();

    /// How many loops there are.
    [[nodiscard]] unsigned size() const { return static_cast<unsigned>(workers_.size()); }
    /// The loop number `i`, modulo size().
    [[nodiscard]] loop& at(unsigned i);

    /// Starts a task on the loop number `i`, modulo size(). Threads: any. Suspends: no.
    template <class F>
    auto spawn_on(unsigned i, WEFT_COROUTINE_FN F&& f, call_site where = call_site::here()) {
        return spawn_by([&](auto&& start) { at(i).post(std::forward<decltype(start)>(start), where); },
                        std::forward<F>(f), where);
    }

    /// Starts a task on each loop in turn; with runtime_options::steal, on the one that has time for it first.
    /// Threads: any. Suspends: no.
    template <class F>
    auto spawn(WEFT_COROUTINE_FN F&& f, call_site where = call_site::here()) {
        if (offered_ == nullptr) {
            return spawn_on(next_.fetch_add(1, std::memory_order_relaxed), std::forward<F>(f), where);
        }
        return spawn_by([&](auto&& start) { offer(*detail::make_posted(std::forward<decltype(start)>(start), where)); },
                        std::forward<F>(f), where);
    }

    /// Runs `body()` as a task on one of the loops, and waits until it has ended. Returns what it returned, or throws what
    /// it threw. Suspends: inside a coroutine; elsewhere it blocks, or runs the thread's loop.
    template <class F>
    WEFT_MIXED_FN auto run(WEFT_COROUTINE_FN F&& body, call_site where = call_site::here()) {
        return spawn(std::forward<F>(body), where).join(where);
    }

    /// Cancels all tasks, waits for them, and ends the threads. The tasks may still spawn others meanwhile; a spawn
    /// afterwards ends the program with a message. Idempotent. Ends the program with a message on one of its own
    /// threads.
    WEFT_MIXED_FN void stop(call_site where = call_site::here());

private:
    struct worker;

    /// `hand_over(start)` has some loop call `start()`.
    template <class HandOver, class F>
    auto spawn_by(HandOver hand_over, WEFT_COROUTINE_FN F&& f, call_site where) {
        using T = std::invoke_result_t<std::decay_t<F>&>;
        auto state = std::make_shared<detail::awaited<T>>();
        std::stop_source stop;
        struct body {
            completion<T> done;
            std::stop_token stop;
            WEFT_COROUTINE_FN std::decay_t<F> f;
            void operator()() {
                done.with_result_of([this]() -> T { return with_limit(stop, f); });
            }
        };
        completion<T> done(state);
        hand_over([b = body{done, stop.get_token(), std::forward<F>(f)}, done, where]() mutable {
            try {
                weft::spawn(std::move(b), where).detach();
            } catch (...) {
                done.fail(detail::caught_in_call("weft::runtime::spawn()"), where);
            }
        });
        return remote_task<T>(std::move(state), std::move(stop));
    }

    void offer(detail::posted& start);
    std::unique_ptr<detail::offered_tasks> offered_;  ///< With runtime_options::steal.
    std::vector<std::unique_ptr<worker>> workers_;
    detail::runtime_loop* first_ = nullptr;  ///< Of those that run.
    std::atomic<unsigned> next_{0};
    bool stopped_ = false;
    std::atomic<bool> ended_{false};
};

}  // namespace weft
