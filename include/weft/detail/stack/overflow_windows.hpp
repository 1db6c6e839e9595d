// Floor: stack

#pragma once

struct _EXCEPTION_POINTERS;  // of <windows.h>

namespace weft {

/// Whether an exception says that the stack of a coroutine has overflowed; if so, it is reported on the standard error
/// output. Does not end the program: the caller does.
/// Threads: the one that got the exception, in its handler. Suspends: no. Allocates: no.
bool report_overflow(_EXCEPTION_POINTERS const& exception) noexcept;

}  // namespace weft
