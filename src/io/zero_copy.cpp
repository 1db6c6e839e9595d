// Floor: io
//
// MSG_ZEROCOPY (Documentation/networking/msg_zerocopy.rst in the kernel's sources): the kernel sends from the caller's pages,
// and says on the socket's error queue of which calls it needs the pages no longer. A call here ends only when all of its
// own have been told of; so at its start none is missing, and counting them is enough.

#include <poll.h>

#include <algorithm>
#include <array>
#include <ctime>

#include <linux/errqueue.h>  // needs <ctime>

#include <weft/shield.hpp>
#include <weft/stream.hpp>

#include "io/system_call.hpp"

namespace weft {
namespace {

class zero_copy_write {
public:
    explicit zero_copy_write(int fd) : fd_(fd), same_(fd) {}

    [[nodiscard]] bool all_told_of() const { return told_of_ == calls_; }

    /// Sends what there is room for. Returns how much, or -1 and sets errno.
    ssize_t send(std::span<std::byte const> bytes) {
        collect();  // what is not taken away keeps the socket "ready"
        ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_ZEROCOPY | MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            ++calls_;
        } else if (n < 0 && errno == ENOBUFS) {  // no more pages may be pinned: as ever, then
            n = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        return n;
    }

    /// Waits until the kernel has let go of all.
    WEFT_MIXED_FN void wait(std::error_code& ec, call_site where) {
        for (collect(); !ec && !all_told_of() && !same_.was_closed(ec); collect()) {
            operation op{.what = operation::kind::poll, .fd = fd_};  // errors alone, of which the queue is one
            std::size_t events = detail::run_operation(op, "the kernel to let go of a buffer", ec, where);
            if (!ec && (events & POLLHUP) != 0) {  // so it stays now, and nothing tells of the queue any more
                detail::pause(std::chrono::milliseconds(1), ec, where);
            }
        }
    }

    /// The call is to end: resets the connection, so that the kernel drops what it has not sent or may have to send again.
    WEFT_MIXED_FN void abort(call_site where) {
        if (std::error_code ignored; same_.was_closed(ignored)) {  // nobody can tell of anything any more
            return;
        }
        sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
        [[maybe_unused]] int refused = ::connect(fd_, &nobody, sizeof nobody);  // if so, it is not connected
        shield guard;
        std::error_code ignored;
        wait(ignored, where);
    }

private:
    void collect() {
        for (std::error_code ignored; !same_.was_closed(ignored);) {
            alignas(cmsghdr) std::array<char, 256> room;
            msghdr header{};
            header.msg_control = room.data();
            header.msg_controllen = room.size();
            if (::recvmsg(fd_, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
                return;
            }
            for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
                auto const& told = *reinterpret_cast<sock_extended_err const*>(CMSG_DATA(c));
                if (told.ee_errno == 0 && told.ee_origin == SO_EE_ORIGIN_ZEROCOPY) {
                    told_of_ += told.ee_data - told.ee_info + 1;
                }
            }
        }
    }

    int fd_;
    detail::same_descriptor same_;
    std::uint32_t calls_ = 0;
    std::uint32_t told_of_ = 0;
};

}  // namespace

void stream::write_all_zero_copy(std::span<std::byte const> buffer, call_site where) {
    detail::or_throw("write", [&](auto& ec) { return write_all_zero_copy(buffer, ec, where); });
}

std::size_t stream::write_all_zero_copy(std::span<std::byte const> buffer, std::error_code& ec, call_site where) {
    ec.clear();
    int on = 1;
    if (setsockopt(fd(), SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) != 0) {
        detail::set_error(ec);
        return 0;
    }
    zero_copy_write write(fd());
    std::size_t done = 0;
    while (done < buffer.size() && !ec) {
        done += detail::call_when_ready(fd(), POLLOUT, "room to send", ec, where,
                                        [&] { return write.send(buffer.subspan(done)); });
    }
    std::error_code late;
    write.wait(ec ? late : ec, where);
    if (!write.all_told_of()) {
        write.abort(where);
    }
    return done;
}

}  // namespace weft
