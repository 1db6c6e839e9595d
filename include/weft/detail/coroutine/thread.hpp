// Floor: coroutine
//
// What belongs to a thread. It is reached through context::thread_address(), never through the C++ name of a
// thread_local, so that nothing of it is kept across a switch: read it anew after each.

#pragma once

#include <cstdint>
#include <weft/detail/context/built_with.hpp>
#include <weft/detail/context/context.hpp>
#include <weft/detail/context/exception_globals.hpp>
#include <weft/detail/coroutine/stop.hpp>
#include <weft/marks.hpp>

namespace weft::detail {

struct local_values;
struct executor;

/// Stands for the exception state of a thread that has not entered a coroutine yet. It is never empty, so that the first
/// enter takes the slow path, which puts the real one in its place.
extern exception_globals exceptions_not_known_yet;

struct thread_state {
    context::frame
        enterer;  ///< Where whoever entered `current` goes on, unless that has entered others: see put_enterer_aside().
    /// The coroutine that runs on this thread; nullptr on the thread's own stack.
    WEFT_IN_COROUTINE control_block* current;
    control_block* entered_by;      ///< As `enterer`: which coroutine that is, or nullptr. For trace points only.
    exception_globals* exceptions;  ///< This thread's.
    executor* home;                 ///< The loop of this thread, if it has one.
    /// The one of its loop's coroutines that runs, or has entered others: see to_next().
    control_block* run_by_loop;
    std::uint64_t now;      ///< When the loop's turn began, in nanoseconds of the steady clock; 0 without a loop.
    std::uint64_t next_id;  ///< Ids are handed out to threads in blocks.
    control_block* spare;   ///< Control blocks on stacks of the default size, ready to be used again.
    std::uint64_t spares;   ///< How many.
    stop_state stop;        ///< For waits outside coroutines.
    local_values* locals;   ///< Of coroutine_local, outside coroutines.
    std::uint64_t selects;  ///< The state of the random numbers of select.cpp.
};

[[gnu::always_inline]] inline thread_state& this_thread() {
    return *static_cast<thread_state*>(context::thread_address());
}

/// What a thread's first enter needs: finds its exception state, and lets overflows on it be reported. Idempotent.
void learn_exception_globals(thread_state& thread) noexcept;

}  // namespace weft::detail
