// Floor: system

#pragma once

#include <weft/reactor.hpp>

namespace weft::detail {

/// Makes the operation's system call on this thread: the result, or -errno. Never -EINTR.
std::int64_t call_kernel(operation& op) noexcept;

/// close(2), where there are descriptors.
void close_file(int fd) noexcept;

/// Whether the operation is one that never says EAGAIN but blocks, as files do, and so needs a thread.
[[nodiscard]] bool blocks(operation const& op) noexcept;

}  // namespace weft::detail
