// Floor: sync
//
// A call that is made once, by whoever comes first, while the others wait for its end:
//
//     static weft::once_flag connected;
//     weft::call_once(connected, [] { connect(); });      // connect() may suspend

#pragma once

#include <functional>
#include <utility>
#include <weft/detail/base/atomic.hpp>
#include <weft/mutex.hpp>

namespace weft {

class once_flag {
public:
    once_flag() = default;

    /// Whether a call has returned.
    [[nodiscard]] bool called() const { return called_.load(std::memory_order_acquire); }

private:
    template <class F, class... Args>
    friend void call_once(once_flag& flag, F&& f, Args&&... args);

    detail::atomic<bool> called_{false};
    mutex running_;
};

/// Calls `f(args...)` unless a call for this flag has returned; waits while another is under way. If `f` throws, the
/// next caller calls it. Only an atomic load once a call has returned. Ends the program with a message if `f` calls
/// call_once() for the same flag.
/// Throws std::system_error (operation_canceled) when the task is cancelled while it waits, and what `f` throws.
/// Threads: any. Suspends: inside a coroutine, if it has to wait, or `f` does; elsewhere it blocks. Allocates: no.
template <class F, class... Args>
WEFT_MIXED_FN void call_once(once_flag& flag, F&& f, Args&&... args) {
    if (flag.called()) {
        return;
    }
    std::scoped_lock lock(flag.running_);
    if (!flag.called()) {
        std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
        flag.called_.store(true, std::memory_order_release);
    }
}

}  // namespace weft
