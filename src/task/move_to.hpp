// Floor: task
//
// Tasks that are on another loop than the one they belong to.

#pragma once

#include <weft/task.hpp>

namespace weft::detail {

/// Ends the program with a message unless the task belongs to the calling thread's loop. `done`: what was done to it.

[[noreturn]] void die_of_other_thread(task_state const& t, char const* done, call_site where) noexcept;

inline void check_thread(task_state const& t, char const* done, call_site where) {
    if (t.home != this_thread().home) [[unlikely]] {
        die_of_other_thread(t, done, where);
    }
}

/// For a task that has travelled: sees to it that it is cancelled where it is. Returns false if it is at home.
bool cancel_elsewhere(task_state& t) noexcept;

/// Cancels the tasks of other loops that are on this one.
void cancel_guests(tasks_of_loop& here) noexcept;

/// For a task that has ended on another loop: has finish() called at home.
void finish_at_home(task_state& t) noexcept;

void forget_travels(task_state& t) noexcept;

}  // namespace weft::detail
