// Floor: io
//
// Sockets between processes of one machine: streams, messages, and passing of descriptors.
//
//     weft::unix_listener listener("/run/nbd.sock");
//     weft::unix_stream client = listener.accept();
//     std::array fds{log.fd()};
//     client.send_descriptors(bytes, fds);        // the peer gets a duplicate
//
// What a stream does stands in stream.hpp, what a socket of messages does in datagram.hpp.

#pragma once

#include <filesystem>
#include <utility>
#include <vector>
#include <weft/datagram.hpp>
#include <weft/listener.hpp>
#include <weft/stream.hpp>

namespace weft {

/// The process at the other end.
struct peer_credentials {
    pid_t process;
    uid_t user;
    gid_t group;
};

namespace detail {

WEFT_MIXED_FN std::size_t send_descriptors(int socket, std::span<std::byte const> bytes, std::span<int const> fds,
                                           std::error_code& ec, call_site where);
WEFT_MIXED_FN std::size_t receive_descriptors(int socket, std::span<std::byte> buffer, std::vector<descriptor>& into,
                                              std::error_code& ec, call_site where);

/// SCM_RIGHTS, for streams and messages alike.
template <class Socket>
class passes_descriptors {
public:
    /// How many may go with one message (unix(7)).
    static constexpr std::size_t most_descriptors = 253;

    /// Sends all bytes, at least one, and with the first of them duplicates of the descriptors. The caller keeps its
    /// own.
    WEFT_MIXED_FN void send_descriptors(std::span<std::byte const> bytes, std::span<int const> fds,
                                        call_site where = call_site::here()) {
        or_throw("send_descriptors", [&](auto& ec) { return send_descriptors(bytes, fds, ec, where); });
    }
    WEFT_MIXED_FN std::size_t send_descriptors(std::span<std::byte const> bytes, std::span<int const> fds,
                                               std::error_code& ec, call_site where = call_site::here()) {
        std::size_t n = detail::send_descriptors(self().fd(), bytes, fds, ec, where);
        return ec ? n : n + self().send_rest(bytes.subspan(n), ec, where);
    }

    /// Reads bytes, as read() or receive_from() does, and appends the descriptors that came with them: close-on-exec.
    /// Only this call receives descriptors; other reads close those that come. Descriptors beyond what fits in one
    /// message, or beyond the process's limit, are closed: too_many_files_open, with what was read.
    WEFT_MIXED_FN std::size_t receive_descriptors(std::span<std::byte> buffer, std::vector<descriptor>& into,
                                                  call_site where = call_site::here()) {
        return or_throw("receive_descriptors", [&](auto& ec) { return receive_descriptors(buffer, into, ec, where); });
    }
    WEFT_MIXED_FN std::size_t receive_descriptors(std::span<std::byte> buffer, std::vector<descriptor>& into,
                                                  std::error_code& ec, call_site where = call_site::here()) {
        return detail::receive_descriptors(self().fd(), buffer, into, ec, where);
    }

private:
    [[nodiscard]] Socket& self() { return static_cast<Socket&>(*this); }
};

}  // namespace detail

class unix_stream : public stream, public detail::passes_descriptors<unix_stream> {
public:
    using stream::stream;
    /// Throws std::system_error that names the address. Suspends.
    [[nodiscard]] WEFT_MIXED_FN static unix_stream connect(endpoint const& address,
                                                           call_site where = call_site::here()) {
        return unix_stream(connect_to(address, where));
    }
    [[nodiscard]] WEFT_MIXED_FN static unix_stream connect(endpoint const& address, std::error_code& ec,
                                                           call_site where = call_site::here()) {
        return unix_stream(connect_to(address, ec, where));
    }

    /// SO_PEERCRED: as of the time when the peer connected or listened.
    /// Throws std::system_error. Suspends: no.
    [[nodiscard]] peer_credentials credentials() const;

private:
    friend class detail::passes_descriptors<unix_stream>;
    WEFT_MIXED_FN std::size_t send_rest(std::span<std::byte const> bytes, std::error_code& ec, call_site where) {
        return bytes.empty() ? 0 : write_all(bytes, ec, where);
    }
};

/// Two sockets that are connected to each other. Throws std::system_error. Suspends: no.
[[nodiscard]] std::pair<unix_stream, unix_stream> unix_stream_pair();

class unix_listener : public listener {
public:
    explicit unix_listener(std::filesystem::path const& path, listen_options const& options = {})
        : listener(endpoint::unix_path(path), options) {}
    /// The next connection. While there are no descriptors or no memory left it waits, and tries again every 50 ms.
    /// Suspends.
    [[nodiscard]] WEFT_MIXED_FN unix_stream accept(call_site where = call_site::here()) {
        return detail::or_throw("accept", [&](auto& ec) { return accept(ec, where); });
    }
    [[nodiscard]] WEFT_MIXED_FN unix_stream accept(std::error_code& ec, call_site where = call_site::here()) {
        return unix_stream(accept_when_possible(ec, where));
    }
};

/// A message socket. Messages arrive in order and none is lost; a sender waits while the receiver's queue is full.
class unix_datagram : public datagram_socket, public detail::passes_descriptors<unix_datagram> {
public:
    using datagram_socket::datagram_socket;
    /// Bound to that path, which the destructor removes; a path that a dead process left is replaced.
    /// Throws std::system_error that names the path. Suspends: no.
    explicit unix_datagram(std::filesystem::path const& path);
    /// An unnamed socket: its messages can't be answered.
    /// Throws std::system_error that names the address. Suspends: no.
    [[nodiscard]] static unix_datagram connected_to(std::filesystem::path const& path);

private:
    friend class detail::passes_descriptors<unix_datagram>;
    static std::size_t send_rest(std::span<std::byte const>, std::error_code&, call_site) { return 0; }

    detail::bound_path path_;
};

/// Two that are connected to each other. Throws std::system_error. Suspends: no.
[[nodiscard]] std::pair<unix_datagram, unix_datagram> unix_datagram_pair();

}  // namespace weft
