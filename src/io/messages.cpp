// Floor: io

#include "io/messages.hpp"

#include "io/errors.hpp"

namespace weft::detail {
namespace {

/// The call's result; -EAGAIN if it would have to wait.
std::int64_t try_at_once(operation& op) {
    loop& here = loop::current();
    std::int64_t result = here.system().attempt(op);
    if (result >= 0) {
        here.did_at_once(static_cast<std::size_t>(result));
    }
    return result;
}

std::size_t finish(std::int64_t result, std::error_code& ec) {
    if (result < 0) {
        set_error(ec, static_cast<int>(-result));
        return 0;
    }
    ec.clear();
    return static_cast<std::size_t>(result);
}

}  // namespace

std::size_t receive_message(int fd, msghdr& message, int flags, bool try_first, std::error_code& ec, call_site where) {
    operation op{
        .what = operation::kind::recvmsg, .expect_to_wait = true, .fd = fd, .flags = flags, .message = &message};
    if (try_first && may_do_at_once()) {
        std::int64_t result = try_at_once(op);
        if (result != -EAGAIN) {
            return finish(result, ec);
        }
    }
    return run_operation(op, "a socket's data", ec, where);
}

std::size_t send_message(int fd, msghdr& message, int flags, bool& try_first, std::error_code& ec, call_site where) {
    operation op{.what = operation::kind::sendmsg, .expect_to_wait = true, .fd = fd, .message = &message};
    if (try_first) {
        std::int64_t result = try_at_once(op);
        if (result != -EAGAIN) {
            return finish(result, ec);
        }
        try_first = false;
    }
    op.flags = flags;
    return run_operation(op, "room to send", ec, where);
}

}  // namespace weft::detail
