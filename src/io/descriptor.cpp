// Floor 6: io

#include <weft/descriptor.hpp>

#include <poll.h>
#include <unistd.h>

namespace weft {

void descriptor::close() noexcept {
    if (fd_ < 0) {
        return;
    }
    if (detail::this_thread().home != nullptr) {
        loop::current().system().closing(fd_);
    }
    ::close(std::exchange(fd_, -1));
}

namespace {

void wait_ready(int fd, int events, char const* what, place where) {
    operation op{.what = operation::kind::poll, .fd = fd, .flags = events};
    std::error_code ec;
    detail::run_operation(op, what, ec, where);
    if (ec) {
        throw std::system_error(ec, what);
    }
}

}  // namespace

void wait_readable(int fd, place where) {
    wait_ready(fd, POLLIN, "weft: wait_readable", where);
}

void wait_writable(int fd, place where) {
    wait_ready(fd, POLLOUT, "weft: wait_writable", where);
}

std::size_t detail::run_operation(operation& op, char const* what, std::error_code& ec, place where) {
    std::int64_t result = wait_for(op, what, where);
    if (result < 0) {
        ec.assign(static_cast<int>(-result), std::generic_category());
        return 0;
    }
    ec.clear();
    return static_cast<std::size_t>(result);
}

}  // namespace weft
