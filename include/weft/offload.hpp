// Floor: task
//
// Calls that block a thread, made from where no thread may be blocked:
//
//     std::string text = weft::offload([&] { return old_library_read(handle); });
//
// They run on the loop's pool of threads, which grows as it has to, up to 64 calls at once, and ends threads that had
// nothing to do for a second. What there is more of waits its turn: so calls that wait for each other may wait for ever.
//
// Outside the pool's threads nothing of the coroutine runs meanwhile, so `f` may use what lies on its stack. That is also
// why a call that has begun is waited for in any case: cancelling the caller, or the end of its time, takes back a call
// that has not begun, and nothing else. `f` can be told by other means, a std::stop_token for instance.

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

/// Calls `f()` on a thread of its own; returns what it returns, or throws what it throws.
/// Throws std::system_error: operation_canceled or timed_out if the wait was to end before `f` had begun (then it is not
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
