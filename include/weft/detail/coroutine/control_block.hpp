// Floor: coroutine
//
// The control block: all that weft knows of one coroutine. It lies at the top of the coroutine's stack, so that a parked
// coroutine touches one page in all:
//
//      low                                                                           top of the stack
//      | ... frames  <- grow down | body (what the coroutine was made from) | control_block |
//
// States, and who moves a coroutine from one to the next:
//
//      suspended --(enter)--> running --(yield)--> suspended
//                             running --(suspend)--> waiting --(wake)--> queued --(its loop's turn)--> running
//                             running --(the body ends)--> done
//
// Only the thread that runs a coroutine, or the one that has it to itself because it is suspended, writes here, with one
// exception: whoever holds the handle of a waiting coroutine moves it to queued (or to suspended, where no loop is).
// The handle is handed out after the coroutine is parked, and the queue that carries it onwards publishes what was
// written; so `status` needs no stronger order than relaxed.

#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <weft/call_site.hpp>
#include <weft/detail/context/built_with.hpp>
#include <weft/detail/context/context.hpp>
#include <weft/detail/context/fpu_control.hpp>
#include <weft/detail/context/sanitizer.hpp>
#include <weft/detail/coroutine/stop.hpp>
#include <weft/detail/coroutine/thread.hpp>
#include <weft/stack.hpp>

namespace weft::detail {

enum class state : std::uint8_t {
    suspended,
    running,  // or has entered another, which runs
    waiting,
    queued,
    done
};

/// control_block::mark while there is a coroutine: debuggers, and coroutine_count(), walk all stacks' tops and look for it.
inline constexpr std::uint64_t alive_mark = 0x31'6f63'7466'6577;  // "weftco1"

struct local_values;

inline namespace WEFT_BUILT_WITH {

struct control_block;
[[noreturn, gnu::cold]] void die_of_transition(control_block const& co, state from, state to) noexcept;

// The first cache line is all that a switch reads and writes (with one more word in some backends). From `since` on, fields are set when they come to mean
// something, and the rest is clean in a spare block: see release().
struct alignas(64) control_block {
    context::entry_record base;  // first: the entry's frame record
    /// The context it left. Its stack pointer is nullptr while it runs, and while more than a switch is needed to go on.
    context::frame saved;
    call_site suspended_at;
    call_site entered_at;

    void* parked_stack_pointer = nullptr;    ///< The stack pointer, if more is needed: it waits, or is slow_to_enter.
    std::atomic<state> status{state::done};  ///< A yield does not write it: see current_state().
    bool scheduled = false;                  ///< Its loop enters it again after a plain yield.
    bool slow_to_enter = false;              ///< It has exceptions or FPU control words, to be put in place first.
    bool keeps_fpu_control = false;          ///< coroutine_options::keep_fpu_control.
    bool being_taken_back = false;           ///< What is to wake it may go.
    std::uint8_t may_hold_mutexes = 0;       ///< How many allow_held_mutexes it has.
    std::uint8_t locks_held = 0;             ///< weft's own, those of readers left out; modulo 256. In debug builds.
    std::uint8_t place_in_ready_queue = 0;   ///< The ready queue's, as are
    control_block* ahead = nullptr;          ///< the one that comes some places behind it,
    void const* stack_ahead = nullptr;       ///< and where that one's stack ends; see ready_queue.hpp.
    control_block* next = nullptr;           ///< In whatever queue it stands.

    /// alive_mark or not. Any thread reads it, by std::atomic_ref, even where there is no block.
    alignas(std::atomic_ref<std::uint64_t>::required_alignment) std::uint64_t mark;
    stop_state stop;
    void (*at_end)(control_block&) = nullptr;  ///< Called by the loop after the coroutine has ended.
    exception_globals exceptions;              ///< What it left with, inside a catch block, say.
    std::exception_ptr failure;                ///< What the body threw.
    stack memory;  ///< Where this block lies, and the frames too, unless the companion has a stack for those.

    std::uint64_t since = 0;          ///< While waiting: thread_state::now of the moment when it began.
    char const* waits_for = nullptr;  ///< While waiting: the kind of thing, and
    void const* waits_on = nullptr;   ///< which one.
    executor* home = nullptr;         ///< Whose queue a wake-up puts it into; nullptr: nobody's.
    void* body = nullptr;
    void* maker_data = nullptr;      ///< Its maker's, on the stack beside the body.
    local_values* locals = nullptr;  ///< Of coroutine_local.
    std::uint64_t id = 0;
    call_site created_at;
    char name[32] = {};
    context::frame outer;                       ///< While it has entered others: the frame of whoever entered it,
    control_block* outer_entered_by = nullptr;  ///< and that itself: see thread_state::entered_by.
    [[no_unique_address]] context::sanitizer_fiber sanitizer;
    context::fpu_control fpu_control;                    ///< Its own, while it does not run.
    std::atomic<void const*> const* holder = nullptr;    ///< While it waits for what has one holder: where to see whom.
    [[no_unique_address]] context::companion companion;  ///< Last, because it depends on the compiler's options.

    /// The stack that it runs on.
    [[nodiscard]] decltype(auto) frames() const { return companion.frames(memory); }

    /// A coroutine that runs, or has entered another, has left nowhere: that tells it from one that is suspended.
    [[nodiscard]] state current_state() const {
        state s = status.load(std::memory_order_relaxed);
        return s == state::suspended && saved.stack_pointer == nullptr && parked_stack_pointer == nullptr
                   ? state::running
                   : s;
    }

    /// The only way to change `status`. Returns false, and changes nothing, if it is not `from`.
    [[nodiscard, gnu::always_inline]] bool try_transition(
        state from, state to, std::memory_order order = std::memory_order_relaxed) noexcept {
        if (status.load(std::memory_order_relaxed) != from) [[unlikely]] {
            return false;
        }
        status.store(to, order);
        return true;
    }
    /// The same, where anything else is a fault in weft: ends the program with a message.
    [[gnu::always_inline]] void transition(state from, state to) noexcept {
        if (!try_transition(from, to)) [[unlikely]] {
            die_of_transition(*this, from, to);
        }
    }
};

}  // namespace WEFT_BUILT_WITH

/// The coroutine on a stack, or nullptr if there is none. While others create and destroy, it may be gone at once.
[[nodiscard]] inline control_block* coroutine_on(stack const& s) {
    auto* co = reinterpret_cast<control_block*>(s.top - sizeof(control_block));
    return std::atomic_ref(co->mark).load(std::memory_order_acquire) == alive_mark ? co : nullptr;
}

/// The word that a switch hands over. Into a coroutine: go on, or unwind. Out of it: it yielded, it has ended, it parks, or (any
/// other value) it parks, and the word is the address of a park_action, to be run by the enterer.
inline constexpr std::uintptr_t go_on = 0;
inline constexpr std::uintptr_t unwind = 1;
inline constexpr std::uintptr_t yielded = 0;
inline constexpr std::uintptr_t finished = 1;
inline constexpr std::uintptr_t parking = 2;

/// Run by whoever entered the coroutine, once it is parked. It lies on the parked coroutine's stack, and so may be gone
/// as soon as the coroutine was woken.
struct park_action {
    void (*run)(park_action&, control_block& parked);
};

}  // namespace weft::detail
