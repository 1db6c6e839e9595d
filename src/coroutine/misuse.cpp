// Floor: coroutine

#include "coroutine/misuse.hpp"

#include <exception>
#include <weft/coroutine.hpp>

#include "coroutine/present_exception.hpp"
#include "stack/overflow.hpp"

namespace weft::detail {

namespace {

/// What a coroutine that can't be entered or destroyed is doing, and where.
std::string doing(control_block const& co) {
    switch (co.current_state()) {
        case state::running:
            return "while it is already running; it was entered at " + text(co.entered_at);
        case state::waiting: {
            std::string what = co.waits_for == nullptr ? "a wake-up" : co.waits_for;
            return "while it waits for " + what + " at " + text(co.suspended_at);
        }
        case state::queued:
            return "while it is queued to run on its loop; it was suspended at " + text(co.suspended_at);
        case state::done:
            return "after it has ended; it was last entered at " + text(co.entered_at);
        case state::suspended:
            break;
    }
    return "";
}

}  // namespace

void describe(control_block const& co, fixed_text& text) noexcept {
    text << "coroutine";
    if (co.name[0] != '\0') {
        text << " \"" << co.name << "\"";
    }
    text << " (id " << co.id << ", created at ";
    add_call_site(co.created_at, text);
    text << ")";
}

std::string describe(control_block const& co) {
    fixed_text text;
    describe(co, text);
    return std::string(text.view());
}

void die_of_enter(control_block const& co, call_site where) noexcept {
    die(where, describe(co) + " entered " + doing(co));
}

namespace {

char const* name_of(state s) noexcept {
    switch (s) {
        case state::suspended:
            return "suspended";
        case state::running:
            return "running";
        case state::waiting:
            return "waiting";
        case state::queued:
            return "queued";
        case state::done:
            return "done";
    }
    return "unknown";
}

}  // namespace

inline namespace WEFT_BUILT_WITH {

void die_of_transition(control_block const& co, state from, state to) noexcept {
    die(co.suspended_at, describe(co) + " was to become " + name_of(to) + " from " + name_of(from) + ", but is " +
                             name_of(co.status.load(std::memory_order_relaxed)) +
                             ": a fault in weft, or somebody wrote over its memory");
}

}  // namespace WEFT_BUILT_WITH

void die_of_ending_with_locks(control_block const& self) noexcept {
    die(self.created_at,
        describe(self) + " ended while it held a weft::mutex, or another lock, that nobody else can unlock");
}

void die_of_destroy(control_block const& co) noexcept {
    die({}, describe(co) + " destroyed " + doing(co));
}

void die_of_dropped_handle(control_block const& co) noexcept {
    die(co.suspended_at,
        describe(co) +
            " waits for a wake-up that can't come: the handle of its suspend() was destroyed without wake()");
}

void die_of_suspending_while_unwound(control_block const& co, std::uintptr_t swallowed_at) noexcept {
    fixed_text handler;
    if (swallowed_at != 0) {
        handler << "; the last such handler is";
        add_call_site(handler, swallowed_at);
    }
    die(co.suspended_at,
        describe(co) +
            " suspended while it was being destroyed: it waits for a wake-up there, or a catch (...) in a "
            "loop never throws weft::unwinding on" +
            std::string(handler.view()));
}

void die_of_suspending_where_nothing_may_be_thrown(control_block const& co) noexcept {
    die(co.suspended_at, describe(co) +
                             " destroyed while it was suspended in a destructor or another noexcept function, which "
                             "weft::unwinding can't leave");
}

void die_of_throwing_while_unwound(control_block const& co) noexcept {
    die(co.suspended_at,
        describe(co) + " threw while it was being destroyed, where nobody can catch it: " + text(co.failure));
}

std::exception_ptr caught_in(control_block const& co) noexcept {
    // Of what is no exception of C++ there is no pointer.
    if (std::exception_ptr thrown = present_exception()) [[likely]] {
        return thrown;
    }
    die({}, describe(co) +
                " ends its thread (pthread_exit, pthread_cancel), and so whoever entered it too; that was at " +
                text(co.entered_at));
}

std::exception_ptr caught_in_call(char const* what) noexcept {
    if (control_block const* self = this_thread().current) {
        return caught_in(*self);
    }
    if (std::exception_ptr thrown = present_exception()) [[likely]] {
        return thrown;
    }
    die({}, std::string(what) + " ends its thread (pthread_exit, pthread_cancel), and so would never be over");
}

void die_of_throwing_while_parked() noexcept {
    if (present_exception() == nullptr) {
        die({},
            "what was given to weft::suspend() ends its thread (pthread_exit, pthread_cancel), on whose stack it was "
            "called");
    }
    die({}, "what was given to weft::suspend() threw, where nobody can catch it: " + text(present_exception()));
}

}  // namespace weft::detail
