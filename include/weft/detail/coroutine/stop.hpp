// Floor: coroutine
//
// How waits end early: because the task is cancelled, because a deadline has passed, because a stop_token
// asks for it. Whoever runs, a coroutine or a thread outside one, has a stop_state. What waits leaves word there how its
// wait is ended; what begins to wait after a reason has come does not wait at all.

#pragma once

#include <cstdint>
#include <weft/detail/base/atomic.hpp>
#include <weft/detail/base/list.hpp>

namespace weft {

class limited;

namespace detail {

/// What may be ended early. It lies on the stack of whoever waits.
struct interruptible_wait {
    /// Ends it. On the waiter's thread.
    void (*interrupt)(interruptible_wait&) noexcept;
};

/// Told of each reason to stop. It is on the stack of whoever is to stop.
struct stop_listener {
    void (*told)(stop_listener&) noexcept = nullptr;
    stop_listener* next = nullptr;
    stop_listener* previous = nullptr;
};

enum class stop_reason : std::uint8_t { none, cancelled, timed_out };

struct stop_state {
    interruptible_wait* wait = nullptr;  ///< The present wait, if it may be ended.
    limited* limits = nullptr;           ///< The innermost; see limit.hpp.
    intrusive_list<stop_listener> listeners;
    atomic<std::uint32_t> signal{0};  ///< What a thread outside coroutines sleeps on; see waiter.hpp.
    std::uint32_t shielded = 0;       ///< How many times it was asked that waits be left alone.
    stop_reason reason = stop_reason::none;
    bool cancelled = false;     ///< For good; other reasons pass with the limit that they came from.
    std::uint8_t refusals = 0;  ///< Of waits that did not begin; see after_refusal().

    /// Whether a wait that would begin now is to end at once.
    [[nodiscard]] bool asked() const { return reason != stop_reason::none && shielded == 0; }

    /// Before a wait.
    void begin(interruptible_wait& w) { wait = shielded == 0 ? &w : nullptr; }

    /// Ends the present wait, and those to come. On the waiter's thread.
    void stop(stop_reason why) noexcept {
        if (reason == stop_reason::none) {
            reason = why;
        }
        for (stop_listener* l = listeners.first(); l != nullptr; l = l->next) {
            l->told(*l);
        }
        if (wait != nullptr && shielded == 0) {
            interruptible_wait& w = *wait;
            wait = nullptr;
            w.interrupt(w);
        }
    }

    void cancel() noexcept {
        cancelled = true;
        stop(stop_reason::cancelled);
    }
};

}  // namespace detail
}  // namespace weft
