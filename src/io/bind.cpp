// Floor: io

#include "io/bind.hpp"

#include <sys/un.h>

#include "io/errors.hpp"

namespace weft::detail {
namespace {

/// Whether somebody has that Unix socket. One that nobody does is what a process left that was killed.
bool somebody_has(endpoint const& address, int type) {
    descriptor trial = make_socket(address, type);
    return ::connect(trial.fd(), address.data(), address.size()) == 0 || errno != ECONNREFUSED;
}

void switch_on(int socket, int level, int name) {
    int on = 1;
    if (setsockopt(socket, level, name, &on, sizeof on) != 0) {
        refuse("weft: a socket's option");
    }
}

}  // namespace

bound_path::~bound_path() {
    if (!path_.empty()) {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
}

descriptor make_socket(endpoint const& address, int type) {
    descriptor made(::socket(address.family(), type | SOCK_CLOEXEC, 0));
    if (!made) {
        refuse("no socket for " + address.text());
    }
    return made;
}

bound_path bind_to(int socket, endpoint const& address, int type, bind_options const& options) {
    std::filesystem::path path;
    if (address.family() == AF_UNIX) {
        path = reinterpret_cast<sockaddr_un const*>(address.data())->sun_path;
        std::error_code ignored;
        if (std::filesystem::is_socket(path, ignored) && !somebody_has(address, type)) {
            std::filesystem::remove(path, ignored);
        }
    } else if (type == SOCK_STREAM) {
        switch_on(socket, SOL_SOCKET, SO_REUSEADDR);  // connections of a server that has ended linger for a while
    }
    if (options.reuse_port) {
        switch_on(socket, SOL_SOCKET, SO_REUSEPORT);
    }
    if (options.ipv6_only) {
        switch_on(socket, IPPROTO_IPV6, IPV6_V6ONLY);
    }
    if (::bind(socket, address.data(), address.size()) != 0) {
        refuse("cannot take the address " + address.text());
    }
    return bound_path(std::move(path));
}

}  // namespace weft::detail
