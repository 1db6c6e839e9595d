// Floor: task
//
// Any callback API as a call:
//
//     std::string answer = weft::await_callback<std::string>([&](weft::completion<std::string> done) {
//         client.ask("question", [done](std::string text, int error) {
//             error == 0 ? done(std::move(text)) : done.fail(std::error_code(error, client_errors()));
//         });
//     });
//
// The completion copies, and is called once, by any thread, also before `start` returns.
//
//      start(done) ----> the API keeps copies of `done` ----> done(value)             the wait ends: value
//                                 |                     \---> done.fail(why)          the wait ends: throws
//                                 \--> the last copy is destroyed without a call      the wait ends: broken_promise
//
// If the API keeps a copy for ever and never calls it, the wait does not end by itself: set a limit (limit.hpp). A
// wait that ends early does not stop the API; a later call of the completion is allowed, and its value is dropped. So
// buffers that the API writes to must not lie on the waiter's stack, unless the wait can't be ended (weft::shield).

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>
#include <weft/detail/task/one_shot.hpp>
#include <weft/detail/task/outcome.hpp>

namespace weft {

namespace detail {

[[noreturn]] void completed_twice(call_site where);

/// What a completion's copies and the waiter share.
template <class T>
struct awaited {
    one_shot happened;
    outcome<T> result;
    std::atomic<std::uint32_t> called{0};  // a bool needs libatomic on riscv64

    template <class F>
    void complete(F&& fill, call_site where) {
        if (called.exchange(1, std::memory_order_relaxed) != 0) {
            completed_twice(where);
        }
        fill(result);
        happened.complete();
    }
    void abandon() noexcept {
        if (!called.load(std::memory_order_relaxed)) {
            happened.complete();
        }
    }
};

}  // namespace detail

/// Ends the wait of await_callback(), once; see above. Copyable.
template <class T>
class completion {
public:
    explicit completion(std::shared_ptr<detail::awaited<T>> const& state)
        : state_(state.get(), [state](detail::awaited<T>* s) { s->abandon(); }) {}

    /// The wait ends with `value`, or, if taking it throws, with that. Ends the program with a message if it was ended by
    /// a completion before. Threads: any; the copies may be called on different ones. Suspends: no.
    template <class Value>
        requires(!std::is_void_v<T> && std::is_constructible_v<T, Value>)
    void operator()(Value&& value, call_site where = call_site::here()) const {
        state_->complete([&](auto& result) { result.fill([&]() -> T { return T(std::forward<Value>(value)); }); },
                         where);
    }
    void operator()(call_site where = call_site::here()) const requires(std::is_void_v<T>) {
        state_->complete([](auto& result) { result.fill([] {}); }, where);
    }

    /// The wait ends with what `f()` returns, or throws what it throws. As operator().
    template <class F>
    void with_result_of(F&& f, call_site where = call_site::here()) const {
        state_->complete([&](auto& result) { result.fill(f); }, where);
    }

    /// The wait throws `why`. Otherwise as operator().
    void fail(std::exception_ptr why, call_site where = call_site::here()) const {
        state_->complete([&](auto& result) { result.fail(std::move(why)); }, where);
    }
    /// The wait throws std::system_error.
    void fail(std::error_code why, call_site where = call_site::here()) const {
        fail(std::make_exception_ptr(std::system_error(why)), where);
    }

private:
    std::shared_ptr<detail::awaited<T>> state_;
};

/// Calls `start(completion<T>)`, here, and waits until the completion was called. Returns or throws what it was
/// given.
/// Throws what `start` throws; std::future_error (broken_promise) if the last copy was destroyed without a call;
/// std::system_error (operation_canceled, timed_out) when the wait ends early. A caller that is already cancelled
/// does not call `start`. Suspends: inside a coroutine; elsewhere it blocks, or runs the thread's loop.
template <class T, class Start>
WEFT_MIXED_FN T await_callback(Start&& start, call_site where = call_site::here()) {
    if (detail::stop_of_caller().asked()) {
        detail::throw_stopped("await_callback");
    }
    auto state = std::make_shared<detail::awaited<T>>();
    std::forward<Start>(start)(completion<T>(state));
    if (!state->happened.wait("a callback", where)) {
        detail::throw_stopped("await_callback");
    }
    return state->result.get();
}

}  // namespace weft
