// Floor: task
//
// Who waits for whom:
//
//     weft::dump(std::cerr);
//
//     coroutine "writer" (id 3, created at server.cpp:20): waits for a mutex (0x7ffe40) for 2.5 s at server.cpp:31,
//         which coroutine "reader" (id 4, created at server.cpp:25) holds
//     coroutine "reader" (id 4, created at server.cpp:25): waits for a mutex (0x7ffe80) for 2.5 s at server.cpp:44,
//         which coroutine "writer" (id 3, created at server.cpp:20) holds
//     thread 4711: waits for an event (0x7ffe90) for 0.1 s at server.cpp:60
//     2 coroutines, and 1 thread that waits
//     deadlock: coroutine "writer" (id 3, ...) -> coroutine "reader" (id 4, ...) -> coroutine "writer" (id 3, ...)
//
// gdb shows the same of a process that hangs, or of a core: docs/debugging.md.

#pragma once

#include <iosfwd>
#include <weft/loop.hpp>

namespace weft {

/// Prints all coroutines of the process: id, name, state, where each was made, what it waits for, since when and
/// where, and who holds that, or which tasks it joins, or the cases of its select(); then the threads that wait outside
/// coroutines for a primitive; then each cycle of the wait-for graph. While other threads run coroutines, each is shown
/// as of some moment during the call. Walks all stacks that were ever in use.
/// Threads: any; not in signal handlers. Suspends: no. Allocates: yes.
void dump(std::ostream& out);

namespace detail {

/// For loop::when_idle(): says on stderr which coroutines of the loop are parked, if any are.
void report_parked(loop& l) noexcept;

}  // namespace detail
}  // namespace weft
