// Floor: loop
//
// A child process has copies of its parent's loops, but not what stands behind them: the ring or the epoll set is the
// parent's, which the child would spoil, and the worker threads are not there. So each loop knows how many forks there
// were before it was made.

#pragma once

namespace weft::detail {

/// How many times this process, and those before it, were made by fork() since the program began.
[[nodiscard]] unsigned forks() noexcept;

}  // namespace weft::detail
