// Floor: task
//
// To and from C++20 coroutines and std::future.
//
//     int n = weft::await(library.read_async(buffer));        // in a weft coroutine: waits for a C++20 awaitable
//     int n = co_await weft::spawn([] { return work(); });    // in a C++20 coroutine: waits for a weft task
//     int n = weft::await(std::async(work));                  // waits for a std::future
//     std::future<int> f = weft::as_future(weft::spawn(work));    // a task as a std::future, for other threads
//
// An awaitable can't be cancelled: await() of one lasts until it resumes, whatever the caller's limits are.

#pragma once

#include <chrono>
#include <coroutine>
#include <future>
#include <utility>
#include <weft/detail/task/one_shot.hpp>
#include <weft/detail/task/outcome.hpp>
#include <weft/offload.hpp>
#include <weft/shield.hpp>
#include <weft/task.hpp>

namespace weft {

namespace detail {

template <class A>
decltype(auto) awaiter_of(A&& a) {
    if constexpr (requires { std::forward<A>(a).operator co_await(); }) {
        return std::forward<A>(a).operator co_await();
    } else if constexpr (requires { operator co_await(std::forward<A>(a)); }) {
        return operator co_await(std::forward<A>(a));
    } else {
        return std::forward<A>(a);
    }
}

template <class A>
using await_result = decltype(awaiter_of(std::declval<A>()).await_resume());

/// A C++20 coroutine that runs from its call on, and frees itself.
struct driver {
    struct promise_type {
        driver get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept { std::terminate(); }  // drive() lets none out
    };
};

/// `happened` and `result` lie on the waiter's stack; the waiter continues once `happened` is complete, on any
/// thread. It is completed in any case, also when the awaitable destroys this coroutine instead of resuming it.
template <class A, class T>
driver drive(A&& awaitable, outcome<T>& result, one_shot& happened) {
    struct last {
        one_shot& happened;
        ~last() { happened.complete(); }
    } at_end{happened};
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::forward<A>(awaitable);
            result.fill([] {});
        } else {
            T&& value = co_await std::forward<A>(awaitable);
            result.fill([&]() -> T { return std::forward<T>(value); });
        }
    } catch (...) {
        result.fail(caught_in_call("an awaitable"));
    }
}

/// co_await of a task: lies in the C++20 coroutine's frame while that waits, and can go with it at any time.
template <class T>
class task_awaiter : joiner {
public:
    explicit task_awaiter(task<T>&& t)
        : joiner{[](joiner& j) noexcept {
              auto& me = static_cast<task_awaiter&>(j);
              me.stop_waiting();  // before it goes on, and joins
              me.waiting_.resume();
          }},
          task_(std::move(t)) {}
    task_awaiter(task_awaiter const&) = delete;
    task_awaiter& operator=(task_awaiter const&) = delete;
    ~task_awaiter() {
        if (waits_) {
            stop_waiting();
        }
    }

    [[nodiscard]] bool await_ready() const { return task_.done(); }
    void await_suspend(std::coroutine_handle<> h) {
        waiting_ = h;
        set_joiner(*task_.state_, *this);
        waits_ = true;
    }
    T await_resume() { return task_.join(); }

private:
    void stop_waiting() noexcept {
        waits_ = false;
        task_.state_->waiting = nullptr;
    }

    task<T> task_;
    std::coroutine_handle<> waiting_;
    bool waits_ = false;
};

}  // namespace detail

/// Waits for a task inside a C++20 coroutine, which goes on, on the thread of the task's loop, right after the task's end.
/// Returns what the task returned, or throws what it threw. If the C++20 coroutine is destroyed meanwhile, the task is
/// cancelled and joined.
/// Threads: that of the task's loop.
template <class T>
auto operator co_await(task<T>&& t) {
    return detail::task_awaiter<T>(std::move(t));
}

/// Waits until the awaitable (what has operator co_await, or await_ready, await_suspend and await_resume) resumes, on
/// whatever thread; returns or throws what comes of it. Throws std::future_error (broken_promise) if the awaitable destroys
/// who waits. Suspends: inside a coroutine; elsewhere it blocks, or runs the thread's loop. Can't be ended early.
template <class A>
    requires requires {
        typename detail::await_result<A>;
    }
WEFT_MIXED_FN detail::await_result<A> await(A&& awaitable, call_site where = call_site::here()) {
    using T = detail::await_result<A>;
    detail::one_shot happened;
    detail::outcome<T> result;
    detail::drive<A, T>(std::forward<A>(awaitable), result, happened);
    shield guard;
    (void)happened.wait("an awaitable", where);
    return result.get();
}

/// Waits for a std::future. A std::future can't notify when it is ready, and a thread for each waiter would not
/// scale; so the coroutine polls it, at first after 20 us, later each millisecond. A deferred call is offloaded.
/// Throws std::system_error (operation_canceled, timed_out) when the wait ends early.
/// Suspends: inside a coroutine; elsewhere it runs the thread's loop.
template <class T>
WEFT_MIXED_FN T await(std::future<T> future, call_site where = call_site::here()) {
    std::chrono::microseconds nap(20);
    for (;;) {
        switch (future.wait_for(std::chrono::seconds(0))) {
            case std::future_status::ready:
                return future.get();
            case std::future_status::deferred:
                return offload([&]() -> T { return future.get(); }, where);
            case std::future_status::timeout:
                sleep_for(nap, where);
                nap = std::min(nap * 2, std::chrono::microseconds(1000));
        }
    }
}

/// A std::future for what the task returns or throws, for other threads. (On the loop's own thread, get() would block
/// the loop that has to run the task.) The task keeps running if the future is dropped; it is cancelled when run()
/// ends.
/// Threads: that of the task's loop. Suspends: no.
template <class T>
std::future<T> as_future(task<T> t) {
    std::promise<T> promise;
    std::future<T> future = promise.get_future();
    spawn({.name = "as_future"}, [t = std::move(t), promise = std::move(promise)]() mutable {
        try {
            if constexpr (std::is_void_v<T>) {
                t.join();
                promise.set_value();
            } else {
                promise.set_value(t.join());
            }
        } catch (...) {
            promise.set_exception(detail::caught_in_call("weft::as_future()"));
        }
    }).detach();
    return future;
}

}  // namespace weft
