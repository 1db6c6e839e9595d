// Floor: io
//
// The address of a socket. Names are looked up elsewhere: see resolve.hpp.
//
//     weft::endpoint server = weft::endpoint::ip("127.0.0.1", 10809);
//     weft::endpoint daemon = weft::endpoint::unix_path("/run/nbd.sock");

#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace weft {

/// Prints as "127.0.0.1:10809", "[::1]:10809", "unix:/run/nbd.sock".
class endpoint {
public:
    endpoint() = default;
    endpoint(sockaddr const* address, socklen_t length);
    /// From a numeric IPv4 or IPv6 address: "0.0.0.0", "::1", "fe80::1%eth0".
    /// Throws std::system_error (invalid_argument) that names it. Suspends: no.
    [[nodiscard]] static endpoint ip(std::string const& address, std::uint16_t port);
    /// Throws std::system_error (filename_too_long) if the path does not fit. Suspends: no.
    [[nodiscard]] static endpoint unix_path(std::filesystem::path const& path);

    [[nodiscard]] sockaddr const* data() const { return reinterpret_cast<sockaddr const*>(&storage_); }
    [[nodiscard]] socklen_t size() const { return length_; }
    [[nodiscard]] int family() const { return storage_.ss_family; }
    /// 0 if it has none.
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::string text() const;

    friend bool operator==(endpoint const& a, endpoint const& b);

private:
    sockaddr_storage storage_{};
    socklen_t length_ = 0;
};

}  // namespace weft
