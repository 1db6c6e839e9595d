// Floor: io

#include <weft/any_socket.hpp>

#include "io/errors.hpp"

namespace weft {
namespace {

template <class Get>
endpoint name_of(int fd, Get get) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    get(fd, reinterpret_cast<sockaddr*>(&storage), &length);
    return {reinterpret_cast<sockaddr*>(&storage), length};
}

}  // namespace

endpoint any_socket::local() const {
    return name_of(fd(), ::getsockname);
}

endpoint any_socket::peer() const {
    return name_of(fd(), ::getpeername);
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
