// Floor: io
//
// recvmsg(2) and sendmsg(2): tried at once, and given to the reactor if they would have to wait.

#pragma once

#include <sys/socket.h>

#include <weft/descriptor.hpp>

namespace weft::detail {

/// Suspends. Returns 0 and sets `ec`, or what was received. `try_first`: it is not known that there is nothing yet.
WEFT_MIXED_FN std::size_t receive_message(int fd, msghdr& message, int flags, bool try_first, std::error_code& ec,
                                          call_site where);

/// Suspends. Returns 0 and sets `ec`, or how much was sent. Never raises SIGPIPE. `try_first`: whether to try at once; it is
/// false afterwards if that was in vain. `flags`: of sendmsg(); MSG_WAITALL spares a caller that sends the rest anyway the
/// turns in between, where the reactor is io_uring (https://github.com/axboe/liburing/issues/1337). When that is cancelled,
/// what had gone out is still told: see the test of a write that is cancelled on its way.
WEFT_MIXED_FN std::size_t send_message(int fd, msghdr& message, int flags, bool& try_first, std::error_code& ec,
                                       call_site where);

}  // namespace weft::detail
