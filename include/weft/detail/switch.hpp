// Floor 2: coroutine
//
// Entering and leaving: the fast paths, inline, and where they leave for the slow ones.
//
// What a switch costs is its stores, about 0.25 ns each (docs/decisions/0001-the-switch.md). So the fast paths make as few
// as they can: a place is one word, `left` tells a running coroutine from a suspended one, and the enterer's registers are
// saved in the thread's state, where leaving finds them at once, and not behind the coroutine's address.
//
// A thread's exception state is empty whenever a switch happens on the fast path. Whoever switches while it is not (an
// enter from inside a catch block, a yield inside one) takes the slow path, which puts the state aside and back.

#pragma once

#include <weft/detail/control_block.hpp>

namespace weft::detail {

[[nodiscard]] control_block& current_or_die(char const* what, place where);

/// Switches into `co`, which was found fit to run, and comes back when it leaves. No coroutine runs on this thread.
[[gnu::always_inline]] inline std::uintptr_t resume(control_block& co, thread_state& thread, std::uintptr_t word) {
    void* to = co.left;
    co.left = nullptr;
    thread.current = &co;
    if (co.base.enterer != &thread.enterer) [[unlikely]] {
        co.base.enterer = &thread.enterer;
    }
    co.fiber.before_enter();
    std::uintptr_t result = context::enter(thread.enterer, to, word);
    co.fiber.after_enter();
    this_thread().current = nullptr;
    return result;
}

/// As resume(), for all that it does not do: misuse, a coroutine that enters another, exceptions in flight, a thread's
/// first enter.
std::uintptr_t resume_slowly(control_block& co, std::uintptr_t word, place where);

[[gnu::always_inline]] inline std::uintptr_t enter(control_block& co, place where) {
    thread_state& thread = this_thread();
    if (co.left == nullptr || thread.exceptions->any() || thread.current != nullptr) [[unlikely]] {
        return resume_slowly(co, go_on, where);
    }
    co.entered_at = where;
    return resume(co, thread, go_on);
}

/// Throws what unwinds a coroutine that is being destroyed.
[[noreturn]] void throw_unwinding();

/// As leave(), with exceptions in flight.
std::uintptr_t leave_slowly(control_block& self, std::uintptr_t word);

/// Goes back to the enterer, handing it `word`, and comes back when entered again. The context goes to `slot`: `left`, or
/// `set_aside` for a coroutine that can't be entered before something else has happened.
[[gnu::always_inline]] inline void leave(control_block& self, thread_state& thread, void*& slot, std::uintptr_t word,
                                         place where) {
    self.suspended_at = where;
    std::uintptr_t order;
    if (thread.exceptions->any()) [[unlikely]] {
        order = leave_slowly(self, word);
    } else {
        self.fiber.before_leave(false);
        order = context::leave(slot, thread.enterer, word);
        self.fiber.arrived();
    }
    if (order != go_on) [[unlikely]] {
        throw_unwinding();
    }
}

/// Makes a coroutine that was queued fit to be entered.
inline void dequeued(control_block& co) {
    co.status.store(state::suspended, std::memory_order_relaxed);
    if (!co.exceptions.any()) [[likely]] {
        co.left = co.set_aside;
        co.set_aside = nullptr;
    }
}

/// After an enter came back with anything but `yielded`: runs the park action, or takes note of the end. Returns whether
/// the coroutine is done.
bool after_leave(control_block& co, std::uintptr_t word);

}  // namespace weft::detail
