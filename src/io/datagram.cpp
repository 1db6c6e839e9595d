// Floor: io

#include <weft/datagram.hpp>

#include "io/messages.hpp"
#include "io/system_call.hpp"

namespace weft {
namespace {

/// A Unix socket that is not connected is not told when its receiver has room again.
constexpr std::chrono::milliseconds between_looks{1};

WEFT_MIXED_FN void send_between_looks(int fd, msghdr const& header, std::error_code& ec, call_site where) {
    detail::same_descriptor const same(fd);
    for (bool may = detail::may_do_at_once();; may = true) {
        if (may && ::sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
            ec.clear();
            return;
        }
        if (may && errno != EAGAIN && errno != EINTR) {
            detail::set_error(ec);
            return;
        }
        if (!detail::pause(between_looks, ec, where) || same.was_closed(ec)) {
            return;
        }
    }
}

WEFT_MIXED_FN void send_one(int fd, std::span<iovec const> message, endpoint const* to, std::error_code& ec,
                            call_site where) {
    msghdr header{};
    header.msg_iov = const_cast<iovec*>(message.data());
    header.msg_iovlen = message.size();
    if (to != nullptr) {
        header.msg_name = const_cast<sockaddr*>(to->data());
        header.msg_namelen = to->size();
        if (to->family() == AF_UNIX) {
            send_between_looks(fd, header, ec, where);
            return;
        }
    }
    bool try_first = detail::may_do_at_once();
    detail::send_message(fd, header, 0, try_first, ec, where);
}

iovec one_of(std::span<std::byte const> bytes) {
    return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

}  // namespace

void datagram_socket::send_to(std::span<std::byte const> message, endpoint const& to, call_site where) {
    detail::or_throw("send", [&](auto& ec) { send_to(message, to, ec, where); });
}

void datagram_socket::send_to(std::span<std::byte const> message, endpoint const& to, std::error_code& ec,
                              call_site where) {
    iovec one = one_of(message);
    send_one(fd(), std::span(&one, 1), &to, ec, where);
}

void datagram_socket::send_to(std::span<iovec const> message, endpoint const& to, std::error_code& ec,
                              call_site where) {
    send_one(fd(), message, &to, ec, where);
}

void datagram_socket::send(std::span<std::byte const> message, call_site where) {
    detail::or_throw("send", [&](auto& ec) { send(message, ec, where); });
}

void datagram_socket::send(std::span<std::byte const> message, std::error_code& ec, call_site where) {
    iovec one = one_of(message);
    send_one(fd(), std::span(&one, 1), nullptr, ec, where);
}

void datagram_socket::send(std::span<iovec const> message, std::error_code& ec, call_site where) {
    send_one(fd(), message, nullptr, ec, where);
}

datagram datagram_socket::receive_from(std::span<std::byte> buffer, call_site where) {
    return detail::or_throw("receive", [&](auto& ec) { return receive_from(buffer, ec, where); });
}

datagram datagram_socket::receive_from(std::span<std::byte> buffer, std::error_code& ec, call_site where) {
    iovec one = one_of(buffer);
    return receive_from(std::span<iovec const>(&one, 1), ec, where);
}

datagram datagram_socket::receive_from(std::span<iovec const> buffers, std::error_code& ec, call_site where) {
    sockaddr_storage from{};
    msghdr header{};
    header.msg_name = &from;
    header.msg_namelen = sizeof from;
    header.msg_iov = const_cast<iovec*>(buffers.data());
    header.msg_iovlen = buffers.size();
    std::size_t n = detail::receive_message(fd(), header, 0, true, ec, where);
    if (ec) {
        return {};
    }
    return {.size = n,
            .truncated = (header.msg_flags & MSG_TRUNC) != 0,
            .from = endpoint(reinterpret_cast<sockaddr*>(&from), header.msg_namelen)};
}

void datagram_socket::connect(endpoint const& peer) {
    if (::connect(fd(), peer.data(), peer.size()) != 0) {
        detail::refuse("cannot connect to " + peer.text());
    }
}

}  // namespace weft
