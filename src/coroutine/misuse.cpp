// Floor 2: coroutine

#include "coroutine/misuse.hpp"

#include <cstdio>
#include <cstdlib>

namespace weft::detail {
namespace {

std::string text(place p) {
    return std::string(p.file()) + ':' + std::to_string(p.line());
}

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
        default:
            return "after it was destroyed";
    }
}

}  // namespace

std::string describe(control_block const& co) {
    std::string name = co.name[0] == '\0' ? "" : " \"" + std::string(co.name) + '"';
    return "coroutine" + name + " (id " + std::to_string(co.id) + ", created at " + text(co.created_at) + ')';
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

void die_of_suspending_while_unwound(control_block const& co) noexcept {
    die(co.suspended_at, describe(co) +
                             " suspended while it was being destroyed: a destructor suspends, or a "
                             "catch (...) did not throw weft::unwinding on");
}

}  // namespace weft::detail
