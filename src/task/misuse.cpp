// Floor: task

#include "task/misuse.hpp"

#include <string>
#include <system_error>

#include "base/fatal.hpp"
#include "coroutine/misuse.hpp"

namespace weft::detail {

void die_of_joining(task_state const& t, char const* done, call_site where) noexcept {
    std::string what = "a task was " + std::string(done);
    if (t.waiting == nullptr) {
        die(where, what + " by itself, and would wait for its own end for ever: " + describe(*t.block));
    }
    die(where, what + " while it is joined already, at " + text(t.waiting->where) +
                   ": it has one owner, who joins it once; " + describe(*t.block));
}

void die_of_empty_task(char const* call, last_task const& last, call_site where) noexcept {
    if (last.id == 0) {
        die(where, std::string(call) + " called on an empty weft::task (moved from, or default-constructed)");
    }
    die(where, std::string(call) + " called on a weft::task that was joined or detached before, at " +
                   text(last.gone_at) + "; it was coroutine " + std::to_string(last.id) + ", created at " +
                   text(last.created_at));
}

void die_of_moving_while_joined(task_state const& t, call_site where) noexcept {
    die(where, "a weft::task was moved while it is joined here: " + describe(*t.block));
}

control_block const* calling_task_of(scope const& s) noexcept {
    control_block const* self = this_thread().current;
    bool is_task = self != nullptr && self->at_end == &at_end_of_task;
    return is_task && static_cast<task_state const*>(self->maker_data)->owner == &s ? self : nullptr;
}

bool is_cancellation(std::exception_ptr const& failure) noexcept {
    try {
        std::rethrow_exception(failure);
    } catch (std::system_error const& e) {
        return e.code() == std::errc::operation_canceled;
    } catch (...) {
        return false;
    }
}

}  // namespace weft::detail
