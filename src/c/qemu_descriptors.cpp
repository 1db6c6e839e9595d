// Floor: c
//
// Descriptors and sockets.

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "c/qemu.hpp"

using namespace weft;
using namespace weft::c;

namespace {

/// Starts an operation, and lets the calling coroutine wait until it is complete.
WEFT_COROUTINE_FN std::int64_t wait_for(operation& op, char const* function) noexcept {
    qemu_coroutine& self = self_or_die(function);
    set_scheduled(self, function);
    op.waiter = &self;
    op.complete = [](operation& o) noexcept {
        auto& q = *static_cast<qemu_coroutine*>(o.waiter);
        post(*q.block->home, q);
    };
    own_loop().system().start(op);
    yield(function);
    return op.result;
}

/// What is left of `iov` from byte `from` on, up to `bytes`; returns how many pieces that is.
unsigned slice(iovec const* iov, unsigned count, std::size_t from, std::size_t bytes, std::span<iovec> into) {
    unsigned used = 0;
    for (unsigned i = 0; i < count && bytes > 0 && used < into.size(); ++i) {
        if (from >= iov[i].iov_len) {
            from -= iov[i].iov_len;
            continue;
        }
        std::size_t length = std::min(iov[i].iov_len - from, bytes);
        into[used++] = {static_cast<char*>(iov[i].iov_base) + from, length};
        bytes -= length;
        from = 0;
    }
    return used;
}

ssize_t transfer_at_once(int fd, std::span<iovec> pieces, bool do_send) noexcept {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    for (;;) {
        ssize_t n =
            do_send ? ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) : ::recvmsg(fd, &message, MSG_DONTWAIT);
        if (n >= 0 || errno != EINTR) {
            return n < 0 ? -errno : n;
        }
    }
}

}  // namespace

extern "C" {

void yield_until_fd_readable(int fd) {
    operation op{.what = operation::kind::poll, .fd = fd, .flags = POLLIN};
    (void)wait_for(op, "yield_until_fd_readable");
}

ssize_t qemu_co_sendv_recvv(int sockfd, iovec* iov, unsigned iov_cnt, size_t offset, size_t bytes, bool do_send) {
    std::array<iovec, 64> pieces;
    std::size_t done = 0;
    while (done < bytes) {
        unsigned used = slice(iov, iov_cnt, offset + done, bytes - done, pieces);
        ssize_t n = used == 0 ? 0 : transfer_at_once(sockfd, std::span(pieces).first(used), do_send);
        if (n == -EAGAIN || n == -EWOULDBLOCK) {
            operation op{.what = operation::kind::poll, .fd = sockfd, .flags = do_send ? POLLOUT : POLLIN};
            (void)wait_for(op, "qemu_co_sendv_recvv");
        } else if (n < 0 && done == 0) {
            return n;
        } else if (n <= 0) {
            break;
        } else {
            done += static_cast<std::size_t>(n);
        }
    }
    return static_cast<ssize_t>(done);
}

ssize_t qemu_co_send_recv(int sockfd, void* buf, size_t bytes, bool do_send) {
    iovec iov{buf, bytes};
    return qemu_co_sendv_recvv(sockfd, &iov, 1, 0, bytes, do_send);
}

}  // extern "C"
