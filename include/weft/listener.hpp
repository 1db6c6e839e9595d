// Floor: io
//
// A listening stream socket: what tcp_listener and unix_listener have in common.

#pragma once

#include <filesystem>
#include <system_error>
#include <weft/any_socket.hpp>

namespace weft {

namespace detail {

/// The name of a Unix socket in the file system, removed by the destructor.
class bound_path {
public:
    bound_path() = default;
    explicit bound_path(std::filesystem::path path) : path_(std::move(path)) {}
    bound_path(bound_path&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    bound_path& operator=(bound_path&& other) noexcept {
        std::swap(path_, other.path_);
        return *this;
    }
    ~bound_path();

private:
    std::filesystem::path path_;
};

}  // namespace detail

struct listen_options : bind_options {
    /// How many connections may wait to be accepted; listen(2).
    int backlog = 1024;
};

class listener {
public:
    /// Throws std::system_error that names the address. The path of a Unix socket that nobody listens on any more is
    /// replaced; the destructor removes its own. Suspends: no.
    explicit listener(endpoint const& address, listen_options const& options = {});
    /// Takes over a socket that listens already, opened by a service manager for instance. It must be in blocking
    /// mode. A Unix socket's path is not removed. Suspends: no.
    explicit listener(descriptor listening) : socket_(std::move(listening)) {}

    /// Waits for a connection. Fails if there are no descriptors or no memory left; the connection stays in the
    /// kernel's queue, for a later accept. For servers that want to know; accept() waits instead.
    [[nodiscard]] WEFT_MIXED_FN descriptor accept_any(std::error_code& ec, call_site where = call_site::here());

    /// Stops listening. Accepts that wait end with operation_canceled; see descriptor::close().
    void close() noexcept {
        socket_.close();
        path_ = {};
    }

    /// The address that it listens on; with the actual port if port 0 was asked for.
    [[nodiscard]] endpoint local() const { return socket_.local(); }
    [[nodiscard]] int fd() const { return socket_.fd(); }

protected:
    /// Waits for a connection; while there are no descriptors or no memory left, tries again every 50 milliseconds.
    [[nodiscard]] WEFT_MIXED_FN descriptor accept_when_possible(std::error_code& ec, call_site where);

private:
    any_socket socket_;
    detail::bound_path path_;
};

}  // namespace weft
