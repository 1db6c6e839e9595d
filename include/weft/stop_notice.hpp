// Floor: wait
//
// Asking, and being told, whether the caller is to stop: because its task was cancelled, because a deadline has passed, or
// because a stop was requested (limit.hpp). A wait ends by itself then; this is for code that computes for long, and for code
// on other threads:
//
//     while (!done && !weft::stop_requested()) {     // in a long computation
//         step();
//     }
//
//     weft::stop_notice notice;                      // for whoever knows std::stop_token
//     weft::offload([&, token = notice.get_token()] { compress(file, token); });

#pragma once

#include <stop_token>
#include <weft/detail/coroutine/park.hpp>

namespace weft {

/// Whether a wait that the caller would begin now would end at once. A deadline is noticed by the caller's loop,
/// between turns: a computation that never yields does not learn of it.
/// Threads: any. Suspends: no. Allocates: no.
[[nodiscard]] inline bool stop_requested() noexcept {
    return detail::stop_of_caller().asked();
}

/// During its lifetime it requests a stop of its tokens when the caller is to stop: by cancellation, or by a limit
/// that is older than the notice. Shields don't hold it back: what a shielded caller waits for can so end sooner.
///
/// Destroy it where it was made: in the same coroutine, or on the same thread outside one. Callbacks of the tokens run on the
/// thread of the caller's loop.
/// Suspends: no. Allocates: the state of a std::stop_source.
class stop_notice : detail::stop_listener {
public:
    [[nodiscard]] stop_notice();
    stop_notice(stop_notice const&) = delete;
    stop_notice& operator=(stop_notice const&) = delete;
    ~stop_notice();

    /// Threads: any, also after the notice has been destroyed.
    [[nodiscard]] std::stop_token get_token() const noexcept { return source_.get_token(); }

private:
    void look() noexcept;

    detail::stop_state& whose_;
    limited const* const limits_;  ///< The innermost of those that are older than this.
    std::stop_source source_;
};

}  // namespace weft
