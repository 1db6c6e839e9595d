// Floor: system

#include "system/call_kernel.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "system/refused.hpp"

namespace weft::detail {
namespace {

ssize_t receive(operation const& op) noexcept {
    msghdr& m = *op.message;
    int flags = op.flags | MSG_DONTWAIT;
    if (m.msg_iovlen == 1 && m.msg_name == nullptr && m.msg_control == nullptr) {  // as streams do; recv(2) does less
        return ::recv(op.fd, m.msg_iov->iov_base, m.msg_iov->iov_len, flags);
    }
    return ::recvmsg(op.fd, &m, flags);
}

/// preadv2(2), which Linux 4.6 brought.
ssize_t read_file(operation const& op) noexcept {
    int count = static_cast<int>(op.iovec_count);
    ssize_t n = ::preadv2(op.fd, op.iovecs, count, static_cast<off_t>(op.offset), op.flags);
    if (n < 0 && may_be_missing(errno) && op.flags == 0) {
        n = ::preadv(op.fd, op.iovecs, count, static_cast<off_t>(op.offset));
    }
    return n;
}

/// pwritev2(2). Of its flags the library uses RWF_DSYNC alone, in whose place fdatasync(2) does more than is needed.
ssize_t write_file(operation const& op) noexcept {
    int count = static_cast<int>(op.iovec_count);
    ssize_t n = ::pwritev2(op.fd, op.iovecs, count, static_cast<off_t>(op.offset), op.flags);
    if (n < 0 && may_be_missing(errno) && (op.flags & ~RWF_DSYNC) == 0) {
        n = ::pwritev(op.fd, op.iovecs, count, static_cast<off_t>(op.offset));
        if (n >= 0 && op.flags != 0 && ::fdatasync(op.fd) != 0) {
            return -1;
        }
    }
    return n;
}

std::int64_t system_call(operation& op) noexcept {
    auto offset = static_cast<off_t>(op.offset);
    switch (op.what) {
        case operation::kind::poll: {
            pollfd descriptor{op.fd, static_cast<short>(op.flags), 0};
            int ready = ::poll(&descriptor, 1, 0);
            if (ready == 0) {
                errno = EAGAIN;
                return -1;
            }
            return ready < 0 ? -1 : descriptor.revents;
        }
        case operation::kind::readv:
            return read_file(op);
        case operation::kind::writev:
            return write_file(op);
        case operation::kind::fsync:
            return op.flags != 0 ? ::fdatasync(op.fd) : ::fsync(op.fd);
        case operation::kind::fallocate:
            return ::fallocate(op.fd, op.flags, offset, static_cast<off_t>(op.length));
        case operation::kind::recvmsg:
            return receive(op);
        case operation::kind::sendmsg:
            return ::sendmsg(op.fd, op.message, op.flags | MSG_DONTWAIT | MSG_NOSIGNAL);
        case operation::kind::accept:
            return ::accept4(op.fd, nullptr, nullptr, SOCK_CLOEXEC);
        case operation::kind::connect:
            return ::connect(op.fd, op.address, op.address_length);
        case operation::kind::call:
            return op.call(op.argument);
    }
    errno = EINVAL;
    return -1;
}

}  // namespace

std::int64_t call_kernel(operation& op) noexcept {
    std::int64_t result;
    do {
        result = system_call(op);
    } while (result == -1 && errno == EINTR && op.what != operation::kind::call);
    return result < 0 && op.what != operation::kind::call ? -errno : result;
}

void close_file(int fd) noexcept {
    ::close(fd);
}

}  // namespace weft::detail
