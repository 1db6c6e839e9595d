// Floor: coroutine
//
// Entering and leaving: the fast paths, inline, and where they leave for the slow ones.
//
// What a switch costs is its stores, about 0.25 ns each (docs/decisions/0001-the-switch.md). So the fast paths make as few
// as they can: a call site is one word, `saved` tells a running coroutine from a suspended one, and the enterer's registers are
// saved in the thread's state, where leaving finds them at once, and not behind the coroutine's address.
//
// A thread's exception state is empty whenever a switch happens on the fast path. Whoever switches while it is not (an
// enter from inside a catch block, a yield inside one) takes the slow path, which puts the state aside and back. So does
// each enter of a coroutine that keeps its FPU control words: between enters its context is always set aside.

// An inlined switch lists the registers that it leaves changed, and gcc lets it name only those that the whole file is compiled
// for. A file with a function that is compiled for more, by __attribute__((target("avx512f"))), say, and that enters or
// suspends, defines WEFT_SWITCH_OUT_OF_LINE before it includes weft: then each switch is a plain call, around which the compiler
// saves those registers by itself. docs/platforms.md says what it costs.

#pragma once

#include <utility>
#include <weft/detail/base/trace.hpp>
#include <weft/detail/coroutine/control_block.hpp>

namespace weft::detail {

[[nodiscard]] control_block& current_or_die(char const* what, call_site where);

[[gnu::always_inline]] inline std::uintptr_t switch_between(context::frame& from, context::frame const& to,
                                                            void* stack_pointer, std::uintptr_t word) {
#if defined(WEFT_SWITCH_OUT_OF_LINE)
    return context::switch_out_of_line(from, to, stack_pointer, word);
#else
    return context::switch_to(from, to, stack_pointer, word);
#endif
}

/// Before `self` enters another: the frame of whoever entered it is put aside, where it stays until `self` leaves. So of many
/// that it enters one after the other, only the first costs that.
[[gnu::always_inline]] inline void put_enterer_aside(control_block& self, thread_state& thread) {
    if (self.base.enterer == &thread.enterer) {
        self.outer = thread.enterer;
        self.outer_entered_by = thread.entered_by;
        self.base.enterer = &self.outer;
    }
}

/// Before `self` leaves.
[[gnu::always_inline]] inline void put_enterer_back(control_block& self, thread_state& thread) {
    if (self.base.enterer != &thread.enterer) [[unlikely]] {
        thread.enterer = self.outer;
        thread.entered_by = self.outer_entered_by;
        self.base.enterer = &thread.enterer;
    }
}

/// Switches into `co`, which was found fit to run, and comes back when it leaves. `from`: the coroutine that runs on this
/// thread, if there is one. Its enterer has been put aside.
[[gnu::always_inline]] inline std::uintptr_t resume(control_block& co, thread_state& thread, std::uintptr_t word,
                                                    control_block* from) {
    void* stack_pointer = std::exchange(co.saved.stack_pointer, nullptr);
    thread.current = &co;
    if (co.base.enterer != &thread.enterer) [[unlikely]] {
        WEFT_TRACE2(migrate, &co, &thread);
        co.base.enterer = &thread.enterer;
    }
    if (has_trace_points && from != nullptr) {
        thread.entered_by = from;
    }
    forget_value(thread.entered_by);
    WEFT_TRACE2(enter, thread.entered_by, &co);
    co.sanitizer.before_enter();
    std::uintptr_t result = switch_between(thread.enterer, co.saved, stack_pointer, word);
    co.sanitizer.after_enter();
    this_thread().current = from;
    return result;
}

/// As resume(), for all that it does not do: misuse, exceptions in flight, FPU control words, a thread's first enter.
std::uintptr_t resume_slowly(control_block& co, std::uintptr_t word, call_site where);

[[gnu::always_inline]] inline std::uintptr_t enter(control_block& co, call_site where) {
    thread_state& thread = this_thread();
    if (co.saved.stack_pointer == nullptr || thread.exceptions->any()) [[unlikely]] {
        return resume_slowly(co, go_on, where);
    }
    control_block* from = thread.current;
    if (from != nullptr) [[unlikely]] {  // twice, because a constant has not to be kept across the switch
        co.entered_at = where;
        put_enterer_aside(*from, thread);
        return resume(co, thread, go_on, from);
    }
    co.entered_at = where;
    return resume(co, thread, go_on, nullptr);
}

/// What a handler of `catch (...)` has caught. What unwinds a thread that ends (pthread_exit, pthread_cancel) is no exception of C++,
/// and can't leave the coroutine, on whose stack the thread did not begin: ends the program with a message.
[[nodiscard]] std::exception_ptr caught_in(control_block const& co) noexcept;

/// The same for a call that is made in a coroutine or on a thread that has none, and whose result others wait for. `what` it is.
[[nodiscard]] std::exception_ptr caught_in_call(char const* what) noexcept;

/// Throws what unwinds a coroutine that is being destroyed.
[[noreturn]] void throw_unwinding();

/// As leave(), with exceptions in flight.
WEFT_COROUTINE_FN std::uintptr_t leave_slowly(control_block& self, std::uintptr_t word, call_site where);

/// Ends the program with a message if the coroutine holds a mutex that belongs to threads.
void die_if_it_holds_a_mutex(control_block const& self, call_site where);

/// Goes back to the enterer, handing it `word`, and comes back when entered again, with the order that it is given. For a
/// thread with no exceptions in flight.
[[gnu::always_inline]] WEFT_COROUTINE_FN inline std::uintptr_t leave_quickly(control_block& self, thread_state& thread,
                                                                             std::uintptr_t word, call_site where) {
#if defined(WEFT_CHECK_MUTEXES)
    die_if_it_holds_a_mutex(self, where);
#endif
    self.suspended_at = where;
    put_enterer_back(self, thread);
    WEFT_TRACE2(yield, &self, thread.entered_by);
    self.sanitizer.before_leave(false);
    std::uintptr_t order = switch_between(self.saved, thread.enterer, thread.enterer.stack_pointer, word);
    self.sanitizer.arrived();
    return order;
}

/// The same for any.
[[gnu::always_inline]] WEFT_COROUTINE_FN inline std::uintptr_t leave_for_order(control_block& self,
                                                                               thread_state& thread,
                                                                               std::uintptr_t word, call_site where) {
    if (thread.exceptions->any()) [[unlikely]] {
        return leave_slowly(self, word, where);
    }
    return leave_quickly(self, thread, word, where);
}

/// The same for whoever can be unwound.
[[gnu::always_inline]] WEFT_COROUTINE_FN inline void leave(control_block& self, thread_state& thread,
                                                           std::uintptr_t word, call_site where) {
    if (leave_for_order(self, thread, word, where) != go_on) [[unlikely]] {
        throw_unwinding();
    }
}

/// Where a coroutine switches to that its loop has entered.
struct way {
    context::frame* to;  ///< nullptr: back to the loop.
    void* stack_pointer;
};

/// Before a yield of the coroutine that the thread's loop has entered: where the turn may run one more, puts it at the end of the
/// ready queue and says how to get to the next one, which saves the way through the loop.
[[nodiscard]] way to_next(control_block& self, call_site where);

/// That yield. Returns false where the coroutine has to go back to the loop.
[[nodiscard, gnu::always_inline]] WEFT_COROUTINE_FN inline bool leave_for_next(control_block& self, call_site where) {
    way straight = to_next(self, where);
    if (straight.to == nullptr) {
        return false;
    }
    if (switch_between(self.saved, *straight.to, straight.stack_pointer, go_on) != go_on) [[unlikely]] {
        throw_unwinding();
    }
    return true;
}

/// Makes a coroutine that was queued fit to be entered.
inline void dequeued(control_block& co) {
    co.transition(state::queued, state::suspended);
    if (!co.slow_to_enter && co.saved.stack_pointer == nullptr) {
        co.saved.stack_pointer = std::exchange(co.parked_stack_pointer, nullptr);
    }
}

/// After an enter came back with `finished`: nobody enters it again. Returns whether it threw nothing.
[[gnu::always_inline]] inline bool ended_well(control_block& co) {
    co.saved.stack_pointer = nullptr;
    return !co.failure;
}

/// After an enter came back with anything but `yielded`: sets the coroutine aside and runs the park action, or takes note
/// of the end. Returns whether it is done.
bool after_leave(control_block& co, std::uintptr_t word);

}  // namespace weft::detail
