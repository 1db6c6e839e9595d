// An echo server as one would write it by hand on epoll: level-triggered, one buffer for all, two system calls a message.

#include <sys/epoll.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "server.hpp"

namespace {

/// What could not be sent yet, by descriptor.
std::vector<std::string> unsent;
int set;

void watch(int fd, int how, std::uint32_t events) {
    epoll_event event{events, {.fd = fd}};
    if (epoll_ctl(set, how, fd, &event) != 0) {
        echo::fail("epoll_ctl");
    }
}

void accept_all(int listener) {
    for (int fd; (fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        auto index = static_cast<std::size_t>(fd);
        if (index >= unsent.size()) {
            unsent.resize(index + 1024);
        }
        unsent[index].clear();
        watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
}

void send_rest(int fd) {
    std::string& rest = unsent[static_cast<std::size_t>(fd)];
    ssize_t n = send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n > 0) {
        rest.erase(0, static_cast<std::size_t>(n));
    }
    if (rest.empty()) {
        watch(fd, EPOLL_CTL_MOD, EPOLLIN);
    } else if (n < 0 && errno != EAGAIN) {
        close(fd);
    }
}

void echo_what_came(int fd) {
    static char buffer[echo::buffer_size];
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            close(fd);
        }
        return;
    }
    ssize_t sent = send(fd, buffer, static_cast<std::size_t>(n), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        close(fd);
    } else if (sent < n) {
        sent = sent < 0 ? 0 : sent;
        unsent[static_cast<std::size_t>(fd)].assign(buffer + sent, static_cast<std::size_t>(n - sent));
        watch(fd, EPOLL_CTL_MOD, EPOLLOUT);
    }
}

}  // namespace

int main() {
    int listener = echo::listen_anywhere(SOCK_STREAM | SOCK_NONBLOCK);
    set = epoll_create1(EPOLL_CLOEXEC);
    watch(listener, EPOLL_CTL_ADD, EPOLLIN);
    epoll_event events[256];
    for (;;) {
        int count = epoll_wait(set, events, 256, -1);
        for (int i = 0; i < count; ++i) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                accept_all(fd);
            } else if ((events[i].events & EPOLLOUT) != 0) {
                send_rest(fd);
            } else {
                echo_what_came(fd);
            }
        }
    }
}
