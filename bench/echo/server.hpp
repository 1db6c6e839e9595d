// What the echo servers that are compared have in common: where they listen.

#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace echo {

/// What each server reads at most at once: more than any message, so that a read that did not fill it has got all.
inline constexpr std::size_t buffer_size = 32 * 1024;
inline constexpr int backlog = 4096;

[[noreturn]] inline void fail(char const* what) {
    std::perror(what);
    std::exit(1);
}

/// As many descriptors as the system allows.
inline void raise_limits() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/// Tells whoever started the server.
inline void say_port(int port) {
    std::printf("%d\n", port);
    std::fflush(stdout);
}

inline sockaddr_in any_port() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// `type` may hold SOCK_NONBLOCK.
inline int listen_anywhere(int type) {
    raise_limits();
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    sockaddr_in address = any_port();
    socklen_t size = sizeof address;
    if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd, backlog) != 0 ||
        getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        fail("listen");
    }
    say_port(ntohs(address.sin_port));
    return fd;
}

}  // namespace echo
