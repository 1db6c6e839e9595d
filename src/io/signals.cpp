// Floor 6: io

#include <weft/signals.hpp>

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

namespace weft {

signals::signals(std::initializer_list<int> which) {
    sigset_t set;
    sigemptyset(&set);
    for (int signal : which) {
        sigaddset(&set, signal);
    }
    pthread_sigmask(SIG_BLOCK, &set, &before_);
    descriptor_ = descriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!descriptor_) {
        int error = errno;
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        throw std::system_error(error, std::generic_category(), "weft: signals");
    }
}

signals::~signals() {
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int signals::wait(place where) {
    for (;;) {
        signalfd_siginfo info;
        ssize_t n = ::read(descriptor_.fd(), &info, sizeof info);
        if (n == sizeof info) {
            return static_cast<int>(info.ssi_signo);
        }
        if (errno != EAGAIN && errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "weft: signals");
        }
        wait_readable(descriptor_.fd(), where);
    }
}

}  // namespace weft
