// Sockets that a service manager has opened, and hands over at the start: sd_listen_fds(3) describes how.

#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace nbd {

/// Those that are meant for this process. They are made as the loop wants them: blocking, and close-on-exec. The variables
/// that tell of them are removed. Throws std::runtime_error if one of them is no stream socket that listens.
[[nodiscard]] inline std::vector<int> take_activation_sockets() {
    auto number = [](char const* variable) {
        char const* text = std::getenv(variable);
        return text == nullptr ? 0L : std::strtol(text, nullptr, 10);
    };
    constexpr int first = 3;
    long count = number("LISTEN_PID") == ::getpid() ? number("LISTEN_FDS") : 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    std::vector<int> sockets;
    for (int fd = first; fd < first + count; ++fd) {
        int listens = 0;
        int type = 0;
        socklen_t size = sizeof listens;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 ||
            getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || listens == 0 || type != SOCK_STREAM) {
            throw std::runtime_error("descriptor " + std::to_string(fd) +
                                     " of LISTEN_FDS is no stream socket that listens");
        }
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        sockets.push_back(fd);
    }
    return sockets;
}

}  // namespace nbd
