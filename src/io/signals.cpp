// Floor: io

#include <weft/signals.hpp>

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "io/system_call.hpp"

namespace weft {

signals::signals(std::initializer_list<int> which) {
    sigset_t set;
    sigset_t before;
    sigemptyset(&set);
    sigemptyset(&blocked_);
    for (int signal : which) {
        sigaddset(&set, signal);
    }
    pthread_sigmask(SIG_BLOCK, &set, &before);
    for (int signal : which) {
        if (sigismember(&before, signal) == 0) {
            sigaddset(&blocked_, signal);
        }
    }
    descriptor_ = descriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!descriptor_) {
        int error = errno;
        pthread_sigmask(SIG_UNBLOCK, &blocked_, nullptr);
        throw std::system_error(error, std::generic_category(), "weft: signals");
    }
}

signals::~signals() {
    // What is pending would be delivered as soon as it is unblocked, and kill a program that is about to end in order.
    timespec at_once{};
    while (sigtimedwait(&blocked_, nullptr, &at_once) > 0 || errno == EINTR) {
    }
    pthread_sigmask(SIG_UNBLOCK, &blocked_, nullptr);
}

int signals::next() {
    signalfd_siginfo info;
    return ::read(descriptor_.fd(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

int signals::wait(call_site where) {
    return detail::or_throw("wait for a signal", [&](auto& ec) { return wait(ec, where); });
}

int signals::wait(std::error_code& ec, call_site where) {
    return static_cast<int>(detail::call_when_ready(descriptor_.fd(), POLLIN, "a signal", ec, where, [this] {
        int which = next();
        return which != 0 ? which : -1;
    }));
}

}  // namespace weft
