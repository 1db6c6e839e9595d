// Floor: io
//
// What all sockets have in common: ownership, addresses, options. Nothing here suspends.

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
    /// Calls that wait on it end with operation_canceled; see descriptor::close().
    void close() noexcept { descriptor_.close(); }

    /// SO_SNDBUF and SO_RCVBUF (socket(7)), in bytes: how much is buffered before a sender waits, and for a receiver.
    /// Linux doubles the value and silently caps it (net.core.wmem_max, rmem_max).
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

/// How to bind an address; see listener and udp_socket.
struct bind_options {
    /// SO_REUSEPORT: several sockets bind the same address, and the kernel distributes what arrives among them. For a
    /// listener on each thread.
    bool reuse_port = false;
    /// IPV6_V6ONLY: a socket bound to an IPv6 address does not serve IPv4 too.
    bool ipv6_only = false;
};

}  // namespace weft
