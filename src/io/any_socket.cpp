// Floor: io

#include <weft/any_socket.hpp>

#include <cerrno>

#include "io/errors.hpp"

namespace weft {
namespace {

template <class Get>
endpoint name_of(int fd, Get get) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (get(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
        return {};
    }
    return {reinterpret_cast<sockaddr*>(&storage), length};
}

/// getpeername(2), which knows no peer any more once it has reset the connection. This option still does; it wants to be asked
/// for no more than there is.
int peer_name(int fd, sockaddr* address, socklen_t* length) {
    int result = ::getpeername(fd, address, length);
#ifdef SO_PEERNAME
    if (result != 0 && errno == ENOTCONN) {
        for (std::size_t size : {sizeof(sockaddr_in6), sizeof(sockaddr_in)}) {
            *length = static_cast<socklen_t>(size);
            if (::getsockopt(fd, SOL_SOCKET, SO_PEERNAME, address, length) == 0) {
                return 0;
            }
        }
    }
#endif
    return result;
}

}  // namespace

endpoint any_socket::local() const {
    return name_of(fd(), ::getsockname);
}

endpoint any_socket::peer() const {
    return name_of(fd(), peer_name);
}

void any_socket::set_option(int level, int name, int value, char const* what) {
    if (setsockopt(fd(), level, name, &value, sizeof value) != 0) {
        detail::refuse(what);
    }
}

int any_socket::option(int level, int name) const {
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(fd(), level, name, &value, &size) != 0) {
        detail::refuse("weft: a socket's option");
    }
    return value;
}

void any_socket::set_send_buffer(int bytes) {
    set_option(SOL_SOCKET, SO_SNDBUF, bytes, "SO_SNDBUF");
}

void any_socket::set_receive_buffer(int bytes) {
    set_option(SOL_SOCKET, SO_RCVBUF, bytes, "SO_RCVBUF");
}

}  // namespace weft
