// Floor: sync
//
// What is to be done once, by whoever comes first, while the others wait:
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

    /// Whether a call has come to its end.
    [[nodiscard]] bool called() const { return called_.load(std::memory_order_acquire); }

private:
    template <class F, class... Args>
    friend void call_once(once_flag& flag, F&& f, Args&&... args);

    detail::atomic<bool> called_{false};
    mutex running_;
};

/// Calls `f(args...)`, unless that was done already; waits while another does. If `f` throws, the next one calls it. No
/// atomic operation but a load when it was done.
/// Ends the program with a message if `f` calls it again for the same flag.
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
