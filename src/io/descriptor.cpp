// Floor: io

#include <weft/descriptor.hpp>

#include <poll.h>
#include <unistd.h>

#include "system/descriptor_use.hpp"

namespace weft {

namespace {

void tell_own_loop(int fd) noexcept {
    if (detail::this_thread().home != nullptr) {
        loop::current().system().closing(fd);
    }
}

}  // namespace

void descriptor::close() noexcept {
    int fd = std::exchange(fd_, -1);
    if (fd < 0) {
        return;
    }
    tell_own_loop(fd);
    detail::descriptor_closing others(fd, true);
    if (!others.later()) {
        ::close(fd);
    }
}

int descriptor::release() noexcept {
    int fd = std::exchange(fd_, -1);
    if (fd >= 0) {
        tell_own_loop(fd);
        detail::descriptor_closing others(fd, false);
    }
    return fd;
}

namespace {

WEFT_MIXED_FN void wait_ready(int fd, int events, char const* what, std::error_code& ec, call_site where) {
    operation op{.what = operation::kind::poll, .fd = fd, .flags = events};
    detail::run_operation(op, what, ec, where);
}

}  // namespace

void wait_readable(int fd, call_site where) {
    detail::or_throw("weft: wait_readable", [&](auto& ec) { wait_readable(fd, ec, where); });
}

void wait_readable(int fd, std::error_code& ec, call_site where) {
    wait_ready(fd, POLLIN, "a descriptor to be readable", ec, where);
}

void wait_writable(int fd, call_site where) {
    detail::or_throw("weft: wait_writable", [&](auto& ec) { wait_writable(fd, ec, where); });
}

void wait_writable(int fd, std::error_code& ec, call_site where) {
    wait_ready(fd, POLLOUT, "a descriptor to be writable", ec, where);
}

bool detail::may_do_at_once() {
    return !stop_of_caller().asked() && loop::current().may_do_at_once();
}

std::size_t detail::run_operation(operation& op, char const* what, std::error_code& ec, call_site where) {
    std::int64_t result = wait_for(op, what, where);
    if (result < 0) {
        ec.assign(static_cast<int>(-result), std::generic_category());
        return 0;
    }
    ec.clear();
    return static_cast<std::size_t>(result);
}

}  // namespace weft
