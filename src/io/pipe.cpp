// Floor: io

#include <weft/pipe.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "io/system_call.hpp"
#include "io/without_sigpipe.hpp"
#include "system/refused.hpp"

namespace weft {
namespace {

bool is_ready(int fd, short events) {
    pollfd one{.fd = fd, .events = events, .revents = 0};
    return ::poll(&one, 1, 0) > 0;
}

// Neither may block, and the flag O_NONBLOCK is not ours to set. Terminals, and pipes before Linux 6.5, know no
// RWF_NOWAIT: those don't block if they are ready, and, when written to, take up to PIPE_BUF bytes (pipe(7)).

ssize_t read_now(int fd, std::span<std::byte> buffer) {
    iovec one{buffer.data(), buffer.size()};
    ssize_t n = ::preadv2(fd, &one, 1, -1, RWF_NOWAIT);
    if (n >= 0 || !detail::may_be_missing(errno)) {
        return n;
    }
    if (!is_ready(fd, POLLIN)) {
        errno = EAGAIN;
        return -1;
    }
    return ::read(fd, buffer.data(), buffer.size());
}

ssize_t write_now(int fd, std::span<std::byte const> bytes) {
    detail::without_sigpipe guard;
    iovec one{const_cast<std::byte*>(bytes.data()), bytes.size()};
    ssize_t n = ::pwritev2(fd, &one, 1, -1, RWF_NOWAIT);
    if (n >= 0 || !detail::may_be_missing(errno)) {
        return n;
    }
    if (!is_ready(fd, POLLOUT)) {
        errno = EAGAIN;
        return -1;
    }
    return ::write(fd, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
}

}  // namespace

detail::pipe_end::pipe_end(descriptor d) : descriptor_(std::move(d)) {
    struct stat about {};
    is_file_ = fstat(fd(), &about) == 0 && (S_ISREG(about.st_mode) || S_ISBLK(about.st_mode));
}

std::size_t pipe_reader::read(std::span<std::byte> buffer, call_site where) {
    return detail::or_throw("read", [&](auto& ec) { return read(buffer, ec, where); });
}

std::size_t pipe_reader::read(std::span<std::byte> buffer, std::error_code& ec, call_site where) {
    if (buffer.empty()) {
        ec.clear();
        return 0;
    }
    if (is_file()) {
        return detail::finish_on_worker(fd(), "a file's read", ec, where,
                                        [fd = fd(), buffer] { return ::read(fd, buffer.data(), buffer.size()); });
    }
    return detail::call_when_ready(fd(), POLLIN, "a pipe's data", ec, where, [&] { return read_now(fd(), buffer); });
}

void pipe_writer::write_all(std::span<std::byte const> bytes, call_site where) {
    detail::or_throw("write", [&](auto& ec) { return write_all(bytes, ec, where); });
}

std::size_t pipe_writer::write_all(std::span<std::byte const> bytes, std::error_code& ec, call_site where) {
    ec.clear();
    std::size_t done = 0;
    while (done < bytes.size()) {
        std::span<std::byte const> left = bytes.subspan(done);
        done += is_file()
                    ? detail::finish_on_worker(fd(), "a file's write", ec, where,
                                               [fd = fd(), left] { return ::write(fd, left.data(), left.size()); })
                    : detail::call_when_ready(fd(), POLLOUT, "room in a pipe", ec, where,
                                              [&] { return write_now(fd(), left); });
        if (ec) {
            break;
        }
    }
    return done;
}

std::pair<pipe_reader, pipe_writer> make_pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) {
        detail::refuse("no pipe");
    }
    return {pipe_reader(descriptor(fds[0])), pipe_writer(descriptor(fds[1]))};
}

}  // namespace weft
