// Floor: io

#include <weft/endpoint.hpp>

#include <netdb.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "io/look_up.hpp"

namespace weft {

endpoint::endpoint(sockaddr const* address, socklen_t length) : length_(length) {
    std::memcpy(&storage_, address, length);
}

endpoint endpoint::ip(std::string const& address, std::uint16_t port) {
    std::vector<endpoint> found;
    if (detail::get_addresses(address.c_str(), nullptr, AF_UNSPEC, AI_NUMERICHOST, found) != 0) {
        throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                                "not an address of IPv4 or IPv6 in digits: \"" + address + '"');
    }
    endpoint made = found.front();
    in_port_t const in_order = htons(port);  // at the same place for both
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    std::memcpy(reinterpret_cast<char*>(&made.storage_) + offsetof(sockaddr_in, sin_port), &in_order, sizeof in_order);
    return made;
}

endpoint endpoint::unix_path(std::filesystem::path const& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string const& text = path.native();
    if (text.size() >= sizeof address.sun_path) {
        throw std::system_error(
            ENAMETOOLONG, std::generic_category(),
            "the path of a Unix socket has at most " + std::to_string(sizeof address.sun_path - 1) + " bytes: " + text);
    }
    std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
    return {reinterpret_cast<sockaddr const*>(&address), sizeof address};
}

std::uint16_t endpoint::port() const {
    if (family() != AF_INET && family() != AF_INET6) {
        return 0;
    }
    in_port_t in_order;
    std::memcpy(&in_order, reinterpret_cast<char const*>(&storage_) + offsetof(sockaddr_in, sin_port), sizeof in_order);
    return ntohs(in_order);
}

std::string endpoint::text() const {
    if (family() == AF_UNIX) {
        char const* path = reinterpret_cast<sockaddr_un const*>(&storage_)->sun_path;
        return length_ > sizeof(sa_family_t) && *path != '\0' ? "unix:" + std::string(path) : "unix";
    }
    char host[NI_MAXHOST];
    char service[NI_MAXSERV];
    if (getnameinfo(data(), length_, host, sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) !=
        0) {
        return "an unknown address";
    }
    return (family() == AF_INET6 ? '[' + std::string(host) + ']' : std::string(host)) + ':' + service;
}

bool operator==(endpoint const& a, endpoint const& b) {
    return a.length_ == b.length_ && std::memcmp(&a.storage_, &b.storage_, a.length_) == 0;
}

}  // namespace weft
