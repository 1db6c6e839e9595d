// Floor: task
//
// What is said before the program ends because a task or a scope was used wrongly.

#pragma once

#include <weft/task.hpp>

namespace weft::detail {

/// Somebody waits for the task already, or the caller is the task. `done`: what is done to it.
[[noreturn]] void die_of_joining(task_state const& t, char const* done, call_site where) noexcept;

/// Ends the program with a message if somebody waits for the task already.
inline void check_not_joined(task_state const& t, char const* done, call_site where) {
    if (t.waiting != nullptr) [[unlikely]] {
        die_of_joining(t, done, where);
    }
}

/// The same, and if the caller is the task.
inline void check_joinable(task_state const& t, char const* done, call_site where) {
    if (t.waiting != nullptr || t.block == this_thread().current) [[unlikely]] {
        die_of_joining(t, done, where);
    }
}

/// The task of that scope which calls; nullptr if none does.
[[nodiscard]] control_block const* calling_task_of(scope const& s) noexcept;

[[nodiscard]] bool is_cancellation(std::exception_ptr const& failure) noexcept;

/// Whether the task ended with what must not be dropped: not with what its cancellation makes of a wait.
[[nodiscard]] inline bool has_failed(task_state const& t) noexcept {
    return t.failure && !(t.block->stop.cancelled && is_cancellation(t.failure));
}

/// For loop::before_end(): ends the program with a message if the loop's tasks have not ended.
void die_of_tasks_left(loop& l) noexcept;

}  // namespace weft::detail
