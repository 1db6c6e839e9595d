// Floor: task
//
// Blocking calls, made on other threads so that the loop's own goes on:
//
//     std::string text = weft::offload([&] { return old_library_read(handle); });
//
// They run on the loop's pool of threads, which grows on demand, up to 64 calls at once, and ends threads that were
// idle for a second. Further calls wait for a thread, so calls that wait for each other may deadlock.
//
// The caller is suspended meanwhile, so `f` may use what lies on its stack. That is also why a call that has begun is
// always waited for: cancelling the caller, or its deadline, takes back only a call that has not begun. To end `f`
// early, hand it a token of a weft::stop_notice.

#pragma once

#include <memory>
#include <type_traits>
#include <weft/detail/task/outcome.hpp>
#include <weft/loop.hpp>

namespace weft {

namespace detail {

/// Calls `call(argument)` on a thread of the loop's pool. Throws if it was not called.
WEFT_MIXED_FN void offload(WEFT_NO_COROUTINE_FN void (*call)(void*), void* argument, call_site where);

}  // namespace detail

/// Calls `f()` on a thread of the pool; returns what it returns, or throws what it throws.
/// Throws std::system_error: operation_canceled or timed_out if the wait ended before `f` had begun (then it is not
/// called), resource_unavailable_try_again if no thread is available.
/// Threads: any. Suspends: inside a coroutine; elsewhere it runs the thread's loop.
template <class F>
WEFT_MIXED_FN std::invoke_result_t<F&> offload(WEFT_NO_COROUTINE_FN F&& f, call_site where = call_site::here()) {
    struct job {
        std::remove_reference_t<F>* f;
        detail::outcome<std::invoke_result_t<F&>> result;
    } mine{std::addressof(f), {}};
    detail::offload(
        [](void* argument) {
            auto& j = *static_cast<job*>(argument);
            j.result.fill(*j.f);
        },
        &mine, where);
    return mine.result.get();
}

}  // namespace weft
