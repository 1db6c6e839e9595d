// Floor 2: coroutine
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
#include <weft/detail/context.hpp>
#include <weft/detail/sanitizer.hpp>
#include <weft/detail/thread.hpp>
#include <weft/place.hpp>
#include <weft/stack.hpp>

namespace weft::detail {

enum class state : std::uint8_t {
    unused = 0,  // what an untouched page reads as
    suspended,
    running,  // or has entered another, which runs
    waiting,
    queued,
    done
};

/// What may end a wait before its time. It lies on the waiting coroutine's stack.
struct interruptible_wait {
    void (*interrupt)(interruptible_wait&) noexcept;
};

/// Why a coroutine's waits are to end.
enum class stop_reason : std::uint8_t { none, cancelled };

// The first cache line is all that entering and leaving touch. From `since` on, fields are set when they come to mean
// something, and the rest is clean in a spare block: see release().
struct alignas(64) control_block {
    context::base_record base;  // first: the entry's frame record
    void* left = nullptr;       ///< The context it left, if nothing more than a switch is needed to go on there.
    void* set_aside = nullptr;  ///< The context it left, if something is: it waits, or has exceptions to bring along.
    place entered_at;
    place suspended_at;
    std::atomic<state> status{state::unused};  ///< A yield does not write it: see current_state().
    bool scheduled = false;                    ///< Its loop enters it again after a plain yield.
    stop_reason stop = stop_reason::none;
    std::uint32_t shielded = 0;     ///< How many times it has asked that its waits be left alone.
    control_block* next = nullptr;  ///< In whatever queue it stands.

    interruptible_wait* wait = nullptr;
    void (*at_end)(control_block&) = nullptr;  ///< Called by the loop after the coroutine has ended.
    exception_globals exceptions;              ///< What it left with, inside a catch block, say.
    std::exception_ptr failure;                ///< What the body threw.
    stack memory;

    std::uint64_t since = 0;          ///< While waiting: thread_state::now of the moment when it began.
    char const* waits_for = nullptr;  ///< While waiting: the kind of thing, and
    void const* waits_on = nullptr;   ///< which one.
    executor* home = nullptr;         ///< Whose queue a wake-up puts it into; nullptr: nobody's.
    void* body = nullptr;
    void* annex = nullptr;  ///< Its maker's, on the stack beside the body.
    std::uint64_t id = 0;
    place created_at;
    char name[32] = {};
    [[no_unique_address]] context::fiber fiber;

    [[nodiscard]] bool interrupted() const { return stop != stop_reason::none && shielded == 0; }

    /// A coroutine that runs, or has entered another, has left nowhere: that tells it from one that is suspended.
    [[nodiscard]] state current_state() const {
        state s = status.load(std::memory_order_relaxed);
        return s == state::suspended && left == nullptr && set_aside == nullptr ? state::running : s;
    }
};

/// What a switch hands over. Into a coroutine: go on, or unwind. Out of it: it yielded, it is done, or (any other value)
/// the address of a park_action.
inline constexpr std::uintptr_t go_on = 0;
inline constexpr std::uintptr_t unwind = 1;
inline constexpr std::uintptr_t yielded = 0;
inline constexpr std::uintptr_t finished = 1;

/// Run by whoever entered the coroutine, once it is parked. It lies on the parked coroutine's stack, and so may be gone
/// as soon as the coroutine was woken.
struct park_action {
    void (*run)(park_action&, control_block& parked);
};

}  // namespace weft::detail
