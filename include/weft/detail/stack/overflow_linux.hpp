// Floor: stack

#pragma once

#include <csignal>

namespace weft {

/// Whether a signal says that a stack of weft's has overflowed; if so, it is reported on the standard error output.
/// `context` is what a handler with SA_SIGINFO gets as its third argument. Does not end the program: the caller does.
/// Threads: the one that got the signal, in its handler; it is async-signal-safe. Suspends: no. Allocates: no.
bool report_overflow(siginfo_t const& info, void const* context) noexcept;

}  // namespace weft
