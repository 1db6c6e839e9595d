// Floor 2: coroutine

#include "coroutine/misuse.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <weft/coroutine.hpp>

#include "coroutine/text.hpp"
#include "stack/overflow.hpp"

namespace weft::detail {

std::string text(place p) {
    fixed_text text;
    add_place(p, text);
    return std::string(text.view());
}

std::string text(std::exception_ptr const& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (std::exception const& e) {
        return e.what();
    } catch (...) {
        return "an exception that is no std::exception";
    }
}

namespace {

/// What a coroutine that can't be entered or destroyed is doing, and since where.
std::string doing(control_block const& co) {
    switch (co.current_state()) {
        case state::running:
            return "while it is already running; it was entered at " + text(co.entered_at);
        case state::waiting: {
            std::string what = co.waits_for == nullptr ? "a wake-up" : co.waits_for;
            return "while it waits for " + what + " since " + text(co.suspended_at);
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

void add_place(place p, fixed_text& text) noexcept {
    if (*p.file() == '\0') {
        text << "an unknown place";
        return;
    }
    text << p.file() << ":" << std::uint64_t{p.line()};
}

void describe(control_block const& co, fixed_text& text) noexcept {
    text << "coroutine";
    if (co.name[0] != '\0') {
        text << " \"" << co.name << "\"";
    }
    text << " (id " << co.id << ", created at ";
    add_place(co.created_at, text);
    text << ")";
}

std::string describe(control_block const& co) {
    fixed_text text;
    describe(co, text);
    return std::string(text.view());
}

void die(place where, std::string const& what) noexcept {
    std::string at = *where.file() == '\0' ? "" : text(where) + ": ";
    std::fprintf(stderr, "weft: %s%s\n", at.c_str(), what.c_str());
    std::fflush(stderr);
    std::abort();
}

void die_of_enter(control_block const& co, place where) noexcept {
    die(where, describe(co) + " entered " + doing(co));
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
        add_place(handler, swallowed_at);
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
    if (std::exception_ptr thrown = std::current_exception()) [[likely]] {
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
    if (std::exception_ptr thrown = std::current_exception()) [[likely]] {
        return thrown;
    }
    die({}, std::string(what) + " ends its thread (pthread_exit, pthread_cancel), and so would never be over");
}

void die_of_throwing_while_parked() noexcept {
    if (std::current_exception() == nullptr) {
        die({},
            "what was given to weft::suspend() ends its thread (pthread_exit, pthread_cancel), on whose stack it was "
            "called");
    }
    die({}, "what was given to weft::suspend() threw, where nobody can catch it: " + text(std::current_exception()));
}

}  // namespace weft::detail
