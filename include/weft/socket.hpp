// Floor 6: io
//
// Stream sockets: TCP and Unix, connected and listening.
//
//     for (weft::tcp_listener listener(weft::resolve("localhost", "10809").front());;) {
//         connections.spawn([stream = listener.accept()]() mutable {
//             std::array<std::byte, 4096> buffer;
//             while (std::size_t n = stream.read(buffer)) { stream.write_all(std::span(buffer).first(n)); }
//         });
//     }
//
// Each call has two forms: the one shown throws std::system_error; the other takes a std::error_code last. All suspend
// inside a coroutine, and run the thread's loop elsewhere. A call is tried at once and goes to the reactor only if it would
// have to wait. A cancelled call returns only when the kernel has let go of the buffer; bytes that had arrived by then are
// delivered. One read and one write at a time.

#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>
#include <weft/descriptor.hpp>

namespace weft {

/// A socket's address. Prints as "127.0.0.1:10809", "[::1]:10809", "unix:/run/nbd.sock".
class endpoint {
public:
    endpoint() = default;
    endpoint(sockaddr const* address, socklen_t length);
    /// Throws std::system_error (filename_too_long) if the path does not fit.
    [[nodiscard]] static endpoint unix_path(std::filesystem::path const& path);

    [[nodiscard]] sockaddr const* data() const { return reinterpret_cast<sockaddr const*>(&storage_); }
    [[nodiscard]] socklen_t size() const { return length_; }
    [[nodiscard]] int family() const { return storage_.ss_family; }
    [[nodiscard]] std::string text() const;

private:
    sockaddr_storage storage_{};
    socklen_t length_ = 0;
};

/// The addresses of a host and a service, both by name or number; an empty host means every address of this one.
/// Throws std::system_error that names both. Suspends.
[[nodiscard]] WEFT_MIXED_FN std::vector<endpoint> resolve(std::string const& host, std::string const& service,
                                                          place where = place::here());

/// A connected stream socket.
class stream {
public:
    stream() = default;
    explicit stream(descriptor d) : descriptor_(std::move(d)) {}

    /// Reads what is there, at least one byte, at most the buffer. 0: the peer has ended its side.
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, place where = place::here());
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, std::error_code& ec, place where = place::here());

    /// Fills the whole buffer. Returns less only if the peer ended its side, or with an error.
    WEFT_MIXED_FN std::size_t read_exact(std::span<std::byte> buffer, std::error_code& ec, place where = place::here());

    /// Writes all. Never raises SIGPIPE.
    WEFT_MIXED_FN void write_all(std::span<std::byte const> buffer, place where = place::here());
    WEFT_MIXED_FN std::size_t write_all(std::span<std::byte const> buffer, std::error_code& ec,
                                        place where = place::here());
    /// The same, gathered. The array is used up. Returns what was written, less than all only with an error.
    WEFT_MIXED_FN std::size_t write_all(std::span<iovec> buffers, std::error_code& ec, place where = place::here());

    /// Ends both sides: whoever waits in read() or write_all() gets the end, or an error. Suspends: no.
    void shutdown() noexcept;

    [[nodiscard]] endpoint local() const;
    [[nodiscard]] endpoint peer() const;
    [[nodiscard]] int fd() const { return descriptor_.fd(); }
    explicit operator bool() const { return static_cast<bool>(descriptor_); }
    void close() noexcept { descriptor_.close(); }

protected:
    /// Connects; throws std::system_error that names the address.
    WEFT_MIXED_FN static descriptor connect_to(endpoint const& address, place where);

private:
    descriptor descriptor_;
    bool empty_last_time_ = false;  ///< The last read took all that there was: the next one will have to wait.
};

class tcp_stream : public stream {
public:
    using stream::stream;
    /// Throws std::system_error that names the address. Suspends.
    [[nodiscard]] WEFT_MIXED_FN static tcp_stream connect(endpoint const& address, place where = place::here()) {
        return tcp_stream(connect_to(address, where));
    }
    /// Sends small writes at once (TCP_NODELAY).
    void set_no_delay(bool on);
};

class unix_stream : public stream {
public:
    using stream::stream;
    [[nodiscard]] WEFT_MIXED_FN static unix_stream connect(endpoint const& address, place where = place::here()) {
        return unix_stream(connect_to(address, where));
    }
};

/// Two sockets that are connected to each other.
[[nodiscard]] std::pair<unix_stream, unix_stream> unix_stream_pair();

/// A listening socket, of either kind.
class listener {
public:
    /// Throws std::system_error that names the address. A Unix socket that nobody listens on any more is replaced, and
    /// removed when the listener goes.
    explicit listener(endpoint const& address, int backlog = 1024);
    listener(listener&&) noexcept = default;
    listener& operator=(listener&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        std::swap(unix_path_, other.unix_path_);
        return *this;
    }
    ~listener();

    /// Waits for a connection. Where descriptors or memory run out it fails with that error; the connection stays in the
    /// kernel's queue, and a later accept() gets it.
    [[nodiscard]] WEFT_MIXED_FN descriptor accept_any(std::error_code& ec, place where = place::here());

    /// Where it listens: with the real port, if port 0 was asked for.
    [[nodiscard]] endpoint local() const;

private:
    descriptor descriptor_;
    std::filesystem::path unix_path_;
};

class tcp_listener : public listener {
public:
    using listener::listener;
    [[nodiscard]] WEFT_MIXED_FN tcp_stream accept(place where = place::here()) {
        return tcp_stream(detail::or_throw("accept", [&](auto& ec) { return accept_any(ec, where); }));
    }
};

class unix_listener : public listener {
public:
    explicit unix_listener(std::filesystem::path const& path) : listener(endpoint::unix_path(path)) {}
    [[nodiscard]] WEFT_MIXED_FN unix_stream accept(place where = place::here()) {
        return unix_stream(detail::or_throw("accept", [&](auto& ec) { return accept_any(ec, where); }));
    }
};

}  // namespace weft
