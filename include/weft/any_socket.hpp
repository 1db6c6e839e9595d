// Floor: io
//
// What all sockets have: an owner, two addresses, options. Nothing here suspends.

#pragma once

#include <utility>
#include <weft/descriptor.hpp>
#include <weft/endpoint.hpp>

namespace weft {

class any_socket {
public:
    any_socket() = default;
    explicit any_socket(descriptor d) : descriptor_(std::move(d)) {}

    [[nodiscard]] endpoint local() const;
    [[nodiscard]] endpoint peer() const;
    [[nodiscard]] int fd() const { return descriptor_.fd(); }
    explicit operator bool() const { return static_cast<bool>(descriptor_); }
    /// Calls on it that wait end with operation_canceled; see descriptor::close().
    void close() noexcept { descriptor_.close(); }

    /// How much may be on its way before a sender waits, and how much is kept for a reader that is late: SO_SNDBUF and
    /// SO_RCVBUF (socket(7)), in bytes. The system doubles it, has a limit of its own, and keeps to that without a word.
    /// Throws std::system_error.
    void set_send_buffer(int bytes);
    void set_receive_buffer(int bytes);

    /// For options that have no function of their own: setsockopt(2) and getsockopt(2) of an int.
    /// Throws std::system_error that names `what`.
    void set_option(int level, int name, int value, char const* what = "weft: a socket's option");
    [[nodiscard]] int option(int level, int name) const;

private:
    descriptor descriptor_;
};

/// How to take an address; see listener and udp_socket.
struct bind_options {
    /// SO_REUSEPORT: several sockets share the address, and the system shares out among them what comes. For a listener on
    /// each thread.
    bool reuse_port = false;
    /// IPV6_V6ONLY: an address of IPv6 is not at the same time that of IPv4.
    bool ipv6_only = false;
};

}  // namespace weft
