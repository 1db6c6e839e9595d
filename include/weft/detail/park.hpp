// Floor 2: coroutine
//
// Waiting inside a coroutine, and being interrupted in it. What waits sets control_block::wait for the time, so that
// interrupt() can end the wait; a wait that begins after interrupt() ends at once.

#pragma once

#include <utility>
#include <weft/detail/executor.hpp>
#include <weft/detail/switch.hpp>

namespace weft::detail {

/// Parks the calling coroutine until wake(). Its wake-up must come on this thread, after the coroutine has left; where it
/// may come from elsewhere, `after` has to be what lets others find the coroutine.
[[gnu::always_inline]] inline void park(control_block& self, char const* what, void const* on, place where,
                                        park_action* after = nullptr) {
    thread_state& thread = this_thread();
    self.waits_for = what;
    self.waits_on = on;
    self.since = thread.now;
    self.home = thread.home;
    self.status.store(state::waiting, std::memory_order_relaxed);
    leave(self, thread, self.set_aside, reinterpret_cast<std::uintptr_t>(after), where);
}

/// Ends the waits of a coroutine, the present one and all to come, with operation_canceled.
/// Threads: that of the coroutine's loop.
inline void interrupt(control_block& co, stop_reason reason) noexcept {
    co.stop = reason;
    if (co.wait != nullptr && co.shielded == 0) {
        interruptible_wait& wait = *std::exchange(co.wait, nullptr);
        wait.interrupt(wait);
    }
}

/// While it lives, interrupt() does not reach the calling coroutine's waits. For what has to be waited for anyway.
class uninterrupted {
public:
    uninterrupted() : self_(this_thread().current) {
        if (self_ != nullptr) {
            ++self_->shielded;
        }
    }
    uninterrupted(uninterrupted const&) = delete;
    uninterrupted& operator=(uninterrupted const&) = delete;
    ~uninterrupted() {
        if (self_ != nullptr) {
            --self_->shielded;
        }
    }

private:
    control_block* self_;
};

}  // namespace weft::detail
