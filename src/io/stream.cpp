// Floor: io

#include <weft/stream.hpp>

#include <netinet/tcp.h>

#include <algorithm>
#include <weft/byte_stream.hpp>

#include "io/iovecs.hpp"
#include "io/messages.hpp"
#include "io/system_call.hpp"

namespace weft {
namespace {

/// A Unix listener's queue is full, and nobody tells when there is room: connect(2) blocks, or says EAGAIN.
constexpr std::chrono::milliseconds between_looks{10};

}  // namespace

std::size_t stream::read(std::span<std::byte> buffer, call_site where) {
    return detail::or_throw("read", [&](auto& ec) { return read(buffer, ec, where); });
}

std::size_t stream::read(std::span<std::byte> buffer, std::error_code& ec, call_site where) {
    if (buffer.empty()) {  // the system would wait for a byte that there is no room for
        ec.clear();
        return 0;
    }
    iovec one{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &one;
    message.msg_iovlen = 1;
    std::size_t n = detail::receive_message(fd(), message, 0, !empty_last_time_, ec, where);
    empty_last_time_ = n < buffer.size();
    return n;
}

std::size_t stream::read_exact(std::span<std::byte> buffer, call_site where) {
    return weft::read_exact(*this, buffer, where);
}

std::size_t stream::read_exact(std::span<std::byte> buffer, std::error_code& ec, call_site where) {
    return weft::read_exact(*this, buffer, ec, where);
}

void stream::write_all(std::span<std::byte const> buffer, call_site where) {
    detail::or_throw("write", [&](auto& ec) { return write_all(buffer, ec, where); });
}

std::size_t stream::write_all(std::span<std::byte const> buffer, std::error_code& ec, call_site where) {
    iovec one{const_cast<std::byte*>(buffer.data()), buffer.size()};
    return write_all(std::span(&one, 1), ec, where);
}

std::size_t stream::write_all(std::span<iovec> buffers, std::error_code& ec, call_site where) {
    std::size_t done = 0;
    ec.clear();
    bool try_first = detail::may_do_at_once();
    for (buffers = detail::after(buffers, 0); !buffers.empty();) {
        msghdr message{};
        message.msg_iov = buffers.data();
        message.msg_iovlen = std::min(buffers.size(), detail::most_iovecs);
        std::size_t n = detail::send_message(fd(), message, MSG_WAITALL, try_first, ec, where);
        if (ec) {
            break;
        }
        done += n;
        buffers = detail::after(buffers, n);
    }
    return done;
}

void stream::shutdown() noexcept {
    ::shutdown(fd(), SHUT_RDWR);
}

void stream::shutdown_write() {
    if (::shutdown(fd(), SHUT_WR) != 0) {
        detail::refuse("shutdown");
    }
}

void stream::shutdown_read() {
    if (::shutdown(fd(), SHUT_RD) != 0) {
        detail::refuse("shutdown");
    }
}

descriptor stream::connect_to(endpoint const& address, std::error_code& ec, call_site where) {
    descriptor made(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!made) {
        detail::set_error(ec);
        return {};
    }
    for (;;) {
        operation op{.what = operation::kind::connect,
                     .fd = made.fd(),
                     .address_length = address.size(),
                     .address = address.data()};
        detail::run_operation(op, "a connection", ec, where);
        if (!ec) {
            return made;
        }
        if (ec != std::errc::resource_unavailable_try_again || address.family() != AF_UNIX ||
            !detail::pause(between_looks, ec, where)) {
            return {};
        }
    }
}

descriptor stream::connect_to(endpoint const& address, call_site where) {
    std::error_code ec;
    descriptor made = connect_to(address, ec, where);
    if (ec) {
        throw std::system_error(ec, "cannot connect to " + address.text());
    }
    return made;
}

void stream::set_linger(std::optional<std::chrono::seconds> time) {
    linger wanted{.l_onoff = time ? 1 : 0, .l_linger = time ? static_cast<int>(time->count()) : 0};
    if (setsockopt(fd(), SOL_SOCKET, SO_LINGER, &wanted, sizeof wanted) != 0) {
        detail::refuse("SO_LINGER");
    }
}

void stream::set_no_delay(bool on) {
    set_option(IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0, "TCP_NODELAY");
}

void stream::set_keep_alive(bool on) {
    set_option(SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0, "SO_KEEPALIVE");
}

void stream::set_keep_alive(std::chrono::seconds after, std::chrono::seconds apart, int questions) {
    set_keep_alive(true);
    set_option(IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(after.count()), "TCP_KEEPIDLE");
    set_option(IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(apart.count()), "TCP_KEEPINTVL");
    set_option(IPPROTO_TCP, TCP_KEEPCNT, questions, "TCP_KEEPCNT");
}

}  // namespace weft
