// Floor: task
//
// Something that happens once, on any thread; a coroutine of any loop, or a plain thread, waits for it.

#pragma once

#include <weft/detail/wait/waiter.hpp>

namespace weft::detail {

class one_shot {
public:
    one_shot() = default;
    one_shot(one_shot const&) = delete;
    one_shot& operator=(one_shot const&) = delete;

    /// It has happened. Afterwards nothing here is touched: whoever waited may destroy it.
    /// Threads: any. Suspends: no. Allocates: no.
    void complete() noexcept;

    /// Returns whether it has happened; false: the wait ended early.
    /// Threads: any, one at a time. Suspends: inside a coroutine; elsewhere it blocks, or runs the thread's loop.
    [[nodiscard]] WEFT_MIXED_FN bool wait(char const* what, call_site where);

private:
    friend class one_shot_happened;

    spin_lock lock_;
    waiter_list waiters_;
    bool done_ = false;
};

}  // namespace weft::detail
