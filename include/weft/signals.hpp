// Floor: io
//
// Signals, read like data:
//
//     weft::signals stop({SIGINT, SIGTERM});      // first thing in main(): threads inherit what is blocked
//     int which = stop.wait();

#pragma once

#include <csignal>

#include <initializer_list>
#include <weft/descriptor.hpp>

namespace weft {

namespace when {
class arrived;
}

/// During its lifetime the signals are blocked, and wait() returns those that come.
class signals {
public:
    /// Blocks the signals for the calling thread and those that it starts later; call it before there are others.
    /// Throws std::system_error.
    explicit signals(std::initializer_list<int> which);
    signals(signals const&) = delete;
    signals& operator=(signals const&) = delete;
    /// Drops signals that came and were not returned by wait(), and unblocks those that were not blocked before.
    /// Threads: the one that made it.
    ~signals();

    /// The next signal that came. Throws std::system_error (operation_canceled).
    /// Suspends: inside a coroutine; elsewhere it runs the thread's loop.
    WEFT_MIXED_FN int wait(call_site where = call_site::here());
    /// Returns 0 with an error.
    WEFT_MIXED_FN int wait(std::error_code& ec, call_site where = call_site::here());

private:
    friend class when::arrived;

    int next();  ///< 0 if none came.

    sigset_t blocked_;  ///< Those that were not blocked before.
    descriptor descriptor_;
};

}  // namespace weft
