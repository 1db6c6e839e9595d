// Floor 6: io

#include <weft/socket.hpp>

#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "io/iovecs.hpp"

namespace weft {
namespace {

[[noreturn]] void refuse(std::string const& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

void set_error(std::error_code& ec) {
    ec.assign(errno, std::generic_category());
}

template <class Get>
endpoint name_of(int fd, Get get) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    get(fd, reinterpret_cast<sockaddr*>(&storage), &length);
    return {reinterpret_cast<sockaddr*>(&storage), length};
}

descriptor make_socket(endpoint const& address) {
    descriptor made(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!made) {
        refuse("no socket for " + address.text());
    }
    return made;
}

}  // namespace

std::size_t stream::read(std::span<std::byte> buffer, place where) {
    return detail::or_throw("read", [&](auto& ec) { return read(buffer, ec, where); });
}

std::size_t stream::read(std::span<std::byte> buffer, std::error_code& ec, place where) {
    ec.clear();
    if (detail::this_thread().current != nullptr && detail::this_thread().current->interrupted()) {
        ec = std::make_error_code(std::errc::operation_canceled);
        return 0;
    }
    std::size_t n = 0;
    ssize_t tried = -1;
    if (!empty_last_time_) {
        do {
            tried = ::recv(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        } while (tried < 0 && errno == EINTR);
        if (tried < 0 && errno != EAGAIN) {
            set_error(ec);
            return 0;
        }
    }
    if (tried >= 0) {
        n = static_cast<std::size_t>(tried);
    } else {
        iovec one{buffer.data(), buffer.size()};
        msghdr message{};
        message.msg_iov = &one;
        message.msg_iovlen = 1;
        operation op{.what = operation::kind::recvmsg, .expect_to_wait = true, .fd = fd(), .message = &message};
        n = detail::run_operation(op, "a socket's data", ec, where);
    }
    empty_last_time_ = n < buffer.size();
    return n;
}

std::size_t stream::read_exact(std::span<std::byte> buffer, std::error_code& ec, place where) {
    std::size_t done = 0;
    while (done < buffer.size()) {
        std::size_t n = read(buffer.subspan(done), ec, where);
        if (n == 0) {
            return done;
        }
        done += n;
    }
    ec.clear();
    return done;
}

void stream::write_all(std::span<std::byte const> buffer, place where) {
    detail::or_throw("write", [&](auto& ec) { return write_all(buffer, ec, where); });
}

std::size_t stream::write_all(std::span<std::byte const> buffer, std::error_code& ec, place where) {
    iovec one{const_cast<std::byte*>(buffer.data()), buffer.size()};
    return write_all(std::span(&one, 1), ec, where);
}

std::size_t stream::write_all(std::span<iovec> buffers, std::error_code& ec, place where) {
    std::size_t done = 0;
    ec.clear();
    bool would_wait = false;
    for (buffers = detail::after(buffers, 0); !buffers.empty();) {
        msghdr message{};
        message.msg_iov = buffers.data();
        message.msg_iovlen = std::min(buffers.size(), detail::most_iovecs);
        std::size_t n = 0;
        if (!would_wait) {
            ssize_t tried = ::sendmsg(fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (tried < 0) {
                if (errno == EINTR) {
                    continue;
                }
                if (errno != EAGAIN) {
                    set_error(ec);
                    return done;
                }
                would_wait = true;
                continue;
            }
            n = static_cast<std::size_t>(tried);
        } else {
            operation op{.what = operation::kind::sendmsg, .expect_to_wait = true, .fd = fd(), .message = &message};
            n = detail::run_operation(op, "room to send", ec, where);
            if (ec) {
                return done;
            }
        }
        done += n;
        buffers = detail::after(buffers, n);
    }
    return done;
}

void stream::shutdown() noexcept {
    ::shutdown(fd(), SHUT_RDWR);
}

endpoint stream::local() const {
    return name_of(fd(), ::getsockname);
}

endpoint stream::peer() const {
    return name_of(fd(), ::getpeername);
}

descriptor stream::connect_to(endpoint const& address, place where) {
    descriptor made = make_socket(address);
    operation op{
        .what = operation::kind::connect, .fd = made.fd(), .address_length = address.size(), .address = address.data()};
    std::error_code ec;
    detail::run_operation(op, "a connection", ec, where);
    if (ec) {
        throw std::system_error(ec, "cannot connect to " + address.text());
    }
    return made;
}

void tcp_stream::set_no_delay(bool on) {
    int value = on ? 1 : 0;
    if (setsockopt(fd(), IPPROTO_TCP, TCP_NODELAY, &value, sizeof value) != 0) {
        refuse("TCP_NODELAY");
    }
}

std::pair<unix_stream, unix_stream> unix_stream_pair() {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
        refuse("no pair of sockets");
    }
    return {unix_stream(descriptor(fds[0])), unix_stream(descriptor(fds[1]))};
}

namespace {

/// Whether somebody listens on that Unix socket. One that nobody does is what a process left that was killed.
bool somebody_listens(endpoint const& address) {
    descriptor trial = make_socket(address);
    return ::connect(trial.fd(), address.data(), address.size()) == 0 || errno != ECONNREFUSED;
}

}  // namespace

listener::listener(endpoint const& address, int backlog) : descriptor_(make_socket(address)) {
    int on = 1;
    if (address.family() != AF_UNIX) {
        setsockopt(descriptor_.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    } else {
        std::filesystem::path path = reinterpret_cast<sockaddr_un const*>(address.data())->sun_path;
        std::error_code ignored;
        if (std::filesystem::is_socket(path, ignored) && !somebody_listens(address)) {
            std::filesystem::remove(path, ignored);
        }
    }
    if (::bind(descriptor_.fd(), address.data(), address.size()) != 0 || ::listen(descriptor_.fd(), backlog) != 0) {
        refuse("cannot listen on " + address.text());
    }
    if (address.family() == AF_UNIX) {
        unix_path_ = reinterpret_cast<sockaddr_un const*>(address.data())->sun_path;
    }
}

listener::~listener() {
    if (descriptor_ && !unix_path_.empty()) {
        std::error_code ignored;
        std::filesystem::remove(unix_path_, ignored);
    }
}

descriptor listener::accept_any(std::error_code& ec, place where) {
    for (;;) {
        operation op{.what = operation::kind::accept, .expect_to_wait = true, .fd = descriptor_.fd()};
        std::size_t fd = detail::run_operation(op, "a connection", ec, where);
        if (!ec) {
            return descriptor(static_cast<int>(fd));
        }
        // The peer gave up while it was queued (accept(2), "Error handling"): that is no fault of ours.
        if (ec != std::errc::connection_aborted && ec != std::errc::protocol_error) {
            return {};
        }
    }
}

endpoint listener::local() const {
    return name_of(descriptor_.fd(), ::getsockname);
}

}  // namespace weft
