// Floor: coroutine
//
// Waiting inside a coroutine, and what keeps a wait from being ended early.

#pragma once

#include <utility>
#include <weft/detail/coroutine/executor.hpp>
#include <weft/detail/coroutine/switch.hpp>

namespace weft::detail {

/// Parks the calling coroutine until wake(). Its wake-up must come on this thread, after the coroutine has left; where it
/// may come from elsewhere, `after` has to be what lets others find the coroutine. `what`: nullptr for a bare suspend().
[[gnu::always_inline]] WEFT_COROUTINE_FN inline void park(control_block& self, char const* what, void const* on,
                                                          call_site where, park_action* after = nullptr) {
    thread_state& thread = this_thread();
    self.waits_for = what;
    self.waits_on = on;
    self.since = thread.now;
    self.home = thread.home;
    self.transition(state::suspended, state::waiting);
    forget_value(self.waits_on);
    WEFT_TRACE3(wait, &self, what == nullptr ? "a wake-up" : what, self.waits_on);
    leave(self, thread, after == nullptr ? parking : reinterpret_cast<std::uintptr_t>(after), where);
}

/// The caller's: the coroutine's, or the thread's outside one.
[[nodiscard]] inline stop_state& stop_of_caller() {
    thread_state& thread = this_thread();
    return thread.current != nullptr ? thread.current->stop : thread.stop;
}

/// During its lifetime the calling coroutine waits for what somebody holds: dump(), and the search for deadlocks, follow it.
/// `holder` lies in what is waited for, and is, or will be, the holder's runner(); see waiter.hpp.
class waits_for_holder {
public:
    /// Ends the program with a message if the wait would close a cycle of coroutines of this loop, each waiting for
    /// what the next one holds, none with a limit: nothing but a cancellation could end that.
    waits_for_holder(std::atomic<void const*> const& holder, call_site where) : self_(this_thread().current) {
        if (self_ != nullptr) {
            die_of_deadlock(*self_, holder, where);
            self_->holder = &holder;
        }
    }
    waits_for_holder(waits_for_holder const&) = delete;
    waits_for_holder& operator=(waits_for_holder const&) = delete;
    ~waits_for_holder() {
        if (self_ != nullptr) {
            self_->holder = nullptr;
        }
    }

private:
    static void die_of_deadlock(control_block const& self, std::atomic<void const*> const& holder, call_site where);

    control_block* const self_;
};

/// The caller's wait was refused, because it would have been ended at once. Who tries again and again never waits; so after some
/// refusals a task lets the others of its loop run.
WEFT_MIXED_FN void after_refusal();

/// Throws std::system_error: timed_out or operation_canceled, as the caller's waits were ended. `what` was waited for.
[[noreturn]] WEFT_MIXED_FN void throw_stopped(char const* what);

}  // namespace weft::detail
